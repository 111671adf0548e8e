"""Predicates by their types: one file a family, `read_predicate` for whichever it is."""

from __future__ import annotations

from provenance.attestation.predicates.cosign import Custom, Signature, predicate_of_file
from provenance.attestation.predicates.documents import CycloneDx, OpenVex, Spdx
from provenance.attestation.predicates.link import Link
from provenance.attestation.predicates.predicate import TypedPredicate
from provenance.attestation.predicates.reading import read_predicate
from provenance.attestation.predicates.reference import Reference
from provenance.attestation.predicates.release import Release
from provenance.attestation.predicates.runtime_trace import RuntimeTrace
from provenance.attestation.predicates.scai import Attribute, AttributeReport
from provenance.attestation.predicates.simple_verification import VerifiedProperties
from provenance.attestation.predicates.slsa_provenance import SlsaProvenance
from provenance.attestation.predicates.test_result import TestResult
from provenance.attestation.predicates.verification_summary import VerificationSummary
from provenance.attestation.predicates.vulnerabilities import VulnerabilityScan

__all__ = [
    "Attribute",
    "AttributeReport",
    "Custom",
    "CycloneDx",
    "Link",
    "OpenVex",
    "Reference",
    "Release",
    "RuntimeTrace",
    "Signature",
    "SlsaProvenance",
    "Spdx",
    "TestResult",
    "TypedPredicate",
    "VerificationSummary",
    "VerifiedProperties",
    "VulnerabilityScan",
    "predicate_of_file",
    "read_predicate",
]
