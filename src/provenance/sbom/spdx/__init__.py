"""SPDX 2.2 and 2.3: JSON and tag-value, YAML, XML and RDF.

Our own path, as the library for it refuses most documents seen in the wild.
"""

from __future__ import annotations

from provenance.sbom.spdx.reading import read
from provenance.sbom.spdx.tag_reading import decode as decode_tag_value
from provenance.sbom.spdx.tag_reading import read as read_tag_value
from provenance.sbom.spdx.tag_writing import write as write_tag_value
from provenance.sbom.spdx.writing import write

__all__ = ["decode_tag_value", "read", "read_tag_value", "write", "write_tag_value"]
