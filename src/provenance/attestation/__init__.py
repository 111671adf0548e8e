"""Attestations as bytes and values: in-toto statements, DSSE envelopes, Sigstore bundles."""

from __future__ import annotations

from provenance.attestation.reading import read_statement
from provenance.attestation.statement import ResourceDescriptor, Statement

__all__ = ["ResourceDescriptor", "Statement", "read_statement"]
