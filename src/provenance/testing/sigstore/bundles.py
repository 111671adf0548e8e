"""Bundles that no honest client gets: any identity, any time, any part left out or another's.

Source: sigstore/protobuf-specs, `sigstore_bundle.proto`, in its JSON form; DSSE v1.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from provenance.testing.sigstore.ca import CertificateAuthority
    from provenance.testing.sigstore.log import Log
    from provenance.testing.sigstore.timestamps import TimestampAuthority

__all__ = ["Forge"]

_MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
IN_TOTO = "application/vnd.in-toto+json"


class Forge:
    """Signs without asking anybody, with the parts it is given.

    Every part may be swapped for another Sigstore's: `forge.tsa = other.tsa`.
    """

    def __init__(
        self, ca: CertificateAuthority, log: Log, tsa: TimestampAuthority, issuer: str
    ) -> None:
        """Use these parts."""
        self.ca, self.log, self.tsa, self.issuer = ca, log, tsa, issuer

    def statement(
        self, payload: bytes, identity: str, *, payload_type: str = IN_TOTO, **options: Any
    ) -> dict[str, Any]:
        """A bundle whose DSSE envelope holds `payload`; `options` are those of `certificate`,
        `timestamp`, `log_entry` and `at` as in `blob`.
        """
        kind = payload_type.encode()
        signed = b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
        signature, material = self._sign(signed, identity, **options)
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

    def blob(self, data: bytes, identity: str, **options: Any) -> dict[str, Any]:
        """A bundle over bytes."""
        signature, material = self._sign(data, identity, **options)
        digest = {"algorithm": "SHA2_256", "digest": _b64(hashlib.sha256(data).digest())}
        return {
            "mediaType": _MEDIA_TYPE,
            "verificationMaterial": material,
            "messageSignature": {"messageDigest": digest, "signature": _b64(signature)},
        }
