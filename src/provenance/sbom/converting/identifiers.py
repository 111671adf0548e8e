"""What elements are called on the other side: the same, wherever the format takes it."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from provenance.sbom.identifiers import spdx_id, unique
from provenance.sbom.spdx.vocabulary import DOCUMENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from provenance.sbom.model import Contents

__all__ = ["names", "renamed"]

_SPDX_2 = re.compile(r"SPDXRef-[A-Za-z0-9.-]+", re.ASCII)
_SHORT = 48
_IRI = re.compile(r"(?:https?://|urn:)[!-~]{1,2000}", re.ASCII)


def names(contents: Contents, shape: str) -> dict[str, str]:
    """Identifier of each element to what it is called in a document of `shape`."""
    listed = list(dict.fromkeys(_identifiers(contents)))
    if shape == "cyclonedx":
        return dict(zip(listed, unique((x or "unnamed" for x in listed), set()), strict=True))
    found: dict[str, str] = {}
    taken = {DOCUMENT}
    for name in listed:  # those that stay as they are come first
        if _stays(name, shape) and name not in taken:
            found[name] = name
            taken.add(name)
    for name in listed:
        if name not in found:
            short = name.rpartition("#")[2]
            fits = _SPDX_2.fullmatch(short) and short not in taken
            found[name] = short if fits else spdx_id(name)
            taken.add(found[name])
    if shape == "spdx3":
        start = f"{contents.namespace}#"
        found = {
            old: new if _stays(new, shape) else start + (new if new == old else _short(old, new))
            for old, new in found.items()
        }
    return found


def _short(old: str, new: str) -> str:
    """Identifiers of SPDX 3 stand in many places: no longer than needed to tell them apart."""
    kept = _SPDX_2.fullmatch(old.rpartition("#")[2])
    return new if kept or len(new) < _SHORT else f"{new[8:32].strip('-.')}-{new[-16:]}"


def _stays(name: str, shape: str) -> bool:
    kind = _IRI if shape == "spdx3" else _SPDX_2
    return kind.fullmatch(name) is not None


def _identifiers(contents: Contents) -> Iterable[str]:
    if contents.subject is not None:
        yield contents.subject.id
    yield from (package.id for package in contents.packages)
    yield from (file.id for file in contents.files)


def renamed(contents: Contents, known: Mapping[str, str]) -> Contents:
    """The same, with other identifiers; those that are not `known` stay."""

    def new(name: str) -> str:
        return known.get(name, name)

    def moved(edges: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        return {new(a): tuple(map(new, targets)) for a, targets in edges.items()}

    subject = contents.subject
    if subject is not None:
        about = subject.about
        if about is not None:
            about = dataclasses.replace(about, id=new(about.id))
        subject = dataclasses.replace(subject, id=new(subject.id), about=about)
    return dataclasses.replace(
        contents,
        subject=subject,
        packages=tuple(dataclasses.replace(p, id=new(p.id)) for p in contents.packages),
        files=tuple(dataclasses.replace(f, id=new(f.id)) for f in contents.files),
        edges=moved(contents.edges),
        contains=moved(contents.contains),
        parts=moved(contents.parts),
        others={new(name): other for name, other in contents.others.items()},
        described=tuple(map(new, contents.described)),
    )
