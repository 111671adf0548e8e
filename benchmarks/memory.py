"""Peak memory of `generate_sbom` on one large layer, against the same on a small one.

Bar: less than 150 MB of peak resident memory for a layer of 1 GB. The floor is the same process
on a layer of 1 MB: what remains above it is what depends on the layer.

    python benchmarks/memory.py [--json] [--check] [--megabytes N]
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

BAR_MB = 150
CHILD = """
import resource, sys, time
import provenance as pv
start = time.perf_counter()
sbom = pv.generate_sbom(sys.argv[1])
seconds = time.perf_counter() - start
print(len(sbom.packages), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, seconds)
"""


class _Random(io.RawIOBase):
    """A file of `size` bytes that hardly compress, without holding them."""

    def __init__(self, size: int) -> None:
        self._left, self._block = size, os.urandom(1 << 20)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        count = min(len(view), self._left, len(self._block))
        view[:count] = self._block[:count]
        self._left -= count
        return count


def build(folder: Path, megabytes: int) -> str:
    """An OCI layout with a layer of that size."""
    from provenance.oci.descriptor import Descriptor
    from provenance.oci.layout import LayoutRepository
    from provenance.oci.manifest import Manifest
    from provenance.testing import ImageBuilder

    small = ImageBuilder().layer({"etc/os-release": "ID=alpine\n"}).build()
    layout = LayoutRepository(folder / f"layout-{megabytes}")
    path = folder / "layer.tar.gz"
    with (
        gzip.open(path, "wb", compresslevel=1) as zipped,
        tarfile.open(fileobj=zipped, mode="w|") as archive,
    ):
        data = b"P:musl\nV:1.2\nA:x86_64\n\n"
        member = tarfile.TarInfo("lib/apk/db/installed")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
        for number in range(max(1, megabytes // 64)):
            member = tarfile.TarInfo(f"usr/share/data/{number}")
            member.size = min(megabytes, 64) << 20
            archive.addfile(member, io.BufferedReader(_Random(member.size)))
    import hashlib

    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    from provenance.digests import Digest

    kind = "application/vnd.oci.image.layer.v1.tar+gzip"
    layer = Descriptor(kind, Digest(f"sha256:{digest}"), path.stat().st_size)
    with path.open("rb") as file:
        layout.push_blob(file, layer)
    config = small.manifest.config
    layout.push_blob(small.blobs[config.digest], config)
    layout.push_manifest(Manifest.build(config, [layer]), tag="1")
    return f"oci:{layout.directory}:1"


def run(reference: str) -> tuple[int, float, float]:
    """Packages, peak megabytes and seconds of one process."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, reference], check=True, capture_output=True, text=True
    )
    packages, peak, seconds = done.stdout.split()
    return int(packages), float(peak), float(seconds)


def main() -> None:
    """Build, measure, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--megabytes", type=int, default=1024)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        floor = run(build(folder, 1))
        large = run(build(folder, options.megabytes))
    figures = {
        "layer_mb": options.megabytes,
        "peak_mb": round(large[1], 1),
        "floor_mb": round(floor[1], 1),
        "seconds": round(large[2], 2),
        "ratio": round(large[1] / floor[1], 2),
    }
    if options.json:
        print(json.dumps(figures))
    else:
        print(f"layer of {figures['layer_mb']} MB: peak {figures['peak_mb']} MB (bar {BAR_MB})")
        print(f"layer of 1 MB: peak {figures['floor_mb']} MB; ratio {figures['ratio']}")
        print(f"{figures['seconds']} s for the large one")
    if large[0] != 1 or (options.check and large[1] >= BAR_MB):
        sys.exit(1)


if __name__ == "__main__":
    main()
