"""`Judge`: the rules, and the findings they made so far. Whoever walks a document asks it.

Sources: purl-spec; NIST IR 7695 sections 6.1 and 6.2 (CPE); SPDX 2.3 annex D (licence
expressions); FIPS 180-4, 202, RFC 7693 and kin (lengths of hashes); RFC 3339 (times).
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from provenance.findings import Finding, Severity
from provenance.sbom.validating.consistency import expressions
from provenance.sbom.validating.consistency.identifiers import is_cpe, is_purl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["RULES", "Judge", "Place"]

Place = tuple[Any, ...]
"""Where: the steps of a JSON pointer, or an element of XML. Written out only for findings."""

RULES = {
    "duplicate-id": "an identifier is given twice",
    "dangling-reference": "a reference leads to nothing in the document",
    "self-reference": "something depends on itself",
    "duplicate-dependency": "the dependencies of one thing are listed twice",
    "contains-cycle": "something contains itself, by way of others",
    "describes-nothing": "the document does not say what it describes",
    "bad-purl": "not a package URL",
    "bad-cpe": "not a CPE 2.2 URI or 2.3 name",
    "bad-license-expression": "not an SPDX licence expression",
    "unknown-license": "an identifier that is not on the SPDX licence list",
    "license-ref-without-text": "a LicenseRef- that the document does not explain",
    "hash-length": "as many digits as its algorithm never gives",
    "bad-time": "not a time of RFC 3339, or one that no calendar has",
    "times-out-of-order": "it ends before it begins",
    "bad-actor": "not a Person:, Organization: or Tool: as SPDX 2 writes them",
    "bad-data-license": "not CC0-1.0, under which SPDX 2 wants every document",
    "bad-id": "not an identifier as the specification writes them",
}
"""Every rule that warns, by its stable name."""

_DIGITS = {
    **dict.fromkeys(("ADLER32",), 8),
    **dict.fromkeys(("MD2", "MD4", "MD5"), 32),
    **dict.fromkeys(("SHA1",), 40),
    **dict.fromkeys(("SHA224", "SHA3224"), 56),
    **dict.fromkeys(("SHA256", "SHA3256", "BLAKE2B256", "STREEBOG256"), 64),
    **dict.fromkeys(("SHA384", "SHA3384", "BLAKE2B384"), 96),
    **dict.fromkeys(("SHA512", "SHA3512", "BLAKE2B512", "STREEBOG512"), 128),
}
_TIME = re.compile(
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,12})?(Z|[+-]\d{2}:\d{2})", re.ASCII | re.IGNORECASE
)
_LISTED = 100
"""Findings of one rule that are listed; more are counted."""
_SHOWN = 100  # characters of a stranger's word in a message


class Judge:
    """Findings, and what is known of identifiers."""

    def __init__(self, *, spell: Callable[[Place], str]) -> None:
        """Start without findings; `spell` writes a place out."""
        self._spell = spell
        self._findings: list[Finding] = []
        self._counts: Counter[str] = Counter()
        self._good_hashes: set[tuple[str, int]] = set()
        self._good: set[str] = set()
        self.ids: set[str] = set()
        """Identifiers that something has."""

    def found(self, rule: str, message: str, place: Place) -> None:
        """Make a finding."""
        self._counts[rule] += 1
        if self._counts[rule] <= _LISTED:
            finding = Finding(rule, Severity.WARNING, message, self._spell(place))
            self._findings.append(finding)

    def findings(self) -> list[Finding]:
        """All of them; of many by one rule, the first hundred and how many there are."""
        more = [
            Finding(rule, Severity.WARNING, f"{count - _LISTED:,} more: {RULES[rule]}")
            for rule, count in self._counts.items()
            if count > _LISTED
        ]
        return [*self._findings, *more]

    def defined(self, name: object, place: Place) -> None:
        """Something has this identifier."""
        if not isinstance(name, str):
            return
        if name in self.ids:
            self.found("duplicate-id", f"{_short(name)} is given to something else too", place)
        self.ids.add(name)

    def refers(self, name: object, place: Place) -> None:
        """Something refers to what has this identifier. Ask once all are defined."""
        if isinstance(name, str) and name not in self.ids:
            self.found("dangling-reference", f"nothing here is called {_short(name)}", place)

    def purl(self, text: object, place: Place) -> None:
        """It is stated as a package URL."""
        if isinstance(text, str) and not is_purl(text):
            self.found("bad-purl", f"{_short(text)} is no package URL", place)

    def cpe(self, text: object, place: Place) -> None:
        """It is stated as a CPE."""
        if isinstance(text, str) and not is_cpe(text):
            self.found("bad-cpe", f"{_short(text)} is no CPE name", place)

    def expression(self, text: object, place: Place) -> None:
        """It is stated as a licence expression."""
        if not isinstance(text, str) or text in self._good:
            return
        unknown, is_good = expressions.check(text)
        if is_good:
            self._good.add(text)
        elif unknown:
            named = ", ".join(_short(name) for name in unknown[:3])
            self.found("unknown-license", f"{named} is not on the SPDX licence list", place)
        else:
            message = f"{_short(text)} is no SPDX licence expression"
            self.found("bad-license-expression", message, place)

    def hash(self, algorithm: object, content: object, place: Place) -> None:
        """It is stated as a hash by this algorithm."""
        if not isinstance(algorithm, str) or not isinstance(content, str):
            return
        size = len(content)
        if (algorithm, size) in self._good_hashes:
            return
        name = algorithm.upper().replace("-", "").replace("_", "")
        wanted = _DIGITS.get(name, size)
        if size == wanted:
            self._good_hashes.add((algorithm, size))
            return
        message = f"{_short(algorithm)} gives {wanted} hexadecimal digits, here are {size}"
        self.found("hash-length", message, place)

    def time(self, text: object, place: Place) -> dt.datetime | None:
        """It is stated as a time."""
        if not isinstance(text, str):
            return None
        moment = _moment(text)
        if moment is None:
            self.found("bad-time", f"{_short(text)} is no time of RFC 3339", place)
        return moment

    def acyclic(self, edges: Mapping[str, Iterable[str]], place: Callable[[str], Place]) -> None:
        """Nothing contains itself."""
        for name in _closing(edges):
            self.found("contains-cycle", f"{_short(name)} contains itself", place(name))


def _closing(edges: Mapping[str, Iterable[str]]) -> Iterable[str]:
    """Whatever is met again on a way down from it: one for each cycle that a walk closes."""
    done: set[str] = set()
    for start in edges:
        if start in done:
            continue
        open_: set[str] = {start}
        stack = [(start, iter(edges[start]))]
        while stack:
            name, targets = stack[-1]
            for target in targets:
                if target in open_:
                    yield target
                elif target not in done and target in edges:
                    open_.add(target)
                    stack.append((target, iter(edges[target])))
                    break
            else:
                stack.pop()
                open_.discard(name)
                done.add(name)


def _moment(text: str) -> dt.datetime | None:
    if _TIME.fullmatch(text) is None:
        return None
    try:
        return dt.datetime.fromisoformat(text.upper())
    except ValueError:
        # RFC 3339 section 5.7 has leap seconds, Python has not.
        if text[17:19] == "60":
            return _moment(f"{text[:17]}59{text[19:]}")
        return None


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
