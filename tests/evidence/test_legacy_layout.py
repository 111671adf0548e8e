from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

import provenance as pv
from provenance.digests import Digest
from provenance.evidence.legacy_layout import store_layer
from provenance.evidence.storing import Shelf
from provenance.oci.manifest import Index
from provenance.oci.media_types import OCI_INDEX
from provenance.oci.repository import digest_tag, read_blob
from provenance.settings import Limits
from provenance.testing import ImageBuilder, LocalRegistry
from provenance.testing.sigstore import LocalSigstore
from provenance.verification import LayerSignature

if TYPE_CHECKING:
    from pathlib import Path

    from provenance.evidence.storing import Stored

PREDICATE_TYPE = "https://slsa.dev/provenance/v1"


@pytest.fixture
def image(local_registry: LocalRegistry) -> pv.Image:
    tag = local_registry.reference("team/app:1.0")
    ImageBuilder().layer({"a": b"1"}).push(tag)
    return pv.resolve(tag)


def layer(text: str) -> LayerSignature:
    return LayerSignature(text.encode(), signature="c2ln")


def append(image: pv.Image, text: str, limits: Limits | None = None) -> Stored:
    shelf = Shelf.of(image, limits=limits)
    return store_layer(shelf, image.descriptor.digest, layer(text), kind="signature")


def manifest_at(image: pv.Image, suffix: str = "sig") -> tuple[dict[str, Any], list[bytes]]:
    """The manifest of a digest tag; its config and layers."""
    with image.repository() as repository:
        found = repository.manifest(digest_tag(image.descriptor.digest, suffix))
        assert isinstance(found, pv.Manifest)
        blobs = [read_blob(repository, d, limit=10_000) for d in (found.config, *found.layers)]
    return json.loads(found.raw), blobs


def test_the_manifest_and_config_are_cosigns(image: pv.Image) -> None:
    append(image, "one")
    stored = append(image, "two")
    document, (config, *layers) = manifest_at(image)
    assert layers == [b"one", b"two"]
    digests = [str(Digest.of(text)) for text in layers]
    # What cosign 3.1.3 wrote for two signatures, but for digests, sizes and the order of keys.
    assert document == {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": str(Digest.of(config)),
            "size": len(config),
        },
        "layers": [
            {
                "mediaType": "application/vnd.dev.cosign.simplesigning.v1+json",
                "digest": digest,
                "size": 3,
                "annotations": {"dev.cosignproject.cosign/signature": "c2ln"},
            }
            for digest in digests
        ],
    }
    since_ever = {"created": "0001-01-01T00:00:00Z"}
    assert json.loads(config) == {
        "architecture": "",
        "created": "0001-01-01T00:00:00Z",
        "history": [since_ever, since_ever],
        "os": "",
        "rootfs": {"type": "layers", "diff_ids": digests},
        "config": {},
    }
    assert stored.placement.tag == digest_tag(image.descriptor.digest, "sig")
    assert stored.subject == image.digest


def test_a_statement_goes_beside_the_signatures(image: pv.Image) -> None:
    append(image, "one")
    store_layer(
        Shelf.of(image),
        image.descriptor.digest,
        LayerSignature(b"{}", media_type="application/vnd.dsse.envelope.v1+json"),
        kind="slsa-provenance",
        predicate_type=PREDICATE_TYPE,
    )
    document, _ = manifest_at(image, "att")
    (one,) = document["layers"]
    assert one["annotations"] == {
        "dev.cosignproject.cosign/signature": "",
        "predicateType": PREDICATE_TYPE,
    }


def test_what_is_there_already_is_not_added_again(image: pv.Image) -> None:
    first, again = append(image, "one"), append(image, "one")
    assert first.digest == again.digest


def test_what_others_wrote_is_kept_as_it_is(image: pv.Image, local_registry: LocalRegistry) -> None:
    """Fields that are not known, a config of another form, layers of another kind."""
    tag = digest_tag(image.descriptor.digest, "sig")
    with image.repository() as repository:
        for blob in (b"{}", b"other"):
            repository.push_blob(blob, pv.Descriptor.of(blob, "x/y"))  # type: ignore[attr-defined]
    theirs: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": pv.Descriptor.of(b"{}", "application/vnd.oci.empty.v1+json").to_json(),
        "layers": [{**pv.Descriptor.of(b"other", "x/y").to_json(), "later": {"added": 1}}],
        "annotations": {"mine": "ä"},
        "unknown": [1],
    }
    local_registry.put_manifest("team/app", json.dumps(theirs).encode(), tag=tag)
    append(image, "one")
    document, (config, *_) = manifest_at(image)
    layers = document.pop("layers")
    assert isinstance(layers, list)
    assert layers[0] == theirs["layers"][0]
    assert len(layers) == 2
    assert {k: v for k, v in document.items() if k != "config"} == {
        k: v for k, v in theirs.items() if k not in {"config", "layers"}
    }
    diff_ids = [layer["digest"] for layer in layers]
    assert json.loads(config)["rootfs"]["diff_ids"] == diff_ids


def test_an_index_in_the_place_of_signatures_is_left_alone(
    image: pv.Image, local_registry: LocalRegistry
) -> None:
    tag = digest_tag(image.descriptor.digest, "sig")
    raw = Index.build([]).raw
    local_registry.put_manifest("team/app", raw, media_type=OCI_INDEX, tag=tag)
    before = local_registry.tags["team/app"][tag]
    with pytest.raises(pv.MalformedDocument, match="nothing was written"):
        append(image, "one")
    assert local_registry.tags["team/app"][tag] == before


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_a_tag_that_cannot_be_read_is_not_an_empty_one(
    image: pv.Image, local_registry: LocalRegistry, status: int
) -> None:
    append(image, "one")
    tag = digest_tag(image.descriptor.digest, "sig")
    before = local_registry.tags["team/app"][tag]
    fault = local_registry.fail(rf"/manifests/{tag}$", status)
    read = image.reading_with(settings=pv.Settings(retries=0))
    with pytest.raises(pv.ProvenanceError) as refused:
        append(read, "two")
    assert not isinstance(refused.value, pv.NotFound)
    fault.remove()
    assert local_registry.tags["team/app"][tag] == before


def test_no_more_signatures_than_are_read(image: pv.Image) -> None:
    limits = Limits(layers=2)
    append(image, "one", limits)
    append(image, "two", limits)
    with pytest.raises(pv.LimitExceeded, match="2 signatures"):
        append(image, "three", limits)


@pytest.mark.parametrize("writers", [6])
def test_writers_at_once_lose_nothing(local_registry: LocalRegistry, writers: int) -> None:
    """Each with a session of its own, as in processes of their own."""
    tag = local_registry.reference("team/app:1.0")
    ImageBuilder().layer({"a": b"1"}).push(tag)
    barrier = threading.Barrier(writers)

    def write(number: int) -> None:
        image = pv.resolve(tag)
        barrier.wait()
        append(image, f"signature {number}")

    threads = [threading.Thread(target=write, args=(n,)) for n in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _, (_, *layers) = manifest_at(pv.resolve(tag))
    assert sorted(layers) == sorted(f"signature {n}".encode() for n in range(writers))


def test_in_a_layout_too(tmp_path: Path) -> None:
    place = f"oci:{tmp_path / 'layout'}:1.0"
    ImageBuilder().layer({"a": b"1"}).push(place)
    image = pv.resolve(place)
    append(image, "one")
    append(image, "two")
    _, (_, *layers) = manifest_at(image)
    assert layers == [b"one", b"two"]


def test_an_attestation_has_its_time_from_the_log_alone(image: pv.Image) -> None:
    """An older verifier looks for a timestamp over the whole envelope; the bundle's is not."""
    with LocalSigstore(rekor=("v1",)) as sigstore:
        kind = "https://example.com/review/v1"
        pv.attest(image, {"a": 1}, sigstore.signer(), predicate_type=kind, layout="legacy")
        who = pv.Identity("dev@example.com", issuer=sigstore.issuer)
        verified = pv.verify(image, who, trust=sigstore.trust, require=kind)
    assert [time.source for time in verified.proofs[0].times] == ["log"]
