"""Evidence: what lies beside an image, where, and what it proves."""

from __future__ import annotations

from provenance.evidence.attaching import attach
from provenance.evidence.claims import attest, sign
from provenance.evidence.examination import Evidence, Examination
from provenance.evidence.gathering import examine
from provenance.evidence.placements import Lookup, Placement, Referrer
from provenance.evidence.proving import Proof, Verified, verify
from provenance.evidence.pulling import pull
from provenance.evidence.storing import Stored
from provenance.evidence.surroundings import Node, referrers, tree

__all__ = [
    "Evidence",
    "Examination",
    "Lookup",
    "Node",
    "Placement",
    "Proof",
    "Referrer",
    "Stored",
    "Verified",
    "attach",
    "attest",
    "examine",
    "pull",
    "referrers",
    "sign",
    "tree",
    "verify",
]
