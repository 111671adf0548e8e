"""From an archive to its packages, and from it to the archives inside of it.

Each archive with an identity is a package, its hashes those of its bytes; each set of coordinates
that was shaded into it is one, too, and lies inside of it. A nested archive is read like one of its
own; what holds the next package outwards contains it.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from provenance.catalog.cataloger import Cataloger, Problem, Relation
from provenance.catalog.ecosystems.java.identity import Coordinates, Evidence, Identity, decide
from provenance.catalog.ecosystems.java.licenses import licenses_of
from provenance.catalog.ecosystems.java.manifest import main_attributes, properties
from provenance.catalog.ecosystems.java.pom import BadPom, Pom, parse_pom
from provenance.catalog.ecosystems.zip_archive import BadArchive, Budget, Exhausted, open_archive
from provenance.errors import MalformedDocument
from provenance.packages.package import Location, Package
from provenance.packages.purl import build_purl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from mmap import mmap

    from provenance.catalog.cataloger import Item, MatchedFile, Requirement
    from provenance.catalog.ecosystems.zip_archive import Archive, Member
    from provenance.digests import Digest

__all__ = ["CATALOGER", "read", "requirements"]

_SUFFIXES = ("jar", "war", "ear", "par", "sar", "nar", "jpi", "hpi", "kar", "lpkg", "rar")
_ENDINGS = tuple(f".{s}" for s in _SUFFIXES)
_HINTS = "META-INF/native-image/"
_WANTED = (
    *(ending.encode() for ending in _ENDINGS),
    *(b"META-INF/MANIFEST.MF", b"pom.properties", b"pom.xml"),
)
_SURE = (".jar", ".war", ".ear", ".jpi", ".hpi")
_DEPTH = 16
"""Archives within archives; real ones go three deep."""
_MANIFEST = 256 << 10
_POM = 1 << 20
_PROPERTIES = 16 << 10
_NESTED = 256 << 20
_COORDINATES = 2_000
"""pom.properties looked at in one archive."""
_LONGEST = 600
"""Characters of group, artifact and version together."""
_ARCHIVE_COST, _COORDINATES_COST, _LICENSE_COST = 200, 50, 300
"""Records that each stands for in the budget."""
_PROBLEMS = 100
"""Told of one file of the image."""


class _Place(NamedTuple):
    """Where an archive is."""

    path: str
    layer: Digest | None
    depth: int
    holder: str
    """purl of the next package outwards, empty for none."""


def read(file: MatchedFile) -> Iterator[Item]:
    """Yield the archive's package, those inside of it, and which contains which."""
    place = _Place(file.path, file.layer, 0, "")
    problems = 0
    try:
        for item in _archive(file.body, place, Budget(len(file.body))):
            problems += isinstance(item, Problem)
            if problems <= _PROBLEMS or not isinstance(item, Problem):
                yield item
    except Exhausted as error:
        yield Problem(file.path, str(error))


def _archive(body: bytes | mmap, place: _Place, budget: Budget) -> Iterator[Item]:
    try:
        archive = open_archive(body, budget, suffixes=_WANTED, prefixes=(_HINTS.encode(),))
    except BadArchive as error:
        # The other suffixes belong to other kinds of files as well.
        if body[:2] == b"PK" or (len(body) and place.path.endswith(_SURE)):
            yield Problem(place.path, str(error))
        return
    look = _Look(archive, place.path, budget)
    evidence = look.evidence()
    yield from look.problems
    identity = decide(evidence)
    holder = place.holder
    if identity is not None:
        package = _package(evidence, identity, place, _hashes(body))
        yield package
        if isinstance(package, Package):
            yield from _holds(holder, package.purl)
            holder = package.purl
            if not package.version:
                yield Problem(place.path, f"nothing states the version of {package.name!r}")
    elif look.nameless:
        what = "names no artifact that may be one, and nothing else tells what the archive is"
        yield Problem(f"{place.path}!/{look.nameless}", what)
    for shaded in evidence.coordinates:
        if identity is None or shaded != identity.main:
            yield from _shaded(shaded, place, holder)
    for member in look.nested:
        yield from _nested(archive, member, place._replace(holder=holder), budget)


def _holds(holder: str, purl: str) -> Iterator[Relation]:
    if holder and holder != purl:
        yield Relation(holder, "contains", purl)


def _nested(archive: Archive, member: Member, place: _Place, budget: Budget) -> Iterator[Item]:
    path = f"{place.path}!/{member.name}"
    if place.depth + 1 >= _DEPTH:
        yield Problem(path, f"not read: {_DEPTH} archives deep")
        return
    budget.spend_records(_ARCHIVE_COST)
    try:
        body = archive.read(member, limit=_NESTED)
    except BadArchive as error:
        yield Problem(path, str(error))
        return
    yield from _archive(body, place._replace(path=path, depth=place.depth + 1), budget)


class _Look:
    """One pass over the members: what tells of identity, and what is an archive itself."""

    def __init__(self, archive: Archive, path: str, budget: Budget) -> None:
        self.problems: list[Problem] = []
        self.nested: list[Member] = []
        self.nameless = ""
        """A file of coordinates that has none."""
        self._archive = archive
        self._path = path
        self._budget = budget
        self._manifest: Member | None = None
        self._properties: dict[str, Member] = {}
        self._poms: dict[str, Member] = {}
        self._hints: dict[tuple[str, str], None] = {}
        for member in archive.members:
            self._sort(member)

    def _sort(self, member: Member) -> None:
        name = member.name
        if name.endswith(_ENDINGS):
            self.nested.append(member)
        elif name == "META-INF/MANIFEST.MF":
            self._manifest = member
        elif name.endswith("pom.properties"):
            folder, _, base = name.rpartition("/")
            if base == "pom.properties" and len(self._properties) < _COORDINATES:
                self._properties[folder] = member
        elif name.endswith("pom.xml"):
            folder, _, base = name.rpartition("/")
            # Elsewhere it may be the template of a project.
            beside = "META-INF/maven/" in name or folder in self._properties
            if base == "pom.xml" and beside and len(self._poms) < _COORDINATES:
                self._poms[folder] = member
        elif name.startswith(_HINTS):
            steps = name.split("/")
            if len(steps) > 4:
                self._hints[steps[2], steps[3]] = None

    def _read(self, member: Member, limit: int, *, prefix: bool = False) -> bytes:
        try:
            return self._archive.read(member, limit=limit, prefix=prefix)
        except BadArchive as error:
            self.problems.append(Problem(f"{self._path}!/{member.name}", str(error)))
            return b""

    def evidence(self) -> Evidence:
        """Read what tells of identity."""
        attributes = {}
        if self._manifest is not None:
            data = self._read(self._manifest, _MANIFEST, prefix=True)
            self._budget.spend_records(data.count(b"\n") // 2)
            attributes = main_attributes(data)
        folders = dict.fromkeys([*self._properties, *self._poms])
        coordinates = [one for folder in folders if (one := self._coordinates(folder))]
        return Evidence(
            self._path,
            attributes,
            coordinates,
            frozenset(_package_names(self._archive.folders)),
            tuple(self._hints),
        )

    def _coordinates(self, folder: str) -> Coordinates | None:
        """What the pom.properties and the pom.xml of one folder state together."""
        self._budget.spend_records(_COORDINATES_COST)
        pom, stated = None, {}
        member = self._poms.get(folder)
        if member is not None:
            pom = self._pom(member)
        if folder in self._properties:
            member = self._properties[folder]
            data = self._read(member, _PROPERTIES, prefix=True)
            self._budget.spend_records(data.count(b"\n"))
            stated = properties(data)
        if member is None:
            return None

        def first(key: str, otherwise: str) -> str:
            value = stated.get(key, "")
            usable = value.isprintable() and " " not in value and "${" not in value
            return value if value and usable else otherwise

        artifact = first("artifactId", pom.artifact if pom else "")
        if not artifact:
            self.nameless = self.nameless or member.name
            return None
        group = first("groupId", pom.group if pom else "")
        version = first("version", pom.version if pom else "")
        return Coordinates(group, artifact, version, member.name, pom)

    def _pom(self, member: Member) -> Pom | None:
        data = self._read(member, _POM)
        try:
            pom = parse_pom(data, self._budget) if data else None
        except BadPom as error:
            self.problems.append(Problem(f"{self._path}!/{member.name}", str(error)))
            return None
        if pom is not None:
            self._budget.spend_records(_LICENSE_COST * len(pom.licenses))
        return pom


def _package_names(folders: Iterable[str]) -> Iterator[str]:
    for folder in folders:
        bare = folder
        for prefix in ("WEB-INF/classes/", "BOOT-INF/classes/"):
            bare = bare.removeprefix(prefix)
        # META-INF/versions holds the same packages again, for other releases of Java.
        if bare and not bare.startswith("META-INF/"):
            yield bare.replace("/", ".")


def _hashes(body: bytes | mmap) -> dict[str, str]:
    """What Maven's repositories list artifacts by; another hash would cost as much again."""
    return {"sha1": hashlib.sha1(body, usedforsecurity=False).hexdigest()}


def _package(
    evidence: Evidence, identity: Identity, place: _Place, hashes: dict[str, str]
) -> Package | Problem:
    # `%name` is a key of the bundle's translations.
    said = {k: v for k, v in evidence.attributes.items() if not v.startswith("%")}
    pom = (identity.main.pom if identity.main else None) or Pom()
    return _made(
        identity,
        pom,
        Location(place.path, place.layer),
        hashes=hashes,
        licenses=licenses_of(pom, said),
        supplier=pom.organization
        or said.get("implementation-vendor", "")
        or said.get("bundle-vendor", ""),
        description=pom.description or said.get("bundle-description", ""),
        homepage=pom.url or said.get("bundle-docurl", "") or said.get("implementation-url", ""),
    )


def _shaded(shaded: Coordinates, place: _Place, holder: str) -> Iterator[Item]:
    """What was shaded into an archive: its classes lie among those of the archive."""
    if not shaded.version:
        return  # a sample or a template: no version is no artifact that was built
    pom = shaded.pom or Pom()
    package = _made(
        Identity(shaded.group or shaded.artifact, shaded.artifact, shaded.version),
        pom,
        Location(f"{place.path}!/{shaded.path}", place.layer),
        hashes={},
        licenses=licenses_of(pom, {}),
        supplier=pom.organization,
        description=pom.description,
        homepage=pom.url,
    )
    yield package
    if isinstance(package, Package):
        yield from _holds(holder, package.purl)


def _made(
    identity: Identity,
    pom: Pom,
    location: Location,
    *,
    hashes: dict[str, str],
    licenses: tuple[tuple[str, ...], tuple[str, ...]],
    supplier: str,
    description: str,
    homepage: str,
) -> Package | Problem:
    group, artifact, version, classifier, _ = identity
    if len(group) + len(artifact) + len(version) > _LONGEST:
        return Problem(location.path, f"its coordinates are longer than {_LONGEST} characters")
    try:
        purl = build_purl(
            "maven", group.replace("/", "."), artifact, version, {"classifier": classifier}
        )
    except MalformedDocument as error:
        return Problem(location.path, str(error))
    return Package(
        name=artifact,
        version=version,
        type="maven",
        purl=purl,
        licenses=licenses[0],
        stated_licenses=licenses[1],
        supplier=supplier,
        description=description,
        homepage=homepage,
        hashes=hashes,
        locations=(location,),
        depends=tuple(dict.fromkeys(":".join(filter(None, d)) for d in pom.dependencies)),
        provides=(f"{group}:{artifact}",),
        cataloger=CATALOGER.name,
    )


def requirements(package: Package) -> Iterator[Requirement]:
    """Each dependency of its pom, by group and artifact."""
    for need in package.depends:
        yield (":".join(need.split(":")[:2]),)


CATALOGER = Cataloger(
    name="java",
    version=4,
    types=("maven",),
    read=read,
    paths=tuple(f"**/*.{suffix}" for suffix in _SUFFIXES),
    requirements=requirements,
)
