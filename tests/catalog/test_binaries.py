from __future__ import annotations

import os
import random
import time
from typing import TYPE_CHECKING

import pytest
from tests.elf_files import TEXT, Mapped, elf

from provenance.catalog.cataloger import Fact, MatchedFile, Problem, Remaining
from provenance.catalog.ecosystems.binaries import CATALOGER
from provenance.digests import Digest
from provenance.packages.package import Location, Package

if TYPE_CHECKING:
    from pathlib import Path

    from provenance.catalog.cataloger import Item

LAYER = Digest.of(b"layer")


def program(*texts: bytes, before: int = 5000) -> bytes:
    data = bytes(before) + b"\0" + b"\0".join(texts) + bytes(300)
    return elf([Mapped(0x400000, data, TEXT)])


def streamed(path: str, body: bytes, chunk: int = 1 << 16) -> list[Item]:
    assert CATALOGER.stream is not None
    sink = CATALOGER.stream(MatchedFile(path, LAYER, len(body), 0o755))
    if sink is None:
        return []
    for start in range(0, len(body), chunk):
        if sink.feed(memoryview(body)[start : start + chunk]):
            break
    return list(sink.close())


def found(path: str, body: bytes) -> list[tuple[str, tuple[str, ...]]]:
    items = streamed(path, body)
    assert list(CATALOGER.read(MatchedFile(path, LAYER, len(body), 0o755, body))) == items
    return [(p.purl, p.cpes) for p in items if isinstance(p, Package)]


def cpe(product: str, version: str) -> str:
    return f"cpe:2.3:a:{product}:{version}:*:*:*:*:*:*:*"


# Texts as real programs hold them, with what stands around them there.
REAL = [
    ("usr/local/bin/python3.11", b"debug\x003.11.2\x00strict", "python@3.11.2", "python:python"),
    ("opt/lib/libpython3.13.so.1.0", b"PATH=/opt/3.13.0\x00EXEC", "python@3.13.0", "python:python"),
    ("opt/lib/libpython2.7.so.1.0", b"x\x002.7.18\x00y", "python@2.7.18", "python:python"),
    ("opt/lib/libpython3.6m.so.1.0", b"x\x003.6.15+\x00y", "python@3.6.15%2B", ""),
    ("usr/local/bin/python3.14", b"x\x003.14.0rc2\x00y", "python@3.14.0rc2", ""),
    (
        "usr/local/bin/node",
        b"/json\x00node.js/v24.19.0Protocol-Version\x00\x00P",
        "node@24.19.0",
        "nodejs:node.js",
    ),
    ("usr/local/bin/node", b"\x00node.js/v23.0.0-rc.1\x00", "node@23.0.0-rc.1", ""),
    ("bin/busybox", b"BusyBox v1.37.0\x00syslogd", "busybox@1.37.0", "busybox:busybox"),
    ("bin/busybox", b"BusyBox v1.35.0 (Debian 1:1.35)", "busybox@1.35.0", "busybox:busybox"),
    ("usr/sbin/nginx", b"nginx version: nginx/1.22.1\n", "nginx@1.22.1", "f5:nginx"),
    (
        "usr/local/bin/postgres",
        b"postgres (PostgreSQL) 15.20 (Debian 15.20-0)\n",
        "postgresql@15.20",
        "postgresql:postgresql",
    ),
    ("usr/local/bin/postgres", b"postgres (PostgreSQL) 18beta1\n", "postgresql@18beta1", ""),
    ("usr/bin/openssl", b"OpenSSL 3.0.22 25 Aug 2026\x00", "openssl@3.0.22", "openssl:openssl"),
    ("x/libcrypto.so.1.1", b"OpenSSL 1.1.1w  11 Sep 2023", "openssl@1.1.1w", "openssl:openssl"),
    ("x/libcrypto.so.10", b"OpenSSL 1.0.2k-fips  26 Jan 2017", "openssl@1.0.2k-fips", ""),
    ("x/libcrypto.so.1", b"OpenSSL 1.1.1k  FIPS 25 Mar 2021", "openssl@1.1.1k", "openssl:openssl"),
    ("p/libcrypto-fb8d.so.3", b"OpenSSL 3.5.8 25 Aug 2026", "openssl@3.5.8", "openssl:openssl"),
    (
        "usr/local/bin/ruby",
        b"ruby 3.1.2p20 (2022-04-12 revision 4491bb740a) [x86_64-linux]",
        "ruby@3.1.2",
        "ruby-lang:ruby",
    ),
    ("lib/libruby.so.3.4", b"ruby 3.4.0preview1 (2024-05-16 m 9)", "ruby@3.4.0preview1", ""),
    ("lib/libruby.so.2.0", b"ruby 2.0.0p648 (2015-12-16 revision 53162) [x]", "ruby@2.0.0p648", ""),
    ("usr/local/bin/php", b"X-Powered-By: PHP/8.2.36\x00", "php@8.2.36", "php:php"),
    ("usr/local/sbin/php-fpm", b"X-Powered-By: PHP/8.4.0RC1\x00", "php@8.4.0RC1", ""),
    (
        "usr/local/bin/redis-server",
        b"err\x007.0.15\x00c11-builtin\x00x",
        "redis@7.0.15",
        "redis:redis",
    ),
    (
        "usr/local/bin/redis-server",
        b"A\x007.2.4buildkitsandbox-1710000000000000000\x00x",
        "redis@7.2.4",
        "redis:redis",
    ),
    (
        "opt/java/lib/server/libjvm.so",
        b"OpenJDK 64-Bit Server VM (17.0.21+9) for linux-amd64 JRE (17.0.21+9-LTS), built on x",
        "openjdk@17.0.21%2B9-LTS",
        "oracle:openjdk",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("path", "text", "purl", "product"), REAL)
def test_what_programs_say_of_themselves(path: str, text: bytes, purl: str, product: str) -> None:
    ((got, cpes),) = found(path, program(b"other", text))
    assert got == f"pkg:generic/{purl}"
    version = got.partition("@")[2].partition("%")[0]
    assert cpes[:1] == ((cpe(product, version),) if product else ())


def test_every_field_has_its_place() -> None:
    (package,) = streamed("bin/busybox", program(b"BusyBox v1.37.0"))
    assert package == Package(
        name="busybox",
        version="1.37.0",
        type="generic",
        purl="pkg:generic/busybox@1.37.0",
        cpes=(cpe("busybox:busybox", "1.37.0"),),
        locations=(Location("bin/busybox", LAYER),),
        cataloger="binaries",
        kind="application",
    )


def test_the_old_numbers_of_java() -> None:
    text = b"OpenJDK 64-Bit Server VM (25.392-b08) for linux-amd64 JRE (1.8.0_392-b08), built on"
    assert found("jre/lib/amd64/server/libjvm.so", program(text)) == [
        (
            "pkg:generic/openjdk@1.8.0_392-b08",
            ("cpe:2.3:a:oracle:openjdk:8:update392:*:*:*:*:*:*",),
        )
    ]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("usr/bin/python3.11", b"\x003.11.2 \x00\x003.12.1\x00\x00127.3.11.2\x00"),
        ("usr/bin/python3", b"\x003.11.2\x00"),
        ("usr/bin/python3.x", b"\x003.11.2\x00"),
        ("usr/bin/node", b"node.js/version"),
        ("bin/busybox", b"BusyBox v%s"),
        ("usr/sbin/nginx", b"nginx version: openresty/1.21.4.1"),
        ("usr/bin/openssl", b"OpenSSL 3 is not OpenSSL 1.1.1, built without a date"),
        ("usr/bin/ruby", b"ruby 3.1.2 is old (really)"),
        ("usr/bin/jruby 3.1.2p0", b"jruby 3.1.2p0 (2022-04-12 x)"),
        ("usr/bin/redis-server", b"\x002.6.0\x00\x006.0.0\x00"),
        ("usr/bin/redis-server", b"6.2.58f1c18bfd7fc-1728390128000000000\x00"),
        ("usr/bin/other", b"BusyBox v1.37.0\x00"),
    ],
)
def test_what_states_no_version(path: str, text: bytes) -> None:
    assert found(path, program(text)) == []


def test_scripts_of_that_name_are_passed_over() -> None:
    assert found("usr/bin/php", b"#!/bin/sh\n# X-Powered-By: PHP/8.2.36\n" * 200) == []
    assert found("usr/bin/php", b"") == []
    assert streamed("usr/bin/php", b"\x7fE", 1) == []


@pytest.mark.parametrize(("path", "text", "purl", "product"), REAL)
def test_any_chunks_give_the_same(path: str, text: bytes, purl: str, product: str) -> None:
    body = program(b"some 3.11. node.js/v OpenSSL ruby ", text, text, before=40)
    expected = streamed(path, body, len(body))
    assert len(expected) == 1
    for chunk in (*range(1, 40), 127, 128, 129, 191, 192, 193, 320, 321, 1000):
        assert streamed(path, body, chunk) == expected
    assert CATALOGER.stream is not None
    for cut in range(0, len(body), 3):
        sink = CATALOGER.stream(MatchedFile(path, LAYER, len(body), 0o755))
        assert sink is not None
        sink.feed(memoryview(body)[:cut])
        sink.feed(memoryview(body)[cut:])
        assert list(sink.close()) == expected


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("usr/bin/php", b"#!/bin/sh\n", id="a script"),
        pytest.param(
            "usr/bin/php", program(b"X-Powered-By: PHP/8.2.36\n"), id="a program with its version"
        ),
        pytest.param("opt/bitnami/a/.spdx-a.spdx", b"{", id="a list that another cataloger reads"),
        pytest.param("opt/jre/release", bytes(1 << 16), id="more than a release file has"),
    ],
)
def test_what_more_cannot_change_is_fed_no_more(path: str, body: bytes) -> None:
    assert CATALOGER.stream is not None
    sink = CATALOGER.stream(MatchedFile(path, LAYER, 1 << 30, 0o755))
    assert sink is not None
    assert sink.feed(memoryview(body)) is True


def test_a_version_that_ends_with_the_file() -> None:
    body = b"\x7fELF" + bytes(6000) + b"X-Powered-By: PHP/8.2.36"
    assert found("usr/bin/php", body)[0][0] == "pkg:generic/php@8.2.36"


def test_the_first_of_the_best_marks_counts() -> None:
    both = program(b"7.2.4buildkitsandbox-1710000000000", b"x" * 900, b"7.2.5", b"c11-builtin", b"")
    assert found("bin/redis-server", both)[0][0] == "pkg:generic/redis@7.2.5"


def test_words_without_a_version_cost_no_time() -> None:
    for path, word in (("usr/bin/ruby", b"ruby "), ("usr/bin/redis-server", b"-builtin\0")):
        body = b"\x7fELF" + word * ((8 << 20) // len(word))
        begun = time.process_time()
        assert found(path, body) == []
        assert time.process_time() - begun < 2


def test_a_jvm_with_a_release_file_is_left_to_its_reader() -> None:
    text = b"OpenJDK 64-Bit Server VM (17.0.2+8) for linux-amd64 JRE (17.0.2+8), built on"
    path = "usr/lib/jvm/17/lib/server/libjvm.so"
    release = b'IMPLEMENTOR="x"\nJAVA_VERSION="17.0.2"\n'
    assert streamed("usr/lib/jvm/17/release", release, 5) == [Fact("home", "usr/lib/jvm/17", 1)]
    assert streamed("etc/release", b"Some system 1\n") == []
    jvm = [p for p in streamed(path, program(text)) if isinstance(p, Package)]
    other = [
        p for p in streamed("bin/busybox", program(b"BusyBox v1.0.0 ")) if isinstance(p, Package)
    ]
    assert CATALOGER.complete is not None
    assert list(CATALOGER.complete(Remaining([*jvm, *other]))) == [*jvm, *other]
    for home, left in [("usr/lib/jvm/17", other), ("", [*jvm, *other]), ("opt", [*jvm, *other])]:
        remaining = Remaining([*jvm, *other], {"home": {home: 1}})
        assert list(CATALOGER.complete(remaining)) == left
    deep = [p for p in streamed("lib/server/libjvm.so", program(text)) if isinstance(p, Package)]
    assert list(CATALOGER.complete(Remaining(deep, {"home": {"": 1}}))) == []


def test_mutations_end_in_results_or_problems() -> None:
    chance = random.Random(6)
    for _ in range(3000):
        path, text, _, _ = chance.choice(REAL)
        body = bytearray(program(text, text, before=500))
        for _ in range(chance.randint(1, 6)):
            at = chance.choice(
                (chance.randrange(len(body)), len(body) - 300 - chance.randint(0, 90))
            )
            body[at % len(body)] = chance.choice((0, 0x20, 0x2E, 0x39, 0xFF, chance.randrange(256)))
        items = streamed(path, bytes(body), chance.choice((1 << 16, 77)))
        assert all(isinstance(i, Package | Problem) for i in items)


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["busybox-musl-amd64", "busybox-uclibc-arm64v8"])
def test_busybox_images(corpus: Path, name: str) -> None:
    import tarfile

    bodies = []
    for blob in (corpus / "images" / name / "blobs" / "sha256").iterdir():
        if blob.read_bytes()[:2] == b"\x1f\x8b":
            with tarfile.open(blob) as archive:
                stored = archive.extractfile("bin/busybox")
                bodies += [stored.read()] if stored else []
    (body,) = bodies
    # The version that the image's tag names.
    assert found("bin/busybox", body)[0][0] == "pkg:generic/busybox@1.37.0"


def test_the_python_that_runs_this_says_its_own_version() -> None:
    import platform
    import sys
    import sysconfig
    from pathlib import Path

    library = sysconfig.get_config_var("INSTSONAME") or ""
    paths = [
        Path(str(sysconfig.get_config_var("LIBDIR"))) / library,
        Path(os.path.realpath(sys.executable)),
    ]
    got = set()
    for path in paths:
        if path.is_file():
            got |= {purl for purl, _ in found(str(path).lstrip("/"), path.read_bytes())}
    if not got:
        pytest.skip("this Python is no ELF file")
    assert got == {f"pkg:generic/python@{platform.python_version()}"}


def test_what_bitnami_lists_itself_is_not_classified() -> None:
    assert streamed("opt/bitnami/redis/.spdx-redis.spdx", b"{}") == [
        Fact("listed", "opt/bitnami/redis", 1)
    ]
    assert CATALOGER.complete is not None
    ours = [
        Package("redis", "7.4.1", "generic", "pkg:generic/redis@7.4.1", locations=(Location(path),))
        for path in ("opt/bitnami/redis/bin/redis-server", "opt/bitnami/redis2/bin/redis-server")
    ]
    left = list(CATALOGER.complete(Remaining(ours, {"listed": {"opt/bitnami/redis": 1}})))
    packages = [p for p in left if isinstance(p, Package)]
    assert len(packages) == len(left)
    assert [p.locations[0].path for p in packages] == ["opt/bitnami/redis2/bin/redis-server"]
