"""Whom one expects: exact, by pattern, or a GitHub workflow; and why it is not them."""

from __future__ import annotations

import pickle

import pytest

from provenance.verification import Identity
from provenance.verification.identity import GITHUB_ISSUER
from provenance.verification.signed import Certified

WORKFLOW = "https://github.com/org/app/.github/workflows/release.yml@refs/tags/v1.2"
BUILDER = "https://github.com/org/workflows/.github/workflows/build.yml@refs/heads/main"
CLAIMS = {
    "source-repository-uri": "https://github.com/org/app",
    "source-repository-ref": "refs/tags/v1.2",
}


def signer(identity: str = WORKFLOW, issuer: str = GITHUB_ISSUER, **claims: str) -> Certified:
    named = {name.replace("_", "-"): value for name, value in claims.items()}
    return Certified(identity, issuer, CLAIMS | named)


def test_the_issuer_is_mandatory() -> None:
    with pytest.raises(TypeError, match="issuer"):
        Identity("dev@example.com")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


@pytest.mark.parametrize(("name", "issuer"), [("", "https://i"), ("dev@example.com", "")])
def test_empty_is_no_identity(name: str, issuer: str) -> None:
    with pytest.raises(ValueError, match="needs a name and an issuer"):
        Identity(name, issuer=issuer)


def test_a_pattern_must_compile() -> None:
    with pytest.raises(ValueError, match="no regular expression"):
        Identity.regexp("(", issuer="https://i")


def test_exact_is_exact() -> None:
    who = Identity(WORKFLOW, issuer=GITHUB_ISSUER)
    assert who.mismatch(signer()) == ""
    assert "signed by" in who.mismatch(signer(WORKFLOW + "0"))
    assert "signed by" in who.mismatch(signer(WORKFLOW.upper()))


def test_an_exact_name_is_no_pattern() -> None:
    assert Identity(".*", issuer=GITHUB_ISSUER).mismatch(signer())


def test_the_issuer_counts() -> None:
    who = Identity(WORKFLOW, issuer="https://gitlab.com")
    assert who.mismatch(signer()) == (
        f"{WORKFLOW} was vouched for by {GITHUB_ISSUER}, expected https://gitlab.com"
    )


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        (r".*@example\.com", True),
        (r"dev@example\.com", True),
        (r"dev", False),
        (r"example\.com$", False),
        (r"a|dev@example\.com", True),
        (r"^dev@example", False),
    ],
)
def test_a_pattern_matches_in_full(pattern: str, matches: bool) -> None:  # noqa: FBT001
    who = Identity.regexp(pattern, issuer="https://i")
    found = who.mismatch(Certified("dev@example.com", "https://i"))
    assert (found == "") is matches


def test_a_line_break_does_not_end_a_name() -> None:
    who = Identity.regexp(r".*@example\.com", issuer="https://i")
    assert who.mismatch(Certified("dev@example.com\n", "https://i"))
    assert who.mismatch(Certified("x\ndev@example.com", "https://i"))


@pytest.mark.parametrize(
    ("who", "found"),
    [
        (Identity.github(repository="org/app"), signer()),
        (Identity.github(repository="org/app", ref="refs/tags/v1.2"), signer()),
        (
            Identity.github(
                repository="org/app",
                signer_workflow="org/workflows/.github/workflows/build.yml",
            ),
            signer(BUILDER),
        ),
        (
            Identity.github(
                repository="org/app",
                signer_workflow="org/workflows/.github/workflows/build.yml@refs/heads/main",
            ),
            signer(BUILDER),
        ),
    ],
)
def test_a_github_workflow_matches(who: Identity, found: Certified) -> None:
    assert who.mismatch(found) == ""


@pytest.mark.parametrize(
    ("who", "found", "why"),
    [
        (
            Identity.github(repository="org/app"),
            signer(source_repository_uri="https://github.com/org/other"),
            "has source-repository-uri https://github.com/org/other",
        ),
        (
            Identity.github(repository="org/app"),
            Certified(WORKFLOW, GITHUB_ISSUER),
            r"source-repository-uri \(none\)",
        ),
        (
            Identity.github(repository="org/app", ref="refs/heads/main"),
            signer(),
            "has source-repository-ref refs/tags/v1.2, expected refs/heads/main",
        ),
        # A reusable workflow of another repository is to be named.
        (Identity.github(repository="org/app"), signer(BUILDER), "signed by"),
        (
            Identity.github(repository="org/app"),
            signer(WORKFLOW.replace("org/app", "org/app2")),
            "signed by",
        ),
        (
            Identity.github(repository="org/app", signer_workflow="org/w/build.yml"),
            signer(BUILDER),
            "signed by",
        ),
        (
            Identity.github(
                repository="org/app",
                signer_workflow="org/workflows/.github/workflows/build.yml@refs/tags/v1",
            ),
            signer(BUILDER),
            "signed by",
        ),
        (Identity.github(repository="org/app"), signer(issuer="https://evil"), "vouched for by"),
        # A dot in a name is a dot.
        (
            Identity.github(repository="org/a.p"),
            signer(source_repository_uri="https://github.com/org/a.p"),
            "signed by",
        ),
    ],
)
def test_another_workflow_does_not_match_and_it_is_said_why(
    who: Identity, found: Certified, why: str
) -> None:
    import re

    assert re.search(why, who.mismatch(found))


@pytest.mark.parametrize(
    "repository", ["app", "org/app/x", "https://github.com/org/app", "", "o/ "]
)
def test_a_repository_is_spelled_org_app(repository: str) -> None:
    with pytest.raises(ValueError, match="org/app"):
        Identity.github(repository=repository)


def test_an_empty_ref_or_workflow_is_a_mistake_and_not_a_wildcard() -> None:
    with pytest.raises(ValueError, match="must not be empty"):
        Identity.github(repository="org/app", ref="")
    with pytest.raises(ValueError, match="must not be empty"):
        Identity.github(repository="org/app", signer_workflow="")


def test_it_pickles_hashes_and_shows_itself() -> None:
    who = Identity.github(repository="org/app", ref="refs/tags/v1")
    assert pickle.loads(pickle.dumps(who)) == who
    assert hash(who) == hash(pickle.loads(pickle.dumps(who)))
    assert str(who).endswith("source-repository-ref refs/tags/v1")
