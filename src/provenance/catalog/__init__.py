"""From an image to its packages: one file an ecosystem, each listed in `ALL`."""

from __future__ import annotations

from provenance.catalog import apk, dpkg, python
from provenance.catalog.cataloger import Cataloger, Context, Problem
from provenance.catalog.generation import generate_sbom

__all__ = ["ALL", "Cataloger", "Context", "Problem", "generate_sbom"]

ALL: tuple[Cataloger, ...] = (dpkg.CATALOGER, apk.CATALOGER, python.CATALOGER)
