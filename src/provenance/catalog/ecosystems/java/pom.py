"""`pom.xml`: coordinates, licences and dependencies, without following anything.

Source: Maven's POM reference, model 4.0.0. A parent outside of the file is not fetched: what only
it says is unknown. Expat reads it, and any DOCTYPE ends the reading, so no entity is ever expanded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.parsers import expat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.catalog.ecosystems.zip_archive import Budget

__all__ = ["BadPom", "Pom", "parse_pom"]

_TEXT = 4_096
_DEPTH = 64
_DEPENDENCIES = 2_000
_REFERENCED = 300
"""Characters of a text whose references are replaced: coordinates, not prose."""
_REFERENCE = re.compile(r"\$\{([^${}]{1,200})\}")
# Sections of which nothing is read, by far the most of a pom.
_UNREAD = frozenset(
    {
        *("build", "dependencyManagement", "profiles", "reporting", "repositories"),
        *("pluginRepositories", "distributionManagement", "developers", "contributors", "scm"),
        *("ciManagement", "mailingLists", "issueManagement", "modules"),
    }
)
_INHERITED = ("groupId", "version")
# Scopes of what is not there when the program runs, or is there by other means.
_ABSENT = frozenset({"test", "provided", "system", "import"})


class BadPom(ValueError):
    """No usable `pom.xml`: the message says why."""


@dataclass(slots=True)
class Pom:
    """What a `pom.xml` states, references to its own properties resolved."""

    group: str = ""
    artifact: str = ""
    version: str = ""
    name: str = ""
    url: str = ""
    description: str = ""
    organization: str = ""
    licenses: list[tuple[str, str]] = field(default_factory=list)
    """Name and URL each."""
    dependencies: list[tuple[str, str, str]] = field(default_factory=list)
    """Group, artifact and version (empty where managed elsewhere) of what it needs to run."""


class _Reader:
    """Collects the texts of leaves, by path from the root. Most of a pom is passed over quickly."""

    def __init__(self, budget: Budget, parser: expat.XMLParserType) -> None:
        self.budget, self.parser = budget, parser
        self.passed = 0  # elements open below and including the section that is passed over
        self.path: list[str] = []
        self.values: dict[str, str] = {}
        self.licenses: list[dict[str, str]] = []
        self.dependencies: list[dict[str, str]] = []
        self.root = ""
        self.text: list[str] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        del attributes
        if self.passed:
            self.passed += 1
            if self.passed > _DEPTH:
                raise BadPom(f"more than {_DEPTH} elements deep")
            return
        self.budget.spend_records(2)
        if len(self.path) >= _DEPTH:
            raise BadPom(f"more than {_DEPTH} elements deep")
        if len(self.path) == 1 and tag in _UNREAD:
            self.passed = 1
            self.parser.CharacterDataHandler = None
            return
        self.path.append(tag.rpartition(":")[2])
        self.root = self.root or self.path[0]
        self.text.clear()
        match self.path:
            case ["project", "licenses", "license"]:
                self.licenses.append({})
            case ["project", "dependencies", "dependency"]:
                self.dependencies.append({})

    def end(self, _tag: str) -> None:
        if self.passed:
            self.passed -= 1
            if not self.passed:
                self.parser.CharacterDataHandler = self.text.append
            return
        match self.path:
            case ["project", "licenses", "license", leaf]:
                self.licenses[-1][leaf] = self.value()
            case ["project", "dependencies", "dependency", leaf]:
                self.dependencies[-1][leaf] = self.value()
            case ["project", leaf]:
                self.values[leaf] = self.value()
            case ["project", "parent" | "properties" | "organization" as section, leaf]:
                self.values[f"{section}/{leaf}"] = self.value()
        self.path.pop()
        self.text.clear()

    def value(self) -> str:
        return " ".join("".join(self.text)[:_TEXT].split())


def parse_pom(data: bytes, budget: Budget) -> Pom:
    """Read a `pom.xml`. Raises BadPom, Exhausted."""
    budget.spend_records(len(data) // 12)  # attributes cost as well
    parser = expat.ParserCreate()
    reader = _Reader(budget, parser)
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text.append
    parser.StartDoctypeDeclHandler = _no_doctype
    try:
        parser.Parse(data, True)
    except BadPom:
        raise
    except (expat.ExpatError, LookupError, ValueError) as error:
        # LookupError and ValueError: an encoding that Python does not know or cannot map.
        raise BadPom(f"no well-formed XML: {error}") from error
    if reader.root != "project":
        raise BadPom(f"the root element is {reader.root[:50]!r}, not 'project'")
    return _pom(reader)


def _no_doctype(*_: object) -> None:
    raise BadPom("a DOCTYPE, which a pom.xml has no use for")


def _pom(reader: _Reader) -> Pom:
    values = reader.values
    for key in _INHERITED:
        if not values.get(key):
            values[key] = values.get(f"parent/{key}", "")
    known = {k.removeprefix("properties/"): v for k, v in values.items() if k.startswith("prop")}
    for key in ("groupId", "artifactId", "version", "name", "parent/groupId", "parent/version"):
        for prefix in ("project.", "pom."):
            known[prefix + key.replace("/", ".")] = values.get(key, "")

    def get(key: str) -> str:
        return _resolved(values.get(key, ""), known)

    return Pom(
        group=_certain(get("groupId")),
        artifact=_certain(get("artifactId")),
        version=_certain(get("version")),
        name=get("name"),
        url=_certain(get("url")),
        description=get("description"),
        organization=get("organization/name"),
        licenses=[(d.get("name", ""), d.get("url", "")) for d in reader.licenses],
        dependencies=list(_needs(reader.dependencies, known)),
    )


def _needs(stated: list[dict[str, str]], known: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    for need in stated[:_DEPENDENCIES]:
        if need.get("scope", "") in _ABSENT or need.get("optional", "") == "true":
            continue
        group = _certain(_resolved(need.get("groupId", ""), known))
        artifact = _certain(_resolved(need.get("artifactId", ""), known))
        if group and artifact:
            yield group, artifact, _certain(_resolved(need.get("version", ""), known))


def _resolved(text: str, known: dict[str, str]) -> str:
    """`text` with references replaced, a few levels deep and never long: they may be circular."""
    for _ in range(4):
        if "${" not in text or len(text) > _REFERENCED:
            break
        text = _REFERENCE.sub(lambda m: known.get(m[1], "")[:_REFERENCED] or m[0], text, count=8)
    return text[:_TEXT]


def _certain(text: str) -> str:
    """`text`, or empty where a reference in it stayed open."""
    return "" if "${" in text else text
