"""CISA, 2025 Minimum Elements for a Software Bill of Materials (SBOM), draft of 22 August 2025.

A draft for public comment. What is unknown and what is redacted are told apart in it ("Known
Unknowns"): neither meets a rule here, but each is counted by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.sbom.quality.answers import Answer, best, told, told_hash, told_time
from provenance.sbom.quality.rules import Rule, RuleSet, cannot_be_told

if TYPE_CHECKING:
    from provenance.sbom.quality.facts import Facts, Part

__all__ = ["RULES"]

_FIELDS = "Data Fields"
_PRACTICES = "Practices and Processes"


def _hash(part: Part) -> Answer:
    pairs = (*part.hashes, *part.artifact_hashes)
    return best(
        told_hash(value) if told(algorithm) else Answer.MISSING for algorithm, value in pairs
    )


def _producer(part: Part) -> Answer:
    return best(told(text) for text in (*part.producers, *part.suppliers))


def _context(facts: Facts) -> Answer:
    if facts.contexts:
        return best(told(text) for text in facts.contexts)
    # A comment may say it, to people; without a place for it, its absence says nothing either.
    if facts.remarks or not facts.can_state_context:
        return Answer.NOT_TOLD
    return Answer.MISSING


def _known_unknowns(part: Part) -> Answer:
    """Whether every gap is said to be one: unknown, or redacted."""
    if told(part.completeness) is Answer.MISSING:
        return Answer.MISSING
    gaps = [
        *(told(part.version), _producer(part), _hash(part)),
        best(told(text) for text in part.licenses),
    ]
    return Answer.MISSING if Answer.MISSING in gaps else Answer.MET


def _coverage(facts: Facts) -> Answer:
    """Whether the document itself says that it goes all the way down, for everything in it."""
    stated = {part.completeness for part in facts.parts}
    return Answer.MET if stated == {"complete"} else Answer.NOT_TOLD


RULES = RuleSet(
    name="cisa-2025",
    title="CISA minimum elements (draft 2025)",
    source="CISA, 2025 Minimum Elements for a Software Bill of Materials (SBOM), "
    "draft for public comment, 22 August 2025",
    rules=(
        Rule(
            "sbom-author",
            f"{_FIELDS}: SBOM Author",
            "the person or organisation that made it",
            of_document=lambda facts: best(told(text) for text in facts.authors),
        ),
        Rule(
            "software-producer",
            f"{_FIELDS}: Software Producer",
            "who creates and defines it",
            of_package=_producer,
        ),
        Rule(
            "component-name",
            f"{_FIELDS}: Component Name",
            "its name",
            of_package=lambda part: told(part.name),
        ),
        Rule(
            "component-version",
            f"{_FIELDS}: Component Version",
            "its version, or the date of the file",
            of_package=lambda part: told(part.version),
        ),
        Rule(
            "software-identifiers",
            f"{_FIELDS}: Software Identifiers",
            "at least one identifier: purl, CPE, OmniBOR, SWHID, ...",
            of_package=lambda part: best(told(text) for text in part.identifiers),
        ),
        Rule(
            "component-hash",
            f"{_FIELDS}: Component Hash",
            "a hash of it, and by which algorithm",
            of_package=_hash,
        ),
        Rule(
            "license",
            f"{_FIELDS}: License",
            "under which licence it is made available",
            of_package=lambda part: best(told(text) for text in part.licenses),
        ),
        Rule(
            "dependencies",
            f"{_FIELDS}: Dependency Relationship",
            "in what it is included, or from what it is derived",
            of_package=lambda part: Answer.MET if part.is_related else Answer.MISSING,
        ),
        Rule(
            "tool-name",
            f"{_FIELDS}: Tool Name",
            "the tool that made it",
            of_document=lambda facts: best(told(text) for text in facts.tools),
        ),
        Rule(
            "timestamp",
            f"{_FIELDS}: Timestamp",
            "when it was last changed, by ISO 8601",
            of_document=lambda facts: told_time(facts.created),
        ),
        Rule(
            "generation-context",
            f"{_FIELDS}: Generation Context",
            "before, during or after the build",
            of_document=_context,
        ),
        Rule(
            "machine-processable",
            "Automation Support",
            "SPDX or CycloneDX",
            of_document=lambda facts: (
                Answer.MET if facts.family in ("cyclonedx", "spdx") else Answer.MISSING
            ),
        ),
        Rule(
            "coverage",
            f"{_PRACTICES}: Coverage",
            "transitive dependencies too",
            of_document=_coverage,
            is_required=False,
        ),
        Rule(
            "known-unknowns",
            f"{_PRACTICES}: Known Unknowns",
            "what is missing is said to be unknown or redacted",
            of_package=_known_unknowns,
            is_required=False,
        ),
        *cannot_be_told(
            (
                ("frequency", f"{_PRACTICES}: Frequency", "a new one with each version"),
                (
                    "distribution",
                    f"{_PRACTICES}: Distribution and Delivery",
                    "available in time, to those who need it",
                ),
                (
                    "updates",
                    f"{_PRACTICES}: Accommodation of Updates to SBOM Data",
                    "corrections are made and taken",
                ),
            )
        ),
    ),
)
"""Eleven data fields, the format, and what of the practices a document can show."""
