"""`Release`: that an artifact is a release of a package. Source: in-toto predicate `release`."""

from __future__ import annotations

from typing import ClassVar

from provenance.attestation.predicates.fields import text
from provenance.attestation.predicates.predicate import TypedPredicate

__all__ = ["Release"]


class Release(TypedPredicate):
    """Which release the subjects make up."""

    __slots__ = ()
    FIELDS: ClassVar[tuple[str, ...]] = ("purl", "package_id")
    REQUIRED: ClassVar[tuple[str, ...]] = ("purl",)

    @property
    def purl(self) -> str:
        """The package URL, with version."""
        return text(self.raw, "purl")

    @property
    def package_id(self) -> str:
        """The registry's own id of the package; version 0.1 called it `releaseId`."""
        return text(self.raw, "packageId") or text(self.raw, "releaseId")
