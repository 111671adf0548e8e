"""Trust: which authorities and logs one believes, and where one signs."""

from __future__ import annotations

from provenance.trust.parts import TrustPart
from provenance.trust.root import Trust

__all__ = ["Trust", "TrustPart"]
