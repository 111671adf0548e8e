from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import provenance as pv
from provenance.attestation import ResourceDescriptor, Statement
from provenance.attestation.predicate_types import COSIGN_TYPES
from provenance.digests import Digest
from provenance.evidence.said import said_of
from provenance.sbom import Sbom, Subject
from provenance.settings import Limits
from provenance.testing import ImageBuilder

if TYPE_CHECKING:
    from provenance.evidence.said import Sayable

CUSTOM = "https://cosign.sigstore.dev/attestation/v1"
TAG_VALUE = b"""SPDXVersion: SPDX-2.3
DataLicense: CC0-1.0
SPDXID: SPDXRef-DOCUMENT
DocumentName: app
DocumentNamespace: https://example.org/app
Creator: Tool: none
Created: 2026-01-01T00:00:00Z
"""


@pytest.fixture
def image(tmp_path: Path) -> pv.Image:
    place = f"oci:{tmp_path / 'layout'}:1.0"
    ImageBuilder().layer({"a": b"1"}).push(place)
    return pv.resolve(place)


def said(image: pv.Image, given: Sayable, predicate_type: str | None = None) -> tuple[str, Any]:
    found = said_of(given, predicate_type, image, Limits())
    return found.predicate_type, json.loads(found.predicate)


def test_an_object_needs_a_type_and_keeps_what_it_says(image: pv.Image) -> None:
    assert said(image, {"a": 1}, "urn:x:y") == ("urn:x:y", {"a": 1})
    with pytest.raises(pv.MalformedDocument, match="no predicate type"):
        said(image, {"a": 1})
    with pytest.raises(pv.MalformedDocument, match="no predicate type: use a URI"):
        said(image, {"a": 1}, "nonsense")
    with pytest.raises(pv.MalformedDocument, match="no JSON"):
        said(image, {"a": {1, 2}}, "urn:x:y")


@pytest.mark.parametrize("word", sorted(set(COSIGN_TYPES) - {"custom", "spdx", "spdxjson"}))
def test_a_file_under_a_word_of_cosigns(image: pv.Image, word: str, tmp_path: Path) -> None:
    path = tmp_path / "predicate.json"
    fields = [
        "builder",
        "buildType",
        "buildDefinition",
        "runDetails",
        "_type",
        "name",
        "byproducts",
        "command",
    ]
    more = dict.fromkeys([*fields, "materials", "products", "environment"], 1)
    path.write_text(json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.6", **more}) + "\n")
    expected = json.loads(path.read_bytes())
    assert said(image, path, word) == (COSIGN_TYPES[word], expected)
    assert said(image, str(path), word) == (COSIGN_TYPES[word], expected)


def test_what_is_custom_is_wrapped_as_cosign_wraps_it(
    image: pv.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")
    when = "2001-09-09T01:46:40Z"
    # `cosign attest --type custom`: the file's text as it is.
    wrapped = (CUSTOM, {"Data": 'any "text"\n', "Timestamp": when})
    assert said(image, b'any "text"\n', "custom") == wrapped
    assert said(image, {"a": 1}, "custom") == (CUSTOM, {"Data": '{"a":1}', "Timestamp": when})
    whole = {"Data": "x", "Timestamp": "2020-01-01T00:00:00Z"}
    assert said(image, whole, "custom") == (CUSTOM, whole)
    with pytest.raises(pv.MalformedDocument, match="UTF-8"):
        said(image, b"\xff", "custom")


def test_tag_value_stays_what_it_is_under_spdx(image: pv.Image) -> None:
    found = said_of(TAG_VALUE, "spdx", image, Limits())
    assert json.loads(found.predicate) == TAG_VALUE.decode()
    assert found.document == TAG_VALUE
    assert found.media_type == "text/spdx"
    # Under any other name, or none, it becomes JSON.
    for word in ("spdxjson", "https://spdx.dev/Document/v2.3", None):
        kind, predicate = said(image, TAG_VALUE, word)
        assert predicate["spdxVersion"] == "SPDX-2.3"
        assert kind.startswith("https://spdx.dev/Document")


def test_an_sbom_is_of_this_image_and_of_the_type_it_is_given(image: pv.Image) -> None:
    other = Sbom.build(subject=Subject("x", digest=Digest.of(b"other")), packages=[])
    for given in (other, other.to_bytes()):
        with pytest.raises(pv.SigningError, match="not this image"):
            said(image, given)
    own = Sbom.build(subject=Subject("x", digest=image.digest), packages=[])
    assert said(image, own.to_bytes())[0] == "https://cyclonedx.org/bom"
    with pytest.raises(
        pv.MalformedDocument, match=r"cyclonedx-1\.6, and is to be attested as spdx"
    ):
        said(image, own.to_bytes(), "spdxjson")
    with pytest.raises(pv.UnsupportedFormat, match="predicate_type="):
        said(image, b'{"no": "sbom"}')


def test_a_statement_is_said_again_of_the_image_it_is_about(image: pv.Image) -> None:
    digest = image.descriptor.digest
    about = Statement.build(
        [ResourceDescriptor("x", {digest.algorithm: digest.hex})], "urn:x:y", b'{"a": 1.50}'
    )
    found = said_of(about, None, image, Limits())
    assert (found.predicate_type, found.predicate) == ("urn:x:y", b'{"a": 1.50}')
    other = Statement.build([ResourceDescriptor("x", {"sha256": "00"})], "urn:x:y", {})
    with pytest.raises(pv.SigningError, match="not this image"):
        said(image, other)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (b"[1]", pv.MalformedDocument),
        (b'{"a":1,"a":2}', pv.MalformedDocument),
        (b"\xff", pv.MalformedDocument),
        (Path("/nowhere/at/all.json"), pv.NotFound),
        (b'{"a":"' + b"x" * 100 + b'"}', pv.LimitExceeded),
    ],
)
def test_what_is_no_predicate_is_not_signed(
    image: pv.Image, given: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        said_of(given, "urn:x:y", image, Limits(document_bytes=50))
