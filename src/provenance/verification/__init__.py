"""Verification: from a bundle to what it proves. No network, no registry."""

from __future__ import annotations

from provenance.verification.identity import Identity
from provenance.verification.signed import SignedStatement
from provenance.verification.verifier import verify_bundle

__all__ = ["Identity", "SignedStatement", "verify_bundle"]
