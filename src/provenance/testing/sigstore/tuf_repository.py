"""A TUF repository that publishes the embedded Sigstore's trust root, honest or not.

Source: TUF 1.0, with consistent snapshots as Sigstore's repositories have them; made with
python-tuf's metadata API.
"""

from __future__ import annotations

import datetime as dt
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["TufRepository"]

_ROLES = ("root", "targets", "snapshot", "timestamp")
_LIFETIME = dt.timedelta(days=30)


class TufRepository:
    """What it publishes is in `files`, by path; tests may edit that like an attacker.

    Three keys sign for the root, of which two are needed; one signs the rest.
    """

    def __init__(self, now: Callable[[], dt.datetime]) -> None:
        """Make keys and publish nothing yet; `now` is its clock."""
        # Neither library marks as exported what its documentation tells to import from there.
        self._tuf: Any = import_module("tuf.api.metadata")
        self._new_key: Any = import_module("securesystemslib.signer").CryptoSigner.generate_ecdsa
        self._now = now
        self.files: dict[str, bytes] = {}
        self._root_keys: list[Any] = [self._new_key() for _ in range(3)]
        self._online_key: Any = self._new_key()
        self._versions: dict[str, int] = dict.fromkeys(_ROLES, 0)
        self._targets: dict[str, bytes] = {}
        self._lifetimes: dict[str, dt.timedelta] = dict.fromkeys(_ROLES, _LIFETIME)
        self._write_root(self._root_keys)

    @property
    def root_json(self) -> bytes:
        """The first root: what a client is given by a trusted way."""
        return self.files["1.root.json"]

    def publish(self, targets: Mapping[str, bytes]) -> None:
        """Publish these targets, and sign everything above them anew."""
        self._targets = dict(targets)
        listed = self._tuf.Targets(version=self._next("targets"), expires=self._expiry("targets"))
        for name, data in self._targets.items():
            file = self._tuf.TargetFile.from_data(name, data, ["sha256"])
            listed.targets[name] = file
            self.files[f"targets/{file.hashes['sha256']}.{name}"] = data
        version = self._versions["targets"]
        self._write(f"{version}.targets.json", listed, [self._online_key])
        self._write_snapshot(version)

    def rotate_root(self, *, signed_by_the_old: bool = True, threshold: int = 2) -> None:
        """New root keys. A root that the old keys did not sign is an attacker's."""
        old, self._root_keys = self._root_keys, [self._new_key() for _ in range(3)]
        signers = [*(old[:threshold] if signed_by_the_old else ()), *self._root_keys]
        self._write_root(signers)

    def rotate_online_key(self) -> None:
        """A new key for targets, snapshot and timestamp, which the root names."""
        self._online_key = self._new_key()
        self._write_root(self._root_keys)
        self.publish(self._targets)

    def expire(self, *roles: str) -> None:
        """Let `root`, `targets`, `snapshot` or `timestamp` have ended an hour ago; none: all."""
        for role in roles or _ROLES:
            self._lifetimes[role] = dt.timedelta(hours=-1)
        if not roles or "root" in roles:
            self._write_root(self._root_keys)
        self.publish(self._targets)

    def renew(self) -> None:
        """Sign everything anew, with an end to come."""
        self._lifetimes = dict.fromkeys(_ROLES, _LIFETIME)
        self._write_root(self._root_keys)
        self.publish(self._targets)

    def roll_back(self, files: Mapping[str, bytes]) -> None:
        """Serve an earlier copy of `files` again: correctly signed, but old."""
        self.files = dict(files)

    def tamper(self, name: str) -> None:
        """Change one byte of a target that is published now. Raises KeyError."""
        (path,) = (p for p in self._current() if p.endswith(f".{name}"))
        data = bytearray(self.files[path])
        data[-1] ^= 1
        self.files[path] = bytes(data)

    def _current(self) -> list[str]:
        file = self._tuf.TargetFile.from_data
        return [
            f"targets/{file(name, data, ['sha256']).hashes['sha256']}.{name}"
            for name, data in self._targets.items()
        ]

    def _write_root(self, signers: Sequence[Any]) -> None:
        root = self._tuf.Root(
            version=self._next("root"), expires=self._expiry("root"), consistent_snapshot=True
        )
        for key in self._root_keys:
            root.add_key(key.public_key, "root")
        root.roles["root"].threshold = 2
        for role in _ROLES[1:]:
            root.add_key(self._online_key.public_key, role)
        self._write(f"{root.version}.root.json", root, signers)

    def _write_snapshot(self, targets: int) -> None:
        meta = {"targets.json": self._tuf.MetaFile(targets)}
        snapshot = self._tuf.Snapshot(
            version=self._next("snapshot"), expires=self._expiry("snapshot"), meta=meta
        )
        self._write(f"{snapshot.version}.snapshot.json", snapshot, [self._online_key])
        timestamp = self._tuf.Timestamp(
            version=self._next("timestamp"),
            expires=self._expiry("timestamp"),
            snapshot_meta=self._tuf.MetaFile(snapshot.version),
        )
        self._write("timestamp.json", timestamp, [self._online_key])

    def _write(self, name: str, signed: Any, signers: Sequence[Any]) -> None:
        document = self._tuf.Metadata(signed)
        for signer in signers:
            document.sign(signer, append=True)
        self.files[name] = document.to_bytes()

    def _next(self, role: str) -> int:
        self._versions[role] += 1
        return self._versions[role]

    def _expiry(self, role: str) -> dt.datetime:
        return self._now().replace(microsecond=0) + self._lifetimes[role]
