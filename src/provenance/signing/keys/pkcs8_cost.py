"""What an encrypted PKCS#8 file asks of whoever opens it, before anybody does.

The file says how often to hash and how much memory to fill, and the cryptography library does as
it is told. Source: RFC 8018 appendix A (PBKDF2, PBES1, PBES2), RFC 7914 section 7 (scrypt).
"""

from __future__ import annotations

from typing import Any

from provenance.errors import MalformedDocument, UnsupportedFormat

__all__ = ["see_affordable"]

_ROUNDS = 10_000_000  # some seconds; openssl writes 2,048, and today's advice is 600,000
_MEMORY = 256 << 20
_PARALLEL = 16
_SCRYPT = "1.3.6.1.4.1.11591.4.11"


def see_affordable(der: bytes) -> None:
    """See that an EncryptedPrivateKeyInfo can be opened with little time and memory.

    Raises:
        MalformedDocument: it is none.
        UnsupportedFormat: it asks for more than any honest file does.
    """
    from asn1crypto.keys import EncryptedPrivateKeyInfo

    try:
        algorithm = EncryptedPrivateKeyInfo.load(der, strict=True)["encryption_algorithm"]
        rounds, memory, parallel = _asked(algorithm)
    # asn1crypto raises these for what is not of the structure.
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        raise MalformedDocument("the encrypted private key is no PKCS#8") from error
    if rounds > _ROUNDS or memory > _MEMORY or parallel > _PARALLEL:
        raise UnsupportedFormat(
            "the encrypted private key asks for more time or memory than honest ones do",
            hint=f"write it again: openssl pkcs8 -topk8 -iter 600000 (at most {_ROUNDS} are done)",
        )


def _asked(algorithm: Any) -> tuple[int, int, int]:
    """Rounds, bytes of memory, and how often the two."""
    if algorithm["algorithm"].native == "pbes2":
        derivation = algorithm["parameters"]["key_derivation_func"]
        if derivation["algorithm"].native == _SCRYPT:
            return _of_scrypt(derivation["parameters"])
    return int(algorithm.kdf_iterations), 0, 1


def _of_scrypt(parameters: Any) -> tuple[int, int, int]:
    from asn1crypto.core import Integer, OctetString, Sequence

    class Parameters(Sequence):  # type: ignore[misc]  # asn1crypto has no types
        _fields = [  # noqa: RUF012 - so that library reads them
            ("salt", OctetString),
            ("cost", Integer),
            ("block", Integer),
            ("parallel", Integer),
            ("length", Integer, {"optional": True}),
        ]

    found = parameters.parse(Parameters)
    cost, block = int(found["cost"].native), int(found["block"].native)
    return 0, 128 * max(cost, 0) * max(block, 0), int(found["parallel"].native)
