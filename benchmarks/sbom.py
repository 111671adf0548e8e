"""Listing packages: whole commands against syft, on this machine's own packages as an image.

Bars: every purl syft lists is listed; the command takes less time than syft does. The floor is
one process that only reads and hashes the image's blobs.

    python benchmarks/sbom.py [--json] [--check] [--runs N]
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from side_by_side import finish, options, peer, take_turns, told

import provenance as pv
from provenance.testing import image_from_environment

FLOOR = """
import hashlib, pathlib, sys
for path in pathlib.Path(sys.argv[1]).rglob("blobs/*/*"):
    with path.open("rb") as file:
        hashlib.file_digest(file, "sha256")
"""


def main() -> None:
    """Measure, print, and with --check compare with the bars."""
    chosen = options(__doc__, runs=5).parse_args()
    missing, short = [], []
    with tempfile.TemporaryDirectory() as folder:
        layout = Path(folder) / "layout"
        image_from_environment().push(f"oci:{layout}:1")
        megabytes = sum(f.stat().st_size for f in layout.rglob("*") if f.is_file()) / (1 << 20)
        ours = {package.purl for package in pv.generate_sbom(f"oci:{layout}:1").packages}
        generate = ("sbom", "generate", f"oci:{layout}:1", "-o", "cyclonedx-json")
        commands = {
            "floor": [sys.executable, "-c", FLOOR, str(layout)],
            "provenance": [sys.executable, "-m", "provenance", *generate],
        }
        syft = peer("syft")
        figures: dict[str, Any] = {"packages": len(ours), "image_mb": round(megabytes, 1)}
        surroundings = {"HOME": folder, "SYFT_CHECK_FOR_APP_UPDATE": "false"}
        if syft is None:
            missing.append("syft")
        else:
            commands["syft"] = [syft, f"oci-dir:{layout}", "-q", "-o", "cyclonedx-json"]
            document = subprocess.run(commands["syft"], check=True, capture_output=True)
            listed = json.loads(document.stdout)["components"]
            theirs = {c["purl"] for c in listed if "purl" in c}
            figures |= {"syft_packages": len(theirs), "not_ours": sorted(theirs - ours)}
            if theirs - ours:
                short.append(f"{len(theirs - ours)} purls that only syft lists")
        times = told(take_turns(commands, chosen.runs, environment=surroundings))
    figures["times"] = times
    lines = [f"{figures['packages']} packages in an image of {figures['image_mb']} MB"]
    lines += [
        f"{name:12} {t['median_ms']:8} ms ({t['min_ms']} to {t['max_ms']})"
        for name, t in times.items()
    ]
    if "syft" in times:
        ratio = round(times["syft"]["median_ms"] / times["provenance"]["median_ms"], 2)
        figures["syft_to_ours"] = ratio
        lines.append(f"syft lists {figures['syft_packages']} and takes {ratio} times as long")
        if ratio <= 1:
            short.append("not faster than syft")
    finish(chosen, figures, lines, missing=missing, short=short)


if __name__ == "__main__":
    main()
