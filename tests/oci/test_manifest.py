from __future__ import annotations

import contextlib
import json
import pickle
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.digests import Digest
from provenance.errors import (
    LimitExceeded,
    MalformedDocument,
    ProvenanceError,
    UnsupportedFormat,
)
from provenance.oci import media_types as mt
from provenance.oci.descriptor import EMPTY_DESCRIPTOR, Descriptor, Platform
from provenance.oci.manifest import Index, Manifest, parse_manifest
from provenance.settings import Limits

if TYPE_CHECKING:
    from pathlib import Path

LAYER = Descriptor.of(b"layer", mt.LAYER_GZIP)
GOOD = Manifest.build(
    EMPTY_DESCRIPTOR, [LAYER], artifact_type="text/x", annotations={"b": "2", "a": "1"}
)
DOCUMENT: dict[str, Any] = json.loads(GOOD.raw)


def _with(**changes: Any) -> bytes:
    return json.dumps({**DOCUMENT, **changes}).encode()


def test_bytes_are_kept_and_hashed_as_they_are() -> None:
    spaced = json.dumps(DOCUMENT, indent=3).encode()
    found = parse_manifest(spaced)
    assert found.raw == spaced
    assert found.descriptor.digest == Digest.of(spaced) != GOOD.descriptor.digest


def test_building_is_deterministic_and_pickles() -> None:
    again = Manifest.build(
        EMPTY_DESCRIPTOR, [LAYER], artifact_type="text/x", annotations={"a": "1", "b": "2"}
    )
    assert again.raw == GOOD.raw
    assert pickle.loads(pickle.dumps(GOOD)) == GOOD
    index = Index.build([Descriptor.of(b"x", mt.OCI_MANIFEST, platform=Platform("linux", "arm64"))])
    assert pickle.loads(pickle.dumps(index)) == index


REFUSED: dict[str, tuple[bytes, type[ProvenanceError], str]] = {
    "no JSON": (b"{", MalformedDocument, "no JSON"),
    "not UTF-8": (b'{"a": "\xff"}', MalformedDocument, "no JSON"),
    "an array": (b"[]", MalformedDocument, "object"),
    "NaN": (b'{"schemaVersion": NaN}', MalformedDocument, "NaN"),
    "a key twice": (b'{"schemaVersion": 2, "schemaVersion": 2}', MalformedDocument, "twice"),
    "schema 1 by version": (b'{"schemaVersion": 1}', UnsupportedFormat, "schema 1"),
    "schema 1 by type": (
        _with(mediaType="application/vnd.docker.distribution.manifest.v1+prettyjws"),
        UnsupportedFormat,
        "schema 1",
    ),
    "both kinds at once": (_with(manifests=[]), MalformedDocument, "two things"),
    "an unknown type": (_with(mediaType="text/plain"), UnsupportedFormat, "text/plain"),
    "an index type on a manifest": (_with(mediaType=mt.OCI_INDEX), MalformedDocument, "fields"),
    "no layers": (_with(layers=None), MalformedDocument, "layers"),
    "a size below zero": (
        _with(layers=[{**LAYER.to_json(), "size": -1}]),
        MalformedDocument,
        "/layers/0/size",
    ),
    "a size that is true": (
        _with(layers=[{**LAYER.to_json(), "size": True}]),
        MalformedDocument,
        "/layers/0/size",
    ),
    "a size out of all bounds": (
        _with(layers=[{**LAYER.to_json(), "size": 1 << 70}]),
        MalformedDocument,
        "/layers/0/size",
    ),
    "a digest that is a path": (
        _with(layers=[{**LAYER.to_json(), "digest": "sha256:../../etc"}]),
        MalformedDocument,
        "/layers/0/digest",
    ),
    "data that is no base64": (
        _with(layers=[{**LAYER.to_json(), "data": "!"}]),
        MalformedDocument,
        "/layers/0/data",
    ),
    "annotations of numbers": (_with(annotations={"a": 1}), MalformedDocument, "/annotations"),
    "a subject that is text": (_with(subject="x"), MalformedDocument, "/subject"),
    "endless nesting": (b'{"a":' * 100_000, MalformedDocument, ""),
    "deep nesting": (
        b'{"schemaVersion":2,"a":' + b"[" * 300 + b"]" * 300 + b"}",
        MalformedDocument,
        "levels",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_hostile_manifests_are_refused_by_name(case: str) -> None:
    raw, kind, words = REFUSED[case]
    with pytest.raises(kind) as refused:
        parse_manifest(raw, where="ghcr.io/org/app:1")
    assert words in str(refused.value)
    assert "ghcr.io/org/app:1" in str(refused.value)
    assert refused.value.digest == Digest.of(raw)


def test_the_type_a_registry_names_must_be_the_documents() -> None:
    with pytest.raises(MalformedDocument, match="was named as"):
        parse_manifest(GOOD.raw, mt.DOCKER_MANIFEST)
    assert isinstance(parse_manifest(GOOD.raw, f"{mt.OCI_MANIFEST}; charset=utf-8"), Manifest)
    untyped = _with()
    document = json.loads(untyped)
    del document["mediaType"]
    found = parse_manifest(json.dumps(document).encode(), mt.DOCKER_MANIFEST)
    assert found.descriptor.media_type == mt.DOCKER_MANIFEST


def test_caps() -> None:
    with pytest.raises(LimitExceeded, match="manifest"):
        parse_manifest(GOOD.raw, limits=Limits(manifest_bytes=10))
    with pytest.raises(LimitExceeded, match="layers"):
        parse_manifest(_with(layers=[LAYER.to_json()] * 3), limits=Limits(layers=2))


def test_the_artifact_manifests_of_old_are_read() -> None:
    raw = json.dumps(
        {"mediaType": mt.OCI_ARTIFACT, "artifactType": "a/b", "blobs": [LAYER.to_json()]}
    ).encode()
    found = parse_manifest(raw)
    assert isinstance(found, Manifest)
    assert found.layers == (LAYER,)


@pytest.mark.parametrize("key", ["layers", "manifests", "config"])
def test_an_artifact_manifest_with_fields_of_another_kind_is_refused(key: str) -> None:
    document = {"mediaType": mt.OCI_ARTIFACT, "artifactType": "a/b", "blobs": [], key: []}
    with pytest.raises(MalformedDocument, match=r"fields|two things"):
        parse_manifest(json.dumps(document).encode())


def test_what_was_read_under_wider_caps_is_unpickled() -> None:
    found = parse_manifest(_with(layers=[LAYER.to_json()] * 1001), limits=Limits(layers=1001))
    assert pickle.loads(pickle.dumps(found)) == found


def test_half_a_character_is_not_written() -> None:
    with pytest.raises(MalformedDocument, match="surrogate"):
        Manifest.build(EMPTY_DESCRIPTOR, [], annotations={"a": "\ud800"})


@pytest.mark.corpus
def test_manifests_of_every_kind(corpus: Path) -> None:
    refused: dict[str, type[ProvenanceError]] = {
        "non-json.manifest.json": MalformedDocument,
        "unknown-version.manifest.json": UnsupportedFormat,
        "oci1-config-extra-fields.json": UnsupportedFormat,
        # an empty digest in the config
        "ociv1.artifact.json": MalformedDocument,
        "ociv1nomime.artifact.json": MalformedDocument,
        # what a translation of schema 1 starts from: a config of size -1
        "schema1-to-oci1.json": MalformedDocument,
        "schema1-to-schema2.json": MalformedDocument,
    }
    read = 0
    for path in sorted((corpus / "images" / "manifests").rglob("*.json")):
        raw = path.read_bytes()
        expected = refused.get(path.name)
        if path.name.endswith("config.json") or path.name.startswith(("v2s1", "schema1")):
            expected = expected or UnsupportedFormat
        if path.name in {"oci1-to-schema1.json", "schema2-to-schema1-by-docker.json"}:
            expected = UnsupportedFormat
        if expected is not None:
            with pytest.raises(expected):
                parse_manifest(raw, where=path.name)
            continue
        found = parse_manifest(raw, where=path.name)
        assert found.descriptor.digest == Digest.of(raw)
        assert isinstance(found, Index) is ("index" in path.name or "list" in path.name)
        read += 1
    assert read > 30


@given(st.binary(max_size=200))
def test_no_bytes_make_anything_but_a_typed_error(raw: bytes) -> None:
    with contextlib.suppress(ProvenanceError):
        parse_manifest(raw)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.sampled_from(sorted(DOCUMENT)), JSON)
def test_any_value_in_any_field_is_read_or_refused(key: str, value: Any) -> None:
    with contextlib.suppress(ProvenanceError):
        parse_manifest(_with(**{key: value}))
