"""Runtimes that were compiled or copied into an image, by the version they state themselves.

A rule is a program that names its files and the words around its version. Words are looked for
by `bytes.find`, a regular expression sees only a few bytes around them: expressions over whole
programs cost ten times as much and more.

CPE names: vendor and product as NVD's dictionary has them. Files that a distribution's package
installed are that package: the core drops what is found in them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from provenance.catalog.cataloger import Cataloger, Fact, MatchedFile
from provenance.catalog.ecosystems.elf import MAGIC
from provenance.packages.package import Package
from provenance.packages.purl import build_purl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from provenance.catalog.cataloger import Item, Remaining

__all__ = ["CATALOGER"]

NAME = "binaries"

# What an expression sees before the word it is tried at, and from there on.
_BEFORE = 128
_AFTER = 192
# Words without a version behind them, as in messages; more is an attack.
_MOST_MISSES = 2000
_RELEASE_FILE = "release"
_MOST_RELEASE = 1 << 16
_JAVA = re.compile(rb"^JAVA_(?:RUNTIME_)?VERSION=", re.MULTILINE)
_JVM = "libjvm.so"
_SLICE = 1 << 20
# A JVM is below the home that `release` stands in: lib/server, or jre/lib/amd64/server.
_DEEPEST_JVM = 5
_PLAIN = re.compile(r"[0-9]+(?:\.[0-9]+)*[a-z]{0,2}", re.ASCII)
_PYTHON = re.compile(r"(?:lib)?python([23]\.\d{1,3})", re.ASCII)
_RUBY_OLD = re.compile(r"1\.|2\.0\.", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Mark:
    """`word` is looked for, then `expression` at it: its first group is the version.

    An expression that has to see what stands before the word begins with a look-behind, or with
    that text, and `behind` says how many bytes before the word it may begin.
    """

    word: bytes
    expression: re.Pattern[bytes]
    behind: int = 0


@dataclass(frozen=True, slots=True)
class _Rule:
    name: str
    files: tuple[str, ...]
    """Globs of base names."""
    products: tuple[str, ...]
    """`vendor:product` of CPE names."""
    marks: tuple[_Mark, ...] = ()
    """The best first: a later one counts where none before it is found in the whole file."""


def _mark(word: bytes, expression: bytes, behind: int = 0) -> _Mark:
    return _Mark(word, re.compile(expression), behind)


_RULES = (
    # The marks of Python are made of the version in the file's name.
    _Rule("python", ("python[23].*", "libpython[23].*.so*"), ("python:python",)),
    _Rule(
        "node",
        ("node", "nodejs", "libnode.so*"),
        ("nodejs:node.js",),
        (
            _mark(
                b"node.js/v",
                rb"node\.js/v(\d+\.\d+\.\d+(?:-(?:rc|pre|nightly|test|v8-canary)[.0-9a-z]*)?)",
            ),
        ),
    ),
    _Rule(
        "busybox",
        ("busybox", "busybox.*", "busybox-*"),
        ("busybox:busybox",),
        (_mark(b"BusyBox v", rb"BusyBox v(\d+\.\d+(?:\.\d+)*(?:-rc\d+|\.git|\.svn)?)[\0 ]"),),
    ),
    _Rule(
        "redis",
        ("redis-server", "redis-sentinel", "redis-check-rdb", "redis-check-aof"),
        ("redis:redis", "redislabs:redis"),
        (
            # `INFO` prints the version before the kind of atomic operations.
            _mark(
                b"-builtin\0", rb"\0(\d+\.\d+\.\d+(?:-rc\d+)?)\0(?:c11|atomic|sync)-builtin\0", 40
            ),
            # Version, host and time of the build in one: apart only where the host is known.
            _mark(b"buildkitsandbox-", rb"(?<![\d.])(\d+\.\d+\.\d+)buildkitsandbox-\d{10}", 24),
        ),
    ),
    _Rule(
        "nginx",
        ("nginx", "nginx-debug"),
        ("f5:nginx", "nginx:nginx"),
        (_mark(b"nginx version: nginx/", rb"nginx version: nginx/(\d+\.\d+\.\d+)"),),
    ),
    _Rule(
        "postgresql",
        ("postgres",),
        ("postgresql:postgresql",),
        (
            _mark(
                b"postgres (PostgreSQL) ",
                rb"postgres \(PostgreSQL\) (\d+(?:\.\d+)*(?:devel|alpha\d+|beta\d+|rc\d+)?)",
            ),
        ),
    ),
    _Rule(
        "openssl",
        ("openssl", "libcrypto.so*", "libcrypto-*.so*"),
        ("openssl:openssl",),
        (
            _mark(
                b"OpenSSL ",
                rb"OpenSSL (\d+\.\d+\.\d+[a-z]{0,2}(?:-(?:alpha|beta|pre|dev|fips)\d*)?)(?:\+quic)?"
                rb" +(?:FIPS +)?\d{1,2} [A-Z][a-z]{2} \d{4}",
            ),
        ),
    ),
    _Rule(
        "openjdk",
        (_JVM,),
        ("oracle:openjdk",),
        (
            _mark(
                b"OpenJDK ",
                rb"OpenJDK [\w -]{1,40} \([^()\0]{1,80}\) for [\w-]{1,32} JRE"
                rb" \((\d[\w.+~-]{0,63})\)",
            ),
        ),
    ),
    _Rule(
        "ruby",
        ("ruby", "ruby[0-9]*", "libruby*.so*"),
        ("ruby-lang:ruby",),
        (
            _mark(
                b"ruby ",
                rb"(?<![\w-])ruby (\d+\.\d+\.\d+(?:p\d+|preview\d+|rc\d+|dev)?)"
                rb" \(\d{4}-\d\d-\d\d[ )]",
            ),
        ),
    ),
    _Rule(
        "php",
        ("php", "php[0-9]*", "php-fpm*", "php-cgi*", "libphp*.so"),
        ("php:php",),
        (
            _mark(
                b"X-Powered-By: PHP/",
                rb"X-Powered-By: PHP/(\d+\.\d+\.\d+(?:alpha\d+|beta\d+|RC\d+|-dev)?)",
            ),
        ),
    ),
)


def _python_marks(base: str) -> tuple[_Mark, ...]:
    match = _PYTHON.match(base)
    if match is None:
        return ()
    version = match[1].encode()
    number = rb"(" + re.escape(version) + rb"\.\d{1,3}(?:(?:a|b|rc)\d{1,3})?\+?)\0"
    # Linkers fold a text into another that ends with it: here the path of the installation.
    return (_mark(version + b".", rb"(?<=[\0/])" + number),)


def _rule(path: str) -> tuple[_Rule, tuple[_Mark, ...]] | None:
    base = path.rpartition("/")[2]
    for rule in _RULES:
        if any(fnmatchcase(base, glob) for glob in rule.files):
            marks = rule.marks or _python_marks(base)
            return (rule, marks) if marks else None
    return None


class _Sink:
    """A program that streams by; what the best mark found ends the search."""

    __slots__ = ("_done", "_file", "_found", "_kept", "_marks", "_misses", "_rule", "_seen")

    def __init__(self, file: MatchedFile, rule: _Rule, marks: tuple[_Mark, ...]) -> None:
        self._file = file
        self._rule = rule
        self._marks = marks
        self._found = [""] * len(marks)
        self._kept = b""
        self._seen = 0
        """Bytes of `_kept` whose words were tried."""
        self._misses = 0
        self._done = False

    def feed(self, data: memoryview) -> bool:
        self._kept += data
        # In small chunks one would search the same bytes over and over.
        if len(self._kept) - self._seen >= _BEFORE + _AFTER:
            self._search(len(self._kept) - _AFTER)
        return self._done

    def _search(self, end: int) -> None:
        """Try the words that begin before `end`."""
        kept = self._kept
        for index, mark in enumerate(self._marks):
            if not self._found[index]:
                self._found[index] = self._version(kept, mark, end)
            if self._found[index] and index == 0:
                self._done = True
                return
        drop = max(end - _BEFORE, 0)
        self._kept = kept[drop:]
        self._seen = end - drop

    def _version(self, kept: bytes, mark: _Mark, end: int) -> str:
        at = self._seen
        last = min(end + len(mark.word) - 1, len(kept))
        while (at := kept.find(mark.word, at, last)) >= 0 and self._misses < _MOST_MISSES:
            seen = kept[max(at - _BEFORE, 0) : at + _AFTER]
            here = at - max(at - _BEFORE, 0)
            for start in range(here, max(here - mark.behind, 0) - 1, -1):
                match = mark.expression.match(seen, start)
                if match and match.end() > here:
                    return match[1].decode("ascii")
            self._misses += 1
            at += 1
        return ""

    def close(self) -> Iterable[Item]:
        if not self._done:
            self._search(len(self._kept))
        version = next(filter(None, self._found), "")
        return _items(self._file, self._rule, version) if version else ()


class _OnlyElf:
    """Passes on what begins as a program does: scripts have the names of programs too."""

    __slots__ = ("_begin", "_sink")

    def __init__(self, sink: _Sink) -> None:
        self._sink = sink
        self._begin = b""

    def feed(self, data: memoryview) -> bool:
        if len(self._begin) < len(MAGIC):
            self._begin += data[: len(MAGIC) - len(self._begin)]
            if not MAGIC.startswith(self._begin):
                return True
        return self._sink.feed(data)

    def close(self) -> Iterable[Item]:
        return self._sink.close() if self._begin == MAGIC else ()


class _Release:
    """A JVM's `release` file: another cataloger reads it, here it only says that it is there."""

    __slots__ = ("_file", "_text")

    def __init__(self, file: MatchedFile) -> None:
        self._file = file
        self._text = bytearray()

    def feed(self, data: memoryview) -> bool:
        self._text += data[: _MOST_RELEASE - len(self._text)]
        return len(self._text) == _MOST_RELEASE

    def close(self) -> Iterable[Item]:
        if not _JAVA.search(self._text):
            return ()
        return (Fact("home", self._file.path.rpartition("/")[0], 1),)


class _Listed:
    """An SBOM that lists what lies beside it: another cataloger reads it."""

    __slots__ = ("_file",)

    def __init__(self, file: MatchedFile) -> None:
        self._file = file

    def feed(self, data: memoryview) -> bool:
        del data
        return True

    def close(self) -> Iterable[Item]:
        return (Fact("listed", self._file.path.rpartition("/")[0], 1),)


def stream(file: MatchedFile) -> _OnlyElf | _Release | _Listed | None:
    """A sink for a file whose name a rule knows."""
    base = file.path.rpartition("/")[2]
    if base == _RELEASE_FILE:
        return _Release(file)
    if base.startswith(".spdx-"):
        return _Listed(file)
    rule = _rule(file.path)
    return None if rule is None else _OnlyElf(_Sink(file, *rule))


def read(file: MatchedFile) -> Iterable[Item]:
    """What a whole file states."""
    sink = stream(file)
    if sink is None:
        return ()
    for start in range(0, len(file.body), _SLICE):
        if sink.feed(memoryview(file.body[start : start + _SLICE])):
            break
    return sink.close()


def _items(file: MatchedFile, rule: _Rule, version: str) -> Iterator[Item]:
    if rule.name == "ruby" and _RUBY_OLD.match(version) is None:
        # Since 2.1 the three numbers name a release; the patch level only counts changes.
        version = version.partition("p")[0] if "preview" not in version else version
    yield Package(
        name=rule.name,
        version=version,
        type="generic",
        purl=build_purl("generic", "", rule.name, version),
        cpes=_cpes(rule, version),
        locations=(file.location,),
        cataloger=NAME,
        kind="application",
    )


def _cpes(rule: _Rule, version: str) -> tuple[str, ...]:
    """Only for releases: NVD writes previews and patch levels in ways of its own."""
    if rule.name == "openjdk":
        version = re.split(r"[+-]", version, maxsplit=1)[0]
        # 1.8.0_392-b08 is 8, update 392.
        old = re.fullmatch(r"1\.(\d+)\.0_(\d+)", version, re.ASCII)
        if old:
            return (f"cpe:2.3:a:oracle:openjdk:{old[1]}:update{int(old[2])}:*:*:*:*:*:*",)
    if _PLAIN.fullmatch(version) is None:
        return ()
    return tuple(f"cpe:2.3:a:{product}:{version}:*:*:*:*:*:*:*" for product in rule.products)


def complete(remaining: Remaining) -> Iterator[Package]:
    """The runtimes without those of which other catalogers know more.

    They are the JVMs with a `release` file, and what Bitnami's SBOMs list.
    """
    homes = remaining.of("home")
    listed = tuple(f"{folder}/" for folder in remaining.of("listed"))
    for package in remaining.packages:
        path = package.locations[0].path if package.locations else ""
        known = path.endswith(_JVM) and homes.keys() & _above(path)
        if not known and not path.startswith(listed):
            yield package


def _above(path: str) -> set[str]:
    steps = path.split("/")[:-1]
    return {
        "/".join(steps[:count])
        for count in range(max(len(steps) - _DEEPEST_JVM, 0), len(steps) + 1)
    }


CATALOGER = Cataloger(
    name=NAME,
    version=2,
    types=("generic",),
    read=read,
    paths=(
        *(f"**/{glob}" for rule in _RULES for glob in rule.files),
        f"**/{_RELEASE_FILE}",
        "**/opt/bitnami/*/.spdx-*.spdx",
    ),
    stream=stream,
    complete=complete,
)
