"""`Package.changed`, against what `dataclasses.replace` makes of the same fields."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from provenance.packages.package import Location, Package

NAMES = [f.name for f in fields(Package)]
WORDS: dict[str, Any] = {name: f"the {name}" for name in NAMES}
FULL = Package(**WORDS)


@pytest.mark.parametrize("name", NAMES)
def test_one_field_is_changed_and_no_other(name: str) -> None:
    before = repr(FULL)
    value: dict[str, Any] = {name: "another"}
    changed = FULL.changed(**value)
    assert changed == replace(FULL, **value)
    assert changed != FULL
    assert repr(FULL) == before


def test_several_fields_are_changed_at_once() -> None:
    place = Location("var/lib/dpkg/status")
    changed = Package("attr").changed(version="1", locations=(place,))
    assert changed == Package("attr", "1", locations=(place,))


def test_a_field_that_there_is_not_is_refused_by_its_name() -> None:
    with pytest.raises(AttributeError, match="licence"):
        FULL.changed(licence=("MIT",))


def test_what_was_changed_stays_as_it_is() -> None:
    with pytest.raises(AttributeError, match="version"):
        Package("attr").changed(version="1").version = "2"  # type: ignore[misc]
