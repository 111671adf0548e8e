"""Where an identity token comes from: the caller, the environment, the CI system, a browser."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from provenance.errors import NotEvaluated, SigningError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provenance.trust import Trust

__all__ = ["find_token"]


def find_token(trust: Trust, *, environ: Mapping[str, str] | None = None) -> str:
    """A raw OIDC token. A secret: hand it to the certificate authority alone.

    Order: SIGSTORE_ID_TOKEN; the CI system's own (GitHub, GitLab, Buildkite, Google Cloud);
    a browser, where there is a person at a terminal.

    Raises:
        SigningError: there is none to be had, or the CI system refused.
    """
    env = os.environ if environ is None else environ
    if token := env.get("SIGSTORE_ID_TOKEN"):
        return token
    from sigstore.oidc import IdentityError, detect_credential

    try:
        ambient = detect_credential()
    except IdentityError as error:
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
    return _from_browser(trust)


def _from_browser(trust: Trust) -> str:
    """Let a person log in. Blocks until they did."""
    import requests
    from sigstore.errors import Error
    from sigstore.oidc import Issuer, IssuerError

    try:
        url = trust.client_config().signing_config.get_oidc_url()
        return str(Issuer(url).identity_token())
    except (Error, IssuerError, NotEvaluated, OSError, requests.RequestException) as error:
        raise SigningError(
            f"the login did not succeed ({type(error).__name__})", hint="try again"
        ) from error
