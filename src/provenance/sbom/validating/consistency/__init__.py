"""What no schema can say of a document: references, identifiers, values that contradict themselves.

One file a format walks it; `judging` holds the rules. All of them warn: the official schemas allow
every document that is looked at here.
"""

from __future__ import annotations

from provenance.sbom.validating.consistency.judging import RULES

__all__ = ["RULES"]
