"""`WWW-Authenticate`: what a registry asks for, as it is written in the wild. Source: RFC 9110."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Challenge", "parse_challenges", "wants_login"]

_TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"  # noqa: S105 - the grammar's name for a word
_PARAMETER = re.compile(rf'\s*({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))\s*,?', re.ASCII)
_SCHEME = re.compile(rf"\s*+,?\s*+({_TOKEN})(?=\s|,|$)(?!\s*=)", re.ASCII)
_LONGEST = 8192


@dataclass(frozen=True, slots=True)
class Challenge:
    """One scheme with its parameters."""

    scheme: str
    """In lower case: Nexus says `BASIC`."""
    parameters: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Names in lower case."""


def parse_challenges(header: str) -> tuple[Challenge, ...]:
    """The challenges of one header value; what cannot be read ends the list.

    >>> parse_challenges('Bearer realm="https://auth.example/token",service="r"')[0].scheme
    'bearer'
    """
    header, at, out = header[:_LONGEST], 0, []
    while match := _SCHEME.match(header, at):
        at, parameters = match.end(), {}
        while parameter := _PARAMETER.match(header, at):
            quoted, plain = parameter[2], parameter[3]
            value = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            parameters[parameter[1].lower()] = value
            at = parameter.end()
        out.append(Challenge(match[1].lower(), parameters))
    return tuple(out)


def wants_login(status: int, header: str) -> bool:
    """Whether an answer asks for another Authorization: 401, or a 403 that says so.

    Source: RFC 6750 section 3.1 has 403 for a token of too small a scope. Another 403 is a refusal.
    """
    if status != 403:
        return status == 401
    return any(
        challenge.scheme == "bearer" and challenge.parameters.get("error") == "insufficient_scope"
        for challenge in parse_challenges(header)
    )
