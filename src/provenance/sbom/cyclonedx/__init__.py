"""CycloneDX: every version, in JSON and XML.

Our own path, as the library for it drops data on a quarter of the official valid documents and
is quadratic. Both syntaxes share one shape, the JSON one: `xml` alone knows how it looks in XML.
"""

from __future__ import annotations

from provenance.sbom.cyclonedx.reading import read
from provenance.sbom.cyclonedx.writing import write, write_xml

__all__ = ["read", "write", "write_xml"]
