"""Where a token comes from, in which order, and whom it will certify."""

from __future__ import annotations

import base64
import gc
import io
import json
import sys
import threading
import urllib.request
import webbrowser
from typing import TYPE_CHECKING, Any

import pytest

from provenance.errors import SigningError
from provenance.signing import Signer
from provenance.signing.tokens import _from_person, certified_as, find_token, is_local
from provenance.testing.sigstore import LocalSigstore

if TYPE_CHECKING:
    from pathlib import Path

GITHUB = "https://token.actions.githubusercontent.com"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_environments_token_is_taken(local_sigstore: LocalSigstore) -> None:
    found = find_token(local_sigstore.trust, environ={"SIGSTORE_ID_TOKEN": "t"})
    assert found == "t"


def test_the_argument_is_taken_before_the_environments(
    local_sigstore: LocalSigstore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGSTORE_ID_TOKEN", local_sigstore.token("env@example.com"))
    named = Signer.keyless(
        trust=local_sigstore.trust, identity_token=local_sigstore.token("arg@example.com")
    )
    assert named.identity == "arg@example.com"
    assert Signer.keyless(trust=local_sigstore.trust).identity == "env@example.com"


def test_without_identity_and_person_it_is_said_what_to_do(local_sigstore: LocalSigstore) -> None:
    with pytest.raises(SigningError, match="set SIGSTORE_ID_TOKEN"):
        find_token(local_sigstore.trust, environ={})


def test_no_browser_is_opened_in_ci(
    local_sigstore: LocalSigstore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(sys, "stderr", Terminal())
    with pytest.raises(SigningError, match="no identity to sign with"):
        find_token(local_sigstore.trust, environ={"CI": "true"})


def test_a_ci_job_without_permission_is_told_which_one(
    local_sigstore: LocalSigstore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    with pytest.raises(SigningError, match="id-token: write"):
        find_token(local_sigstore.trust, environ={})


def test_a_github_job_asks_its_own_issuer(
    local_sigstore: LocalSigstore, monkeypatch: pytest.MonkeyPatch
) -> None:
    # GitHub answers {"value": TOKEN}; here an address that answers no token is refused.
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "secret-of-the-job")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", f"{local_sigstore.url}/keys?")
    with pytest.raises(SigningError, match="no identity token") as caught:
        find_token(local_sigstore.trust, environ={})
    assert "secret-of-the-job" not in str(caught.value)


@pytest.mark.parametrize(
    ("identity", "claims", "expected"),
    [
        ("ann@example.com", {}, "ann@example.com"),
        ("https://example.com/job", {}, "https://example.com/job"),
        ("a name", {}, "a name"),
        ("sub", {"email": "ann@example.com", "email_verified": True}, "ann@example.com"),
        ("sub", {"email": "ann@example.com", "email_verified": False}, "sub"),
        (
            "repo:org/app",
            {"iss": GITHUB, "job_workflow_ref": "org/w/.github/workflows/b.yml@refs/heads/m"},
            "https://github.com/org/w/.github/workflows/b.yml@refs/heads/m",
        ),
        (
            "project_path:g/p",
            {"iss": "https://gitlab.com", "ci_config_ref_uri": "gitlab.com/g/p//.ci.yml@refs/h/m"},
            "https://gitlab.com/g/p//.ci.yml@refs/h/m",
        ),
        (
            "organization:o:pipeline:p",
            {
                "iss": "https://agent.buildkite.com",
                "organization_slug": "o",
                "pipeline_slug": "p",
            },
            "https://buildkite.com/o/p",
        ),
        (
            "org/o/project/p/user/u",
            {
                "iss": "https://oidc.circleci.com/org/o",
                "oidc.circleci.com/project-id": "p",
                "oidc.circleci.com/pipeline-definition-id": "d",
            },
            "https://circleci.com/api/v2/projects/p/pipeline-definitions/d",
        ),
        (
            "repo:org/app",
            {"iss": f"{GITHUB}/acme", "job_workflow_ref": "org/w/.github/workflows/b.yml@m"},
            "https://github.com/org/w/.github/workflows/b.yml@m",
        ),
        # Only GitHub's own issuer names workflows.
        ("x", {"job_workflow_ref": "org/w/b.yml@m"}, "x"),
    ],
)
def test_the_certificates_name_is_foreseen(
    local_sigstore: LocalSigstore, identity: str, claims: dict[str, Any], expected: str
) -> None:
    assert certified_as(local_sigstore.token(identity, **claims))[0] == expected


def test_behind_a_federating_issuer_the_one_it_asked_is_named(
    local_sigstore: LocalSigstore,
) -> None:
    claims: dict[str, Any] = {
        "federated_claims": {"connector_id": "https://github.com/login/oauth"}
    }
    assert certified_as(local_sigstore.token(**claims))[1] == "https://github.com/login/oauth"


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
def test_what_is_no_token_is_refused_without_being_shown(token: str) -> None:
    with pytest.raises(SigningError, match="audience `sigstore`") as caught:
        certified_as(token)
    assert len(token) < 5 or token not in str(caught.value)


def test_a_token_for_another_audience_is_refused(local_sigstore: LocalSigstore) -> None:
    with pytest.raises(SigningError, match="not for Sigstore"):
        certified_as(local_sigstore.token(aud="elsewhere"))


def test_only_services_on_loopback_are_local(local_sigstore: LocalSigstore) -> None:
    from provenance.trust import Trust

    assert is_local(local_sigstore.trust)
    assert not is_local(Trust(local_sigstore.trusted_root_json))
    for host in (b"127.0.0.1.example.com", b"example.com", b"user@example.com"):
        config = local_sigstore.signing_config_json.replace(b"127.0.0.1", host, 1)
        assert not is_local(Trust(local_sigstore.trusted_root_json, config))


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # sigstore leaves its login server open
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_person_at_a_terminal_logs_in_with_a_browser(
    local_sigstore: LocalSigstore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def browse(url: str) -> bool:
        # The page waits for the login's answer, which comes after this returns.
        threading.Thread(target=lambda: urllib.request.urlopen(url).close()).start()
        return True

    monkeypatch.setattr(webbrowser, "open", browse)
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(sys, "stderr", Terminal())
    found = find_token(local_sigstore.trust, environ={})
    assert certified_as(found) == (local_sigstore.oidc.user, local_sigstore.issuer)
    gc.collect()


def test_a_login_that_fails_is_told_so() -> None:
    with LocalSigstore() as sigstore:
        trust = sigstore.trust
    with pytest.raises(SigningError, match="did not succeed"):
        _from_person(trust)


@pytest.mark.parametrize(
    ("variable", "program", "expected"),
    [
        ("BUILDKITE", "buildkite-agent", ["oidc", "request-token", "--audience", "sigstore"]),
        (
            "CIRCLECI",
            "circleci",
            ["run", "oidc", "get", "--claims", '{"aud": "sigstore"}', "--root-issuer"],
        ),
    ],
)
def test_agents_of_ci_systems_are_asked_for_a_token(
    local_sigstore: LocalSigstore,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    variable: str,
    program: str,
    expected: list[str],
) -> None:
    token, agent = local_sigstore.token("https://ci.example/job"), tmp_path / program
    agent.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > "{tmp_path}/asked"\necho {token}\n')
    agent.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv(variable, "true")
    assert find_token(local_sigstore.trust, environ={}) == token
    assert (tmp_path / "asked").read_text().splitlines() == expected
    agent.write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(SigningError, match="this CI system gave no identity token"):
        find_token(local_sigstore.trust, environ={})


def test_gitlab_gives_its_token_by_the_variable_of_its_name(
    local_sigstore: LocalSigstore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITLAB_CI", "true")
    with pytest.raises(SigningError, match=r"declare an id_token \(GitLab\)"):
        find_token(local_sigstore.trust, environ={})
    assert find_token(local_sigstore.trust, environ={"SIGSTORE_ID_TOKEN": "t"}) == "t"


@pytest.mark.parametrize(
    "odd",
    [
        *({"iss": 1}, {"iss": {}}, {"iss": []}),
        *({"exp": 10**400}, {"exp": "9999999999"}),
        *({"nbf": "soon"}, {"nbf": {}}),
    ],
)
def test_a_token_with_claims_of_odd_types_is_malformed(odd: dict[str, Any]) -> None:
    claims = {"iss": "https://i", "aud": "sigstore", "sub": "s", "iat": 1, "exp": 9_999_999_999}
    assert certified_as(_written(claims)) == ("s", "https://i")
    with pytest.raises(SigningError, match="malformed"):
        certified_as(_written(claims | odd))


def _written(claims: dict[str, Any]) -> str:
    parts = (json.dumps(part).encode() for part in ({"alg": "none"}, claims))
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + ".AA"
