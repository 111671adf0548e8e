"""Where bytes were read, so that every error names reference and digest."""

from __future__ import annotations

from dataclasses import dataclass

from provenance.errors import LimitExceeded, MalformedDocument, UnsupportedFormat

__all__ = ["Place"]


@dataclass(frozen=True, slots=True)
class Place:
    """A layer or another blob, by what a message calls it."""

    reference: str = ""
    """The image, e.g. `ghcr.io/org/app@sha256:...`."""
    digest: str = ""
    """The blob."""
    what: str = "layer"

    def malformed(self, message: str, hint: str = "") -> MalformedDocument:
        """An error: the content is not what it claims to be."""
        return MalformedDocument(
            f"{self.what}: {message}", hint=hint, reference=self.reference, digest=self.digest
        )

    def unsupported(self, message: str, hint: str = "") -> UnsupportedFormat:
        """An error: recognised, not read."""
        return UnsupportedFormat(
            f"{self.what}: {message}", hint=hint, reference=self.reference, digest=self.digest
        )

    def exceeded(self, limit: str, value: int, message: str) -> LimitExceeded:
        """An error: `Limits.<limit>`, which is `value`, was met."""
        return LimitExceeded(
            f"{self.what}: {message}",
            hint=f"raise Limits.{limit} (now {value}) if you trust where it comes from",
            reference=self.reference,
            digest=self.digest,
        )
