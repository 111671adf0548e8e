"""SBOM documents: read, write, convert, compare, validate. Knows neither images nor networks.

Names are loaded on first use: who writes a document needs no comparing, merging or reading.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

# Name to module, as the checker reads them above.
_EXPORTS = {
    "Change": "provenance.sbom.comparing.changes",
    "Diff": "provenance.sbom.comparing.changes",
    "Files": "provenance.sbom.files",
    "Format": "provenance.sbom.formats",
    "Licenses": "provenance.sbom.license_view",
    "Packages": "provenance.sbom.rows",
    "Sbom": "provenance.sbom.document",
    "Subject": "provenance.sbom.model",
    "diff_sboms": "provenance.sbom.comparing.diff",
    "merge_sboms": "provenance.sbom.merging.merge",
    "read_sbom": "provenance.sbom.reading",
}

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

if not TYPE_CHECKING:  # or every misspelt name would have a type

    def __getattr__(name: str) -> Any:
        module = _EXPORTS.get(name)
        if module is None:
            raise AttributeError(f"module 'provenance.sbom' has no attribute {name!r}")
        from importlib import import_module

        value = getattr(import_module(module), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
