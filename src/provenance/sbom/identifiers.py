"""Identifiers of packages in a document we write: unique, and the same on every run."""

from __future__ import annotations

import hashlib
import re
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any

from provenance.sbom.model import clean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from provenance.packages.package import ListedFile, Package

__all__ = ["purl_type", "sort_files", "sort_packages", "spdx_id", "unique", "unique_refs", "uri_of"]

_NAMESPACE_TAG = re.compile(r"^DocumentNamespace:[ \t]*(\S+)", re.MULTILINE)
_NOT_SPDX = re.compile(r"[^A-Za-z0-9.-]+", re.ASCII)
_PURL_TYPE = re.compile(r"pkg:([A-Za-z0-9.+-]+)/", re.ASCII)
# What XML cannot carry in an attribute, or carries but normalises.
_UNSAFE = re.compile("[\x00-\x1f\ufffe\uffff]")


def purl_type(purl: str) -> str:
    """The type that a purl names, in lower case; empty where it is none."""
    match = _PURL_TYPE.match(purl)
    return match[1].lower() if match else ""


def sort_packages(packages: Iterable[Package]) -> tuple[Package, ...]:
    """By type, name, version and purl; what is equal in these, by everything else."""
    first = sorted(packages, key=_identity)
    found: list[Package] = []
    for _, same in groupby(first, key=_identity):
        alike = list(same)
        found += alike if len(alike) == 1 else sorted(alike, key=_rest)
    return tuple(found)


def _identity(package: Package) -> tuple[str, str, str, str]:
    return package.type, package.name, package.version, package.purl


def _rest(package: Package) -> tuple[tuple[tuple[str, str], ...], str]:
    places = tuple((x.path, str(x.layer or "")) for x in package.locations)
    # Without the identifier, which is the document's that it was read from.
    fields = [getattr(package, f) for f in type(package).__slots__ if f not in ("id", "hashes")]
    return places, repr((sorted(package.hashes.items()), fields))


def sort_files(files: Iterable[ListedFile]) -> tuple[ListedFile, ...]:
    """By path, then by everything else."""
    files = tuple(files)
    if all(one.path < other.path for one, other in pairwise(files)):
        return files
    return tuple(
        sorted(
            files,
            key=lambda f: (f.path, str(f.layer or ""), f.owner, f.size, sorted(f.hashes.items())),
        )
    )


def unique_refs(packages: Iterable[Package]) -> list[str]:
    """A `bom-ref` for each: its purl, numbered where two share one."""
    return unique((p.purl or f"{p.name}@{p.version}" for p in packages), set())


def unique(names: Iterable[str], taken: set[str]) -> list[str]:
    """Each name as an identifier that is not yet `taken`, numbered where it is; now it is."""
    counts: dict[str, int] = {}
    refs = []
    for name in names:
        base = _UNSAFE.sub("\ufffd", clean(name))
        ref, count = base, counts.get(base, 1)
        while ref in taken:  # a purl may itself end like a numbered one
            count += 1
            ref = f"{base}#{count}"
        counts[base] = count
        taken.add(ref)
        refs.append(ref)
    return refs


def spdx_id(ref: str) -> str:
    """An SPDX identifier for a `bom-ref`: letters, digits, dots and hyphens, and a hash of it."""
    short = hashlib.sha256(ref.encode("utf-8", "replace")).hexdigest()[:16]
    return f"SPDXRef-{_NOT_SPDX.sub('-', ref)[:60].strip('-')}-{short}"


def uri_of(document: Any) -> str:
    """What a decoded document calls itself; empty where it does not.

    CycloneDX: `serialNumber`. SPDX 2: `documentNamespace`, in tag-value `DocumentNamespace`.
    SPDX 3: the identifier of its `SpdxDocument`.
    """
    if isinstance(document, str):
        match = _NAMESPACE_TAG.search(document)
        return match[1] if match else ""
    if not isinstance(document, dict):
        return ""
    named = document.get("serialNumber") or document.get("documentNamespace")
    graph = document.get("@graph")
    if named is None and isinstance(graph, list):
        documents = [x for x in graph if isinstance(x, dict) and x.get("type") == "SpdxDocument"]
        named = next((x.get("spdxId") for x in documents), None)
    return named if isinstance(named, str) else ""
