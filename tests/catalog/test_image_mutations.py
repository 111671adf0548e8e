"""A whole image with one thing in it broken: an SBOM or a typed error, soon, all else is listed.

`HYPOTHESIS_PROFILE=search` breaks it ten thousand times.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.catalog.rpm_writers import bdb, blob, ndb, sqlite
from tests.catalog.test_java import jar, maven
from tests.catalog.test_os_mutations import APK, DPKG, OPKG, mutated
from tests.elf_files import Mapped, audit, elf, go_program

import provenance as pv
from provenance.errors import ProvenanceError
from provenance.oci import media_types as mt
from provenance.sbom import Sbom
from provenance.testing import ImageBuilder
from provenance.testing.layers import tar_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

COUNT = 10_000 if os.environ.get("HYPOTHESIS_PROFILE") == "search" else 400
pytestmark = pytest.mark.timeout(max(300, COUNT))  # what one of them may cost is asserted
_MODULES = (
    "path\texample.org/x\nmod\texample.org/x\tv1.2.3\th1:a=\ndep\texample.org/y\tv0.1.0\th1:b=\n"
)
_CRATE = {"name": "serde", "version": "1.0.1", "source": "crates.io", "kind": "runtime"}
_ROOT = {"name": "app", "version": "0.1.0", "source": "local", "root": True, "dependencies": [0]}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Something of every ecosystem, no package in two files."""
    folder = tmp_path_factory.mktemp("rpm")
    text = [Mapped(0x400000, b"\xcc" * 5000, 5)]
    war = jar({"WEB-INF/lib/in.jar": jar(maven("org.in", "in", "2"))}, manifest="")
    return {
        "etc/os-release": b'ID=debian\nVERSION_ID="12"\n',
        **DPKG,
        **OPKG,
        **APK,
        "s/var/lib/rpm/rpmdb.sqlite": sqlite(folder, [blob("one"), blob("two")], wal=False),
        "n/var/lib/rpm/Packages.db": ndb([blob("three"), blob("four")]),
        "b/var/lib/rpm/Packages": bdb([blob("five"), blob("six")]),
        "opt/lib.jar": jar(maven("org.example", "lib", "1.0"), manifest="Implementation-Title: l"),
        "opt/app.war": war,
        "usr/bin/gone": go_program(_MODULES),
        "usr/bin/rusty": elf(text, [(".dep-v0", audit([_CRATE, _ROOT]))]),
        "srv/node_modules/left/package.json": b'{"name":"left","version":"1.0.0","license":"MIT",'
        b'"dependencies":{"right":"^1"}}',
        "srv/node_modules/right/package.json": b'{"name":"right","version":"1.1.0"}',
        "lib/python3/six-1.dist-info/METADATA": b"Metadata-Version: 2.1\nName: six\nVersion: 1\n"
        b"License: MIT\nRequires-Dist: attrs; extra == 'x'\n\ntext\n",
        "lib/python3/six-1.dist-info/RECORD": b"six.py,sha256=abc,3\nsix-1.dist-info/METADATA,,\n",
        "lib/python3/old.egg-info/PKG-INFO": b"Name: old\nVersion: 2\n",
        "conda/conda-meta/p-1-0.json": b'{"name":"p","version":"1","build":"0","depends":["q >1"]}',
        "gems/specifications/rake-13.gemspec": b"Gem::Specification.new do |s|\n"
        b'  s.name = "rake"\n  s.version = "13"\n  s.licenses = ["MIT"]\nend\n',
        "php/vendor/composer/installed.json": json.dumps(
            {"packages": [{"name": "a/b", "version": "1.0.0", "license": ["MIT"]}]}
        ).encode(),
        "net/app.deps.json": json.dumps(
            {
                "runtimeTarget": {"name": "net8"},
                "targets": {"net8": {"Json/13.0.1": {}}},
                "libraries": {"Json/13.0.1": {"type": "package", "sha512": "sha512-x"}},
            }
        ).encode(),
        "jvm/release": b'JAVA_VERSION="17.0.1"\nIMPLEMENTOR="Eclipse Adoptium"\n',
    }


class Image:
    """Puts images to one place, one after the other."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def sbom(self, image: ImageBuilder, *, cache: Path | None = None) -> Sbom:
        shutil.rmtree(self._folder, ignore_errors=True)
        image.build().write_layout(self._folder, "1")
        files = "all" if cache is not None else "none"
        options: dict[str, Any] = {"cache": cache, "files": files}
        sbom: Sbom = pv.generate_sbom(f"oci:{self._folder}:1", **options)
        return sbom


def places(sbom: Sbom) -> dict[str, set[str]]:
    """Each purl to the files it was seen in."""
    return {p.purl: {x.path.partition("!/")[0] for x in p.locations} for p in sbom.packages}


def memory() -> int:
    """Megabytes that the process has at most had."""
    resource = pytest.importorskip("resource", reason="no measure of memory here")
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) >> 10


def test_the_whole_image_has_something_of_every_file(
    files: Mapping[str, bytes], tmp_path: Path
) -> None:
    sbom = Image(tmp_path).sbom(ImageBuilder(compression="none").layer(files))
    assert {f.rule for f in sbom.findings} <= {"unknown-distribution"}
    types = {p.type for p in sbom.packages}
    assert types >= {"deb", "apk", "rpm", "maven", "golang", "cargo", "npm", "pypi", "conda"}
    assert types >= {"gem", "composer", "nuget", "generic"}
    assert {p.name for p in sbom.packages if p.type == "rpm"} == {
        *("one", "two", "three", "four", "five", "six"),
    }


def test_a_broken_file_costs_its_own_packages_alone(
    files: Mapping[str, bytes], tmp_path: Path
) -> None:
    image, chance = Image(tmp_path / "image"), random.Random(7)
    whole = places(image.sbom(ImageBuilder(compression="none").layer(files)))
    before, slowest = memory(), 0.0
    for number in range(COUNT * 3 // 5):
        path = chance.choice(list(files))
        broken = {**files, path: mutated(files[path], chance)}
        cache = tmp_path / "cache" if not number % 50 else None
        start = time.process_time()
        sbom = image.sbom(ImageBuilder(compression="none").layer(broken), cache=cache)
        slowest = max(slowest, time.process_time() - start)
        found = places(sbom)
        if path != "etc/os-release":  # which purls of other files speak of
            own = {path, *RELATED.get(path, ())}
            lost = {purl for purl, at in whole.items() if not at <= own and purl not in found}
            assert not lost, (number, path)
        if cache is not None:
            again = image.sbom(ImageBuilder(compression="none").layer(broken), cache=cache)
            assert again.to_bytes() == sbom.to_bytes()
    assert slowest < 2
    assert memory() - before < 150


# Files that say more of the packages in others.
RELATED = {
    "usr/lib/opkg/info/a.control": ("usr/lib/opkg/status",),
    "usr/lib/opkg/status": ("usr/lib/opkg/info/a.control",),
}


@pytest.mark.parametrize("compression", ["plain", "gzip"])
def test_a_broken_layer_ends_in_an_sbom_or_a_typed_error(
    files: Mapping[str, bytes], compression: str, tmp_path: Path
) -> None:
    image, chance = Image(tmp_path / "image"), random.Random(8)
    small = {path: body for path, body in files.items() if len(body) < 3000}
    tar = tar_of({**small, **{f"dir{i}/file{i}": b"x" * i for i in range(50)}})
    media_type = mt.LAYER if compression == "plain" else mt.LAYER_GZIP
    before, slowest, ended = memory(), 0.0, [0, 0]
    for _ in range(COUNT // 5):
        data = tar if chance.random() < 0.3 and compression == "gzip" else reheaded(tar, chance)
        if compression == "gzip":
            whole = data is not tar
            data = gzip.compress(data, 1)
            data = data if whole else mutated(data, chance)
        start = time.process_time()
        try:
            sbom = image.sbom(ImageBuilder().raw_layer(data, media_type))
            assert isinstance(sbom, Sbom)
            ended[0] += 1
        except ProvenanceError:
            ended[1] += 1
        slowest = max(slowest, time.process_time() - start)
    assert all(ended)
    assert slowest < 2
    assert memory() - before < 150


def reheaded(tar: bytes, chance: random.Random) -> bytes:
    """The tar with bytes of its headers changed, mostly under a checksum that fits again."""
    data = bytearray(mutated(tar, chance) if chance.random() < 0.3 else tar)
    for _ in range(chance.randint(1, 4)):
        at = 512 * chance.randrange(max(1, len(data) // 512))
        block = data[at : at + 512]
        if block[257:262] != b"ustar" or len(block) < 512:
            continue
        match chance.randrange(4):
            case 0:
                block[156] = chance.choice(b"0123456789gxLKSV\0D")
            case 1:
                block[124:136] = chance.choice(
                    [
                        b"00000000000\0",
                        b"77777777777\0",
                        b"\x80" + chance.randbytes(11),
                        b"-1".ljust(12),
                    ]
                )
            case 2:
                name = chance.choice(
                    [b"./", b"/", b"", b"../x", b".wh.etc", b".wh..wh..opq", b"etc"]
                )
                block[:100] = name.ljust(100, b"\0")
            case _:
                block[chance.randrange(512)] = chance.randrange(256)
        if chance.random() < 0.9:
            block[148:156] = b" " * 8
            block[148:156] = b"%06o\0 " % sum(block)
        data[at : at + 512] = block
    return bytes(data)
