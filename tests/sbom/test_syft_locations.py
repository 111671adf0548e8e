"""Where syft saw a package is found in the bytes of properties as it is in the decoded ones."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sbom.test_quick import assert_same

from provenance.sbom import read_sbom
from provenance.sbom.columns import Typed
from provenance.sbom.lists import Places

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provenance.packages.package import Location

LAYER = f"sha256:{'a' * 64}"
PATH = '{"name":"syft:location:0:path","value":"/x"}'


def document(*properties: str) -> bytes:
    """A component for each text of its properties, as it stands."""
    listed = ",".join(f'{{"name":"a","properties":{text}}}' for text in properties)
    return f'{{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{listed}]}}'.encode()


def paths(locations: Sequence[Location]) -> list[str]:
    return [place.path for place in locations]


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        (f"[{PATH}]", ["x"]),
        ("[]", []),
        (f'[{{"name":"a","value":"b"}},{PATH},{{"name":"c"}}]', ["x"]),
        (f'[{{"name":"a","value":"{{"}},{PATH}]', ["x"]),
        (f'[{{"name":"syft:location:","value":"syft:location:1:path"}},{PATH}]', ["x"]),
        ('[{"name":"a","value":"syft:location:0:path"}]', []),
        ('[ {\n\t"name" : "syft:location:0:path" , "value":"x"} ]', ["x"]),
        ('[{"value":"y","name":"syft:location:1:path"},' + PATH + "]", ["x", "y"]),
        ('[{"name":"\\u0073yft:location:1:path","value":"y"},' + PATH + "]", ["x", "y"]),
        ('[{"n\\u0061me":"syft:location:1:path","value":"y"},' + PATH + "]", ["x", "y"]),
        ('[{"name":"a","value":"{\\"name\\":\\"syft:location:1:path"}]', []),
        (f'[{{"name":"a","other":[{PATH}]}}]', []),
        (f'[{{"name":"a","other":{PATH}}}]', []),
        (f'[{{"other":{PATH},"name":"syft:location:1:path","value":"y"}}]', ["y"]),
        (f"[{PATH[:-1]},{PATH[1:]}]", ["x"]),
        (f'[{PATH[:-1]},"name":"a"}}]', []),
        (f"[{PATH},{PATH.replace('x', 'y')}]", ["y"]),
        (f"[7,{PATH}]", ["x"]),
        (f'["syft:location:1:path",{PATH}]', ["x"]),
        (f'["{{","syft:location:1:path",{PATH}]', ["x"]),
        (f'[{{"other":{{}},"name":"syft:location:1:path","value":"y"}},{PATH}]', ["x", "y"]),
        (f'[{{"name":"a","value":7}},{PATH}]', ["x"]),
        (f"[[{PATH}]]", []),
        (PATH, []),
        (f"{{{PATH[1:-1]}}}", []),
        ('"syft:location:0:path"', []),
        ('[{"name":"syft:location:0:path","value":null}]', []),
        ('[{"name":"syft:location:0:path"}]', [""]),
        ('[{"name":"syft:location:0:layerID","value":"x"}]', []),
        ('[{"name":"syft:location:01:path","value":"x"}]', ["x"]),
        ('[{"name":"syft:location:1234567:path","value":"x"}]', []),
    ],
)
def test_places_are_read_as_the_tolerant_reader_reads_them(
    properties: str, expected: list[str]
) -> None:
    """Beside a plain component before and behind it, whose place stays its own."""
    sbom = assert_same(document(f"[{PATH}]", properties, f"[{PATH}]"))
    assert [paths(found) for found in sbom.packages.column("locations")] == [
        ["x"],
        expected,
        ["x"],
    ]


def test_many_places_stay_with_their_packages() -> None:
    def said(*numbers: int) -> str:
        listed: list[dict[str, str]] = []
        for number in numbers:
            name = f"syft:location:{number}"
            listed += [
                {"name": f"{name}:layerID", "value": LAYER},
                {"name": f"{name}:path", "value": f"/{number}"},
            ]
        return json.dumps([{"name": "syft:cpe23", "value": "x"}, *listed, {"name": "syft:z"}])

    sbom = read_sbom(document(said(0, 1), "[]", said(2), said(10, 9), "null"))
    columns = sbom.packages._columns
    assert isinstance(columns, Typed)
    assert isinstance(columns.compact("locations"), Places)
    found = sbom.packages.column("locations")
    assert [paths(places) for places in found] == [["0", "1"], [], ["2"], ["9", "10"], []]
    assert {place.layer for places in found for place in places} == {LAYER}


_NAMES = st.sampled_from(
    [*(f"syft:location:{n}:{what}" for n in "01" for what in ("path", "layerID")), "a", "syft:x"]
)
_VALUES = st.one_of(
    st.sampled_from(["/x", "y", LAYER, '{"name":"syft:location:0:path', "syft:location:", "{ "]),
    st.text(max_size=3),
    st.none(),
)
_PROPERTY: st.SearchStrategy[Any] = st.one_of(
    st.fixed_dictionaries({"name": _NAMES, "value": _VALUES}),
    st.fixed_dictionaries({"value": _VALUES, "name": _NAMES}),
    st.fixed_dictionaries({"name": _NAMES}, optional={"value": _VALUES, "other": _VALUES}),
    st.deferred(lambda: st.fixed_dictionaries({"other": st.lists(_PROPERTY, max_size=2)})),
)
_LISTED = st.lists(st.one_of(_PROPERTY, _PROPERTY, _PROPERTY, _NAMES, _VALUES), max_size=4)
_SPELT = st.builds(
    lambda listed, indent, plain, hidden: json.dumps(
        listed,
        indent=indent,
        separators=(",", ":") if plain else (" , ", " : "),
    ).replace("s" if hidden else "\0", "\\u0073"),
    _LISTED,
    st.sampled_from([None, 1]),
    st.booleans(),
    st.sampled_from([False, False, True]),
)


@given(st.lists(_SPELT, max_size=4))
def test_any_properties_are_read_the_same_both_ways(properties: list[str]) -> None:
    assert_same(document(*properties))
