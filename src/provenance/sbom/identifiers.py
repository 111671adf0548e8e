"""Identifiers of packages in a document we write: unique, and the same on every run."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from provenance.sbom.model import clean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from provenance.packages.package import Package

__all__ = ["sort_packages", "spdx_id", "unique_refs"]

_NOT_SPDX = re.compile(r"[^A-Za-z0-9.-]+", re.ASCII)


def sort_packages(packages: Iterable[Package]) -> tuple[Package, ...]:
    """By type, name, version, purl, then where they are."""
    return tuple(
        sorted(
            packages,
            key=lambda p: (
                p.type,
                p.name,
                p.version,
                p.purl,
                tuple((x.path, str(x.layer or "")) for x in p.locations),
                repr((p.licenses, p.hashes, p.supplier, p.architecture, p.source)),
            ),
        )
    )


def unique_refs(packages: Iterable[Package]) -> list[str]:
    """A `bom-ref` for each: its purl, numbered where two share one."""
    taken: set[str] = set()
    counts: dict[str, int] = {}
    refs = []
    for package in packages:
        base = clean(package.purl) or f"{clean(package.name)}@{clean(package.version)}"
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
