"""`VulnerabilityScan`: what a scanner found, as cosign and in-toto write it.

Source: cosign, `specs/COSIGN_VULN_ATTESTATION_SPEC.md`; in-toto predicates `vulns` 0.1 and 0.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from provenance.attestation.predicates.fields import moment, text, value_at
from provenance.attestation.predicates.predicate import TypedPredicate

if TYPE_CHECKING:
    import datetime as dt

__all__ = ["VulnerabilityScan"]


class VulnerabilityScan(TypedPredicate):
    """A scan's result, whole. What it means is the scanner's own format."""

    __slots__ = ()
    FIELDS: ClassVar[tuple[str, ...]] = (
        "scanner_uri",
        "scanner_version",
        "database_uri",
        "database_version",
        "database_updated",
        "started",
        "finished",
    )
    REQUIRED: ClassVar[tuple[str, ...]] = ("scanner_uri", "finished")

    @property
    def scanner_uri(self) -> str:
        """Which scanner."""
        return text(self.raw, "scanner", "uri")

    @property
    def scanner_version(self) -> str:
        """Of the scanner."""
        return text(self.raw, "scanner", "version")

    @property
    def database_uri(self) -> str:
        """Which database."""
        return text(self.raw, "scanner", "db", "uri")

    @property
    def database_version(self) -> str:
        """Of the database."""
        return text(self.raw, "scanner", "db", "version")

    @property
    def database_updated(self) -> dt.datetime | None:
        """When the database was last updated, in UTC; in-toto's form alone says so."""
        return moment(self.raw, "scanner", "db", "lastUpdate")

    @property
    def result(self) -> Any:
        """An array of vulnerabilities (in-toto), or whatever the scanner wrote (cosign)."""
        return value_at(self.raw, "scanner", "result")

    @property
    def started(self) -> dt.datetime | None:
        """In UTC."""
        return moment(self.raw, "metadata", "scanStartedOn")

    @property
    def finished(self) -> dt.datetime | None:
        """In UTC."""
        return moment(self.raw, "metadata", "scanFinishedOn")
