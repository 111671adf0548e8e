"""Where an identity token comes from: the caller, the environment, the CI system, a person."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from provenance.errors import NotEvaluated, ProvenanceError, SigningError
from provenance.signing.encryption import see_encrypted
from provenance.strict_json import decode_object
from provenance.transport.origin import display_url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provenance.settings import Settings
    from provenance.transport.client import Client
    from provenance.trust import Trust

__all__ = ["certified_as", "expiry", "find_token", "is_local"]

_GITHUB = "https://token.actions.githubusercontent.com"
_GITLAB = "https://gitlab.com"
_BUILDKITE = "https://agent.buildkite.com"
_CIRCLECI = "https://oidc.circleci.com"
_AUDIENCE = "sigstore"


def find_token(
    trust: Trust,
    *,
    settings: Settings | None = None,
    environ: Mapping[str, str] | None = None,
    out_of_band: bool = False,
) -> str:
    """A raw OIDC token. A secret: hand it to the certificate authority alone.

    Order: SIGSTORE_ID_TOKEN (which is GitLab's way, too); the CI system's own (GitHub, Buildkite,
    CircleCI, Google Cloud); a login, where there is a person at a terminal.

    Args:
        trust: the instance whose issuer a person logs in at.
        settings: how to reach the CI system and the issuer.
        environ: None: the process's.
        out_of_band: a person logs in on another machine and brings the code here.

    Raises:
        SigningError: there is none to be had, or the CI system refused.
    """
    env = os.environ if environ is None else environ
    if token := env.get("SIGSTORE_ID_TOKEN"):
        return token
    if out_of_band:
        return _from_person(trust, settings, out_of_band=True)
    from sigstore.oidc import IdentityError, detect_credential

    from provenance.transport.client import Client

    try:
        with Client(settings) as client:
            ambient = _of_github(client) or detect_credential()
    except (IdentityError, ProvenanceError) as error:
        raise SigningError(
            f"this CI system gave no identity token: {str(error)[:300]}",
            hint="grant the job `id-token: write` (GitHub) or declare an id_token (GitLab)",
        ) from error
    if ambient is not None:
        return ambient
    if env.get("CI") or not sys.stdin.isatty() or not sys.stderr.isatty():
        raise SigningError(
            "there is no identity to sign with",
            hint="set SIGSTORE_ID_TOKEN, run in a CI job with an OIDC token, or at a terminal",
        )
    return _from_person(trust, settings)


def certified_as(token: str) -> tuple[str, str]:
    """The identity and issuer that a certificate for this token will name, by Fulcio's rules.

    A pipeline is named by its workflow file and not by the token's subject.

    Raises:
        SigningError: the token is expired, malformed or not for Sigstore.
    """
    parsed, claims = _read(token)
    issuer: str = parsed.federated_issuer
    if named := _pipeline(issuer, claims):
        return named, issuer
    if claims.get("email_verified") is True and (email := claims.get("email")):
        return str(email), issuer
    return parsed.identity, issuer


def _pipeline(issuer: str, claims: Mapping[str, Any]) -> str:
    """The URI that names a job of a CI system; empty for other tokens.

    Source: sigstore/fulcio, `config/identity/config.yaml`, subject-alternative-name-template.
    """
    named = claims.get
    if issuer == _GITHUB or issuer.startswith(f"{_GITHUB}/"):  # an enterprise has its own
        workflow = named("job_workflow_ref")
        return f"https://github.com/{workflow}" if workflow else ""
    if issuer == _GITLAB:
        config = named("ci_config_ref_uri")
        return f"https://{config}" if config else ""
    if issuer == _BUILDKITE:
        parts = named("organization_slug"), named("pipeline_slug")
        return "https://buildkite.com/{}/{}".format(*parts) if all(parts) else ""
    if issuer == _CIRCLECI or issuer.startswith(f"{_CIRCLECI}/org/"):
        ids = tuple(named(f"oidc.circleci.com/{n}-id") for n in ("project", "pipeline-definition"))
        definition = "https://circleci.com/api/v2/projects/{}/pipeline-definitions/{}"
        return definition.format(*ids) if all(ids) else ""
    return ""


def expiry(token: str) -> float:
    """When a token that was read ends, in seconds since 1970."""
    import jwt

    claims = jwt.decode(token, options={"verify_signature": False})
    return float(claims["exp"])


def _read(token: str) -> tuple[Any, dict[str, Any]]:
    import jwt
    from sigstore.oidc import IdentityError, IdentityToken

    # The libraries compare and look up claims of any type: what they raise of odd ones is theirs.
    odd = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError)
    try:
        parsed = IdentityToken(token)
        expiry(token)
        if not isinstance(parsed.federated_issuer, str):
            raise TypeError("the issuer is no text")
        return parsed, jwt.decode(token, options={"verify_signature": False})
    except (IdentityError, jwt.PyJWTError, *odd) as error:
        raise SigningError(
            "the identity token is expired, malformed or not for Sigstore",
            hint="get a new one with audience `sigstore`",
        ) from error


def is_local(trust: Trust) -> bool:
    """Whether every service it signs with is on this machine: that is not going online."""
    found = [
        urlsplit(str(service.get("url"))).hostname
        for services in decode_object(trust.signing_config or b"{}").values()
        if isinstance(services, list)
        for service in services
        if isinstance(service, dict)
    ]
    return bool(found) and set(found) <= {"127.0.0.1", "::1", "localhost"}


def _of_github(client: Client) -> str | None:
    """The token of a GitHub job, or None where this is none; by our transport.

    The library asks with urllib3's defaults: an Enterprise Server with an authority of its own
    would not be believed. Source: GitHub's documentation, "OpenID Connect", "Requesting the JWT
    using environment variables".

    Raises:
        ProvenanceError: the service did not answer, or not with a token.
    """
    env = os.environ
    url, secret = (env.get(f"ACTIONS_ID_TOKEN_REQUEST_{name}") for name in ("URL", "TOKEN"))
    if not env.get("GITHUB_ACTIONS") or not url or not secret:
        return None
    see_encrypted(url, client.settings)
    url += f"{'&' if '?' in url else '?'}audience={_AUDIENCE}"
    with client.request("GET", url, authorization=f"bearer {secret}", follow=False) as answer:
        raw = answer.read_capped(client.limits.token_bytes, "token")
    token = decode_object(raw).get("value") if answer.status == 200 else None
    if not isinstance(token, str) or not token:
        raise NotEvaluated(f"{display_url(url)} answered {answer.status} without a token")
    return token


def _from_person(
    trust: Trust, settings: Settings | None = None, *, out_of_band: bool = False
) -> str:
    """Let a person log in. Blocks until they did."""
    import requests
    from sigstore.errors import Error
    from sigstore.oidc import IssuerError

    from provenance.signing.login import log_in
    from provenance.transport.client import Client

    try:
        url = _issuer(trust)
        with Client(settings) as client:
            return log_in(url, client, out_of_band=out_of_band)
    except ProvenanceError as error:
        raise SigningError(
            f"the login did not succeed: {error.message}", hint=error.hint
        ) from error
    except (Error, IssuerError, OSError, EOFError, requests.RequestException) as error:
        raise SigningError(
            f"the login did not succeed ({type(error).__name__})", hint="try again"
        ) from error


def _issuer(trust: Trust) -> str:
    """Where people log in. Raises NotEvaluated where the signing configuration names no place."""
    import datetime as dt

    from provenance.signing.signing_config import SigningConfig

    config = SigningConfig.parse(trust.signing_config or b"{}")
    issuers = config.issuers(dt.datetime.now(dt.UTC)).services
    if not issuers:
        raise NotEvaluated(
            "the signing configuration names no issuer to log in at",
            hint="give an identity token (identity_token=, --identity-token, SIGSTORE_ID_TOKEN)",
        )
    return issuers[0].url
