"""Signatures that no honest client gets: any identity, any time, any part left out or another's.

Source: sigstore/protobuf-specs, `sigstore_bundle.proto`, in its JSON form; DSSE v1.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import serialization

from provenance.testing.sigstore import bodies_v1
from provenance.testing.sigstore.annotations import layer_annotations
from provenance.testing.sigstore.keys import der, pem
from provenance.testing.sigstore.log import canonical_body
from provenance.testing.sigstore.schemes import (
    default_scheme,
    hash_of,
    key_details,
    new_key,
    sign,
)

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from cryptography import x509

    from provenance.testing.sigstore.ca import CertificateAuthority
    from provenance.testing.sigstore.log import Log
    from provenance.testing.sigstore.timestamps import TimestampAuthority

__all__ = ["Forger"]

_IN_TOTO = "application/vnd.in-toto+json"
_HASH_NAMES = {"sha256": "SHA2_256", "sha384": "SHA2_384", "sha512": "SHA2_512"}


@dataclass(frozen=True, kw_only=True)
class Forger:
    """Signs without asking anybody, with the parts it is given.

    What it makes is valid unless it is told otherwise; `dataclasses.replace` tells it, and the
    bundles it returns are plain JSON documents to edit.
    """

    ca: CertificateAuthority
    """Who certifies; another Sigstore's is not trusted."""
    log: Log | None
    """Who logs; None: nobody."""
    tsa: TimestampAuthority | None
    """Who stamps; None: nobody."""
    identity: str
    """E-mail address, URI or user name in the certificate."""
    issuer: str
    """The OIDC issuer in the certificate."""
    claims: Mapping[str, Any] = field(default_factory=dict)
    """Of the token, for the certificate's extensions."""
    key: Any = field(default=None, repr=False)
    """A managed private key, as `new_key` makes it: no certificate. None: a certified one."""
    scheme: str = ""
    """How the key signs, e.g. `rsa-pss`, `ed25519ph`; "": as keys of its kind usually do."""
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
    more_logs: tuple[Log, ...] = ()
    """Who else logs: one more entry each."""
    more_tsas: tuple[TimestampAuthority, ...] = ()
    """Who else stamps: one more timestamp each."""
    kind: str = ""
    """Of a v1 log's entries: `hashedrekord 0.0.1`, `dsse 0.0.1`, `intoto 0.0.1`, `intoto 0.0.2`;
    "": dsse for statements, hashedrekord for bytes, as clients do."""
    promised: bool = True
    """Whether a v1 log's entries hold its signed promise (SET)."""
    proven: bool = True
    """Whether entries hold an inclusion proof."""
    version: str = "0.3"
    """Of the bundle: 0.1, 0.2 or 0.3."""

    def statement(self, payload: bytes, *, payload_type: str = _IN_TOTO) -> dict[str, Any]:
        """A bundle whose DSSE envelope holds `payload`."""
        made = self._sign(bodies_v1.pae(payload_type, payload))
        envelope = _envelope(payload, payload_type, made.signature)
        return {
            "mediaType": self._media_type(),
            "verificationMaterial": self._material(made, envelope),
            "dsseEnvelope": envelope,
        }

    def blob(self, data: bytes) -> dict[str, Any]:
        """A bundle over bytes."""
        made = self._sign(data)
        digest = {"algorithm": _HASH_NAMES[made.hash], "digest": _b64(made.digest)}
        return {
            "mediaType": self._media_type(),
            "verificationMaterial": self._material(made, None),
            "messageSignature": {"messageDigest": digest, "signature": _b64(made.signature)},
        }

    def layer(self, payload: bytes) -> dict[str, str]:
        """The annotations cosign writes on a layer of a `.sig` manifest that holds `payload`.

        A promise is the only proof they can carry: the log has to be a v1 one.
        """
        made = self._sign(payload)
        return layer_annotations(
            signature=_b64(made.signature),
            chain=self._chain(made),
            entry=next(iter(self._entries(made, None)), None),
            stamp=next(iter(self._stamps(made.signature)), None),
        )

    def attestation_layer(
        self, payload: bytes, *, payload_type: str = _IN_TOTO, predicate_type: str = ""
    ) -> tuple[bytes, dict[str, str]]:
        """A layer of an `.att` manifest: the DSSE envelope around `payload`, and annotations."""
        made = self._sign(bodies_v1.pae(payload_type, payload))
        envelope = _envelope(payload, payload_type, made.signature)
        raw = json.dumps(envelope).encode()
        annotations = layer_annotations(
            signature="",
            chain=self._chain(made),
            entry=next(iter(self._entries(made, envelope)), None),
            # Without a signature of its own in the annotations, the envelope is what is stamped.
            stamp=next(iter(self._stamps(raw)), None),
        )
        return raw, annotations | ({"predicateType": predicate_type} if predicate_type else {})

    def _media_type(self) -> str:
        if self.version in {"0.1", "0.2"}:
            return f"application/vnd.dev.sigstore.bundle+json;version={self.version}"
        return f"application/vnd.dev.sigstore.bundle.v{self.version}+json"

    def _sign(self, data: bytes) -> _Made:
        key = self.key or new_key()
        scheme = self.scheme or default_scheme(key)
        certificate = None
        if self.key is None:
            certificate = self.ca.issue(
                key.public_key(),
                self.identity,
                self.issuer,
                claims=self.claims,
                start=self.certified_at,
                sct=self.sct,
            )
        return _Made(data, key, scheme, sign(key, data, scheme), certificate)

    def _chain(self, made: _Made) -> list[str]:
        if made.certificate is None:
            return []
        return [pem(made.certificate).decode(), *self.ca.chain_pem()]

    def _material(self, made: _Made, envelope: dict[str, Any] | None) -> dict[str, Any]:
        material = self._signer(made) | {"tlogEntries": self._entries(made, envelope)}
        if stamps := self._stamps(made.signature):
            material["timestampVerificationData"] = {
                "rfc3161Timestamps": [{"signedTimestamp": _b64(stamp)} for stamp in stamps]
            }
        return material

    def _signer(self, made: _Made) -> dict[str, Any]:
        if made.certificate is None:
            # cosign's hint: the hash of the key.
            return {"publicKey": {"hint": _b64(hashlib.sha256(made.spki).digest())}}
        if self.version == "0.3":
            return {"certificate": {"rawBytes": _b64(der(made.certificate))}}
        # Older bundles hold the chain; the root is not to be in it.
        chain = [made.certificate, *self.ca.authority.chain[:-1]]
        return {
            "x509CertificateChain": {"certificates": [{"rawBytes": _b64(der(c))} for c in chain]}
        }

    def _stamps(self, stamped: bytes) -> list[bytes]:
        if not self.stamped:
            return []
        hashed = hashlib.sha256(stamped).digest()
        tsas = (*((self.tsa,) if self.tsa else ()), *self.more_tsas)
        return [tsa.stamp(hashed, at=self.stamped_at) for tsa in tsas]

    def _entries(self, made: _Made, envelope: dict[str, Any] | None) -> list[dict[str, Any]]:
        if not self.logged:
            return []
        logs = (*((self.log,) if self.log else ()), *self.more_logs)
        return [self._entry(log, made, envelope) for log in logs]

    def _entry(self, log: Log, made: _Made, envelope: dict[str, Any] | None) -> dict[str, Any]:
        if log.version == 1:
            body = _body_v1(made, envelope, self.kind)
        else:
            body = canonical_body(made.request())
        entry = log.append(body)
        if not self.promised:
            entry.pop("inclusionPromise", None)
        if not self.proven:
            del entry["inclusionProof"]
        return entry


@dataclass(frozen=True)
class _Made:
    """A signature, and what it was made with."""

    data: bytes
    key: Any
    scheme: str
    signature: bytes
    certificate: x509.Certificate | None

    @property
    def hash(self) -> str:
        return hash_of(self.key, self.scheme)

    @property
    def digest(self) -> bytes:
        return hashlib.new(self.hash, self.data).digest()

    @property
    def spki(self) -> bytes:
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        spki: bytes = self.key.public_key().public_bytes(serialization.Encoding.DER, form)
        return spki

    @property
    def verifier_pem(self) -> bytes:
        """What verifies it, as v1 logs take it."""
        if self.certificate is not None:
            return pem(self.certificate)
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        spki: bytes = self.key.public_key().public_bytes(serialization.Encoding.PEM, form)
        return spki

    def request(self) -> dict[str, Any]:
        """To log it, as v2 logs take it."""
        verifier: dict[str, Any] = {"keyDetails": key_details(self.key, self.scheme)}
        if self.certificate is None:
            verifier["publicKey"] = {"rawBytes": _b64(self.spki)}
        else:
            verifier["x509Certificate"] = {"rawBytes": _b64(der(self.certificate))}
        signature = {"content": _b64(self.signature), "verifier": verifier}
        return {"hashedRekordRequestV002": {"digest": _b64(self.digest), "signature": signature}}


def _body_v1(made: _Made, envelope: dict[str, Any] | None, kind: str) -> bytes:
    if kind == "hashedrekord 0.0.1" or envelope is None:
        return bodies_v1.hashedrekord(made.digest, made.hash, made.signature, made.verifier_pem)
    raw = json.dumps(envelope).encode()
    if kind == "intoto 0.0.1":
        return bodies_v1.intoto_001(raw, made.verifier_pem)
    if kind == "intoto 0.0.2":
        return bodies_v1.intoto_002(raw, [made.verifier_pem])
    return bodies_v1.dsse(raw, [made.verifier_pem])


def _envelope(payload: bytes, payload_type: str, signature: bytes) -> dict[str, Any]:
    return {
        "payload": _b64(payload),
        "payloadType": payload_type,
        "signatures": [{"sig": _b64(signature)}],
    }


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
