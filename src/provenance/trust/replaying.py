"""TUF over files that are at hand: every signature is checked again, nothing is asked.

Source: TUF 1.0, section 5.3 to 5.7, without its freshness: how old the files are is for the
caller to judge, who says how old is too old (`Settings.max_trust_age`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from provenance.errors import MalformedDocument

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

__all__ = ["Replayed", "check_root", "replay"]

_MAX_ROOTS = 1024


@dataclass(frozen=True, slots=True)
class Replayed:
    """What the signatures prove."""

    targets: Mapping[str, bytes]
    """Content by target name, of those that are at hand and listed."""
    expires: dt.datetime
    """When the first of timestamp, snapshot and targets ends: they were signed before that, so the
    files are at least as old."""
    root_version: int
    root_expires: dt.datetime


def replay(root: bytes, files: Mapping[str, bytes]) -> Replayed:
    """Follow the signatures from `root` to the targets in `files`.

    Args:
        root: TUF root that is trusted.
        files: metadata and targets by name, as `tuf_cache.Kept` has them.

    Raises:
        LookupError: a file is missing. ValueError: one is none of its kind.
        tuf.api.exceptions.RepositoryError: not signed, or not of what signed it.
    """
    current = _latest_root(root, files)
    timestamp = _signed(current, "timestamp", files["timestamp.json"])
    stated = timestamp.snapshot_meta
    snapshot = _signed(current, "snapshot", _as_stated(files["snapshot.json"], stated))
    _same_version(snapshot, stated)
    stated = snapshot.meta["targets.json"]
    listed = _signed(current, "targets", _as_stated(files["targets.json"], stated))
    _same_version(listed, stated)
    targets = {}
    for name, file in listed.targets.items():
        if (data := files.get(f"targets/{name}")) is not None:
            targets[name] = _as_stated(data, file)
    expires = min(signed.expires for signed in (timestamp, snapshot, listed))
    return Replayed(targets, expires, current.version, current.expires)


def _latest_root(root: bytes, files: Mapping[str, bytes]) -> Any:
    """Root by root, each signed by a threshold of the one before and of its own keys (5.3)."""
    current = _metadata(root, "root")
    current.signed.verify_delegate("root", current.signed_bytes, current.signatures)
    for _ in range(_MAX_ROOTS):
        number = current.signed.version + 1
        found = files.get(f"root_history/{number}.root.json")
        if found is None:
            return current.signed
        following = _metadata(found, "root")
        for keys in (current.signed, following.signed):
            keys.verify_delegate("root", following.signed_bytes, following.signatures)
        if following.signed.version != number:
            raise ValueError(f"root {number} calls itself version {following.signed.version}")
        current = following
    raise ValueError(f"more than {_MAX_ROOTS} roots follow one another")


def _signed(root: Any, role: str, data: bytes) -> Any:
    metadata = _metadata(data, role)
    root.verify_delegate(role, metadata.signed_bytes, metadata.signatures)
    return metadata.signed


def _metadata(data: bytes, role: str) -> Any:
    from tuf.api.metadata import Metadata

    metadata: Any = Metadata.from_bytes(data)
    if metadata.signed.type != role:
        raise ValueError(f"expected metadata of the {role} role, got {metadata.signed.type}")
    return metadata


def _as_stated(data: bytes, stated: Any) -> bytes:
    """The bytes, once they have the length and hashes that are stated of them, if any are."""
    stated.verify_length_and_hashes(data)
    return data


def _same_version(found: Any, stated: Any) -> None:
    if found.version != stated.version:
        raise ValueError(f"expected version {stated.version}, got {found.version}")


def check_root(root: bytes, name: str) -> None:
    """Raise MalformedDocument unless `root` is a TUF root: a trust root is none."""
    from tuf.api.exceptions import RepositoryError
    from tuf.api.metadata import Metadata

    try:
        kind = Metadata.from_bytes(root).signed.type
    except (RepositoryError, LookupError, ValueError, TypeError, AttributeError):
        kind = ""
    if kind != "root":
        raise MalformedDocument(
            f"{name} is no TUF root",
            hint="expected the root.json of a TUF repository; a trusted_root.json is taken as it "
            "is (Trust.from_file, --trusted-root)",
        )
