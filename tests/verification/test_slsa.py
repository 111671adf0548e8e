"""SLSA provenance: against the certificate, against itself, against what one expects."""

from __future__ import annotations

import base64
import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from tests.verification.built import (
    CLAIMS,
    COMMIT,
    GENERATOR,
    GITHUB,
    KEY,
    REPOSITORY,
    RUN,
    SIGNER,
    V02,
    V1,
    WORKFLOW,
    accepted,
    edited,
    refusal,
    signed,
    v02,
)

from provenance.attestation import Statement, slsa_provenance
from provenance.errors import InvalidEvidence
from provenance.verification.certificate import read_certificate
from provenance.verification.signed import Certified, SignedStatement
from provenance.verification.slsa import Check, check_provenance

if TYPE_CHECKING:
    from pathlib import Path


def test_what_github_writes_agrees_with_its_certificate_in_everything() -> None:
    found = check_provenance(
        signed(V1),
        source="github.com/org/app",
        builder=f"{REPOSITORY}/.github/workflows/release.yml",
        ref="refs/tags/v1.2.3",
        tag="v1.2.3",
        versioned_tag="v1.2",
        commit=COMMIT,
        build_type="https://actions.github.io/buildtypes/workflow/v1",
        deny_self_hosted_runners=True,
    )
    vouched = {c.field for c in found.checks if c.where == "certificate"}
    assert vouched >= {
        "builder",
        "source",
        "ref",
        "commit",
        "workflow",
        "trigger",
        "invocation",
        "repository id",
        "owner id",
        "runner",
        "expected source",
        "expected ref",
    }
    assert (found.source_uri, found.ref, found.commit) == (REPOSITORY, "refs/tags/v1.2.3", COMMIT)
    assert (found.builder_id, found.signer) == (WORKFLOW, SIGNER)


def test_what_the_generator_writes_agrees_too() -> None:
    found = check_provenance(
        v02(),
        source=f"git+{REPOSITORY}",
        builder=GENERATOR.replace("@refs/tags/", "@"),
        branch="main",
        workflow_inputs={"level": "high"},
    )
    assert {"invocation", "commit", "workflow"} <= {c.field for c in found.checks}


@pytest.mark.parametrize(
    ("claim", "value", "field"),
    [
        ("source-repository-uri", "https://github.com/org/other", "source"),
        ("source-repository-uri", "https://github.com/org/App", "source"),
        ("source-repository-uri", "https://github.com/org/app/", "source"),
        ("source-repository-digest", "0" * 40, "commit"),
        ("source-repository-ref", "refs/heads/main", "ref"),
        ("source-repository-identifier", "1", "repository id"),
        ("source-repository-owner-identifier", "1", "owner id"),
        ("build-config-uri", WORKFLOW.replace("release", "other"), "workflow"),
        ("build-trigger", "pull_request", "trigger"),
        ("run-invocation-uri", RUN.replace("42", "43"), "invocation"),
        ("run-invocation-uri", RUN.replace("attempts/1", "attempts/2"), "invocation"),
        ("runner-environment", "self-hosted", "runner"),
        ("build-signer-uri", WORKFLOW.replace("v1.2.3", "v1.2.4"), "builder"),
    ],
)
def test_a_certificate_that_says_otherwise_is_believed(claim: str, value: str, field: str) -> None:
    other = Certified(WORKFLOW, GITHUB, CLAIMS | {claim: value})
    message = refusal(lambda: check_provenance(signed(V1, other)))
    assert message.startswith(f"{field} of the provenance is ")
    assert f"expected {value}, as its certificate says" in message


def test_claims_of_before_2023_are_held_to_as_well() -> None:
    old = {
        "github-workflow-repository": "org/app",
        "github-workflow-ref": "refs/heads/main",
        "github-workflow-sha": COMMIT,
        "github-workflow-trigger": "workflow_dispatch",
    }
    signer = Certified(GENERATOR, GITHUB, old)
    assert accepted(v02(signer=signer), source="github.com/org/app")
    for name, field in (
        ("github-workflow-repository", "source"),
        ("github-workflow-ref", "ref"),
        ("github-workflow-sha", "commit"),
        ("github-workflow-trigger", "trigger"),
    ):
        other = Certified(GENERATOR, GITHUB, old | {name: "other/x"})
        assert refusal(lambda o=other: check_provenance(v02(signer=o))).startswith(field)  # type: ignore[misc]
    # Of another issuer's the old claims mean nothing.
    assert accepted(
        signed(
            edited(V1, "runDetails", "builder", "id", to="https://b"),
            Certified("x", "https://i", old),
        )
    )


@pytest.mark.parametrize(
    ("expected", "field"),
    [
        ({"source": "github.com/org/other"}, "source"),
        ({"source": "github.com/org/APP"}, "source"),
        ({"source": "https://github.com/org/app/"}, "source"),
        ({"source": "http://github.com/org/app"}, "source"),
        ({"source": "github.com/org"}, "source"),
        ({"source": "github.com/org/app2"}, "source"),
        ({"ref": "refs/tags/v1.2"}, "ref"),
        ({"ref": "v1.2.3"}, "ref"),
        ({"ref": "refs/heads/v1.2.3"}, "ref"),
        ({"branch": "main"}, "branch"),
        ({"branch": "v1.2.3"}, "branch"),
        ({"tag": "v1.2"}, "tag"),
        ({"tag": "refs/tags/v1.2.3"}, "tag"),
        ({"commit": COMMIT[:12]}, "commit"),
        ({"commit": COMMIT.upper()}, "commit"),
        ({"build_type": "https://actions.github.io/buildtypes/workflow/v2"}, "build type"),
        ({"builder": "https://github.com/org/app"}, "builder"),
        ({"builder": WORKFLOW + "0"}, "builder"),
        ({"builder": WORKFLOW.replace("refs/tags/v1.2.3", "v1.2")}, "builder"),
        ({"builder": WORKFLOW.replace("refs/tags/", "refs/heads/")}, "builder"),
        ({"builder": GENERATOR}, "builder"),
        ({"workflow_inputs": {"level": "high"}}, "trigger"),
    ],
)
def test_what_is_expected_and_not_said_is_refused(expected: Any, field: str) -> None:
    assert refusal(lambda: check_provenance(signed(V1), **expected)).startswith(field)


@pytest.mark.parametrize(
    ("tag", "expected", "same"),
    [
        ("v1.2.3", "v1", True),
        ("v1.2.3", "v1.2", True),
        ("v1.2.3", "v1.2.3", True),
        ("v1.2.3+build", "v1.2.3", True),
        ("v1.2", "v1.2.0", True),
        ("v1", "v1.0.0", True),
        ("v1.2.3-rc.1", "v1.2", True),
        ("v1.2.3-rc.1", "v1.2.3-rc.1", True),
        ("v1.2.3-rc.1", "v1.2.3", False),
        ("v1.2.3-rc.1", "v1.2.3-rc.2", False),
        ("v1.2.3", "v1.2.3-rc.1", False),
        ("v1.2.3", "v2", False),
        ("v1.2.3", "v1.3", False),
        ("v1.2.3", "v1.2.4", False),
        ("v11.2.3", "v1", False),
        ("1.2.3", "v1", False),
        ("v1.2.3.4", "v1", False),
        ("v01.2.3", "v1", False),
        ("latest", "v1", False),
    ],
)
def test_a_version_is_asked_for_as_far_as_it_is_named(tag: str, expected: str, same: bool) -> None:  # noqa: FBT001
    ref = f"refs/tags/{tag}"
    predicate = edited(V1, "buildDefinition", "externalParameters", "workflow", "ref", to=ref)
    predicate["buildDefinition"]["resolvedDependencies"][0]["uri"] = f"git+{REPOSITORY}@{ref}"
    statement = signed(predicate, KEY)
    if same:
        assert accepted(statement, versioned_tag=expected)
    else:
        refusal(lambda: check_provenance(statement, versioned_tag=expected))


def test_a_version_of_a_branch_is_none() -> None:
    assert "refs/heads/main" in refusal(lambda: check_provenance(v02(), versioned_tag="v1"))


@pytest.mark.parametrize(
    "expected",
    [
        {"source": ""},
        {"source": "git+https://github.com/org/app@refs/heads/main"},
        {"ref": ""},
        {"branch": ""},
        {"tag": ""},
        {"commit": ""},
        {"builder": ""},
        {"build_type": ""},
        {"versioned_tag": "1.2"},
        {"versioned_tag": ""},
    ],
)
def test_an_empty_or_odd_expectation_is_a_mistake(expected: Any) -> None:
    with pytest.raises(ValueError, match=r"empty|no repository|no version"):
        check_provenance(signed(V1), **expected)


@pytest.mark.parametrize(
    ("inputs", "why"),
    [
        ({"level": "low"}, "workflow input level of the provenance is high, expected low"),
        ({"other": "x"}, r"workflow input other of the provenance is (nothing), expected x"),
        ({"dry": "True"}, "workflow input dry"),
        ({"level": "high", "other": ""}, "workflow input other"),
    ],
)
def test_an_input_must_have_been_typed(inputs: dict[str, str], why: str) -> None:
    assert refusal(lambda: check_provenance(v02(), workflow_inputs=inputs)).startswith(why)


# --- what a predicate must not get past -----------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "value", "why"),
    [
        (("invocation", "environment", "github_ref"), "refs/heads/dev", "ref"),
        (("invocation", "environment", "github_sha1"), "0" * 40, "commit"),
        (("materials", 0, "uri"), "git+https://github.com/org/other@refs/heads/main", "source"),
        (("materials", 0, "uri"), f"git+{REPOSITORY}@refs/heads/dev", "source"),
        (("materials", 0, "digest", "sha1"), "0" * 40, "commit"),
        (("invocation", "configSource", "digest", "sha1"), "0" * 40, "commit"),
        (("invocation", "environment", "GITHUB_EVENT_NAME"), "push", "event_name"),
        (("builder",), ..., "builder"),
        (("builder",), [], "must be an object"),
        (("builder", "id"), 7, "must be a string"),
        (("invocation",), "x", "must be an object"),
        (("materials",), {}, "must be an array"),
    ],
)
def test_a_predicate_that_contradicts_itself_is_refused(path: Any, value: Any, why: str) -> None:
    forged = edited(V02, *path, to=value)
    # By a key that signs what it likes: nothing but the predicate itself is there to be compared.
    forged.setdefault("builder", {})
    if isinstance(forged["builder"], dict) and forged["builder"].get("id") == GENERATOR:
        forged["builder"]["id"] = "https://example.com/builder"
    assert why in refusal(lambda: check_provenance(v02(forged, KEY), commit=COMMIT))


def test_sources_that_differ_within_version_1_are_refused() -> None:
    forged = edited(
        V1, "buildDefinition", "resolvedDependencies", 0, "uri", to="git+https://github.com/x/y@z"
    )
    told = f"more than one source: {REPOSITORY}@refs/tags/v1.2.3, https://github.com/x/y@z"
    assert told in refusal(lambda: check_provenance(signed(forged, KEY)))


@pytest.mark.parametrize("predicate", [{}, [], "x", None, {"buildDefinition": None}])
def test_an_empty_predicate_proves_nothing(predicate: Any) -> None:
    refusal(lambda: check_provenance(signed(predicate)))
    refusal(lambda: check_provenance(signed(predicate, KEY), source="github.com/org/app"))


def test_a_certificate_does_not_stand_in_for_what_the_predicate_does_not_say() -> None:
    bare = {"runDetails": {"builder": {"id": WORKFLOW}}}
    assert accepted(signed(bare))
    for expected in ({"source": "github.com/org/app"}, {"ref": "refs/tags/v1.2.3"}):
        refusal(lambda e=expected: check_provenance(signed(bare), **e))  # type: ignore[misc]


def test_another_type_is_no_provenance() -> None:
    with pytest.raises(InvalidEvidence) as caught:
        check_provenance(signed(V1, predicate_type="https://example.com/provenance/v1"))
    assert caught.value.step == "predicate-type"


def test_a_self_hosted_runner_is_denied_by_fulcios_word_alone() -> None:
    claims = {k: v for k, v in CLAIMS.items() if k != "runner-environment"}
    silent = Certified(WORKFLOW, GITHUB, claims)
    refusal(lambda: check_provenance(signed(V1, silent), deny_self_hosted_runners=True))
    own = edited(
        V1,
        "buildDefinition",
        "internalParameters",
        "github",
        "runner_environment",
        to="self-hosted",
    )
    signer = Certified(WORKFLOW, GITHUB, CLAIMS | {"runner-environment": "self-hosted"})
    assert accepted(signed(own, signer))
    refusal(lambda: check_provenance(signed(own, signer), deny_self_hosted_runners=True))


def test_a_tags_branch_is_the_one_the_event_names() -> None:
    tagged = edited(V02, "invocation", "configSource", "uri", to=f"git+{REPOSITORY}@refs/tags/v1")
    tagged["materials"][0]["uri"] = f"git+{REPOSITORY}@refs/tags/v1"
    environment = tagged["invocation"]["environment"]
    environment |= {"github_ref": "refs/tags/v1", "github_event_name": "push"}
    environment["github_event_payload"] = {"base_ref": "refs/heads/main"}
    signer = Certified(GENERATOR, GITHUB, {})
    assert accepted(v02(tagged, signer), branch="main", tag="v1")
    refusal(lambda: check_provenance(v02(tagged, signer), branch="dev"))
    environment["github_event_name"] = "release"
    refusal(lambda: check_provenance(v02(tagged, signer), branch="main"))
    environment["github_event_payload"] = {"release": {"target_commitish": "main"}}
    assert accepted(v02(tagged, signer), branch="main")


def test_what_is_expected_is_certified_by_its_own_field_alone() -> None:
    def where(statement: SignedStatement, field: str, **expected: str) -> str:
        return next(c.where for c in accepted(statement, **expected) if c.field == field)

    tagged = copy.deepcopy(V1)
    tagged["buildDefinition"]["internalParameters"]["github"]["base_ref"] = "refs/heads/push"
    # The certificate has `push` too: it is the event.
    assert where(signed(tagged), "expected branch", branch="push") == "predicate"
    assert where(signed(V1), "expected tag", tag="v1.2.3") == "certificate"
    assert where(signed(V1), "versioned tag", versioned_tag="v1") == "certificate"
    assert where(signed(V1, KEY), "versioned tag", versioned_tag="v1") == "predicate"
    assert where(v02(), "expected branch", branch="main") == "certificate"


# --- what we build ourselves ----------------------------------------------------------------------


def test_what_a_job_of_github_builds_agrees_with_its_certificate() -> None:
    environ = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "org/app",
        "GITHUB_REF": "refs/tags/v1.2.3",
        "GITHUB_WORKFLOW_REF": "org/app/.github/workflows/release.yml@refs/tags/v1.2.3",
        "GITHUB_EVENT_NAME": "push",
        "GITHUB_REPOSITORY_ID": "1296269",
        "GITHUB_REPOSITORY_OWNER_ID": "583231",
        "RUNNER_ENVIRONMENT": "github-hosted",
        "GITHUB_RUN_ID": "42",
        "GITHUB_RUN_ATTEMPT": "1",
        "GITHUB_SHA": COMMIT,
        "GITHUB_TOKEN": "secret",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "secret",
    }
    assert slsa_provenance(environ).raw == V1
    assert accepted(signed(slsa_provenance(environ).raw), source="github.com/org/app")


def test_what_a_job_of_gitlab_builds_agrees_with_its_certificate() -> None:
    project = "https://gitlab.com/group/sub/app"
    environ = {
        "GITLAB_CI": "true",
        "CI_PROJECT_URL": project,
        "CI_COMMIT_REF_NAME": "main",
        "CI_COMMIT_SHA": COMMIT,
        "CI_RUNNER_VERSION": "18.3.0",
        "CI_RUNNER_ID": "12270857",
        "CI_JOB_URL": f"{project}/-/jobs/1",
        "CI_JOB_ID": "1",
        "CI_JOB_NAME": "build",
        "CI_JOB_STARTED_AT": "2026-06-13T07:25:13Z",
        "CI_JOB_TOKEN": "secret",
    }
    signer = Certified(
        f"{project}//.gitlab-ci.yml@refs/heads/main",
        "https://gitlab.com",
        {
            "source-repository-uri": project,
            "source-repository-ref": "refs/heads/main",
            "source-repository-digest": COMMIT,
            "run-invocation-uri": f"{project}/-/jobs/1",
        },
    )
    predicate = slsa_provenance(environ).raw
    assert "secret" not in json.dumps(predicate)
    found = check_provenance(signed(predicate, signer), source=project, branch="main")
    assert {"source", "ref", "commit", "invocation"} <= {
        c.field for c in found.checks if c.where == "certificate"
    }
    assert found.checks[0] == Check("builder", f"{project}/-/runners/12270857", "predicate")
    other = Certified(signer.identity, signer.issuer, {"source-repository-uri": project + "x"})
    refusal(lambda: check_provenance(signed(predicate, other)))


@pytest.mark.corpus
def test_a_provenance_of_production_is_accepted_and_its_neighbours_are_not(corpus: Path) -> None:
    folder = corpus / "slsa/gha_generic_container-v1.4.0/container_workflow_dispatch/blobs/sha256"
    attestation = json.loads(
        (folder / "738d456c898daf28d211c2e0b8ecf5dc67b9a1d631c99ef2c4b4669bcb7a0354").read_bytes()
    )["layers"][0]
    envelope = json.loads((folder / attestation["digest"].removeprefix("sha256:")).read_bytes())
    pem = attestation["annotations"]["dev.sigstore.cosign/certificate"].encode()
    signer = read_certificate(x509.load_pem_x509_certificate(pem))
    statement = Statement.parse(base64.b64decode(envelope["payload"]))
    found = SignedStatement(statement=statement, signer=signer)
    builder = GENERATOR.replace("v2.0.0", "v1.4.0")
    source = "github.com/slsa-framework/example-package"
    proven = check_provenance(found, source=source, builder=builder, branch="main")
    assert proven.commit == "904e2c3e02725e314cf6cf141c4700081298dcbd"
    wrong: list[dict[str, Any]] = [
        {"source": "github.com/slsa-framework/example"},
        {"builder": GENERATOR},
        {"branch": "dev"},
        {"tag": "main"},
        {"workflow_inputs": {"a": "b"}},
    ]
    for expected in wrong:
        refusal(lambda e=expected: check_provenance(found, **e))  # type: ignore[misc]
