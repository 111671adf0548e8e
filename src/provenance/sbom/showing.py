"""A document at a glance: in notebooks and in terminals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.display.html import ROWS
from provenance.display.html import document as html_document
from provenance.sbom.rows import COLUMNS

if TYPE_CHECKING:
    from rich.console import Group

    from provenance.sbom.document import Sbom

__all__ = ["as_group", "as_html"]


def as_html(sbom: Sbom) -> str:
    """A summary and twenty packages."""
    packages = sbom.packages
    return html_document("SBOM", _facts(sbom), COLUMNS, packages.rows(ROWS), total=len(packages))


def as_group(sbom: Sbom) -> Group:
    """The same, for rich."""
    from rich.console import Group

    from provenance.display.terminal import facts

    return Group(facts(_facts(sbom)), sbom.packages.__rich__())


def _facts(sbom: Sbom) -> dict[str, object]:
    packages = sbom.packages
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in packages.types().items())
    return {
        "Describes": str(sbom.subject or "nothing it names"),
        "Format": sbom.format.value,
        "Created": sbom.created.isoformat() if sbom.created else "not stated",
        "Made by": ", ".join(sbom.tools) or "not stated",
        "Packages": f"{len(packages):,}{f' ({kinds})' if kinds else ''}",
        "Findings": len(sbom.findings),
    }
