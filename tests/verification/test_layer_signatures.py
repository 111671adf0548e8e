"""cosign's annotations of a layer: read strictly, whoever wrote them."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.verification.shapes import SUBJECT, Shape, build

from provenance.errors import LimitExceeded, MalformedDocument, ProvenanceError, UnsupportedFormat
from provenance.settings import Limits
from provenance.trust import Trust
from provenance.verification import LayerSignature, verify_layer

TEXTS = [f.name for f in fields(LayerSignature) if f.name not in {"payload", "media_type"}]


@pytest.fixture(scope="module")
def shapes() -> dict[str, Shape]:
    return build()


@pytest.fixture(scope="module")
def shape(shapes: dict[str, Shape]) -> Shape:
    return shapes["layer, keyless, timestamp"]


@pytest.fixture(scope="module")
def layer(shape: Shape) -> LayerSignature:
    return shape.layer(shape.raw)


def step(layer: LayerSignature, trust: Trust, **options: Any) -> str:
    with pytest.raises(ProvenanceError) as caught:
        verify_layer(layer, SUBJECT, trust=trust, **options)
    return str(getattr(caught.value, "step", "") or caught.value.code)


def test_annotations_are_read_by_their_names(shape: Shape, layer: LayerSignature) -> None:
    assert layer.certificate.startswith("-----BEGIN CERTIFICATE-----")
    assert json.loads(layer.log_bundle)["Payload"]["logIndex"] > 0
    assert "SignedRFC3161Timestamp" in layer.timestamp
    assert LayerSignature.of({}, b"x") == LayerSignature(b"x")
    verify_layer(layer, SUBJECT, trust=shape.trust)


@pytest.mark.parametrize("name", TEXTS)
@given(text=st.text(max_size=60) | st.sampled_from(["{}", "[]", "null", '{"Payload":{}}', "\n"]))
def test_any_annotation_is_refused_in_our_words(
    shape: Shape, layer: LayerSignature, name: str, text: str
) -> None:
    changes: dict[str, Any] = {name: text}
    try:
        verify_layer(replace(layer, **changes), SUBJECT, trust=shape.trust)
    except ProvenanceError:
        return
    # The chain and a second source of time are not needed.
    assert name in {"chain", "timestamp"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"certificate": ""}, "key"),
        ({"log_bundle": ""}, "transparency-log"),
        ({"signature": ""}, "malformed-document"),
        ({"signature": "!"}, "malformed-document"),
        (
            {"certificate": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"},
            "malformed-document",
        ),
        ({"certificate": "-----BEGIN CERTIFICATE-----\nAAAA\n"}, "malformed-document"),
        (
            {"certificate": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"},
            "malformed-document",
        ),
        ({"media_type": "text/plain"}, "unsupported-format"),
        ({"payload": b"{}"}, "signature"),
    ],
)
def test_each_part_is_needed_and_of_its_form(
    shape: Shape, layer: LayerSignature, changes: dict[str, Any], expected: str
) -> None:
    assert step(replace(layer, **changes), shape.trust) == expected


def test_two_certificates_are_not_one(shape: Shape, layer: LayerSignature) -> None:
    doubled = replace(layer, certificate=layer.certificate * 2)
    with pytest.raises(MalformedDocument, match="one certificate"):
        verify_layer(doubled, SUBJECT, trust=shape.trust)
    crowd = replace(layer, chain=layer.certificate * 11)
    with pytest.raises(LimitExceeded, match="more than 10"):
        verify_layer(crowd, SUBJECT, trust=shape.trust)


def test_a_signed_payload_of_another_type_is_no_signature_of_an_image(
    shapes: dict[str, Shape],
) -> None:
    from tests.verification.shapes import Shapes, layered

    made = Shapes()
    payload = b'{"critical":{"type":"something else"},"optional":null}'
    document = layered(payload, made.v1.forger(stamped=False).layer(payload))
    shape = Shape("other", document, made.v1.trust, "sig")
    with pytest.raises(UnsupportedFormat, match="no signature of a container image"):
        shape.verify()


def test_limits_hold_for_every_part(shape: Shape, layer: LayerSignature) -> None:
    with pytest.raises(LimitExceeded, match=r"Limits\.bundle_bytes"):
        verify_layer(layer, SUBJECT, trust=shape.trust, limits=Limits(bundle_bytes=500))


def test_many_threads_share_one_trust_root(shapes: dict[str, Shape]) -> None:
    some = [s for s in shapes.values() if s.key is None]
    expected = [s.verify() for s in some]
    # Made anew, so that nothing is kept from before.
    fresh = [replace(s, trust=Trust.from_json(s.trust.raw, source="fresh")) for s in some]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            assert list(pool.map(lambda shape: shape.verify(), fresh)) == expected
