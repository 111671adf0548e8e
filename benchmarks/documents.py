"""Reading large SBOMs and asking for packages, beside the field's own libraries and a floor.

The question: read the document and choose the packages of one type. The floor is a program that
knows only this document: it reads the bytes and decodes them with typed `msgspec` structs, and
answers nothing; it collects no garbage meanwhile, as we do not. Documents are made by
`large_documents.py`. Times are of the processor, the machine being shared; nothing here runs in
threads. Bars, at 50,000 packages:

- at least 100 times as fast as cyclonedx-python-lib, at the largest size that finishes within
  `--patience` seconds (how its time grows with the size is shown);
- at least 50 times as fast as spdx-tools;
- at most 1.8 of the floor, in either format;
- at most 2.5 bytes of memory for a byte of the file;
- the choice alone at most 10 % of reading, `to_arrow` with all columns at most 50 % of it;
- a diff of two documents at most 1.5 of the time of reading both.

    python benchmarks/documents.py [--json] [--check] [--runs N] [--packages N]
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import large_documents
import msgspec
from side_by_side import finish, options

import provenance as pv
from provenance.sbom.collection import paused_collection

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

KIND = "deb"
EVERYDAY = ("name", "version", "type", "purl", "licenses", "supplier")
CHILD = """
import re, sys
from pathlib import Path
from provenance.sbom import read_sbom

def peak():
    return int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1])

small = b'{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"purl":"pkg:deb/a/b"}]}'
read_sbom(small).packages.where(type="deb")
before = peak()
found = read_sbom(sys.argv[1]).packages
chosen = found.where(type="deb")
print((peak() - before) * 1024)
"""


class _Component(msgspec.Struct, gc=False):
    name: str
    version: str
    purl: str
    type: str
    licenses: msgspec.Raw
    hashes: msgspec.Raw
    properties: msgspec.Raw


class _Bom(msgspec.Struct, gc=False):
    components: list[_Component]


class _Reference(msgspec.Struct, gc=False, rename="camel"):
    reference_type: str
    reference_locator: str


class _Package(msgspec.Struct, gc=False, rename="camel"):
    name: str
    version_info: str = ""
    license_declared: str = ""
    external_refs: list[_Reference] = []
    checksums: msgspec.Raw = msgspec.Raw()


class _Spdx(msgspec.Struct, gc=False):
    packages: list[_Package]


def ours(path: Path) -> int:
    """Read and choose."""
    return len(pv.read_sbom(path).packages.where(type=KIND))


def cyclonedx_floor(path: Path) -> int:
    """Read and decode."""
    with paused_collection():
        return len(msgspec.json.decode(path.read_bytes(), type=_Bom).components)


def spdx_floor(path: Path) -> int:
    """Read and decode."""
    with paused_collection():
        return len(msgspec.json.decode(path.read_bytes(), type=_Spdx).packages)


def cyclonedx_peer(path: Path) -> int:
    """Read and choose with cyclonedx-python-lib."""
    import json

    from cyclonedx.model.bom import Bom

    bom: Any = Bom.from_json(json.loads(path.read_bytes()))  # type: ignore[attr-defined]
    return sum(1 for c in bom.components if c.purl is not None and c.purl.type == KIND)


def spdx_peer(path: Path) -> int:
    """Read and choose with spdx-tools, which does not take purls apart."""
    from spdx_tools.spdx.parser.parse_anything import parse_file

    document = parse_file(str(path))
    return sum(
        any(r.locator.startswith(f"pkg:{KIND}/") for r in p.external_references)
        for p in document.packages
    )


def seconds(work: Callable[[], object]) -> float:
    """Of processor, of one run; what it returned is let go of outside of it."""
    start = time.process_time()
    kept = work()
    spent = time.process_time() - start
    del kept
    return spent


def in_turns(works: Mapping[str, Callable[[], object]], runs: int) -> dict[str, list[float]]:
    """Seconds of each, interleaved; a first round is not counted."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for number in range(runs + 1):
        for name, work in works.items():
            spent = seconds(work)
            if number:
                taken[name].append(spent)
    return taken


def beside_floor(path: Path, floor: Callable[[Path], int], runs: int) -> dict[str, Any]:
    """Our answer and the floor, in turns; the ratio is that of neighbours, and its median."""
    taken = in_turns({"ours": lambda: ours(path), "floor": lambda: floor(path)}, runs)
    ratios = [a / b for a, b in zip(taken["ours"], taken["floor"], strict=True)]
    return {
        **{f"{name}_ms": summary(values) for name, values in taken.items()},
        "ratio": round(statistics.median(ratios), 2),
        "ratio_spread": [round(min(ratios), 2), round(max(ratios), 2)],
    }


def summary(values: list[float]) -> list[float]:
    """Median, least and most, in milliseconds."""
    three = (statistics.median(values), min(values), max(values))
    return [round(value * 1000, 1) for value in three]


def parts(path: Path, runs: int) -> dict[str, Any]:
    """Reading, the first choice, and a table of all columns, each beside the reading before it."""
    choices, tables, everyday, reads = [], [], [], []
    for number in range(runs + 1):
        start = time.process_time()
        packages = pv.read_sbom(path).packages
        read = time.process_time() - start
        choice = seconds(lambda found=packages: found.where(type=KIND))  # type: ignore[misc]
        few = seconds(lambda found=packages: found.to_arrow(*EVERYDAY))  # type: ignore[misc]
        table = seconds(pv.read_sbom(path).packages.to_arrow)
        if number:
            reads.append(read)
            choices.append(choice / read)
            everyday.append(few / read)
            tables.append(table / read)
    return {
        "read_ms": summary(reads),
        "choice_of_read": round(statistics.median(choices), 3),
        "everyday_to_arrow_of_read": round(statistics.median(everyday), 2),
        "to_arrow_of_read": round(statistics.median(tables), 2),
    }


def memory(path: Path) -> float:
    """Bytes that a process of its own needs for a byte of the file, beyond the imports."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(path)], check=True, capture_output=True, text=True
    )
    return round(int(done.stdout) / path.stat().st_size, 2)


def beside_cyclonedx(folder: Path, largest: int, patience: float) -> dict[str, Any]:
    """Sizes doubled while the peer finishes in time; both on the same files."""
    growth: dict[int, dict[str, float]] = {}
    size, spent = 1000, 0.0
    while size <= largest and spent * 5 < patience:
        path = folder / f"growth-{size}.json"
        path.write_bytes(large_documents.cyclonedx(size))
        spent = seconds(lambda path=path: cyclonedx_peer(path))  # type: ignore[misc]
        mine = statistics.median(in_turns({"ours": lambda path=path: ours(path)}, 5)["ours"])  # type: ignore[misc]
        growth[size] = {"peer_s": round(spent, 2), "ours_s": round(mine, 4)}
        growth[size]["times"] = round(spent / mine)
        size *= 2
    return {"growth": growth, "at": max(growth), "times": growth[max(growth)]["times"]}


def diff(old: Path, new: Path, runs: int) -> float | None:
    """Of two documents, over the time of reading both; None where diffs are not made yet."""
    compare = getattr(pv, "diff_sboms", None)
    if compare is None:
        return None
    ratios = []
    for number in range(runs + 1):
        start = time.process_time()
        before, after = pv.read_sbom(old), pv.read_sbom(new)
        _ = before.packages, after.packages
        read = time.process_time() - start
        spent = seconds(lambda a=before, b=after: compare(a, b))  # type: ignore[misc]
        ratios += [spent / read] if number else []
    return round(statistics.median(ratios), 2)


def measure(folder: Path, count: int, runs: int, patience: float) -> dict[str, Any]:
    """Every figure."""
    paths = large_documents.write(folder, count)
    figures: dict[str, Any] = {
        "packages": count,
        "megabytes": {name: round(p.stat().st_size / 1e6, 1) for name, p in paths.items()},
        "cpus": os.cpu_count(),
    }
    for name, floor in (("cyclonedx", cyclonedx_floor), ("spdx", spdx_floor)):
        figures[name] = beside_floor(paths[name], floor, runs)
        figures[name] |= parts(paths[name], runs)
        figures[name]["memory_of_file"] = memory(paths[name])
    peer = seconds(lambda: spdx_peer(paths["spdx"]))
    figures["spdx_tools"] = {
        "peer_s": round(peer, 2),
        "times": round(peer * 1000 / figures["spdx"]["ours_ms"][0]),
    }
    figures["cyclonedx_python_lib"] = beside_cyclonedx(folder, count, patience)
    figures["diff_of_reading_both"] = diff(paths["cyclonedx"], paths["later"], max(1, runs // 3))
    return figures


def misses(figures: Mapping[str, Any]) -> list[str]:
    """The bars of the docstring that are not met."""
    bars: list[tuple[str, float, float]] = []
    for name in ("cyclonedx", "spdx"):
        found = figures[name]
        bars += [
            (f"{name}: ratio to the floor", found["ratio"], 1.8),
            (f"{name}: memory for a byte of the file", found["memory_of_file"], 2.5),
            (f"{name}: choice, part of reading", found["choice_of_read"], 0.1),
            (f"{name}: to_arrow, part of reading", found["to_arrow_of_read"], 0.5),
        ]
    if figures["diff_of_reading_both"] is not None:
        bars.append(("diff, part of reading both", figures["diff_of_reading_both"], 1.5))
    short = [f"{what} {value} (at most {bar})" for what, value, bar in bars if value > bar]
    for name, least in (("cyclonedx_python_lib", 100), ("spdx_tools", 50)):
        if figures[name]["times"] < least:
            short.append(f"{figures[name]['times']} times {name} (at least {least})")
    return short


def told(figures: Mapping[str, Any]) -> list[str]:
    """Lines for people."""
    lines = []
    for name in ("cyclonedx", "spdx"):
        f = figures[name]
        lines += [
            f"{name}, {figures['packages']} packages, {figures['megabytes'][name]} MB",
            f"  ours {f['ours_ms']} ms, floor {f['floor_ms']} ms (median, least, most)",
            f"  ratio to the floor {f['ratio']} {f['ratio_spread']} (bar 1.8)",
            f"  memory {f['memory_of_file']} of the file (bar 2.5)",
            f"  read {f['read_ms']} ms; choice {f['choice_of_read']} of it (bar 0.1)",
            f"  to_arrow {f['to_arrow_of_read']} of it (bar 0.5); of {', '.join(EVERYDAY)} alone",
            f"  {f['everyday_to_arrow_of_read']} of it",
        ]
    peer = figures["cyclonedx_python_lib"]
    lines += [
        f"cyclonedx-python-lib, {size} packages: {x['peer_s']} s, ours {x['ours_s']} s: "
        f"{x['times']} times (bar 100)"
        for size, x in peer["growth"].items()
    ]
    tools = figures["spdx_tools"]
    lines.append(f"spdx-tools: {tools['peer_s']} s: {tools['times']} times (bar 50)")
    ratio = figures["diff_of_reading_both"]
    lines.append(
        "diff: skipped, there is no provenance.diff_sboms yet"
        if ratio is None
        else f"diff: {ratio} of reading both (bar 1.5)"
    )
    return lines


def main() -> None:
    """Measure, print, and with --check compare with the bars."""
    parser = options(__doc__, runs=7)
    parser.add_argument("--packages", type=int, default=50_000)
    parser.add_argument("--patience", type=float, default=60, help="seconds for the slowest peer")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        figures = measure(Path(name), chosen.packages, chosen.runs, chosen.patience)
    finish(chosen, figures, told(figures), short=misses(figures))


if __name__ == "__main__":
    main()
