"""The transparency log as Rekor v1 is one: a promise beside each proof, and a time.

Source: sigstore/rekor, `openapi.yaml` (LogEntry) and `pkg/util/checkpoint.go`; protobuf-specs,
`sigstore_rekor.proto` (TransparencyLogEntry).
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from provenance.testing.sigstore.bodies_v1 import logged_body
from provenance.testing.sigstore.keys import spki
from provenance.testing.sigstore.log import Log

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

__all__ = ["LogV1"]

_TREE = 0x0A11_0C_A1_10_60_01  # a tree has a number; shards of a real log have one each


class LogV1(Log):
    """Entries with a signed promise (SET) and the time they were added; no equal ones."""

    version = 1
    key_details = "PKIX_ECDSA_P256_SHA_256"

    def __init__(self, host: str, now: Callable[[], dt.datetime]) -> None:
        """Make a key. `host` names the log in its checkpoints, `now` is its clock."""
        super().__init__(f"{host} - {_TREE}")
        self.host = host
        self.signing_key = ec.generate_private_key(ec.SECP256R1())
        self._now = now
        self._times: list[int] = []

    @property
    def public_key(self) -> bytes:
        """SubjectPublicKeyInfo in DER."""
        return spki(self.signing_key.public_key())

    @property
    def public_key_pem(self) -> bytes:
        """As `/api/v1/log/publicKey` answers it."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self.signing_key.public_key().public_bytes(serialization.Encoding.PEM, form)

    @property
    def log_id(self) -> bytes:
        """The hash of the key."""
        return hashlib.sha256(self.public_key).digest()

    def add(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Check a proposed entry and log it, or find the one that is there.

        Raises what `logged_body` raises.
        """
        entry = self.add_new(request)
        return self.entry(self.index(entry) or 0) if isinstance(entry, str) else entry

    def add_new(self, request: Mapping[str, Any]) -> dict[str, Any] | str:
        """Check a proposed entry and log it; the UUID of an equal one that is there already."""
        body = logged_body(request)
        if self.omits:
            return self.forge(body)
        with self._lock:
            return self.uuid(body) if body in self.bodies else self._append(body)

    def uuid(self, body: bytes) -> str:
        """The entry's name: its tree, and the hash of its leaf."""
        return f"{_TREE:016x}{hashlib.sha256(bytes(1) + body).hexdigest()}"

    def index(self, uuid: str) -> int | None:
        """The entry with this name, with the tree or without; None: there is none."""
        with self._lock:
            names = (i for i, b in enumerate(self.bodies) if self.uuid(b)[-64:] == uuid[-64:])
            return next(names, None)

    def promise(self, body: bytes, at: int, index: int) -> bytes:
        """The signed entry timestamp: over the canonical JSON of what was added, when and where."""
        import rfc8785

        signed: dict[str, Any] = {
            "body": _b64(body),
            "integratedTime": at,
            "logID": self.log_id.hex(),
            "logIndex": index,
        }
        return self.signing_key.sign(rfc8785.dumps(signed), ec.ECDSA(hashes.SHA256()))

    def answer(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """An entry in the words of Rekor's API: `{uuid: {...}}`."""
        proof = entry["inclusionProof"]
        body = base64.b64decode(entry["canonicalizedBody"])
        return {
            self.uuid(body): {
                "body": entry["canonicalizedBody"],
                "integratedTime": int(entry["integratedTime"]),
                "logID": self.log_id.hex(),
                "logIndex": int(entry["logIndex"]),
                "verification": {
                    "inclusionProof": {
                        "checkpoint": proof["checkpoint"]["envelope"],
                        "hashes": [base64.b64decode(h).hex() for h in proof["hashes"]],
                        "logIndex": int(proof["logIndex"]),
                        "rootHash": base64.b64decode(proof["rootHash"]).hex(),
                        "treeSize": int(proof["treeSize"]),
                    },
                    "signedEntryTimestamp": entry["inclusionPromise"]["signedEntryTimestamp"],
                },
            }
        }

    def state(self) -> dict[str, Any]:
        """What `/api/v1/log` answers."""
        with self._lock:
            size = len(self._tree)
            return {
                "inactiveShards": [],
                "rootHash": self._tree.root(size).hex(),
                "signedTreeHead": self.checkpoint(size),
                "treeID": str(_TREE),
                "treeSize": size,
            }

    def _sign_note(self, note: bytes) -> tuple[str, bytes]:
        return self.host, self.signing_key.sign(note, ec.ECDSA(hashes.SHA256()))

    def _entry(self, body: bytes, index: int) -> dict[str, Any]:
        if index == len(self._times):
            self._times.append(int(self._now().timestamp()))
        at = self._times[index]
        promise = self.promise(body, at, index)
        return {
            **super()._entry(body, index),
            "integratedTime": str(at),
            "inclusionPromise": {"signedEntryTimestamp": _b64(promise)},
        }


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
