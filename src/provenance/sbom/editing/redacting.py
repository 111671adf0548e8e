"""What to take out of a document that is handed on: packages, fields, paths, properties.

What is carried from another format goes as well: it may repeat what is redacted.
"""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING, Any

import msgspec

from provenance.sbom.converting.rest import is_rest
from provenance.sbom.editing.splicing import REMOVE, Edit
from provenance.sbom.spdx.vocabulary import ZERO_SHA1

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from provenance.packages.package import Package
    from provenance.sbom.model import Contents

__all__ = ["FIELDS", "Redaction", "redaction_edits"]

Path = tuple[str | int, ...]
FIELDS = {
    "author": ("author", "authors", "originator", "originatedBy"),
    "copyright": ("copyright", "copyrightText", "software_copyrightText"),
    "cpes": ("cpe",),
    "description": ("description", "summary"),
    "download": ("downloadLocation", "software_downloadLocation"),
    "hashes": ("hashes", "checksums", "verifiedUsing"),
    "homepage": ("homepage", "software_homePage"),
    "licenses": ("licenses", "licenseDeclared", "licenseConcluded", "licenseInfoFromFiles"),
    "locations": ("sourceInfo", "software_sourceInfo"),
    "purl": ("purl", "software_packageUrl"),
    "references": ("externalReferences", "externalRef"),
    "supplier": ("supplier", "publisher", "manufacturer", "suppliedBy"),
}
"""Field of `Package` to the keys of the formats that say it."""
_OBLIGATORY = {"downloadLocation": "NOASSERTION"}
_REFERENCE_TYPES = {"homepage": "website", "download": "distribution"}
_SPDX_TYPES = {"purl": ("purl", "packageUrl"), "cpes": ("cpe23Type", "cpe22Type", "cpe23", "cpe22")}
_PLACES = {"methods": "value", "frames": "fullFilename"}
"""Lists of evidence to the key that may hold a path."""
_LISTS = ("externalReferences", "externalRefs", "externalIdentifier")
_CARRIED: Mapping[str, str | tuple[str, ...]] = {
    "locations": ("provenance:location:", "syft:location:"),
    "licenses": "provenance:license",
    "cpes": "provenance:cpes",
    "hashes": "provenance:hash:",
    "author": "provenance:author",
    "supplier": "provenance:supplier",
    "homepage": "provenance:homepage",
    "purl": "provenance:purl",
}
_OURS = "provenance "
_PLACE = re.compile(r"(?:provenance|syft):location:(\d+):path")


class Redaction:
    """What is to go."""

    def __init__(
        self,
        contents: Contents,
        *,
        packages: Callable[[Package], bool] | Iterable[str],
        fields: Sequence[str],
        paths: Sequence[str],
        properties: Sequence[str],
    ) -> None:
        """Find the packages; patterns are those of `glob`, where `**` crosses folders."""
        if callable(packages):
            found = [p for p in contents.packages if packages(p)]
        else:
            named = set(packages)
            found = [p for p in contents.packages if p.purl in named or p.id in named]
        self.ids = {p.id for p in found if p.id}
        self.nameless = {(p.name, p.version) for p in found if not p.id}
        self.purls = {p.purl for p in found if p.purl}
        self.fields, self._properties = fields, properties
        self._paths = [re.compile(_pattern(text)) for text in paths]
        self.ids |= {f.id for f in contents.files if f.id and self.hides(f.path)}

    def hides(self, path: str) -> bool:
        """Whether a path is to go."""
        text = path.removeprefix("./").lstrip("/")
        return any(pattern.fullmatch(text) for pattern in self._paths)

    def hides_place(self, value: object, *, bare: bool = False) -> bool:
        """Whether a text is a path that is to go; with `bare`, one in no folder may be too."""
        is_path = isinstance(value, str) and (bare or "/" in value) and "://" not in value
        return is_path and self.hides(str(value))

    def hides_property(self, name: str) -> bool:
        """Whether a property is to go."""
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in self._properties)

    @property
    def has_paths(self) -> bool:
        """Whether any paths are to go."""
        return bool(self._paths)


def redaction_edits(document: Mapping[str, Any], wanted: Redaction) -> list[Edit]:
    """What `wanted` changes in a decoded document."""
    wanted.ids |= set(_agents(document, wanted))
    wanted.ids |= set(_inner(document, wanted))
    found: list[Edit] = []
    waiting: list[tuple[Path, Any]] = [((), document)]
    while waiting:
        at, value = waiting.pop()
        if isinstance(value, list):
            for number, item in enumerate(value):
                if _goes(at, item, wanted):
                    found.append(Edit((*at, number), REMOVE))
                else:
                    waiting.append(((*at, number), item))
        elif isinstance(value, dict):
            edits = {edit.path: edit for edit in _in_element(at, value, wanted)}
            found += edits.values()
            waiting += [((*at, k), v) for k, v in value.items() if (*at, k) not in edits]
    return found


def _inner(document: Mapping[str, Any], wanted: Redaction) -> Iterator[str]:
    """References to components within those that go."""
    waiting = [(document, False), (document.get("metadata"), False)]
    while waiting:
        item, goes = waiting.pop()
        if not isinstance(item, dict):
            continue
        name = item.get("bom-ref")
        if isinstance(name, str) and goes:
            yield name
        goes = goes or (isinstance(name, str) and name in wanted.ids)
        goes = goes or _is_hidden("components", item, wanted)
        for inner in (item.get("components"), [item.get("component")]):
            waiting += [(x, goes) for x in inner] if isinstance(inner, list) else []


def _agents(document: Mapping[str, Any], wanted: Redaction) -> Iterator[str]:
    """Of SPDX 3, people and organisations that did not make the document, licences in words."""
    graph = document.get("@graph")
    nodes = [x for x in graph if isinstance(x, dict)] if isinstance(graph, list) else []
    made_by = [node["createdBy"] for node in nodes if isinstance(node.get("createdBy"), list)]
    makers = {name for names in made_by for name in names if isinstance(name, str)}
    people = {"supplier", "author"} & {*wanted.fields}
    yield from _named_by(nodes, wanted.ids, goes=True) - _named_by(nodes, wanted.ids, goes=False)
    for node in nodes:
        kind, name = str(node.get("type")), node.get("spdxId")
        if not isinstance(name, str):
            continue
        goes = people and kind in ("Agent", "Person", "Organization") and name not in makers
        goes = goes or ("licenses" in wanted.fields and kind in _LICENSE_TEXTS)
        if goes:
            yield name


def _named_by(nodes: list[dict[str, Any]], ids: set[str], *, goes: bool) -> set[str]:
    """Who is said to have made what goes, or what stays."""
    found: set[str] = set()
    for node in nodes:
        name = node.get("spdxId")
        if (isinstance(name, str) and name in ids) is goes:
            for key in _MAKERS:
                value = node.get(key)
                listed = value if isinstance(value, list) else [value]
                found.update(x for x in listed if isinstance(x, str))
    return found


_MAKERS = ("suppliedBy", "originatedBy", "createdBy")


def _goes(at: Path, item: Any, wanted: Redaction) -> bool:
    """Whether an item of a list goes whole."""
    key = at[-1] if at else ""
    if isinstance(item, str):
        return item in wanted.ids and key in _LISTS_OF_IDS
    if not isinstance(item, dict):
        return False
    if key == "properties":
        is_hidden = wanted.hides_property(str(item.get("name"))) or _is_carried(item, wanted)
        return is_hidden or is_rest(item) or wanted.hides_place(item.get("value"))
    if key in _PLACES:
        return "locations" in wanted.fields or wanted.hides_place(item.get(_PLACES[key]), bare=True)
    if key == "occurrences":
        return wanted.hides(str(item.get("location", ""))) or "locations" in wanted.fields
    return is_rest(item) or _is_hidden(key, item, wanted) or _leads_to_hidden(item, wanted)


def _is_hidden(key: str | int, item: Mapping[str, Any], wanted: Redaction) -> bool:
    """Whether an item is a reference or element that goes by what it is."""
    if key in _LISTS:
        kinds: set[str] = set()
        if key == "externalReferences":
            kinds |= {_REFERENCE_TYPES[f] for f in wanted.fields if f in _REFERENCE_TYPES}
        kinds |= {kind for field in wanted.fields for kind in _SPDX_TYPES.get(field, ())}
        names = ("type", "referenceType", "externalIdentifierType")
        if "references" in wanted.fields and key == "externalRefs":
            own = {kind for known in _SPDX_TYPES.values() for kind in known}
            return item.get("referenceType") not in own - kinds
        return any(item.get(name) in kinds for name in names if isinstance(item.get(name), str))
    if key in ("components", "packages", "@graph"):
        version = item.get("version", item.get("versionInfo", item.get("software_packageVersion")))
        name = item.get("name")
        stated = (
            name if isinstance(name, str) else "",
            version if isinstance(version, str) else "",
        )
        has_id = any(isinstance(item.get(x), str) and item[x] for x in _IDS)
        return stated in wanted.nameless and not has_id
    return False


def _leads_to_hidden(item: Mapping[str, Any], wanted: Redaction) -> bool:
    """Whether an item is, or leads from or to, what goes."""
    names = (item.get("bom-ref"), item.get("SPDXID"), item.get("spdxId"), item.get("ref"))
    ends = map(item.get, _ENDS)
    about = item.get("subject") if item.get("type") == "Annotation" else None
    if any(isinstance(x, str) and x in wanted.ids for x in (*names, *ends, about)):
        return True
    if item.get("type") != "Relationship":
        return False
    if "licenses" in wanted.fields and item.get("relationshipType") in _LICENSE_RELATIONS:
        return True
    targets = item.get("to")
    if not isinstance(targets, list) or not targets:
        return False
    return all(isinstance(x, str) and x in wanted.ids for x in targets)


_ENDS = (
    *("spdxElementId", "relatedSpdxElement", "from"),
    *("snippetFromFile", "software_snippetFromFile"),
)
_IDS = ("bom-ref", "SPDXID", "spdxId")
_LICENSE_RELATIONS = ("hasDeclaredLicense", "hasConcludedLicense")
_LICENSE_TEXTS = ("simplelicensing_SimpleLicensingText",)
_LISTS_OF_IDS = (
    *("dependsOn", "provides", "hasFiles", "documentDescribes", "to", "element", "rootElement"),
    *("assemblies", "dependencies", "subjects"),
)


def _is_carried(item: Mapping[str, Any], wanted: Redaction) -> bool:
    """Whether a property of ours repeats what goes."""
    name, value = str(item.get("name")), str(item.get("value"))
    if name == "provenance:contains":
        return value in wanted.ids
    if name == "provenance:owner":
        return value in wanted.purls
    if any(name.startswith(_CARRIED[f]) for f in wanted.fields if f in _CARRIED):
        return True
    return _PLACE.fullmatch(name) is not None and wanted.hides(value)


def _in_element(at: Path, item: Mapping[str, Any], wanted: Redaction) -> Iterator[Edit]:
    """Fields of an element, and texts of ours in it."""
    if "licenses" in wanted.fields and not at and "hasExtractedLicensingInfos" in item:
        yield Edit(("hasExtractedLicensingInfos",), REMOVE)
    if at and _is_listed(at):
        for field in wanted.fields:
            for key in FIELDS[field]:
                if key in item:
                    instead = _OBLIGATORY.get(key, REMOVE)
                    if key == "checksums" and at[-2] == "files":  # which have to have one
                        instead = [{"algorithm": "SHA1", "checksumValue": ZERO_SHA1}]
                    yield Edit((*at, key), instead)
    yield from _places_in(at, item, wanted)
    comment = item.get("comment")
    if isinstance(comment, str) and comment.startswith(f"{_OURS}["):
        kept = _kept_pairs(comment, wanted)
        if kept != comment:
            yield Edit((*at, "comment"), kept)


def _places_in(at: Path, item: Mapping[str, Any], wanted: Redaction) -> Iterator[Edit]:
    """Fields of an element that hold paths."""
    if wanted.hides_place(item.get("packageFileName"), bare=True):
        yield Edit((*at, "packageFileName"), REMOVE)
    if wanted.has_paths and any(wanted.hides(x) for x in _said_places(item)):
        yield from (
            Edit((*at, key), REMOVE) for key in ("sourceInfo", "software_sourceInfo") if key in item
        )


def _is_listed(at: Path) -> bool:
    """Whether a path leads to a component, package or file."""
    if at[-1] in ("component", "evidence"):
        return True
    return len(at) > 1 and at[-2] in ("components", "packages", "files", "@graph")


def _said_places(item: Mapping[str, Any]) -> list[str]:
    text = str(item.get("sourceInfo", item.get("software_sourceInfo", "")))
    return text.removeprefix("found at: ").split(", ")


def _kept_pairs(comment: str, wanted: Redaction) -> str:
    try:
        pairs = msgspec.json.decode(
            comment.removeprefix(_OURS).encode("utf-8", "replace"), type=list[tuple[str, str]]
        )
    except msgspec.DecodeError:
        return comment
    kept = [
        (name, value)
        for name, value in pairs
        if not _is_carried({"name": name, "value": value}, wanted)
        and not wanted.hides_property(name)
    ]
    if len(kept) == len(pairs):
        return comment
    return _OURS + msgspec.json.encode(kept).decode()


def _pattern(text: str) -> str:
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", text.removeprefix("./").lstrip("/"))
    known = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(known.get(part, re.escape(part)) for part in parts)
