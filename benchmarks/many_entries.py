"""An image of one plain layer with millions of empty files, written without holding them."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["write_many"]

LAYER = "application/vnd.oci.image.layer.v1.tar"
A_DIRECTORY = 1000
"""Files in each."""


def _headers(entries: int) -> Iterator[bytes]:
    """The tar, some megabytes at a time; names differ in every directory."""
    known = {"etc/os-release": b"ID=alpine\nVERSION_ID=3.20.0\n"}
    known["lib/apk/db/installed"] = b"P:musl\nV:1.2.5-r0\nA:x86_64\n\n"
    start = io.BytesIO()
    with tarfile.open(fileobj=start, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in known.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    yield start.getvalue()[: archive.offset - 1024]  # without the two empty blocks of the end
    blank = tarfile.TarInfo("").tobuf(tarfile.USTAR_FORMAT)
    # What follows the name, up to the checksum and after it; the sum of both, 8 spaces for itself.
    middle, rest = blank[100:148], blank[156:]
    fixed = sum(middle) + sum(rest) + 8 * ord(" ")
    block: list[bytes] = []
    for number in range(entries - len(known)):
        path = b"srv/data/%05d/file-%07d" % (number // A_DIRECTORY, number)
        total = b"%06o\0 " % (fixed + sum(path))
        block += (path.ljust(100, b"\0"), middle, total, rest)
        if len(block) >= 40_000:
            yield b"".join(block)
            block.clear()
    yield b"".join(block) + bytes(1024)


def write_many(folder: Path, entries: int) -> None:
    """An OCI layout in `folder`, tag 1; one that is there with as many is kept."""
    stamp = folder / "entries"
    if stamp.exists() and stamp.read_text() == str(entries):
        return
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    for old in blobs.iterdir():
        old.unlink()
    part, hashed, size = folder / "layer.part", hashlib.sha256(), 0
    with part.open("wb") as file:
        for data in _headers(entries):
            hashed.update(data)
            size += file.write(data)
    digest = hashed.hexdigest()
    part.replace(blobs / digest)

    def described(kind: str, about: dict[str, Any]) -> dict[str, Any]:
        data = json.dumps(about).encode()
        name = hashlib.sha256(data).hexdigest()
        (blobs / name).write_bytes(data)
        return {"mediaType": kind, "digest": f"sha256:{name}", "size": len(data)}

    rootfs = {"type": "layers", "diff_ids": [f"sha256:{digest}"]}
    config = {"architecture": "amd64", "os": "linux", "rootfs": rootfs}
    kind = "application/vnd.oci.image."
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{kind}manifest.v1+json",
        "config": described(f"{kind}config.v1+json", config),
        "layers": [{"mediaType": LAYER, "digest": f"sha256:{digest}", "size": size}],
    }
    entry = described(f"{kind}manifest.v1+json", manifest)
    entry["annotations"] = {"org.opencontainers.image.ref.name": "1"}
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    stamp.write_text(str(entries))
