"""A copy that is killed: the next one ends it, and nothing of the first is left lying about.

Where it dies is counted, not timed: in files opened and renamed, connections and blocks moved, of
which an undisturbed copy tells how many there are.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

import provenance
from provenance.oci.descriptor import EMPTY_DESCRIPTOR, Descriptor
from provenance.oci.manifest import Manifest
from provenance.oci.registry import Registry
from provenance.settings import Settings
from provenance.testing import LocalRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked and killed")

MOMENTS = 20
SEED = 3
SETTINGS = Settings(retries=0, timeout=10, workers=4)

# Imports once and forks for each copy, before it has any thread.
CHILD = """
import itertools, json, os, signal, sys
import provenance
import provenance.oci.layout, provenance.oci.registry, provenance.transport.connections
from provenance.settings import Settings

EVENTS = {"open", "os.rename", "os.remove", "os.mkdir", "os.chmod", "tempfile.mkstemp",
          "socket.connect", "http.client.send"}

def run(source, target, moment):
    steps = itertools.count(1)
    last = 0
    def step(*_):
        nonlocal last
        last = next(steps)
        if last == moment:
            os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(lambda event, _: step() if event in EVENTS else None)
    settings = Settings(retries=0, timeout=10, workers=4)
    provenance.copy(source, target, referrers=True, settings=settings, progress=step)
    return last

for line in sys.stdin:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.write(writing, str(run(*json.loads(line))).encode())
        os._exit(0)
    os.close(writing)
    with open(reading) as told:
        steps = int(told.read() or 0)
    _, status = os.waitpid(child, 0)
    print(json.dumps([os.waitstatus_to_exitcode(status), steps]), flush=True)
"""


class Copier:
    """Copies in processes of their own, killed at a step or let be."""

    def __init__(self, folder: Path) -> None:
        self.temporary, self.cache = folder / "tmp", folder / "cache"
        self.temporary.mkdir()
        self._process = subprocess.Popen(
            [sys.executable, "-c", CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "TMPDIR": str(self.temporary),
                "PROVENANCE_CACHE_DIR": str(self.cache),
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            },
        )

    def copy(self, source: str, target: str, moment: int = 0) -> tuple[int, int]:
        """How the process ended, and after how many steps if it did by itself."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([source, target, moment]) + "\n")
        self._process.stdin.flush()
        code, steps = json.loads(self._process.stdout.readline())
        return int(code), int(steps)

    def left_over(self) -> list[Path]:
        """What lies in the folders for temporary files and caches."""
        return [*self.temporary.rglob("*"), *self.cache.rglob("*")]

    def close(self) -> None:
        self._process.communicate(timeout=30)


@pytest.fixture
def copier(tmp_path: Path) -> Iterator[Copier]:
    made = Copier(tmp_path)
    yield made
    made.close()


@pytest.fixture
def source(local_registry: LocalRegistry) -> str:
    """An image of three layers of several blocks, with referrers, one of which has its own."""
    name = local_registry.reference("source/app:1")
    chance = random.Random(SEED)
    with Registry(settings=SETTINGS) as registry:
        repository = registry.repository(name)
        layers = [
            push(repository, chance.randbytes(size), "application/vnd.oci.image.layer.v1.tar")
            for size in (10, 300_000, 2_500_000)
        ]
        config = push(repository, b"{}", "application/vnd.oci.image.config.v1+json")
        subject = repository.push_manifest(Manifest.build(config, layers), tag="1")
        push(repository, b"{}", EMPTY_DESCRIPTOR.media_type)
        sbom = push(repository, b"sbom", "text/sbom")
        signature = push(repository, b"signature", "text/signature")
        repository.push_manifest(Manifest.build(EMPTY_DESCRIPTOR, [sbom], subject=subject))
        signed = repository.push_manifest(
            Manifest.build(EMPTY_DESCRIPTOR, [signature], subject=subject)
        )
        repository.push_manifest(Manifest.build(EMPTY_DESCRIPTOR, [sbom], subject=signed))
    return name


def push(repository: Any, data: bytes, media_type: str) -> Descriptor:
    descriptor = Descriptor.of(data, media_type)
    repository.push_blob(data, descriptor)
    return descriptor


def moments(steps: int) -> list[int]:
    """The first, the last, and others by chance."""
    chance = random.Random(SEED)
    return sorted({1, steps, *chance.sample(range(2, steps), MOMENTS - 2)})


def finish(source: str, target: str) -> None:
    provenance.copy(source, target, referrers=True, settings=SETTINGS)


@pytest.mark.parametrize("api", [True, False], ids=["referrers API", "fallback tag"])
def test_into_a_registry(source: str, copier: Copier, *, api: bool) -> None:
    with LocalRegistry(referrers_api=api) as target:

        def content(repository: str) -> tuple[Any, ...]:
            return tuple(
                dict(held[repository]) for held in (target.blobs, target.manifests, target.tags)
            )

        code, steps = copier.copy(source, target.reference("whole:1"))
        assert code == 0
        for moment in moments(steps):
            name = f"killed-{moment}"
            code, _ = copier.copy(source, target.reference(f"{name}:1"), moment)
            assert code in {0, -signal.SIGKILL}  # threads take more or fewer steps each time
            finish(source, target.reference(f"{name}:1"))
            assert content(name) == content("whole"), moment
            assert copier.left_over() == [], moment


def test_into_a_layout(source: str, copier: Copier, tmp_path: Path) -> None:
    def content(folder: Path) -> dict[str, Any]:
        found = {
            str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file() and path.name != ".lock"
        }
        index = json.loads(found.pop("index.json"))
        entries = sorted(index.pop("manifests"), key=lambda entry: str(entry["digest"]))
        return {**found, "index": index, "entries": entries}

    code, steps = copier.copy(source, f"oci:{tmp_path / 'whole'}:1")
    assert code == 0
    for moment in moments(steps):
        folder = tmp_path / f"killed-{moment}"
        code, _ = copier.copy(source, f"oci:{folder}:1", moment)
        assert code in {0, -signal.SIGKILL}
        finish(source, f"oci:{folder}:1")
        assert content(folder) == content(tmp_path / "whole"), moment
        assert copier.left_over() == [], moment
        assert not [name for name in content(folder) if ".write-" in name], moment
