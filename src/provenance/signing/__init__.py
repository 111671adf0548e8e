"""Signing: from a statement's bytes, or a file's, to a Sigstore bundle. Knows no registry."""

from __future__ import annotations

from provenance.signing.blobs import sign_blob, verify_blob
from provenance.signing.handle import DigestHandle, KeyHandle
from provenance.signing.signer import Signer

__all__ = ["DigestHandle", "KeyHandle", "Signer", "sign_blob", "verify_blob"]
