"""An image of production with its provenance, verified whole: what slsa-verifier is asked to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import provenance as pv

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.corpus

GENERATOR = "slsa-framework/slsa-github-generator/.github/workflows/generator_container_slsa3.yml"
REPOSITORY = "slsa-framework/example-package"


@pytest.fixture
def image(corpus: Path) -> str:
    return f"oci:{corpus / 'slsa/gha_generic_container-v1.4.0/container_workflow_dispatch'}"


@pytest.fixture
def trust(corpus: Path) -> pv.Trust:
    return pv.Trust.from_file(corpus / "sigstore-roots/targets/trusted_root.json")


def test_it_is_proven_where_it_was_built_and_from_what(image: str, trust: pv.Trust) -> None:
    who = pv.Identity.github(
        repository=REPOSITORY,
        signer_workflow=f"{GENERATOR}@refs/tags/v1.4.0",
        ref="refs/heads/main",
        trigger="workflow_dispatch",
        sha="904e2c3e02725e314cf6cf141c4700081298dcbd",
    )
    verified = pv.verify(image, who, require="slsa-provenance", trust=trust)
    assert verified.proofs[0].warnings == ()
    found = verified.provenance(
        source=f"github.com/{REPOSITORY}",
        builder=f"https://github.com/{GENERATOR}@v1.4.0",
        branch="main",
        commit="904e2c3e02725e314cf6cf141c4700081298dcbd",
    )
    assert {"builder", "source", "ref", "commit", "trigger"} == {
        check.field
        for check in found.checks
        if check.where == "certificate" and not check.field.startswith("expected")
    }
    wrong: list[dict[str, Any]] = [
        {"source": "github.com/slsa-framework/other"},
        {"tag": "main"},
        {"versioned_tag": "v1"},
        {"builder": f"https://github.com/{GENERATOR}@v1.4.1"},
        {"workflow_inputs": {"a": "b"}},
        {"deny_self_hosted_runners": True},
    ]
    for expected in wrong:
        with pytest.raises(pv.InvalidEvidence) as caught:
            verified.provenance(**expected)
        assert caught.value.step == "provenance"


def test_the_name_of_the_generator_alone_warns(image: str, trust: pv.Trust) -> None:
    who = pv.Identity(
        f"https://github.com/{GENERATOR}@refs/tags/v1.4.0",
        issuer="https://token.actions.githubusercontent.com",
    )
    verified = pv.verify(image, who, require="slsa-provenance", trust=trust)
    (warning,) = verified.proofs[0].warnings
    assert REPOSITORY in warning


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"repository": REPOSITORY}, "it is a reusable workflow that ran for"),
        (
            {"repository": REPOSITORY, "signer_workflow": f"{GENERATOR}@refs/tags/v1.4.1"},
            "signed by the same workflow at refs/tags/v1.4.0",
        ),
        (
            {"repository": "slsa-framework/other", "signer_workflow": GENERATOR},
            "has source-repository-uri https://github.com/slsa-framework/example-package",
        ),
        (
            {"repository": REPOSITORY, "signer_workflow": GENERATOR, "trigger": "push"},
            "has build-trigger workflow_dispatch",
        ),
    ],
)
def test_another_name_is_refused_and_told_how_near_it_was(
    image: str, trust: pv.Trust, asked: dict[str, str], why: str
) -> None:
    who = pv.Identity.github(**asked)
    with pytest.raises(pv.NoMatchingEvidence) as caught:
        pv.verify(image, who, require="slsa-provenance", trust=trust)
    assert why in caught.value.reasons[0]
