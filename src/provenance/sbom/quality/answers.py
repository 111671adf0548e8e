"""How a rule is answered, and what words that stand for nothing are worth."""

from __future__ import annotations

import datetime as dt
import enum
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Answer", "best", "told", "told_expression", "told_hash", "told_time"]


class Answer(enum.Enum):
    """Whether a rule is met. Only `MET` is a yes."""

    MET = "met"
    MISSING = "missing"
    """Not met: nothing is said, or something else than the rule asks for."""
    STATED_UNKNOWN = "stated unknown"
    """Not met: the author says that it is not known (`NOASSERTION`, `unknown`)."""
    REDACTED = "redacted"
    """Not met: the author says that it is withheld."""
    NOT_TOLD = "could not be told"
    """Neither: the document cannot say, or only a person could read it."""

    def __bool__(self) -> bool:
        return self is Answer.MET


_NOTHING = frozenset(
    {
        *("none", "null", "nil", "n/a", "n.a.", "n.a", "na", "tbd", "tba", "todo", "undefined"),
        *("not applicable", "not available", "not provided", "placeholder", "xxx"),
    }
)
_UNKNOWN = frozenset({"noassertion", "no assertion", "unknown", "unspecified", "not known"})
_HASH = re.compile(r"(?:[0-9a-f]{2}){4,}", re.ASCII | re.IGNORECASE)
_REDACTED = frozenset({"redacted", "withheld", "confidential"})
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?", re.ASCII)
_LONGEST = 20
# The best first: something said outweighs that it is unknown.
_ORDER = (Answer.MET, Answer.REDACTED, Answer.STATED_UNKNOWN, Answer.NOT_TOLD, Answer.MISSING)


def told(text: str) -> Answer:
    """Whether a text says something.

    >>> told("Acme"), told("NOASSERTION"), told(" "), told("[REDACTED]")  # doctest: +ELLIPSIS
    (<Answer.MET...>, <Answer.STATED_UNKNOWN...>, <Answer.MISSING...>, <Answer.REDACTED...>)
    """
    if not any(map(str.isalnum, text)):  # blanks of any kind, and signs alone
        return Answer.MISSING
    if len(text) > _LONGEST:
        text = text.strip()
        if len(text) > _LONGEST:  # than any of the words
            return Answer.MET
    word = text.strip(" \t\r\n[]<>()").lower()
    if word in _NOTHING:
        return Answer.MISSING
    if word in _UNKNOWN:
        return Answer.STATED_UNKNOWN
    return Answer.REDACTED if word in _REDACTED else Answer.MET


def best(answers: Iterable[Answer]) -> Answer:
    """The best of several: one that says something is enough."""
    found: list[Answer] = []
    for answer in answers:
        if answer is Answer.MET:
            return answer
        found.append(answer)
    return next((answer for answer in _ORDER if answer in found), Answer.MISSING)


def told_time(text: str) -> Answer:
    """Whether a text is a time of ISO 8601 with date and hour."""
    answer = told(text)
    if not answer or (_TIME.fullmatch(text.strip()) is not None and _is_a_day(text.strip())):
        return answer
    return Answer.MISSING


def _is_a_day(text: str) -> bool:
    """Whether the calendar and the clock have it; a leap second is within them."""
    try:
        dt.datetime.strptime(text[:16], "%Y-%m-%dT%H:%M").replace(tzinfo=dt.UTC)
    except ValueError:
        return False
    return text[16:17] != ":" or int(text[17:19]) <= 60


def told_hash(text: str) -> Answer:
    """Whether a text is a checksum in hexadecimal digits, of 32 bits at least."""
    answer = told(text)
    return answer if not answer or _HASH.fullmatch(text.strip()) else Answer.MISSING


def told_expression(text: str) -> Answer:
    """Whether a text is an SPDX licence identifier or expression."""
    from provenance.sbom.validating.consistency.expressions import check

    answer = told(text)
    return answer if not answer or check(text.strip())[1] else Answer.MISSING
