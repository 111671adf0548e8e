"""Provenance out of a job's environment: what is taken, what is missing, what is not looked at."""

from __future__ import annotations

import json
from typing import Any

import pytest

from provenance.attestation import read_predicate, slsa_provenance
from provenance.attestation.predicates import SlsaProvenance
from provenance.attestation.statement import ResourceDescriptor, Statement
from provenance.errors import SigningError

COMMIT = "15bf79ea9c89fffbf5dd02c6b5b686b291bfcbd2"
GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "org/app",
    "GITHUB_REF": "refs/heads/main",
    "GITHUB_WORKFLOW_REF": "org/app/.github/workflows/release.yml@refs/heads/main",
    "GITHUB_EVENT_NAME": "push",
    "GITHUB_REPOSITORY_ID": "1296269",
    "GITHUB_REPOSITORY_OWNER_ID": "583231",
    "RUNNER_ENVIRONMENT": "github-hosted",
    "GITHUB_RUN_ID": "42",
    "GITHUB_RUN_ATTEMPT": "1",
    "GITHUB_SHA": COMMIT,
}
PROJECT = "https://gitlab.example.com/group/app"
GITLAB = {
    "GITLAB_CI": "true",
    "CI_PROJECT_URL": PROJECT,
    "CI_COMMIT_REF_NAME": "v1.2",
    "CI_COMMIT_TAG": "v1.2",
    "CI_COMMIT_SHA": COMMIT,
    "CI_RUNNER_VERSION": "18.3.0",
    "CI_RUNNER_ID": "7",
    "CI_JOB_URL": f"{PROJECT}/-/jobs/1",
    "CI_JOB_ID": "1",
    "CI_JOB_NAME": "build",
}
OPTIONAL = {
    "CI_COMMIT_TAG",
}


class Watched(dict[str, str]):
    """An environment that remembers what was asked for."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.asked: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.add(key)
        return super().get(key, default)


def test_outside_of_a_job_there_is_nothing_to_say() -> None:
    for environ in ({}, {"CI": "true"}, {"GITHUB_ACTIONS": "1"}, {"GITLAB_CI": ""}):
        with pytest.raises(SigningError, match="no build to describe"):
            slsa_provenance(environ)


@pytest.mark.parametrize("job", [GITHUB, GITLAB], ids=["github", "gitlab"])
def test_a_variable_that_is_missing_is_named(job: dict[str, str]) -> None:
    switch = next(iter(job))
    for name in job.keys() - OPTIONAL - {switch}:
        for broken in ({k: v for k, v in job.items() if k != name}, job | {name: ""}):
            with pytest.raises(SigningError, match=f"has no {name}"):
                slsa_provenance(broken)


@pytest.mark.parametrize("job", [GITHUB, GITLAB], ids=["github", "gitlab"])
def test_no_variable_that_holds_a_secret_is_looked_at(job: dict[str, str]) -> None:
    environ = Watched(job)
    slsa_provenance(environ)
    secret = ("TOKEN", "PASSWORD", "SECRET", "KEY", "JWT", "CREDENTIAL")
    assert not [name for name in environ.asked if any(word in name for word in secret)]


def test_the_process_is_asked_where_nobody_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GITHUB.items():
        monkeypatch.setenv(name, value)
    assert slsa_provenance().builder_id.startswith("https://github.com/org/app/")


@pytest.mark.parametrize(
    ("ref", "workflow_ref", "path"),
    [
        ("refs/tags/pkg@1.2", "org/app/.github/workflows/r.yml@refs/tags/pkg@1.2", "r.yml"),
        ("refs/heads/main", "org/app/.github/workflows/a@b.yml@refs/heads/main", "a@b.yml"),
        # The workflow of the default branch, run for another ref.
        ("refs/pull/1/merge", "org/app/.github/workflows/r.yml@refs/heads/main", "r.yml"),
    ],
)
def test_names_with_an_at_sign_are_taken_apart(ref: str, workflow_ref: str, path: str) -> None:
    made = slsa_provenance(GITHUB | {"GITHUB_REF": ref, "GITHUB_WORKFLOW_REF": workflow_ref})
    workflow = made.parameters["workflow"]
    assert workflow["path"] == f".github/workflows/{path}"
    assert f"{workflow['path']}@{workflow['ref']}" == workflow_ref.removeprefix("org/app/")


def test_a_workflow_without_a_ref_is_none() -> None:
    with pytest.raises(SigningError, match="names no ref"):
        slsa_provenance(GITHUB | {"GITHUB_WORKFLOW_REF": "org/app/.github/workflows/r.yml"})


def test_a_reusable_workflow_is_named_by_the_caller() -> None:
    builder = "https://github.com/org/ci/.github/workflows/build.yml@refs/tags/v1"
    assert slsa_provenance(GITHUB, builder=builder).builder_id == builder
    assert slsa_provenance(GITLAB, builder="https://ci.example.com").builder_id.endswith(".com")


def test_gitlabs_tag_is_a_tag() -> None:
    made = slsa_provenance(GITLAB)
    assert (made.source_uri, made.ref, made.commit) == (PROJECT, "refs/tags/v1.2", COMMIT)
    assert made.builder_id == f"{PROJECT}/-/runners/7"
    branch = {k: v for k, v in GITLAB.items() if k != "CI_COMMIT_TAG"}
    assert slsa_provenance(branch).ref == "refs/heads/v1.2"


@pytest.mark.parametrize("job", [GITHUB, GITLAB], ids=["github", "gitlab"])
def test_what_is_made_is_what_is_read(job: dict[str, str]) -> None:
    made = slsa_provenance(job)
    subject = ResourceDescriptor("app", {"sha256": "00"})
    found = read_predicate(Statement.build([subject], made.predicate_type, made.predicate))
    assert isinstance(found, SlsaProvenance)
    assert found == made
    assert found.check().ok
    assert json.dumps(found.raw) == json.dumps(slsa_provenance(job).raw)
