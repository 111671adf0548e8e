"""`VerificationSummary`: that someone verified. Source: slsa.dev/verification_summary/v1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from provenance.attestation.predicates.fields import moment, resources, table, text, texts
from provenance.attestation.predicates.predicate import TypedPredicate

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from provenance.attestation.resource import ResourceDescriptor

__all__ = ["VerificationSummary"]


class VerificationSummary(TypedPredicate):
    """What a verifier says it verified. Worth what the verifier is."""

    __slots__ = ()
    FIELDS: ClassVar[tuple[str, ...]] = (
        "verifier_id",
        "verified",
        "resource_uri",
        "policy_uri",
        "policy_digest",
        "inputs",
        "result",
        "levels",
        "dependency_levels",
        "slsa_version",
    )
    REQUIRED: ClassVar[tuple[str, ...]] = ("verifier_id", "resource_uri", "result", "levels")

    @property
    def verifier_id(self) -> str:
        """Who verified: a URI."""
        return text(self.raw, "verifier", "id")

    @property
    def verified(self) -> dt.datetime | None:
        """When, in UTC."""
        return moment(self.raw, "timeVerified")

    @property
    def resource_uri(self) -> str:
        """What the artifact was verified as."""
        return text(self.raw, "resourceUri")

    @property
    def policy_uri(self) -> str:
        """By which policy."""
        return text(self.raw, "policy", "uri")

    @property
    def policy_digest(self) -> Mapping[str, Any]:
        """Of the policy: algorithm to hex."""
        return table(self.raw, "policy", "digest")

    @property
    def inputs(self) -> tuple[ResourceDescriptor, ...]:
        """The attestations that were looked at."""
        return resources(self.raw, "inputAttestations")

    @property
    def result(self) -> str:
        """`PASSED` or `FAILED`."""
        return text(self.raw, "verificationResult")

    @property
    def passed(self) -> bool:
        """Whether the result is exactly `PASSED`."""
        return self.result == "PASSED"

    @property
    def levels(self) -> tuple[str, ...]:
        """E.g. `SLSA_BUILD_LEVEL_3`."""
        return texts(self.raw, "verifiedLevels")

    @property
    def dependency_levels(self) -> Mapping[str, Any]:
        """Level to the number of dependencies at it."""
        return table(self.raw, "dependencyLevels")

    @property
    def slsa_version(self) -> str:
        """Of the specification."""
        return text(self.raw, "slsaVersion")
