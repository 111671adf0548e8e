"""What Fulcio's certificates say of workflows of GitHub and pipelines of GitLab.

Source: Fulcio, `docs/oid-info.md` and `docs/oidc.md`; GitHub, "OpenID Connect reference".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provenance.verification.signed import Certified, Signatory

__all__ = [
    "GITHUB_ISSUER",
    "claim",
    "github",
    "gitlab",
    "warnings_about",
    "without_ref",
    "workflow_of",
]

GITHUB_ISSUER = "https://token.actions.githubusercontent.com"
_GITHUB = "https://github.com"
_PART = r"[A-Za-z0-9._-]+"
_REPOSITORY = re.compile(rf"{_PART}/{_PART}", re.ASCII)
_PROJECT = re.compile(rf"{_PART}(/{_PART})+", re.ASCII)
_CONFIG = re.compile(rf"{_PART}(/{_PART})+//[^@\s]+(@\S+)?", re.ASCII)
_SIGNER_WORKFLOW = re.compile(rf"{_PART}/{_PART}/[^@\s]+(@\S+)?", re.ASCII)
_SERVER = re.compile(r"https://[A-Za-z0-9.-]+(:\d+)?", re.ASCII)
_GITHUB_WORKFLOW = re.compile(r"(https://[^/@]+/[^/@]+/[^/@]+)(/\.github/workflows/[^@]+)@(.+)")
_GITLAB_CONFIG = re.compile(r"(https://[^/@]+/(?:[^/@]+/)+[^/@]+)(//[^@]+)@(.+)")

# Where a workflow's ref begins: a file's name may have an @ too, `build.yml@other.yml@refs/...`.
_AT_REF = r"@(?![^/]*\.ya?ml(?:@|$))"
_WITH_REF = re.compile(rf"(.+?){_AT_REF}.+")
_LONGEST_NAME = 1024

# Claims by the names of today, to the older ones of GitHub's that mean the same.
_OLDER = {
    "source-repository-uri": "github-workflow-repository",
    "source-repository-ref": "github-workflow-ref",
    "source-repository-digest": "github-workflow-sha",
    "build-trigger": "github-workflow-trigger",
}


def claim(signer: Signatory, name: str) -> str:
    """A claim of a certificate by its name; empty where it has none.

    Certificates of before 2023 have Fulcio's first claims alone. Where the claim of today is
    missing, and the issuer is github.com's, the older one of the same meaning is taken.
    """
    extensions = getattr(signer, "extensions", {})
    found = extensions.get(name, "")
    if found or name not in _OLDER or signer.issuer != GITHUB_ISSUER:
        return str(found)
    older = str(extensions.get(_OLDER[name], ""))
    return f"{_GITHUB}/{older}" if older and name == "source-repository-uri" else older


def github(
    server: str,
    issuer: str | None,
    *,
    repository: str,
    signer_workflow: str | None,
    ref: str | None,
    trigger: str | None,
    sha: str | None,
    environment: str | None,
    runner: str | None,
) -> tuple[str, str, dict[str, str]]:
    """Pattern of the name, issuer and claims of a workflow. Raises ValueError: see `Identity`."""
    if ref == "" or signer_workflow == "":
        raise ValueError("ref and signer_workflow must not be empty: leave them out instead")
    if signer_workflow is not None and not _SIGNER_WORKFLOW.fullmatch(signer_workflow):
        raise ValueError(
            f"{signer_workflow!r} is no workflow: write it as org/repo/.github/workflows/FILE[@REF]"
        )
    if not _REPOSITORY.fullmatch(repository):
        raise ValueError(f"{repository!r} is no GitHub repository: write it as org/app")
    _check_server(server)
    claims = _claims(
        {
            "source-repository-uri": f"{server}/{repository}",
            "source-repository-ref": ref,
            "build-trigger": trigger,
            "source-repository-digest": sha,
            "deployment-environment": environment,
            "runner-environment": runner,
        }
    )
    if signer_workflow is None:
        pattern = re.escape(f"{server}/{repository}/.github/workflows/") + ".+"
    else:
        pattern = re.escape(f"{server}/{signer_workflow}")
        pattern += "" if "@" in signer_workflow else f"{_AT_REF}.+"
    return pattern, _github_issuer(server) if issuer is None else issuer, claims


def gitlab(
    server: str,
    *,
    project: str,
    config: str | None,
    ref: str | None,
    trigger: str | None,
    sha: str | None,
    environment: str | None,
) -> tuple[str, str, dict[str, str]]:
    """Pattern of the name, issuer and claims of a pipeline. Raises ValueError: see `Identity`."""
    if ref == "" or config == "":
        raise ValueError("ref and config must not be empty: leave them out instead")
    if not _PROJECT.fullmatch(project):
        raise ValueError(f"{project!r} is no GitLab project: write it as group/app")
    if config is not None and not _CONFIG.fullmatch(config):
        raise ValueError(
            f"{config!r} names no project: write it as group/app//.gitlab-ci.yml, as GitLab does"
        )
    _check_server(server)
    claims = _claims(
        {
            "source-repository-uri": f"{server}/{project}",
            "source-repository-ref": ref,
            "build-trigger": trigger,
            "source-repository-digest": sha,
            "deployment-environment": environment,
        }
    )
    if config is None:
        pattern = re.escape(f"{server}/{project}//") + ".+"
    else:
        pattern = re.escape(f"{server}/{config}") + ("" if "@" in config else f"{_AT_REF}.+")
    return pattern, server, claims


def workflow_of(name: str) -> tuple[str, str, str] | None:
    """Repository, path and ref of the workflow that a certificate's name is; None: it is none.

    >>> workflow_of("https://github.com/org/app/.github/workflows/build.yml@refs/heads/main")
    ('https://github.com/org/app', '/.github/workflows/build.yml', 'refs/heads/main')
    """
    found = _GITHUB_WORKFLOW.fullmatch(name) or _GITLAB_CONFIG.fullmatch(name)
    return (found[1], found[2], found[3]) if found else None


def without_ref(workflow: str) -> str:
    """A workflow's name without `@REF`; one that has none is itself.

    >>> without_ref("https://github.com/org/app/.github/workflows/a.yml@b.yml@refs/heads/main")
    'https://github.com/org/app/.github/workflows/a.yml@b.yml'
    """
    # The pattern takes the square of a name's length, and strangers choose the name.
    found = _WITH_REF.fullmatch(workflow) if len(workflow) <= _LONGEST_NAME else None
    return found[1] if found else workflow


def warnings_about(signer: Certified) -> tuple[str, ...]:
    """Say it where a workflow signed for another repository than its own."""
    workflow = workflow_of(signer.identity)
    source = claim(signer, "source-repository-uri")
    if workflow is None or not source or source == workflow[0]:
        return ()
    reusable = f"{workflow[0]}{workflow[1]} is a reusable workflow, which signed for {source}"
    return (f"{reusable}: whoever calls it has this name; ask for the source repository too",)


def _github_issuer(server: str) -> str:
    """Of tokens: github.com's, a GHE.com tenant's, or that of a server of one's own."""
    host = server.removeprefix("https://")
    if server == _GITHUB:
        return GITHUB_ISSUER
    if host.endswith(".ghe.com"):
        return f"https://token.actions.{host}"
    return f"{server}/_services/token"


def _check_server(server: str) -> None:
    if not _SERVER.fullmatch(server):
        raise ValueError(f"{server!r} is no server: write https://HOST, without a final slash")


def _claims(wanted: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in wanted.items() if value is not None}
