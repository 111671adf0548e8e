"""What the names say: artifact, version and classifier of a file name, coordinates of its folders.

Sources: Maven's default repository layout, Gradle's module cache, the naming of Eclipse bundles
(`symbolic.name_1.2.3.qualifier.jar`).
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["FileName", "file_name", "folder_group", "plausible_version"]

# Words that belong to a version, with the number after them.
_QUALIFIER = (
    r"(?:(?:alpha|beta|milestone|rc|cr|ga|final|release|sp|snapshot|pre|preview|ea|dev|build|jdk"
    r"|incubating|jre|android|java|jakarta)(?:[\d.][\w.]*)?|[abmrv]\d[\w.]*|public_draft)(?![A-Za-z])"
)
# After the number: more numbers, and such words. The rest is the classifier.
_VERSION = re.compile(
    rf"v?\d\w*(?:\.\w+)*(?:\+[\w.]+)?(?:-(?:\d[\w.]*|{_QUALIFIER}))*",
    re.IGNORECASE | re.ASCII,
)
_SPLIT = re.compile(r"-(?=v?\d)", re.ASCII | re.IGNORECASE)
_BUNDLE = re.compile(r"([A-Za-z][\w.-]*)_(\d+\.\d+[\w.-]*)", re.ASCII)
# Of three numbers it can be nothing else; before them stands Scala's version in `kafka_2.13-3.6.1`.
_OSGI = re.compile(r"([A-Za-z][\w.-]*)_(\d+\.\d+\.\d+(?:\.[\w-]+)?)", re.ASCII)
_ARTIFACT = re.compile(r"[A-Za-z_][\w.+-]*", re.ASCII)
_PLAUSIBLE = re.compile(r"v?\d[\w.+~-]*", re.ASCII)
_GROUP = re.compile(r"[A-Za-z_][\w-]*(?:\.[A-Za-z_0-9][\w-]*)*", re.ASCII)
_SNAPSHOT = "-SNAPSHOT"  # where a version ends; a classifier stands behind it
_LONGEST = 255


class FileName(NamedTuple):
    """A file name without its suffix, taken apart."""

    artifact: str
    version: str = ""
    classifier: str = ""


def plausible_version(text: str) -> str:
    """`text` if it can be a version: one word that begins with a digit; else empty.

    >>> plausible_version("9.0.65"), plausible_version("${project.version}")
    ('9.0.65', '')
    """
    return text if len(text) <= _LONGEST and _PLAUSIBLE.fullmatch(text) else ""


def file_name(stem: str) -> FileName:
    """Take `log4j-1.2-api-2.17.1` apart: the first place where all that follows is a version.

    >>> file_name("log4j-1.2-api-2.17.1")
    FileName(artifact='log4j-1.2-api', version='2.17.1', classifier='')
    >>> file_name("netty-4.1.100.Final-linux-x86_64").classifier
    'linux-x86_64'
    """
    if len(stem) > _LONGEST:
        return FileName(stem)
    if match := _OSGI.fullmatch(stem):
        return FileName(match[1], match[2])
    for split in _SPLIT.finditer(stem):
        artifact = stem[: split.start()]
        if _ARTIFACT.fullmatch(artifact) is None:
            continue
        match = _VERSION.match(stem, split.end())
        if match is None:
            continue
        rest = stem[match.end() :]
        if rest and (rest[0] != "-" or _SPLIT.search(rest)):
            continue
        if not rest or rest.endswith(_SNAPSHOT):
            return FileName(artifact, stem[split.end() :])
        return FileName(artifact, match[0], rest[1:])
    if match := _BUNDLE.fullmatch(stem):
        return FileName(match[1], match[2])
    return FileName(stem)


def folder_group(steps: list[str], stem: str) -> tuple[str, str, str]:
    """Group, artifact and version of a file in a repository; all empty elsewhere.

    Args:
        steps: the folders it lies in, outermost first.
        stem: its name without suffix.
    """
    nothing = ("", "", "")
    if "files-2.1" in steps[-5:-3] and len(steps) >= 5:
        group, artifact, version = steps[-4:-1]
        return (group, artifact, version) if stem.startswith(f"{artifact}-") else nothing
    if len(steps) < 4 or not stem.startswith(f"{steps[-2]}-"):
        return nothing
    artifact, version = steps[-2:]
    # A snapshot's file has a time where its folder says SNAPSHOT.
    if not stem.startswith(f"{artifact}-{version.removesuffix('SNAPSHOT')}"):
        return nothing
    folders = steps[:-2]
    for root in ("repository", "maven-repo", "repo", "m2"):
        if root in folders:
            at = len(folders) - folders[::-1].index(root)
            group = ".".join(folders[at:])
            return (group, artifact, version) if _GROUP.fullmatch(group) else nothing
    return nothing
