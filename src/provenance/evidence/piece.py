"""`Evidence`: one thing found beside an image, and why it counts or does not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from provenance.findings import Outcome

if TYPE_CHECKING:
    from provenance.attestation.statement import Statement
    from provenance.digests import Digest
    from provenance.evidence.placements import Placement
    from provenance.oci.descriptor import Descriptor
    from provenance.verification.signed import SignedImage, SignedStatement

__all__ = ["Evidence"]

_MARKS = {
    Outcome.PROVEN: "counts",
    Outcome.REFUTED: "does not count",
    Outcome.UNKNOWN: "could not tell",
    Outcome.ABSENT: "absent",
}
"""What an outcome is called."""
_VALID = "valid"
"""What it is called where nobody in particular was asked for: for whom should it count?"""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing found."""

    descriptor: Descriptor
    """Of its manifest."""
    kind: str
    """`signature`, a predicate family, or the artifact type: proven where `signed` is set."""
    placement: Placement
    outcome: Outcome
    """`PROVEN`: a signature by whom one asked for, or by anyone if nobody was: `anyone`."""
    reason: str
    """Why, in one sentence."""
    step: str = ""
    """The step of verification that refused."""
    signed: SignedStatement | SignedImage | None = field(default=None, repr=False)
    """What it proves; set only when every cryptographic step passed, whoever signed."""
    subject: Digest | None = None
    """What it must be about: the image, or the index that it was resolved through."""
    layer: Descriptor | None = field(default=None, repr=False)
    """Of the layer that holds it, where one does."""
    claimed: Statement | None = field(default=None, repr=False)
    """What an unsigned statement says: anyone who may write there can have said it."""
    anyone: bool = False
    """Whether nobody in particular was asked for: the signature of any certificate is valid then,
    which says no more than whose it is."""

    def __repr__(self) -> str:
        digest = self.descriptor.digest.short
        return f"Evidence({self.kind!r}, {self.outcome.value}, {digest} by {str(self.placement)!r})"

    @property
    def verdict(self) -> str:
        """The outcome, in words."""
        return _VALID if self.outcome and self.anyone else _MARKS[self.outcome]

    def to_dict(self) -> dict[str, Any]:
        """As JSON; `proven` holds what is proven, whoever signed, `claimed` what no one signed."""
        from provenance.evidence.verified import Proof

        proven = claimed = None
        if self.signed is not None and self.subject is not None:
            proven = Proof(
                *(self.signed, self.placement, self.descriptor, self.kind, self.subject, self.layer)
            ).to_dict()
        if self.claimed is not None:
            claimed = {
                "predicate_type": self.claimed.predicate_type,
                "predicate": self.claimed.predicate,
            }
        return {
            "kind": self.kind,
            "outcome": self.outcome.value,
            "verdict": self.verdict,
            "reason": self.reason,
            "step": self.step,
            "digest": self.descriptor.digest,
            "layer": self.layer.digest if self.layer is not None else None,
            "subject": self.subject,
            "placement": str(self.placement),
            "through_index": self.placement.through_index,
            "proven": proven,
            "claimed": claimed,
        }
