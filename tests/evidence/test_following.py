"""Documents that lie elsewhere, and the signed statements that name them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.evidence.placing import (
    SIGN,
)

import provenance as pv
from provenance.digests import Digest

if TYPE_CHECKING:
    from provenance.testing import LocalRegistry, LocalSigstore


WHO = "release@example.com"
CYCLONEDX = "https://cyclonedx.org/bom"
SBOM = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": []}


def reference_to(document: bytes, **more: Any) -> dict[str, Any]:
    """The predicate that names a document which lies elsewhere."""
    named = {
        "mediaType": "application/vnd.cyclonedx+json",
        "digest": {"sha256": Digest.of(document).hex},
        "annotations": {"size": len(document), "predicateType": CYCLONEDX},
    }
    return {"attester": {"id": "https://example.org"}, "references": [named | more]}


REFERENCE = "https://in-toto.io/attestation/reference/v0.1"


def test_a_document_that_a_signed_reference_names_is_followed(
    local_registry: LocalRegistry, sigstore: LocalSigstore, image: pv.Image, asked: dict[str, Any]
) -> None:
    document = json.dumps(SBOM).encode()
    pv.attest(image, reference_to(document), sigstore.signer(WHO), predicate_type=REFERENCE)
    with pytest.raises(pv.NotFound):  # it is named, and not there: could not tell
        pv.verify(image, require="sbom", **asked)
    local_registry.put_blob("team/app", document)
    verified = pv.verify(image, require="sbom", **asked)
    assert verified.complete
    assert verified.sbom().to_bytes() == document
    later = pv.verify(image, require="any", **asked)
    assert later.sbom().to_bytes() == document
    for wanted in ("signature", "spdx", "slsa-provenance"):
        with pytest.raises(pv.NoMatchingEvidence):
            pv.verify(image, require=wanted, **asked)


def test_provenance_that_a_signed_reference_names_is_held_to_what_one_expects(
    local_registry: LocalRegistry, sigstore: LocalSigstore, image: pv.Image, asked: dict[str, Any]
) -> None:
    def name(*sources: str) -> None:
        for source in sources:
            built = {
                "buildDefinition": {
                    "buildType": "https://example.org/build",
                    "externalParameters": {"source": f"git+https://github.com/org/{source}"},
                },
                "runDetails": {"builder": {"id": "https://example.org/builder"}},
            }
            document = json.dumps(built).encode()
            kind = {"size": len(document), "predicateType": "https://slsa.dev/provenance/v1"}
            named = reference_to(document, mediaType="application/json", annotations=kind)
            pv.attest(image, named, sigstore.signer(WHO), predicate_type=REFERENCE)
            if source != "absent":
                local_registry.put_blob("team/app", document)

    name("app", "other")
    verified = pv.verify(image, require="slsa-provenance", **asked)
    for source in ("app", "other"):
        found = verified.provenance(source=f"github.com/org/{source}")
        assert found.source_uri == f"https://github.com/org/{source}"
        assert found.checks[-1].where == "predicate"
    with pytest.raises(pv.InvalidEvidence, match="source of the provenance") as refused:
        verified.provenance(source="github.com/org/mallory")
    assert refused.value.reference == str(verified.reference)
    name("absent")
    verified = pv.verify(image, require="any", **asked)
    assert verified.provenance(source="github.com/org/app").builder_id
    with pytest.raises(pv.NotFound):  # it may be the one that is not there
        verified.provenance(source="github.com/org/mallory")


@pytest.mark.parametrize(
    "wrong",
    [
        {"annotations": {"predicateType": CYCLONEDX}},
        {"annotations": {"size": "7"}},
        {"annotations": {"size": -1}},
        {"digest": {}},
        {"digest": {"sha256": "../../x"}},
        {"digest": {"sha1": "da39a3ee5e6b4b0d3255bfef95601890afd80709"}},
    ],
)
def test_a_reference_that_cannot_be_checked_is_not_followed_and_hides_none(
    local_registry: LocalRegistry,
    sigstore: LocalSigstore,
    image: pv.Image,
    asked: dict[str, Any],
    wrong: dict[str, Any],
) -> None:
    document = json.dumps(SBOM).encode()
    local_registry.put_blob("team/app", document)
    bad = reference_to(document, **wrong)
    pv.attest(image, bad, sigstore.signer(WHO), predicate_type=REFERENCE)
    with pytest.raises(pv.NoMatchingEvidence):
        pv.verify(image, require="sbom", **asked)
    both = {"references": [*bad["references"], *reference_to(document)["references"]]}
    pv.attest(image, both, sigstore.signer(WHO), predicate_type=REFERENCE)
    assert pv.verify(image, require="sbom", **asked).sbom().to_bytes() == document


def test_a_reference_is_never_a_signature(
    local_registry: LocalRegistry, sigstore: LocalSigstore, image: pv.Image, asked: dict[str, Any]
) -> None:
    local_registry.put_blob("team/app", b"{}")
    named = reference_to(b"{}", annotations={"size": 2, "predicateType": SIGN})
    pv.attest(image, named, sigstore.signer(WHO), predicate_type=REFERENCE)
    for wanted in ("signature", SIGN):
        with pytest.raises(pv.NoMatchingEvidence):
            pv.verify(image, require=wanted, **asked)


def test_a_document_of_another_size_is_not_the_one_that_was_named(
    local_registry: LocalRegistry, sigstore: LocalSigstore, image: pv.Image, asked: dict[str, Any]
) -> None:
    document = json.dumps(SBOM).encode()
    local_registry.put_blob("team/app", document)
    bad = reference_to(document, annotations={"size": len(document) - 1})
    pv.attest(image, bad, sigstore.signer(WHO), predicate_type=REFERENCE)
    with pytest.raises(pv.ProvenanceError) as refused:
        pv.verify(image, require="sbom", **asked)
    assert not isinstance(refused.value, pv.VerificationError)
