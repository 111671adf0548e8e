"""NTIA, The Minimum Elements For a Software Bill of Materials (SBOM), 12 July 2021.

The text has three sections of minimum elements: data fields, automation support, practices and
processes. "Author of SBOM Data" may be a tool there: the source of the data, not a legal person.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.sbom.quality.answers import Answer, best, told, told_time
from provenance.sbom.quality.rules import Rule, RuleSet, cannot_be_told

if TYPE_CHECKING:
    from provenance.sbom.quality.facts import Facts, Part

__all__ = ["RULES"]

_FIELDS = "Data Fields"
_PRACTICES = "Practices and Processes"


def _supplier(part: Part) -> Answer:
    # "An entity that creates, defines, and identifies components": the producer is one, too.
    return best(told(text) for text in (*part.suppliers, *part.producers))


def _related(part: Part) -> Answer:
    return Answer.MET if part.is_related else Answer.MISSING


def _author(facts: Facts) -> Answer:
    return best(told(text) for text in (*facts.authors, *facts.tools))


def _format(facts: Facts) -> Answer:
    return Answer.MET if facts.family in ("cyclonedx", "spdx") else Answer.MISSING


def _known_unknowns(part: Part) -> Answer:
    """Whether "no further dependencies" is told from "not known whether there are"."""
    return Answer.MET if told(part.completeness) is not Answer.MISSING else Answer.MISSING


RULES = RuleSet(
    name="ntia-2021",
    title="NTIA minimum elements (2021)",
    source="NTIA, The Minimum Elements For a Software Bill of Materials (SBOM), 12 July 2021",
    rules=(
        Rule("supplier-name", f"{_FIELDS}: Supplier Name", "who supplies it", of_package=_supplier),
        Rule(
            "component-name",
            f"{_FIELDS}: Component Name",
            "its name",
            of_package=lambda part: told(part.name),
        ),
        Rule(
            "component-version",
            f"{_FIELDS}: Version of the Component",
            "its version",
            of_package=lambda part: told(part.version),
        ),
        Rule(
            "other-identifiers",
            f"{_FIELDS}: Other Unique Identifiers",
            "another identifier: purl, CPE, SWID, ...",
            of_package=lambda part: best(told(text) for text in part.identifiers),
        ),
        Rule(
            "dependencies",
            f"{_FIELDS}: Dependency Relationship",
            "in what it is included, or what it includes",
            of_package=_related,
        ),
        Rule("sbom-author", f"{_FIELDS}: Author of SBOM Data", "who made it", of_document=_author),
        Rule(
            "timestamp",
            f"{_FIELDS}: Timestamp",
            "when it was made",
            of_document=lambda facts: told_time(facts.created),
        ),
        Rule(
            "machine-readable",
            "Automation Support",
            "SPDX, CycloneDX or SWID tags",
            of_document=_format,
        ),
        Rule(
            "known-unknowns",
            f"{_PRACTICES}: Known Unknowns",
            "whether its dependencies are all listed",
            of_package=_known_unknowns,
            is_required=False,
        ),
        *cannot_be_told(
            (
                ("frequency", f"{_PRACTICES}: Frequency", "a new one with each release"),
                ("depth", f"{_PRACTICES}: Depth", "all top-level dependencies are listed"),
                (
                    "distribution",
                    f"{_PRACTICES}: Distribution and Delivery",
                    "delivered in time, to those who need it",
                ),
                ("access-control", f"{_PRACTICES}: Access Control", "terms of access are stated"),
                (
                    "mistakes",
                    f"{_PRACTICES}: Accommodation of Mistakes",
                    "mistakes are tolerated, and corrected",
                ),
            )
        ),
    ),
)
"""Seven data fields, the format, and what of the practices a document can show."""
