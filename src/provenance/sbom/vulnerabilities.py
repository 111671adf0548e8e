"""Vulnerabilities that a document states of what it lists. Source: CycloneDX 1.4 to 1.7."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from provenance.sbom.items import items, text

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["StatedVulnerability", "vulnerabilities_of"]

# The schema's words, the gravest first.
_SEVERITIES = ("critical", "high", "medium", "low", "info", "none", "unknown")


@dataclass(frozen=True, slots=True)
class StatedVulnerability:
    """A vulnerability as a document states it, checked against nothing."""

    id: str
    """`CVE-2021-44228`, `GHSA-...`, ...; empty where it has none."""
    source: str = ""
    """Name of who published it, else the URL."""
    severity: str = ""
    """The gravest of its ratings, from `critical` over `high` ... `none` to `unknown`."""
    affects: tuple[str, ...] = ()
    """Identifiers (`bom-ref`) of what it affects."""
    state: str = ""
    """What an analysis came to: `not_affected`, `exploitable`, `in_triage`, ..."""


def vulnerabilities_of(document: Mapping[str, Any]) -> tuple[StatedVulnerability, ...]:
    """Those of a decoded CycloneDX document, in its order."""
    return tuple(
        _vulnerability(item) for item in items(document.get("vulnerabilities"), "vulnerability")
    )


def _vulnerability(item: Mapping[str, Any]) -> StatedVulnerability:
    source, analysis = item.get("source"), item.get("analysis")
    rated = {
        text(rating, "severity").strip().lower() for rating in items(item.get("ratings"), "rating")
    }
    return StatedVulnerability(
        id=text(item, "id"),
        source=text(source, "name") or text(source, "url"),
        severity=next((word for word in _SEVERITIES if word in rated), ""),
        affects=tuple(ref for x in items(item.get("affects"), "target") if (ref := text(x, "ref"))),
        state=text(analysis, "state").strip(),
    )
