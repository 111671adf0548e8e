"""What `registry.py` runs with: registries written in Go, and whole processes beside them."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from side_by_side import peer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = ["Bench", "Run", "Server", "server"]

# Starts a command and prints what it took. By a small process, as Linux counts the memory of who
# started a process as the process's own until it has its own.
LAUNCH = """
import json, os, sys, time
start = time.perf_counter()
child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
_, status, used = os.wait4(child, 0)
seconds, code = time.perf_counter() - start, os.waitstatus_to_exitcode(status)
told = [code, seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]
print(json.dumps(told), flush=True)
"""


@dataclass(frozen=True)
class Run:
    """One run of one side."""

    seconds: float
    cpu: float
    megabytes: float
    """The most that was resident."""
    server: float
    """CPU seconds of the registries meanwhile."""


class Server:
    """distribution on a free port of loopback."""

    def __init__(self, program: str, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.host = f"127.0.0.1:{probe.getsockname()[1]}"
        config = folder / "registry.yml"
        config.write_text(
            "version: 0.1\n"
            "log: {level: error, accesslog: {disabled: true}}\n"
            f"storage: {{filesystem: {{rootdirectory: {folder / 'store'}}}}}\n"
            f"http: {{addr: '{self.host}'}}\n"
        )
        self._process = subprocess.Popen(
            [program, "serve", str(config)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OTEL_TRACES_EXPORTER": "none"},
        )
        name, _, port = self.host.partition(":")
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection((name, int(port))):
                return
            time.sleep(0.05)
        self.stop()
        sys.exit("the registry did not open its port")

    def cpu(self) -> float:
        """Seconds so far; 0 where the system does not tell."""
        try:
            fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(timeout=20)


@contextlib.contextmanager
def server(program: str) -> Iterator[Server]:
    """A registry whose content goes with it."""
    with tempfile.TemporaryDirectory() as folder:
        started = Server(program, Path(folder))
        try:
            yield started
        finally:
            started.stop()


class Bench:
    """What every part needs: the registries, how to run a command, and what came of it."""

    def __init__(self, first: Server, second: Server, folder: Path, runs: int) -> None:
        self.first, self.second, self.folder, self.runs = first, second, folder, runs
        # As an installed library runs: compiled once, whatever this machine thinks of that.
        self._environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "PYTHONPYCACHEPREFIX": str(folder / "compiled"),
            "PYTHONDONTWRITEBYTECODE": "",
            "HOME": str(folder),
        }
        self.figures: dict[str, Any] = {}
        self.lines: list[str] = []
        self.short: list[str] = []
        self.missing: list[str] = []

    def run(self, command: Sequence[str]) -> tuple[Run, str]:
        """One process and what it printed."""
        before = self.first.cpu() + self.second.cpu()
        launched = [sys.executable, "-I", "-S", "-c", LAUNCH, *command]
        done = subprocess.run(
            launched, capture_output=True, text=True, env=self._environment, check=True
        )
        spent = self.first.cpu() + self.second.cpu() - before
        told, _, figures = done.stdout.rstrip().rpartition("\n")
        code, seconds, cpu, megabytes = json.loads(figures)
        if code:
            sys.exit(f"{' '.join(command)[:300]}\n{told}\n{done.stderr}")
        return Run(seconds, cpu, megabytes, spent), told

    def many(self, commands: Sequence[Sequence[str]], width: int) -> Run:
        """Many processes, `width` of them at once, as one run; their memory is not told."""

        def one(command: Sequence[str]) -> float:
            process = subprocess.Popen(
                command,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=self._environment,
            )
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                raise OSError(f"{' '.join(command)} ended with {process.returncode}")
            return used.ru_utime + used.ru_stime

        before, start = self.first.cpu() + self.second.cpu(), time.perf_counter()
        with ThreadPoolExecutor(width) as pool:
            cpu = sum(pool.map(one, commands))
        seconds = time.perf_counter() - start
        return Run(seconds, cpu, 0, self.first.cpu() + self.second.cpu() - before)

    def turns(self, sides: Mapping[str, Callable[[int], Run]]) -> dict[str, list[Run]]:
        """Every side in turn; a first round, not counted, warms caches."""
        taken: dict[str, list[Run]] = {name: [] for name in sides}
        for number in range(self.runs + 1):
            for name, side in sides.items():
                run = side(number)
                if number:
                    taken[name].append(run)
        return taken

    def tell(self, part: str, taken: Mapping[str, Sequence[Run]]) -> dict[str, dict[str, float]]:
        """Medians and the spread of the time."""
        told = {}
        for name, runs in taken.items():
            seconds = [run.seconds for run in runs]
            told[name] = {
                "median_s": round(statistics.median(seconds), 3),
                "min_s": round(min(seconds), 3),
                "max_s": round(max(seconds), 3),
                "cpu_s": round(statistics.median(run.cpu for run in runs), 3),
                "peak_mb": round(max(run.megabytes for run in runs), 1),
                "server_cpu_s": round(statistics.median(run.server for run in runs), 3),
            }
            t = told[name]
            self.lines.append(
                f"{part:8} {name:14} {t['median_s']:7} s ({t['min_s']} to {t['max_s']}), "
                f"cpu {t['cpu_s']}, server cpu {t['server_cpu_s']}"
                + (f", peak {t['peak_mb']} MB" if t["peak_mb"] else "")
            )
        self.figures[part] = told
        return told

    def hold(self, part: str, what: str, value: float, *, at_most: float) -> None:
        """A bar."""
        self.figures.setdefault("bars", {})[f"{part}: {what}"] = round(value, 2)
        self.lines.append(f"{part:8} {what}: {value:.2f} (bar {at_most})")
        if value > at_most:
            self.short.append(f"{part}: {what} is {value:.2f}, more than {at_most}")

    def program(self, name: str) -> str | None:
        """A peer; one that is not there is told once."""
        found = peer(name)
        if found is None and name not in self.missing:
            self.missing.append(name)
        return found
