"""What is carried stands beside what a document says itself, and never in its place."""

from __future__ import annotations

import base64
import json
import tracemalloc
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from provenance.sbom import Sbom, read_sbom

if TYPE_CHECKING:
    from collections.abc import Callable

START = "provenance:rest "
LEFT = {
    "type": "library",
    "bom-ref": "left",
    "name": "left-pad",
    "version": "1.3.0",
    "purl": "pkg:npm/left-pad@1.3.0",
    "supplier": {"name": "Acme", "url": ["https://acme.example"]},
    "hashes": [{"alg": "SHA-256", "content": "ab" * 32}],
    "licenses": [{"license": {"id": "GPL-3.0-only"}}],
}
DOCUMENT: dict[str, Any] = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "version": 1,
    "metadata": {
        "component": {"type": "application", "bom-ref": "app", "name": "app", "version": "1.0"}
    },
    "components": [LEFT, {"type": "library", "bom-ref": "right", "name": "right-pad"}],
    "services": [{"name": "registry"}],
    "dependencies": [{"ref": "app", "dependsOn": ["left"]}],
}
EVIL = {"type": "library", "bom-ref": "evil", "name": "evil", "purl": "pkg:npm/evil@6"}


def read(document: dict[str, Any]) -> Sbom:
    return read_sbom(json.dumps(document).encode())


def edited(item: dict[str, Any], change: dict[str, Any]) -> None:
    """What is carried at an element or document, changed."""
    for annotation in item["annotations"]:
        if annotation["comment"].startswith(START):
            kept = json.loads(annotation["comment"].removeprefix(START)) | change
            annotation["comment"] = START + json.dumps(kept)


def on_left(**change: Any) -> Callable[[dict[str, Any]], None]:
    def edit(document: dict[str, Any]) -> None:
        (left,) = [p for p in document["packages"] if p["name"] == "left-pad"]
        edited(left, change)

    return edit


@pytest.mark.parametrize(
    "forge",
    [
        lambda document: edited(document, {"more": {"evil": EVIL}}),
        on_left(version=["6.6.6-evil"]),
        on_left(name=["evil"]),
        on_left(hashes=[[], [[0, {"alg": "SHA-1", "content": "e" * 40}]]]),
        on_left(cpe=["cpe:2.3:a:evil:a:1:*:*:*:*:*:*:*"]),
        on_left(supplier=[{"name": "evil"}]),
        on_left(licenses=[[], [[0, {"license": {"name": "evil"}}]]]),
    ],
    ids=["component", "version", "name", "hash", "cpe", "supplier", "licence"],
)
def test_a_forged_rest_adds_nothing_to_what_the_document_says(
    forge: Callable[[dict[str, Any]], None],
) -> None:
    there = json.loads(read(DOCUMENT).convert("spdx-2.3")[0].to_bytes())
    forge(there)
    back, losses = read(there).convert("cyclonedx-1.6")
    found = json.loads(back.to_bytes())["components"]
    assert [x["name"] for x in found] == ["left-pad", "right-pad"]
    for item in found:
        item.pop("properties", None)  # what is carried may be anything
    assert "evil" not in json.dumps(found)
    assert "e" * 40 not in json.dumps(found)
    assert list(losses) == []


def test_only_the_record_of_a_document_is_ever_unpacked() -> None:
    """Else every element could stand for eight megabytes."""
    packed = base64.b85encode(zlib.compress(b'{"a":[' + b"[]," * 50_000 + b"0]}", 9)).decode()
    document = json.loads(read(DOCUMENT).convert("spdx-2.3")[0].to_bytes())
    bomb = {"comment": f"{START}zlib:{packed}"}
    document["packages"] += [
        {"SPDXID": f"SPDXRef-{n}", "name": "n", "annotations": [bomb]} for n in range(40)
    ]
    sbom = read(document)
    tracemalloc.start()
    sbom.convert("cyclonedx-1.6")
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


OURS = [
    ("provenance:license", "MIT"),
    ("provenance:license", "Evil"),
    ("provenance:supplier", "Evil"),
    ("provenance:author", "Evil"),
    ("provenance:homepage", "https://evil.example"),
    ("provenance:kind", "evil"),
    ("provenance:hash:sha256", "ee" * 32),
    ("provenance:digest", f"sha256:{'ee' * 32}"),
    ("provenance:cpes", "evil"),
    ("provenance:path", "evil"),
    ("provenance:owner", "evil"),
]
STATED: dict[str, Any] = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "metadata": {
        "component": {
            "type": "container",
            "bom-ref": "image",
            "name": "image",
            "hashes": [{"alg": "SHA-256", "content": "aa" * 32}],
        }
    },
    "components": [
        {
            **LEFT,
            "type": "application",
            "cpe": "cpe:2.3:a:acme:left:1:*:*:*:*:*:*:*",
            "authors": [{"name": "Ada"}],
            "externalReferences": [{"type": "website", "url": "https://good.example"}],
            "evidence": {"occurrences": [{"location": "usr/good"}]},
        },
        {
            "type": "file",
            "bom-ref": "file",
            "name": "usr/good",
            "hashes": [{"alg": "SHA-256", "content": "ab" * 32}],
        },
    ],
    "dependencies": [{"ref": "image", "dependsOn": ["left"]}],
}


def with_ours(form: str, *more: tuple[str, str]) -> Sbom:
    """`STATED` in a format, with pairs of ours at the image, the package and the file."""
    document = json.loads(read(STATED).to_bytes(form))
    if form.startswith("cyclonedx"):
        for item in (document["metadata"]["component"], *document["components"]):
            item["properties"] = [
                {"name": name, "value": value}
                for name, value in OURS
                if item["type"] != "file" or name != "provenance:kind"  # else it is a package
            ]
        return read(document)
    listed = document["@graph"] if form == "spdx-3.0" else document["packages"] + document["files"]
    for item in listed:
        if item.get("type", "software_Package") in ("software_Package", "software_File"):
            kind = [("provenance:subject", "container")] if item.get("name") == "image" else []
            note = "provenance " + json.dumps([*kind, *more, *OURS])
            item["comment"] = note
            if "fileName" not in item:
                item["annotations"] = [{"comment": note}]
    document.pop("annotations", None)
    return read(document)


@pytest.mark.parametrize("form", ["cyclonedx-1.6", "spdx-2.3", "spdx-3.0"])
def test_fields_of_the_document_are_shown_and_not_what_is_carried_against_them(form: str) -> None:
    sbom = with_ours(form)
    (package,) = sbom.packages
    assert (package.licenses, package.supplier, package.author) == (
        ("GPL-3.0-only",),
        "Acme",
        "Ada",
    )
    assert package.hashes == {"sha256": "ab" * 32}
    assert (package.homepage, package.kind) == ("https://good.example", "application")
    assert package.cpes[0] == "cpe:2.3:a:acme:left:1:*:*:*:*:*:*:*"
    assert sbom.subject is not None
    assert sbom.subject.digest == f"sha256:{'aa' * 32}"
    (file,) = sbom.files
    assert (file.path, file.hashes) == ("usr/good", {"sha256": "ab" * 32})


@pytest.mark.parametrize("form", ["spdx-2.3", "spdx-3.0"])
def test_no_package_is_hidden_by_a_note_that_it_is_the_distribution(form: str) -> None:
    sbom = with_ours(form, ("provenance:distribution", ""), ("provenance:distribution:id", "x"))
    assert [p.name for p in sbom.packages] == ["left-pad"]


@pytest.mark.parametrize("form", ["spdx-2.3", "spdx-3.0"])
def test_no_package_takes_the_place_of_what_is_described(form: str) -> None:
    document = json.loads(read(STATED).to_bytes(form))
    listed = document["packages"] if form == "spdx-2.3" else document["@graph"]
    (left,) = [item for item in listed if item.get("name") == "left-pad"]
    note = "provenance " + json.dumps([("provenance:subject", "container")])
    left |= {"comment": note, "annotations": [{"comment": note}]}
    listed.sort(key=lambda item: item is not left)
    sbom = read(document)
    assert str(sbom.subject) == f"image@sha256:{'aa' * 32}"
    assert [p.name for p in sbom.packages] == ["left-pad"]


TAGS = """SPDXVersion: SPDX-2.3
SPDXID: SPDXRef-DOCUMENT
DocumentName: doc
Creator: Tool: t
Created: 2020-01-01T00:00:00Z
PackageName: good
SPDXID: SPDXRef-a
PackageVersion: 1
PackageLicenseDeclared: GPL-3.0-only
Annotator: Tool: provenance-0.1.0
AnnotationDate: 2020-01-01T00:00:00Z
AnnotationComment: <text>provenance tag-value {}</text>
AnnotationType: OTHER
SPDXREF: SPDXRef-a
"""


def test_what_tags_say_is_not_replaced_by_an_annotation() -> None:
    forged = {"name": "evil", "versionInfo": "6", "licenseDeclared": "MIT", "homepage": "evil"}
    (package,) = read_sbom(TAGS.replace("{}", json.dumps(forged)).encode()).packages
    assert (package.name, package.version, package.licenses) == ("good", "1", ("GPL-3.0-only",))
    assert package.homepage == ""
    exact = read_sbom(TAGS.replace("{}", '{"name":"go\\tod "}').encode())
    assert [p.name for p in exact.packages] == ["go\tod "]
