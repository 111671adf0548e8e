"""What `verify` asks of a build, in slsa-verifier's options."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import provenance as pv
from provenance.cli.main import main
from provenance.signing.keys import generate_key_pair, write_key_pair
from provenance.testing import ImageBuilder, LocalRegistry, LocalSigstore

if TYPE_CHECKING:
    from pathlib import Path

WORKFLOW = "org/app/.github/workflows/release.yml"
ISSUER = "https://token.actions.githubusercontent.com"
SHA = "15bf79ea9c8973bd39c8e9c8b2b5e3a2b1c0d9e8"
JOB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "org/app",
    "GITHUB_REF": "refs/tags/v1.2.3",
    "GITHUB_SHA": SHA,
    "GITHUB_WORKFLOW_REF": f"{WORKFLOW}@refs/tags/v1.2.3",
    "GITHUB_EVENT_NAME": "push",
    "GITHUB_REPOSITORY_ID": "1",
    "GITHUB_REPOSITORY_OWNER_ID": "2",
    "RUNNER_ENVIRONMENT": "github-hosted",
    "GITHUB_RUN_ID": "42",
    "GITHUB_RUN_ATTEMPT": "1",
}
CLAIMS = {
    "iss": ISSUER,
    "repository": "org/app",
    "ref": "refs/tags/v1.2.3",
    "sha": SHA,
    "job_workflow_ref": f"{WORKFLOW}@refs/tags/v1.2.3",
    "workflow_ref": f"{WORKFLOW}@refs/tags/v1.2.3",
    "workflow_sha": SHA,
    "job_workflow_sha": SHA,
    "event_name": "push",
    "repository_id": "1",
    "repository_owner": "org",
    "repository_owner_id": "2",
    "repository_visibility": "public",
    "runner_environment": "github-hosted",
    "run_id": "42",
    "run_attempt": "1",
}


@pytest.fixture
def asked(
    local_registry: LocalRegistry, local_sigstore: LocalSigstore, tmp_path: Path
) -> list[str]:
    """The command that asks who signed an image that a workflow built."""
    tag = local_registry.reference("team/app:1.0")
    ImageBuilder().layer({"a": b"1"}).push(tag)
    signer = local_sigstore.signer("https://github.com/org/app", **CLAIMS)
    pv.attest(tag, pv.slsa_provenance(JOB), signer)
    root = local_sigstore.write_trusted_root(tmp_path / "root.json")
    identity = f"https://github.com/{WORKFLOW}@refs/tags/v1.2.3"
    return [
        *("verify", str(tag), "--trusted-root", str(root)),
        *("--certificate-identity", identity, "--certificate-oidc-issuer", ISSUER),
    ]


@pytest.mark.parametrize(
    ("options", "status", "told"),
    [
        (
            "--source-uri github.com/org/app",
            0,
            "of https://github.com/org/app\n    at refs/tags/v1",
        ),
        (f"--builder-id https://github.com/{WORKFLOW} --source-versioned-tag v1.2", 0, "built by"),
        (f"--source-tag v1.2.3 --source-commit {SHA} --deny-self-hosted-runners", 0, "built by"),
        ("--source-uri github.com/org/app --type slsaprovenance1", 0, "built by"),
        ("--source-uri github.com/org/app-evil", 1, "expected https://github.com/org/app-evil"),
        ("--source-uri github.com/org/ap", 1, "expected"),
        ("--source-branch main", 1, "branch"),
        ("--source-ref refs/heads/v1.2.3", 1, "expected refs/heads/v1.2.3"),
        ("--source-versioned-tag v1.3", 1, "expected"),
        ("--builder-id https://github.com/org/evil/.github/workflows/release.yml", 1, "expected"),
        ("--build-workflow-input a=b", 1, "workflow"),
        ("--build-workflow-input a", 2, "write NAME=VALUE"),
        ("--source-versioned-tag latest", 2, "latest"),
        ("--source-uri=", 2, "is no repository"),
        ("--source-uri github.com/org/app --type sbom", 1, "sbom"),
    ],
)
def test_the_build_that_was_asked_for_is_held_to_its_certificate(
    asked: list[str],
    options: str,
    status: int,
    told: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*asked, *options.split()])
    out, err = capsys.readouterr()
    assert ended.value.code == status, err
    assert told in (out if status == 0 else err)


def test_what_no_certificate_says_of_a_build_is_called_the_signers_word(
    asked: list[str],
    local_sigstore: LocalSigstore,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    private, public = write_key_pair(generate_key_pair("p"), tmp_path / "k")
    signer = pv.Signer.from_key(private, password="p", trust=local_sigstore.trust)
    pv.attest(asked[1], pv.slsa_provenance(JOB), signer)
    with pytest.raises(SystemExit) as ended:
        main([*asked[:4], "--key", str(public), "--source-uri", "github.com/org/app"])
    assert ended.value.code == 0
    own = " (the signer's word alone)\n"
    told = capsys.readouterr().out
    assert f"built by https://github.com/{WORKFLOW}@refs/tags/v1.2.3{own}" in told
    assert f"of https://github.com/org/app{own}" in told


def test_the_build_stands_in_the_json(asked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*asked, "--source-uri", "github.com/org/app", "-o", "json"])
    assert ended.value.code == 0
    (result,) = json.loads(capsys.readouterr().out)["results"]
    built: dict[str, Any] = result["provenance"]
    assert (built["source_uri"], built["ref"], built["commit"]) == (
        "https://github.com/org/app",
        "refs/tags/v1.2.3",
        SHA,
    )
    assert {"field": "ref", "value": "refs/tags/v1.2.3", "where": "certificate"} in built["checks"]


@pytest.mark.parametrize(
    ("options", "variables", "status", "told"),
    [
        ("--build-provenance", JOB, 0, ""),
        ("--build-provenance --builder-id https://github.com/o/r/.github/workflows/b", JOB, 1, ""),
        ("--build-provenance", {}, 3, "no build to describe"),
        ("--build-provenance --predicate x", JOB, 2, "one of them"),
        ("--build-provenance --type slsaprovenance1", JOB, 2, "leave --type out"),
        ("--builder-id x --predicate x", JOB, 2, "goes with"),
        ("", JOB, 2, "say what to attest"),
    ],
)
def test_the_job_that_runs_is_attested(
    options: str,
    variables: dict[str, str],
    status: int,
    told: str,
    local_registry: LocalRegistry,
    local_sigstore: LocalSigstore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whether it is signed; and where another builder is named, that verifying it is refused."""
    for name in (*JOB, "GITLAB_CI"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    tag = str(local_registry.reference("team/app:2.0"))
    ImageBuilder().layer({"a": b"2"}).push(tag)
    root = str(local_sigstore.write_trusted_root(tmp_path / "root.json"))
    config = str(local_sigstore.write_signing_config(tmp_path / "config.json"))
    token = local_sigstore.token("https://github.com/org/app", **CLAIMS)
    services = ["--trusted-root", root, "--signing-config", config, "--identity-token", token]
    with pytest.raises(SystemExit) as ended:
        main(["attest", tag, *services, *options.split()])
    _, err = capsys.readouterr()
    if status > 1:
        assert (ended.value.code, told in err) == (status, True), err
        return
    assert ended.value.code == 0, err
    identity = f"https://github.com/{WORKFLOW}@refs/tags/v1.2.3"
    who = ["--certificate-identity", identity, "--certificate-oidc-issuer", ISSUER]
    with pytest.raises(SystemExit) as ended:
        main(["verify", tag, "--trusted-root", root, *who, "--source-uri", "github.com/org/app"])
    assert ended.value.code == status


def test_of_several_builds_any_may_be_the_one(
    local_registry: LocalRegistry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The one that is asked for lies in a place that is looked at after the other."""
    tag = local_registry.reference("team/app:1.0")
    ImageBuilder().layer({"a": b"1"}).push(tag)
    with LocalSigstore(rekor=("v1",)) as sigstore:
        for ref, layout in (("refs/tags/v1.2.4", "bundle"), ("refs/tags/v1.2.3", "legacy")):
            claims = CLAIMS | {"ref": ref}
            signer = sigstore.signer("https://github.com/org/app", **claims)
            said = pv.slsa_provenance(JOB | {"GITHUB_REF": ref})
            pv.attest(tag, said, signer, layout=layout)  # type: ignore[arg-type]
        root = sigstore.write_trusted_root(tmp_path / "root.json")
        asked = [
            *("verify", str(tag), "--trusted-root", str(root)),
            *("--certificate-identity", f"https://github.com/{WORKFLOW}@refs/tags/v1.2.3"),
            *("--certificate-oidc-issuer", ISSUER),
        ]
        for name, status in (("v1.2.3", 0), ("v1.2.5", 1)):
            with pytest.raises(SystemExit) as ended:
                main([*asked, "--source-tag", name])
            assert ended.value.code == status, capsys.readouterr()
