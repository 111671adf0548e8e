"""A layout that `cosign save` wrote in production, verified where it lies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import provenance as pv

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.corpus

BUILDER = (
    "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/"
    "generator_container_slsa3.yml"
)
ISSUER = "https://token.actions.githubusercontent.com"


@pytest.fixture
def place(corpus: Path) -> str:
    folder = corpus / "slsa" / "gha_generic_container-v1.4.0" / "container_workflow_dispatch"
    return f"oci:{folder}"


@pytest.fixture
def trust(corpus: Path) -> pv.Trust:
    return pv.Trust.from_file(corpus / "sigstore-roots" / "targets" / "trusted_root.json")


@pytest.fixture
def who() -> pv.Identity:
    return pv.Identity(f"{BUILDER}@refs/tags/v1.4.0", issuer=ISSUER)


def test_the_provenance_of_the_saved_image_is_proven(
    place: str, trust: pv.Trust, who: pv.Identity, corpus: Path
) -> None:
    verified = pv.verify(place, who, trust=trust, require="slsa-provenance")
    (proof,) = verified.attestations
    told = corpus / "slsa" / "gha_generic_container-v1.4.0" / "container_workflow_dispatch.digest"
    assert str(proof.subject) == told.read_text().strip()
    assert proof.placement.scheme == "saved"
    assert proof.log_entries[0].kind == "intoto 0.0.1"
    held = verified.provenance(source="github.com/slsa-framework/example-package")
    assert held.builder_id.startswith(BUILDER)


@pytest.mark.parametrize(
    ("identity", "more", "message"),
    [
        (f"{BUILDER}@refs/tags/v1.4.1", {}, "v1.4.0"),
        (f"{BUILDER}@refs/tags/v1.4.0", {"require": "signature"}, "of another kind"),
        (f"{BUILDER}@refs/tags/v1.4.0", {"require": "sbom"}, "of another kind"),
        (f"{BUILDER}@refs/tags/v1.4.0", {"annotations": {"a": "b"}}, "expected 'b'"),
    ],
)
def test_it_proves_nothing_else(
    place: str, trust: pv.Trust, identity: str, more: dict[str, Any], message: str
) -> None:
    asked = {"require": "slsa-provenance", "trust": trust, **more}
    with pytest.raises(pv.NoMatchingEvidence, match=message):
        pv.verify(place, pv.Identity(identity, issuer=ISSUER), **asked)


def test_a_provenance_of_another_source_does_not_hold(
    place: str, trust: pv.Trust, who: pv.Identity
) -> None:
    verified = pv.verify(place, who, trust=trust, require="slsa-provenance")
    with pytest.raises(pv.InvalidEvidence, match="example-package"):
        verified.provenance(source="github.com/slsa-framework/other")
