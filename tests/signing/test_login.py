"""Logging in: the library's flow over our transport, with a browser or a code."""

from __future__ import annotations

import gc
import io
import sys
import threading
import urllib.request
import webbrowser
from typing import TYPE_CHECKING

import pytest
import requests

from provenance.errors import RegistryUnavailable, SigningError
from provenance.settings import Settings
from provenance.signing.login import Login
from provenance.signing.tokens import find_token
from provenance.testing.registry.server import Server
from provenance.testing.registry.tls import server_context
from provenance.testing.sigstore import LocalSigstore
from provenance.transport.client import Client
from provenance.trust import Trust

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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
