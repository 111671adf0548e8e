"""The embedded registry's door: Basic, and Bearer with a token service (distribution's spec)."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
from tests.testing.wire import Answer, ask, manifest

from provenance.testing import LocalRegistry

if TYPE_CHECKING:
    from collections.abc import Mapping

TAG = "/v2/org/app/manifests/1.0"


def basic(username: str = "user", password: str = "pass:word") -> dict[str, str]:
    return {
        "Authorization": "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
    }


def challenge(answer: Answer) -> dict[str, str]:
    """The parameters of a Bearer challenge."""
    assert answer.status == 401
    assert answer.code == "UNAUTHORIZED"
    kind, _, rest = answer.headers["WWW-Authenticate"].partition(" ")
    assert kind == "Bearer"
    return dict(re.findall(r'(\w+)="([^"]*)"', rest))


def token(
    registry: LocalRegistry, *scopes: str, headers: Mapping[str, str] | None = None
) -> dict[str, str]:
    """An Authorization header out of the token service."""
    query = urlencode({"service": "local-registry", "scope": scopes}, doseq=True)
    answer = ask(registry, "GET", f"/token?{query}", headers=headers or basic())
    assert answer.status == 200
    assert answer.json["token"] == answer.json["access_token"]
    assert answer.json["expires_in"] > 0
    return {"Authorization": f"Bearer {answer.json['token']}"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (basic(), 200),
        ({}, 401),
        (basic(password="wrong"), 401),
        (basic(username="wrong"), 401),
        ({"Authorization": "Basic !!"}, 401),
        ({"Authorization": "Basic \xe4"}, 401),
        ({"Authorization": "Bearer x"}, 401),
    ],
)
def test_basic(headers: dict[str, str], status: int) -> None:
    with LocalRegistry(auth="basic", username="user", password="pass:word") as registry:
        for path in ("/v2/", "/v2/org/app/tags/list"):
            registry.put_manifest("org/app", manifest(), tag="1.0")
            answer = ask(registry, "GET", path, headers=headers)
            assert answer.status == status
            if status == 401:
                assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
                assert answer.code == "UNAUTHORIZED"


@pytest.mark.parametrize("kind", ["basic", "bearer"])
def test_anonymous_may_read_and_no_more_where_that_is_allowed(kind: str) -> None:
    with LocalRegistry(
        auth="basic" if kind == "basic" else "bearer",
        username="user",
        password="pass:word",
        anonymous_pull=True,
    ) as registry:
        registry.put_manifest("org/app", manifest(), tag="1.0")
        headers = {}
        if kind == "bearer":
            assert ask(registry, "GET", TAG).status == 401
            answer = ask(registry, "GET", "/token?scope=repository:org/app:pull,push")
            headers = {"Authorization": f"Bearer {answer.json['token']}"}
        assert ask(registry, "GET", TAG, headers=headers).status == 200
        for method, path in (("POST", "/v2/org/app/blobs/uploads/"), ("DELETE", TAG)):
            assert ask(registry, method, path, headers=headers).status == 401


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/v2/", None),
        ("GET", TAG, "repository:org/app:pull"),
        ("HEAD", TAG, "repository:org/app:pull"),
        ("GET", "/v2/org/app/tags/list", "repository:org/app:pull"),
        ("PUT", TAG, "repository:org/app:pull,push"),
        ("DELETE", TAG, "repository:org/app:delete"),
        ("POST", "/v2/org/app/blobs/uploads/", "repository:org/app:pull,push"),
        (
            "POST",
            "/v2/org/app/blobs/uploads/?mount=x&from=base",
            "repository:base:pull repository:org/app:pull,push",
        ),
    ],
)
def test_a_bearer_challenge_names_realm_service_and_the_scope_needed(
    method: str, path: str, scope: str | None
) -> None:
    with LocalRegistry(auth="bearer", username="user", password="pass:word") as registry:
        answer = ask(registry, "GET" if method == "HEAD" else method, path)
        wanted = {"realm": f"{registry.url}/token", "service": "local-registry"}
        assert challenge(answer) == wanted | ({} if scope is None else {"scope": scope})
        if scope is not None:
            granted = token(registry, *scope.split())
            assert ask(registry, method, path, headers=granted).status != 401


def test_a_token_is_good_for_its_scope_alone() -> None:
    with LocalRegistry(auth="bearer", username="user", password="pass:word") as registry:
        registry.put_manifest("org/app", manifest(), tag="1.0")
        pull = token(registry, "repository:org/app:pull")
        assert ask(registry, "GET", TAG, headers=pull).status == 200
        assert ask(registry, "GET", "/v2/", headers=pull).status == 200
        for method, path in (("DELETE", TAG), ("GET", "/v2/other/tags/list")):
            said = challenge(ask(registry, method, path, headers=pull))
            assert said["error"] == "insufficient_scope"
        said = challenge(ask(registry, "GET", TAG, headers={"Authorization": "Bearer made-up"}))
        assert said["error"] == "invalid_token"
        everything = token(registry, "repository:org/app:*", "registry:catalog:*")
        assert ask(registry, "DELETE", TAG, headers=everything).status == 202


def test_tokens_end_after_so_many_requests_or_at_once() -> None:
    with LocalRegistry(
        auth="bearer", username="user", password="pass:word", token_lifetime=2
    ) as registry:
        registry.put_manifest("org/app", manifest(), tag="1.0")
        short = token(registry, "repository:org/app:pull")
        assert [ask(registry, "GET", TAG, headers=short).status for _ in range(3)] == [
            200,
            200,
            401,
        ]
        other = token(registry, "repository:org/app:pull")
        registry.auth.forget_tokens()
        said = challenge(ask(registry, "GET", TAG, headers=other))
        assert said["error"] == "invalid_token"


@pytest.mark.parametrize("headers", [{}, basic(password="wrong")])
def test_the_token_service_knows_its_account(headers: dict[str, str]) -> None:
    with LocalRegistry(auth="bearer", username="user", password="pass:word") as registry:
        answer = ask(registry, "GET", "/token?scope=repository:org/app:pull", headers=headers)
        assert answer.status == 401
        assert registry.requests[-1].path == "/token"


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"grant_type": "password", "username": "user", "password": "pass:word"}, 200),
        ({"grant_type": "password", "username": "user", "password": "no"}, 401),
        ({"grant_type": "refresh_token", "refresh_token": "identity"}, 200),
        ({"grant_type": "refresh_token", "refresh_token": "no"}, 401),
        ({}, 401),
    ],
)
def test_tokens_in_oauth2_s_form(form: dict[str, str], status: int) -> None:
    with LocalRegistry(
        auth="bearer", username="user", password="pass:word", identity_token="identity"
    ) as registry:
        body = urlencode({**form, "scope": "repository:org/app:pull", "service": "x"}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = ask(registry, "POST", "/token", headers=headers, body=body)
        assert answer.status == status
        if status == 200:
            assert answer.json["refresh_token"] == "identity"
            granted = {"Authorization": f"Bearer {answer.json['access_token']}"}
            assert ask(registry, "GET", "/v2/", headers=granted).status == 200


def test_a_refresh_token_nobody_set_opens_nothing() -> None:
    with LocalRegistry(auth="bearer", username="user", password="pass:word") as registry:
        body = b"grant_type=refresh_token&refresh_token="
        assert ask(registry, "POST", "/token", body=body).status == 401


def test_a_realm_elsewhere() -> None:
    with LocalRegistry(auth="bearer", realm="https://evil.example/token") as registry:
        assert challenge(ask(registry, "GET", "/v2/"))["realm"] == "https://evil.example/token"
