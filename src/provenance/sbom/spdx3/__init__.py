"""SPDX 3.0 in JSON-LD. Written is 3.0.1."""

from __future__ import annotations

from provenance.sbom.spdx3.reading import read
from provenance.sbom.spdx3.writing import write

__all__ = ["read", "write"]
