"""`VerifiedProperties`: properties that a verifier found. Source: in-toto predicate `svr`."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from provenance.attestation.predicates.fields import moment, text, texts
from provenance.attestation.predicates.predicate import TypedPredicate

if TYPE_CHECKING:
    import datetime as dt

__all__ = ["VerifiedProperties"]


class VerifiedProperties(TypedPredicate):
    """A simple verification result: what a verifier found to be so."""

    __slots__ = ()
    FIELDS: ClassVar[tuple[str, ...]] = ("verifier_id", "created", "properties")
    REQUIRED: ClassVar[tuple[str, ...]] = ("verifier_id", "created", "properties")

    @property
    def verifier_id(self) -> str:
        """Who verified: a URI."""
        return text(self.raw, "verifier", "id")

    @property
    def created(self) -> dt.datetime | None:
        """When, in UTC."""
        return moment(self.raw, "timeCreated")

    @property
    def properties(self) -> tuple[str, ...]:
        """E.g. `SLSA_BUILD_LEVEL_3`. Only what passed is listed."""
        return texts(self.raw, "properties")
