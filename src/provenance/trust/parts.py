"""`TrustPart`: the keys and chains of a private Sigstore, made into a trust root.

Source: sigstore/protobuf-specs, `sigstore_trustroot.proto`; the rules are those of cosign's
`trusted-root create`.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provenance.errors import MalformedDocument, NotFound, UnsupportedFormat
from provenance.settings import Limits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cryptography import x509

__all__ = ["TrustPart", "assemble"]

_MEDIA_TYPE = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
_EVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_CURVES = {
    "secp256r1": "PKIX_ECDSA_P256_SHA_256",
    "secp384r1": "PKIX_ECDSA_P384_SHA_384",
    "secp521r1": "PKIX_ECDSA_P521_SHA_512",
}
_RSA_BITS = (2048, 3072, 4096)
# The type bytes of C2SP signed-note: Ed25519's, and rekor-tiles' for RSA.
_NOTE_ED25519, _NOTE_RSA = b"\x01", b"\xffPKIX-RSA-PKCS#1v1.5"


@dataclass(frozen=True, slots=True)
class TrustPart:
    """One service of a private deployment: its key or certificate chain, where and when."""

    pem: bytes | str | Path
    """PEM, as bytes, or the path of a file with it. Of an authority: the chain, the root last; a
    timestamp authority's begins with the certificate that signs."""
    url: str = ""
    """Where it is. The host name of a Rekor v2's is the origin of its checkpoints."""
    start: dt.datetime | None = None
    """Since when it is believed (aware); None: as its certificate says, a log's key ever."""
    end: dt.datetime | None = None
    """Until when, inclusive; None: still."""
    origin: str = ""
    """Of a Rekor v2 log alone: the name in its checkpoints, which is part of the log's id."""


def assemble(
    *,
    certificate_authorities: Iterable[TrustPart],
    logs: Iterable[TrustPart],
    certificate_logs: Iterable[TrustPart],
    timestamp_authorities: Iterable[TrustPart],
) -> bytes:
    """A trust root in JSON.

    Raises:
        NotFound: a file cannot be read.
        MalformedDocument: no PEM of that kind, a chain out of order, a time without zone.
        UnsupportedFormat: a key of an algorithm that logs do not sign with.
    """
    document = {
        "mediaType": _MEDIA_TYPE,
        "tlogs": [_log(part) for part in logs],
        "certificateAuthorities": [_authority(part) for part in certificate_authorities],
        "ctlogs": [_log(part) for part in certificate_logs],
        "timestampAuthorities": [_authority(part, signs=True) for part in timestamp_authorities],
    }
    return json.dumps(document, indent=1).encode()


def _log(part: TrustPart) -> dict[str, Any]:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    raw, name = _bytes(part)
    try:
        key = serialization.load_pem_public_key(raw)
    except UnsupportedAlgorithm as error:
        raise _odd_key(name) from error
    except ValueError as error:
        raise MalformedDocument(
            f"{name} holds no public key", hint="expected PEM (BEGIN PUBLIC KEY)"
        ) from error
    spki = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    details, note_type, raw_key = _details(key, spki, name)
    log_id = hashlib.sha256(spki).digest()
    if part.origin and note_type:
        # ECDSA keys are named by their hash alone, the others by name and kind, too.
        log_id = hashlib.sha256(part.origin.encode() + b"\n" + note_type + raw_key).digest()
    return {
        "baseUrl": part.url,
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": _b64(spki),
            "keyDetails": details,
            "validFor": _window(part, _EVER, name),
        },
        "logId": {"keyId": _b64(log_id)},
    }


def _details(key: object, spki: bytes, name: str) -> tuple[str, bytes, bytes]:
    """The key's algorithm in the words of protobuf-specs; its type and bytes in signed notes."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES:
        return _CURVES[key.curve.name], b"", b""
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "PKIX_ED25519", _NOTE_ED25519, key.public_bytes_raw()
    if isinstance(key, rsa.RSAPublicKey) and key.key_size in _RSA_BITS:
        return f"PKIX_RSA_PKCS1V15_{key.key_size}_SHA256", _NOTE_RSA, spki
    raise _odd_key(name)


def _odd_key(name: str) -> UnsupportedFormat:
    return UnsupportedFormat(
        f"the key in {name} is of no algorithm that logs sign with",
        hint="expected ECDSA P-256, P-384 or P-521, Ed25519, or RSA of 2048, 3072 or 4096 bits",
    )


def _authority(part: TrustPart, *, signs: bool = False) -> dict[str, Any]:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    raw, name = _bytes(part)
    try:
        chain = x509.load_pem_x509_certificates(raw)
    except ValueError as error:
        raise MalformedDocument(
            f"{name} holds no certificates", hint="expected PEM (BEGIN CERTIFICATE)"
        ) from error
    _check_chain(chain, name, signs=signs)
    start = (chain[0] if signs else chain[-1]).not_valid_before_utc
    subject = chain[-1].subject
    return {
        "subject": {
            "organization": _text(subject, x509.NameOID.ORGANIZATION_NAME),
            "commonName": _text(subject, x509.NameOID.COMMON_NAME),
        },
        "uri": part.url,
        "certChain": {
            "certificates": [
                {"rawBytes": _b64(one.public_bytes(serialization.Encoding.DER))} for one in chain
            ]
        },
        "validFor": _window(part, start, name),
    }


def _check_chain(chain: list[x509.Certificate], name: str, *, signs: bool) -> None:
    """Each certificate is issued by the next; those that issue are authorities."""
    for number, (below, above) in enumerate(itertools.pairwise(chain), 1):
        if not _is_issued_by(below, above):
            raise MalformedDocument(
                f"certificate {number} of {name} is not issued by the next one",
                hint="put the chain in order, the root last; one chain a part",
            )
    wrong = [n for n, one in enumerate(chain, 1) if _issues(one) == (signs and n == 1)]
    if wrong:
        first = "the one that signs first, then " if signs else ""
        raise MalformedDocument(
            f"certificate {wrong[0]} of {name} is not of its kind",
            hint=f"expected {first}certificates of authorities, the root last",
        )


def _is_issued_by(below: x509.Certificate, above: x509.Certificate) -> bool:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        below.verify_directly_issued_by(above)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def _issues(certificate: x509.Certificate) -> bool:
    from cryptography import x509

    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return False


def _text(name: x509.Name, kind: x509.ObjectIdentifier) -> str:
    return next((str(a.value) for a in name.get_attributes_for_oid(kind)), "")


def _window(part: TrustPart, start: dt.datetime, name: str) -> dict[str, str]:
    moments = {"start": part.start or start} | ({"end": part.end} if part.end else {})
    if any(moment.tzinfo is None for moment in moments.values()):
        raise MalformedDocument(f"a time of {name} has no zone", hint="datetime(..., tzinfo=UTC)")
    if "end" in moments and moments["end"] < moments["start"]:
        raise MalformedDocument(f"{name} ends before it starts")
    try:
        return {
            which: moment.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
            for which, moment in moments.items()
        }
    except OverflowError as error:
        raise MalformedDocument(f"a time of {name} is beyond the calendar's end") from error


def _bytes(part: TrustPart) -> tuple[bytes, str]:
    """The PEM, and what to call it."""
    if isinstance(part.pem, bytes):
        return part.pem, f"the part at {part.url}" if part.url else "a part"
    path = Path(part.pem)
    try:
        with path.open("rb") as file:
            data = file.read(Limits().trust_bytes + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise NotFound(
            f"{str(path)[:200]!r} cannot be read ({reason})", hint="check the path"
        ) from error
    if len(data) > Limits().trust_bytes:
        raise MalformedDocument(f"{path} is too large to be PEM of a key or chain")
    return data, str(path)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
