"""Verification: from a bundle to what it proves. No network, no registry."""

from __future__ import annotations

from provenance.verification.blobs import verify_blob_bundle
from provenance.verification.identity import Identity
from provenance.verification.layer_signatures import LayerSignature, verify_layer
from provenance.verification.signed import SignedBlob, SignedImage, SignedStatement
from provenance.verification.slsa import Provenance, check_provenance
from provenance.verification.thresholds import Thresholds
from provenance.verification.verifier import verify_bundle

__all__ = [
    "Identity",
    "LayerSignature",
    "Provenance",
    "SignedBlob",
    "SignedImage",
    "SignedStatement",
    "Thresholds",
    "check_provenance",
    "verify_blob_bundle",
    "verify_bundle",
    "verify_layer",
]
