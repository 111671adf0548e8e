"""Who must have signed, as cosign's options say it, and the library's arguments made of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from provenance.verification import Identity

__all__ = ["identity", "identity_options"]

F = TypeVar("F", bound=Callable[..., Any])

_GITHUB_CLAIMS = ("trigger", "sha", "name", "repository", "ref")


def identity_options(command: F) -> F:
    """`--certificate-…`; `identity` takes what they give."""
    options = [
        click.option("--certificate-identity", metavar="NAME", help="Who must have signed."),
        click.option(
            "--certificate-identity-regexp", metavar="PATTERN", help="The same, matched in full."
        ),
        click.option("--certificate-oidc-issuer", metavar="URL", help="Who vouches for the name."),
        click.option(
            "--certificate-oidc-issuer-regexp", metavar="PATTERN", help="The same, in full."
        ),
    ]
    options += [
        click.option(
            f"--certificate-github-workflow-{name}",
            metavar="VALUE",
            help=f"What the certificate must say of the workflow's {name}.",
        )
        for name in _GITHUB_CLAIMS
    ]
    for option in reversed(options):
        command = option(command)
    return command


def identity(given: dict[str, Any]) -> Identity | None:
    """The identity that the options of a command ask for; None: they say nothing.

    Takes its options out of `given`. Raises UsageError where they do not go together.
    """
    from provenance.verification import Identity

    exact, pattern = (given.pop(f"certificate_identity{end}") for end in ("", "_regexp"))
    issuer, issuers = (given.pop(f"certificate_oidc_issuer{end}") for end in ("", "_regexp"))
    said = {
        f"github-workflow-{name}": given.pop(f"certificate_github_workflow_{name}")
        for name in _GITHUB_CLAIMS
    }
    claims = {name: value for name, value in said.items() if value is not None}
    if exact and pattern:
        raise click.UsageError("--certificate-identity and --certificate-identity-regexp: one only")
    if issuer and issuers:
        raise click.UsageError(
            "--certificate-oidc-issuer and --certificate-oidc-issuer-regexp: one only"
        )
    if not exact and not pattern:
        if issuer or issuers or claims:
            raise click.UsageError("--certificate-identity is missing: whose certificate?")
        return None
    if not issuer and not issuers:
        raise click.UsageError("a name needs who vouches for it: --certificate-oidc-issuer")
    try:
        return Identity(
            exact or pattern,
            issuer=issuer or issuers,
            is_pattern=not exact,
            issuer_is_pattern=not issuer,
            claims=claims,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error
