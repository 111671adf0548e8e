"""Registries: large images, many digests and many small copies, against a registry written in Go.

distribution 3 on loopback, storing on disk; runs interleaved; medians and spread. Beside the time
stands the registry's own CPU. On a machine that others use, believe the CPU and ratios alone.

Bars, each a ratio of medians:
- pull and push of 1 GB in 5 layers: wall time at most 1.15 x crane and 0.6 x oras-py, and at most
  60 MB of resident memory.
- 1,000 tags resolved to digests from 16 threads: CPU at most 1.3 x `requests.head` from the same
  threads, and at least 3 x the rate of oras-py. `crane digest`, 16 at once, is printed beside.
- 200 small images with 3 referrers each, copied between two registries: at most 1.3 x the
  faster of `regctl image copy --referrers` and `oras cp -r`, as many of them at once as we copy.

    python benchmarks/registry.py [--json] [--check] [--runs N] [--only PART ...] [--megabytes N]

crane and regctl come with `tests/peers/install.py --full`; who is missing is named, never guessed.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from go_registry import Bench, Run, server
from side_by_side import finish, options, peer

import provenance as pv
from provenance.oci.descriptor import Descriptor
from provenance.oci.layout import LayoutRepository
from provenance.oci.manifest import Manifest

if TYPE_CHECKING:
    from collections.abc import Callable

    from provenance.oci.repository import Writable

LAYERS = 5
TAGS, THREADS = 1000, 16
IMAGES, REFERRERS, WIDTH = 200, 3, 8
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"

COPY = "import sys, provenance; provenance.copy(sys.argv[1], sys.argv[2])"
ORAS_PULL = """
import sys, oras.client
oras.client.OrasClient(insecure=True).pull(target=sys.argv[1], outdir=sys.argv[2])
"""
ORAS_PUSH = """
import sys, oras.client
client = oras.client.OrasClient(insecure=True)
client.push(target=sys.argv[1], files=sys.argv[2:], disable_path_validation=True)
"""
# Each prints its CPU seconds and wall seconds for the tags alone, without its start.
RESOLVE = """
import resource, sys, threading, time
from concurrent.futures import ThreadPoolExecutor
from provenance.oci.media_types import MANIFEST_ACCEPT
who, host, tags, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
headers = {"Accept": MANIFEST_ACCEPT, "Accept-Encoding": "identity"}
local = threading.local()

def ours():
    from provenance.oci.registry import Registry
    repository = Registry().repository(f"{host}/small:t0")
    return lambda tag: repository.resolve(tag).digest

def bare():
    import requests
    def one(tag):
        if not hasattr(local, "session"):
            local.session = requests.Session()
        url = f"http://{host}/v2/small/manifests/{tag}"
        answer = local.session.head(url, headers=headers, timeout=30)
        answer.raise_for_status()
        return answer.headers["Docker-Content-Digest"]
    return one

def oras_py():
    import oras.client
    client = oras.client.OrasClient(insecure=True)
    def one(tag):
        answer = client.do_request(f"http://{host}/v2/small/manifests/{tag}", "HEAD", None, headers)
        answer.raise_for_status()
        return answer.headers["Docker-Content-Digest"]
    return one

one = {"provenance": ours, "requests.head": bare, "oras-py": oras_py}[who]()
one("t0")
before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
with ThreadPoolExecutor(threads) as pool:
    found = set(pool.map(one, [f"t{number}" for number in range(tags)]))
wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
assert len(found) == tags, len(found)
print(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall)
"""
COPIES = """
import sys, provenance as pv
from concurrent.futures import ThreadPoolExecutor
source, target, images, width = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
with pv.Registry() as registry, ThreadPoolExecutor(width) as pool:
    def one(number):
        pv.copy(f"{source}:t{number}", f"{target}:t{number}", referrers=True, registry=registry)
    list(pool.map(one, range(images)))
"""


def push(repository: Writable, data: bytes, media_type: str) -> Descriptor:
    """A blob of a few bytes."""
    descriptor = Descriptor.of(data, media_type)
    repository.push_blob(data, descriptor)
    return descriptor


def large_image(folder: Path, megabytes: int) -> list[str]:
    """A layout `folder/layout` of layers that do not compress, and the same as files."""
    layout, layers, files = LayoutRepository(folder / "layout"), [], []
    for number in range(LAYERS):
        data = os.urandom(megabytes // LAYERS << 20)
        path = folder / f"{number}.bin"
        path.write_bytes(data)
        files.append(str(path))
        layers.append(push(layout, data, LAYER))
    config = push(layout, b'{"architecture":"amd64","os":"linux","rootfs":{}}', CONFIG)
    layout.push_manifest(Manifest.build(config, layers), tag="1")
    return files


def pull_and_push(bench: Bench, megabytes: int) -> None:
    """Of one large image, whole processes."""
    host, folder = bench.first.host, bench.folder
    files = large_image(folder, megabytes)
    layout = folder / "layout"
    bench.run([sys.executable, "-c", COPY, f"oci:{layout}:1", f"{host}/large:1"])
    bench.run([sys.executable, "-c", ORAS_PUSH, f"{host}/files:1", *files])
    crane = bench.program("crane")

    def pulling(*command: str) -> Callable[[int], Run]:
        def one(_: int) -> Run:
            target = folder / "target"
            try:
                return bench.run([word.replace("TARGET", str(target)) for word in command])[0]
            finally:
                shutil.rmtree(target, ignore_errors=True)

        return one

    def pushing(name: str, *command: str) -> Callable[[int], Run]:
        def one(number: int) -> Run:
            target = f"{host}/pushed-{name}-{number}:1"  # a repository that has nothing yet
            return bench.run([word.replace("TARGET", target) for word in command])[0]

        return one

    python = sys.executable
    pulls = {
        "provenance": pulling(python, "-c", COPY, f"{host}/large:1", "oci:TARGET:1"),
        "oras-py": pulling(python, "-c", ORAS_PULL, f"{host}/files:1", "TARGET"),
    }
    pushes = {
        "provenance": pushing("ours", python, "-c", COPY, f"oci:{layout}:1", "TARGET"),
        "oras-py": pushing("oras-py", python, "-c", ORAS_PUSH, "TARGET", *files),
    }
    if crane:
        pulls["crane"] = pulling(crane, "pull", "--format=oci", f"{host}/large:1", "TARGET")
        pushes["crane"] = pushing("crane", crane, "push", str(layout), "TARGET")
    for part, sides in (("pull", pulls), ("push", pushes)):
        told = bench.tell(part, bench.turns(sides))
        ours = told["provenance"]
        bench.hold(part, "peak MB", ours["peak_mb"], at_most=60)
        for name, bar in (("crane", 1.15), ("oras-py", 0.6)):
            if name in told:
                ratio = ours["median_s"] / told[name]["median_s"]
                bench.hold(part, f"time against {name}", ratio, at_most=bar)


def resolve(bench: Bench) -> None:
    """A thousand tags from sixteen threads; the start of the process is not counted."""
    host = bench.first.host
    with pv.Registry() as registry, ThreadPoolExecutor(8) as pool:
        repository = registry.repository(f"{host}/small:t0")
        layer = push(repository, b"layer", LAYER)

        def make(number: int) -> None:
            config = push(repository, b'{"n":%d}' % number, CONFIG)
            repository.push_manifest(Manifest.build(config, [layer]), tag=f"t{number}")

        list(pool.map(make, range(TAGS)))

    def side(name: str) -> Callable[[int], Run]:
        def one(_: int) -> Run:
            run, told = bench.run(
                [sys.executable, "-c", RESOLVE, name, host, str(TAGS), str(THREADS)]
            )
            cpu, wall = map(float, told.split())
            return Run(wall, cpu, run.megabytes, run.server)

        return one

    def cranes(crane: str) -> Callable[[int], Run]:
        commands = [[crane, "digest", f"{host}/small:t{n}"] for n in range(TAGS)]
        return lambda _: bench.many(commands, THREADS)

    sides = {name: side(name) for name in ("provenance", "requests.head", "oras-py")}
    if crane := bench.program("crane"):
        sides["crane digest"] = cranes(crane)
    told = bench.tell("resolve", bench.turns(sides))
    ours = told["provenance"]
    ratio = ours["cpu_s"] / told["requests.head"]["cpu_s"]
    bench.hold("resolve", "CPU against requests.head", ratio, at_most=1.3)
    ratio = ours["median_s"] / told["oras-py"]["median_s"]
    bench.hold("resolve", "time against oras-py (a third)", ratio, at_most=0.33)


def copies(bench: Bench) -> None:
    """Many small images with referrers, from one registry to another."""
    source = f"{bench.first.host}/images"
    with pv.Registry() as registry, ThreadPoolExecutor(WIDTH) as pool:
        repository = registry.repository(f"{source}:t0")
        layer = push(repository, b"layer", LAYER)
        push(repository, b"{}", "application/vnd.oci.empty.v1+json")

        def make(number: int) -> None:
            config = push(repository, b'{"image":%d}' % number, CONFIG)
            image = repository.push_manifest(Manifest.build(config, [layer]), tag=f"t{number}")
            for kind in range(REFERRERS):
                blob = push(repository, b"%d of %d" % (kind, number), "text/plain")
                repository.push_manifest(
                    Manifest.build(
                        *(config, [blob]), subject=image, artifact_type=f"application/vnd.{kind}"
                    )
                )

        list(pool.map(make, range(IMAGES)))

    def ours(number: int) -> Run:
        target = f"{bench.second.host}/ours-{number}"
        command = [sys.executable, "-c", COPIES, source, target, str(IMAGES), str(WIDTH)]
        return bench.run(command)[0]

    def processes(name: str, *words: str) -> Callable[[int], Run]:
        def one(number: int) -> Run:
            target = f"{bench.second.host}/{name}-{number}"
            pairs = [(f"{source}:t{n}", f"{target}:t{n}") for n in range(IMAGES)]
            return bench.many([[*words, *pair] for pair in pairs], WIDTH)

        return one

    sides: dict[str, Callable[[int], Run]] = {"provenance": ours}
    if regctl := bench.program("regctl"):
        for host in (bench.first.host, bench.second.host):
            bench.run([regctl, "registry", "set", "--tls", "disabled", "--skip-check", host])
        sides["regctl"] = processes("regctl", regctl, "image", "copy", "--referrers")
    if oras := bench.program("oras"):
        plain = ("--from-plain-http", "--to-plain-http")
        sides["oras cp -r"] = processes("oras", oras, "cp", "-r", *plain)
    told = bench.tell("copies", bench.turns(sides))
    others = [t["median_s"] for name, t in told.items() if name != "provenance"]
    if others:
        ratio = told["provenance"]["median_s"] / min(others)
        bench.hold("copies", "time against the faster of the others", ratio, at_most=1.3)


def main() -> None:
    """Measure, print, and with --check compare with the bars."""
    parser = options(__doc__, runs=7)
    parser.add_argument(
        "--only", nargs="+", choices=["large", "resolve", "copies"], help="these parts alone"
    )
    parser.add_argument("--megabytes", type=int, default=1000, help="of the large image")
    chosen = parser.parse_args()
    program = peer("registry")
    if program is None:
        finish(chosen, {}, [], missing=["registry"])
        return
    with (
        tempfile.TemporaryDirectory() as folder,
        server(program) as first,
        server(program) as second,
    ):
        bench = Bench(first, second, Path(folder), chosen.runs)
        wanted = chosen.only or ["large", "resolve", "copies"]
        if "large" in wanted:
            pull_and_push(bench, chosen.megabytes)
        if "resolve" in wanted:
            resolve(bench)
        if "copies" in wanted:
            copies(bench)
    finish(chosen, bench.figures, bench.lines, missing=bench.missing, short=bench.short)


if __name__ == "__main__":
    main()
