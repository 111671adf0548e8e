"""Signing: from a statement's bytes to a Sigstore bundle. Knows no registry."""

from __future__ import annotations

from provenance.signing.signer import Signer

__all__ = ["Signer"]
