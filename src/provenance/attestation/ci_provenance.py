"""`slsa_provenance`: SLSA provenance of the job that runs, out of its environment.

Source: GitHub, build type `workflow/v1` (github.com/actions/buildtypes); GitLab,
`PROVENANCE.md` of the runner, and "Predefined CI/CD variables". Only the variables that are
named here are read: none of them is secret.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from provenance.attestation.predicate_types import SLSA_PROVENANCE_V1
from provenance.attestation.predicates.slsa_provenance import GITHUB_BUILD_TYPE, SlsaProvenance
from provenance.errors import SigningError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["slsa_provenance"]

_GITLAB_BUILD_TYPE = "https://gitlab.com/gitlab-org/gitlab-runner/-/blob/{}/PROVENANCE.md"


def slsa_provenance(
    environ: Mapping[str, str] | None = None, *, builder: str | None = None
) -> SlsaProvenance:
    """What GitHub Actions or GitLab says of the job that runs, as `attest` takes it.

    It is the job's own word. What makes it worth more is who signs: a certificate of the same
    job says source, ref and commit too, and `check_provenance` holds the two together.

    Args:
        environ: in place of the process's environment.
        builder: URI of the builder. None: the workflow, or GitLab's runner. In a reusable
            workflow of GitHub's give its own URI, as no variable says it:
            `https://github.com/ORG/REPO/.github/workflows/FILE@REF`.

    Raises:
        SigningError: this is no job of either, or a variable that every job has is missing.
    """
    environ = os.environ if environ is None else environ
    if environ.get("GITHUB_ACTIONS") == "true":
        return SlsaProvenance(SLSA_PROVENANCE_V1, _github(environ, builder))
    if environ.get("GITLAB_CI") == "true":
        return SlsaProvenance(SLSA_PROVENANCE_V1, _gitlab(environ, builder))
    raise SigningError(
        "there is no build to describe: neither GITHUB_ACTIONS nor GITLAB_CI is true",
        hint="run it in a job of GitHub Actions or GitLab, or attest a predicate of your own with "
        "predicate_type='slsa-provenance'",
    )


def _github(environ: Mapping[str, str], builder: str | None) -> dict[str, Any]:
    server, name = _get(environ, "GITHUB_SERVER_URL"), _get(environ, "GITHUB_REPOSITORY")
    ref, workflow = _get(environ, "GITHUB_REF"), _get(environ, "GITHUB_WORKFLOW_REF")
    repository = f"{server}/{name}"
    # Paths and refs may contain @: what is known of either side is taken off.
    path = workflow.removeprefix(f"{name}/")
    path, at, workflow_ref = (
        (path.removesuffix(f"@{ref}"), "@", ref)
        if path.endswith(f"@{ref}")
        else path.partition("@")
    )
    if not at:
        raise SigningError(f"GITHUB_WORKFLOW_REF is {workflow!r}, which names no ref")
    context = {
        "event_name": _get(environ, "GITHUB_EVENT_NAME"),
        "repository_id": _get(environ, "GITHUB_REPOSITORY_ID"),
        "repository_owner_id": _get(environ, "GITHUB_REPOSITORY_OWNER_ID"),
        "runner_environment": _get(environ, "RUNNER_ENVIRONMENT"),
    }
    run = f"{_get(environ, 'GITHUB_RUN_ID')}/attempts/{_get(environ, 'GITHUB_RUN_ATTEMPT')}"
    source = {
        "uri": f"git+{repository}@{ref}",
        "digest": {"gitCommit": _get(environ, "GITHUB_SHA")},
    }
    return {
        "buildDefinition": {
            "buildType": GITHUB_BUILD_TYPE,
            "externalParameters": {
                "workflow": {"ref": workflow_ref, "repository": repository, "path": path}
            },
            "internalParameters": {"github": context},
            "resolvedDependencies": [source],
        },
        "runDetails": {
            "builder": {"id": builder or f"{server}/{workflow}"},
            "metadata": {"invocationId": f"{repository}/actions/runs/{run}"},
        },
    }


def _gitlab(environ: Mapping[str, str], builder: str | None) -> dict[str, Any]:
    project, name = _get(environ, "CI_PROJECT_URL"), _get(environ, "CI_COMMIT_REF_NAME")
    ref = f"refs/tags/{name}" if environ.get("CI_COMMIT_TAG") else f"refs/heads/{name}"
    version = _get(environ, "CI_RUNNER_VERSION")
    metadata = {"invocationId": _get(environ, "CI_JOB_URL")}
    if started := environ.get("CI_JOB_STARTED_AT"):
        metadata["startedOn"] = started
    internal = {"job": _get(environ, "CI_JOB_ID")}
    if architecture := environ.get("CI_RUNNER_EXECUTABLE_ARCH"):
        internal["architecture"] = architecture
    return {
        "buildDefinition": {
            "buildType": _GITLAB_BUILD_TYPE.format(f"v{version}"),
            "externalParameters": {
                "source": project,
                "entryPoint": _get(environ, "CI_JOB_NAME"),
                "ref": ref,
            },
            "internalParameters": internal,
            "resolvedDependencies": [
                {"uri": project, "digest": {"gitCommit": _get(environ, "CI_COMMIT_SHA")}}
            ],
        },
        "runDetails": {
            "builder": {
                "id": builder or f"{project}/-/runners/{_get(environ, 'CI_RUNNER_ID')}",
                "version": {"gitlab-runner": version},
            },
            "metadata": metadata,
        },
    }


def _get(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "")
    if not value:
        raise SigningError(
            f"the environment has no {name}, which every job of this kind has",
            hint="pass the job's environment on to where this runs, e.g. into its container",
        )
    return value
