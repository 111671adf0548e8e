"""Logging in: the library's flow over our transport, with a browser or a code."""

from __future__ import annotations

import gc
import io
import json
import sys
import threading
import urllib.request
import webbrowser
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import pytest
import requests

from provenance.errors import NotEvaluated, RegistryUnavailable, SigningError
from provenance.settings import Settings
from provenance.signing import Signer
from provenance.signing.login import Login
from provenance.signing.tokens import find_token
from provenance.testing.registry.messages import Response
from provenance.testing.registry.server import Server
from provenance.testing.registry.tls import server_context
from provenance.testing.sigstore import LocalSigstore
from provenance.transport.client import Client
from provenance.trust import Trust

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from provenance.testing.registry.messages import Request

WITHOUT_AUTHORITY = r"no certificate this machine trusts.*Settings\.ca_bundle or REQUESTS_CA_BUNDLE"


@pytest.fixture
def sigstore() -> Iterator[LocalSigstore]:
    with LocalSigstore() as running:
        yield running


@pytest.fixture
def encrypted(sigstore: LocalSigstore, tmp_path: Path) -> Iterator[tuple[Trust, Path]]:
    """The trust whose services speak HTTPS alone, and the file of their authority."""
    context, pem = server_context()
    authority = tmp_path / "authority.pem"
    authority.write_bytes(pem)
    server = Server(sigstore._running(), context)
    config = sigstore.signing_config_json.replace(sigstore.url.encode(), server.base.encode())
    yield Trust.from_json(sigstore.trusted_root_json, signing_config=config), authority
    server.stop()


def test_a_session_answers_as_requests_does(sigstore: LocalSigstore) -> None:
    with Client(Settings()) as client, Login(sigstore.url, client).session as session:
        found = session.get(f"{sigstore.url}/.well-known/openid-configuration")
        assert found.json()["issuer"] == sigstore.url
        assert found.headers["content-type"] == "application/json"
        assert found.request.url == found.url
        missing = session.post(f"{sigstore.url}/nothing", json={"a": 1})
        assert (missing.status_code, missing.ok) == (404, False)
        with pytest.raises(requests.HTTPError, match="404"):
            missing.raise_for_status()
        sent = sigstore.requests[-1].headers
        assert sent["Content-Length"] == str(len('{"a": 1}'))
        assert sent["Accept-Encoding"] == "identity"  # an encoded answer would be refused
    with Client(Settings(retries=0)) as client:
        login = Login(sigstore.url, client)
        sigstore.stop()
        with pytest.raises(RegistryUnavailable, match="cannot be reached"):
            login.session.get(sigstore.url)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # sigstore leaves its login server open
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_issuer_of_a_login_is_reached_with_the_authority_of_the_settings(
    sigstore: LocalSigstore,
    encrypted: tuple[Trust, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trust, authority = encrypted

    def browse(url: str) -> bool:
        threading.Thread(target=lambda: urllib.request.urlopen(url).close()).start()
        return True

    monkeypatch.setattr(webbrowser, "open", browse)
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert find_token(trust, settings=Settings(ca_bundle=authority), environ={})
    with pytest.raises(SigningError, match=WITHOUT_AUTHORITY):
        find_token(trust, settings=Settings(), environ={})
    gc.collect()


class Desk:
    """An issuer where the code is shown to the person: no browser comes back to this machine."""

    def __init__(self, sigstore: LocalSigstore) -> None:
        self.sigstore, self.base, self.forms = sigstore, "", list[dict[str, str]]()

    def respond(self, request: Request) -> Response:
        if request.path == "/.well-known/openid-configuration":
            return Response.of_json(
                200,
                {
                    "authorization_endpoint": f"{self.base}/auth",
                    "token_endpoint": f"{self.base}/token",
                },
            )
        form = dict(parse_qsl(request.body.read().decode()))
        self.forms.append(form)
        if form.get("code") != "the-code":
            return Response.of_json(400, {"error": "invalid_grant"})
        return Response.of_json(200, {"access_token": self.sigstore.token("ann@example.com")})


class TestACodeFromAnotherMachine:
    @pytest.fixture
    def desk(self, sigstore: LocalSigstore) -> Iterator[tuple[Desk, Trust]]:
        desk = Desk(sigstore)
        server = Server(desk)
        desk.base = server.base
        document = json.loads(sigstore.signing_config_json)
        document["oidcUrls"][0]["url"] = server.base
        config = json.dumps(document).encode()
        yield desk, Trust.from_json(sigstore.trusted_root_json, signing_config=config)
        server.stop()

    @pytest.mark.filterwarnings("ignore::ResourceWarning")
    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    def test_is_typed_in_and_nothing_is_printed_among_the_results(
        self,
        desk: tuple[Desk, Trust],
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.setattr(webbrowser, "open", lambda _: pytest.fail("a browser was opened"))
        monkeypatch.setattr(sys, "stdin", Terminal("the-code\n"))
        signer = Signer.keyless(trust=desk[1], out_of_band=True)
        assert signer.identity == "ann@example.com"
        out, err = capsys.readouterr()
        assert out == ""
        assert f"{desk[0].base}/auth" in err
        (form,) = desk[0].forms
        assert form["code_verifier"]  # RFC 7636: whoever sees the code cannot use it
        gc.collect()

    @pytest.mark.filterwarnings("ignore::ResourceWarning")
    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    @pytest.mark.parametrize("typed", ["another\n", ""])
    def test_that_is_wrong_or_missing_is_no_identity(
        self, desk: tuple[Desk, Trust], monkeypatch: pytest.MonkeyPatch, typed: str
    ) -> None:
        monkeypatch.setattr(sys, "stdin", Terminal(typed))
        with pytest.raises(SigningError, match="the login did not succeed"):
            Signer.keyless(trust=desk[1], out_of_band=True)
        gc.collect()

    def test_is_not_asked_for_where_there_is_a_token(
        self, desk: tuple[Desk, Trust], monkeypatch: pytest.MonkeyPatch, sigstore: LocalSigstore
    ) -> None:
        monkeypatch.setenv("SIGSTORE_ID_TOKEN", sigstore.token("env@example.com"))
        assert Signer.keyless(trust=desk[1], out_of_band=True).identity == "env@example.com"


def test_a_configuration_without_an_issuer_says_what_to_give(
    sigstore: LocalSigstore, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = json.loads(sigstore.signing_config_json) | {"oidcUrls": []}
    config = json.dumps(document).encode()
    trust = Trust.from_json(sigstore.trusted_root_json, signing_config=config)
    with pytest.raises(SigningError, match=r"names no issuer.*SIGSTORE_ID_TOKEN"):
        find_token(trust, environ={}, out_of_band=True)


def test_nobody_logs_in_unencrypted() -> None:
    with Client(Settings(retries=0)) as client, pytest.raises(NotEvaluated, match="not encrypted"):
        Login("http://issuer.example", client)
