"""The issuer, judged by PyJWT as a stranger and by sigstore-python's login."""

from __future__ import annotations

import gc
import threading
import urllib.request
import webbrowser
from typing import TYPE_CHECKING

import jwt
import pytest
import requests
from sigstore.oidc import IdentityToken, Issuer

from provenance.testing.sigstore import LocalSigstore

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def sigstore() -> Iterator[LocalSigstore]:
    with LocalSigstore() as running:
        yield running


def test_a_stranger_verifies_a_token_with_the_published_keys(sigstore: LocalSigstore) -> None:
    where = f"{sigstore.issuer}/.well-known/openid-configuration"
    discovery = requests.get(where, timeout=10).json()
    assert discovery["issuer"] == sigstore.issuer
    keys = jwt.PyJWKSet.from_dict(requests.get(discovery["jwks_uri"], timeout=10).json())
    token = sigstore.token("dev@example.com", extra="1")
    key = keys[jwt.get_unverified_header(token)["kid"]]
    algorithms = discovery["id_token_signing_alg_values_supported"]
    claims = jwt.decode(token, key, algorithms, audience="sigstore", issuer=sigstore.issuer)
    assert (claims["email"], claims["email_verified"]) == ("dev@example.com", True)
    assert (claims["sub"], claims["extra"]) == ("dev@example.com", "1")


def test_a_workflow_s_token_has_no_address(sigstore: LocalSigstore) -> None:
    token = sigstore.token("https://example.com/workflow@v1")
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["sub"] == "https://example.com/workflow@v1"
    assert "email" not in claims


def test_sigstore_python_takes_the_token_of_another_issuer(sigstore: LocalSigstore) -> None:
    token = sigstore.token("repo:org/app", iss="https://token.actions.githubusercontent.com")
    assert IdentityToken(token).identity == "repo:org/app"


# Its redirect server never closes the port it listened on.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_sigstore_python_logs_in(sigstore: LocalSigstore, monkeypatch: pytest.MonkeyPatch) -> None:
    def browse(url: str) -> bool:
        def follow() -> None:
            with urllib.request.urlopen(url, timeout=10) as page:
                page.read()

        threading.Thread(target=follow).start()
        return True

    monkeypatch.setattr(webbrowser, "open", browse)
    sigstore.oidc.user = "somebody@example.com"
    issuer = Issuer(sigstore.issuer)
    token = issuer.identity_token()
    issuer.session.close()
    gc.collect()
    assert (token.identity, token.issuer) == ("somebody@example.com", sigstore.issuer)


def test_a_code_is_redeemed_once_and_by_who_asked_for_it(sigstore: LocalSigstore) -> None:
    # RFC 7636, appendix B.
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    query = {
        "redirect_uri": "http://localhost:1/back",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
        "state": "s",
    }

    def login(**changes: str) -> requests.Response:
        url = f"{sigstore.url}/auth"
        return requests.get(url, {**query, **changes}, allow_redirects=False, timeout=10)

    def redeem(code: str, proof: str) -> requests.Response:
        form = {"code": code, "code_verifier": proof}
        return requests.post(f"{sigstore.url}/token", form, timeout=10)

    answer = login()
    assert answer.status_code == 302
    code = answer.headers["Location"].partition("code=")[2].partition("&")[0]
    assert answer.headers["Location"] == f"http://localhost:1/back?code={code}&state=s"
    granted = redeem(code, verifier)
    assert granted.status_code == 200
    sigstore.oidc.check(granted.json()["id_token"])
    assert redeem(code, verifier).status_code == 400
    stolen = login().headers["Location"].partition("code=")[2].partition("&")[0]
    assert redeem(stolen, verifier[::-1]).status_code == 400
    assert login(redirect_uri="http://example.com/").status_code == 400
    assert login(code_challenge_method="plain").status_code == 400


def test_check_says_why(sigstore: LocalSigstore) -> None:
    with pytest.raises(ValueError, match="not one of ours"):
        sigstore.oidc.check("a.b.c")
