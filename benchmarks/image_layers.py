"""Layers out of a directory that changes: what a stage changed as a tar, layouts, archives.

Written with the standard library alone, not with the project: what a benchmark reads must not have
been made by what it measures. Whiteouts: OCI image specification 1.1, layer.md.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
import os
import shutil
import stat
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

__all__ = ["Layer", "Snapshot", "snapshot", "write_docker_archive", "write_layer", "write_layout"]

CREATED = dt.datetime(2026, 1, 1, tzinfo=dt.UTC).isoformat().replace("+00:00", "Z")
CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
TAR_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"


class _State(NamedTuple):
    """What tells that a path is still what it was."""

    mode: int
    owner: int
    group: int
    size: int
    modified: int
    inode: int

    @property
    def is_directory(self) -> bool:
        return stat.S_ISDIR(self.mode)


Snapshot = dict[str, _State]


@dataclass(frozen=True)
class Layer:
    """One layer, plain and compressed."""

    created_by: str
    plain: Path
    diff_id: str
    zipped: Path
    digest: str
    entries: int

    def told(self) -> dict[str, Any]:
        """Its figures."""
        return {
            "created_by": self.created_by,
            "entries": self.entries,
            "plain_mb": round(self.plain.stat().st_size / 1e6, 1),
            "gzip_mb": round(self.zipped.stat().st_size / 1e6, 1),
        }


def snapshot(root: Path) -> Snapshot:
    """Every path below `root`, relative to it, parents first."""
    found: Snapshot = {}
    for folder, folders, files in os.walk(root):
        folders.sort()
        base = os.path.relpath(folder, root)
        for name in sorted(folders + files):
            path = name if base == "." else f"{base}/{name}"
            s = os.lstat(root / path)
            found[path] = _State(s.st_mode, s.st_uid, s.st_gid, s.st_size, s.st_mtime_ns, s.st_ino)
    return found


def write_layer(
    root: Path,
    before: Snapshot,
    after: Snapshot,
    *,
    plain: Path,
    created_by: str,
    opaque: Collection[str] = (),
) -> Layer:
    """The difference as a tar and a gzip of it.

    Args:
        root: The directory that `after` was taken of.
        before: What the layers below hold.
        after: What they and this layer hold.
        plain: Where the tar is written; the gzip beside it.
        created_by: The instruction, for the image's history.
        opaque: Directories whose content below is hidden as a whole.
    """
    below = tuple(f"{path}/" for path in opaque)
    gone = [
        path
        for path in before
        if path not in after and not path.startswith(below) and _has_parent(after, path)
    ]
    changed = [
        path
        for path, state in after.items()
        if before.get(path) != state or path in opaque or path.startswith(below)
    ]
    marks = [str(PurePosixPath(path).with_name(f".wh.{PurePosixPath(path).name}")) for path in gone]
    marks += [f"{path}/.wh..wh..opq" for path in opaque]
    with tarfile.open(plain, "w", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted([*changed, *marks]):
            _add(archive, root, path, mark=path not in after)
    zipped = plain.with_name(plain.name + ".gz")
    with plain.open("rb") as source, zipped.open("wb") as target:
        subprocess.run(["gzip", "-6", "-n"], stdin=source, stdout=target, check=True)
    return Layer(
        created_by, plain, _sha256(plain), zipped, _sha256(zipped), len(changed) + len(marks)
    )


def _has_parent(tree: Snapshot, path: str) -> bool:
    """Whether the parent of `path` is there, and can hold its whiteout."""
    parent = path.rpartition("/")[0]
    return not parent or (parent in tree and tree[parent].is_directory)


def _add(archive: tarfile.TarFile, root: Path, path: str, *, mark: bool) -> None:
    if mark:
        archive.addfile(tarfile.TarInfo(path))
        return
    member = archive.gettarinfo(str(root / path), path)
    if member is None:  # a socket
        return
    member.mtime = int(member.mtime)  # as builders write it; fractions would need a pax header each
    member.uname = member.gname = ""
    if member.isreg():
        with (root / path).open("rb") as file:
            archive.addfile(member, file)
    else:
        archive.addfile(member)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _config(layers: Sequence[Layer], labels: Mapping[str, str]) -> bytes:
    """An image configuration; one entry of the history made no layer, as in real images."""
    history: list[dict[str, Any]] = [
        {"created": CREATED, "created_by": layer.created_by} for layer in layers
    ]
    history.append({"created": CREATED, "created_by": 'CMD ["bash"]', "empty_layer": True})
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    return json.dumps(
        {
            "created": CREATED,
            "architecture": machine,
            "os": "linux",
            "config": {"Cmd": ["bash"], "Labels": dict(labels)},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{e.diff_id}" for e in layers]},
            "history": history,
        }
    ).encode()


def write_layout(
    folder: Path,
    layers: Sequence[Layer],
    *,
    tag: str = "1",
    labels: Mapping[str, str] | None = None,
) -> None:
    """An OCI layout of one image; the blobs of layers are hard links where that is possible."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)

    def described(kind: str, data: bytes) -> dict[str, Any]:
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(data)}

    for layer in layers:
        _link(layer.zipped, blobs / layer.digest)
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": described(CONFIG, _config(layers, labels or {})),
        "layers": [
            {
                "mediaType": TAR_GZIP,
                "digest": f"sha256:{layer.digest}",
                "size": layer.zipped.stat().st_size,
            }
            for layer in layers
        ],
    }
    entry = described(MANIFEST, json.dumps(manifest).encode())
    entry["annotations"] = {"org.opencontainers.image.ref.name": tag}
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    # Last, so that a layout with an index is whole.
    index = {"schemaVersion": 2, "manifests": [entry]}
    (folder / "index.json").write_text(json.dumps(index))


def _link(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def write_docker_archive(file: Path, layers: Sequence[Layer], name: str) -> None:
    """What `docker save` writes: plain layers named by their diffIDs, and `manifest.json`."""
    config = _config(layers, {})
    config_name = f"blobs/sha256/{hashlib.sha256(config).hexdigest()}"
    names = [f"blobs/sha256/{layer.diff_id}" for layer in layers]
    listing = [{"Config": config_name, "RepoTags": [name], "Layers": names}]
    whole = file.with_name(file.name + ".part")
    with tarfile.open(whole, "w", format=tarfile.PAX_FORMAT) as archive:
        for path, data in ((config_name, config), ("manifest.json", json.dumps(listing).encode())):
            member = tarfile.TarInfo(path)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        for layer, path in zip(layers, names, strict=True):
            member = tarfile.TarInfo(path)
            member.size = layer.plain.stat().st_size
            with layer.plain.open("rb") as source:
                archive.addfile(member, source)
    whole.replace(file)
