"""Provenance of builds as GitHub and its generator write it, and who signs it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from provenance.attestation import ResourceDescriptor, Statement
from provenance.digests import Digest
from provenance.errors import InvalidEvidence
from provenance.verification.signed import Certified, KeyHolder, SignedStatement
from provenance.verification.slsa import Check, check_provenance

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from provenance.verification.signed import Signatory

GITHUB = "https://token.actions.githubusercontent.com"
REPOSITORY = "https://github.com/org/app"
WORKFLOW = f"{REPOSITORY}/.github/workflows/release.yml@refs/tags/v1.2.3"
COMMIT = "15bf79ea9c89fffbf5dd02c6b5b686b291bfcbd2"
RUN = f"{REPOSITORY}/actions/runs/42/attempts/1"
GENERATOR = (
    "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/"
    "generator_container_slsa3.yml@refs/tags/v2.0.0"
)
# As Fulcio's oid-info.md maps the claims of GitHub's tokens.
CLAIMS = {
    "build-signer-uri": WORKFLOW,
    "runner-environment": "github-hosted",
    "source-repository-uri": REPOSITORY,
    "source-repository-digest": COMMIT,
    "source-repository-ref": "refs/tags/v1.2.3",
    "source-repository-identifier": "1296269",
    "source-repository-owner-identifier": "583231",
    "build-config-uri": WORKFLOW,
    "build-trigger": "push",
    "run-invocation-uri": RUN,
}
SIGNER = Certified(WORKFLOW, GITHUB, CLAIMS)
KEY = KeyHolder("sha256:" + "0" * 64)
# GitHub's own form: actions/toolkit, packages/attest/src/provenance.ts.
V1: dict[str, Any] = {
    "buildDefinition": {
        "buildType": "https://actions.github.io/buildtypes/workflow/v1",
        "externalParameters": {
            "workflow": {
                "ref": "refs/tags/v1.2.3",
                "repository": REPOSITORY,
                "path": ".github/workflows/release.yml",
            }
        },
        "internalParameters": {
            "github": {
                "event_name": "push",
                "repository_id": "1296269",
                "repository_owner_id": "583231",
                "runner_environment": "github-hosted",
            }
        },
        "resolvedDependencies": [
            {"uri": f"git+{REPOSITORY}@refs/tags/v1.2.3", "digest": {"gitCommit": COMMIT}}
        ],
    },
    "runDetails": {"builder": {"id": WORKFLOW}, "metadata": {"invocationId": RUN}},
}
# slsa-github-generator's form, of a workflow that was started by hand.
V02: dict[str, Any] = {
    "builder": {"id": GENERATOR},
    "buildType": "https://github.com/slsa-framework/slsa-github-generator/container@v1",
    "invocation": {
        "configSource": {
            "uri": f"git+{REPOSITORY}@refs/heads/main",
            "digest": {"sha1": COMMIT},
            "entryPoint": ".github/workflows/release.yml",
        },
        "parameters": {},
        "environment": {
            "github_event_name": "workflow_dispatch",
            "github_event_payload": {"inputs": {"level": "high", "dry": True}},
            "github_ref": "refs/heads/main",
            "github_ref_type": "branch",
            "github_sha1": COMMIT,
            "github_repository_id": "1296269",
        },
    },
    "metadata": {"buildInvocationID": "42-1"},
    "materials": [{"uri": f"git+{REPOSITORY}@refs/heads/main", "digest": {"sha1": COMMIT}}],
}
GENERATOR_CLAIMS = CLAIMS | {
    "build-signer-uri": GENERATOR,
    "source-repository-ref": "refs/heads/main",
    "build-config-uri": f"{REPOSITORY}/.github/workflows/release.yml@refs/heads/main",
    "build-trigger": "workflow_dispatch",
}
GENERATED_BY = Certified(GENERATOR, GITHUB, GENERATOR_CLAIMS)


def signed(
    predicate: Any,
    signer: Signatory = SIGNER,
    predicate_type: str = "https://slsa.dev/provenance/v1",
) -> SignedStatement:
    subject = ResourceDescriptor("app", {"sha256": Digest.of(b"").hex})
    statement = Statement.build([subject], predicate_type, predicate)
    return SignedStatement(statement=statement, signer=signer)


def v02(predicate: Any = V02, signer: Signatory = GENERATED_BY) -> SignedStatement:
    return signed(predicate, signer, "https://slsa.dev/provenance/v0.2")


def edited(document: Mapping[str, Any], *path: str | int, to: Any) -> Any:
    """A copy with another value at a path; `...` removes it."""
    out: Any = copy.deepcopy(dict(document))
    here = out
    for key in path[:-1]:
        here = here[key]
    if to is ...:
        del here[path[-1]]
    else:
        here[path[-1]] = to
    return out


def accepted(statement: SignedStatement, **expected: Any) -> tuple[Check, ...]:
    return check_provenance(statement, **expected).checks


def refusal(check: Callable[[], object]) -> str:
    with pytest.raises(InvalidEvidence) as caught:
        check()
    assert caught.value.step == "provenance"
    return str(caught.value)
