"""Identifiers of CycloneDX parts, made such that no two parts share one.

Source: every property that bom-1.7.schema.json gives the type `refType`, `refLinkType` or
`bomLinkElementType`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provenance.sbom.carried import PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Taken", "redirect", "rename"]

_DEFINITION = "bom-ref"
_REFERENCES = frozenset(
    {
        *("ref", "algorithmRef", "signatureAlgorithmRef", "subjectPublicKeyRef"),
        *("algorithm", "asserter", "assessor", "parent", "process", "requirement", "target"),
    }
)
_LISTS = frozenset(
    {
        *("dependsOn", "provides", "assemblies", "dependencies", "vulnerabilities", "subjects"),
        *("claims", "counterClaims", "evidence", "counterEvidence", "mitigationStrategies"),
        *("algorithms", "cryptoRefArray", "members", "patentRefs", "requirements", "tools"),
        "taskReferences",
    }
)
_CERTAIN = _LISTS & {
    *("dependsOn", "provides", "assemblies", "dependencies", "vulnerabilities", "subjects")
}
"""Lists in which a text that is no identifier of the part still is meant for one."""
_WITHOUT = frozenset({"hashes", "externalReferences"})
"""Lists of objects that hold neither identifiers nor references to them."""
_LINK = "urn:cdx:"
_CONTAINS = f"{PREFIX}contains"


class Taken:
    """The identifiers of a document that is being made."""

    def __init__(self, separator: str = "#") -> None:
        """None yet; `separator` stands before numbers."""
        self._separator = separator
        self._names: set[str] = set()
        self._counts: dict[str, int] = {}

    def new(self, name: str) -> str:
        """`name`, with a number where that is taken."""
        found, count = name, self._counts.get(name, 1)
        while found in self._names:
            count += 1
            found = f"{name}{self._separator}{count}"
        self._counts[name] = count
        self._names.add(found)
        return found


def rename(part: dict[str, Any], taken: Taken) -> set[str]:
    """Give every identifier of a part one that is not taken, in place; returned are they.

    Of two that are the same in one part, references lead to the first. What leads to nothing in
    the part gets a name that nothing in another has; links to other documents stay.
    """
    known: dict[str, str] = {}
    references: list[tuple[Any, Any, bool]] = []
    for holder, key, is_certain in _places(part):
        if key == _DEFINITION:
            value = holder[key]
            holder[key] = taken.new(value)
            known.setdefault(value, holder[key])
        else:
            references.append((holder, key, is_certain))
    defined = set(known.values())
    for holder, key, is_certain in references:
        value = holder[key]
        if is_certain and value not in known and not value.startswith(_LINK):
            known[value] = taken.new(value)
        holder[key] = known.get(value, value)
    return defined


def redirect(document: dict[str, Any], moved: dict[str, str]) -> None:
    """Let every reference to what was moved lead to where it is, in place."""
    for holder, key, _ in _places(document):
        if key != _DEFINITION:
            holder[key] = moved.get(holder[key], holder[key])


def _places(part: dict[str, Any]) -> Iterator[tuple[Any, Any, bool]]:
    """Where an identifier, or a reference to one, stands: what holds it, and key or position.

    And whether it can be nothing else: some keys hold other words too.
    """
    waiting: list[Any] = [part]
    while waiting:
        value = waiting.pop()
        if type(value) is list:
            waiting += [x for x in reversed(value) if type(x) in (dict, list)]
            continue
        for key, inner in value.items():
            kind = type(inner)
            if kind is str:
                if key == _DEFINITION or key in _REFERENCES:
                    yield value, key, key == "ref"
            elif kind is dict:
                waiting.append(inner)
            elif kind is list and inner and key not in _WITHOUT:
                yield from _listed(key, inner)
                if key != "properties":
                    waiting.append(inner)


def _listed(key: str, inner: list[Any]) -> Iterator[tuple[Any, Any, bool]]:
    """The same, of a list's own items."""
    if key == "properties":
        for item in inner:
            is_pair = type(item) is dict and type(item.get("value")) is str
            if is_pair and item.get("name") == _CONTAINS:
                yield item, "value", True
    elif key in _LISTS:
        for number, item in enumerate(inner):
            if type(item) is str:
                yield inner, number, key in _CERTAIN
