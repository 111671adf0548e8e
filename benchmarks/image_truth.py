"""What is installed in the image of `build_image.py`, by the word of those who installed it.

| type | whose word |
|---|---|
| deb | dpkg's log, replayed; `dpkg-query` inside must agree |
| pypi | pip's report; for Debian's packages, `importlib.metadata` of the Python inside |
| npm | npm's lockfiles; for Debian's, the directories that dpkg knows, read by `node` inside |
| maven | the coordinates asked for; for Debian's jars, where `/usr/share/maven-repo` has them |
| golang | `go version -m` on every program that has build information |
| rpm | the descriptions that nfpm made the packages from |

Each row is `must` (a scanner that does not list it misses it) or `may` (it is there, but what it
is called is a matter of taste: not asked for, not held against anybody). `may` are: Go's standard
library; the import path of a Go program without modules; an application's own `package.json`; a jar
to which nobody gave coordinates, or several, or a classifier; what a jar says it has bundled. A
version `*` is any version: nobody said which, as in Go's `(devel)`.
"""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from image_parts import Tree

__all__ = ["ANY", "Row", "read_truth", "truth_of", "write_truth"]

NPM_ROOT = re.compile(r"/(?:node_modules|usr/share/nodejs)/((?:@[^/@]+/)?[^/@]+)/package\.json")
# Debian's own aliases: `debian` for whatever is current, `4.x` for the newest of 4.
ALIAS = re.compile(r"debian|\d+(?:\.\d+)*\.x")
ANY = "*"
BUILD_INFO = b"\xff Go buildinf:"

DISTRIBUTIONS = """
import json
from importlib.metadata import distributions
found = distributions(path=["/usr/lib/python3/dist-packages"])
print(json.dumps([[d.metadata["Name"], d.version] for d in found]))
"""
MANIFESTS = """
const read = path => JSON.parse(require("fs").readFileSync(path, "utf8"))
const paths = require("fs").readFileSync(0, "utf8").split("\\n").filter(Boolean)
console.log(JSON.stringify(paths.map(read).map(m => [m.name || "", m.version || ""])))
"""
JARS = """
import json, os, re, zipfile
links, jars, bundled = [], [], []
for folder, _, files in os.walk("/"):
    if folder.startswith(("/proc", "/sys")):
        continue
    for path in (os.path.join(folder, name) for name in files if name.endswith(".jar")):
        if path.startswith("/usr/share/maven-repo/"):
            links.append([path, os.path.realpath(path)])
        if os.path.islink(path):
            continue
        jars.append(path)
        with zipfile.ZipFile(path) as jar:
            for name in jar.namelist():
                if re.fullmatch("META-INF/maven/.*/pom.properties", name):
                    found = dict(re.findall("(?m)^(\\w+)=(\\S+)", jar.read(name).decode()))
                    bundled.append([found[k] for k in ("groupId", "artifactId", "version")])
print(json.dumps([links, jars, bundled]))
"""


class Row(NamedTuple):
    """One package."""

    type: str
    name: str
    """With its namespace, as a purl has it: `@babel/core`, `org.slf4j/slf4j-api`."""
    version: str
    purl: str
    """Without qualifiers but the epoch of an rpm."""
    judged: str = "must"


def _row(kind: str, name: str, version: str, *, namespace: str = "", judged: str = "must") -> Row:
    whole = f"{namespace}/{name}" if namespace else name
    path = quote(whole, safe="/.-_~")
    stated = f"@{quote(version, safe='.-_~:')}" if version not in {"", ANY} else ""
    shown = whole if kind not in {"deb", "rpm"} else name
    return Row(kind, shown, version, f"pkg:{kind}/{path}{stated}", judged)


def write_truth(file: Path, rows: Iterable[Row]) -> dict[str, int]:
    """Each once, sorted; returns how many of each type must be found."""
    kept = sorted(set(rows))
    with file.open("w", newline="") as out:
        writer = csv.writer(out, delimiter="\t", lineterminator="\n")
        writer.writerow(Row._fields)
        writer.writerows(kept)
    counts: dict[str, int] = {}
    for kind in {(r.type, r.name, r.version) for r in kept if r.judged == "must"}:
        counts[kind[0]] = counts.get(kind[0], 0) + 1
    return dict(sorted(counts.items()))


def read_truth(file: Path) -> list[Row]:
    """The rows of a file that `write_truth` wrote."""
    with file.open(newline="") as lines:
        return [Row(**line) for line in csv.DictReader(lines, delimiter="\t")]


def truth_of(tree: Tree) -> list[Row]:
    """Everything that is installed in the tree as it is now."""
    rows = [*_debs(tree), *_pypi(tree), *_npm(tree), *_maven(tree), *_golang(tree.root)]
    # One name, two judgements: what must be found somewhere is not a matter of taste elsewhere.
    must = {row[:3] for row in rows if row.judged == "must"}
    return [row for row in rows if row.judged == "must" or row[:3] not in must]


def _debs(tree: Tree) -> Iterator[Row]:
    state: dict[str, tuple[str, str]] = {}
    for line in (tree.root / "var/log/dpkg.log").read_text().splitlines():
        words = line.split(" ")
        if words[2] == "status" and len(words) == 6:
            state[words[4]] = (words[3], words[5])
    logged = {(name.split(":")[0], v) for name, (s, v) in state.items() if s == "installed"}
    form = "${db:Status-Status} ${Package} ${Version}\n"
    lines = tree.within("dpkg-query", "-W", "-f", form).splitlines()
    told = {tuple(line.split(" ")[1:]) for line in lines if line.startswith("installed ")}
    if logged != told:
        raise SystemExit(f"dpkg's log and dpkg-query differ: {sorted(logged ^ told)}")
    for name, version in logged:
        yield _row("deb", name, version, namespace="debian")


def _pypi(tree: Tree) -> Iterator[Row]:
    for name, version in (
        *tree.pip.items(),
        *json.loads(tree.within("python3", code=DISTRIBUTIONS)),
    ):
        yield _row("pypi", re.sub(r"[-_.]+", "-", name).lower(), version)


def _npm(tree: Tree) -> Iterator[Row]:
    for place, lock in tree.locks.items():
        for path, entry in json.loads(lock.read_text())["packages"].items():
            name = entry.get("name") or path.rpartition("node_modules/")[2]
            if not path:  # the application, which nobody installed
                yield _npm_row(name, entry["version"], judged="may")
            # The lock lists what other platforms would get, too.
            elif "version" in entry and (tree.root / place / path).is_dir():
                yield _npm_row(name, entry["version"])
    known = tree.within("dpkg-query", "--search", "*/package.json").splitlines()
    paths = [line.rpartition(": ")[2] for line in known]
    roots = [path for path in paths if NPM_ROOT.fullmatch(path[_root_at(path) :])]
    for name, version in json.loads(tree.within("node", "-e", MANIFESTS, code="\n".join(roots))):
        if name and version:
            yield _npm_row(name, version)


def _root_at(path: str) -> int:
    """Where the innermost directory of packages starts in `path`."""
    return max(path.rfind("/node_modules/"), path.rfind("/usr/share/nodejs/"), 0)


def _npm_row(name: str, version: str, *, judged: str = "must") -> Row:
    namespace, _, short = name.rpartition("/")
    return _row("npm", short, version, namespace=namespace, judged=judged)


def _maven(tree: Tree) -> Iterator[Row]:
    ours: set[str] = set()
    for coordinates in tree.jars:
        group, artifact, version = coordinates.split(":")
        ours |= {artifact, f"{artifact}-{version}"}
        yield _row("maven", artifact, version, namespace=group)
    links, jars, bundled = json.loads(tree.within("python3", code=JARS))
    for group, artifact, version in bundled:
        yield _row("maven", artifact, version, namespace=group, judged="may")
    named: dict[str, set[tuple[str, str, str]]] = {}
    for link, target in links:
        *groups, artifact, version, file = PurePosixPath(link).parts[4:]
        if file == f"{artifact}-{version}.jar":  # else it has a classifier, too
            named.setdefault(target, set()).add((".".join(groups), artifact, version))
    for jar in jars:
        stem = PurePosixPath(jar).stem
        if jar in named:
            yield from _named(stem, named[jar])
        elif stem not in ours:
            yield _nameless(stem)


def _nameless(stem: str) -> Row:
    """The row of a jar that has nothing but the name of its file."""
    return _row("maven", re.sub(r"-\d[^-]*$", "", stem), ANY, judged="may")


def _named(stem: str, names: set[tuple[str, str, str]]) -> Iterator[Row]:
    """The rows of one jar that has these coordinates in Debian's repository."""
    stated = {n for n in names if not ALIAS.fullmatch(n[2])}
    # Several: those under which it lies on disk, if that tells.
    own = {n for n in stated if stem in {n[1], f"{n[1]}-{n[2]}"}} or stated
    for coordinates in stated:
        group, artifact, version = coordinates
        judged = "must" if own == {coordinates} else "may"
        yield _row("maven", artifact, version, namespace=group, judged=judged)
    if not stated:
        for group, artifact, _ in names:
            yield _row("maven", artifact, ANY, namespace=group, judged="may")
    if len(own) != 1:
        yield _nameless(stem)


def _golang(root: Path) -> Iterator[Row]:
    programs = [str(path) for path in _programs(root)]
    if not programs:
        return
    done = subprocess.run(
        ["go", "version", "-m", *programs], check=True, capture_output=True, text=True
    )
    yield from _modules(done.stdout)


def _modules(told: str) -> Iterator[Row]:
    """Modules in what `go version -m` prints; one that is replaced is what replaces it."""
    yield _row("golang", "stdlib", ANY, judged="may")
    lines = [line.split("\t")[1:] for line in told.splitlines()]
    for words, after in zip(lines, [*lines[1:], []], strict=True):
        if words[:1] == ["path"] and after[:1] != ["mod"]:
            yield _row("golang", words[1], ANY, judged="may")
        elif words[:1] in (["mod"], ["dep"], ["=>"]) and after[:1] != ["=>"]:
            version = words[2] if len(words) > 2 else "(devel)"
            yield _row("golang", words[1], ANY if version == "(devel)" else version)


def _programs(root: Path) -> Iterator[Path]:
    """The ELF files that carry build information."""
    for folder, _, files in os.walk(root):
        for name in files:
            path = Path(folder, name)
            if path.is_symlink() or not path.is_file() or path.stat().st_size < 1 << 16:
                continue
            with path.open("rb") as file:
                if file.read(4) == b"\x7fELF" and BUILD_INFO in file.read():
                    yield path
