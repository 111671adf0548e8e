from __future__ import annotations

import base64
import json
import os
import signal
import threading
import traceback
from typing import TYPE_CHECKING, Any

import pytest
from tests.oci.registries import BLOB, open_repository, push

from provenance.errors import (
    LimitExceeded,
    MalformedDocument,
    ProvenanceError,
    RateLimited,
    RegistryUnavailable,
    Unauthorized,
)
from provenance.oci import auth
from provenance.oci.auth import Authenticator
from provenance.oci.challenges import Challenge, parse_challenges, wants_login
from provenance.oci.credentials import Credential
from provenance.oci.reference import Reference
from provenance.oci.repository import read_blob
from provenance.testing import LocalRegistry
from provenance.transport.locks import Lock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.oci.registry_repository import RegistryRepository
    from provenance.testing.registry.messages import Request

ANY_SCOPE = "repository:org/app:pull"
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
        with pytest.raises(Unauthorized, match="provenance login"):
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
    with pytest.raises(Unauthorized, match="provenance login"):
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
            pytest.raises(Unauthorized, match="provenance login"),
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

    @pytest.mark.parametrize("refused", [0, 401, 429], ids=["granted", "refused", "too-many"])
    def test_a_crowd_asks_the_token_service_once(
        self, guarded: LocalRegistry, refused: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        push(logged_in(guarded))
        guarded.clear_requests()
        came = threading.Semaphore(0)

        class Seen(Lock):
            def acquire(self, timeout: float = -1) -> bool:
                came.release()
                return super().acquire(timeout)

        queue = auth._Queue
        monkeypatch.setattr(auth, "_Queue", lambda: queue(Seen()))

        def hold(request: Request) -> Request:
            """Until all have been sent here, and found that one is here already."""
            for _ in range(16):
                assert came.acquire(timeout=60)
            return request

        arrived = guarded._add("/token", before=hold)
        if refused:
            guarded.fail("/token", refused)
        everyone = threading.Barrier(16)
        repository = logged_in(guarded)
        outcomes: list[str] = []

        def ask() -> None:
            everyone.wait()
            try:
                repository.resolve("1")
                outcomes.append("answered")
            except ProvenanceError as error:
                outcomes.append(error.code)

        threads = [threading.Thread(target=ask) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        expected = {0: "answered", 401: "unauthorized", 429: "rate-limited"}[refused]
        assert outcomes == [expected] * 16
        assert arrived.hits == 1
        assert len(tokens(guarded)) == 1

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

    @pytest.mark.parametrize("status", [401, 403])
    def test_who_refuses_elsewhere_is_named_and_no_login_asked_for(
        self, local_registry: LocalRegistry, status: int
    ) -> None:
        with LocalRegistry(auth="basic", username="u", password="p") as local:
            push(open_repository(local, credentials={local.host: ("u", "p")}))
            local.redirect("/blobs/", f"{local_registry.url}/store?signature=s3cret")
            local_registry.fail("/store", status)
            repository = open_repository(local, credentials={local.host: ("u", "p")})
            with pytest.raises(
                RegistryUnavailable, match=rf"/store, where .* answered {status}"
            ) as told:
                read_blob(repository, BLOB, limit=100)
            assert "s3cret" not in str(told.value)
            assert "log in" not in told.value.hint

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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks there")
def test_a_child_asks_for_itself_what_its_parent_is_asking_for(guarded: LocalRegistry) -> None:
    push(logged_in(guarded))
    repository = logged_in(guarded)
    authenticator = repository.registry.authenticator
    key = guarded.host, "org/app", "pull"
    # As another thread has them while it waits for a helper and for the token service.
    with authenticator._turn(key), authenticator._keychain._lock, authenticator._lock:
        child = os.fork()
        if child == 0:
            signal.alarm(30)  # ends one that waits for ever
            read = b""
            try:
                read = read_blob(repository, BLOB, limit=100)
            finally:
                os._exit(0 if read == b"content" else 1)
        assert os.waitpid(child, 0)[1] == 0


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def with_clock(local: LocalRegistry, clock: Clock) -> RegistryRepository:
    found: RegistryRepository = logged_in(local)
    registry = found.registry
    registry.authenticator = Authenticator(registry.client, {local.host: GIVEN}, clock=clock)
    return found


class TestExpiry:
    def test_a_token_about_to_expire_is_renewed_before_it_is_refused(
        self, guarded: LocalRegistry
    ) -> None:
        push(logged_in(guarded))
        clock = Clock()
        repository = with_clock(guarded, clock)
        repository.resolve("1")
        for seconds, expected in [(280, [200]), (15, [200, 200]), (100, [200])]:
            clock.now += seconds  # the embedded registry's tokens say 300
            guarded.clear_requests()
            repository.resolve("1")
            assert [r.status for r in guarded.requests] == expected
            assert guarded.requests[0].path == (
                "/token" if len(expected) == 2 else "/v2/org/app/manifests/1"
            )

    @pytest.mark.parametrize(
        ("said", "lives"),
        [
            ("", 60),
            (', "expires_in": 120', 120),
            (', "expires_in": 120.5', 120.5),
            (', "expires_in": 8', 8),
            (', "expires_in": 0', 60),
            (', "expires_in": -5', 60),
            (', "expires_in": true', 60),
            (', "expires_in": "300"', 60),
            (', "expires_in": null', 60),
            (', "expires_in": NaN', 60),
            (f', "expires_in": 1{"0" * 400}', 60),
        ],
    )
    def test_how_long_a_token_lives(
        self, local_registry: LocalRegistry, said: str, lives: float
    ) -> None:
        # token.md has 60 seconds where nothing is said.
        push(open_repository(local_registry))
        challenge = {"WWW-Authenticate": f'Bearer realm="{local_registry.url}/token"'}
        local_registry.fail("/manifests/", 401, headers=challenge, times=1)
        body = f'{{"token": "t"{said}}}'.encode()
        local_registry.fail("/token", 200, headers=TOKEN_HEADERS, body=body)
        clock = Clock()
        repository = with_clock(local_registry, clock)
        repository.resolve("1")
        for passed, asked in [(lives * 0.7, 1), (lives * 0.3, 2)]:
            clock.now += passed
            repository.resolve("1")
            assert len(tokens(local_registry)) == asked

    def test_one_thread_renews_for_all(self, guarded: LocalRegistry) -> None:
        push(logged_in(guarded))
        clock = Clock()
        repository = with_clock(guarded, clock)
        repository.resolve("1")
        clock.now += 400
        guarded.clear_requests()
        threads = [threading.Thread(target=repository.resolve, args=("1",)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(tokens(guarded)) == 1
        assert {r.status for r in guarded.requests} == {200}


class TestChallengesInTheWild:
    """Each with the registry that sends it: facts of many bug reports, not of one document."""

    def challenged(self, local: LocalRegistry, challenge: str) -> RegistryRepository:
        push(logged_in(local))
        local.clear_requests()
        headers = {"WWW-Authenticate": challenge.replace("URL", f"{local.url}/token")}
        local.fail("/manifests/", 401, headers=headers, times=1)
        found: RegistryRepository = logged_in(local)
        return found

    @pytest.mark.parametrize(
        ("challenge", "query"),
        [
            pytest.param(
                'Bearer realm="URL",service="r",scope="repository:org/app:pull"',
                {"service": "r", "scope": "repository:org/app:pull"},
                id="as the specification says",
            ),
            pytest.param(
                'Bearer realm="URL"',
                {"scope": "repository:org/app:pull"},
                id="Google's has no service, Artifactory's to a HEAD no scope",
            ),
            pytest.param(
                'Bearer realm="URL?account=x",service="container_registry"',
                {"account": "x", "service": "container_registry", "scope": ANY_SCOPE},
                id="GitLab's realm has a query, and needs the service",
            ),
            pytest.param(
                'Bearer realm="URL",scope="repository:org/app:pull repository:org/base:pull"',
                {"scope": "repository:org/base:pull"},
                id="more scopes than ours, of which the last is recorded",
            ),
        ],
    )
    def test_a_token_is_asked_for(
        self, guarded: LocalRegistry, challenge: str, query: dict[str, str]
    ) -> None:
        assert self.challenged(guarded, challenge).resolve("1").size
        [asked] = tokens(guarded)
        assert asked.query == query

    @pytest.mark.parametrize(
        "challenge",
        [
            pytest.param('BASIC realm="Sonatype Nexus Repository Manager"', id="Nexus"),
            pytest.param("Basic", id="no realm at all"),
            pytest.param('Negotiate, Basic realm="x"', id="Kerberos first"),
            pytest.param('Bearer realm="Registry", Basic realm="x"', id="a Bearer that is no URL"),
            pytest.param('Bearer service="x", Basic realm="x"', id="a Bearer without realm"),
        ],
    )
    def test_a_name_and_password_are_sent(
        self, local_registry: LocalRegistry, challenge: str
    ) -> None:
        self.challenged(local_registry, challenge).resolve("1")
        sent = [r.headers.get("Authorization") for r in local_registry.requests]
        assert sent == [None, "Basic " + base64.b64encode(b"u:s3cret").decode()]

    @pytest.mark.parametrize(
        "order", ['Basic realm="x", Bearer realm="URL"', 'Bearer realm="URL", Basic']
    )
    def test_a_token_goes_before_a_password(self, guarded: LocalRegistry, order: str) -> None:
        self.challenged(guarded, order).resolve("1")
        assert guarded.requests[-1].headers["Authorization"].startswith("Bearer ")


@pytest.mark.parametrize(
    ("status", "header", "expected"),
    [
        (401, "", True),
        (401, 'Basic realm="x"', True),
        (403, "", False),
        (403, 'Basic realm="x"', False),
        (403, 'Bearer realm="x",error="invalid_token"', False),
        (403, 'Bearer realm="x",error="insufficient_scope"', True),
        (200, 'Bearer realm="x",error="insufficient_scope"', False),
        (404, "", False),
    ],
)
def test_what_asks_for_a_login(status: int, header: str, expected: bool) -> None:  # noqa: FBT001
    assert wants_login(status, header) is expected


class TestCredentials:
    def test_a_part_of_a_registry_has_a_login_of_its_own(self, guarded: LocalRegistry) -> None:
        push(logged_in(guarded))
        given = {guarded.host: ("other", "p"), f"{guarded.host}/org": GIVEN}
        repository = open_repository(guarded, credentials=given)
        assert repository.resolve("1").size
        other = repository.registry.repository(Reference.parse(guarded.reference("team/app:1")))
        with pytest.raises(Unauthorized, match="token service"):
            other.resolve("1")

    def test_a_registry_known_to_take_passwords_is_sent_them_at_once(self) -> None:
        with LocalRegistry(auth="basic", username="u", password="s3cret") as local:
            push(logged_in(local, name="org/one:1"))
            push(logged_in(local, name="org/two:1"))
            repository = logged_in(local, name="org/one:1")
            local.clear_requests()
            repository.resolve("1")
            repository.registry.repository(local.reference("org/two:1")).resolve("1")
            assert [r.status for r in local.requests] == [401, 200, 200]

    @pytest.mark.parametrize("kind", ["basic", "bearer"])
    def test_a_credential_that_was_renewed_is_looked_up_again(self, kind: Any) -> None:
        # ECR's passwords live for twelve hours, a fleet's run for longer.
        with LocalRegistry(auth=kind, username="u", password="s3cret") as local:
            passwords = ["s3cret"]
            repository = open_repository(
                local, credentials=lambda _: Credential("u", passwords[-1])
            )
            push(repository)
            passwords.append("renewed")
            local.auth.password = "renewed"
            local.auth.forget_tokens()
            assert repository.resolve("1").size

    def test_a_ready_token_is_sent_as_it_is(self, guarded: LocalRegistry) -> None:
        push(logged_in(guarded))
        guarded.clear_requests()
        given = {guarded.host: Credential(registry_token="ready")}
        with pytest.raises(Unauthorized, match="refused the caller"):
            open_repository(guarded, credentials=given).resolve("1")
        assert [r.path for r in guarded.requests] == ["/v2/org/app/manifests/1"] * 2
        assert guarded.requests[-1].headers["Authorization"] == "Bearer ready"

    @pytest.mark.parametrize(
        "token", ["s3cret\n", "s3cret\r\nX: y", "s3 cret", "s3\u0142", "\ud800"]
    )
    def test_a_ready_token_that_no_header_carries_is_not_sent(
        self, guarded: LocalRegistry, token: str
    ) -> None:
        given = {guarded.host: Credential(registry_token=token, source="the vault")}
        repository = open_repository(guarded, credentials=given)
        with pytest.raises(MalformedDocument, match="the token from the vault has") as refused:
            repository.resolve("1")
        assert "s3" not in "".join(traceback.format_exception(refused.value))

    def test_a_ready_token_that_was_renewed_is_looked_up_again(
        self, guarded: LocalRegistry
    ) -> None:
        push(logged_in(guarded))
        issued = list(guarded.auth._tokens)
        given = ["expired"]
        repository = open_repository(
            guarded, credentials=lambda _: Credential(registry_token=given[-1])
        )
        with pytest.raises(Unauthorized):
            repository.resolve("1")
        given.append(issued[-1])
        assert repository.resolve("1").size

    def test_a_token_service_that_repeats_itself_is_asked_no_more(
        self, guarded: LocalRegistry
    ) -> None:
        repository = logged_in(guarded)
        guarded.fail("/token", 200, headers=TOKEN_HEADERS, body=b'{"token": "same"}')
        for _ in range(2):
            with pytest.raises(Unauthorized, match="refused the caller"):
                repository.resolve("1")
        # 401, token, 401; then 401 with that token, the same token, and no third try.
        assert [r.path for r in guarded.requests] == [
            *("/v2/org/app/manifests/1", "/token", "/v2/org/app/manifests/1"),
            *("/v2/org/app/manifests/1", "/token"),
        ]
