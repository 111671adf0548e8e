"""One authority for all: what `Settings` say of authorities and proxies holds for Sigstore too."""

from __future__ import annotations

import contextlib
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from provenance.attestation.statement import ResourceDescriptor, Statement
from provenance.digests import Digest
from provenance.errors import SigningError
from provenance.settings import Settings
from provenance.signing import Signer
from provenance.signing.tokens import find_token
from provenance.testing.registry.messages import Content, Response
from provenance.testing.registry.server import Server
from provenance.testing.registry.tls import server_context
from provenance.testing.sigstore import LocalSigstore
from provenance.trust import Trust
from provenance.verification import Identity, verify_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.testing.registry.messages import Request

SUBJECT = Digest.of(b"an image")
WITHOUT_AUTHORITY = r"no certificate this machine trusts.*Settings\.ca_bundle or REQUESTS_CA_BUNDLE"


@pytest.fixture
def statement() -> bytes:
    named = ResourceDescriptor("ghcr.io/org/app", {"sha256": SUBJECT.hex})
    return Statement.build([named], "https://example.com/p", {"a": 1}).raw


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
    yield trust_at(sigstore, server.base), authority
    server.stop()


def trust_at(sigstore: LocalSigstore, url: str) -> Trust:
    config = sigstore.signing_config_json.replace(sigstore.url.encode(), url.encode())
    return Trust.from_json(sigstore.trusted_root_json, signing_config=config)


def signer(sigstore: LocalSigstore, trust: Trust, settings: Settings | None) -> Signer:
    return Signer.keyless(trust=trust, identity_token=sigstore.token(), settings=settings)


def asked(sigstore: LocalSigstore) -> set[str]:
    return {request.path for request in sigstore.requests}


EVERY_SERVICE = {"/api/v2/signingCert", "/api/v1/timestamp", "/api/v2/log/entries"}


def test_every_service_that_signs_is_reached_with_the_authority_of_the_settings(
    sigstore: LocalSigstore, encrypted: tuple[Trust, Path], statement: bytes
) -> None:
    trust, authority = encrypted
    bundle = signer(sigstore, trust, Settings(ca_bundle=authority)).sign_statement(statement)
    who = Identity("dev@example.com", issuer=sigstore.issuer)
    assert verify_bundle(bundle, SUBJECT, trust=trust, identity=who).statement.raw == statement
    assert asked(sigstore) == EVERY_SERVICE
    assert "REQUESTS_CA_BUNDLE" not in os.environ


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_every_service_that_signs_is_reached_with_the_authority_of_the_environment(
    sigstore: LocalSigstore,
    encrypted: tuple[Trust, Path],
    statement: bytes,
    variable: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trust, authority = encrypted
    monkeypatch.setenv(variable, str(authority))
    assert signer(sigstore, trust, None).sign_statement(statement)
    assert asked(sigstore) == EVERY_SERVICE


def test_without_the_authority_nothing_is_signed_and_it_is_said_how_to_name_it(
    sigstore: LocalSigstore, encrypted: tuple[Trust, Path], statement: bytes
) -> None:
    with pytest.raises(SigningError, match=WITHOUT_AUTHORITY):
        signer(sigstore, encrypted[0], Settings()).sign_statement(statement)
    assert asked(sigstore) == set()


@pytest.mark.parametrize("last", ["tsaUrls", "rekorTlogUrls"])
def test_a_later_service_of_an_unknown_authority_is_told_apart_from_one_that_is_down(
    sigstore: LocalSigstore, encrypted: tuple[Trust, Path], statement: bytes, last: str
) -> None:
    secret = encrypted[0].signing_config or b""
    plain, cut = sigstore.signing_config_json, f'"{last}"'.encode()
    # Everything before is unencrypted, this one and what follows are not.
    config = plain[: plain.index(cut)] + secret[secret.index(cut) :]
    trust = Trust.from_json(sigstore.trusted_root_json, signing_config=config)
    with pytest.raises(SigningError, match=WITHOUT_AUTHORITY):
        signer(sigstore, trust, Settings()).sign_statement(statement)


def test_threads_with_other_authorities_do_not_see_one_anothers(
    sigstore: LocalSigstore, encrypted: tuple[Trust, Path], statement: bytes
) -> None:
    trust, authority = encrypted
    knowing = signer(sigstore, trust, Settings(ca_bundle=authority))
    ignorant = signer(sigstore, trust, Settings())

    def sign(who: Signer) -> str:
        try:
            who.sign_statement(statement)
        except SigningError as error:
            return error.message.partition("(")[2]
        return "signed"

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(sign, [knowing, ignorant] * 6))
    assert results[::2] == ["signed"] * 6
    assert all("certificate" in told for told in results[1::2])


def test_every_service_that_signs_is_reached_through_the_proxy(
    sigstore: LocalSigstore, statement: bytes
) -> None:
    trust = trust_at(sigstore, "http://sigstore.example")
    plain = ("sigstore.example",)
    settings = Settings(proxies={"http": sigstore.url}, timeout=5, plain_http=plain)
    assert signer(sigstore, trust, settings).sign_statement(statement)
    assert asked(sigstore) == EVERY_SERVICE


def test_what_is_listed_is_not_asked_of_the_proxy(
    sigstore: LocalSigstore, statement: bytes
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
    listed = Settings(proxies={"http": nobody}, no_proxy="127.0.0.1", retries=0)
    assert signer(sigstore, sigstore.trust, listed).sign_statement(statement)
    assert asked(sigstore) == EVERY_SERVICE


class Elsewhere:
    """Leads every request to another server."""

    def __init__(self, target: str) -> None:
        self.target = target

    def respond(self, request: Request) -> Response:
        return Response(307, {"Location": self.target + request.path}, Content(b""))


def test_a_token_does_not_follow_a_redirect(sigstore: LocalSigstore, statement: bytes) -> None:
    server = Server(Elsewhere(sigstore.url))
    with contextlib.closing(contextlib.ExitStack()) as stack:
        stack.callback(server.stop)
        with pytest.raises(SigningError, match="leads elsewhere"):
            signer(sigstore, trust_at(sigstore, server.base), None).sign_statement(statement)
    assert sigstore.requests == []


def test_a_token_does_not_travel_unencrypted(sigstore: LocalSigstore, statement: bytes) -> None:
    """Whoever reads it on the way has a certificate of that name, at any instance that takes it."""
    trust = trust_at(sigstore, "http://fulcio.example:8080")
    for settings in (Settings(retries=0), Settings(retries=0, plain_http=("other.example",))):
        with pytest.raises(SigningError, match="not encrypted") as refused:
            signer(sigstore, trust, settings).sign_statement(statement)
        assert "plain_http" in refused.value.hint
    named = Settings(retries=0, timeout=1, plain_http=("fulcio.example:8080",))
    with pytest.raises(SigningError, match="cannot be reached"):
        signer(sigstore, trust, named).sign_statement(statement)


def test_netrc_does_not_take_the_tokens_place(
    sigstore: LocalSigstore, statement: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = Path(os.environ["HOME"]) / ".netrc"
    file.write_text("machine 127.0.0.1 login somebody password else\n")
    file.chmod(0o600)
    try:
        assert signer(sigstore, sigstore.trust, None).sign_statement(statement)
    finally:
        file.unlink()
    sent = [r.headers["Authorization"] or "" for r in sigstore.requests]
    assert not any(value.startswith("Basic") for value in sent)


class GitHub:
    """GitHub's service of tokens: what its documentation shows."""

    def __init__(self, answer: Response) -> None:
        self.answer, self.requests = answer, list[tuple[str, str, str]]()

    def respond(self, request: Request) -> Response:
        audience = request.query.get("audience", [""])[-1]
        version = request.query.get("api-version", [""])[-1]
        self.requests.append((audience, version, request.header("Authorization")))
        return self.answer


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[tuple[GitHub, Settings]]:
    context, pem = server_context()
    (tmp_path / "github.pem").write_bytes(pem)
    github = GitHub(Response.of_json(200, {"count": 1, "value": "the-token"}))
    server = Server(github, context)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "secret-of-the-job")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", f"{server.base}/token?api-version=2.0")
    yield github, Settings(ca_bundle=tmp_path / "github.pem", retries=0)
    server.stop()


class TestTheTokenOfAGitHubJob:
    def test_is_fetched_with_the_authority_of_the_settings(
        self, job: tuple[GitHub, Settings], sigstore: LocalSigstore
    ) -> None:
        github, settings = job
        assert find_token(sigstore.trust, settings=settings, environ={}) == "the-token"
        assert github.requests == [("sigstore", "2.0", "bearer secret-of-the-job")]
        with pytest.raises(SigningError, match="no certificate this machine trusts"):
            find_token(sigstore.trust, settings=Settings(retries=0), environ={})

    @pytest.mark.parametrize(
        "answer",
        [
            Response.of_json(200, {}),
            Response.of_json(200, {"value": 1}),
            Response.of_json(200, {"value": ""}),
            Response.of_json(403, {"value": "the-token"}),
            Response(200, {}, Content(b"<html>")),
            Response(200, {}, Content(b"x" * 70_000)),
            Response(302, {"Location": "https://elsewhere.example/"}, Content(b"")),
        ],
    )
    def test_is_a_token_or_an_error_without_the_secret(
        self, job: tuple[GitHub, Settings], sigstore: LocalSigstore, answer: Response
    ) -> None:
        github, settings = job
        github.answer = answer
        with pytest.raises(SigningError, match=r"no identity token.*id-token: write") as refused:
            find_token(sigstore.trust, settings=settings, environ={})
        assert "secret-of-the-job" not in str(refused.value)
