"""What starting costs: `import provenance`, and `provenance --version`.

Bars: the import adds less than 50 ms to Python's own start; `--version` takes less than 150 ms
in all. The floor is an interpreter that does nothing. Both run interleaved with it.

    python benchmarks/startup.py [--json] [--check] [--runs N]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time

IMPORT_BAR_MS, VERSION_BAR_MS = 50, 150
COMMANDS = {
    "floor": [sys.executable, "-c", "pass"],
    "import": [sys.executable, "-c", "import provenance"],
    "version": [sys.executable, "-m", "provenance", "--version"],
}


def measure(runs: int) -> dict[str, list[float]]:
    """Milliseconds of each command, taken in turns."""
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for number in range(runs + 1):
        for name, command in COMMANDS.items():
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            if number:  # the first fills the page cache
                taken[name].append((time.perf_counter() - start) * 1000)
    return taken


def main() -> None:
    """Measure, print, and with --check compare with the bars."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--runs", type=int, default=11)
    options = parser.parse_args()
    taken = measure(options.runs)
    medians = {name: statistics.median(values) for name, values in taken.items()}
    added = medians["import"] - medians["floor"]
    figures = {
        "floor_ms": round(medians["floor"], 1),
        "import_added_ms": round(added, 1),
        "version_ms": round(medians["version"], 1),
        "version_to_floor": round(medians["version"] / medians["floor"], 2),
        "spread_ms": {n: [round(min(v), 1), round(max(v), 1)] for n, v in taken.items()},
    }
    if options.json:
        print(json.dumps(figures))
    else:
        print(f"python -c pass        {figures['floor_ms']:7} ms (the floor)")
        print(f"import provenance    +{figures['import_added_ms']:7} ms (bar {IMPORT_BAR_MS})")
        print(f"provenance --version  {figures['version_ms']:7} ms (bar {VERSION_BAR_MS})")
        print(f"  {figures['version_to_floor']} x the floor; spread {figures['spread_ms']}")
    if options.check and (added >= IMPORT_BAR_MS or medians["version"] >= VERSION_BAR_MS):
        sys.exit(1)


if __name__ == "__main__":
    main()
