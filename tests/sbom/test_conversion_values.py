"""Values that one schema takes and another does not, and lists that say nothing: they return."""

from __future__ import annotations

from typing import Any

import pytest
from tests.sbom.test_conversion import read, restored, unordered


def document(**said: Any) -> dict[str, Any]:
    return {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, **said}


@pytest.mark.parametrize("target", ["cyclonedx-1.4", "cyclonedx-1.6", "cyclonedx-1.7-xml"])
@pytest.mark.parametrize("listed", [[], [{}], [{"value": "1"}], [{"name": "theirs"}]])
def test_properties_return_beside_what_is_carried(listed: list[Any], target: str) -> None:
    """Since 1.6 each has to have a name; the call stack is what XML and 1.4 have no field for."""
    stack = {"evidence": {"callstack": {"frames": [{"module": "m"}]}}}
    component = {"type": "library", "name": "a", "properties": listed, **stack}
    before = document(metadata={"properties": listed}, components=[component])
    assert [f for f in read(before).validate() if f.rule == "schema"] == []
    assert restored(before, target) == unordered(before)


@pytest.mark.parametrize("target", ["cyclonedx-1.4-xml", "cyclonedx-1.6-xml", "cyclonedx-1.7-xml"])
@pytest.mark.parametrize("url", ["a[b", ":", "%zz", "a#b#c", "https://example.org/a b"])
def test_the_address_of_a_source_is_one_in_xml_or_carried(url: str, target: str) -> None:
    source = {"name": "somebody", "url": url}
    found = {"id": "1", "source": source, "references": [{"id": "2", "source": source}]}
    before = document(vulnerabilities=[{**found, "ratings": [{"source": source}]}])
    assert [f for f in read(before).validate() if f.rule == "schema"] == []
    assert restored(before, target) == unordered(before)


@pytest.mark.parametrize("target", ["cyclonedx-1.5-xml", "cyclonedx-1.6-xml", "cyclonedx-1.7-xml"])
@pytest.mark.parametrize("key", ["dependencies", "vulnerabilities"])
def test_a_composition_of_something_without_a_name_returns(key: str, target: str) -> None:
    before = document(compositions=[{"aggregate": "complete", key: ["", "a"]}])
    assert [f for f in read(before).validate() if f.rule == "schema"] == []
    assert restored(before, target) == unordered(before)
