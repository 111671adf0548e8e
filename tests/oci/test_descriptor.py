from __future__ import annotations

import pickle
from typing import Any

import pytest

from provenance.digests import Digest
from provenance.errors import MalformedDocument
from provenance.oci.descriptor import EMPTY_DESCRIPTOR, Descriptor, Platform
from provenance.oci.repository import digest_tag, may_be_of_type

WHOLE = Descriptor.of(
    b"{}",
    "application/x+json",
    annotations={"b": "2", "a": "1"},
    artifact_type="a/b",
    platform=Platform("linux", "arm", "v7", "1.0", ("f",)),
    data=b"{}",
    urls=("https://example.org/x",),
)


def test_all_fields_survive_json_and_pickling() -> None:
    assert Descriptor.from_json(WHOLE.to_json()) == WHOLE
    assert pickle.loads(pickle.dumps(WHOLE)) == WHOLE
    assert hash(Descriptor.from_json(WHOLE.to_json())) == hash(WHOLE)
    assert list(WHOLE.to_json()["annotations"]) == ["a", "b"]


def test_the_placeholder_is_the_specifications() -> None:
    # image-spec v1.1, manifest.md, "Guidance for an Empty Descriptor"
    assert EMPTY_DESCRIPTOR.to_json() == {
        "mediaType": "application/vnd.oci.empty.v1+json",
        "digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        "size": 2,
    }


WRONG: dict[str, list[Any]] = {
    "mediaType": [None, 1, "", "x", "a/b\n", "a/" + "b" * 300],
    "digest": [None, 1, "", "sha256:..", "md5:" + "a" * 32, "SHA256:" + "a" * 64],
    "size": [None, -1, 1.0, "1", True, 1 << 63, float("inf")],
    "annotations": [[], "x", {"a": None}, {"a": {}}],
    "urls": ["x", [1], {"a": "b"}],
    "data": [1, [], "!", "é"],
    "platform": [[], "linux", {"os": 1}, {"os.features": "x"}],
    "artifactType": [1],
}


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in WRONG.items() for value in values]
)
def test_a_wrong_field_is_named_by_its_pointer(field: str, value: Any) -> None:
    with pytest.raises(MalformedDocument) as refused:
        Descriptor.from_json({**WHOLE.to_json(), field: value}, "/layers/3")
    assert refused.value.pointer.startswith(f"/layers/3/{field}")


def test_digest_tags_are_cut_as_the_specification_says() -> None:
    assert digest_tag(Digest("sha256:" + "a" * 64)) == "sha256-" + "a" * 64
    assert digest_tag(Digest("sha512:" + "b" * 128)) == "sha512-" + "b" * 64
    assert digest_tag(Digest("sha256:" + "a" * 64), "sig") == "sha256-" + "a" * 64 + ".sig"


@pytest.mark.parametrize(
    ("listed", "kept"),
    [
        ("a/b", True),
        ("", True),
        ("application/vnd.oci.empty.v1+json", True),
        ("application/vnd.oci.image.config.v1+json", True),
        ("a/c", False),
    ],
)
def test_a_referrer_is_dropped_only_when_its_type_is_known_to_be_another(
    listed: str, *, kept: bool
) -> None:
    descriptor = Descriptor.of(b"x", "application/x", artifact_type=listed)
    assert may_be_of_type(descriptor, "a/b") is kept
