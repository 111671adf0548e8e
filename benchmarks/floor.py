"""The floor of reading an image: its bytes read, unpacked and hashed, and nothing else.

    python benchmarks/floor.py LAYOUT|ARCHIVE [--compressed-only]

Every layer of the one image in an OCI layout (gzip or plain) is read by 1 MiB, unpacked with isal,
and hashed with sha256 as it is stored and as it is unpacked; of a docker archive, the layers are
plain and hashed once. Largest first, on two threads: isal and hashlib release the GIL, so that
little Python is in the time. Nothing of the project is imported. With --compressed-only the
unpacked bytes are not hashed. The digests must agree: a floor that reads something else is none.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from isal import isal_zlib

CHUNK = 1 << 20
READ = 1 << 17  # compressed; so that what one read unpacks to rarely exceeds CHUNK


class Blob(NamedTuple):
    """Stored bytes of one layer, and the sha256 they and the tar must have."""

    file: Path
    offset: int
    size: int
    digest: str
    diff_id: str


def in_layout(folder: Path) -> list[Blob]:
    """The layers of the first image that the layout lists."""

    def blob(digest: str) -> Path:
        return folder / "blobs" / digest.replace(":", "/")

    index = json.loads((folder / "index.json").read_bytes())
    manifest = json.loads(blob(index["manifests"][0]["digest"]).read_bytes())
    config = json.loads(blob(manifest["config"]["digest"]).read_bytes())
    pairs = zip(manifest["layers"], config["rootfs"]["diff_ids"], strict=True)
    return [
        Blob(blob(layer["digest"]), 0, layer["size"], layer["digest"], diff_id)
        for layer, diff_id in pairs
    ]


def in_archive(file: Path) -> list[Blob]:
    """The layers of the first image in a docker archive, where they lie in it."""
    with tarfile.open(file) as archive:
        members = {member.name: member for member in archive}
        listing = archive.extractfile(members["manifest.json"])
        assert listing is not None  # noqa: S101  a regular file
        image = json.load(listing)[0]
        about = archive.extractfile(members[image["Config"]])
        assert about is not None  # noqa: S101  a regular file
        diff_ids = json.load(about)["rootfs"]["diff_ids"]
    found = [members[name] for name in image["Layers"]]
    return [
        Blob(file, member.offset_data, member.size, "", diff_id)
        for member, diff_id in zip(found, diff_ids, strict=True)
    ]


def read(blob: Blob, *, hash_plain: bool = True) -> int:
    """Unpack and hash one layer; returns the bytes of its tar."""
    stored, plain, size = hashlib.sha256(), hashlib.sha256(), 0
    buffer = bytearray(READ)
    view = memoryview(buffer)
    left = blob.size
    unpack = None
    with blob.file.open("rb", buffering=0) as file:
        file.seek(blob.offset)
        while left and (count := file.readinto(view[: min(left, READ)])):
            if left == blob.size and buffer[:2] == b"\x1f\x8b":
                unpack = isal_zlib.decompressobj(31)
            left -= count
            chunk = view[:count]
            if unpack is None:
                plain.update(chunk)
                size += count
                continue
            stored.update(chunk)
            data = unpack.decompress(chunk, CHUNK)
            while data:
                if hash_plain:
                    plain.update(data)
                size += len(data)
                data = unpack.decompress(unpack.unconsumed_tail, CHUNK)
    for hashed, expected in ((stored, blob.digest if unpack else ""), (plain, blob.diff_id)):
        skipped = not expected or (hashed is plain and unpack is not None and not hash_plain)
        if not skipped and f"sha256:{hashed.hexdigest()}" != expected:
            sys.exit(f"{blob.file}: not {expected}")
    return size


def main() -> None:
    """Read the image that is named, and print how many bytes its layers unpack to."""
    path, hash_plain = Path(sys.argv[1]), "--compressed-only" not in sys.argv[2:]
    blobs = in_layout(path) if path.is_dir() else in_archive(path)
    blobs.sort(key=lambda blob: -blob.size)
    with ThreadPoolExecutor(2) as pool:
        print(sum(pool.map(lambda blob: read(blob, hash_plain=hash_plain), blobs)))


if __name__ == "__main__":
    main()
