"""`Identity`: whom one expects. The issuer is mandatory: a name is worth who gave it.

Names are compared letter by letter: case counts, and so does a final slash. A pattern must match
the whole name, where cosign's need only match a part of it. Source: Fulcio, `docs/oid-info.md`.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, Self, runtime_checkable

from provenance.verification import workflows
from provenance.verification.near_miss import near_miss
from provenance.verification.signed import KeyHolder
from provenance.verification.workflows import GITHUB_ISSUER, claim

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provenance.verification.signed import Certified, Signatory

__all__ = [
    "GITHUB_ISSUER",
    "AnyOf",
    "Expected",
    "Identity",
    "KeyIdentity",
    "check_judge",
    "judgement",
]

_LONGEST_NAME = 4096
_KEY_ID = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)


@runtime_checkable
class Expected(Protocol):
    """A judge of who signed: `Identity`, `AnyOf`, or one of your own."""

    def mismatch(self, signer: Signatory, /) -> str:
        """Why `signer` is not the one expected, for people; empty when it is."""
        ...

    def __str__(self) -> str:
        """Who is expected, for people."""
        ...


@dataclass(frozen=True, slots=True)
class Identity:
    """An expected signer.

    >>> Identity("dev@example.com", issuer="https://accounts.google.com").issuer
    'https://accounts.google.com'

    Raises:
        ValueError: an empty identity or issuer, or a pattern that does not compile.
    """

    identity: str
    """Exact subject alternative name, or a regular expression where `is_pattern`.

    A pattern is yours to choose well: one that repeats a repetition, as `(a+)+b` does, can take
    for ever on a name that an attacker chose. Names longer than 4,096 letters match no pattern.
    """
    issuer: str = field(kw_only=True)
    """Exact URL of the OIDC issuer, or a regular expression where `issuer_is_pattern`.

    A certificate that names no issuer is nobody's by an exact one. A pattern that matches the empty
    text takes it, as cosign's does: `^$` that alone.
    """
    is_pattern: bool = field(default=False, kw_only=True)
    """Whether `identity` is a regular expression; it must match in full."""
    claims: Mapping[str, str] = field(default_factory=dict, kw_only=True, hash=False)
    """Fulcio claims that must be there with exactly these values (`source-repository-uri`, ...).

    Those of `cosign verify --certificate-github-workflow-NAME` are `github-workflow-NAME`.
    """
    issuer_is_pattern: bool = field(default=False, kw_only=True)
    """Whether `issuer` is a regular expression; it must match in full."""

    def __post_init__(self) -> None:
        if not self.identity or not self.issuer:
            raise ValueError(
                "an identity needs a name and an issuer, e.g. "
                'Identity("dev@example.com", issuer="https://accounts.google.com")'
            )
        for name, value in self.claims.items():
            if not value:
                raise ValueError(f"the claim {name} must not be empty: leave it out instead")
        if self.is_pattern:
            _compiled(self.identity)
        if self.issuer_is_pattern:
            _compiled(self.issuer)

    @classmethod
    def regexp(
        cls,
        pattern: str,
        *,
        issuer: str,
        issuer_is_pattern: bool = False,
        claims: Mapping[str, str] | None = None,
    ) -> Self:
        """Any name that `pattern` matches in full, of one issuer or of those that match."""
        return cls(
            pattern,
            issuer=issuer,
            is_pattern=True,
            issuer_is_pattern=issuer_is_pattern,
            claims=claims or {},
        )

    @classmethod
    def github(
        cls,
        *,
        repository: str,
        ref: str | None = None,
        signer_workflow: str | None = None,
        trigger: str | None = None,
        sha: str | None = None,
        environment: str | None = None,
        runner: str | None = None,
        server: str = "https://github.com",
        issuer: str | None = None,
    ) -> Self:
        """A GitHub Actions workflow.

        Args:
            repository: `org/app`, checked against the claim of the source repository. A
                certificate of before 2023 has the older claim `github-workflow-repository` alone,
                which is taken then; so with `ref`, `trigger` and `sha`.
            ref: `refs/tags/v1.2`, checked against the claim of its ref.
            signer_workflow: `org/repo/.github/workflows/build.yml[@REF]`, checked against the
                certificate's name; needed for a reusable workflow of another repository.
                None: any workflow of the repository itself.
            trigger: the event: `push`, `release`, `workflow_dispatch`.
            sha: hex id of the commit.
            environment: the deployment environment.
            runner: `github-hosted` or `self-hosted`.
            server: of a GitHub Enterprise.
            issuer: of its tokens; None: the one that belongs to `server`.

        Raises:
            ValueError: the repository is not spelled `org/app`, or an argument is empty.
        """
        pattern, issuer, claims = workflows.github(
            server,
            issuer,
            repository=repository,
            signer_workflow=signer_workflow,
            ref=ref,
            trigger=trigger,
            sha=sha,
            environment=environment,
            runner=runner,
        )
        return cls(pattern, issuer=issuer, is_pattern=True, claims=claims)

    @classmethod
    def gitlab(
        cls,
        *,
        project: str,
        ref: str | None = None,
        config: str | None = None,
        trigger: str | None = None,
        sha: str | None = None,
        environment: str | None = None,
        server: str = "https://gitlab.com",
    ) -> Self:
        """A GitLab CI/CD pipeline.

        Args:
            project: `group/app`, checked against the claim of the source repository.
            ref: `refs/heads/main`, checked against the claim of its ref.
            config: `group/app//.gitlab-ci.yml[@REF]`, checked against the certificate's name;
                needed where the pipeline is defined in another project. None: any file of the
                project itself.
            trigger: the pipeline's source: `push`, `web`, `schedule`.
            sha: hex id of the commit.
            environment: the deployment environment.
            server: of a GitLab of your own; it issues its tokens too.

        Raises:
            ValueError: the project is not spelled `group/app`, or an argument is empty.
        """
        pattern, issuer, claims = workflows.gitlab(
            server,
            project=project,
            config=config,
            ref=ref,
            trigger=trigger,
            sha=sha,
            environment=environment,
        )
        return cls(pattern, issuer=issuer, is_pattern=True, claims=claims)

    @staticmethod
    def any_of(*expected: Expected) -> AnyOf:
        """Any one of several. Raises ValueError for none, TypeError for what is no judge."""
        return AnyOf(expected)

    @staticmethod
    def key(key_id: str) -> KeyIdentity:
        """Whoever holds a key, by its id: `sha256:` and hex, as `PublicKey.key_id` has it."""
        return KeyIdentity(key_id)

    def mismatch(self, signer: Signatory) -> str:
        """Why `signer` is not this identity, for people; empty when it is."""
        if isinstance(signer, KeyHolder):
            return f"signed by {signer}, which no one vouches for; expected {self}"
        if not self.names(signer):
            how = "something matching " if self.is_pattern else ""
            why = f"signed by {signer.identity}, expected {how}{self.identity}"
        elif not self.trusts_issuer_of(signer):
            how = "something matching " if self.issuer_is_pattern else ""
            vouched = f"{signer.identity} was vouched for by {signer.issuer or 'no issuer'}"
            return f"{vouched}, expected {how}{self.issuer}"
        else:
            why = self._missing_claim(signer)
        near = self.near_miss(signer) if why else ""
        return f"{why} ({near})" if near else why

    def names(self, signer: Certified) -> bool:
        """Whether the signer's name is the one expected, whoever gave it."""
        return _matches(self.identity, signer.identity, pattern=self.is_pattern)

    def trusts_issuer_of(self, signer: Certified) -> bool:
        """Whether the one who vouches for the signer is the one expected."""
        return _matches(self.issuer, signer.issuer, pattern=self.issuer_is_pattern)

    def near_miss(self, signer: Signatory) -> str:
        """What is nearly right about a `signer` that is not this identity; empty where nothing is.

        E.g. `signed by the same workflow at refs/heads/dev`.
        """
        return "" if isinstance(signer, KeyHolder) else near_miss(self, signer)

    def warnings_about(self, signer: Signatory) -> tuple[str, ...]:
        """What is easily misread about a `signer` that is this identity.

        A reusable workflow signs for every repository that calls it: its name alone does not say
        whose image it is.
        """
        if isinstance(signer, KeyHolder) or "source-repository-uri" in self.claims:
            return ()
        if "github-workflow-repository" in self.claims:
            return ()
        return workflows.warnings_about(signer)

    def _missing_claim(self, signer: Signatory) -> str:
        for name, value in self.claims.items():
            found = claim(signer, name)
            if found != value:
                return f"{signer.identity} has {name} {found or '(none)'}, expected {value}"
        return ""

    def __str__(self) -> str:
        how = "matching " if self.issuer_is_pattern else ""
        name = f"anyone matching {self.identity}" if self.is_pattern else self.identity
        return f"{name} (issuer {how}{self.issuer})" + "".join(
            f", {k} {v}" for k, v in self.claims.items()
        )


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Any one of several expected signers.

    Raises:
        ValueError: of none: nobody would ever be right, or everybody.
        TypeError: one of them is no judge.
    """

    expected: tuple[Expected, ...]

    def __post_init__(self) -> None:
        if not self.expected:
            raise ValueError("any_of needs at least one identity")
        for one in self.expected:
            check_judge(one)

    def mismatch(self, signer: Signatory) -> str:
        """Why `signer` is none of them; empty when it is one."""
        reasons = []
        for one in self.expected:
            why = judgement(one, signer)
            if not why:
                return ""
            reasons.append(why)
        return reasons[0] if len(reasons) == 1 else "none of: " + "; ".join(reasons)

    def near_miss(self, signer: Signatory) -> str:
        """The first near miss; empty where there is none."""
        judges = [one for one in self.expected if isinstance(one, (Identity, AnyOf))]
        return next((near for one in judges if (near := one.near_miss(signer))), "")

    def warnings_about(self, signer: Signatory) -> tuple[str, ...]:
        """Those of the first that `signer` is."""
        for one in self.expected:
            if not judgement(one, signer):
                return one.warnings_about(signer) if isinstance(one, (Identity, AnyOf)) else ()
        return ()

    def __str__(self) -> str:
        return " or ".join(str(one) for one in self.expected)


@dataclass(frozen=True, slots=True)
class KeyIdentity:
    """Whoever holds the private key of a public key.

    Raises:
        ValueError: `key_id` is not `sha256:` and 64 hex digits.
    """

    key_id: str

    def __post_init__(self) -> None:
        if not _KEY_ID.fullmatch(self.key_id):
            raise ValueError(f"{self.key_id!r} is no key id: write sha256: and 64 hex digits")

    def mismatch(self, signer: Signatory) -> str:
        """Why `signer` is not the holder of this key; empty when it is."""
        if isinstance(signer, KeyHolder) and signer.key_id == self.key_id:
            return ""
        return f"signed by {signer}, expected {self}"

    def __str__(self) -> str:
        return f"key {self.key_id}"


def check_judge(expected: object) -> None:
    """Raise TypeError for what cannot say who is expected, such as a mere name."""
    if not isinstance(expected, Expected):
        raise TypeError(
            f"a {type(expected).__name__} does not say who is expected: give "
            'Identity("dev@example.com", issuer="https://accounts.google.com")'
        )


def judgement(expected: Expected, signer: Signatory) -> str:
    """Why `signer` is not the one expected; empty when it is.

    Raises:
        TypeError: the judge gave no answer, which must not pass for a yes.
    """
    why: object = expected.mismatch(signer)
    if not isinstance(why, str):
        raise TypeError(
            f"{type(expected).__name__}.mismatch returned {why!r}: it must return why not, or an "
            "empty string"
        )
    return why


@functools.lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from error


def _matches(expected: str, found: str, *, pattern: bool) -> bool:
    if not pattern:
        return expected == found
    return len(found) <= _LONGEST_NAME and _compiled(expected).fullmatch(found) is not None
