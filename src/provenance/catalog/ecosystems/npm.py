"""Installed npm packages: the `package.json` at the root of each.

Sources: npm's documentation of package.json, Node's algorithm for `require` (modules, "Loading from
node_modules folders"), Debian's policy for Node packages (its folders). Roots lie directly in a
`node_modules/`, in a scope of one, or in Debian's own folders; so do the package managers that
images unpack to /opt (yarn) and that corepack downloads. With Plug'n'Play packages stay in their
archives (npm_pnp.py). Any other package.json configures a part
of a package, or is a project's and no installed package. Not read: lock files (wishes).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from provenance.catalog.cataloger import Cataloger, Problem, Relation
from provenance.catalog.ecosystems import npm_pnp
from provenance.errors import MalformedDocument
from provenance.packages.licenses import normalise
from provenance.packages.package import Package
from provenance.packages.purl import build_purl

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from provenance.catalog.cataloger import Item, MatchedFile, Remaining

__all__ = ["CATALOGER", "complete", "read"]

_NAME = re.compile(r"(?:(@[^/@\s\x00-\x1f]+)/)?([^/@\s\x00-\x1f][^/\s\x00-\x1f]*)")
_VERSION = re.compile(r"[=v\s]*(\d[^\s\x00-\x1f]*)")
_SHORTHAND = re.compile(r"(?:(github|gitlab|bitbucket):)?([\w.-]+/[\w.-]+)", re.ASCII)
_HOSTS = {"gitlab": "https://gitlab.com/", "bitbucket": "https://bitbucket.org/"}
_LONGEST_NAME = 512
_LONGEST = 4_096  # characters of any other text
_MOST = 5_000  # needs of one package
_MOST_LICENSES = 20
_MOST_AUTHORS = 5
_BIGGEST = 8 << 20
_LEVELS = 128  # folders above a package
_WORK = 4_000_000  # folders looked into for needs, an edge counting as ten: a second or two
# A package manager of its own: its name, in the folder's name or that of the folder above.
_MANAGER = re.compile(r"(?:.*/)?(?:opt/(yarn)-v[^/]+|corepack/(?:v[0-9]+/)?([^/]+)/[^/]+)")
# Below another package, in a folder of its tests: what they try things on.
_TESTS = frozenset({"test", "tests", "__tests__", "fixtures", "__fixtures__"})
_HOLDERS = frozenset({"node_modules", "nodejs"})
_DEBIAN = re.compile(r"(?:.*/)?usr/(?:share|lib(?:/[^/]+-linux-gnu\w*)?)/nodejs(?=/)")


class _Manifest(msgspec.Struct):
    """What is read of a package.json. All may have any type; the rest is skipped unread."""

    name: Any = None
    version: Any = None
    description: Any = None
    license: Any = None
    licenses: Any = None
    author: Any = None
    contributors: Any = None
    maintainers: Any = None
    homepage: Any = None
    repository: Any = None
    dependencies: Any = None
    optional: Any = msgspec.field(name="optionalDependencies", default=None)
    peers: Any = msgspec.field(name="peerDependencies", default=None)


_DECODER = msgspec.json.Decoder(_Manifest)


def read(file: MatchedFile) -> Iterator[Item]:
    """Yield the packages, or Problems; nothing for a package.json without name or version."""
    if file.path.endswith("/package.json"):
        yield from _manifest(file)
    elif file.path.endswith(".zip"):
        for inner in npm_pnp.manifests(file):
            yield from [inner] if isinstance(inner, Problem) else _manifest(inner)
    else:
        yield from npm_pnp.table(file)


def _manifest(file: MatchedFile) -> Iterator[Item]:
    folder = file.path.rpartition("/")[0].rpartition("/")[2]
    if folder.startswith((".", "@")):
        return
    if file.size > _BIGGEST:
        yield Problem(file.path, f"not read: a package.json of more than {_BIGGEST >> 20} MiB")
        return
    try:
        manifest = _decoded(bytes(file.body[:]))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        yield Problem(file.path, f"no package.json: {error}")
        return
    name, version = manifest.name, manifest.version
    if name is None or name == "" or version is None or version == "":
        return
    if not _is_root(file.path, name):
        return
    yield _package(file, manifest)


def _is_root(path: str, name: object) -> bool:
    """Whether `path` is a root, or below corepack's or /opt a package manager of that name."""
    folder = path.rpartition("/")[0]
    above = _holder(folder)
    if above.rpartition("/")[2] in _HOLDERS:
        return not _is_for_tests(above)
    manager = _MANAGER.fullmatch(folder)
    return manager is not None and name in manager.groups()


def _is_for_tests(holder: str) -> bool:
    """Whether the folder that holds packages belongs to the tests of an installed one."""
    steps = holder.split("/")
    if _TESTS.isdisjoint(steps):
        return False
    inside = False
    named = 0  # how many of the next steps may be a package's name
    for at, step in enumerate(steps):
        if step in _HOLDERS and _holds(step, steps[max(at - 3, 0) : at]):
            inside, named = True, 1
        elif named and not step.startswith("@"):
            named = 0
        elif inside and not named and step in _TESTS:
            return True
    return False


def _holds(step: str, above: list[str]) -> bool:
    """Whether packages lie there: Debian's `nodejs` is no user or project of that name."""
    return step == "node_modules" or bool(_DEBIAN.match("/".join((*above, step, ""))))


def _decoded(body: bytes) -> _Manifest:
    body = body.removeprefix(b"\xef\xbb\xbf")
    try:
        return _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # An author's name in Latin-1 must not hide a package.
        return _DECODER.decode(body.decode("utf-8", "replace"))


def _package(file: MatchedFile, manifest: _Manifest) -> Package | Problem:
    name, stated = _text(manifest.name), _text(manifest.version)
    match = _NAME.fullmatch(name) if len(name) <= _LONGEST_NAME else None
    if match is None:
        return Problem(file.path, f"{str(manifest.name)[:100]!r} is no name of an npm package")
    cleaned = _VERSION.fullmatch(stated)
    if cleaned is None:
        shown = str(manifest.version)[:100]
        return Problem(file.path, f"{name[:100]!r} states {shown!r}, which is no version")
    version = cleaned[1]
    try:
        purl = build_purl("npm", match[1] or "", match[2], version)
    except MalformedDocument as error:
        return Problem(file.path, str(error))
    words = tuple(dict.fromkeys(_license_words(manifest)))
    licenses = tuple(dict.fromkeys(_licence(w) for w in words))
    return Package(
        name=name,
        version=version,
        type="npm",
        purl=purl,
        licenses=licenses,
        stated_licenses=words if words != licenses else (),
        supplier=_people(manifest.maintainers),
        author=_people(manifest.author) or _people(manifest.contributors),
        description=_text(manifest.description),
        homepage=_homepage(manifest),
        locations=(file.location,),
        depends=tuple(_needs(manifest)),
        cataloger=CATALOGER.name,
    )


def _text(value: object) -> str:
    return value.strip()[:_LONGEST] if isinstance(value, str) else ""


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _license_words(manifest: _Manifest) -> Iterator[str]:
    """The licences as stated: a text, or the old forms: an object with a type, a list of either."""
    for field in filter(None, (manifest.license, manifest.licenses)):
        for one in _listed(field)[:_MOST_LICENSES]:
            stated = one
            if isinstance(one, dict):
                stated = one.get("type") or one.get("name") or one.get("url")
            if words := _text(stated):
                yield words


def _licence(words: str) -> str:
    """UNLICENSED says that nothing is allowed, and is not the Unlicense, which allows all."""
    if words.upper().startswith(("SEE LICEN", "UNLICENSED")):
        return words
    return normalise(words)


def _people(value: object) -> str:
    """`Name <mail>` of each, up to five."""
    if not value:
        return ""
    found = []
    for one in _listed(value)[:_MOST_AUTHORS]:
        if isinstance(one, dict):
            name, mail = _text(one.get("name")), _text(one.get("email"))
            found.append(f"{name} <{mail}>" if name and mail else name or mail)
        else:
            # `Name <mail> (https://...)`: the page is not part of who it is.
            found.append(_text(one).partition(" (")[0])
    return ", ".join(filter(None, found))


def _homepage(manifest: _Manifest) -> str:
    """The page stated, else that of the repository."""
    homepage = _text(_listed(manifest.homepage)[0] if manifest.homepage else "")
    if homepage:
        return homepage
    stated = manifest.repository
    url = _text(stated.get("url") if isinstance(stated, dict) else stated)
    if match := _SHORTHAND.fullmatch(url):
        return _HOSTS.get(match[1] or "", "https://github.com/") + match[2]
    url = url.removeprefix("git+").removesuffix(".git")
    if url.startswith("git://"):
        url = f"https{url[3:]}"
    return url if url.startswith(("https://", "http://")) else ""


def _needs(manifest: _Manifest) -> Iterable[str]:
    """`name@range` of what it asks for, each name once."""
    found: dict[str, str] = {}
    for field in (manifest.dependencies, manifest.optional, manifest.peers):
        if isinstance(field, dict):
            for name, wanted in field.items():
                if len(found) < _MOST and len(name) <= _LONGEST_NAME and _NAME.fullmatch(name):
                    found.setdefault(name, _text(wanted))
    return (f"{name}@{wanted}" if wanted else name for name, wanted in found.items())


def complete(remaining: Remaining) -> Iterator[Package | Relation | Problem]:
    """The packages, and what each one's needs resolve to where it lies.

    One name and version may lie in several folders and find other versions in each: the edges of
    all of them are its own.
    """
    tables = npm_pnp.joined(remaining.of(npm_pnp.TABLE).values())
    packages = [p for p in remaining.packages if npm_pnp.is_used(p.locations[0].path, tables)]
    places: dict[str, str] = {}
    holding: set[str] = set()
    store: dict[str, set[str]] = {}
    for package in packages:
        yield package
        for location in package.locations:
            folder = location.path.rpartition("/")[0]
            places[folder] = package.purl
            holding.add(_holder(folder))
            above, pnpm, _ = folder.rpartition("/.pnpm/")
            if pnpm:
                store.setdefault(f"{above}/{package.name}", set()).add(package.purl)
    edges: dict[Relation, None] = {}
    work = 0
    for package in packages:
        for location in package.locations:
            folder = location.path.rpartition("/")[0]
            named = tables.get(folder)
            folders = [] if named is not None else list(_search_path(folder, holding))
            work += len(named or ()) + len(package.depends) * (1 + len(folders))
            if work + 10 * len(edges) > _WORK:
                yield Problem(location.path, "packages need too many others: not all is told")
                yield from edges
                return
            if named is not None:
                targets = [places.get(target, "") for target in named]
            else:
                names = [need[:1] + need[1:].partition("@")[0] for need in package.depends]
                targets = [
                    _resolved(name, folders, places) or _in_store(name, folder, store)
                    for name in names
                ]
            for target in targets:
                if target and target != package.purl:
                    edges[Relation(package.purl, "depends-on", target)] = None
    yield from edges


def _holder(folder: str) -> str:
    """The folder that a package lies in, its scope left out."""
    above = folder.rpartition("/")[0]
    before, _, last = above.rpartition("/")
    return before if last.startswith("@") else above


def _search_path(folder: str, holding: Collection[str]) -> Iterator[str]:
    """The folders that Node looks in for what the package in `folder` requires, nearest first.

    Args:
        folder: where the package lies.
        holding: the folders that hold any package at all.
    """
    above = folder
    for _ in range(_LEVELS):
        # There is no node_modules directly in another.
        if above.rpartition("/")[2] != "node_modules":
            candidate = f"{above}/node_modules".lstrip("/")
            if candidate in holding:
                yield candidate
        if not above:
            break
        above = above.rpartition("/")[0]
    if match := _DEBIAN.match(folder):
        yield match[0]


def _resolved(name: str, folders: list[str], places: Mapping[str, str]) -> str:
    for folder in folders:
        if target := places.get(f"{folder}/{name}"):
            return target
    return ""


def _in_store(name: str, folder: str, store: Mapping[str, set[str]]) -> str:
    """What lies in the same store of pnpm, whose links between packages are resolved by now.

    Only where there is one version: which of several a link named cannot be told.
    """
    above, pnpm, _ = folder.rpartition("/.pnpm/")
    found = store.get(f"{above}/{name}", set()) if pnpm else set()
    return next(iter(found)) if len(found) == 1 else ""


_FOLDERS = (
    "**/node_modules",
    "**/usr/share/nodejs",
    "**/usr/lib/nodejs",
    "**/usr/lib/*-linux-gnu*/nodejs",
)

CATALOGER = Cataloger(
    name="npm",
    version=4,
    types=("npm",),
    read=read,
    paths=(
        *(f"{folder}/*/package.json" for folder in _FOLDERS),
        *(f"{folder}/@*/*/package.json" for folder in _FOLDERS),
        "**/opt/yarn-v*/package.json",
        "**/corepack/*/*/package.json",
        "**/corepack/v*/*/*/package.json",
        *npm_pnp.ARCHIVES,
        *npm_pnp.TABLES,
    ),
    complete=complete,
)
