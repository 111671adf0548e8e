"""BSI TR-03183, part 2: Software Bill of Materials, version 2.1.0 of 20 August 2025.

Section 8.2 of the text maps its fields to CycloneDX 1.6 and SPDX 3.0.1. Where its definition of a
field allows more than its mapping names, the definition counts: a SHA-512 of the component itself
is one of its deployable form. "Additional" fields (5.2.3, 5.2.4) must be there if what they state
exists; whether it does no document can tell, so without them nothing is told.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provenance.sbom.quality.answers import Answer, best, told, told_expression, told_time
from provenance.sbom.quality.rules import Rule, RuleSet

if TYPE_CHECKING:
    from collections.abc import Iterable

    from provenance.sbom.quality.facts import Facts, Part

__all__ = ["RULES"]

_MAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")
_URL = re.compile(r"https?://[^\s/]\S{0,2000}", re.ASCII | re.IGNORECASE)
_SHA_512 = re.compile(r"[0-9a-f]{128}", re.ASCII | re.IGNORECASE)


def _format(facts: Facts) -> Answer:
    if facts.syntax not in ("json", "xml"):
        return Answer.MISSING
    least = {"cyclonedx": (1, 6), "spdx": (3, 0, 1)}.get(facts.family)
    numbers = facts.version.split(".")
    if least is None or not all(n.isascii() and n.isdigit() and len(n) < 6 for n in numbers):
        return Answer.MISSING
    return Answer.MET if tuple(map(int, numbers)) >= least else Answer.MISSING


def _reachable(contacts: Iterable[str]) -> Answer:
    """Whether there is a mail address or a URL: a name alone is not enough."""
    answers = []
    for text in contacts:
        answer = told(text)
        if answer and not (_MAIL.fullmatch(text.strip()) or _URL.fullmatch(text.strip())):
            answer = Answer.MISSING
        answers.append(answer)
    return best(answers)


def _dependencies(part: Part) -> Answer:
    """Enumerated, and said how completely: both."""
    if not part.has_edges:
        return Answer.STATED_UNKNOWN if part.completeness == "unknown" else Answer.MISSING
    # "Unknown" is a statement of completeness here (section 5.2.2).
    return Answer.MISSING if told(part.completeness) is Answer.MISSING else Answer.MET


def _distribution_licenses(part: Part) -> Answer:
    if part.concluded:
        return best(told_expression(text) for text in part.concluded)
    # A licence that is not said to be concluded may be the original one alone.
    return Answer.NOT_TOLD if any(map(told, part.licenses)) else Answer.MISSING


def _original_licenses(part: Part) -> Answer:
    return _if_any(best(told_expression(text) for text in part.declared), part.declared)


def _sha_512(part: Part) -> Answer:
    values = [v for a, v in (*part.artifact_hashes, *part.hashes) if a == "sha512"]
    answers = [told(value) for value in values]
    if any(_SHA_512.fullmatch(value.strip()) for value in values):
        return Answer.MET
    return best(a for a in answers if a is not Answer.MET)


def _one_of(text: str, *allowed: str) -> Answer:
    if text in allowed:
        return Answer.MET
    answer = told(text)
    return Answer.MISSING if answer else answer


def _filename(part: Part) -> Answer:
    """A name, not a path (section 5.2.2)."""
    answer = told(part.filename)
    return Answer.MISSING if answer and "/" in part.filename else answer


def _if_any(answer: Answer, stated: object) -> Answer:
    """Of what must be there if it exists."""
    return answer if stated else Answer.NOT_TOLD


def _no_vulnerabilities(facts: Facts) -> Answer:
    return Answer.MISSING if facts.has_vulnerabilities else Answer.MET


_REQUIRED = (
    Rule("format", "4", "CycloneDX 1.6 or SPDX 3.0.1, or later", of_document=_format),
    Rule(
        "no-vulnerabilities",
        "3.1, 8.1.14",
        "no vulnerability information",
        of_document=_no_vulnerabilities,
    ),
    Rule(
        "sbom-creator",
        "5.2.1",
        "mail address or URL of who made it",
        of_document=lambda facts: _reachable(facts.contacts),
    ),
    Rule(
        "timestamp",
        "5.2.1",
        "when it was compiled",
        of_document=lambda facts: told_time(facts.created),
    ),
    Rule(
        "component-creator",
        "5.2.2",
        "mail address or URL of who made the component",
        of_package=lambda part: _reachable(part.contacts),
    ),
    Rule("component-name", "5.2.2", "its name", of_package=lambda part: told(part.name)),
    Rule("component-version", "5.2.2", "its version", of_package=lambda part: told(part.version)),
    Rule("filename", "5.2.2", "the name of its file", of_package=_filename),
    Rule(
        "dependencies",
        "5.2.2, 5.1",
        "what it needs or contains, and whether that is all",
        of_package=_dependencies,
    ),
    Rule(
        "distribution-licences",
        "5.2.2, 6.1",
        "an SPDX expression, stated as concluded",
        of_package=_distribution_licenses,
    ),
    Rule("sha-512", "5.2.2", "SHA-512 of its deployable form", of_package=_sha_512),
    Rule(
        "executable",
        "5.2.2, 8.1.4",
        "executable or non-executable",
        of_package=lambda part: _one_of(part.executable, "executable", "non-executable"),
    ),
    Rule(
        "archive",
        "5.2.2, 8.1.5",
        "archive or no archive",
        of_package=lambda part: _one_of(part.archive, "archive", "no archive"),
    ),
    Rule(
        "structured",
        "5.2.2, 8.1.6",
        "structured or unstructured",
        of_package=lambda part: _one_of(part.structured, "structured", "unstructured"),
    ),
)
_ADDITIONAL = (
    Rule(
        "sbom-uri",
        "5.2.3",
        "its own URI",
        of_document=lambda facts: _if_any(told(facts.uri), facts.uri),
        is_required=False,
    ),
    Rule(
        "source-uri",
        "5.2.4",
        "where its source code is",
        of_package=lambda part: _if_any(told(part.source_uri), part.source_uri),
        is_required=False,
    ),
    Rule(
        "deployable-uri",
        "5.2.4",
        "where its deployable form is",
        of_package=lambda part: _if_any(told(part.artifact_uri), part.artifact_uri),
        is_required=False,
    ),
    Rule(
        "other-identifiers",
        "5.2.4",
        "purl, CPE, SWID, ...",
        of_package=lambda part: _if_any(
            best(told(text) for text in part.identifiers), part.identifiers
        ),
        is_required=False,
    ),
    Rule(
        "original-licences",
        "5.2.4, 6.1",
        "an SPDX expression, stated as declared",
        of_package=_original_licenses,
        is_required=False,
    ),
)

RULES = RuleSet(
    name="bsi-tr-03183-2",
    title="BSI TR-03183-2 v2.1.0",
    source="BSI, Technical Guideline TR-03183: Cyber Resilience Requirements, "
    "Part 2: Software Bill of Materials (SBOM), version 2.1.0, 20 August 2025",
    rules=(*_REQUIRED, *_ADDITIONAL),
)
"""Required fields of the document and of its components, then the additional ones."""
