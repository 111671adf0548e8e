"""A registry, a Sigstore and an image builder for tests, in this process and on loopback only."""

from __future__ import annotations

from provenance.testing.registry import LocalRegistry, RecordedRequest

__all__ = ["LocalRegistry", "RecordedRequest"]
