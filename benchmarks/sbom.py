"""Image to SBOM: whole commands on the images of `build_image.py`, beside a floor and the peers.

    python benchmarks/build_image.py OUT
    python benchmarks/sbom.py OUT [--only PART ...] [--runs N] [--entries N] [--json] [--check]

Sides take turns; a first round, not counted, fills the page cache. Printed are the median and the
spread of the time, the median of the CPU time (user and system), the most that was resident. Ratios
to the floor (`floor.py`: read, unpack, hash) are of CPU time, each of two runs of the same round,
and their median is told: a machine that others use shifts both. The layer cache is off.

| part | bars |
|---|---|
| large | CPU at most 1.1 x the floor, 1.25 with `--verify full`, 1.7 with `--files all`; 120 MB |
| | syft takes 15 x as long as we do, trivy 3 x |
| small | syft 10 x, trivy 2.5 x |
| docker | syft 30 x, trivy 2.5 x: an archive of plain layers, whose diffIDs are checked |
| warm | none: the image in the cache, as a command and in process; its layers alone |
| entries | at most 400 MB on a layer of 3 million empty files (`--entries`) |

trivy's own start (`trivy --version`) is taken off its time; its cache is empty each time.
A peer is where `tests/peers/install.py` puts it; one that only PATH has is used too, and a syft
that both have is shown twice, the installed one being the one the bars are about. An option of ours
that this version does not have leaves out its side, and says so.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import trivy
from go_registry import LAUNCH
from many_entries import write_many
from side_by_side import finish, options, peer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

PARTS = ("large", "small", "docker", "warm", "entries")
VARIANTS = {
    "ours": (),
    "ours, full": ("--verify", "full"),
    "ours, files": ("--files", "all"),
}
TO_FLOOR = {"ours": 1.1, "ours, full": 1.25, "ours, files": 1.7}
TO_PEERS = {
    "large": {"syft": 15.0, "trivy": 3.0},
    "small": {"syft": 10.0, "trivy": 2.5},
    "docker": {"syft": 30.0, "trivy": 2.5},
}
PEAK_MB, MANY_PEAK_MB = 120, 400
HERE = Path(__file__).parent
# The image that is read first costs the imports. The second is in the cache, document and all; of
# the third, which is the same under another name, the layers are.
WARM = """
import sys, time
import provenance as pv
pv.generate_sbom(sys.argv[1]).to_bytes("cyclonedx-json")
for image in sys.argv[2:]:
    start = time.perf_counter()
    pv.generate_sbom(image).to_bytes("cyclonedx-json")
    print((time.perf_counter() - start) * 1000)
"""


class Run(NamedTuple):
    """One run of one side."""

    seconds: float
    cpu: float
    megabytes: float


@dataclass(frozen=True)
class Side:
    """A command that takes turns."""

    command: Sequence[str]
    prepare: Callable[[], None] | None = None
    """Called before each run."""
    slow: bool = False
    """Takes up to minutes: no round to warm up, and three at most."""


class Bench:
    """What was measured, and what fell short."""

    def __init__(self, out: Path, scratch: Path, runs: int) -> None:
        self.out, self.scratch, self.runs = out, scratch, runs
        self.environment = {
            **os.environ,
            "HOME": str(scratch),
            "XDG_CACHE_HOME": str(scratch / "cache"),
            "SYFT_CHECK_FOR_APP_UPDATE": "false",
            **trivy.SURROUNDINGS,
            "PYTHONDONTWRITEBYTECODE": "",  # what is installed has been compiled
        }
        self.figures: dict[str, Any] = {}
        self.lines: list[str] = []
        self.short: list[str] = []
        self.missing: list[str] = []
        self.syft, self.trivy = self._peer("syft"), self._peer("trivy")
        path = shutil.which("syft")
        self.other_syft = path if self.syft and path != self.syft else None
        help_text = subprocess.run(
            [sys.executable, "-m", "provenance", "sbom", "generate", "--help"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        self.has = {name: name in help_text for name in ("--no-cache", "--verify", "--files")}
        for name, there in self.has.items():
            if not there:
                self.tell(f"sbom generate has no {name}: not measured with it")

    def _peer(self, name: str) -> str | None:
        found = peer(name) or shutil.which(name)
        if found is None and name == "syft":
            self.missing.append(name)
        elif found is None:
            self.tell(f"{name} is not on this machine: not measured")
        return found

    def tell(self, line: str) -> None:
        """Print at the end."""
        self.lines.append(line)

    def run(self, command: Sequence[str]) -> tuple[Run, str]:
        """One run, by a small process that measures it; and what it printed."""
        launch = [sys.executable, "-c", LAUNCH, *command]
        done = subprocess.run(
            launch, check=False, capture_output=True, text=True, env=self.environment
        )
        # What a document is printed to has no line end of its own.
        printed, bracket, figures = done.stdout.rstrip().rpartition("[")
        code, seconds, cpu, megabytes = json.loads(bracket + figures)
        if code:
            sys.exit(f"{' '.join(command)}\nended with {code}: {done.stderr[-3000:]}")
        return Run(seconds, cpu, megabytes), printed

    def take_turns(self, part: str, sides: Mapping[str, Side]) -> dict[str, list[Run]]:
        """Every side in turn."""
        taken: dict[str, list[Run]] = {name: [] for name in sides}
        for number in range(self.runs + 1):
            for name, side in sides.items():
                if side.slow and not 1 <= number <= 3:
                    continue
                if side.prepare is not None:
                    side.prepare()
                run, _ = self.run(side.command)
                if number:
                    taken[name].append(run)
        self._show(part, taken)
        return taken

    def _show(self, part: str, taken: Mapping[str, Sequence[Run]]) -> None:
        told = self.figures.setdefault(part, {})
        for name, runs in taken.items():
            seconds = [run.seconds for run in runs]
            told[name] = t = {
                "median_s": round(statistics.median(seconds), 3),
                "min_s": round(min(seconds), 3),
                "max_s": round(max(seconds), 3),
                "cpu_s": round(statistics.median(run.cpu for run in runs), 3),
                "peak_mb": round(max(run.megabytes for run in runs), 1),
                "runs": len(runs),
            }
            self.tell(
                f"{part:7} {name:14} {t['median_s']:8} s ({t['min_s']} to {t['max_s']}), "
                f"cpu {t['cpu_s']}, peak {t['peak_mb']} MB"
            )

    def generate(self, image: str, *more: str, cached: bool = False) -> list[str] | None:
        """Our command; None where it has not got an option that it needs."""
        if not all(self.has[option] for option in more if option.startswith("--")):
            return None
        if self.has["--no-cache"] and not cached:
            more = (*more, "--no-cache")
        command = [sys.executable, "-m", "provenance", "sbom", "generate", image]
        return [*command, "-o", "cyclonedx-json", *more]

    def ours(self, image: str, names: Iterable[str]) -> dict[str, Side]:
        """Our sides of those variants, where this version has them."""
        made = {name: self.generate(image, *VARIANTS[name]) for name in names}
        return {name: Side(command) for name, command in made.items() if command is not None}

    def peers(self, syft_source: str, path: Path) -> dict[str, Side]:
        """The others on the same image."""
        sides = {}
        for name, program in (("syft", self.syft), ("syft on PATH", self.other_syft)):
            if program:
                command = [program, f"{syft_source}:{path}", "-q", "-o", "cyclonedx-json"]
                sides[name] = Side(command, slow=True)
        if self.trivy:
            cache = self.scratch / "trivy"
            command = trivy.command(self.trivy, cache, path)
            sides["trivy"] = Side(command, prepare=partial(trivy.empty_cache, cache), slow=True)
            sides["trivy starts"] = Side([self.trivy, "--version"], slow=True)
        return sides

    def hold(
        self, part: str, what: str, value: float, spread: str, *, bar: float, most: bool
    ) -> None:
        """Compare with a bar: `most` of it, or at least it."""
        self.figures.setdefault("bars", {})[f"{part}: {what}"] = round(value, 3)
        word = "at most" if most else "at least"
        self.tell(f"{part:7} {what}: {value:.2f}{spread} (bar: {word} {bar:g})")
        if (value > bar) if most else (value < bar):
            self.short.append(f"{part}: {what} is {value:.2f}, not {word} {bar:g}")

    def hold_floor(self, part: str, taken: Mapping[str, Sequence[Run]]) -> None:
        """CPU against that of the floor in the same round."""
        for name, bar in TO_FLOOR.items():
            if name in taken:
                pairs = zip(taken[name], taken["floor"], strict=True)
                ratios = [run.cpu / floor.cpu for run, floor in pairs]
                spread = f" ({min(ratios):.2f} to {max(ratios):.2f})"
                what = f"cpu of {name} to the floor"
                self.hold(part, what, statistics.median(ratios), spread, bar=bar, most=True)

    def hold_peers(self, part: str, taken: Mapping[str, Sequence[Run]]) -> None:
        """Wall time of the others against ours."""

        def median(name: str) -> float:
            return statistics.median(run.seconds for run in taken[name])

        for name, bar in TO_PEERS[part].items():
            if name in taken:
                own_start = median("trivy starts") if name == "trivy" else 0.0
                ratio = (median(name) - own_start) / median("ours")
                self.hold(part, f"{name} to ours", ratio, "", bar=bar, most=False)


def measure_large(bench: Bench) -> None:
    """Every variant against the floor, and the peers."""
    image = bench.out / "large"
    sides = {"floor": Side([sys.executable, str(HERE / "floor.py"), str(image)])}
    sides |= bench.ours(f"oci:{image}:1", VARIANTS) | bench.peers("oci-dir", image)
    taken = bench.take_turns("large", sides)
    bench.hold_floor("large", taken)
    bench.hold_peers("large", taken)
    peak = max(run.megabytes for run in taken["ours"])
    bench.hold("large", "peak MB", peak, "", bar=PEAK_MB, most=True)


def measure_small(bench: Bench) -> None:
    """Start-up counts here."""
    image = bench.out / "small"
    sides = {"floor": Side([sys.executable, str(HERE / "floor.py"), str(image)])}
    sides |= bench.ours(f"oci:{image}:1", ["ours"]) | bench.peers("oci-dir", image)
    bench.hold_peers("small", bench.take_turns("small", sides))


def measure_docker(bench: Bench) -> None:
    """Nothing to unpack."""
    archive = bench.out / "large.docker.tar"
    sides = {"floor": Side([sys.executable, str(HERE / "floor.py"), str(archive)])}
    sides |= bench.ours(f"docker-archive:{archive}", ["ours"])
    sides |= bench.peers("docker-archive", archive)
    bench.hold_peers("docker", bench.take_turns("docker", sides))


def measure_warm(bench: Bench) -> None:
    """With every layer in the cache; a version without one reads them all again."""
    image = f"oci:{bench.out / 'large'}:1"
    command = bench.generate(image, cached=True)
    if not bench.has["--no-cache"] or command is None:
        return
    bench.take_turns("warm", {"command": Side(command)})
    # One that shares no layer with it, if it was built.
    other = next(n for n in ("rpm", "small") if (bench.out / n / "index.json").exists())
    first = f"oci:{bench.out / other}:1"
    renamed = bench.scratch / "renamed"
    renamed.symlink_to((bench.out / "large").resolve())
    told = []
    for _ in range(bench.runs):
        _, printed = bench.run([sys.executable, "-c", WARM, first, image, f"oci:{renamed}:1"])
        shutil.rmtree(bench.scratch / "cache", ignore_errors=True)
        bench.run(command)
        told.append([float(word) for word in printed.split()])
    for name, values in zip(("same image", "same layers"), zip(*told, strict=True), strict=True):
        spread = [round(v, 1) for v in (statistics.median(values), min(values), max(values))]
        bench.figures["warm"][f"{name}_ms"] = spread
        bench.tell(f"warm    {name:14} {spread[0]:8} ms ({spread[1]} to {spread[2]})")


def measure_entries(bench: Bench, entries: int) -> None:
    """Memory where there is much to walk and nothing to find."""
    folder = bench.out / "many"
    write_many(folder, entries)
    command = bench.generate(f"oci:{folder}:1")
    if command is None:
        return
    taken = bench.take_turns("entries", {"ours": Side(command, slow=True)})
    peak = max(run.megabytes for run in taken["ours"])
    bench.hold("entries", f"peak MB on {entries:,}", peak, "", bar=MANY_PEAK_MB, most=True)


def main() -> None:
    """Measure, print, and with --check compare with the bars."""
    parser = options(__doc__, runs=7)
    parser.add_argument("out", type=Path, help="what build_image.py wrote")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="parts")
    parser.add_argument("--entries", type=int, default=3_000_000, help="of the part of that name")
    chosen = parser.parse_args()
    out = chosen.out.absolute()
    if not (out / "large" / "index.json").exists():
        sys.exit(f"no images in {out}: python benchmarks/build_image.py {out}")
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(out, Path(scratch), chosen.runs)
        for part in chosen.only:
            if part == "entries":
                measure_entries(bench, chosen.entries)
            else:
                MEASURES[part](bench)
    finish(chosen, bench.figures, bench.lines, missing=bench.missing, short=bench.short)


MEASURES = {
    "large": measure_large,
    "small": measure_small,
    "docker": measure_docker,
    "warm": measure_warm,
}


if __name__ == "__main__":
    main()
