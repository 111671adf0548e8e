from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest

from provenance.errors import RegistryUnavailable, Unauthorized
from provenance.oci.auth import Authenticator
from provenance.oci.realms import check_realm
from provenance.oci.reference import Reference
from provenance.settings import Settings
from provenance.transport.client import Client

if TYPE_CHECKING:
    from provenance.testing import LocalRegistry

DIRECT = Settings()
BEHIND = Settings(
    proxies={"https": "http://proxy.example:3128"}, no_proxy="10.0.0.0/8,.corp.example"
)
PUBLIC, PRIVATE, LOOPBACK = "https://8.8.8.8", "https://10.0.0.5:5000", "https://127.0.0.1:5000"

INSIDE = [
    "https://127.0.0.1/token",
    "https://127.1/token",
    "https://2130706433/token",
    "https://localhost/token",
    "https://x.localhost/token",
    "https://LOCALHOST:8443/token",
    "https://0.0.0.0/token",
    "https://10.0.0.1/token",
    "https://192.168.1.1/token",
    "https://169.254.169.254/latest/meta-data",
    "https://[::1]/token",
    "https://[fd00::1]/token",
    "https://[fe80::1]/token",
    "https://[::ffff:169.254.169.254]/token",
    "https://user@127.0.0.1/token",
    "https://8.8.8.8@127.0.0.1/token",
    "https://metadata.google.internal/token",
    "https://printer.local/token",
    "https://nas.home.arpa/token",
    "https://intranet/token",
]


@pytest.mark.parametrize("settings", [DIRECT, BEHIND], ids=["directly", "behind a proxy"])
@pytest.mark.parametrize("realm", INSIDE)
def test_a_public_registry_cannot_send_a_login_inside(realm: str, settings: Settings) -> None:
    with pytest.raises(Unauthorized, match="inside a private network"):
        check_realm(realm, PUBLIC, settings)


@pytest.mark.parametrize("realm", ["http://auth.example.com/token", "http://8.8.8.8/token"])
def test_a_login_does_not_travel_in_the_clear(realm: str) -> None:
    with pytest.raises(Unauthorized, match="not encrypted"):
        check_realm(realm, PUBLIC, DIRECT)


@pytest.mark.parametrize("realm", ["Registry", "ftp://8.8.8.8/token", "//8.8.8.8", ""])
def test_a_realm_must_be_a_url(realm: str) -> None:
    with pytest.raises(RegistryUnavailable, match="URL"):
        check_realm(realm, PUBLIC, DIRECT)


@pytest.mark.parametrize(
    ("realm", "base", "settings", "public"),
    [
        pytest.param("https://9.9.9.9/token", PUBLIC, DIRECT, True, id="another public host"),
        pytest.param("https://8.8.8.8:8443/token", PUBLIC, DIRECT, False, id="the same host"),
        pytest.param("https://192.168.7.7/auth", PRIVATE, DIRECT, False, id="GitLab at home"),
        pytest.param("https://10.0.0.9/auth", LOOPBACK, DIRECT, False, id="a forwarded port"),
        pytest.param("http://127.0.0.1:1/t", "http://127.0.0.1:2", DIRECT, False, id="tests"),
        pytest.param("http://9.9.9.9/token", "http://8.8.8.8", DIRECT, True, id="plain as asked"),
        pytest.param("https://auth.test/t", PUBLIC, BEHIND, True, id="a name the proxy resolves"),
        pytest.param("https://10.0.0.9/auth", PRIVATE, BEHIND, False, id="both past the proxy"),
    ],
)
def test_where_a_login_may_go(realm: str, base: str, settings: Settings, *, public: bool) -> None:
    assert check_realm(realm, base, settings) is public


@pytest.mark.parametrize("base", [PRIVATE, LOOPBACK])
def test_nobody_sends_a_login_to_where_clouds_keep_their_secrets(base: str) -> None:
    with pytest.raises(Unauthorized, match="inside a private network"):
        check_realm("https://169.254.169.254/latest/meta-data", base, DIRECT)


@pytest.mark.parametrize(
    ("listed", "realm", "allowed"),
    [
        ("10.0.0.9", "https://10.0.0.9/auth", True),
        ("10.0.0.9:443", "https://10.0.0.9/auth", True),
        ("10.0.0.9:8443", "https://10.0.0.9:8443/auth", True),
        ("GitLab.Internal", "https://gitlab.internal/auth", True),
        ("[fd00::1]:8443", "https://[fd00::1]:8443/auth", True),
        ("10.0.0.9", "https://10.0.0.9:8443/auth", False),
        ("10.0.0.9", "https://10.0.0.90/auth", False),
        ("lab.internal", "https://gitlab.internal/auth", False),
        ("gitlab.internal", "https://gitlab.internal@10.0.0.9/auth", False),
    ],
)
def test_the_callers_list_is_matched_whole(listed: str, realm: str, *, allowed: bool) -> None:
    settings = Settings(token_services=(listed,))
    if allowed:
        check_realm(realm, PUBLIC, settings)
        return
    with pytest.raises(Unauthorized, match=r"Settings\.token_services"):
        check_realm(realm, PUBLIC, settings)


def test_a_listed_service_is_still_encrypted() -> None:
    with pytest.raises(Unauthorized, match="not encrypted"):
        check_realm("http://10.0.0.9/auth", PUBLIC, Settings(token_services=("10.0.0.9",)))


def test_the_authenticator_asks_no_service_that_is_refused() -> None:
    with Client(Settings(retries=0, timeout=5)) as client:
        authenticator = Authenticator(client, {"8.8.8.8": ("u", "s3cret")})
        reference = Reference.parse("8.8.8.8/org/app:1")
        header = 'Bearer realm="https://127.0.0.1/token"'
        with pytest.raises(Unauthorized, match="private network") as refused:
            authenticator.answer(reference, "pull", header, PUBLIC, None)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("warm", [False, True], ids=["a new connection", "one that is open"])
def test_a_name_that_leads_elsewhere_once_it_was_looked_up(
    local_registry: LocalRegistry, monkeypatch: pytest.MonkeyPatch, *, warm: bool
) -> None:
    # DNS rebinding: public when we ask, this machine when the connection is made.
    honest, port = socket.getaddrinfo, int(local_registry.host.rpartition(":")[2])
    answers = ["127.0.0.1"] if warm else []
    answers += ["9.9.9.9", "127.0.0.1"]

    def lookup(host: str, *positional: Any, **named: Any) -> Any:
        if host != "rebind.example" or named.get("flags") == socket.AI_NUMERICHOST:
            return honest(host, *positional, **named)
        return honest(answers.pop(0), *positional, **named)

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    reference = Reference.parse("8.8.8.8/org/app:1")
    with Client(Settings(retries=0, timeout=5)) as client:
        if warm:
            with client.request("GET", f"http://rebind.example:{port}/v2/") as response:
                response.read()
        local_registry.clear_requests()
        authenticator = Authenticator(client, {"8.8.8.8": ("u", "s3cret")})
        header = f'Bearer realm="http://rebind.example:{port}/token"'
        with pytest.raises(RegistryUnavailable, match=r"now leads to 127\.0\.0\.1"):
            authenticator.answer(reference, "pull", header, "http://8.8.8.8", None)
    assert local_registry.requests == []
    assert answers == (["127.0.0.1"] if warm else [])
