"""Whether a document says what NTIA, CISA and BSI ask for. Source: each rule set's own text."""

from __future__ import annotations

from provenance.sbom.quality.answers import Answer
from provenance.sbom.quality.engine import RULE_SETS, assess
from provenance.sbom.quality.result import Quality, RuleResult
from provenance.sbom.quality.rules import Rule, RuleSet

__all__ = ["RULE_SETS", "Answer", "Quality", "Rule", "RuleResult", "RuleSet", "assess"]
