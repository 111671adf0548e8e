"""Evidence: what lies beside an image, where, and what it proves."""

from __future__ import annotations

from provenance.evidence.attaching import attach
from provenance.evidence.bulk import Answer, verify_all
from provenance.evidence.claims import attest, sign
from provenance.evidence.examination import Examination
from provenance.evidence.gathering import examine
from provenance.evidence.piece import Evidence
from provenance.evidence.placements import Lookup, Placement, Referrer
from provenance.evidence.proving import verify
from provenance.evidence.pulling import pull
from provenance.evidence.storing import Stored
from provenance.evidence.surroundings import Listing, Node, referrers, tree
from provenance.evidence.unverified import unsafe_fetch_sbom
from provenance.evidence.verified import Proof, Verified

__all__ = [
    "Answer",
    "Evidence",
    "Examination",
    "Listing",
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
    "unsafe_fetch_sbom",
    "verify",
    "verify_all",
]
