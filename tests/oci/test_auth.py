from __future__ import annotations

import base64
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest
from tests.oci.registries import BLOB, QUICK, open_repository, push

from provenance.errors import (
    LimitExceeded,
    MalformedDocument,
    ProvenanceError,
    RateLimited,
    RegistryUnavailable,
    Unauthorized,
)
from provenance.oci.auth import Authenticator
from provenance.oci.challenges import Challenge, parse_challenges
from provenance.oci.credentials import Credential
from provenance.oci.reference import Reference
from provenance.oci.repository import read_blob
from provenance.testing import LocalRegistry
from provenance.transport.client import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN_HEADERS = {"Content-Type": "application/json"}
GIVEN = ("u", "s3cret")


@pytest.fixture
def guarded() -> Iterator[LocalRegistry]:
    with LocalRegistry(auth="bearer", username=GIVEN[0], password=GIVEN[1]) as local:
        yield local


def logged_in(local: LocalRegistry, **more: Any) -> Any:
    return open_repository(local, credentials={local.host: GIVEN}, **more)


def tokens(local: LocalRegistry) -> list[Any]:
    return [r for r in local.requests if r.path == "/token"]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (
            (
                'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",'
                'scope="repository:a/b:pull,push"'
            ),
            [
                Challenge(
                    "bearer",
                    {
                        "realm": "https://auth.docker.io/token",
                        "service": "registry.docker.io",
                        "scope": "repository:a/b:pull,push",
                    },
                )
            ],
        ),
        ('BASIC realm="Sonatype Nexus"', [Challenge("basic", {"realm": "Sonatype Nexus"})]),
        ("Basic", [Challenge("basic")]),
        ('bearer Realm = "r" , SERVICE=s', [Challenge("bearer", {"realm": "r", "service": "s"})]),
        (
            r'Basic realm="a \"quoted\" \\ word"',
            [Challenge("basic", {"realm": 'a "quoted" \\ word'})],
        ),
        (
            'Negotiate, Basic realm="x", Bearer realm="y",error="invalid_token"',
            [
                Challenge("negotiate"),
                Challenge("basic", {"realm": "x"}),
                Challenge("bearer", {"realm": "y", "error": "invalid_token"}),
            ],
        ),
        ('Bearer realm="",service=""', [Challenge("bearer", {"realm": "", "service": ""})]),
        ("", []),
        (",", []),
        ('realm="https://x"', []),
        ('"Bearer" realm="https://x"', []),
        ('Bearer realm="never closed', [Challenge("bearer")]),
    ],
)
def test_challenges_as_they_are_written(header: str, expected: list[Challenge]) -> None:
    assert list(parse_challenges(header)) == expected


@pytest.mark.parametrize("filler", [" ", ",", "a", '"', "\\", "=", " ,", 'a="', "a=b,"])
def test_a_challenge_without_an_end_is_read_in_no_time(filler: str) -> None:
    # Quadratic reading of 100 000 characters would meet the suite's time limit many times over.
    for start in ("Bearer ", 'Bearer realm="', ""):
        for _ in range(20):
            parse_challenges(start + filler * 100_000 + "\x01")


PUBLIC = "https://8.8.8.8"


@pytest.mark.parametrize(
    ("realm", "message"),
    [
        ("http://auth.example.com/token", "not encrypted"),
        ("http://8.8.8.8/token", "not encrypted"),
        ("https://127.0.0.1/token", "private network"),
        ("https://127.1/token", "private network"),
        ("https://2130706433/token", "private network"),
        ("https://localhost/token", "private network"),
        ("https://x.localhost/token", "private network"),
        ("https://LOCALHOST:8443/token", "private network"),
        ("https://0.0.0.0/token", "private network"),
        ("https://10.0.0.1/token", "private network"),
        ("https://192.168.1.1/token", "private network"),
        ("https://169.254.169.254/latest/meta-data", "private network"),
        ("https://[::1]/token", "private network"),
        ("https://[fd00::1]/token", "private network"),
        ("https://[fe80::1]/token", "private network"),
        ("https://[::ffff:169.254.169.254]/token", "private network"),
        ("https://user@127.0.0.1/token", "private network"),
        ("https://8.8.8.8@127.0.0.1/token", "private network"),
    ],
)
def test_a_public_registry_cannot_send_a_login_inside_or_in_the_clear(
    realm: str, message: str
) -> None:
    reference = Reference.parse("8.8.8.8/org/app:1")
    with Client(QUICK) as client:
        authenticator = Authenticator(client, {"8.8.8.8": GIVEN})
        with pytest.raises(Unauthorized, match=message) as refused:
            authenticator.answer(reference, "pull", f'Bearer realm="{realm}"', PUBLIC, None)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("realm", ["Registry", "ftp://x/token", "https://", "https://[::1", "//x"])
def test_a_realm_that_is_no_url_is_told_with_the_reference(realm: str) -> None:
    with LocalRegistry(auth="bearer", realm=realm, username="u", password="p") as local:
        with pytest.raises(RegistryUnavailable, match="URL") as refused:
            logged_in(local).resolve("1")
        assert refused.value.reference == f"{local.host}/org/app:1"


def test_a_login_is_not_redirected(guarded: LocalRegistry) -> None:
    with LocalRegistry() as other:
        guarded.redirect("/token", f"{other.url}/token")
        with pytest.raises(RegistryUnavailable, match="answered 307"):
            logged_in(guarded).resolve("1")
        assert other.requests == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Unauthorized),
        (401, Unauthorized),
        (403, Unauthorized),
        (404, RegistryUnavailable),
        (429, RateLimited),
        (500, RegistryUnavailable),
        (503, RegistryUnavailable),
    ],
)
def test_what_a_token_service_refuses(
    guarded: LocalRegistry, status: int, kind: type[ProvenanceError]
) -> None:
    guarded.fail("/token", status)
    with pytest.raises(kind, match="token service") as refused:
        logged_in(guarded).resolve("1")
    assert refused.value.reference == f"{guarded.host}/org/app:1"
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b"[" * 50_000,
        b'{"token": 5}',
        b'{"token": ""}',
        b'{"token": "a\\r\\nX-Evil: 1"}',
        b'{"token": "\\u00e9"}',
    ],
)
def test_what_is_no_token_is_not_sent(guarded: LocalRegistry, body: bytes) -> None:
    guarded.fail("/token", 200, headers=TOKEN_HEADERS, body=body)
    with pytest.raises(RegistryUnavailable, match="token service") as refused:
        logged_in(guarded).resolve("1")
    assert refused.value.reference == f"{guarded.host}/org/app:1"
    assert len(guarded.requests) == 2


def test_a_token_answer_is_capped(guarded: LocalRegistry) -> None:
    body = json.dumps({"token": "x" * (64 << 10)}).encode()
    guarded.fail("/token", 200, headers=TOKEN_HEADERS, body=body)
    with pytest.raises(LimitExceeded, match="65536 bytes"):
        logged_in(guarded).resolve("1")


def test_an_access_token_is_a_token(guarded: LocalRegistry) -> None:
    push(logged_in(guarded))
    guarded.clear_requests()
    body = b'{"access_token": "of-azure"}'
    guarded.fail("/token", 200, headers=TOKEN_HEADERS, body=body)
    with pytest.raises(Unauthorized):
        logged_in(guarded).resolve("1")
    assert guarded.requests[-1].headers["Authorization"] == "Bearer of-azure"


def test_anonymous_pulls_ask_for_a_token_without_a_name() -> None:
    with LocalRegistry(
        auth="bearer", username=GIVEN[0], password=GIVEN[1], anonymous_pull=True
    ) as local:
        pushed = push(logged_in(local))
        local.clear_requests()
        anonymous = open_repository(local)
        assert anonymous.resolve("1").digest == pushed.digest
        assert len(local.requests) == 3
        [asked] = tokens(local)
        assert "Authorization" not in asked.headers
        assert asked.query == {"service": "local-registry", "scope": "repository:org/app:pull"}
        with pytest.raises(Unauthorized, match="docker login"):
            push(anonymous)


def test_a_token_is_asked_for_what_it_is_needed_for(guarded: LocalRegistry) -> None:
    repository = logged_in(guarded)
    with pytest.raises(ProvenanceError):
        repository.resolve("1")
    push(repository)
    repository.resolve("1")
    other = repository.registry.repository(Reference.parse(guarded.reference("org/other:1")))
    with pytest.raises(ProvenanceError):
        other.resolve("1")
    assert [r.query["scope"] for r in tokens(guarded)] == [
        "repository:org/app:pull",
        "repository:org/app:pull,push",
        "repository:org/other:pull",
    ]


def test_a_401_without_end_is_asked_twice_and_told(guarded: LocalRegistry) -> None:
    challenge = {"WWW-Authenticate": f'Bearer realm="{guarded.url}/token"'}
    guarded.fail("/manifests/", 401, headers=challenge)
    with pytest.raises(Unauthorized, match="refused the caller"):
        logged_in(guarded).resolve("1")
    assert len(guarded.requests) == 3


@pytest.mark.parametrize("challenge", ["", "Negotiate", "Digest realm=x", "Bearer", "Bearer x=y"])
def test_a_challenge_nobody_can_answer(local_registry: LocalRegistry, challenge: str) -> None:
    local_registry.fail("/manifests/", 401, headers={"WWW-Authenticate": challenge})
    with pytest.raises(Unauthorized, match="docker login"):
        logged_in(local_registry).resolve("1")
    assert len(local_registry.requests) == 1


def test_a_credential_no_header_can_carry() -> None:
    with LocalRegistry(auth="basic", username="u", password="p") as local:
        broken = open_repository(local, credentials={local.host: ("u", "\ud800")})
        with pytest.raises(MalformedDocument, match="no text"):
            broken.resolve("1")


class TestAuth:
    @pytest.mark.parametrize("kind", ["basic", "bearer"])
    def test_credentials_open_the_door(self, kind: Any) -> None:
        with LocalRegistry(auth=kind, username="u", password="p") as local:
            repository = open_repository(local, credentials={local.host: ("u", "p")})
            push(repository)
            local.clear_requests()
            repository.resolve("1")
            assert len(local.requests) == 1

    @pytest.mark.parametrize("kind", ["basic", "bearer"])
    def test_wrong_credentials_are_told_without_the_secret(self, kind: Any) -> None:
        with LocalRegistry(auth=kind, username="u", password="p") as local:
            repository = open_repository(local, credentials={local.host: ("u", "s3cret")})
            with pytest.raises(Unauthorized) as refused:
                repository.resolve("1")
            assert "s3cret" not in str(refused.value)
            assert base64.b64encode(b"u:s3cret").decode() not in repr(refused.value.__dict__)

    def test_without_credentials_it_says_to_log_in(self) -> None:
        with (
            LocalRegistry(auth="basic", username="u", password="p") as local,
            pytest.raises(Unauthorized, match="docker login"),
        ):
            open_repository(local).resolve("1")

    def test_an_expired_token_is_renewed_once(self) -> None:
        with LocalRegistry(auth="bearer", username="u", password="p", token_lifetime=1) as local:
            repository = open_repository(local, credentials={local.host: ("u", "p")})
            push(repository)
            local.clear_requests()
            for _ in range(3):
                repository.resolve("1")
            # Each token is good for one request: one refusal, one login, one answer.
            assert len(tokens(local)) == 3
            assert len(local.requests) <= 9

    def test_an_identity_token_is_exchanged(self) -> None:
        with LocalRegistry(
            auth="bearer", username="u", password="p", identity_token="t0k"
        ) as local:
            given = {local.host: Credential(identity_token="t0k")}
            push(open_repository(local, credentials=given))
            [asked] = tokens(local)
            assert asked.method == "POST"
            assert "Authorization" not in asked.headers
            wrong = {local.host: Credential(identity_token="0ther")}
            with pytest.raises(Unauthorized, match="token service") as refused:
                open_repository(local, credentials=wrong).resolve("1")
            assert "0ther" not in str(refused.value)

    def test_threads_share_one_token(self) -> None:
        with LocalRegistry(auth="bearer", username="u", password="p") as local:
            push(open_repository(local, credentials={local.host: ("u", "p")}))
            local.clear_requests()
            repository = open_repository(local, credentials={local.host: ("u", "p")})
            threads = [threading.Thread(target=repository.resolve, args=("1",)) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert sum(r.path == "/token" for r in local.requests) == 1

    def test_authorization_stays_with_its_origin_on_redirects(self) -> None:
        with (
            LocalRegistry(auth="basic", username="u", password="p") as local,
            LocalRegistry() as store,
        ):
            repository = open_repository(local, credentials={local.host: ("u", "p")})
            push(repository)
            store.put_blob("cdn/x", b"content")
            local.redirect("/blobs/", f"{store.url}/v2/cdn/x/blobs/{BLOB.digest}", status=307)
            assert read_blob(repository, BLOB, limit=100) == b"content"
            assert store.requests
            assert all("Authorization" not in r.headers for r in store.requests)

    def test_an_upload_elsewhere_gets_no_authorization(self) -> None:
        with (
            LocalRegistry(auth="basic", username="u", password="p") as local,
            LocalRegistry() as other,
        ):
            repository = open_repository(local, credentials={local.host: ("u", "p")})
            local.set_header(
                "/blobs/uploads/", "Location", f"{other.url}/v2/org/app/blobs/uploads/x"
            )
            with pytest.raises(ProvenanceError):
                repository.push_blob(b"content", BLOB)
            assert other.requests
            assert all("Authorization" not in r.headers for r in other.requests)
