"""`Anchors`: a trust root with its keys and certificates ready to verify with.

Made once for a trust root, and only read from then on: a thousand verifications parse it once,
from any number of threads.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from provenance.errors import MalformedDocument, NotEvaluated
from provenance.verification.signatures import is_log_signature

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
    from rfc3161_client import Verifier

    from provenance.trust import Trust
    from provenance.trust.material import Authority, Log, Validity

__all__ = ["Anchors", "TrustedAuthority", "TrustedLog", "TrustedStamper", "anchors_of"]

_KEY_ID_BYTES = 4
_ED25519 = b"\x01"


@dataclass(frozen=True, slots=True, eq=False)
class TrustedLog:
    """A log, of signatures or of certificates."""

    url: str
    log_id: bytes
    validity: Validity
    details: str
    key: PublicKeyTypes | None = field(repr=False)
    """None: of an algorithm not known here."""
    key_hash: bytes = field(repr=False)
    """SHA-256 of the SubjectPublicKeyInfo: RFC 6962's, and Rekor v1's, id of the log."""
    checkpoint_key_id: bytes = field(repr=False)

    def signed(self, signature: bytes, data: bytes) -> bool:
        """Whether the log signed `data`. Raises NotEvaluated for a key not verified here."""
        if self.key is None:
            raise NotEvaluated(
                f"the key of the log {self.url} is of an algorithm not known here",
                hint="name another trust root",
            )
        return is_log_signature(self.key, self.details, signature, data)

    def has_key_id(self, name: str, key_id: bytes) -> bool:
        """Whether a line of a signed note, of that name, may be by this log.

        C2SP signed-note: four bytes of SHA-256 over name and Ed25519 key; of other keys, and in
        Rekor v1 of all, over the SubjectPublicKeyInfo. Where the id of the log is one of the
        former, name and id must belong together: that binds the note's origin to the log. A root
        may name the log by the latter, and its notes by the former all the same.
        """
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        expected = self.checkpoint_key_id or self.log_id
        is_listed = key_id == expected[:_KEY_ID_BYTES]
        if not isinstance(self.key, Ed25519PublicKey) or (is_listed and expected == self.key_hash):
            return is_listed
        if not is_listed and expected != self.key_hash:
            return False
        named = name.encode() + b"\n" + _ED25519 + self.key.public_bytes_raw()
        return hashlib.sha256(named).digest()[:_KEY_ID_BYTES] == key_id


@dataclass(frozen=True, slots=True, eq=False)
class TrustedAuthority:
    """A certificate authority."""

    uri: str
    chain: tuple[x509.Certificate, ...] = field(repr=False)
    """The root last."""
    validity: Validity


@dataclass(frozen=True, slots=True, eq=False)
class TrustedStamper:
    """A timestamp authority."""

    uri: str
    verifier: Verifier = field(repr=False)
    signer: x509.Certificate | None = field(repr=False)
    """Its certificate; None: the root names only who certifies it."""
    validity: Validity

    @property
    def is_read(self) -> bool:
        """Whether timestamps by its key are verified: OpenSSL's PKCS #7 knows neither EdDSA."""
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric import ec, rsa

        if self.signer is None:
            return True
        try:
            key = self.signer.public_key()
        except (UnsupportedAlgorithm, ValueError):
            return False
        return isinstance(key, (ec.EllipticCurvePublicKey, rsa.RSAPublicKey))


@dataclass(frozen=True, slots=True, eq=False)
class Anchors:
    """All of them."""

    logs: tuple[TrustedLog, ...]
    certificate_logs: tuple[TrustedLog, ...]
    authorities: tuple[TrustedAuthority, ...]
    stampers: tuple[TrustedStamper, ...]

    def logs_of(self, log_id: bytes) -> tuple[TrustedLog, ...]:
        """The logs of signatures with that id; several where a key's validity was split."""
        ids = ((log, (log.log_id, log.checkpoint_key_id)) for log in self.logs)
        return tuple(log for log, known in ids if log_id and log_id in known)

    def certificate_logs_of(self, log_id: bytes) -> tuple[TrustedLog, ...]:
        """The logs of certificates with that id."""
        return tuple(log for log in self.certificate_logs if log.log_id == log_id)


@functools.lru_cache(maxsize=16)
def anchors_of(trust: Trust) -> Anchors:
    """The anchors of a trust root.

    Raises:
        MalformedDocument: a key or certificate of it is none.
    """
    material = trust.material
    return Anchors(
        tuple(_log(log) for log in material.logs),
        tuple(_log(log) for log in material.certificate_logs),
        tuple(
            TrustedAuthority(a.uri, _certificates(a), a.validity)
            for a in material.certificate_authorities
        ),
        tuple(_stamper(a) for a in material.timestamp_authorities),
    )


def _log(log: Log) -> TrustedLog:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    key: PublicKeyTypes | None
    try:
        key = serialization.load_der_public_key(log.key)
        der = key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    except UnsupportedAlgorithm:
        key, der = None, log.key
    except (ValueError, TypeError) as error:
        raise MalformedDocument(f"the trust root's key of the log {log.url} is no key") from error
    return TrustedLog(
        log.url,
        log.log_id,
        log.validity,
        log.key_details,
        key,
        hashlib.sha256(der).digest(),
        log.checkpoint_key_id,
    )


def _certificates(authority: Authority) -> tuple[x509.Certificate, ...]:
    from cryptography import x509

    try:
        return tuple(x509.load_der_x509_certificate(c) for c in authority.certificates)
    except (ValueError, TypeError) as error:
        raise MalformedDocument(
            f"a certificate of {authority.uri} in the trust root is none"
        ) from error


def _stamper(authority: Authority) -> TrustedStamper:
    from rfc3161_client import VerifierBuilder

    chain = _certificates(authority)
    signer = None if _is_authority(chain[0]) else chain[0]
    # The lists are ours: the builder changes those it is given.
    builder = VerifierBuilder(
        tsa_certificate=signer, intermediates=list(chain[1:-1]), roots=[chain[-1]]
    )
    return TrustedStamper(authority.uri, builder.build(), signer, authority.validity)


def _is_authority(certificate: x509.Certificate) -> bool:
    from cryptography import x509

    try:
        found = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return False
    return found.value.ca
