"""One package out of several records of it: lists are joined, and what contradicts is named."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from provenance.packages.package import Package
from provenance.sbom.comparing.diff import same_licenses

__all__ = ["Unified", "identity"]

_IDENTITY = frozenset({"id", "name", "version", "type", "purl"})
_FIELDS = tuple(f.name for f in dataclasses.fields(Package) if f.name not in _IDENTITY)
_ALTERNATIVES = frozenset({"licenses", "stated_licenses", "concluded"})  # all of a list apply


def identity(package: Package) -> tuple[str, ...]:
    """What records of one package agree in."""
    if package.purl:
        return (package.purl,)
    return package.type, package.name, package.version, package.kind


class Unified:
    """Grows with every record; what the first one says stands."""

    def __init__(self, first: Package) -> None:
        """Begin with one record."""
        self._first = first
        self._fields: dict[str, Any] = {}
        self._lists: dict[str, dict[Any, None]] = {}

    def contradicts(self, other: Package) -> bool:
        """Whether `other` has different bytes, and so is another package whatever it is called."""
        hashes = self._value("hashes")
        return any(
            algorithm in hashes and hashes[algorithm].lower() != value.lower()
            for algorithm, value in other.hashes.items()
        )

    def add(self, other: Package) -> list[str]:
        """Take what `other` adds; returned are the fields of it that contradict."""
        left = []
        for name in _FIELDS:
            here, there = self._value(name), getattr(other, name)
            if here == there or not there or isinstance(here, bool):
                continue
            if name in _ALTERNATIVES:
                if not here:
                    self._fields[name] = there
                elif not same_licenses(here, there):
                    left.append(name)
            elif isinstance(there, tuple):
                self._lists.setdefault(name, dict.fromkeys(here)).update(dict.fromkeys(there))
            elif isinstance(there, Mapping):
                self._fields[name] = {**there, **here}
            elif here:
                left.append(name)
            else:
                self._fields[name] = there
        return left

    def _value(self, name: str) -> Any:
        """As far as it is known; of a list that has grown, its beginning."""
        return self._fields[name] if name in self._fields else getattr(self._first, name)

    def package(self, own: str) -> Package:
        """The package, under an identifier of its own."""
        changes: dict[str, Any] = {**self._fields, "id": own}
        changes |= {name: tuple(values) for name, values in self._lists.items()}
        return dataclasses.replace(self._first, **changes)
