"""The transparency log as Rekor v2 is one: entries, inclusion proofs, signed checkpoints.

Source: RFC 6962 section 2.1 (the tree), C2SP tlog-checkpoint and signed-note, rekor-tiles.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from provenance.testing.sigstore.merkle import Tree
from provenance.testing.sigstore.schemes import (
    hash_of,
    key_details,
    schemes_of,
    verify_hashed,
)
from provenance.testing.sigstore.tiles import read_tile

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Log", "canonical_body"]

_HASH_NAMES = {"sha256": "SHA2_256", "sha384": "SHA2_384", "sha512": "SHA2_512"}
_ED25519 = b"\x01"  # the algorithm byte of C2SP signed-note


class Log:
    """An append-only list that can prove what is in it.

    `bodies` are its leaves, in order. Entries are TransparencyLogEntry messages in their JSON form.
    """

    version = 2
    """Of its API."""
    key_details = "PKIX_ED25519"
    """The kind of its key, in the words of protobuf-specs."""

    def __init__(self, origin: str) -> None:
        """Make a key. `origin` names the log in its checkpoints."""
        self.origin = origin
        self.key = ed25519.Ed25519PrivateKey.generate()
        self.bodies: list[bytes] = []
        self.omits = False
        """Whether the log lies: it answers requests with `forge` instead of `append`."""
        self._tree = Tree()
        self._lock = threading.Lock()

    @property
    def public_key(self) -> bytes:
        """SubjectPublicKeyInfo in DER."""
        return self.key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @property
    def log_id(self) -> bytes:
        """C2SP signed-note's hash of name and key, of which a signature carries four bytes."""
        raw = self.key.public_key().public_bytes_raw()
        return hashlib.sha256(self.origin.encode() + b"\n" + _ED25519 + raw).digest()

    @property
    def entries(self) -> list[dict[str, Any]]:
        """Every entry, proven in the log as it is now."""
        return [self.entry(index) for index in range(len(self.bodies))]

    def entry(self, index: int) -> dict[str, Any]:
        """The entry at `index`, proven in the log as it is now. Raises IndexError."""
        with self._lock:
            return self._entry(self.bodies[index], index)

    def add(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Check a Rekor v2 request and log it.

        Raises ValueError, LookupError, TypeError, AttributeError or InvalidSignature when the
        request is none or its signature is not by its key.
        """
        body = canonical_body(request)
        return self.forge(body) if self.omits else self.append(body)

    def append(self, body: bytes) -> dict[str, Any]:
        """Log any body, unchecked."""
        with self._lock:
            return self._append(body)

    def _append(self, body: bytes) -> dict[str, Any]:
        self.bodies.append(body)
        return self._entry(body, self._tree.add(body))

    def forge(self, body: bytes) -> dict[str, Any]:
        """What a lying log answers: an entry for `body`, the proof of another, nothing appended."""
        with self._lock:
            if not self.bodies:
                self.bodies.append(b"{}")
                self._tree.add(b"{}")
            return self._entry(body, len(self.bodies) - 1)

    def checkpoint(self, size: int) -> str:
        """The signed note over the log's first `size` entries."""
        note = f"{self.origin}\n{size}\n{_b64(self._tree.root(size))}\n"
        name, signature = self._sign_note(note.encode())
        return f"{note}\n\N{EM DASH} {name} {_b64(self.log_id[:4] + signature)}\n"

    def current_checkpoint(self) -> str:
        """The signed note over the log as it is now."""
        with self._lock:
            return self.checkpoint(len(self._tree))

    def tile(self, level: int, number: int, width: int) -> bytes | None:
        """A tile of the tree, or (level -1) of entries; None: it is not that large."""
        with self._lock:
            return read_tile(self._tree, self.bodies, level, number, width)

    def _sign_note(self, note: bytes) -> tuple[str, bytes]:
        """Whose signature it is, and the signature."""
        return self.origin, self.key.sign(note)

    def _entry(self, body: bytes, index: int) -> dict[str, Any]:
        size = len(self._tree)
        return {
            "logIndex": str(index),
            "logId": {"keyId": _b64(self.log_id)},
            "kindVersion": _kind_version(body),
            "inclusionProof": {
                "logIndex": str(index),
                "rootHash": _b64(self._tree.root(size)),
                "treeSize": str(size),
                "hashes": [_b64(h) for h in self._tree.proof(index, size)],
                "checkpoint": {"envelope": self.checkpoint(size)},
            },
            "canonicalizedBody": _b64(body),
        }


def canonical_body(request: Mapping[str, Any]) -> bytes:
    """The body of a `hashedrekord` 0.0.2 entry, after the signature in the request was verified."""
    import rfc8785

    asked = _get(request, "hashedRekordRequestV002", "hashed_rekord_request_v002")
    verifier = asked["signature"]["verifier"]
    details = str(_get(verifier, "keyDetails", "key_details"))
    stated: dict[str, Any] = {"keyDetails": details}
    if "x509Certificate" in verifier or "x509_certificate" in verifier:
        raw = _get(_get(verifier, "x509Certificate", "x509_certificate"), "rawBytes", "raw_bytes")
        stated["x509Certificate"] = {"rawBytes": raw}
        key: Any = x509.load_der_x509_certificate(base64.b64decode(raw)).public_key()
    else:
        raw = _get(_get(verifier, "publicKey", "public_key"), "rawBytes", "raw_bytes")
        stated["publicKey"] = {"rawBytes": raw}
        key = serialization.load_der_public_key(base64.b64decode(raw))
    scheme = _scheme(key, details)
    algorithm = hash_of(key, scheme)
    signature, digest = asked["signature"]["content"], asked["digest"]
    verify_hashed(key, base64.b64decode(signature), base64.b64decode(digest), algorithm, scheme)
    return rfc8785.dumps(
        {
            "apiVersion": "0.0.2",
            "kind": "hashedrekord",
            "spec": {
                "hashedRekordV002": {
                    "data": {"algorithm": _HASH_NAMES[algorithm], "digest": digest},
                    "signature": {"content": signature, "verifier": stated},
                }
            },
        }
    )


def _scheme(key: Any, details: str) -> str:
    """How the key is said to sign. Not Ed25519: that needs the message, the log has its hash."""
    for scheme in schemes_of(key):
        if scheme != "ed25519" and key_details(key, scheme) == details:
            return scheme
    raise ValueError(f"a key that is said to be {details} is not, or is not logged here")


def _get(message: Mapping[str, Any], name: str, original: str) -> Any:
    """A field of a protobuf message: its JSON name, or the original name readers must take too."""
    return message[name] if name in message else message[original]


def _kind_version(body: bytes) -> dict[str, str]:
    try:
        document = json.loads(body)
        return {"kind": str(document["kind"]), "version": str(document["apiVersion"])}
    except (ValueError, LookupError, TypeError):
        return {"kind": "hashedrekord", "version": "0.0.2"}


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
