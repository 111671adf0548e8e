"""What both documents say in the same bytes is compared undecoded: the diff is that of the values.

The values are the tolerant reader's, which decides what a document means.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sbom.test_quick import real_documents

import provenance as pv
from provenance.errors import ProvenanceError
from provenance.sbom import read_sbom
from provenance.sbom.columns import Typed
from provenance.sbom.reading import _read_whole

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from provenance.sbom import Diff

BASE, TOP = (f"sha256:{letter * 64}" for letter in "ab")


def assert_same(old: bytes, new: bytes) -> Diff:
    """Both ways tell the same changes, in the same order, with the same values."""
    slow = pv.diff_sboms(_read_whole(old, ()), _read_whole(new, ()))
    quick = pv.diff_sboms(read_sbom(old), read_sbom(new))
    assert quick.unchanged == slow.unchanged
    assert [c.cells() for c in quick] == [c.cells() for c in slow]
    assert [c.to_dict() for c in quick] == [c.to_dict() for c in slow]
    assert [(c.old, c.new) for c in quick] == [(c.old, c.new) for c in slow]
    assert [(c.old_row, c.new_row) for c in quick] == [(c.old_row, c.new_row) for c in slow]
    return pv.diff_sboms(read_sbom(old), read_sbom(new))


def cyclonedx(*components: Any, version: str = "1.6") -> bytes:
    return json.dumps(
        {"bomFormat": "CycloneDX", "specVersion": version, "components": components}
    ).encode()


def component(purl: str, **fields: Any) -> dict[str, Any]:
    name, _, version = purl.rpartition("/")[2].partition("?")[0].partition("@")
    return {"type": "library", "name": name, "version": version, "purl": purl, **fields}


def seen(*places: tuple[str, str], first: int = 0) -> dict[str, Any]:
    """Properties as syft writes them: paths and layers."""
    properties = [{"name": "syft:package:foundBy", "value": "x"}]
    for number, (path, layer) in enumerate(places, first):
        for what, value in (("layerID", layer), ("path", path)):
            properties.append({"name": f"syft:location:{number}:{what}", "value": value})
    return {"properties": properties}


HASH = {"hashes": [{"alg": "SHA-256", "content": "ab"}]}
OTHER_HASH = {"hashes": [{"alg": "SHA-256", "content": "cd"}]}
MIT, ISC = ({"licenses": [{"license": {"id": name}}]} for name in ("MIT", "ISC"))
FULL = component("pkg:npm/a@1", **HASH, **MIT, **seen(("/x", BASE)))


def test_what_both_say_in_the_same_bytes_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, list[int]]] = []
    some = Typed.some

    def watched(self: Typed, field: str, rows: Sequence[int]) -> Sequence[Any]:
        asked.append((field, list(rows)))
        return some(self, field, rows)

    monkeypatch.setattr(Typed, "some", watched)
    old = read_sbom(cyclonedx(FULL, component("pkg:npm/b@1", **HASH, **MIT, **seen(("/x", BASE)))))
    new = read_sbom(cyclonedx(component("pkg:npm/b@1", **OTHER_HASH, **MIT), FULL))
    found = pv.diff_sboms(old, new)
    assert found.unchanged == 1
    assert [c.kind for c in found] == ["rehashed"]
    assert asked == [("hashes", [1]), ("hashes", [0]), ("locations", [1]), ("locations", [0])]
    for side in (old, new):
        columns = side.packages._columns
        assert isinstance(columns, Typed)
        assert not columns._taken.keys() & {"hashes", "licenses", "locations"}


def test_one_field_that_differs_is_told_beside_those_that_do_not() -> None:
    for changed, kind in (
        ({**FULL, **OTHER_HASH}, "rehashed"),
        ({**FULL, **ISC}, "relicensed"),
        ({**FULL, "purl": "pkg:npm/a@2", "version": "2"}, "upgraded"),
    ):
        found = assert_same(cyclonedx(FULL), cyclonedx(changed))
        assert [c.kind for c in found] == [kind]


def test_a_move_is_told_by_layers_that_unchanged_packages_name() -> None:
    """That the image still has the layer is known from a package that did not change."""
    stays = component("pkg:npm/stays@1", **seen(("/y", BASE)))
    moves = component("pkg:npm/moves@1", **seen(("/x", BASE)))
    moved = component("pkg:npm/moves@1", **seen(("/x", TOP)))
    found = assert_same(cyclonedx(stays, moves), cyclonedx(stays, moved))
    assert [(c.kind, c.name) for c in found] == [("moved", "moves")]
    assert not assert_same(cyclonedx(moves), cyclonedx(moved))
    above = component("pkg:npm/stays@1", **seen(("/y", TOP)))
    found = assert_same(cyclonedx(above, moves), cyclonedx(above, moved))
    assert [(c.kind, c.name) for c in found] == [("moved", "moves")]


def test_other_bytes_that_say_the_same_are_no_change() -> None:
    spelt = cyclonedx(FULL).replace(b'"content": "ab"', b'"content":  "\\u0061b"')
    assert b"\\u0061" in spelt
    found = assert_same(cyclonedx(FULL), spelt)
    assert (found.ok, found.unchanged) == (True, 1)


def test_the_same_package_twice_is_matched_by_where_it_is() -> None:
    first, second = (component("pkg:npm/a@1", **seen((path, BASE)), **HASH) for path in "xy")
    found = assert_same(cyclonedx(first, second), cyclonedx(second, {**first, **OTHER_HASH}))
    assert [(c.kind, c.old_row, c.new_row) for c in found] == [("rehashed", 0, 1)]


def test_an_odd_value_elsewhere_changes_nothing() -> None:
    odd = component("pkg:npm/odd@1", hashes=[7], licenses=7, properties=[7], evidence=7)
    found = assert_same(cyclonedx(FULL, odd), cyclonedx({**FULL, **OTHER_HASH}))
    assert [c.kind for c in found] == ["removed", "rehashed"]
    found = assert_same(
        cyclonedx(FULL), cyclonedx({**FULL, "hashes": [*OTHER_HASH["hashes"], 7]}, odd)
    )
    assert [c.kind for c in found] == ["added", "rehashed"]


def test_licences_that_one_document_alone_states_are_no_change() -> None:
    found = assert_same(cyclonedx(FULL), cyclonedx({**FULL, "licenses": []}))
    assert found.ok


def spdx(*packages: Any, text: str = "be good") -> bytes:
    """Packages named `a`, `b`, ... of version 1, with the fields given, and a licence's text."""
    listed = []
    for name, fields in zip("abcdef", packages, strict=False):
        refs = [{"referenceType": "purl", "referenceLocator": f"pkg:npm/{name}@1"}]
        listed.append({"name": name, "versionInfo": "1", "externalRefs": refs, **fields})
    terms = [{"licenseId": "LicenseRef-1", "extractedText": text, "name": text}]
    return json.dumps(
        {"spdxVersion": "SPDX-2.3", "packages": listed, "hasExtractedLicensingInfos": terms}
    ).encode()


def test_a_reference_to_a_licence_means_what_its_own_document_says() -> None:
    referring = {"licenseDeclared": "LicenseRef-1"}
    found = assert_same(spdx(referring), spdx(referring, text="be careful"))
    assert [c.kind for c in found] == ["relicensed"]


def test_of_spdx_other_checksums_alone_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (
        {"checksums": [{"algorithm": "SHA256", "checksumValue": value}]} for value in ("ab", "cd")
    )
    asked: list[tuple[str, list[int]]] = []
    some = Typed.some

    def watched(self: Typed, field: str, rows: Sequence[int]) -> Sequence[Any]:
        asked.append((field, list(rows)))
        return some(self, field, rows)

    monkeypatch.setattr(Typed, "some", watched)
    old, new = spdx(first, first, first), spdx(first, second, first)
    found = pv.diff_sboms(read_sbom(old), read_sbom(new))
    assert [(c.kind, c.name) for c in found] == [("rehashed", "b")]
    assert [c.cells()[3:5] for c in found] == [("sha256:ab", "sha256:cd")]
    assert ("hashes", [1]) in asked
    assert all(rows == [1] for field, rows in asked if field == "hashes")
    assert_same(old, new)


@given(st.data())
def test_any_two_spdx_documents_differ_the_same_both_ways(data: st.DataObject) -> None:
    said = st.fixed_dictionaries(
        {},
        optional={
            "checksums": st.sampled_from(
                [
                    [{"algorithm": "SHA1", "checksumValue": "ab"}],
                    [{"algorithm": "SHA1", "checksumValue": "cd"}],
                    [{"algorithm": "SHA1"}],
                    [],
                    None,
                    [7],
                ]
            ),
            "licenseDeclared": st.sampled_from(["MIT", "LicenseRef-1", "NOASSERTION", 7]),
            "versionInfo": st.sampled_from(["1", "2"]),
        },
    )
    old, new = (data.draw(st.lists(said, max_size=4)) for _ in range(2))
    texts = st.sampled_from(["be good", "be careful"])
    assert_same(spdx(*old, text=data.draw(texts)), spdx(*new, text=data.draw(texts)))


def test_equal_bytes_of_another_format_say_something_else() -> None:
    """Both ways of writing hashes are empty of what the other calls them."""
    refs = [{"referenceType": "purl", "referenceLocator": "pkg:npm/a@1"}]
    of_spdx = {"name": "a", "versionInfo": "1", "externalRefs": refs}
    listed = [{"alg": "SHA-256", "content": "ab", "algorithm": "SHA256", "checksumValue": "cd"}]
    found = assert_same(
        cyclonedx({**component("pkg:npm/a@1"), "hashes": listed}),
        spdx({**of_spdx, "checksums": listed}),
    )
    assert [c.kind for c in found] == ["rehashed"]


_PLACES = st.lists(
    st.tuples(st.sampled_from(["/x", "y", "/z"]), st.sampled_from([BASE, TOP, "?"])), max_size=2
)
_SAID: dict[str, st.SearchStrategy[Any]] = {
    "version": st.sampled_from(["1", "2", "2.0", ""]),
    "purl": st.sampled_from(["", "pkg:npm/a@1", "pkg:npm/a@2", "pkg:npm/b@1", "pkg:npm/b@1?a=b"]),
    "hashes": st.sampled_from([HASH["hashes"], OTHER_HASH["hashes"], [], None, [{"alg": "MD5"}]]),
    "licenses": st.sampled_from([MIT["licenses"], ISC["licenses"], [], None, [{}], 7]),
    "properties": st.one_of(
        st.builds(lambda places: seen(*places)["properties"], _PLACES),
        st.sampled_from([None, [], [{"name": "syft:location:0:path"}], [7]]),
    ),
    "evidence": st.sampled_from([None, {"occurrences": [{"location": "/e"}]}, {}]),
}
_COMPONENTS = st.fixed_dictionaries({"name": st.sampled_from(["a", "b"])}, optional=_SAID)
_EDITS = st.one_of(
    st.none(),
    st.just({}),
    st.sampled_from(sorted(_SAID)).flatmap(lambda key: st.fixed_dictionaries({key: _SAID[key]})),
)


@given(st.data())
def test_any_two_releases_differ_the_same_both_ways(data: st.DataObject) -> None:
    """Of a later release components are gone, come, in another order, or another in one field."""
    old = data.draw(st.lists(_COMPONENTS, max_size=6))
    new = [{**one, **edit} for one in old if (edit := data.draw(_EDITS)) is not None]
    new = data.draw(st.permutations([*new, *data.draw(st.lists(_COMPONENTS, max_size=2))]))
    version = data.draw(st.sampled_from(["1.6", "1.4"]))
    assert_same(cyclonedx(*old), cyclonedx(*new, version=version))


@pytest.mark.corpus
def test_any_two_real_documents_differ_the_same_both_ways(corpus: Path) -> None:
    """Each beside the next, and beside itself with a part of its bytes changed."""
    readable = []
    for _, raw in real_documents(corpus):
        try:
            _read_whole(raw, ())
        except ProvenanceError:
            continue
        readable.append(raw)
    assert len(readable) > 300
    for raw, following in pairwise(readable):
        assert_same(raw, following)
        assert assert_same(raw, raw).ok
        for word, other in ((b"MIT", b"ISC"), (b"1.", b"2."), (b"a", b"b")):
            at = raw.rfind(word)
            changed = raw[:at] + other + raw[at + len(word) :]
            try:
                _read_whole(changed, ())
            except ProvenanceError:
                continue
            assert_same(raw, changed)
