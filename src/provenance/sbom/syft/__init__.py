"""syft's own JSON, read in every version of its schema since 1.0. Not written."""

from __future__ import annotations

from provenance.sbom.syft.reading import read

__all__ = ["read"]
