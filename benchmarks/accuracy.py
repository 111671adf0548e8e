"""Recall and precision against what is installed: ours, and syft and trivy where they are.

    python benchmarks/build_image.py OUT
    python benchmarks/accuracy.py OUT [--only IMAGE ...] [--show N] [--json] [--check]

Distinct names and versions a type, read out of purls; the truth is that of `image_truth.py`, whose
rows `may` count for nobody and against nobody. Maven is told twice: artifact and version, and with
the group, which a jar of Debian often does not state. Bars, for ours: recall 1 and precision 0.995
for deb, apk, rpm, pypi, npm and golang; both 0.98 for maven (artifact and version); nothing without
a version but what has none in truth.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import trivy
from image_truth import ANY, Row, read_truth
from packageurl import PackageURL
from side_by_side import finish, options, peer

import provenance as pv

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

IMAGES = ("large", "small", "rpm")
BARS = {"maven": (0.98, 0.98)}
BAR = (1.0, 0.995)
"""Recall and precision of every other type."""
UNHELD = "maven with group"


class Name(NamedTuple):
    """What is counted."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"


Names = dict[str, set[Name]]


@dataclass(frozen=True)
class Score:
    """One side, one type."""

    truth: int
    hits: int
    missed: tuple[Name, ...]
    extra: tuple[Name, ...]

    @property
    def recall(self) -> float:
        """Of what is there, how much was listed."""
        return self.hits / self.truth if self.truth else 1.0

    @property
    def precision(self) -> float:
        """Of what was listed, how much is there."""
        listed = self.hits + len(self.extra)
        return self.hits / listed if listed else 1.0


def named(purl: str) -> Iterator[tuple[str, Name]]:
    """Type and name that a purl is counted under; two for maven."""
    try:
        parsed = PackageURL.from_string(purl)
    except ValueError:
        return
    kind, version = parsed.type, parsed.version or ""
    whole = f"{parsed.namespace}/{parsed.name}" if parsed.namespace else parsed.name
    if kind in {"deb", "rpm", "apk"}:
        epoch = parsed.qualifiers.get("epoch", "0")
        if epoch != "0" and ":" not in version:
            version = f"{epoch}:{version}"
        yield kind, Name(parsed.name, version)
    elif kind == "pypi":
        yield kind, Name(re.sub(r"[-_.]+", "-", parsed.name).lower(), version)
    elif kind == "golang":
        whole = f"{whole}/{parsed.subpath}" if parsed.subpath else whole
        yield kind, Name(whole.lower(), "" if version == "(devel)" else version.removeprefix("v"))
    elif kind == "maven":
        yield kind, Name(parsed.name, version)
        yield UNHELD, Name(whole, version)
    else:
        yield kind, Name(whole, version)


def by_type(purls: Iterable[str]) -> Names:
    """Distinct names a type."""
    found: Names = {}
    for purl in purls:
        for kind, name in named(purl):
            found.setdefault(kind, set()).add(name)
    return found


def of_truth(rows: Iterable[Row], judged: str) -> Names:
    """The same for the rows of one judgement; a version that may be any stays `*`."""
    found: Names = {}
    for row in rows:
        if row.judged == judged:
            for kind, name in named(row.purl):
                version = ANY if row.version == ANY else name.version
                found.setdefault(kind, set()).add(Name(name.name, version))
    return found


def score(must: set[Name], may: set[Name], found: set[Name]) -> Score:
    """Compare one type."""
    listed = {name.name for name in found}
    hits = {n for n in must if n in found or (n.version == ANY and n.name in listed)}
    anyhow = {n.name for n in must | may if n.version == ANY}
    extra = {n for n in found - must - may if n.name not in anyhow}
    return Score(len(must), len(hits), tuple(sorted(must - hits)), tuple(sorted(extra)))


def by_us(layout: Path) -> list[str]:
    """The purls of ours."""
    return [package.purl for package in pv.generate_sbom(f"oci:{layout}:1").packages]


def by_peer(name: str, program: str, layout: Path) -> list[str]:
    """The purls that a peer lists."""
    with tempfile.TemporaryDirectory() as home:
        cache = Path(home) / "trivy"
        trivy.empty_cache(cache)
        commands = {
            "syft": [program, f"oci-dir:{layout}", "-q", "-o", "cyclonedx-json"],
            "trivy": trivy.command(program, cache, layout),
        }
        own = {"HOME": home, "SYFT_CHECK_FOR_APP_UPDATE": "false", **trivy.SURROUNDINGS}
        surroundings = {**os.environ, **own}
        done = subprocess.run(commands[name], check=False, capture_output=True, env=surroundings)
    if done.returncode:
        sys.exit(f"{name} ended with {done.returncode}: {done.stderr.decode()[-3000:]}")
    components = json.loads(done.stdout).get("components", [])
    return [component["purl"] for component in components if "purl" in component]


@dataclass
class Report:
    """What is told."""

    show: int
    figures: dict[str, dict[str, dict[str, dict[str, float]]]]
    lines: list[str]
    short: list[str]

    def tell(self, image: str, side: str, kind: str, told: Score) -> None:
        """One row, and the names behind it."""
        row = {
            "truth": told.truth,
            "missed": len(told.missed),
            "extra": len(told.extra),
            "recall": round(told.recall, 4),
            "precision": round(told.precision, 4),
        }
        self.figures.setdefault(image, {}).setdefault(side, {})[kind] = row
        self.lines.append(
            f"{image:6} {side:6} {kind:17} {told.truth:5} {told.hits:5} {len(told.extra):5}"
            f" {told.recall:7.3f} {told.precision:10.3f}"
        )
        for what, names in (("missed", told.missed), ("extra", told.extra)):
            self.lines += [f"         {what} {name}" for name in names[: self.show]]
            if len(names) > self.show:
                self.lines.append(f"         and {len(names) - self.show} more {what}")

    def hold(self, image: str, kind: str, told: Score) -> None:
        """Compare ours with the bars."""
        recall, precision = BARS.get(kind, BAR)
        if told.recall < recall:
            self.short.append(f"{image} {kind}: recall {told.recall:.3f}, not {recall}")
        if told.precision < precision:
            self.short.append(f"{image} {kind}: precision {told.precision:.3f}, not {precision}")


def measure(report: Report, out: Path, image: str, peers: dict[str, str]) -> None:
    """All sides on one image."""
    rows = read_truth(out / f"{image}.truth.tsv")
    must, may = of_truth(rows, "must"), of_truth(rows, "may")
    found = {"ours": by_us(out / image)}
    found |= {name: by_peer(name, program, out / image) for name, program in peers.items()}
    for side, purls in found.items():
        names = by_type(purls)
        for kind in must:
            told = score(must[kind], may.get(kind, set()), names.get(kind, set()))
            report.tell(image, side, kind, told)
            if side == "ours" and kind != UNHELD:
                report.hold(image, kind, told)
        if side == "ours":
            stated = {(k, n.name) for k, v in must.items() for n in v if n.version in {"", ANY}}
            bare = {(k, n.name) for k, v in names.items() for n in v if not n.version} - stated
            bare -= {(k, n.name) for k, v in may.items() for n in v if n.version == ANY}
            report.short += [f"{image} {kind}: {name} without a version" for kind, name in bare]


def main() -> None:
    """Measure, print, and with --check compare with the bars."""
    parser = options(__doc__, runs=1)
    parser.add_argument("out", type=Path, help="what build_image.py wrote")
    parser.add_argument("--only", nargs="+", choices=IMAGES, default=IMAGES, help="images")
    parser.add_argument("--show", type=int, default=10, help="names of each kind of error")
    chosen = parser.parse_args()
    out = chosen.out.absolute()
    report = Report(chosen.show, {}, [], [])
    peers, missing = {}, []
    for name in ("syft", "trivy"):
        program = peer(name) or shutil.which(name)
        if program:
            peers[name] = program
        elif name == "syft":
            missing.append(name)
        else:
            report.lines.append(f"{name} is not on this machine: not measured")
    report.lines.append("image  side   type              truth found extra  recall  precision")
    for image in chosen.only:
        if (out / image / "index.json").exists():
            measure(report, out, image, peers)
        else:
            missing_image = f"no {image} in {out}: python benchmarks/build_image.py {out}"
            report.short.append(missing_image)
    finish(chosen, report.figures, report.lines, missing=missing, short=report.short)


if __name__ == "__main__":
    main()
