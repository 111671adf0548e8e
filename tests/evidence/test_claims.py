"""`sign` and `attest`: both layouts, indexes, reuse, faults in between, documents too large."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

import provenance as pv
from provenance.attestation.public_key import PublicKey
from provenance.digests import Digest
from provenance.oci.descriptor import Descriptor
from provenance.oci.manifest import Index, Manifest
from provenance.oci.media_types import OCI_INDEX
from provenance.oci.repository import digest_tag, read_blob
from provenance.signing import Signer
from provenance.testing import ImageBuilder, LocalRegistry, build_index
from provenance.testing.sigstore import LocalSigstore, ca
from provenance.testing.sigstore.extensions import extensions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from provenance.evidence import Stored

WHO = "release@example.com"
APK = {"lib/apk/db/installed": b"P:musl\nV:1.2\nA:x86_64\n\n"}


@pytest.fixture(scope="module")
def sigstore() -> Iterator[LocalSigstore]:
    """With a log that makes promises, which the legacy layout needs."""
    with LocalSigstore(rekor=("v1",)) as running:
        yield running


@pytest.fixture
def image(local_registry: LocalRegistry) -> pv.Image:
    tag = local_registry.reference("team/app:1.0")
    ImageBuilder().layer(APK).push(tag)
    return pv.resolve(tag)


class Handle:
    """Somebody's own key."""

    def __init__(
        self,
        curve: ec.EllipticCurve | None = None,
        hashed: hashes.HashAlgorithm | None = None,
    ) -> None:
        self._key = ec.generate_private_key(curve or ec.SECP256R1())
        self._hash = hashed or hashes.SHA256()
        self.public_key = PublicKey.parse(
            self._key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )

    def sign(self, data: bytes, /) -> bytes:
        return self._key.sign(data, ec.ECDSA(self._hash))


def signer_of(sigstore: LocalSigstore, how: str) -> Signer:
    return sigstore.signer(WHO) if how == "keyless" else Signer.of(Handle(), trust=sigstore.trust)


def verified(image: pv.Image, signer: Signer, **more: Any) -> pv.Verified:
    by: dict[str, Any] = {"key": signer.public_key}
    if signer.public_key is None:
        by = {"identity": pv.Identity(WHO, issuer=signer.issuer)}
    return pv.verify(image, **by, trust=signer.trust, **more)


def layers_at(image: pv.Image, suffix: str) -> list[tuple[Descriptor, bytes]]:
    with image.repository() as repository:
        found = repository.manifest(digest_tag(image.descriptor.digest, suffix))
        assert isinstance(found, Manifest)
        return [(d, read_blob(repository, d, limit=1 << 20)) for d in found.layers]


def schemes(stored: Stored) -> list[str]:
    return [one.placement.scheme for one in stored.everything]


# ---- layouts


@pytest.mark.parametrize("how", ["keyless", "key"])
@pytest.mark.parametrize(("layout", "places"), [("legacy", {"tag"}), ("both", {"tag", "api"})])
def test_a_signature_in_each_layout_verifies(
    image: pv.Image, sigstore: LocalSigstore, how: str, layout: Any, places: set[str]
) -> None:
    signer = signer_of(sigstore, how)
    stored = pv.sign(image, signer, layout=layout, annotations={"build": "7"})
    assert set(schemes(stored)) == places
    assert {one.subject for one in stored.everything} == {image.digest}
    examined = pv.examine(
        image,
        None if signer.public_key else pv.Identity(WHO, issuer=signer.issuer),
        key=signer.public_key,
        trust=signer.trust,
    )
    counted = [item for item in examined if item.outcome]
    assert {item.placement.scheme for item in counted} == places
    assert {item.kind for item in counted} == {"signature"}
    ((descriptor, payload),) = layers_at(image, "sig")
    assert json.loads(payload)["optional"] == {"build": "7"}
    said = set(descriptor.annotations)
    certificate = {"dev.sigstore.cosign/certificate", "dev.sigstore.cosign/chain"}
    assert (certificate <= said) == (how == "keyless")
    assert {"dev.cosignproject.cosign/signature", "dev.sigstore.cosign/bundle"} <= said


@pytest.mark.parametrize("how", ["keyless", "key"])
def test_a_statement_in_both_layouts_is_signed_and_logged_once(
    image: pv.Image, sigstore: LocalSigstore, how: str
) -> None:
    signer = signer_of(sigstore, how)
    before = len(sigstore.log.bodies)
    stored = pv.attest(image, pv.generate_sbom(image), signer, layout="both")
    assert len(sigstore.log.bodies) == before + 1
    bundle = json.loads(stored.bundle)
    ((descriptor, envelope),) = layers_at(image, "att")
    assert json.loads(envelope)["payload"] == bundle["dsseEnvelope"]["payload"]
    assert descriptor.annotations["predicateType"] == "https://cyclonedx.org/bom"
    # What cosign compares: the log's hash of the envelope, and that of the layer's bytes.
    promised = json.loads(descriptor.annotations["dev.sigstore.cosign/bundle"])
    body = json.loads(base64.b64decode(promised["Payload"]["body"]))
    assert body["spec"]["envelopeHash"]["value"] == descriptor.digest.hex
    found = verified(image, signer, require="sbom")
    assert [p.name for p in found.sbom().packages] == ["musl"]


def test_a_log_without_promises_cannot_be_told_in_the_legacy_layout(
    image: pv.Image, local_registry: LocalRegistry, local_sigstore: LocalSigstore
) -> None:
    before = len(local_registry.manifests["team/app"]), len(local_sigstore.log.bodies)
    for layout in ("legacy", "both"):
        with pytest.raises(pv.SigningError, match="no promise"):
            pv.sign(image, local_sigstore.signer(WHO), layout=layout)
    with pytest.raises(pv.SigningError, match="no promise"):
        pv.attest(image, {}, local_sigstore.signer(WHO), predicate_type="urn:x:y", layout="legacy")
    # Nothing was stored, and nothing logged.
    assert (len(local_registry.manifests["team/app"]), len(local_sigstore.log.bodies)) == before
    with pytest.raises(ValueError, match="expected one of bundle, legacy, both"):
        pv.sign(image, local_sigstore.signer(WHO), layout="old")  # type: ignore[arg-type]


def test_of_two_logs_the_one_with_promises_is_taken_for_older_verifiers(image: pv.Image) -> None:
    with LocalSigstore(rekor=("v1", "v2")) as both:
        signer = both.signer(WHO)
        pv.sign(image, signer, layout="both")
        pv.attest(image, {"a": 1}, signer, predicate_type="urn:x:y", layout="both")
        examined = pv.examine(image, pv.Identity(WHO, issuer=both.issuer), trust=both.trust)
    kinds = {
        (item.kind, item.placement.scheme): item.signed.log_entries[0].kind
        for item in examined
        if item.outcome and item.signed is not None
    }
    assert kinds == {
        ("signature", "api"): "hashedrekord 0.0.2",
        ("signature", "tag"): "hashedrekord 0.0.1",
        ("urn:x:y", "api"): "dsse 0.0.1",  # signed once, for both
        ("urn:x:y", "tag"): "dsse 0.0.1",
    }


def test_a_key_of_another_hash_signs_nothing_that_cosign_refuses(
    image: pv.Image, sigstore: LocalSigstore
) -> None:
    """`error verifying bundle: unexpected algorithm: "sha384"` (cosign 3.1.3)."""
    signer = Signer.of(Handle(ec.SECP384R1(), hashes.SHA384()), trust=sigstore.trust)
    before = len(sigstore.log.bodies)
    with pytest.raises(pv.SigningError, match="sha256 alone"):
        pv.sign(image, signer, layout="both")
    assert len(sigstore.log.bodies) == before
    pv.sign(image, signer)
    pv.attest(image, {"a": 1}, signer, predicate_type="urn:x:y", layout="both")


def test_a_key_that_logs_nothing_says_so(image: pv.Image, sigstore: LocalSigstore) -> None:
    signer = Signer.of(Handle(), unsafe_no_log=True)
    stored = pv.sign(image, signer, layout="both")
    assert len(stored.everything) == 2
    with pytest.raises(pv.VerificationError):
        pv.verify(image, key=signer.public_key, trust=sigstore.trust)
    pv.verify(image, key=signer.public_key, trust=sigstore.trust, unsafe_no_log=True)


# ---- faults in between


def test_what_is_half_stored_is_told_and_finished_by_another_run(
    image: pv.Image, local_registry: LocalRegistry, sigstore: LocalSigstore
) -> None:
    signer = sigstore.signer(WHO)
    fault = local_registry.fail(r"/manifests/sha256-\w+\.sig$", 403, method="PUT")
    with pytest.raises(pv.PartlyStored) as partly:
        pv.sign(image, signer, layout="both")
    assert [one.placement.scheme for one in partly.value.stored] == ["api"]
    assert isinstance(partly.value.failures[0], pv.Forbidden)
    fault.remove()
    again = pv.sign(image, signer, layout="both", reuse=True)
    assert [(o.placement.scheme, o.reused) for o in again.everything] == [
        ("tag", False),
        ("api", True),
    ]
    both = pv.sign(image, signer, layout="both", reuse=True)
    assert [one.reused for one in both.everything] == [True, True]


# ---- reuse


@pytest.mark.parametrize("layout", ["bundle", "legacy", "both"])
@pytest.mark.parametrize("how", ["keyless", "key"])
def test_what_is_said_already_is_kept(
    image: pv.Image, sigstore: LocalSigstore, layout: Any, how: str
) -> None:
    signer = signer_of(sigstore, how)

    def write(**more: Any) -> list[bool]:
        signed = pv.sign(image, signer, layout=layout, **more)
        said = pv.attest(image, {"a": 1}, signer, predicate_type="urn:x:y", layout=layout, **more)
        return [one.reused for stored in (signed, said) for one in stored.everything]

    write()
    logged = len(sigstore.log.bodies)
    assert all(write(reuse=True))
    assert len(sigstore.log.bodies) == logged
    # Anything else that is said, or by another, is said anew.
    assert not any(write(reuse=True, annotations={"build": "7"}))
    other = Signer.of(Handle(), trust=sigstore.trust)
    assert not pv.sign(image, other, layout=layout, reuse=True).reused
    said = pv.attest(image, {"a": 2}, signer, predicate_type="urn:x:y", layout=layout, reuse=True)
    assert not said.reused


def test_what_is_said_by_whom_nobody_vouches_for_is_kept(
    image: pv.Image, sigstore: LocalSigstore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An authority of one's own may name no issuer, and the signer has none from then on."""
    monkeypatch.setattr(ca, "extensions", lambda who, _, claims: extensions(who, "", claims))
    signer = sigstore.signer(WHO)
    assert not pv.sign(image, signer, reuse=True).reused
    assert signer.issuer == ""
    assert pv.sign(image, signer, reuse=True).reused
    monkeypatch.undo()
    assert not pv.sign(image, sigstore.signer(WHO), reuse=True).reused


def test_what_only_python_takes_for_equal_is_said_anew(
    image: pv.Image, sigstore: LocalSigstore
) -> None:
    signer = sigstore.signer(WHO)

    def write(value: Any) -> bool:
        return pv.attest(
            image, {"approved": value}, signer, predicate_type="urn:x:y", reuse=True
        ).reused

    assert not any(write(value) for value in (1, True, 1.0, "1"))
    assert all(write(value) for value in (1, True, 1.0, "1"))


@pytest.mark.parametrize("epoch", ["\u00b2", "9" * 14, "9" * 30])
def test_a_build_time_that_is_none_stops_no_signature(
    image: pv.Image, sigstore: LocalSigstore, epoch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    signer = sigstore.signer(WHO)
    assert not pv.sign(image, signer).reused
    assert verified(image, signer).signatures


@pytest.mark.parametrize("place", ["/referrers/", r"\.sig$", r"\.att$"])
def test_a_lookup_that_fails_is_not_an_absent_signature(
    image: pv.Image, local_registry: LocalRegistry, sigstore: LocalSigstore, place: str
) -> None:
    local_registry.fail(place, 429, headers={"Retry-After": "3600"})
    with pytest.raises(pv.RateLimited):
        pv.sign(image, sigstore.signer(WHO), reuse=True)


# ---- indexes


@pytest.fixture
def index(local_registry: LocalRegistry) -> pv.Image:
    """Two platforms, BuildKit's attestation manifest, and an index within."""
    builds = [
        ImageBuilder(platform=p).layer({"a": p.encode()}).build()
        for p in ("linux/amd64", "linux/arm64")
    ]
    inner = local_registry.reference("team/multi:inner")
    build_index(builds[1:], inner)
    outer = local_registry.reference("team/multi:1")
    build_index(builds[:1], outer)
    inside, whole = pv.resolve(inner), pv.resolve(outer)
    said = Manifest.build(
        Descriptor.of(b"{}", "application/vnd.oci.image.config.v1+json"),
        [Descriptor.of(b"[]", "application/vnd.in-toto+json")],
    )
    with whole.repository() as repository:
        for blob in (b"{}", b"[]"):
            repository.push_blob(blob, Descriptor.of(blob, "x/y"))  # type: ignore[attr-defined]
        repository.push_manifest(said)  # type: ignore[attr-defined]
    manifest = whole.manifest()
    assert isinstance(manifest, Index)
    attestation = Descriptor(
        said.descriptor.media_type,
        said.descriptor.digest,
        said.descriptor.size,
        annotations={"vnd.docker.reference.type": "attestation-manifest"},
    )
    listed = [*manifest.manifests, attestation, inside.descriptor, *manifest.manifests]
    raw = Index.build([Descriptor(d.media_type, d.digest, d.size) for d in listed]).raw
    local_registry.put_manifest("team/multi", raw, media_type=OCI_INDEX, tag="all")
    return pv.resolve(local_registry.reference("team/multi:all"))


def everything_in(index: pv.Image) -> set[Digest]:
    found = {index.descriptor.digest}
    manifest = index.manifest()
    assert isinstance(manifest, Index)
    for entry in manifest.manifests:
        found.add(entry.digest)
        if entry.media_type == OCI_INDEX:
            found |= everything_in(pv.resolve(index.reference.with_digest(entry.digest)))
    return found


@pytest.mark.parametrize("layout", ["bundle", "both"])
def test_an_index_with_all_that_is_in_it(
    index: pv.Image, sigstore: LocalSigstore, layout: Any
) -> None:
    signer = sigstore.signer(WHO)
    stored = pv.sign(index, signer, recursive=True, layout=layout)
    expected = everything_in(index)
    assert len(expected) == 5
    assert {one.subject for one in stored.everything} == expected
    assert len(stored.everything) == len(expected) * (2 if layout == "both" else 1)
    assert stored.subject == index.digest
    for digest in expected:
        assert verified(pv.resolve(index.reference.with_digest(digest)), signer).signatures
    again = pv.sign(index, signer, recursive=True, layout=layout, reuse=True)
    assert all(one.reused for one in again.everything)


def test_only_the_index_without_being_asked(index: pv.Image, sigstore: LocalSigstore) -> None:
    stored = pv.sign(index, sigstore.signer(WHO))
    assert [one.subject for one in stored.everything] == [index.digest]


def test_one_that_fails_hides_none_of_the_others(
    index: pv.Image, local_registry: LocalRegistry, sigstore: LocalSigstore
) -> None:
    manifest = index.manifest()
    assert isinstance(manifest, Index)
    lost = manifest.manifests[0].digest
    local_registry.fail(f"/manifests/{lost}$", 403)
    with pytest.raises(pv.PartlyStored) as partly:
        pv.sign(index, sigstore.signer(WHO), recursive=True)
    assert {one.subject for one in partly.value.stored} == everything_in(index) - {lost}
    (failure,) = partly.value.failures
    assert isinstance(failure, pv.Forbidden)
    assert str(lost) in str(failure)


def test_a_signer_that_fails_is_not_asked_for_every_image(
    index: pv.Image, local_sigstore: LocalSigstore
) -> None:
    signer = local_sigstore.signer(WHO)
    local_sigstore.fail("log", 400)
    try:
        before = len(local_sigstore.requests)
        with pytest.raises(pv.SigningError):
            pv.sign(index, signer, recursive=True)
        asked = [r for r in local_sigstore.requests[before:] if "log" in r.path]
    finally:
        local_sigstore.recover()
    assert len(asked) == 1


# ---- documents too large for a statement


@pytest.mark.parametrize("layout", ["bundle", "both"])
def test_a_large_document_is_stored_beside_and_referred_to(
    image: pv.Image, sigstore: LocalSigstore, layout: Any
) -> None:
    signer, sbom = sigstore.signer(WHO), pv.generate_sbom(image)
    small = pv.Settings(inline_predicate=100)
    stored = pv.attest(image, sbom, signer, layout=layout, settings=small)
    assert stored.kind == "reference"
    assert stored.document is not None
    statement = json.loads(base64.b64decode(json.loads(stored.bundle)["dsseEnvelope"]["payload"]))
    assert statement["subject"][0]["digest"] == {"sha256": image.descriptor.digest.hex}
    (named,) = statement["predicate"]["references"]
    document = sbom.to_bytes()
    assert named["digest"] == {"sha256": Digest.of(document).hex}
    assert named["mediaType"] == "application/vnd.cyclonedx+json"
    assert named["annotations"] == {
        "size": len(document),
        "predicateType": "https://cyclonedx.org/bom",
    }
    assert named["downloadLocation"].endswith(f"/blobs/{Digest.of(document)}")
    found = verified(image, signer, require="sbom")
    assert found.sbom().to_bytes() == document
    again = pv.attest(image, sbom, signer, layout=layout, settings=small, reuse=True)
    assert all(one.reused for one in again.everything)
    assert again.document is not None
    assert again.document.reference == stored.document.reference


def test_the_size_that_stays_in_the_statement_is_exact(
    image: pv.Image, sigstore: LocalSigstore, local_sigstore: LocalSigstore
) -> None:
    predicate = b'{"a":"123"}'
    for limit, logged_by, kind in (
        (len(predicate), sigstore, "urn:x:y"),
        (len(predicate) - 1, sigstore, "reference"),
        # Rekor v2 is sent a hash: there it is no matter.
        (len(predicate) - 1, local_sigstore, "urn:x:y"),
    ):
        stored = pv.attest(
            image,
            predicate,
            logged_by.signer(WHO),
            predicate_type="urn:x:y",
            settings=pv.Settings(inline_predicate=limit),
        )
        assert stored.kind == kind


# ---- elsewhere


@pytest.mark.parametrize("layout", ["bundle", "both"])
def test_evidence_in_a_repository_of_its_own(
    image: pv.Image, local_registry: LocalRegistry, sigstore: LocalSigstore, layout: Any
) -> None:
    signer = sigstore.signer(WHO)
    place = local_registry.reference("security/evidence").removesuffix(":latest")
    stored = pv.sign(image, signer, layout=layout, evidence_repository=place)
    assert {one.reference.repository for one in stored.everything} == {"security/evidence"}
    with pytest.raises(pv.NoMatchingEvidence):
        verified(image, signer)
    assert verified(image, signer, evidence_repository=place).signatures
    again = pv.sign(image, signer, layout=layout, evidence_repository=place, reuse=True)
    assert all(one.reused for one in again.everything)
    elsewhere = pv.Settings(evidence_repository=place)
    assert pv.sign(image, signer, layout=layout, settings=elsewhere, reuse=True).reused


# ---- in a local layout


@pytest.mark.parametrize("layout", ["bundle", "legacy", "both"])
def test_in_a_local_layout_without_telling_its_path(
    tmp_path: Path, sigstore: LocalSigstore, layout: Any
) -> None:
    place = f"oci:{tmp_path / 'secret-project'}:1.0"
    ImageBuilder().layer(APK).push(place)
    image, signer = pv.resolve(place), sigstore.signer(WHO)
    signed = pv.sign(image, signer, layout=layout)
    said = pv.attest(image, pv.generate_sbom(image), signer, layout=layout)
    assert verified(image, signer).signatures
    assert verified(image, signer, require="sbom").sbom().packages
    assert pv.sign(image, signer, layout=layout, reuse=True).reused
    large = pv.attest(
        image,
        {"a": "b" * 200},
        signer,
        predicate_type="urn:x:y",
        layout=layout,
        settings=pv.Settings(inline_predicate=100),
    )
    assert large.document is not None
    for one in (*signed.everything, *said.everything, *large.everything):
        bundle = json.loads(one.bundle)
        if "dsseEnvelope" in bundle:
            payload = base64.b64decode(bundle["dsseEnvelope"]["payload"])
            assert json.loads(payload)["subject"][0]["name"] == ""
            assert str(tmp_path).encode() not in payload
    if layout != "bundle":
        assert all(b"secret-project" not in payload for _, payload in layers_at(image, "sig"))


@pytest.fixture
def closed() -> Iterator[tuple[LocalRegistry, pv.Registry]]:
    """A registry that wants a login, and a session that has one."""
    with (
        LocalRegistry(auth="basic", username="u", password="p") as local,
        pv.Registry(credentials={local.host: local.account}) as session,
    ):
        yield local, session


def test_what_is_in_an_index_is_read_by_the_session_of_the_index(
    closed: tuple[LocalRegistry, pv.Registry], sigstore: LocalSigstore
) -> None:
    local, session = closed
    builds = [
        ImageBuilder(platform=p).layer({"a": p.encode()}).build()
        for p in ("linux/amd64", "linux/arm64")
    ]
    tag = local.reference("team/multi:1")
    build_index(builds, tag, registry=session)
    index = pv.resolve(tag, registry=session)
    stored = pv.sign(index, sigstore.signer(WHO), recursive=True, layout="both")
    assert len(stored.everything) == 6


def test_an_image_brings_its_session_to_wherever_its_evidence_is(
    closed: tuple[LocalRegistry, pv.Registry], sigstore: LocalSigstore
) -> None:
    local, session = closed
    tag, place = local.reference("team/app:1.0"), local.reference("security/evidence")
    ImageBuilder().layer(APK).push(tag, registry=session)
    image, signer = pv.resolve(tag, registry=session), sigstore.signer(WHO)
    for _ in range(2):
        pv.sign(image, signer, evidence_repository=place, layout="both", reuse=True)
    assert verified(image, signer, evidence_repository=place).signatures
    small = pv.Settings(inline_predicate=10)
    pv.attest(image, pv.generate_sbom(image), signer, settings=small)
    assert verified(image, signer, require="sbom").sbom().packages
    who = pv.Identity(WHO, issuer=signer.issuer)
    assert pv.examine(image, who, trust=signer.trust, evidence_repository=place).complete
