"""`read_predicate`: a statement's predicate by its type. An unknown type is kept as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provenance.attestation.predicate_types import family
from provenance.attestation.predicates.cosign import Custom, Signature
from provenance.attestation.predicates.documents import CycloneDx, OpenVex, Spdx
from provenance.attestation.predicates.link import Link
from provenance.attestation.predicates.reference import Reference
from provenance.attestation.predicates.release import Release
from provenance.attestation.predicates.runtime_trace import RuntimeTrace
from provenance.attestation.predicates.scai import AttributeReport
from provenance.attestation.predicates.simple_verification import VerifiedProperties
from provenance.attestation.predicates.slsa_provenance import SlsaProvenance
from provenance.attestation.predicates.test_result import TestResult
from provenance.attestation.predicates.verification_summary import VerificationSummary
from provenance.attestation.predicates.vulnerabilities import VulnerabilityScan

if TYPE_CHECKING:
    from provenance.attestation.predicates.predicate import TypedPredicate
    from provenance.attestation.statement import Statement

__all__ = ["VIEWS", "read_predicate"]

VIEWS: dict[str, type[TypedPredicate]] = {
    "custom": Custom,
    "cyclonedx": CycloneDx,
    "link": Link,
    "openvex": OpenVex,
    "reference": Reference,
    "release": Release,
    "runtime-trace": RuntimeTrace,
    "scai": AttributeReport,
    "signature": Signature,
    "slsa-provenance": SlsaProvenance,
    "spdx": Spdx,
    "svr": VerifiedProperties,
    "test-result": TestResult,
    "vsa": VerificationSummary,
    "vuln": VulnerabilityScan,
}
"""Family to the view over its predicates."""


def read_predicate(statement: Statement) -> TypedPredicate | Any:
    """What a statement says, typed where its type is known; else the decoded JSON as it is.

    Never fails: a field of the wrong kind raises MalformedDocument when it is asked for, and
    `check()` lists them all. Nothing of it is verified.
    """
    view = VIEWS.get(family(statement.predicate_type))
    if view is None:
        return statement.predicate
    return view(statement.predicate_type, statement.predicate)
