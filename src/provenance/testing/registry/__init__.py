"""A local OCI registry that records what it is asked and misbehaves on demand."""

from __future__ import annotations

from provenance.testing.registry.behaviour import Behaviour, Door, Rate, Refusal
from provenance.testing.registry.faults import Fault
from provenance.testing.registry.local import LocalRegistry
from provenance.testing.registry.messages import RecordedRequest
from provenance.testing.registry.profiles import PROFILES, Profile
from provenance.testing.registry.store import StoredManifest

__all__ = [
    "PROFILES",
    "Behaviour",
    "Door",
    "Fault",
    "LocalRegistry",
    "Profile",
    "Rate",
    "RecordedRequest",
    "Refusal",
    "StoredManifest",
]
