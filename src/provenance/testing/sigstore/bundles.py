"""Bundles that no honest client gets: any identity, any time, any part left out or another's.

Source: sigstore/protobuf-specs, `sigstore_bundle.proto`, in its JSON form; DSSE v1.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from provenance.testing.sigstore.keys import der
from provenance.testing.sigstore.log import Log, canonical_body

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from provenance.testing.sigstore.ca import CertificateAuthority
    from provenance.testing.sigstore.timestamps import TimestampAuthority

__all__ = ["Forger"]

_MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
_IN_TOTO = "application/vnd.in-toto+json"


@dataclass(frozen=True, kw_only=True)
class Forger:
    """Signs without asking anybody, with the parts it is given.

    What it makes is valid unless it is told otherwise; `dataclasses.replace` tells it, and the
    bundles it returns are plain JSON documents to edit.
    """

    ca: CertificateAuthority
    """Who certifies; another Sigstore's is not trusted."""
    log: Log
    """Who logs."""
    tsa: TimestampAuthority
    """Who stamps."""
    identity: str
    """E-mail address, URI or user name in the certificate."""
    issuer: str
    """The OIDC issuer in the certificate."""
    claims: Mapping[str, Any] = field(default_factory=dict)
    """Of the token, for the certificate's extensions."""
    certified_at: dt.datetime | None = None
    """When the certificate begins; None: now."""
    stamped_at: dt.datetime | None = None
    """What the timestamp says; None: now."""
    sct: bool = True
    """Whether the certificate carries the CT log's promise."""
    stamped: bool = True
    """Whether there is a timestamp."""
    logged: bool = True
    """Whether there is a log entry."""

    def statement(self, payload: bytes, *, payload_type: str = _IN_TOTO) -> dict[str, Any]:
        """A bundle whose DSSE envelope holds `payload`."""
        kind = payload_type.encode()
        signed = b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
        signature, material = self._sign(signed)
        envelope = {
            "payload": _b64(payload),
            "payloadType": payload_type,
            "signatures": [{"sig": _b64(signature)}],
        }
        return {
            "mediaType": _MEDIA_TYPE,
            "verificationMaterial": material,
            "dsseEnvelope": envelope,
        }

    def blob(self, data: bytes) -> dict[str, Any]:
        """A bundle over bytes."""
        signature, material = self._sign(data)
        digest = {"algorithm": "SHA2_256", "digest": _b64(hashlib.sha256(data).digest())}
        return {
            "mediaType": _MEDIA_TYPE,
            "verificationMaterial": material,
            "messageSignature": {"messageDigest": digest, "signature": _b64(signature)},
        }

    def _sign(self, data: bytes) -> tuple[bytes, dict[str, Any]]:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self.ca.issue(
            key.public_key(),
            self.identity,
            self.issuer,
            claims=self.claims,
            start=self.certified_at,
            sct=self.sct,
        )
        signature = key.sign(data, ec.ECDSA(hashes.SHA256()))
        shown = {"rawBytes": _b64(der(certificate))}
        material: dict[str, Any] = {"certificate": shown, "tlogEntries": []}
        if self.logged:
            verifier = {"x509Certificate": shown, "keyDetails": "PKIX_ECDSA_P256_SHA_256"}
            request = {
                "digest": _b64(hashlib.sha256(data).digest()),
                "signature": {"content": _b64(signature), "verifier": verifier},
            }
            body = canonical_body({"hashedRekordRequestV002": request})
            material["tlogEntries"] = [self.log.append(body)]
        if self.stamped:
            stamp = self.tsa.stamp(hashlib.sha256(signature).digest(), at=self.stamped_at)
            material["timestampVerificationData"] = {
                "rfc3161Timestamps": [{"signedTimestamp": _b64(stamp)}]
            }
        return signature, material


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
