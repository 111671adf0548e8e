"""Which artifact a jar is: group, artifact and version out of all that it says of itself.

Plan, the surest first:
 1. `pom.properties` (or a `pom.xml` alone) that the file's name or the manifest agrees with. Others
    in the same jar are of what was shaded into it.
 2. The folders of a Maven repository or a Gradle cache that the jar lies in.
 3. The file's name `artifact-version`, and the manifest where the name has no version.
The group, where 1 and 2 are silent: folders of GraalVM hints, `group#artifact;version` titles of
Gradle plugins, well-known artifacts, the names that bundle plugins and Maven make out of group and
artifact, the common package of the classes. If none tells, the group is the artifact's name, the
convention of Maven 1: a package URL of this type needs one.

A jar with neither coordinates nor a version, whose manifest does not name it, is an archive without
identity and no package. So are the jars of a Java runtime itself, which its own cataloger reports.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple

from provenance.catalog.ecosystems.java.groups import (
    former_group,
    known_bundle,
    known_group,
)
from provenance.catalog.ecosystems.java.names import (
    FileName,
    file_name,
    folder_group,
    plausible_version,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from provenance.catalog.ecosystems.java.pom import Pom

__all__ = ["Coordinates", "Evidence", "Identity", "decide"]

_GROUP = re.compile(r"[a-z_][a-z0-9_-]*(?:\.[a-z0-9_][a-z0-9_-]*)*", re.ASCII | re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z0-9_][\w.+-]*", re.ASCII)
_TITLE = re.compile(r"([\w.-]+)#([\w.-]+);([\w.+-]+)", re.ASCII)
_VAGUE = frozenset({"org.apache", "com.sun", "org.eclipse", "com.google", "org.codehaus", "net.sf"})
"""Owners of many groups, none of them this."""
_LONGEST_GROUP = 3
_NUMBERED = re.compile(r"([A-Za-z]+)([0-9]{1,3})", re.ASCII)
_DISTRIBUTED = "/share/java/"
_RUNTIME = "java platform api specification"


class Coordinates(NamedTuple):
    """What one `pom.properties` or `pom.xml` in the jar states."""

    group: str
    artifact: str
    version: str
    path: str
    """Its path in the jar."""
    pom: Pom | None = None


@dataclass(slots=True)
class Evidence:
    """All that a jar says of itself."""

    path: str
    """Of the jar, inner steps parted by `!/`."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Main attributes of the manifest, names in lower case."""
    coordinates: Sequence[Coordinates] = ()
    packages: frozenset[str] = frozenset()
    """Of its classes, `.` between the steps."""
    hints: Sequence[tuple[str, str]] = ()
    """Group and artifact from names of folders under `META-INF/`."""

    @property
    def steps(self) -> list[str]:
        """The folders it lies in."""
        return self.path.rpartition("!/")[2].split("/")[:-1]

    @property
    def stem(self) -> str:
        """Its file name without suffix."""
        return self.path.rpartition("/")[2].rpartition(".")[0]


class Identity(NamedTuple):
    """What the jar is."""

    group: str
    artifact: str
    version: str
    classifier: str = ""
    main: Coordinates | None = None
    """Its own coordinates, where it has them."""


def decide(evidence: Evidence) -> Identity | None:
    """The jar's identity; None: an archive without one."""
    said = evidence.attributes
    if said.get("specification-title", "").lower() == _RUNTIME:
        return None
    named = _named(evidence)
    group, artifact, version = folder_group(evidence.steps, evidence.stem)
    if group:
        main = next((c for c in evidence.coordinates if c.artifact == artifact), None)
        rest = evidence.stem.removeprefix(f"{artifact}-{version}")
        return Identity(group, artifact, version, rest[1:] if rest[:1] == "-" else "", main)
    if main := _own(evidence, named):
        return _from_coordinates(main, evidence, named)
    return _from_words(evidence, named)


def _named(evidence: Evidence) -> FileName:
    """The file's name, taken apart where the manifest's name and version say so.

    `spock-core-2.3-groovy-4.0` alone looks like an artifact `spock-core-2.3-groovy`.
    """
    named = file_name(evidence.stem)
    version = _stated_version(evidence.attributes)
    for word in _words(evidence.attributes) if version else ():
        if word and named.artifact.startswith(f"{word}-{version}-"):
            return FileName(word, evidence.stem.removeprefix(f"{word}-"))
    return named


def _own(evidence: Evidence, named: FileName) -> Coordinates | None:
    """The coordinates of the jar itself among those in it."""
    exact = [c for c in evidence.coordinates if c.version and _names(c, evidence.stem)]
    if exact:
        return max(exact, key=lambda c: len(c.artifact))
    # Debian writes hyphens for underscores.
    files = {_flat(evidence.stem), _flat(named.artifact)}
    said = evidence.attributes
    titles = {said.get("implementation-title", ""), said.get("bundle-symbolicname", "")}
    built = {said.get("implementation-version"), ""}
    for one in evidence.coordinates:
        if not files.isdisjoint({_flat(one.artifact), _flat(f"{one.group}.{one.artifact}")}):
            return one
    for one in evidence.coordinates:
        if one.artifact in titles and one.version in built:
            return one
    # Distributions write the major version into the name: `maven3-core.jar`.
    near = [c for c in evidence.coordinates if _letters(c.artifact) == _letters(named.artifact)]
    if len(near) == 1 and named.version in {"", near[0].version}:
        return near[0]
    only = evidence.coordinates[0] if len(evidence.coordinates) == 1 else None
    if only is None or _named_otherwise(only, evidence, named) or not _renamed(only, named):
        return None
    return only


def _letters(text: str) -> str:
    return re.sub(r"[\W\d_]+", "", text).lower()


def _named_otherwise(one: Coordinates, evidence: Evidence, named: FileName) -> bool:
    """Whether the jar says that it is what its file is called, and that is not this artifact.

    `app.jar` is any artifact that was renamed, while `guice.jar` with the classes of Guice is not
    the cglib in it.
    """
    version = named.version or _stated_version(evidence.attributes)
    if version in {"", one.version}:
        return False  # nothing tells it apart
    ours, theirs = _flat(named.artifact), _flat(one.artifact)
    if ours.endswith(theirs) or theirs.endswith(ours):
        return False
    words = [_flat(word) for word in _words(evidence.attributes)]
    if any(word.endswith(theirs) for word in words if word):
        return False
    known = known_group(named.artifact, evidence.packages)
    # Where the group is the artifact, no class was asked.
    return known not in {"", named.artifact} or any(word.endswith(ours) for word in words if word)


def _renamed(one: Coordinates, named: FileName) -> bool:
    """Whether a file of another name can be this artifact: not if its version is another one.

    Then the artifact was shaded into it; but `tool-all-1.2` and `all` are one all the same.
    """
    if not named.version or not one.version or named.version == one.version:
        return True
    return named.artifact.endswith(one.artifact) or one.artifact.endswith(named.artifact)


def _names(one: Coordinates, stem: str) -> bool:
    name = f"{one.artifact}-{one.version}"
    return stem == name or stem.startswith(f"{name}-")


def _from_coordinates(main: Coordinates, evidence: Evidence, named: FileName) -> Identity:
    rest = evidence.stem.removeprefix(f"{main.artifact}-{main.version}")
    classifier = rest[1:] if rest != evidence.stem and rest[:1] == "-" else ""
    version = main.version
    if not version:
        version = named.version or _stated_version(evidence.attributes)
    elif _is_published(main, evidence.stem, named.version):
        version = named.version
    group = main.group or _group(evidence, main.artifact)
    return Identity(group, main.artifact, version, classifier, main)


def _is_published(one: Coordinates, stem: str, version: str) -> bool:
    """Whether the file's name has the version that was published, and the coordinates its draft.

    Builds that put another name on what Maven made: of a snapshot, or with a qualifier.
    """
    return stem.startswith(f"{one.artifact}-{version}") and (
        one.version == f"{version}-SNAPSHOT" or version.startswith(f"{one.version}.")
    )


def _from_words(evidence: Evidence, named: FileName) -> Identity | None:
    said = evidence.attributes
    if title := _TITLE.fullmatch(said.get("implementation-title", "")):
        # The plugin writes the name of the project's folder, which the published one may extend.
        group, folder, version = title.groups()
        artifact = named.artifact if named.version == version else folder
        return Identity(group, artifact, version, named.classifier)
    version = named.version or _stated_version(said)
    if plugin := said.get("short-name", "") if "plugin-version" in said else "":
        group = said.get("group-id", "") or "org.jenkins-ci.plugins"
        return Identity(group, plugin, plausible_version(said["plugin-version"]) or version)
    if bundle := known_bundle(_symbolic(said), named.artifact):
        group, artifact = bundle
        group = former_group(artifact, evidence.packages, version) or group
        return Identity(group, artifact, version, named.classifier)
    artifact = _unnumbered(evidence, named) or named.artifact
    # The file's name alone is no name: `app.jar`. The manifest must tell a name or a version.
    if not named.version and not (artifact := _stated_name(evidence, named)):
        return None
    if _NAME.fullmatch(artifact) is None:
        return None
    return Identity(_group(evidence, artifact), artifact, version, named.classifier)


def _unnumbered(evidence: Evidence, named: FileName) -> str:
    """The artifact of which a distribution wrote the major version into the name, or empty.

    `tomcat10-jdbc-10.1.60` is `tomcat-jdbc`, while `commons-lang3` has classes in `lang3`, and
    `antlr4-runtime` is what its manifest says. Elsewhere than where distributions put theirs, a
    number is part of the name (`scala3-library_3`).
    """
    if _DISTRIBUTED not in f"/{'/'.join(evidence.steps)}/":
        return ""
    ours = _flat(named.artifact)
    if any(_flat(word).endswith(ours) for word in _words(evidence.attributes)):
        return ""
    packages = evidence.packages
    first, hyphen, rest = named.artifact.partition("-")
    last = named.artifact.rpartition("-")[2]
    for word in dict.fromkeys((first, last)):
        match = _NUMBERED.fullmatch(word)
        if match is None or not named.version.startswith(f"{match[2]}."):
            continue
        steps = {step.lower() for package in packages for step in package.split(".")}
        if word.lower() in steps:
            continue
        bare = (
            f"{match[1]}{hyphen}{rest}" if word == first else named.artifact.removesuffix(match[2])
        )
        if match[1].lower() in steps or known_group(bare, packages):
            return bare
    return ""


def _stated_name(evidence: Evidence, named: FileName) -> str:
    """The name of a jar whose file name has no version."""
    said = evidence.attributes
    symbolic = _symbolic(said)
    title = said.get("implementation-title", "").strip()
    wanted = _flat(named.artifact)
    vendor = said.get("implementation-vendor-id", "")
    if title and vendor and title == title.lower() and _NAME.fullmatch(title):
        return title  # Maven's own words, whatever the file is called
    if any(word and _flat(word).endswith(wanted) for word in _words(said)):
        return named.artifact
    if known_group(named.artifact, evidence.packages):
        return named.artifact
    if symbolic:
        return symbolic
    # A version, and classes: a library that was built without more words.
    return named.artifact if _stated_version(said) and evidence.packages else ""


def _words(said: Mapping[str, str]) -> Sequence[str]:
    """What a manifest may call the jar."""
    module, bundle = said.get("automatic-module-name", ""), said.get("bundle-name", "")
    return _symbolic(said), module, said.get("implementation-title", "").strip(), bundle


def _flat(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).lower()


def _symbolic(said: Mapping[str, str]) -> str:
    """The bundle's name, without directives."""
    return said.get("bundle-symbolicname", "").partition(";")[0].strip()


def _stated_version(said: Mapping[str, str]) -> str:
    """The version in the manifest: the build's own, then the bundle's, then the specification's.

    A bundle's version has three numbers always; where another attribute has it shorter, that is
    what the project calls it.
    """
    implementation = plausible_version(said.get("implementation-version", ""))
    bundle = plausible_version(said.get("bundle-version", ""))
    specification = plausible_version(said.get("specification-version", ""))
    if implementation:
        return implementation
    if bundle:
        short = specification and bundle in {f"{specification}.0", f"{specification}.0.0"}
        return specification if short else bundle
    return specification


def _group(evidence: Evidence, artifact: str) -> str:
    """The group of a jar that does not state it."""
    for group, name in evidence.hints:
        if name == artifact and _GROUP.fullmatch(group):
            return group
    version = file_name(evidence.stem).version
    packages = evidence.packages
    if known := former_group(artifact, packages, version) or known_group(artifact, packages):
        return known
    said = evidence.attributes
    if (stated := said.get("group-id", "")) and _GROUP.fullmatch(stated):
        return stated
    vendor = said.get("implementation-vendor-id", "").strip()
    if not _agree(version, said.get("implementation-version", "")):
        vendor = ""  # of what was shaded into it, whose manifest it has
    if vendor == artifact or ("." in vendor and vendor not in _VAGUE and _GROUP.fullmatch(vendor)):
        return vendor
    for word in (_symbolic(said), said.get("automatic-module-name", "").strip()):
        if _GROUP.fullmatch(word) and (group := _from_bundle(word, artifact)):
            return group
    return _from_packages(evidence.packages, artifact) or artifact


def _agree(version: str, other: str) -> bool:
    """Whether two versions may be one in two forms, or one of them is none."""
    if not version or not plausible_version(other):
        return True
    short, long = sorted((version, other), key=len)
    return long.startswith(short)


def _from_bundle(word: str, artifact: str) -> str:
    """The group out of which, with the artifact, bundle plugins make `word`.

    `group.artifact`; the artifact without its first part where that ends the group; the group alone
    where the artifact ends it.
    """
    if word.endswith(f".{artifact}"):
        group = word.removesuffix(f".{artifact}")
        return group if "." in group else word
    parts = word.split(".")
    for end in range(len(parts) - 1, 1, -1):
        last = parts[end - 1]
        left = artifact.removeprefix(last).lstrip(".-_")
        if artifact.startswith(last) and _flat(left) == _flat(".".join(parts[end:])):
            return ".".join(parts[:end])
    if word != artifact or len(parts) <= 2:
        return ""
    group = ".".join(parts[:-1][:_LONGEST_GROUP])
    return word if group in _VAGUE else group


def _from_packages(packages: frozenset[str], artifact: str) -> str:
    """The package that all classes share, cut after the project it names; empty where unknown.

    `org.codehaus.plexus.util` of `plexus-utils` ends at the first word of the artifact; else what
    repeats the artifact's last words is no part of the group. Groups are rarely longer than three.
    """
    if not packages:
        return ""
    # What all share is what the first and the last by name share.
    low, high = min(packages).split("."), max(packages).split(".")
    shared = 0
    while shared < min(len(low), len(high)) and low[shared] == high[shared]:
        shared += 1
    # A step with a capital is a part of the project, not of who makes it: `com.zeroc.IceBox`.
    common = list(takewhile(str.islower, low[:shared]))
    words = re.split(r"[-_.]", artifact.lower())
    lowered = [step.lower() for step in common[1:]]
    if words[0] in lowered:
        common = common[: lowered.index(words[0]) + 2]
    while len(common) > 2 and len(words) > 1 and common[-1].lower() == words[-1]:
        common.pop()
        words.pop()
    group = ".".join(common[:_LONGEST_GROUP])
    certain = len(common) >= 2 and group not in _VAGUE and _GROUP.fullmatch(group)
    return group if certain else ""
