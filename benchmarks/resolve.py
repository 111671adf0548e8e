"""From a tag to a digest: whole commands against oras, and requests against the floor of one.

Bars: `provenance.resolve` of a tag is one request once a token is held. The command is compared
with `oras resolve` (a compiled program) run in turns with it; the ratio is told, no bar set.

    python benchmarks/resolve.py [--json] [--check] [--runs N]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path


def oras() -> Path:
    """Where tests/peers/install.py puts it."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = os.environ.get("PROVENANCE_PEERS") or f"{base}/provenance-peers"
    return Path(folder) / "bin" / "oras"


def main() -> None:
    """Measure, print, and with --check compare with the bars."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--runs", type=int, default=9)
    options = parser.parse_args()
    import provenance as pv
    from provenance.testing import ImageBuilder, LocalRegistry

    with LocalRegistry(auth="bearer", username="u", password="p") as registry:
        tag = registry.reference("app:1")
        with pv.Registry(credentials={registry.host: ("u", "p")}) as session:
            ImageBuilder().layer({"a": b"b"}).push(tag, registry=session)
            pv.resolve(tag, registry=session)
            registry.clear_requests()
            pv.resolve(tag, registry=session)
            requests = len(registry.requests)
    with LocalRegistry() as registry:
        tag = registry.reference("app:1")
        ImageBuilder().layer({"a": b"b"}).push(tag)
        commands = {"provenance": [sys.executable, "-m", "provenance", "resolve", tag]}
        if oras().exists():
            commands["oras"] = [str(oras()), "resolve", "--plain-http", tag]
        taken: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(options.runs):
            for name, command in commands.items():
                start = time.perf_counter()
                subprocess.run(command, check=True, capture_output=True)
                taken[name].append((time.perf_counter() - start) * 1000)
    medians = {name: round(statistics.median(v), 1) for name, v in taken.items()}
    figures = {"requests": requests, "ms": medians}
    if options.json:
        print(json.dumps(figures))
    else:
        print(f"requests with a token held: {requests} (bar 1)")
        for name, value in medians.items():
            spread = f"{min(taken[name]):.0f} to {max(taken[name]):.0f}"
            print(f"{name:12} {value:7} ms ({spread})")
        if "oras" in medians:
            print(f"ratio to oras: {medians['provenance'] / medians['oras']:.1f}")
        else:
            print("oras is missing: python3 tests/peers/install.py")
    if options.check and (requests != 1 or "oras" not in medians):
        sys.exit(1)


if __name__ == "__main__":
    main()
