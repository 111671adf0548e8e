"""A local OCI registry that records what it is asked and misbehaves on demand."""

from __future__ import annotations

from provenance.testing.registry.faults import Fault
from provenance.testing.registry.local import LocalRegistry
from provenance.testing.registry.messages import RecordedRequest
from provenance.testing.registry.store import StoredManifest

__all__ = ["Fault", "LocalRegistry", "RecordedRequest", "StoredManifest"]
