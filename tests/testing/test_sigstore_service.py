"""The HTTP around the parts: faults on demand, records, and what it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

from provenance.testing.sigstore import LocalSigstore

if TYPE_CHECKING:
    from collections.abc import Iterator

PATHS = {
    "ca": ("POST", "/api/v2/signingCert"),
    "log": ("POST", "/api/v2/log/entries"),
    "tsa": ("POST", "/api/v1/timestamp"),
    "oidc": ("GET", "/.well-known/openid-configuration"),
}


@pytest.fixture
def sigstore() -> Iterator[LocalSigstore]:
    with LocalSigstore() as running:
        yield running


def ask(sigstore: LocalSigstore, method: str, path: str, data: bytes = b"") -> requests.Response:
    return requests.request(method, sigstore.url + path, data=data, timeout=10)


@pytest.mark.parametrize("part", PATHS)
def test_one_part_fails_until_it_recovers(sigstore: LocalSigstore, part: str) -> None:
    sigstore.fail(part, 429)
    answers = {name: ask(sigstore, *where) for name, where in PATHS.items()}
    assert answers[part].json() == {"code": 429, "message": "as the test asked", "details": []}
    assert [name for name, answer in answers.items() if answer.status_code == 429] == [part]
    sigstore.recover()
    assert ask(sigstore, *PATHS[part]).status_code != 429


def test_an_unknown_part_is_refused_by_name(sigstore: LocalSigstore) -> None:
    with pytest.raises(ValueError, match="no part 'rekor': expected one of ca, log, tsa, oidc"):
        sigstore.fail("rekor")


def test_every_request_is_recorded(sigstore: LocalSigstore) -> None:
    ask(sigstore, "GET", "/keys")
    ask(sigstore, "GET", "/nowhere")
    assert [str(r) for r in sigstore.requests] == ["GET /keys -> 200", "GET /nowhere -> 404"]


def test_a_wrong_method_is_not_found(sigstore: LocalSigstore) -> None:
    answer = ask(sigstore, "GET", "/api/v2/log/entries")
    assert answer.status_code == 404
    assert answer.json()["message"] == "no such end point: GET /api/v2/log/entries"


def test_a_body_beyond_reason_is_refused(sigstore: LocalSigstore) -> None:
    answer = ask(sigstore, "POST", "/api/v2/log/entries", b" " * ((4 << 20) + 1))
    assert (answer.status_code, "larger than" in answer.text) == (400, True)


def test_no_connection_is_kept(sigstore: LocalSigstore) -> None:
    assert ask(sigstore, "GET", "/keys").headers["Connection"] == "close"


def test_the_trust_bundle_is_the_authority_s_chain(sigstore: LocalSigstore) -> None:
    (chain,) = ask(sigstore, "GET", "/api/v2/trustBundle").json()["chains"]
    assert chain == {"certificates": sigstore.ca.chain_pem()}
