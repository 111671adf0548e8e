"""From an image to its packages: the way there, and in `ecosystems/` what is found on it."""

from __future__ import annotations

from provenance.catalog.cataloger import (
    Again,
    Cataloger,
    Fact,
    MatchedFile,
    Owned,
    Problem,
    Relation,
    Remaining,
    Sink,
)
from provenance.catalog.ecosystems import ALL
from provenance.catalog.generation import generate_sbom
from provenance.catalog.index import IndexSboms
from provenance.catalog.plugins import all_catalogers

__all__ = [
    "ALL",
    "Again",
    "Cataloger",
    "Fact",
    "IndexSboms",
    "MatchedFile",
    "Owned",
    "Problem",
    "Relation",
    "Remaining",
    "Sink",
    "all_catalogers",
    "generate_sbom",
]
