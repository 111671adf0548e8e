"""An edit changes what it names; every other leaf, and in JSON every other byte, stays."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sbom.test_conversion import CYCLONEDX, SPDX

from provenance.errors import NotFound, UnsupportedFormat
from provenance.sbom import Sbom, read_sbom
from provenance.sbom.editing.splicing import REMOVE, Edit, edited_text, edited_value

if TYPE_CHECKING:
    from collections.abc import Iterator

WHEN = dt.datetime(2027, 5, 6, 7, 8, 9, tzinfo=dt.UTC)
FORMATS = ("cyclonedx", "spdx-2.3", "spdx-3.0")


def text_of(document: dict[str, Any]) -> bytes:
    """JSON that nobody would write so: odd blanks, escapes, a key and a number of its own."""
    raw = json.dumps(document, indent=3, ensure_ascii=True)
    return raw.replace('": ', '"\t :  ').replace("\n", "\r\n").encode() + b"\n\n"


def documents() -> dict[str, Sbom]:
    cyclonedx = json.loads(json.dumps(CYCLONEDX)) | {"unknown": {"kept": [1.50, None, "\u00e9"]}}
    return {
        "cyclonedx": read_sbom(text_of(cyclonedx)),
        "spdx-2.3": read_sbom(text_of(SPDX | {"unknown": {"kept": ["\u00e9"]}})),
        "spdx-3.0": read_sbom(SPDX_3),
    }


SPDX_3 = read_sbom(json.dumps(SPDX).encode()).to_bytes("spdx-3.0")


def leaves(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, (*at, key))
    elif isinstance(value, list) and value:
        for number, inner in enumerate(value):
            yield from leaves(inner, (*at, number))
    else:
        yield at, repr(value)


def changed(before: bytes, after: bytes) -> set[tuple[Any, ...]]:
    a, b = (dict(leaves(json.loads(raw))) for raw in (before, after))
    return {path for path in a.keys() | b.keys() if a.get(path) != b.get(path)}


def assert_only_between(before: bytes, after: bytes, old: bytes, new: bytes) -> None:
    """That `after` is `before` with `old` replaced by `new`, at one place."""
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    assert before[start : len(before) - end] in old
    assert after[start : len(after) - end] in new


@pytest.mark.parametrize("name", FORMATS)
def test_a_version_changes_one_leaf_and_no_other_byte(name: str) -> None:
    before = documents()[name]
    after = before.with_metadata(version="9.9")
    path = {
        "cyclonedx": ("metadata", "component", "version"),
        "spdx-2.3": ("packages", 0, "versionInfo"),
    }
    found = changed(before.to_bytes(), after.to_bytes())
    assert found == {path[name]} if name in path else len(found) == 1
    assert after.format is before.format
    assert after.subject is not None
    assert after.subject.version == "9.9"
    assert_only_between(before.to_bytes(), after.to_bytes(), b'"1"', b'"9.9"')


def test_every_keyword_sets_its_field_in_cyclonedx() -> None:
    before = documents()["cyclonedx"]
    after = before.with_metadata(
        name="new",
        version="2",
        supplier="Acme",
        authors=["Eve <eve@example.org>", "Mallory"],
        created=WHEN,
        tools=["scanner 3.1"],
    )
    metadata = json.loads(after.to_bytes())["metadata"]
    assert (metadata["component"]["name"], metadata["component"]["version"]) == ("new", "2")
    assert metadata["supplier"] == {"name": "Acme"}
    assert metadata["authors"] == [{"name": "Eve", "email": "eve@example.org"}, {"name": "Mallory"}]
    assert metadata["timestamp"] == "2027-05-06T07:08:09Z"
    assert (after.tools, after.created) == (("scanner 3.1",), WHEN)
    assert all(
        path[0] == "metadata" and path[1] != "lifecycles"
        for path in changed(before.to_bytes(), after.to_bytes())
    )
    assert [f for f in after.validate() if f.rule == "schema" and "unknown" not in f.message] == []


def test_every_keyword_sets_its_field_in_spdx() -> None:
    before = documents()["spdx-2.3"]
    after = before.with_metadata(
        name="new", supplier="Acme", authors=["Eve <eve@example.org>"], created=WHEN, tools=["t 1"]
    )
    document = json.loads(after.to_bytes())
    assert document["packages"][0]["name"] == "new"
    assert document["packages"][0]["supplier"] == "Organization: Acme"
    assert document["creationInfo"]["creators"] == ["Person: Eve (eve@example.org)", "Tool: t-1"]
    assert document["creationInfo"]["created"] == "2027-05-06T07:08:09Z"
    kept = {("packages", 0, "name"), ("packages", 0, "supplier")}
    assert {
        path for path in changed(before.to_bytes(), after.to_bytes()) if path[0] != "creationInfo"
    } == kept


def test_nothing_to_set_is_nothing_changed() -> None:
    for sbom in documents().values():
        assert sbom.with_metadata().to_bytes() == sbom.to_bytes()
        if b"provenance:rest" not in sbom.to_bytes():
            assert sbom.redact(packages=["pkg:npm/nobody@1"]).to_bytes() == sbom.to_bytes()


def test_metadata_is_made_where_there_is_none() -> None:
    sbom = read_sbom(b'{"bomFormat":"CycloneDX","specVersion":"1.6"}')
    after = sbom.with_metadata(name="app", supplier="Acme", created=WHEN)
    assert json.loads(after.to_bytes())["metadata"] == {
        "component": {"type": "application", "name": "app"},
        "supplier": {"name": "Acme"},
        "timestamp": "2027-05-06T07:08:09Z",
    }


def test_a_version_of_nothing_is_refused() -> None:
    with pytest.raises(NotFound, match="describes no one package"):
        read_sbom(b'{"bomFormat":"CycloneDX","specVersion":"1.6"}').with_metadata(version="1")


def test_what_spdx_3_keeps_apart_is_refused() -> None:
    with pytest.raises(UnsupportedFormat, match="elements of their own"):
        documents()["spdx-3.0"].with_metadata(supplier="Acme")


def test_a_package_goes_with_every_edge_to_it() -> None:
    before = documents()["cyclonedx"]
    after = before.redact(packages=["right"])
    raw = after.to_bytes()
    assert {p.name for p in after.packages} == {p.name for p in before.packages} - {"right"}
    document = json.loads(raw)
    assert document["dependencies"] == [
        {"ref": "root", "dependsOn": ["pkg:npm/left@1"]},
        {"ref": "pkg:npm/left@1", "dependsOn": ["inner"]},
        {"ref": "s", "dependsOn": []},
    ]
    assert document["vulnerabilities"][0]["affects"] == []
    assert b'"right"' not in raw
    assert document["unknown"] == json.loads(before.to_bytes())["unknown"]


@pytest.mark.parametrize("name", ["spdx-2.3", "spdx-3.0"])
def test_a_package_of_spdx_goes_with_every_edge_to_it(name: str) -> None:
    after = documents()[name].redact(packages=lambda p: p.name == "right")
    assert [p.name for p in after.packages if p.name == "right"] == []
    assert b"SPDXRef-right" not in after.to_bytes()


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    ("field", "secret"),
    [
        ("author", b'"Acme"'),
        ("supplier", b"Ada"),
        ("licenses", b"Do as you like"),
        ("copyright", b"(c) Acme"),
        ("purl", b"pkg:npm/"),
        ("hashes", b"a" * 40),
        ("description", b"left of it all"),
        ("homepage", b"acme.example/left"),
    ],
)
def test_a_field_goes_from_every_package(name: str, field: str, secret: bytes) -> None:
    before = documents()[name]
    after = before.redact(fields=[field])
    for package in after.packages:
        assert getattr(package, field) in ("", (), {}), package
    if (name, field) in {
        *(("cyclonedx", x) for x in ("copyright", "description", "licenses", "hashes")),
        *(("spdx-2.3", x) for x in ("copyright", "description", "licenses", "hashes", "purl")),
        *(("spdx-3.0", x) for x in ("copyright", "description", "licenses", "hashes", "author")),
    }:
        assert secret not in after.to_bytes()


def test_elements_of_any_shape_are_passed_over() -> None:
    document = json.loads(SPDX_3)
    document["@graph"] += [{"type": "Person", "spdxId": {}}, {"type": [], "name": []}, 7, [{}]]
    after = read_sbom(json.dumps(document).encode()).redact(
        fields=["supplier", "licenses"], paths="a/**", packages=["x"], properties="y"
    )
    assert {"type": "Person", "spdxId": {}} in json.loads(after.to_bytes())["@graph"]


def test_paths_go_from_files_and_places() -> None:
    document = json.loads(json.dumps(CYCLONEDX))
    document["components"][2]["evidence"] = {
        "occurrences": [{"location": "/root/secret/a"}, {"location": "usr/lib/b"}]
    }
    document["components"][2]["properties"] = [
        {"name": "provenance:location:0:path", "value": "/root/secret/a"},
        {"name": "internal:ticket", "value": "42"},
    ]
    document["components"].append({"type": "file", "bom-ref": "f", "name": "root/.ssh/id"})
    after = read_sbom(text_of(document)).redact(paths="root/**", properties="internal:*")
    assert b"root/" not in after.to_bytes()
    assert b"internal" not in after.to_bytes()
    assert b"usr/lib/b" in after.to_bytes()


def test_what_is_carried_from_another_format_is_redacted_too() -> None:
    converted = read_sbom(json.dumps(CYCLONEDX).encode()).convert("spdx-2.3")[0]
    assert b"provenance:rest" in converted.to_bytes()
    after = converted.redact(fields=["supplier"])
    assert b"provenance:rest" not in after.to_bytes()
    assert b'https://acme.example"' not in after.to_bytes()


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValueError, match="'colour' is no field"):
        documents()["cyclonedx"].redact(fields=["colour"])


def test_xml_is_edited_where_all_of_it_is_written_again() -> None:
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "a", "version": "1"}},
        "components": [{"type": "library", "bom-ref": "b", "name": "b"}],
    }
    xml = read_sbom(json.dumps(document).encode()).convert("cyclonedx-1.6-xml")[0]
    after = xml.with_metadata(version="2")
    assert after.subject is not None
    assert (after.subject.version, [p.name for p in after.packages]) == ("2", ["b"])
    assert after.validate().ok
    odd = xml.to_bytes().replace(b"</bom>", b"<odd><a x='1'/></odd></bom>")
    with pytest.raises(UnsupportedFormat, match="would not say all"):
        read_sbom(odd).with_metadata(version="2")


def test_utf_16_stays_utf_16() -> None:
    for encoding, mark in (("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff")):
        text = json.dumps(CYCLONEDX | {"x": "\u00e9\U0001f600"}, ensure_ascii=False)
        after = read_sbom(mark + text.encode(encoding)).with_metadata(version="9.9")
        found = after.to_bytes().removeprefix(mark).decode(encoding)
        assert found == text.replace(
            '"name": "app", "version": "1"', '"name": "app", "version": "9.9"'
        )


def test_what_github_exports_is_edited_in_place() -> None:
    raw = json.dumps({"sbom": SPDX}).encode()
    after = read_sbom(raw).with_metadata(version="9.9").to_bytes()
    assert after == raw.replace(b'"versionInfo": "1"', b'"versionInfo": "9.9"')


def test_a_key_that_is_no_text_is_passed_over() -> None:
    raw = b'{"\xff": 1, "a": 1}'
    assert edited_text(raw, [Edit(("a",), 2)]) == b'{"\xff": 1, "a": 2}'


def test_the_last_of_a_key_that_is_there_twice_counts() -> None:
    raw = b'{"a": 1, "a": 2, "b": 3}'
    assert edited_text(raw, [Edit(("a",), 9)]) == b'{"a": 1, "a": 9, "b": 3}'
    assert edited_text(raw, [Edit(("a",), REMOVE)]) == b'{"b": 3}'


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=4), inner, max_size=5)
    ),
    max_leaves=25,
)


def paths_of(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if at:
        yield at
    if isinstance(value, (dict, list)):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from paths_of(inner, (*at, key))


@given(json_values, st.data(), st.sampled_from([None, 2]))
def test_text_and_value_agree_after_any_edits(
    document: Any, data: st.DataObject, indent: int | None
) -> None:
    raw = json.dumps(document, indent=indent, ensure_ascii=data.draw(st.booleans())).encode()
    known = list(paths_of(document))
    chosen = data.draw(st.lists(st.sampled_from(known), unique=True, max_size=6)) if known else []
    apart = [a for a in chosen if not any(b != a and b == a[: len(b)] for b in chosen)]
    edits = [Edit(path, data.draw(st.sampled_from([REMOVE, 7, {"new": [1]}]))) for path in apart]
    if isinstance(document, dict):
        edits.append(Edit(("quite", "new"), True))
    after = edited_text(raw, edits)
    assert json.loads(after) == edited_value(document, edits)


HELD: dict[str, Any] = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "metadata": {"component": {"type": "container", "bom-ref": "app", "name": "app"}},
    "components": [
        {
            "type": "library",
            "bom-ref": "outer",
            "name": "hidden",
            "version": "1",
            "purl": "pkg:npm/hidden@1",
            "supplier": {"name": "hidden Inc."},
            "components": [{"type": "library", "bom-ref": "hidden-child", "name": "child"}],
        },
        {
            "type": "library",
            "bom-ref": "open",
            "name": "open",
            "version": "1",
            "externalReferences": [{"type": "vcs", "url": "https://vcs.example/open"}],
            "hashes": [{"alg": "SHA-256", "content": "ab" * 32}],
            "evidence": {
                "identity": {
                    "field": "purl",
                    "methods": [
                        {"technique": "filename", "confidence": 1, "value": "root/concealed/a"}
                    ],
                },
                "occurrences": [{"location": "root/concealed/a"}],
                "callstack": {"frames": [{"module": "m", "fullFilename": "/root/concealed/b"}]},
            },
            "properties": [
                {"name": "syft:location:0:path", "value": "/root/concealed/a"},
                {"name": "home", "value": "https://root/concealed"},
            ],
        },
        {
            "type": "file",
            "bom-ref": "file",
            "name": "usr/open",
            "hashes": [{"alg": "SHA-256", "content": "cd" * 32}],
            "properties": [{"name": "provenance:owner", "value": "pkg:npm/hidden@1"}],
        },
    ],
    "dependencies": [
        {"ref": "app", "dependsOn": ["outer", "open", "hidden-child"]},
        {"ref": "open", "dependsOn": ["hidden-child"]},
    ],
}
EVERY = (
    *("cyclonedx-1.6", "cyclonedx-1.6-xml", "spdx-3.0"),
    *("spdx-2.3", "spdx-2.3-tag-value", "spdx-2.3-yaml"),
)


def held(form: str) -> Sbom:
    return read_sbom(read_sbom(json.dumps(HELD).encode()).to_bytes(form))


@pytest.mark.parametrize("form", EVERY)
def test_of_a_package_that_goes_nothing_is_left_anywhere(form: str) -> None:
    """Neither as the owner of a file, nor as the only one that an organisation supplies."""
    after = held(form).redact(packages=lambda p: p.name in ("hidden", "child"))
    assert b"hidden" not in after.to_bytes()
    assert [p.name for p in after.packages] == ["open"]
    assert [f for f in after.validate() if f.rule == "schema"] == []


def test_with_a_component_those_within_it_go_from_edges_too() -> None:
    after = held("cyclonedx-1.6").redact(packages=["pkg:npm/hidden@1"])
    assert b"hidden" not in after.to_bytes()


@pytest.mark.parametrize("form", EVERY)
def test_a_path_goes_from_everything_that_holds_it(form: str) -> None:
    after = held(form).redact(paths="root/**").to_bytes()
    assert after.count(b"concealed") == after.count(b"https://root/concealed")


@pytest.mark.parametrize("form", ["spdx-2.3", "spdx-2.3-yaml"])
def test_hashes_go_from_files_that_have_to_have_one(form: str) -> None:
    after = held(form).redact(fields=["hashes"])
    assert b"abab" not in after.to_bytes()
    assert b"cdcd" not in after.to_bytes()
    assert [f for f in after.validate() if f.rule == "schema"] == []
    assert [file.hashes for file in after.files] == [{}]


@pytest.mark.parametrize("form", EVERY)
def test_references_go_in_every_format(form: str) -> None:
    after = held(form).redact(fields=["references"])
    assert b"vcs.example" not in after.to_bytes()
    assert after.packages[0].purl == "pkg:npm/hidden@1"


@pytest.mark.parametrize("form", ["cyclonedx-1.6", "cyclonedx-1.6-xml"])
def test_what_is_carried_in_cyclonedx_from_another_format_is_redacted_too(form: str) -> None:
    said = SPDX | {"packages": [{**SPDX["packages"][0], "sourceInfo": "from concealed"}]}
    converted = read_sbom(json.dumps(said).encode()).convert(form)[0]
    assert b"concealed" in converted.to_bytes()
    after = read_sbom(converted.to_bytes()).redact(paths="nowhere/**")
    assert b"concealed" not in after.to_bytes()
    assert b"provenance:rest" not in after.to_bytes()


def test_what_stands_behind_a_key_that_is_there_twice_is_no_hiding_place() -> None:
    raw = (
        b'{"bomFormat":"CycloneDX","specVersion":"1.6",'
        b'"components":[{"type":"library","name":"concealed"}],'
        b'"components":[{"type":"library","name":"open","version":"1","supplier":{"name":"x"}}]}'
    )
    after = read_sbom(raw).redact(fields=["supplier"])
    assert b"concealed" not in after.to_bytes()
    assert json.loads(after.to_bytes())["components"] == [
        {"type": "library", "name": "open", "version": "1"}
    ]
    assert b"concealed" not in read_sbom(raw).redact(packages=["pkg:npm/nobody@1"]).to_bytes()


@pytest.mark.parametrize("metadata", [[], 5, {"component": []}, {"component": 5, "authors": "x"}])
def test_where_no_object_is_an_edit_is_made_or_refused(metadata: Any) -> None:
    document = {"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": metadata}
    sbom = read_sbom(json.dumps(document).encode())
    try:
        after = sbom.with_metadata(name="n", supplier="Acme")
    except UnsupportedFormat:
        return
    assert json.loads(after.to_bytes())["metadata"]["supplier"] == {"name": "Acme"}
