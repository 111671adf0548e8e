"""Predicates that are whole documents of other formats: SPDX, CycloneDX, OpenVEX.

Source: in-toto predicates `spdx` and `cyclonedx`; OpenVEX 0.2.0. `read_sbom` reads the first two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from provenance.attestation.predicates.fields import array, moment, text, value_at
from provenance.attestation.predicates.predicate import TypedPredicate

if TYPE_CHECKING:
    import datetime as dt

__all__ = ["CycloneDx", "OpenVex", "Spdx"]


class Spdx(TypedPredicate):
    """An SPDX document: an object, or tag-value as one string. `read_sbom` reads either."""

    __slots__ = ()

    @property
    def is_tag_value(self) -> bool:
        """Whether it is the text form."""
        return isinstance(self.raw, str)

    @property
    def version(self) -> str:
        """E.g. `SPDX-2.3`; empty for version 3 and the text form."""
        return text(self.raw, "spdxVersion") if isinstance(self.raw, dict) else ""


class CycloneDx(TypedPredicate):
    """A CycloneDX document. `read_sbom` reads it."""

    __slots__ = ()

    @property
    def version(self) -> str:
        """E.g. `1.6`."""
        return text(self.raw, "specVersion")


class OpenVex(TypedPredicate):
    """Which vulnerabilities matter, as somebody says."""

    __slots__ = ()
    FIELDS: ClassVar[tuple[str, ...]] = ("id", "author", "timestamp", "version", "statements")
    REQUIRED: ClassVar[tuple[str, ...]] = ("id", "author", "version", "statements")

    @property
    def id(self) -> str:
        """The document's IRI."""
        return text(self.raw, "@id")

    @property
    def author(self) -> str:
        """Who says so; worth what the signature is."""
        return text(self.raw, "author")

    @property
    def timestamp(self) -> dt.datetime | None:
        """In UTC."""
        return moment(self.raw, "timestamp")

    @property
    def version(self) -> str:
        """Of the document; numbers and strings are both written."""
        found = value_at(self.raw, "version")
        return "" if found is None else str(found)

    @property
    def statements(self) -> tuple[Any, ...]:
        """As decoded."""
        return array(self.raw, "statements")
