"""Key services on loopback: they speak the real protocols, and keep their keys in memory."""

from __future__ import annotations

from provenance.testing.key_services.kms import LocalKms
from provenance.testing.key_services.transit import LocalTransit

__all__ = ["LocalKms", "LocalTransit"]
