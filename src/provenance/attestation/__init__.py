"""Attestations as bytes and values: in-toto statements, DSSE envelopes, Sigstore bundles."""

from __future__ import annotations

from provenance.attestation.ci_provenance import slsa_provenance
from provenance.attestation.predicates.reading import read_predicate
from provenance.attestation.reading import read_statement
from provenance.attestation.statement import ResourceDescriptor, Statement

__all__ = [
    "ResourceDescriptor",
    "Statement",
    "read_predicate",
    "read_statement",
    "slsa_provenance",
]
