"""`Identity`: whom one expects. The issuer is mandatory: a name is worth who gave it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from provenance.verification.signed import KeyHolder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provenance.verification.signed import Signatory


__all__ = ["GITHUB_ISSUER", "Identity"]

GITHUB_ISSUER = "https://token.actions.githubusercontent.com"
_REPOSITORY = re.compile(r"[A-Za-z0-9._-]+/[A-Za-z0-9._-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Identity:
    """An expected signer.

    >>> Identity("dev@example.com", issuer="https://accounts.google.com").issuer
    'https://accounts.google.com'

    Raises:
        ValueError: an empty identity or issuer, or a pattern that does not compile.
    """

    identity: str
    """Exact subject alternative name, or a regular expression where `is_pattern`."""
    issuer: str = field(kw_only=True)
    """Exact URL of the OIDC issuer."""
    is_pattern: bool = field(default=False, kw_only=True)
    """Whether `identity` is a regular expression; it must match in full."""
    claims: Mapping[str, str] = field(default_factory=dict, kw_only=True, hash=False)
    """Fulcio claims that must be there with exactly these values."""

    def __post_init__(self) -> None:
        if not self.identity or not self.issuer:
            raise ValueError(
                "an identity needs a name and an issuer, e.g. "
                'Identity("dev@example.com", issuer="https://accounts.google.com")'
            )
        if self.is_pattern:
            try:
                re.compile(self.identity)
            except re.error as error:
                raise ValueError(f"{self.identity!r} is no regular expression: {error}") from error

    @classmethod
    def regexp(cls, pattern: str, *, issuer: str) -> Self:
        """Any name that `pattern` matches in full, of one issuer."""
        return cls(pattern, issuer=issuer, is_pattern=True)

    @classmethod
    def github(
        cls, *, repository: str, ref: str | None = None, signer_workflow: str | None = None
    ) -> Self:
        """A GitHub Actions workflow.

        Args:
            repository: `org/app`, checked against the claim of the source repository.
            ref: `refs/tags/v1.2`, checked against the claim of its ref.
            signer_workflow: `org/repo/.github/workflows/build.yml[@REF]`, checked against the
                certificate's name; needed for a reusable workflow of another repository.
                None: any workflow of the repository itself.

        Raises:
            ValueError: the repository is not spelled `org/app`, or an argument is empty.
        """
        if ref == "" or signer_workflow == "":
            raise ValueError("ref and signer_workflow must not be empty: leave them out instead")
        if not _REPOSITORY.fullmatch(repository):
            raise ValueError(f"{repository!r} is no GitHub repository: write it as org/app")
        claims = {"source-repository-uri": f"https://github.com/{repository}"}
        if ref is not None:
            claims["source-repository-ref"] = ref
        if signer_workflow is None:
            pattern = re.escape(f"https://github.com/{repository}/.github/workflows/") + ".+"
        elif "@" in signer_workflow:
            pattern = re.escape(f"https://github.com/{signer_workflow}")
        else:
            pattern = re.escape(f"https://github.com/{signer_workflow}") + "@.+"
        return cls(pattern, issuer=GITHUB_ISSUER, is_pattern=True, claims=claims)

    def mismatch(self, signer: Signatory) -> str:
        """Why `signer` is not this identity, for people; empty when it is."""
        if isinstance(signer, KeyHolder):
            return f"signed by {signer}, which no one vouches for; expected {self}"
        matched = (
            re.fullmatch(self.identity, signer.identity) is not None
            if self.is_pattern
            else self.identity == signer.identity
        )
        if not matched:
            how = "something matching " if self.is_pattern else ""
            return f"signed by {signer.identity}, expected {how}{self.identity}"
        if self.issuer != signer.issuer:
            return f"{signer.identity} was vouched for by {signer.issuer}, expected {self.issuer}"
        for claim, value in self.claims.items():
            found = signer.extensions.get(claim)
            if found != value:
                return f"{signer.identity} has {claim} {found or '(none)'}, expected {value}"
        return ""

    def __str__(self) -> str:
        text = f"{'matching ' if self.is_pattern else ''}{self.identity} (issuer {self.issuer})"
        return text + "".join(f", {k} {v}" for k, v in self.claims.items())
