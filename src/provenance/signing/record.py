"""`Record`: a signature with what a transparency log must know of it."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provenance.attestation.public_key import PublicKey
    from provenance.signing.algorithms import Scheme

__all__ = ["Envelope", "Record", "b64"]


def b64(data: bytes) -> str:
    """Standard base64, as protobuf's JSON form has bytes."""
    return base64.b64encode(data).decode("ascii")


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a DSSE envelope holds. Source: DSSE 1.0, `protocol.md`."""

    payload_type: str
    payload: bytes = field(repr=False)

    @property
    def signed(self) -> bytes:
        """PAE: the bytes that are signed, so that a payload cannot pass for one of another type."""
        kind = self.payload_type.encode()
        return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(self.payload), self.payload)

    def document(self, signature: bytes) -> dict[str, object]:
        """The envelope in JSON, signed once."""
        return {
            "payload": b64(self.payload),
            "payloadType": self.payload_type,
            "signatures": [{"sig": b64(signature)}],
        }


@dataclass(frozen=True, slots=True)
class Record:
    """One signature."""

    signature: bytes
    scheme: Scheme
    digest: bytes
    """Hash, by the scheme, of what is signed; by SHA-256 where the scheme hashes nothing."""
    public_key: PublicKey
    certificate: bytes = b""
    """DER; empty: the key signs without one."""
    envelope: Envelope | None = None
    """None: bytes are signed as they are."""

    @property
    def hash(self) -> str:
        """Of `digest`, as `hashlib` names it."""
        return self.scheme.hash or "sha256"

    @property
    def verifier_pem(self) -> bytes:
        """The certificate or public key in PEM: what Rekor 1 calls a public key."""
        if not self.certificate:
            return self.public_key.to_pem()
        from cryptography import x509
        from cryptography.hazmat.primitives import serialization

        loaded = x509.load_der_x509_certificate(self.certificate)
        return loaded.public_bytes(serialization.Encoding.PEM)

    def envelope_json(self) -> str:
        """The signed envelope as text."""
        return "" if self.envelope is None else json.dumps(self.envelope.document(self.signature))
