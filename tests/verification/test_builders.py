"""Who built it: the builder that a provenance names, held to who signed it."""

from __future__ import annotations

import pytest
from tests.verification.built import (
    CLAIMS,
    COMMIT,
    GENERATOR,
    GENERATOR_CLAIMS,
    GITHUB,
    KEY,
    REPOSITORY,
    RUN,
    V02,
    V1,
    WORKFLOW,
    accepted,
    edited,
    refusal,
    signed,
    v02,
)

from provenance.verification.signed import Certified
from provenance.verification.slsa import check_provenance


def test_a_workflow_cannot_name_another_one_as_the_builder() -> None:
    forged = edited(V1, "runDetails", "builder", "id", to=GENERATOR)
    assert refusal(lambda: check_provenance(signed(forged), builder=GENERATOR)).startswith(
        "builder"
    )


def test_a_workflow_cannot_leave_its_ref_out_and_be_another() -> None:
    forged = edited(V1, "runDetails", "builder", "id", to=WORKFLOW.partition("@")[0] + "x")
    refusal(lambda: check_provenance(signed(forged)))


def test_a_workflow_whose_file_is_called_as_another_with_a_ref_is_not_that_one() -> None:
    other = WORKFLOW.replace("release.yml@", "release.yml@other.yml@")
    signer = Certified(other, GITHUB, CLAIMS | {"build-signer-uri": other})
    release = f"{REPOSITORY}/.github/workflows/release.yml"
    lie = signed(edited(V1, "runDetails", "builder", "id", to=release), signer)
    truth = signed(edited(V1, "runDetails", "builder", "id", to=other), signer)
    refusal(lambda: check_provenance(lie, builder=release))
    refusal(lambda: check_provenance(truth, builder=release))
    assert accepted(truth, builder=f"{release}@other.yml")


@pytest.mark.parametrize(
    "ref", ["refs/heads/main", "refs/tags/v2.0", "refs/tags/v2.0.0-rc.1", COMMIT]
)
def test_the_generator_counts_at_a_release_alone(ref: str) -> None:
    builder = f"{GENERATOR.partition('@')[0]}@{ref}"
    signer = Certified(builder, GITHUB, GENERATOR_CLAIMS | {"build-signer-uri": builder})
    message = refusal(
        lambda: check_provenance(v02(edited(V02, "builder", "id", to=builder), signer))
    )
    assert "refs/tags/vX.Y.Z" in message


def test_the_generator_has_no_key() -> None:
    refusal(lambda: check_provenance(v02(signer=KEY)))
    assert accepted(signed(V1, KEY), builder=WORKFLOW)[0].where == "predicate"


def test_a_github_workflow_vouched_for_by_another_issuer_is_refused() -> None:
    refusal(lambda: check_provenance(signed(V1, Certified(WORKFLOW, "https://gitlab.com", {}))))
    enterprise = Certified(WORKFLOW, f"{GITHUB}/org", CLAIMS)
    assert accepted(signed(V1, enterprise))


def test_a_delegator_speaks_for_the_builder_it_names() -> None:
    delegator = GENERATOR.replace("generator_container", "delegator_lowperms-generic")
    signer = Certified(delegator, GITHUB, GENERATOR_CLAIMS | {"build-signer-uri": delegator})
    builder = f"{REPOSITORY}/.github/workflows/byob.yml@refs/tags/v1.0.0"
    named = edited(V02, "builder", "id", to=builder)
    # The certificate says who delegates, and nothing of to whom.
    assert accepted(v02(named, signer), builder=builder)[0].where == "predicate"
    refusal(lambda: check_provenance(v02(named, signer)))
    moved = edited(V02, "builder", "id", to=builder.replace("tags/v1.0.0", "heads/main"))
    refusal(lambda: check_provenance(v02(moved, signer), builder=builder.partition("@")[0]))


@pytest.mark.parametrize(
    ("builder", "claims", "good"),
    [
        ("https://github.com/actions/runner/github-hosted", {}, True),
        ("https://github.com/actions/runner", {}, True),
        ("https://github.com/actions/runner/self-hosted", {}, False),
        (f"{REPOSITORY}/actions/runs/42", {}, True),
        (RUN, {}, True),
        (f"{REPOSITORY}/actions/runs/4", {}, False),
        ("https://github.com/org/other/actions/runs/42", {}, False),
        (f"{REPOSITORY}/actions/runs/42", {"run-invocation-uri": ""}, False),
        ("https://github.com/actions/runner/self-hosted", {"runner-environment": ""}, True),
        ("https://github.com/actions/runner/mine", {"runner-environment": ""}, False),
        ("https://github.com/actions/runner/", {"runner-environment": ""}, False),
        ("https://github.com/actions/runners", {}, False),
        (f"{REPOSITORY}/-/runners/7", {}, False),  # GitLab names its runners so, GitHub does not
        ("https://github.com/org/other/-/runners/7", {}, False),
        # A workflow cannot speak for another builder.
        ("https://tekton.dev/chains/v2", {}, False),
        ("https://cloudbuild.googleapis.com/GoogleHostedWorker", {}, False),
    ],
)
def test_a_builder_that_is_no_workflow_is_held_to_what_the_certificate_says(
    builder: str,
    claims: dict[str, str],
    good: bool,  # noqa: FBT001
) -> None:
    statement = signed(
        edited(V1, "runDetails", "builder", "id", to=builder),
        Certified(WORKFLOW, GITHUB, CLAIMS | claims),
    )
    if good:
        assert accepted(statement, builder=builder)[0].field == "builder"
    else:
        assert refusal(lambda: check_provenance(statement)).startswith("builder")


def test_the_kind_of_runner_is_the_jobs_word_where_the_certificate_is_silent() -> None:
    builder = "https://github.com/actions/runner/github-hosted"
    named = edited(V1, "runDetails", "builder", "id", to=builder)
    silent = Certified(WORKFLOW, GITHUB, CLAIMS | {"runner-environment": ""})
    assert accepted(signed(named), builder=builder)[0].where == "certificate"
    assert accepted(signed(named, silent), builder=builder)[0].where == "predicate"


def test_a_person_may_name_a_builder_and_it_is_their_word() -> None:
    builder = "https://tekton.dev/chains/v2"
    person = Certified("dev@example.com", "https://accounts.example.com", {})
    named = signed(edited(V1, "runDetails", "builder", "id", to=builder), person)
    assert accepted(named, builder=builder)[0].where == "predicate"
    refusal(lambda: check_provenance(signed(V1, person)))


def test_a_long_name_of_a_builder_costs_no_time() -> None:
    """With the square of its length it would take minutes."""
    named = edited(V1, "runDetails", "builder", "id", to=f"{REPOSITORY}/{'a.yml@' * 300_000}")
    refusal(lambda: check_provenance(signed(named), builder=WORKFLOW.partition("@")[0]))
    refusal(lambda: check_provenance(signed(named)))
