"""Recorded signatures of cosign before version 3: in the annotations of layers."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from provenance.attestation.public_key import PublicKey
from provenance.digests import Digest
from provenance.errors import ProvenanceError
from provenance.trust import Trust
from provenance.verification import (
    Identity,
    LayerSignature,
    SignedImage,
    SignedStatement,
    verify_layer,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.corpus

WHO = Identity("mitr@redhat.com", issuer="https://github.com/login/oauth")
GENERATOR = Identity(
    "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/"
    "generator_container_slsa3.yml@refs/tags/v1.4.0",
    issuer="https://token.actions.githubusercontent.com",
)
ATTESTATION = "738d456c898daf28d211c2e0b8ecf5dc67b9a1d631c99ef2c4b4669bcb7a0354"


@pytest.fixture(scope="module")
def trust(corpus: Path) -> Trust:
    return Trust.from_file(corpus / "sigstore-roots" / "targets" / "trusted_root.json")


@pytest.fixture(scope="module")
def key(corpus: Path) -> PublicKey:
    return PublicKey.parse((corpus / "cosign-legacy" / "cosign.pub").read_bytes())


def layer(folder: Path, **changes: Any) -> LayerSignature:
    document = json.loads((folder / "signature-1").read_bytes().removeprefix(b"\0sigstore-json\n"))
    annotations = document["annotations"] | changes
    payload = base64.b64decode(document["payload"])
    return LayerSignature.of(annotations, payload, document["mimeType"])


def image(folder: Path) -> Digest:
    return Digest.of((folder / "manifest.json").read_bytes())


def step(*arguments: Any, **options: Any) -> str:
    with pytest.raises(ProvenanceError) as caught:
        verify_layer(*arguments, **options)
    return str(getattr(caught.value, "step", "") or caught.value.code)


@pytest.mark.parametrize("name", ["valid", "valid-with-tag"])
def test_a_signature_by_a_key_verifies(
    corpus: Path, trust: Trust, key: PublicKey, name: str
) -> None:
    folder = corpus / "cosign-legacy" / f"dir-img-cosign-{name}"
    found = verify_layer(layer(folder), image(folder), trust=trust, key=key, unsafe_no_log=True)
    assert isinstance(found, SignedImage)
    assert found.payload.digest == image(folder)
    assert (found.identity, found.issuer, found.time) == (f"key {key.key_id}", "", None)


def test_a_signature_by_a_key_needs_the_log_as_well(
    corpus: Path, trust: Trust, key: PublicKey
) -> None:
    folder = corpus / "cosign-legacy" / "dir-img-cosign-valid"
    assert step(layer(folder), image(folder), trust=trust, key=key) == "transparency-log"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("modified-manifest", "subject"),
        ("manifest-digest-error", "subject"),
        ("other-attachment", "unsupported-format"),
    ],
)
def test_a_signature_that_is_none_of_this_image_is_refused(
    corpus: Path, trust: Trust, key: PublicKey, name: str, expected: str
) -> None:
    folder = corpus / "cosign-legacy" / f"dir-img-cosign-{name}"
    options: dict[str, Any] = {"trust": trust, "key": key, "unsafe_no_log": True}
    assert step(layer(folder), image(folder), **options) == expected


def test_the_wrong_key_is_refused(corpus: Path, trust: Trust, key: PublicKey) -> None:
    folder = corpus / "cosign-legacy" / "dir-img-cosign-valid"
    other = PublicKey.parse((corpus / "cosign-legacy" / "cosign2.pub").read_bytes())
    options: dict[str, Any] = {"trust": trust, "unsafe_no_log": True}
    assert step(layer(folder), image(folder), key=other, **options) == "signature"
    unknown = json.loads(
        (corpus / "cosign-legacy" / "unknown-cosign-key.signature")
        .read_bytes()
        .removeprefix(b"\0sigstore-json\n")
    )
    payload = base64.b64decode(unknown["payload"])
    signed = LayerSignature.of(unknown["annotations"], payload, unknown["mimeType"])
    assert step(signed, image(folder), key=key, **options) == "signature"


def test_a_keyless_signature_verifies_with_the_logs_promise(corpus: Path, trust: Trust) -> None:
    folder = corpus / "cosign-legacy" / "dir-img-cosign-fulcio-rekor-valid"
    found = verify_layer(layer(folder), image(folder), trust=trust, identity=WHO)
    assert isinstance(found, SignedImage)
    assert (found.log_index, str(found.time)) == (11605770, "2023-01-20 20:51:33+00:00")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"dev.sigstore.cosign/bundle": ""}, "time"),
        ({"dev.sigstore.cosign/certificate": ""}, "key"),
        ({"dev.sigstore.cosign/certificate": "KEY"}, "malformed-document"),
        ({"dev.cosignproject.cosign/signature": "AAAA"}, "signature"),
        ({"dev.sigstore.cosign/bundle": "OTHER"}, "log-entry"),
    ],
)
def test_each_annotation_is_held_against_the_others(
    corpus: Path, trust: Trust, changes: dict[str, str], expected: str
) -> None:
    legacy = corpus / "cosign-legacy"
    folder = legacy / "dir-img-cosign-fulcio-rekor-valid"
    special = {
        "KEY": (legacy / "rekor.pub").read_text(),
        "OTHER": (legacy / "rekor-set").read_text(),
    }
    given = {k: special.get(v, v) for k, v in changes.items()}
    found = step(layer(folder, **given), image(folder), trust=trust, identity=WHO)
    if changes == {"dev.sigstore.cosign/bundle": "OTHER"}:
        # Another time too, at which this certificate was not valid.
        assert found in {"log-entry", "certificate-chain"}
    else:
        assert found == expected


def test_neither_key_nor_another_identity_stands_in(
    corpus: Path, trust: Trust, key: PublicKey
) -> None:
    folder = corpus / "cosign-legacy" / "dir-img-cosign-fulcio-rekor-valid"
    assert step(layer(folder), image(folder), trust=trust, key=key) == "key"
    other = Identity("other@redhat.com", issuer=WHO.issuer)
    assert step(layer(folder), image(folder), trust=trust, identity=other) == "identity"


def test_the_provenance_in_a_saved_image_verifies(corpus: Path, trust: Trust) -> None:
    saved = corpus / "slsa" / "gha_generic_container-v1.4.0"
    blobs = saved / "container_workflow_dispatch" / "blobs" / "sha256"
    (described,) = json.loads((blobs / ATTESTATION).read_bytes())["layers"]
    payload = (blobs / described["digest"].removeprefix("sha256:")).read_bytes()
    kind = described["mediaType"]
    signed = LayerSignature.of(described["annotations"], payload, kind)
    named = (saved / "container_workflow_dispatch.digest").read_text().strip()
    subject = Digest(named if ":" in named else f"sha256:{named}")
    found = verify_layer(signed, subject, trust=trust, identity=GENERATOR)
    assert isinstance(found, SignedStatement)
    assert found.statement.predicate_type == "https://slsa.dev/provenance/v0.2"
    assert (found.log_index, found.log_entries[0].kind) == (10957770, "intoto 0.0.1")
    # The same envelope spelled otherwise is not what was logged.
    spelled = LayerSignature.of(described["annotations"], payload + b"\n", kind)
    assert step(spelled, subject, trust=trust, identity=GENERATOR) == "log-entry"
    assert step(signed, Digest.of(b"other"), trust=trust, identity=GENERATOR) == "subject"
