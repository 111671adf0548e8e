"""Key pairs in the CI variables of a GitLab project, where cosign puts them.

Source: GitLab's REST API, "Project-level CI/CD variables"; cosign `pkg/cosign/git/gitlab`.
GITLAB_TOKEN is the login, GITLAB_HOST the address of another instance than gitlab.com.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from provenance.errors import NotEvaluated, Unauthorized
from provenance.signing.keys.services import ask_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provenance.settings import Settings
    from provenance.signing.keys.references import GitLabKey

__all__ = ["read_variable"]


def read_variable(
    reference: GitLabKey, name: str, settings: Settings, environ: Mapping[str, str]
) -> str:
    """The value of a project's variable.

    Raises:
        Unauthorized: GITLAB_TOKEN is not set, or not accepted.
        NotFound, Forbidden, RateLimited, RegistryUnavailable: GitLab did not give it.
        NotEvaluated: what it gave is no text.
    """
    from provenance.transport.client import Client

    token = environ.get("GITLAB_TOKEN", "").strip()
    if not token:
        raise Unauthorized(
            f"{reference} needs a login", hint="set GITLAB_TOKEN to one with the scope read_api"
        )
    host = (environ.get("GITLAB_HOST") or "https://gitlab.com").rstrip("/")
    base = host if "://" in host else f"https://{host}"
    base = base if base.endswith("/api/v4") else f"{base}/api/v4"
    url = f"{base}/projects/{quote(reference.project, safe='')}/variables/{name}"
    with Client(settings) as client:
        value = ask_json(client, "GET", url, secret=token).get("value")
    if not isinstance(value, str):
        raise NotEvaluated(
            f"{reference} has no text in {name}", hint="was it made by `cosign generate-key-pair`?"
        )
    return value
