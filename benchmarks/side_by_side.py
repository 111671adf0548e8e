"""What the benchmarks share: where peers are, and whole commands timed in turns."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["finish", "options", "peer", "take_turns", "told"]


def options(description: str | None, *, runs: int) -> argparse.ArgumentParser:
    """The options every benchmark has."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print the figures as one object")
    parser.add_argument("--check", action="store_true", help="exit 1 below a bar, or for a peer")
    parser.add_argument("--runs", type=int, default=runs, help="of each command")
    return parser


def peer(name: str) -> str | None:
    """Where tests/peers/install.py puts it; None where it is not installed."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = os.environ.get("PROVENANCE_PEERS") or f"{base}/provenance-peers"
    path = Path(folder) / "bin" / name
    return str(path) if path.exists() else None


def take_turns(
    commands: Mapping[str, Sequence[str]],
    runs: int,
    *,
    environment: Mapping[str, str] | None = None,
) -> dict[str, list[float]]:
    """Milliseconds of each whole command, interleaved; a first round, not counted, warms caches."""
    taken: dict[str, list[float]] = {name: [] for name in commands}
    surroundings = {**os.environ, **(environment or {})}
    for number in range(runs + 1):
        for name, command in commands.items():
            start = time.perf_counter()
            done = subprocess.run(command, check=False, capture_output=True, env=surroundings)
            spent = (time.perf_counter() - start) * 1000
            if done.returncode != 0:
                sys.exit(f"{name} ended with {done.returncode}: {done.stderr.decode()}")
            if number:
                taken[name].append(spent)
    return taken


def told(taken: Mapping[str, Sequence[float]]) -> dict[str, dict[str, float]]:
    """Median and spread of each, in milliseconds."""
    return {
        name: {
            "median_ms": round(statistics.median(values), 1),
            "min_ms": round(min(values), 1),
            "max_ms": round(max(values), 1),
        }
        for name, values in taken.items()
    }


def finish(
    chosen: argparse.Namespace,
    figures: Mapping[str, Any],
    lines: Sequence[str],
    *,
    missing: Sequence[str] = (),
    short: Sequence[str] = (),
) -> None:
    """Print, and with --check exit 1 for a bar that is not met or a peer that is not there."""
    if chosen.json:
        print(json.dumps({**figures, "missing": list(missing), "short": list(short)}))
    else:
        for line in lines:
            print(line)
        for name in missing:
            print(f"{name} is missing: python3 tests/peers/install.py")
        for bar in short:
            print(f"falls short: {bar}")
    if chosen.check and (missing or short):
        sys.exit(1)
