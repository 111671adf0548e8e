"""What lies in each placement, who can be proven by it, and what it is called."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.evidence.placing import (
    DSSE,
    IN_TOTO,
    SIGN,
    SIMPLE,
    payload,
    public,
    put_att,
    put_layers,
    put_sig,
    statement,
    subject_of,
)

import provenance as pv
from provenance.attestation.bundle import BUNDLE_MEDIA_TYPE
from provenance.digests import Digest
from provenance.evidence.storing import store_artifact
from provenance.oci import media_types as mt
from provenance.oci.descriptor import EMPTY_DESCRIPTOR, Descriptor, Platform
from provenance.oci.manifest import Index
from provenance.oci.repository import digest_tag
from provenance.settings import Limits
from provenance.testing import ImageBuilder, LocalRegistry, LocalSigstore, build_index
from provenance.testing.sigstore.schemes import new_key

if TYPE_CHECKING:
    from pathlib import Path

WHO = "release@example.com"
CYCLONEDX = "https://cyclonedx.org/bom"
SBOM = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": []}


def test_of_many_layers_at_the_older_tag_each_stands_for_itself(
    local_registry: LocalRegistry,
    sigstore: LocalSigstore,
    image: pv.Image,
    digest: Digest,
    asked: dict[str, Any],
) -> None:
    good, other = sigstore.forger(WHO), sigstore.forger("mallory@example.org")
    signed, elsewhere = payload(digest), payload(Digest.of(b"another image"))
    annotations = good.layer(signed)
    layers = [
        (b"no JSON", SIMPLE, good.layer(b"no JSON")),
        (signed, SIMPLE, {}),
        (elsewhere, SIMPLE, good.layer(elsewhere)),
        (signed, SIMPLE, other.layer(signed)),
        # Another's entry beside a signature (CVE-2026-22703).
        (
            signed,
            SIMPLE,
            annotations
            | {"dev.sigstore.cosign/bundle": other.layer(signed)["dev.sigstore.cosign/bundle"]},
        ),
        (b"just text", "text/plain", {}),
        (signed, SIMPLE, annotations),
    ]
    put_layers(local_registry, layers, tag=digest_tag(digest, "sig"))
    verified = pv.verify(image, **asked)
    (proof,) = verified.signatures
    assert proof.identity == WHO
    assert proof.placement.tag == digest_tag(digest, "sig")
    assert proof.payload is not None
    assert proof.payload.docker_reference == "registry.example/app"
    assert (proof.predicate_type, proof.predicate) == ("", None)
    with pytest.raises(pv.UnsupportedFormat, match="payload"):
        _ = proof.statement
    examined = pv.examine(image, **asked)
    assert [e.outcome for e in examined].count(pv.Outcome.PROVEN) == 1
    assert len(examined) == 6  # the text is no candidate
    steps = [e.step for e in examined]
    assert "subject" in steps
    assert "identity" in steps


def test_an_attestation_at_the_older_tag_is_no_signature(
    local_registry: LocalRegistry,
    sigstore: LocalSigstore,
    image: pv.Image,
    digest: Digest,
    asked: dict[str, Any],
) -> None:
    put_att(local_registry, digest, CYCLONEDX, SBOM, sigstore.forger(WHO))
    with pytest.raises(pv.NoMatchingEvidence, match="of another kind"):
        pv.verify(image, **asked)
    verified = pv.verify(image, require="sbom", **asked)
    assert len(verified.sbom().packages) == 0
    assert verified.attestations[0].kind == "cyclonedx"


@pytest.mark.parametrize("where", ["artifact type", "config", "both"])
def test_cosigns_experimental_referrers_hold_the_same_layers(
    local_registry: LocalRegistry,
    sigstore: LocalSigstore,
    image: pv.Image,
    digest: Digest,
    asked: dict[str, Any],
    where: str,
) -> None:
    kind = "application/vnd.dev.cosign.artifact.sig.v1+json"
    signed = payload(digest)
    put_layers(
        local_registry,
        [(signed, SIMPLE, sigstore.forger(WHO).layer(signed))],
        subject=subject_of(image),
        artifact_type=kind if where != "config" else "",
        config=Descriptor.of(b"{}", kind) if where != "artifact type" else EMPTY_DESCRIPTOR,
    )
    assert pv.verify(image, **asked).signatures[0].placement.scheme == "api"


@pytest.mark.parametrize("media_type", [DSSE, IN_TOTO])
def test_an_envelope_among_in_toto_referrers_is_judged_without_a_bundle(
    local_registry: LocalRegistry,
    sigstore: LocalSigstore,
    image: pv.Image,
    digest: Digest,
    asked: dict[str, Any],
    media_type: str,
) -> None:
    said = statement(digest, CYCLONEDX, SBOM)
    envelope, annotations = sigstore.forger(WHO).attestation_layer(said)
    put_layers(
        local_registry,
        [(envelope, media_type, annotations)],
        subject=subject_of(image),
        artifact_type=IN_TOTO,
    )
    assert pv.verify(image, require="cyclonedx", **asked).attestations


def test_a_statement_that_nobody_signed_is_listed_and_never_counts(
    local_registry: LocalRegistry, image: pv.Image, digest: Digest, asked: dict[str, Any]
) -> None:
    said = statement(digest, "https://slsa.dev/provenance/v1", {"a": 1})
    put_layers(
        local_registry,
        [(said, IN_TOTO, {"in-toto.io/predicate-type": "https://slsa.dev/provenance/v1"})],
        subject=subject_of(image),
        artifact_type=IN_TOTO,
    )
    (found,) = pv.examine(image, **asked)
    assert (found.kind, found.step, found.outcome) == (
        "slsa-provenance",
        "unsigned",
        pv.Outcome.REFUTED,
    )
    assert found.claimed is not None
    assert found.claimed.predicate == {"a": 1}
    with pytest.raises(pv.NoMatchingEvidence, match="nobody signed"):
        pv.verify(image, require="slsa-provenance", **asked)


@pytest.mark.parametrize(
    ("artifact_type", "kind", "reason"),
    [
        ("application/vnd.cncf.notary.signature", "notation-signature", "Notation"),
        ("application/vnd.cyclonedx+json", "cyclonedx", "SBOM without a signature"),
        ("application/spdx+json", "spdx", "SBOM without a signature"),
        ("application/sarif+json", "application/sarif+json", "without a signature"),
    ],
)
def test_what_is_no_signature_of_sigstore_is_named_as_what_it_is(
    image: pv.Image, asked: dict[str, Any], artifact_type: str, kind: str, reason: str
) -> None:
    layer = Descriptor.of(b"content", artifact_type)
    store_artifact(image, [(layer, b"content")], artifact_type=artifact_type, annotations={})
    (found,) = pv.examine(image, **asked)
    assert (found.kind, found.outcome) == (kind, pv.Outcome.REFUTED)
    assert reason in found.reason
    with pytest.raises(pv.NoMatchingEvidence, match=reason):
        pv.verify(image, **asked)


def test_an_sbom_at_the_older_tag_is_an_sbom_without_a_signature(
    local_registry: LocalRegistry, image: pv.Image, digest: Digest, asked: dict[str, Any]
) -> None:
    layers: list[tuple[bytes, str, dict[str, str]]] = [(b"SPDXVersion: SPDX-2.3", "text/spdx", {})]
    put_layers(local_registry, layers, tag=digest_tag(digest, "sbom"))
    (found,) = pv.examine(image, **asked)
    assert found.kind == "legacy-sbom"
    assert "SBOM without a signature" in found.reason
    assert found.layer is not None
    assert found.layer.media_type == "text/spdx"


@pytest.mark.parametrize("over", ["manifest", "something else"])
@pytest.mark.parametrize("keyed", [False, True])
def test_a_signature_over_bytes_states_nothing_of_the_image(
    sigstore: LocalSigstore, image: pv.Image, asked: dict[str, Any], over: str, *, keyed: bool
) -> None:
    """cosign 3.1 refuses both: "bundle does not contain a DSSE envelope"."""
    with image.repository() as repository:
        raw = repository.manifest(image.descriptor).raw
    forger = sigstore.forger(WHO, key=new_key() if keyed else None)
    bundle = json.dumps(forger.blob(raw if over == "manifest" else b"other")).encode()
    layer = Descriptor.of(bundle, BUNDLE_MEDIA_TYPE)
    store_artifact(image, [(layer, bundle)], artifact_type=BUNDLE_MEDIA_TYPE, annotations={})
    if keyed:
        asked = {"key": public(forger.key), "trust": sigstore.trust}
    (found,) = pv.examine(image, **asked)
    assert (found.outcome, found.step) == (pv.Outcome.REFUTED, "statement")
    assert f"{over}, as a file" in found.reason
    for require in ("signature", "any"):
        with pytest.raises(pv.NoMatchingEvidence, match="states nothing of the image"):
            pv.verify(image, require=require, **asked)


def test_a_signature_under_a_false_type_is_found_before_anyone_is_told_of_none(
    local_registry: LocalRegistry, sigstore: LocalSigstore, image: pv.Image, asked: dict[str, Any]
) -> None:
    bundle = sigstore.signer(WHO).sign_statement(statement(subject_of(image).digest))
    layer = Descriptor.of(bundle, BUNDLE_MEDIA_TYPE)
    store_artifact(image, [(layer, bundle)], artifact_type="text/plain", annotations={})
    assert pv.verify(image, **asked).signatures
    # And it costs nothing where something else counts.
    pv.sign(image, sigstore.signer(WHO))
    local_registry.clear_requests()
    assert len(pv.verify(image, **asked).signatures) == 1
    assert len(local_registry.requests) == 3


@pytest.mark.parametrize("by", ["parameter", "environment"])
def test_evidence_in_another_repository(
    local_registry: LocalRegistry,
    sigstore: LocalSigstore,
    image: pv.Image,
    digest: Digest,
    asked: dict[str, Any],
    by: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put_sig(local_registry, digest, sigstore.forger(WHO), repository="team/signatures")
    with pytest.raises(pv.NoMatchingEvidence):
        pv.verify(image, **asked)
    elsewhere = f"{local_registry.host}/team/signatures"
    if by == "parameter":
        asked = {**asked, "evidence_repository": elsewhere}
    else:
        monkeypatch.setenv("COSIGN_REPOSITORY", elsewhere)
    verified = pv.verify(image, **asked)
    assert verified.reference == image.reference
    assert elsewhere in str(verified.signatures[0].placement)
    assert pv.examine(image, **asked).outcome


def test_what_buildkit_puts_into_an_index_is_listed_for_its_platform(
    local_registry: LocalRegistry, asked: dict[str, Any]
) -> None:
    built = ImageBuilder(platform="linux/amd64").layer({"a": b"x"}).build()
    local_registry.put_image("team/multi", built)
    said = statement(built.digest, "https://slsa.dev/provenance/v0.2", {})
    attestation = put_layers(
        local_registry,
        [(said, IN_TOTO, {"in-toto.io/predicate-type": "https://slsa.dev/provenance/v0.2"})],
        repository="team/multi",
    )
    held = local_registry.manifests["team/multi"]
    entries = [
        Descriptor(
            mt.OCI_MANIFEST,
            built.digest,
            len(held[built.digest].data),
            platform=Platform.parse("linux/amd64"),
        ),
        Descriptor(
            mt.OCI_MANIFEST,
            attestation,
            len(held[attestation].data),
            annotations={
                "vnd.docker.reference.type": "attestation-manifest",
                "vnd.docker.reference.digest": str(built.digest),
            },
            platform=Platform.parse("unknown/unknown"),
        ),
    ]
    index = Index.build(entries)
    local_registry.put_manifest("team/multi", index.raw, media_type=mt.OCI_INDEX, tag="1")
    whole = local_registry.reference("team/multi:1")
    for named in (whole, pv.resolve(whole, platform="linux/amd64")):
        (found,) = pv.examine(named, **asked)
        assert found.placement.scheme == "index"
        assert found.kind == "slsa-provenance"
        assert found.outcome is pv.Outcome.REFUTED
    with pytest.raises(pv.NoMatchingEvidence):
        pv.verify(pv.resolve(whole, platform="linux/amd64"), require="any", **asked)


def test_a_layout_that_cosign_saved(
    tmp_path: Path,
    local_registry: LocalRegistry,
    sigstore: LocalSigstore,
    image: pv.Image,
    digest: Digest,
    asked: dict[str, Any],
) -> None:
    put_sig(local_registry, digest, sigstore.forger(WHO))
    place = f"oci:{tmp_path / 'saved'}"
    pv.copy(str(image.reference), f"{place}:image")
    signature = f"{image.reference.name}:{digest_tag(digest, 'sig')}"
    pv.copy(signature, f"{place}:signature")
    file = tmp_path / "saved" / "index.json"
    document = json.loads(file.read_text())
    for entry in document["manifests"]:
        kind = "image" if entry["digest"] == digest else "sigs"
        entry["annotations"] = {"kind": f"dev.cosignproject.cosign/{kind}"}
    file.write_text(json.dumps(document))
    verified = pv.verify(place, **asked)
    assert verified.signatures[0].placement.scheme == "saved"
    assert verified.complete


def test_more_signatures_than_are_looked_at_are_no_absence(
    local_registry: LocalRegistry, sigstore: LocalSigstore, image: pv.Image, asked: dict[str, Any]
) -> None:
    put_sig(local_registry, subject_of(image).digest, *[sigstore.forger("x@example.org")] * 3)
    with pytest.raises(pv.LimitExceeded, match=r"Limits\.signatures"):
        pv.verify(image, limits=pv.Limits(signatures=2), **asked)
    with pytest.raises(pv.LimitExceeded, match=r"Limits\.evidence_bytes"):
        pv.verify(image, limits=pv.Limits(evidence_bytes=300), **asked)


def test_a_signature_on_an_index_far_above_counts_too_and_says_so(
    local_registry: LocalRegistry, sigstore: LocalSigstore, asked: dict[str, Any]
) -> None:
    build = ImageBuilder(platform="linux/amd64").layer({"a": b"1"}).build()
    tag = local_registry.reference("team/multi:1")
    build_index([build], tag)
    index = pv.resolve(tag)
    assert index.digest is not None
    put_sig(local_registry, index.digest, sigstore.forger(WHO), repository="team/multi")
    verified = pv.verify(tag, platform="linux/amd64", **asked)
    (proof,) = verified.signatures
    assert proof.placement.through_index
    assert proof.subject == index.digest
    assert verified.reference.digest == build.digest


def test_an_image_that_never_had_a_digest_is_no_unsigned_one(
    tmp_path: Path, asked: dict[str, Any]
) -> None:
    place = f"docker-archive:{tmp_path / 'image.tar'}:app:1"
    ImageBuilder().layer({"a": b"1"}).push(place)
    with pytest.raises(pv.UnsupportedFormat, match="no digest"):
        pv.verify(place, **asked)


def test_a_manifest_of_two_bundles_says_not_which(
    image: pv.Image, sigstore: LocalSigstore, asked: dict[str, Any]
) -> None:
    bundle = sigstore.signer(WHO).sign_statement(statement(subject_of(image).digest, SIGN))
    layer = Descriptor.of(bundle, BUNDLE_MEDIA_TYPE)
    store_artifact(image, [(layer, bundle)] * 2, artifact_type=BUNDLE_MEDIA_TYPE, annotations={})
    (found,) = pv.examine(image, **asked)
    assert found.step == "malformed-document"


def test_what_a_verification_costs_at_the_older_tag(
    local_registry: LocalRegistry,
    sigstore: LocalSigstore,
    image: pv.Image,
    digest: Digest,
    asked: dict[str, Any],
) -> None:
    put_sig(local_registry, digest, sigstore.forger(WHO))
    local_registry.clear_requests()
    assert pv.verify(str(image.reference), **asked).complete
    paths = [r.path.rpartition("/")[2] for r in local_registry.requests]
    # The list and its fallback say that there is no bundle; two more are the signature.
    tag = digest_tag(digest)
    assert paths[:3] == [str(digest), tag, f"{tag}.sig"]
    assert len(paths) == 4


def test_an_sbom_of_the_image_comes_before_one_of_its_index(
    local_registry: LocalRegistry, sigstore: LocalSigstore, asked: dict[str, Any]
) -> None:
    build = ImageBuilder(platform="linux/amd64").layer({"a": b"1"}).build()
    tag = local_registry.reference("team/multi:1")
    build_index([build], tag)
    platform = pv.resolve(tag, platform="linux/amd64")
    own = {**SBOM, "serialNumber": "urn:uuid:11111111-1111-4111-8111-111111111111"}
    pv.attest(pv.resolve(tag), SBOM, sigstore.signer(WHO), predicate_type=CYCLONEDX)
    asked = {**asked, "require": "sbom"}
    assert json.loads(pv.verify(platform, **asked).sbom().to_bytes()) == SBOM
    pv.attest(platform, own, sigstore.signer(WHO), predicate_type=CYCLONEDX)
    assert json.loads(pv.verify(platform, **asked).sbom().to_bytes()) == own
    both = pv.verify(platform, threshold=1, **asked)
    assert json.loads(both.sbom().to_bytes()) == own


def test_a_swarm_of_pieces_ends_and_is_no_absence(
    image: pv.Image, sigstore: LocalSigstore, asked: dict[str, Any]
) -> None:
    for number in range(4):
        layer = Descriptor.of(b"%d" % number, BUNDLE_MEDIA_TYPE)
        store_artifact(
            image, [(layer, b"%d" % number)], artifact_type=BUNDLE_MEDIA_TYPE, annotations={}
        )
    few = pv.Limits(referrers=4, signatures=1)
    with pytest.raises(pv.LimitExceeded, match="more than is read of one"):
        pv.verify(image, limits=few, **asked)
    assert not pv.examine(image, limits=few, **asked).complete


def test_what_is_claimed_is_not_quoted_at_length(image: pv.Image, asked: dict[str, Any]) -> None:
    layer = Descriptor.of(b"x", BUNDLE_MEDIA_TYPE)
    claimed = {"dev.sigstore.bundle.predicateType": "https://example.org/" + "x" * 100_000}
    store_artifact(image, [(layer, b"x")], artifact_type=BUNDLE_MEDIA_TYPE, annotations=claimed)
    with pytest.raises(pv.NoMatchingEvidence) as refused:
        pv.verify(image, **asked)
    assert len(str(refused.value)) < 2000


def test_a_signature_behind_many_others_is_found(
    image: pv.Image,
    digest: Digest,
    local_registry: LocalRegistry,
    sigstore: LocalSigstore,
    asked: dict[str, Any],
) -> None:
    signed = payload(digest)
    other: tuple[bytes, str, dict[str, str]] = (signed, SIMPLE, {})
    good = (signed, SIMPLE, sigstore.forger(WHO).layer(signed))
    tag = digest_tag(digest, "sig")
    put_layers(local_registry, [*[other] * 600, good], tag=tag)
    assert len(pv.verify(image, **asked).signatures) == 1
    assert Limits().layers >= Limits().signatures
