"""`Licenses`: what the packages of a document may be used under, and whether that is allowed."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, Any

from provenance.display.html import ROWS
from provenance.display.html import document as html_document
from provenance.findings import Finding, Report, Severity
from provenance.packages.expressions import AND, OR
from provenance.packages.license_rules import LicenseRules, Ruling
from provenance.packages.licenses import is_spdx, normalise
from provenance.sbom.rows import Packages
from provenance.sbom.same_purls import split_purl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pandas as pd
    from rich.table import Table

    from provenance.packages.package import Package

__all__ = ["UNSTATED", "Licenses"]

UNSTATED = "NOASSERTION"
"""SPDX's word for: nothing is stated."""
_UNSAID = frozenset({UNSTATED, ""})
_COLUMNS = ("licence", "packages", "known")
_NAMES = 200  # characters of a name in a message


class Licenses:
    """The licences of packages as normalised SPDX expressions. `len()` counts different ones."""

    def __init__(self, packages: Iterable[Package]) -> None:
        """Look at `packages`; nothing is read before it is asked for."""
        self._packages = packages if isinstance(packages, Packages) else Packages(packages)

    @cached_property
    def _lists(self) -> Sequence[tuple[str, ...]]:
        """What each package states, in order."""
        return self._packages.column("licenses")

    @cached_property
    def _stated(self) -> Mapping[tuple[str, ...], tuple[str, ...]]:
        """Each list of licences that a package has, normalised."""
        return {listed: _normalised(listed) for listed in set(self._lists)}

    def of(self, package: Package) -> str:
        """The one expression for all licences of a package; words that are none stay words."""
        return _expression(_normalised(package.licenses))

    def summary(self) -> dict[str, int]:
        """How many packages are under each expression, most first; `NOASSERTION`: none stated."""
        found: Counter[str] = Counter()
        for listed, count in Counter(self._lists).items():
            found[_expression(self._stated[listed])] += count
        return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))

    @property
    def unknown(self) -> Packages:
        """Packages of which no listed licence is known in full: words, LicenseRefs, nothing."""
        known = {listed: _known(stated) for listed, stated in self._stated.items()}
        rows = [row for row, listed in enumerate(self._lists) if not known[listed]]
        return Packages([self._packages[row] for row in rows])

    def check(
        self,
        *,
        allow: Iterable[str] | None = None,
        deny: Iterable[str] = (),
        exceptions: Mapping[str, str] | None = None,
    ) -> Report:
        """Whether every package is under licences that may be used.

        `OR` needs one side, `AND` both; `-or-later` and `+` are a choice of that version and later
        ones; a licence with an exception may be used where the licence may. Of what is declared
        and what somebody concluded the worse counts, but where only the conclusion is known. What
        no list knows is a finding always: an error where there is a list of allowed ones, else a
        warning.

        Args:
            allow: the only licences that may be used, as SPDX identifiers, identifiers with an
                exception, patterns (`BSD-*`) or exactly the words that packages state.
            deny: licences that may not, in the same spellings.
            exceptions: package, by purl (without qualifiers, version, or whole) or name, to the
                reason for which it may be used all the same.

        Returns:
            Findings `license-denied`, `license-not-allowed`, `license-unknown`,
            `license-excepted` (with the reason), `exception-unused`, and `entry-unknown`: an entry
            is no licence of any list, and no package states it, so it may be misspelled.

        Raises:
            UnsupportedFormat: an entry is a compound expression.
        """
        rules = LicenseRules.of(allow=allow, deny=deny)
        excepted = dict(exceptions or {})
        concluded = self._packages.column("concluded")
        both = list(zip(self._lists, concluded, strict=True))
        rulings = {pair: _ruling(rules, *pair) for pair in set(both)}
        found: list[Finding] = []
        used: set[str] = set()
        for row, pair in enumerate(both):
            ruling = rulings[pair]
            if ruling is Ruling.ALLOWED:
                continue
            package = self._packages[row]
            key = next((name for name in _names(package) if name in excepted), None)
            if key is not None:
                used.add(key)
            reason = None if key is None else excepted[key]
            found.append(self._finding(package, ruling, rules, reason))
        found += [_unused(name) for name in excepted if name not in used]
        words = {normalise(text) for pair in rulings for listed in pair for text in listed}
        found += [_misspelled(entry) for entry in rules.unknown if entry not in words]
        return Report(tuple(found))

    def _finding(
        self, package: Package, ruling: Ruling, rules: LicenseRules, reason: str | None
    ) -> Finding:
        name = f"{package.name} {package.version}".strip()[:_NAMES]
        stated = self.of(package)
        said = "states no licence" if stated == UNSTATED else f"is under {stated[:_NAMES]}"
        concluded = _expression(_normalised(package.concluded))
        if concluded not in (stated, UNSTATED):
            said += f", concluded to be {concluded[:_NAMES]}"
        where = package.locations[0].path if package.locations else ""
        if reason is not None:
            message = f"{name} {said}; excepted: {reason}"
            return Finding("license-excepted", Severity.INFO, message, where)
        if ruling is Ruling.UNKNOWN:
            severity = Severity.WARNING if rules.allow is None else Severity.ERROR
            known = "" if stated == UNSTATED else ", which neither list knows"
            return Finding("license-unknown", severity, f"{name} {said}{known}", where)
        rule, why = _REFUSED[ruling]
        return Finding(rule, Severity.ERROR, f"{name} {said}, which is {why}", where)

    def to_pandas(self) -> pd.DataFrame:
        """A data frame, one row an expression.

        Raises:
            UnsupportedFormat: pandas is not installed.
        """
        from provenance.sbom.tables import needed

        rows = [(text, count, _known((text,))) for text, count in self.summary().items()]
        frame: pd.DataFrame = needed("pandas", extra="pandas").DataFrame(
            rows, columns=["license", "packages", "known"]
        )
        return frame

    def __len__(self) -> int:
        return len(self.summary())

    def __iter__(self) -> Iterator[str]:
        return iter(self.summary())

    def __repr__(self) -> str:
        return f"Licenses({len(self):,} of {len(self._packages):,} packages)"

    def rows(self, limit: int | None = None) -> list[tuple[str, str, str]]:
        """Expression, how many packages, and whether it is known, for the first `limit`."""
        listed = list(self.summary().items())[:limit]
        return [(text, f"{count:,}", "yes" if _known((text,)) else "no") for text, count in listed]

    @property
    def columns(self) -> Sequence[str]:
        """What the cells of `rows` are."""
        return _COLUMNS

    def _repr_html_(self) -> str:
        """Counts and twenty licences, for notebooks."""
        facts = {
            "Packages": f"{len(self._packages):,}",
            "Licences": f"{len(self):,}",
            "Unknown": f"{len(self.unknown):,} packages",
        }
        return html_document("Licences", facts, _COLUMNS, self.rows(ROWS), total=len(self))

    def __rich__(self) -> Table:
        """A table of twenty licences, for terminals."""
        from provenance.display.terminal import grid

        more = f" (first {ROWS})" if len(self) > ROWS else ""
        title = f"{len(self):,} licences of {len(self._packages):,} packages{more}"
        return grid(_COLUMNS, self.rows(ROWS), title=title)


_REFUSED: dict[Any, tuple[str, str]] = {
    Ruling.DENIED: ("license-denied", "denied"),
    Ruling.NOT_ALLOWED: ("license-not-allowed", "not on the list of allowed ones"),
}


def _normalised(listed: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(t for text in listed if (t := normalise(text)) not in _UNSAID))


def _ruling(rules: LicenseRules, listed: tuple[str, ...], concluded: tuple[str, ...]) -> Ruling:
    """Of licences as a package has them: those declared, and those somebody concluded."""
    found = _worst(rules, listed)
    if not _normalised(concluded) or concluded == listed:
        return found
    looked_at = _worst(rules, concluded)
    return looked_at if found is Ruling.UNKNOWN else min(found, looked_at)


def _worst(rules: LicenseRules, listed: tuple[str, ...]) -> Ruling:
    """All of a list apply; one that is not known may be any."""
    found = [rules.judge(text) for text in _normalised(listed)]
    if any(normalise(text) == UNSTATED for text in listed):
        found.append(Ruling.UNKNOWN)
    return min(found, default=Ruling.UNKNOWN)


def _expression(stated: tuple[str, ...]) -> str:
    if len(stated) < 2:
        return stated[0] if stated else UNSTATED
    parts = [f"({text})" if f" {OR} " in text or f" {AND} " in text else text for text in stated]
    joined = f" {AND} ".join(parts)
    return normalise(joined)


def _known(stated: tuple[str, ...]) -> bool:
    """Whether every licence is one of SPDX' list."""
    return bool(stated) and all(is_spdx(text) and "LicenseRef-" not in text for text in stated)


def _names(package: Package) -> Iterator[str]:
    """What an exception may call a package, the most exact first."""
    if package.purl:
        yield package.purl
        yield package.purl.partition("#")[0].partition("?")[0]
        yield split_purl(package.purl)[0]
    yield package.name


def _unused(name: str) -> Finding:
    message = f"the exception for {name[:_NAMES]} is not needed by any package"
    return Finding("exception-unused", Severity.INFO, message)


def _misspelled(entry: str) -> Finding:
    message = f"{entry[:_NAMES]!r} is no licence of SPDX' list, and no package states it"
    return Finding("entry-unknown", Severity.WARNING, message)
