"""`TypedPredicate`: what every predicate that is read by type has. Nothing is lost: `raw` stays."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from provenance.errors import MalformedDocument
from provenance.findings import Finding, Report, Severity

__all__ = ["TypedPredicate"]


@dataclass(frozen=True, slots=True)
class TypedPredicate:
    """A view over a predicate. A field is read when it is asked for.

    A field of the wrong kind raises MalformedDocument then, and not before: one broken field
    hides no other.
    """

    predicate_type: str
    """The type's URI."""
    raw: Any = field(repr=False, hash=False)
    """The predicate as decoded JSON, whole."""

    FIELDS: ClassVar[tuple[str, ...]] = ()
    """The names of the fields of this view."""
    REQUIRED: ClassVar[tuple[str, ...]] = ()
    """Those that the specification says must be there."""

    @property
    def predicate(self) -> Any:
        """The predicate again, as `attest` takes it."""
        return self.raw

    def check(self) -> Report:
        """What is odd: fields of the wrong kind are errors, missing ones are warnings."""
        findings = []
        if not isinstance(self.raw, dict) and self.FIELDS:
            findings.append(
                Finding("predicate-form", Severity.ERROR, "must be an object", "/predicate")
            )
            return Report(tuple(findings))
        for name in self.FIELDS:
            try:
                value = getattr(self, name)
            except MalformedDocument as error:
                findings.append(
                    Finding("predicate-field", Severity.ERROR, error.message, error.pointer)
                )
                continue
            if name in self.REQUIRED and not value and value is not False:
                findings.append(
                    Finding(
                        "predicate-field-missing",
                        Severity.WARNING,
                        f"{name} is missing, which the type's specification asks for",
                        "/predicate",
                    )
                )
        return Report(tuple(findings))
