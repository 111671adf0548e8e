from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import provenance as pv
from provenance.attestation.bundle import BUNDLE_MEDIA_TYPE
from provenance.digests import Digest
from provenance.evidence.storing import store_artifact, store_bundle
from provenance.oci import media_types as mt
from provenance.oci.descriptor import EMPTY_DESCRIPTOR, Descriptor, Platform
from provenance.oci.manifest import Index, Manifest
from provenance.oci.repository import digest_tag
from provenance.sbom import Sbom, Subject
from provenance.testing import ImageBuilder, LocalRegistry, build_index
from provenance.verification import verifier

if TYPE_CHECKING:
    from pathlib import Path

    from provenance.testing.sigstore import LocalSigstore

WHO = "release@example.com"
SIGN = "https://sigstore.dev/cosign/sign/v1"
SLSA = {
    "buildDefinition": {
        "buildType": "https://example.org/build",
        "externalParameters": {"source": "git+https://github.com/org/app"},
    },
    "runDetails": {"builder": {"id": "https://example.org/builder"}},
}


@pytest.fixture
def image(local_registry: LocalRegistry) -> pv.Image:
    tag = local_registry.reference("team/app:1.0")
    ImageBuilder().layer({"lib/apk/db/installed": b"P:musl\nV:1.2\nA:x86_64\n\n"}).push(tag)
    return pv.resolve(tag)


def who(sigstore: LocalSigstore, name: str = WHO) -> pv.Identity:
    return pv.Identity(name, issuer=sigstore.issuer)


def test_the_manifest_of_a_signature_is_cosigns(
    image: pv.Image, local_registry: LocalRegistry, local_sigstore: LocalSigstore
) -> None:
    stored = pv.sign(image, local_sigstore.signer(WHO))
    document = json.loads(local_registry.manifests["team/app"][Digest(stored.digest)].data)
    assert document["artifactType"] == BUNDLE_MEDIA_TYPE
    assert document["config"] == {
        "mediaType": "application/vnd.oci.empty.v1+json",
        "digest": str(Digest.of(b"{}")),
        "size": 2,
        "artifactType": BUNDLE_MEDIA_TYPE,
    }
    (layer,) = document["layers"]
    assert layer["mediaType"] == BUNDLE_MEDIA_TYPE
    assert "annotations" not in layer
    assert document["subject"] == {
        "mediaType": image.media_type,
        "digest": str(image.digest),
        "size": image.size,
    }
    said = document["annotations"]
    assert said["dev.sigstore.bundle.content"] == "dsse-envelope"
    assert said["dev.sigstore.bundle.predicateType"] == SIGN
    assert said["org.opencontainers.image.created"].endswith("Z")


@pytest.mark.parametrize("count", [1, 3])
def test_a_positive_verify_costs_one_listing_and_two_a_bundle(
    image: pv.Image, local_registry: LocalRegistry, local_sigstore: LocalSigstore, count: int
) -> None:
    for _ in range(count):
        pv.sign(image, local_sigstore.signer(WHO))
    local_registry.clear_requests()
    verified = pv.verify(str(image.reference), who(local_sigstore), trust=local_sigstore.trust)
    assert len(verified.signatures) == count
    assert len(local_registry.requests) == 1 + 2 * count


def test_absence_is_told_only_after_every_placement_answered(
    image: pv.Image, local_registry: LocalRegistry, local_sigstore: LocalSigstore
) -> None:
    local_registry.clear_requests()
    with pytest.raises(pv.NoMatchingEvidence, match="nothing is stored beside it"):
        pv.verify(str(image.reference), who(local_sigstore), trust=local_sigstore.trust)
    assert image.digest is not None
    asked = [r.path.rpartition("/")[2] for r in local_registry.requests]
    tag = digest_tag(image.digest)
    assert asked == [str(image.digest), tag, f"{tag}.sig", f"{tag}.att", f"{tag}.sbom"]


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
@pytest.mark.parametrize("place", ["/referrers/", r"sha256-\w+$", r"\.sig$", r"\.att$"])
def test_a_placement_that_does_not_answer_is_never_unsigned(
    image: pv.Image,
    local_registry: LocalRegistry,
    local_sigstore: LocalSigstore,
    place: str,
    status: int,
) -> None:
    local_registry.fail(place, status)
    more: Any = {"trust": local_sigstore.trust, "settings": pv.Settings(retries=0)}
    with pytest.raises(pv.ProvenanceError) as refused:
        pv.verify(image, who(local_sigstore), **more)
    assert not isinstance(refused.value, pv.VerificationError)
    examined = pv.examine(image, who(local_sigstore), **more)
    assert not examined.complete
    assert examined.outcome is pv.Outcome.UNKNOWN


def test_a_bundle_that_cannot_be_read_leaves_the_question_open(
    image: pv.Image, local_registry: LocalRegistry, local_sigstore: LocalSigstore
) -> None:
    stored = pv.sign(image, local_sigstore.signer(WHO))
    local_registry.fail(f"/manifests/{stored.digest}", 403)
    with pytest.raises(pv.Forbidden):
        pv.verify(image, who(local_sigstore), trust=local_sigstore.trust)


def test_a_token_service_that_sends_no_token_leaves_the_question_open(
    image: pv.Image, local_registry: LocalRegistry, local_sigstore: LocalSigstore
) -> None:
    pv.sign(image, local_sigstore.signer(WHO))
    challenge = {"WWW-Authenticate": f'Bearer realm="{local_registry.url}/token"'}
    local_registry.fail("/blobs/", 401, headers=challenge)
    local_registry.fail("/token", 200, body=b"<html>")
    with pytest.raises(pv.RegistryUnavailable, match="token service"):
        pv.verify(image, who(local_sigstore), trust=local_sigstore.trust)


def test_content_in_the_place_of_a_signature_is_told_as_that(
    image: pv.Image, local_registry: LocalRegistry, local_sigstore: LocalSigstore
) -> None:
    stored = pv.sign(image, local_sigstore.signer(WHO))
    page = b"<html>please log in</html>"
    for place in (f"/manifests/{stored.digest}", "/blobs/"):
        fault = local_registry.fail(place, 200, headers={"Content-Type": "text/html"}, body=page)
        with pytest.raises(pv.NotEvaluated, match="could not tell"):
            pv.verify(image, who(local_sigstore), trust=local_sigstore.trust)
        examined = pv.examine(image, who(local_sigstore), trust=local_sigstore.trust)
        assert not examined.complete
        fault.remove()
    assert pv.verify(image, who(local_sigstore), trust=local_sigstore.trust).complete


def test_a_proven_signature_stands_although_another_lookup_failed(
    image: pv.Image, local_registry: LocalRegistry, local_sigstore: LocalSigstore
) -> None:
    pv.sign(image, local_sigstore.signer(WHO))
    second = pv.attest(image, {"a": 1}, local_sigstore.signer(WHO), predicate_type="urn:x:y")
    local_registry.fail(f"/manifests/{second.digest}", 403)
    verified = pv.verify(image, who(local_sigstore), trust=local_sigstore.trust)
    assert verified.signatures
    assert not verified.complete
    assert isinstance(verified.failures[0], pv.Forbidden)


def test_one_bad_piece_never_hides_a_good_one(
    image: pv.Image, local_registry: LocalRegistry, local_sigstore: LocalSigstore
) -> None:
    store_bundle(image, b"not a bundle", SIGN, "signature")
    layer = Descriptor.of(b"{}", BUNDLE_MEDIA_TYPE)
    store_artifact(image, [(layer, b"{}")] * 2, artifact_type=BUNDLE_MEDIA_TYPE, annotations={})
    pv.sign(image, local_sigstore.signer("mallory@example.org"))
    pv.sign(image, local_sigstore.signer(WHO))
    verified = pv.verify(image, who(local_sigstore), trust=local_sigstore.trust)
    assert [p.identity for p in verified.proofs] == [WHO]
    steps = {e.step for e in pv.examine(image, who(local_sigstore), trust=local_sigstore.trust)}
    assert steps == {"malformed-document", "identity", ""}


def test_an_attestation_is_no_signature(image: pv.Image, local_sigstore: LocalSigstore) -> None:
    pv.attest(
        image, {"a": 1}, local_sigstore.signer(WHO), predicate_type="https://slsa.dev/provenance/v1"
    )
    with pytest.raises(pv.NoMatchingEvidence):
        pv.verify(image, who(local_sigstore), trust=local_sigstore.trust)
    verified = pv.verify(image, who(local_sigstore), trust=local_sigstore.trust, require="any")
    for require in ("slsa-provenance", "slsaprovenance", "https://slsa.dev/provenance/v1"):
        verified = pv.verify(
            image, who(local_sigstore), trust=local_sigstore.trust, require=require
        )
        assert verified.signatures == ()
        assert verified.attestations[0].predicate == {"a": 1}
    with pytest.raises(pv.NotEvaluated, match="no SBOM by them is among what was read"):
        verified.sbom()


def test_a_listed_type_that_says_nothing_is_looked_through(
    local_sigstore: LocalSigstore,
) -> None:
    with LocalRegistry(referrers_api=False) as local:
        tag = local.reference("team/app:1.0")
        ImageBuilder().layer({"a": b"1"}).push(tag)
        image = pv.resolve(tag)
        pv.sign(image, local_sigstore.signer(WHO))
        assert image.digest is not None
        name = digest_tag(image.digest)
        held = local.manifests["team/app"][Digest(local.tags["team/app"][name])]
        document = json.loads(held.data)
        for wrong in ("application/vnd.oci.empty.v1+json", ""):
            document["manifests"][0]["artifactType"] = wrong
            raw = json.dumps(document).encode()
            local.put_manifest("team/app", raw, media_type=mt.OCI_INDEX, tag=name)
            verified = pv.verify(image, who(local_sigstore), trust=local_sigstore.trust)
            assert verified.signatures[0].placement.scheme == "fallback-tag"
            assert pv.referrers(image)[0].kind == "signature"


def test_a_bundle_listed_for_an_image_it_does_not_refer_to(
    image: pv.Image, local_registry: LocalRegistry, local_sigstore: LocalSigstore
) -> None:
    stored = pv.sign(image, local_sigstore.signer(WHO))
    layer = Descriptor.of(stored.bundle, BUNDLE_MEDIA_TYPE)
    orphan = Manifest.build(EMPTY_DESCRIPTOR, [layer], artifact_type=BUNDLE_MEDIA_TYPE)
    local_registry.put_manifest("team/app", orphan.raw)
    entry = Descriptor(
        mt.OCI_MANIFEST,
        orphan.descriptor.digest,
        orphan.descriptor.size,
        artifact_type=BUNDLE_MEDIA_TYPE,
    )
    listing = Index.build([entry])
    local_registry.fail(
        "/referrers/", 200, headers={"Content-Type": mt.OCI_INDEX}, body=listing.raw
    )
    (found,) = pv.examine(image, who(local_sigstore), trust=local_sigstore.trust).evidence
    assert found.step == "subject"


def test_an_older_tag_without_a_signature_is_told_as_that(
    image: pv.Image, local_registry: LocalRegistry, local_sigstore: LocalSigstore
) -> None:
    assert image.digest is not None
    old = Manifest.build(EMPTY_DESCRIPTOR, [])
    local_registry.put_manifest("team/app", old.raw, tag=digest_tag(image.digest, "sig"))
    with pytest.raises(pv.NoMatchingEvidence, match=r"legacy-signature.*without a signature"):
        pv.verify(image, who(local_sigstore), trust=local_sigstore.trust)
    assert pv.referrers(image)[0].kind == "legacy-signature"


def test_a_signature_on_the_index_counts_through_the_index_only(
    local_registry: LocalRegistry, local_sigstore: LocalSigstore
) -> None:
    builds = [
        ImageBuilder(platform=p).layer({"a": p.encode()}).build()
        for p in ("linux/amd64", "linux/arm64")
    ]
    tag = local_registry.reference("team/multi:1")
    build_index(builds, tag)
    index = pv.resolve(tag)
    pv.sign(index, local_sigstore.signer(WHO))
    arm = pv.resolve(tag, platform="linux/arm64")
    verified = pv.verify(arm, who(local_sigstore), trust=local_sigstore.trust)
    assert verified.reference == arm.reference
    assert verified.signatures[0].placement.through_index
    with pytest.raises(pv.NoMatchingEvidence):
        pv.verify(str(arm.reference), who(local_sigstore), trust=local_sigstore.trust)
    assert Platform.parse("linux/arm64") in index.platforms


def test_an_sbom_of_another_image_is_not_attested(
    image: pv.Image, local_sigstore: LocalSigstore
) -> None:
    other = Sbom.build(subject=Subject("x", digest=Digest.of(b"other")), packages=[])
    with pytest.raises(pv.SigningError, match="not this image"):
        pv.attest(image, other, local_sigstore.signer(WHO))
    with pytest.raises(pv.MalformedDocument, match="no predicate type"):
        pv.attest(image, {"a": 1}, local_sigstore.signer(WHO))


def test_an_equal_statement_that_verifies_is_kept_when_asked(
    image: pv.Image, local_registry: LocalRegistry, local_sigstore: LocalSigstore
) -> None:
    first = pv.sign(image, local_sigstore.signer(WHO))
    again = pv.sign(image, local_sigstore.signer(WHO), reuse=True)
    assert again.reused
    assert again.reference == first.reference
    other = pv.sign(image, local_sigstore.signer("other@example.com"), reuse=True)
    assert not other.reused
    local_registry.fail("/referrers/", 429, headers={"Retry-After": "3600"})
    with pytest.raises(pv.RateLimited):
        pv.sign(image, local_sigstore.signer(WHO), reuse=True)


def test_nothing_is_stored_that_does_not_verify(
    image: pv.Image, local_registry: LocalRegistry, local_sigstore: LocalSigstore
) -> None:
    before = len(local_registry.manifests["team/app"])
    local_sigstore.fail("tsa")
    try:
        with pytest.raises(pv.SigningError):
            pv.sign(image, local_sigstore.signer(WHO))
    finally:
        local_sigstore.recover()
    for part in ("ca", "log"):
        local_sigstore.fail(part)
        try:
            with pytest.raises(pv.SigningError):
                pv.sign(image, local_sigstore.signer(WHO))
        finally:
            local_sigstore.recover()
    assert len(local_registry.manifests["team/app"]) == before


def test_verify_wants_exactly_one_of_name_and_key(image: pv.Image, local_sigstore: Any) -> None:
    cases: list[dict[str, Any]] = [{}, {"identity": who(local_sigstore), "key": "cosign.pub"}]
    for arguments in cases:
        with pytest.raises(TypeError, match="exactly one"):
            pv.verify(image, **arguments)
    with pytest.raises(pv.NotFound, match=r"cosign\.pub"):
        pv.verify(image, key="cosign.pub")


def test_a_tree_with_a_circle_ends(image: pv.Image, local_registry: LocalRegistry) -> None:
    first = store_artifact(image, [], artifact_type="text/x", annotations={})
    child = pv.resolve(str(first.reference))
    store_artifact(child, [], artifact_type="text/y", annotations={})
    (node,) = pv.tree(image)
    assert [c.referrer.kind for c in node.children] == ["text/y"]
    # A dishonest listing that names the image as a referrer of its own referrer.
    entry = Descriptor(image.media_type, image.descriptor.digest, image.size)
    listing = Index.build([entry, first.descriptor])
    local_registry.fail(
        "/referrers/", 200, headers={"Content-Type": mt.OCI_INDEX}, body=listing.raw
    )
    assert len(pv.tree(image)) == 1


def test_everything_works_in_a_layout_without_a_socket(
    tmp_path: Path, local_sigstore: LocalSigstore
) -> None:
    place = f"oci:{tmp_path / 'layout'}:1.0"
    ImageBuilder().layer({"lib/apk/db/installed": b"P:musl\nV:1.2\nA:x86_64\n\n"}).push(place)
    image = pv.resolve(place)
    pv.sign(image, local_sigstore.signer(WHO))
    pv.attest(image, pv.generate_sbom(image), local_sigstore.signer(WHO))
    verified = pv.verify(place, who(local_sigstore), trust=local_sigstore.trust)
    assert verified.signatures[0].placement.scheme == "layout"
    assert len(verified.sbom().packages) == 1
    assert {r.kind for r in pv.referrers(place)} == {"signature", "cyclonedx"}


def test_what_was_not_looked_at_is_not_absent(
    image: pv.Image, local_registry: LocalRegistry, local_sigstore: LocalSigstore
) -> None:
    asked: dict[str, Any] = {"identity": who(local_sigstore), "trust": local_sigstore.trust}
    signer = local_sigstore.signer(WHO)
    pv.sign(image, signer)
    with pytest.raises(pv.NotEvaluated, match="which is not all"):
        pv.verify(image, **asked).provenance()
    whole = pv.verify(image, everywhere=True, **asked)
    assert whole.everywhere
    with pytest.raises(pv.NoMatchingEvidence, match="no SLSA provenance by them is there"):
        whole.provenance()
    attested = pv.attest(image, SLSA, signer, predicate_type="slsa-provenance")
    whole = pv.verify(image, everywhere=True, **asked)
    with pytest.raises(pv.InvalidEvidence):
        whole.provenance(source="github.com/org/other")
    held = local_registry.fail(f"/manifests/{attested.digest}", 429)
    for everywhere in (False, True):
        verified = pv.verify(image, everywhere=everywhere, **asked)
        assert not verified.complete
        for asking in (verified.sbom, verified.provenance):
            with pytest.raises(pv.RateLimited):
                asking()
    held.remove()
    other = pv.attest(image, {"a": 1}, signer, predicate_type="https://example.org/x")
    local_registry.fail(f"/manifests/{other.digest}", 429)
    verified = pv.verify(image, require="slsa-provenance", **asked)
    with pytest.raises(pv.RateLimited):  # it may be the one that holds
        verified.provenance(source="github.com/org/other")


@pytest.mark.parametrize("name", ["cyclonedxx", "", "CycloneDX", "slsa"])
def test_a_misspelt_type_is_not_absent(
    image: pv.Image, local_sigstore: LocalSigstore, name: str
) -> None:
    with pytest.raises(ValueError, match="is no predicate type"):
        pv.verify(image, who(local_sigstore), trust=local_sigstore.trust, require=name)


def test_an_sbom_that_is_none_names_the_image(
    image: pv.Image, local_sigstore: LocalSigstore
) -> None:
    asked: dict[str, Any] = {"identity": who(local_sigstore), "trust": local_sigstore.trust}
    with pytest.raises(pv.NoMatchingEvidence, match="no signature or attestation by"):
        pv.verify(image, require="any", **asked)
    pv.attest(image, {}, local_sigstore.signer(WHO), predicate_type="https://spdx.dev/Document")
    verified = pv.verify(image, require="sbom", **asked)
    with pytest.raises(pv.UnsupportedFormat) as refused:
        verified.sbom()
    assert refused.value.reference == str(verified.reference)


@pytest.mark.parametrize("trust", ["root.json", b"{}", {"mediaType": "x"}])
def test_a_trust_that_is_none_is_no_bad_signature(
    trust: Any, image: pv.Image, local_sigstore: LocalSigstore
) -> None:
    who = pv.Identity(WHO, issuer=local_sigstore.issuer)
    with pytest.raises(TypeError, match="must be a Trust"):
        pv.verify(image, who, trust=trust)
    with pytest.raises(TypeError, match="must be a Trust"):
        pv.examine(image, who, trust=trust)


def test_of_provenance_that_does_not_hold_another_may_lie_where_nobody_looked(
    sigstore: LocalSigstore, image: pv.Image, asked: dict[str, Any]
) -> None:
    """A search that has found enough never asks the older tags, where one may lie that holds."""
    pv.attest(image, SLSA, sigstore.signer(WHO), predicate_type="slsa-provenance")
    verified = pv.verify(image, require="slsa-provenance", **asked)
    assert not verified.everywhere
    with pytest.raises(pv.InvalidEvidence, match="everywhere=True"):
        verified.provenance(source="github.com/org/other")
    whole = pv.verify(image, require="slsa-provenance", everywhere=True, **asked)
    with pytest.raises(pv.InvalidEvidence) as told:
        whole.provenance(source="github.com/org/other")
    assert "everywhere" not in str(told.value)


@pytest.mark.parametrize("broken", ["prove", "statement_in"])
def test_what_makes_us_stumble_is_no_forgery_and_hides_no_other(
    sigstore: LocalSigstore,
    image: pv.Image,
    asked: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    broken: str,
) -> None:
    pv.sign(image, sigstore.signer(WHO))
    works, left = getattr(verifier, broken), [1]

    def stumbles(*given: Any) -> Any:
        if left:
            left.pop()
            raise LookupError("what nobody foresaw")
        return works(*given)

    monkeypatch.setattr(verifier, broken, stumbles)
    with pytest.raises(pv.NotEvaluated, match="could not be judged: LookupError"):
        pv.verify(image, **asked)
    pv.sign(image, sigstore.signer(WHO), annotations={"second": "1"})
    left.append(1)
    found = pv.examine(image, **asked)
    assert [e.outcome for e in found] == [pv.Outcome.UNKNOWN, pv.Outcome.PROVEN]
    left.append(1)
    verified = pv.verify(image, **asked)
    assert len(verified.signatures) == 1
    assert not verified.everywhere


def test_where_nobody_was_asked_for_a_signature_is_valid_and_counts_for_nobody(
    local_registry: LocalRegistry, sigstore: LocalSigstore, image: pv.Image, asked: dict[str, Any]
) -> None:
    pv.sign(image, sigstore.signer("mallory@example.org"))
    found = pv.examine(image, trust=sigstore.trust)
    assert found.outcome is pv.Outcome.PROVEN
    nobody = "nobody in particular"
    drawn = found.explain()
    assert "signature: valid: signed by mallory@example.org" in drawn
    assert f"{nobody} was asked for" in drawn
    assert f"asked for: {nobody}" in drawn
    shown = found._repr_html_()
    assert nobody in shown
    assert ">valid<" in shown
    for words in (drawn, shown):
        assert "counts" not in words
    told = found.to_dict()
    assert told["asked"] is None
    assert told["evidence"][0]["verdict"] == "valid"
    assert nobody in told["evidence"][0]["reason"]
    by_name = pv.examine(image, **asked)
    assert nobody not in by_name.explain() + by_name._repr_html_()
    assert by_name.to_dict()["asked"] == str(asked["identity"])
    assert "1 piece of evidence" in repr(by_name)
