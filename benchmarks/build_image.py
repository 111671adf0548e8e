"""Build the images that `accuracy.py` and `sbom.py` measure, with a truth beside each.

    sudo python benchmarks/build_image.py OUT [--suite NAME]

On Debian or what derives from it, as root: a root file system is made with debootstrap, and
installers run inside. From the network come Debian's archive, the Python and npm indexes and Maven
Central. Some ten minutes the first time; what is there is kept, and what was downloaded stays in
OUT/downloads. Nothing is left mounted, also where it is stopped.

| | |
|---|---|
| OUT/large | an OCI layout, tag 1: base, apt, pip, npm, Java and Go, a top that takes away |
| OUT/large.docker.tar | the same as `docker save` writes it: plain layers, known by their diffIDs |
| OUT/small | the lowest two layers |
| OUT/rpm | packages that nfpm made, installed by rpm into a database in SQLite |
| OUT/NAME.truth.tsv | what is installed: see image_truth.py |
| OUT/images.json | how it was made: layers, sizes, entries, counts |
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from image_layers import Layer, Snapshot, snapshot, write_docker_archive, write_layer, write_layout
from image_parts import OPAQUE, Tree, add_apt, add_base, add_java_and_go, add_npm, add_pip, top
from image_truth import truth_of, write_truth
from rpm_image import build_rpm

if TYPE_CHECKING:
    from collections.abc import Callable

PARTS: tuple[tuple[str, Callable[[Tree], None]], ...] = (
    ("base", add_base),
    ("apt", add_apt),
    ("pip", add_pip),
    ("npm", add_npm),
    ("java-and-go", add_java_and_go),
    ("top", top),
)
SMALL = "apt"
"""The part after which the small image is complete."""
NEEDED = {
    "debootstrap": "apt-get install debootstrap",
    "unshare": "apt-get install util-linux",
    "npm": "apt-get install npm",
    "go": "apt-get install golang-go",
    "gzip": "apt-get install gzip",
}
LABELS = {"org.opencontainers.image.title": "bench", "org.opencontainers.image.version": "1"}


def build_debian(out: Path, suite: str) -> dict[str, Any]:
    """The large and the small image; returns what they are."""
    work = out / "work"
    shutil.rmtree(work, ignore_errors=True)
    (work / "root").mkdir(parents=True)
    tree = Tree(work / "root", out / "downloads", suite)
    told: dict[str, Any] = {"large": {}, "small": {}}
    layers: list[Layer] = []
    before: Snapshot = {}
    for number, (name, add) in enumerate(PARTS):
        start = time.perf_counter()
        add(tree)
        after = snapshot(tree.root)
        layer = write_layer(
            tree.root,
            before,
            after,
            plain=work / f"{number}-{name}.tar",
            created_by=f"RUN {name}",
            opaque=OPAQUE if name == "top" else (),
        )
        layers.append(layer)
        before = after
        print(f"{name:12} {time.perf_counter() - start:6.1f} s  {layer.told()}", flush=True)
        if name == SMALL:
            told["small"] = _finish(out, "small", tree, layers)
    told["large"] = _finish(out, "large", tree, layers)
    write_docker_archive(out / "large.docker.tar", layers, "bench:1")
    shutil.rmtree(work)
    return told


def _finish(out: Path, name: str, tree: Tree, layers: list[Layer]) -> dict[str, Any]:
    """Truth first: a layout that is there has one."""
    truth = write_truth(out / f"{name}.truth.tsv", truth_of(tree))
    write_layout(out / name, layers, labels=LABELS)
    return {
        "truth": truth,
        "entries": sum(layer.entries for layer in layers),
        "layers": [layer.told() for layer in layers],
    }


def main() -> None:
    """Build what is not there."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--suite", default=_suite(), help="of Debian; this machine's by default")
    chosen = parser.parse_args()
    out = chosen.out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    figures = out / "images.json"
    told: dict[str, Any] = json.loads(figures.read_text()) if figures.exists() else {}
    if not (out / "large.docker.tar").exists():
        lacking = [hint for tool, hint in NEEDED.items() if shutil.which(tool) is None]
        if os.geteuid() or lacking:
            sys.exit("\n".join(["this needs root, and on this machine:", *lacking]))
        told |= build_debian(out, chosen.suite)
        figures.write_text(json.dumps(told, indent=1))
    if not (out / "rpm" / "index.json").exists():
        made = build_rpm(out)
        if made is not None:
            told |= {"rpm": made}
            figures.write_text(json.dumps(told, indent=1))
    print(figures.read_text())


def _suite() -> str:
    """This machine's release, if it is a Debian."""
    about = platform.freedesktop_os_release()
    return about.get("VERSION_CODENAME", "") if about.get("ID") == "debian" else "bookworm"


if __name__ == "__main__":
    main()
