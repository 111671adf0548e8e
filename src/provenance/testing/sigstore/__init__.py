"""A whole Sigstore in one process, on loopback: CA with CT log, Rekor v1 and v2, timestamps, OIDC.

What it issues is real: unmodified Sigstore clients and cosign sign with it and verify its
bundles, given its trust root. For tests and demonstrations; its keys live as long as it does.
"""

from __future__ import annotations

from provenance.testing.sigstore.bundles import Forger
from provenance.testing.sigstore.local import LocalSigstore
from provenance.testing.sigstore.schemes import new_key
from provenance.testing.sigstore.tuf_repository import TufRepository

__all__ = ["Forger", "LocalSigstore", "TufRepository", "new_key"]
