"""SBOM documents: read, write, convert, compare, validate. Knows neither images nor networks."""

from __future__ import annotations

from provenance.sbom.comparing.changes import Change, Diff
from provenance.sbom.comparing.diff import diff_sboms
from provenance.sbom.document import Sbom
from provenance.sbom.files import Files
from provenance.sbom.formats import Format
from provenance.sbom.license_view import Licenses
from provenance.sbom.merging.merge import merge_sboms
from provenance.sbom.model import Subject
from provenance.sbom.reading import read_sbom
from provenance.sbom.rows import Packages

__all__ = [
    "Change",
    "Diff",
    "Files",
    "Format",
    "Licenses",
    "Packages",
    "Sbom",
    "Subject",
    "diff_sboms",
    "merge_sboms",
    "read_sbom",
]
