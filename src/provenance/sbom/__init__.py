"""SBOM documents: read, write, convert, validate. Knows neither images nor networks."""

from __future__ import annotations

from provenance.sbom.document import Sbom
from provenance.sbom.formats import Format
from provenance.sbom.model import Subject
from provenance.sbom.reading import read_sbom
from provenance.sbom.rows import Packages

__all__ = ["Format", "Packages", "Sbom", "Subject", "read_sbom"]
