"""Whom one expects: exact, by pattern, or a GitHub workflow; and why it is not them."""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING, Any

import pytest

from provenance.attestation.statement import ResourceDescriptor, Statement
from provenance.digests import Digest
from provenance.verification import Identity, verify_bundle
from provenance.verification.identity import GITHUB_ISSUER, AnyOf, Expected, KeyIdentity
from provenance.verification.signed import Certified, KeyHolder

if TYPE_CHECKING:
    from provenance.testing.sigstore import LocalSigstore

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


def test_a_certificate_without_issuer_is_nobodys_unless_a_pattern_says_so() -> None:
    name = "https://dotcom.releases.github.com"
    found = Certified(name, "")
    exact = Identity(name, issuer="https://i")
    assert exact.mismatch(found) == f"{name} was vouched for by no issuer, expected https://i"
    assert exact.near_miss(found) == "the same name by no issuer"
    for pattern, accepted in (("^$", True), (".*", True), (".+", False), ("https://.*", False)):
        who = Identity(name, issuer=pattern, issuer_is_pattern=True)
        assert (who.mismatch(found) == "") is accepted
        assert who.mismatch(Certified(f"{name}.evil.example", "")) != ""
    none = Identity(name, issuer="^$", issuer_is_pattern=True)
    assert none.mismatch(Certified(name, "https://i")) != ""
    assert none.mismatch(KEY) != ""


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


@pytest.mark.parametrize(
    "workflow",
    ["build.yml", "https://github.com/o/a/.github/workflows/b.yml", "org/app/x@", "a/b"],
)
def test_a_workflow_is_spelled_with_its_repository_and_without_the_server(workflow: str) -> None:
    with pytest.raises(ValueError, match="is no workflow"):
        Identity.github(repository="org/app", signer_workflow=workflow)


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


# --- issuers, claims, GitLab, servers of one's own ------------------------------------------------

PROJECT = "https://gitlab.com/group/sub/app"
PIPELINE = f"{PROJECT}//.gitlab-ci.yml@refs/heads/main"
KEY = KeyHolder("sha256:" + "a" * 64)
ANOTHER = "signed by another workflow of the same repository"


def test_an_issuer_may_be_a_pattern_and_matches_in_full() -> None:
    who = Identity("dev@example.com", issuer=r"https://[a-z]+\.example", issuer_is_pattern=True)
    assert who.mismatch(Certified("dev@example.com", "https://a.example")) == ""
    for issuer in ("https://a.example.evil", "https://aXexample", "xhttps://a.example"):
        why = who.mismatch(Certified("dev@example.com", issuer))
        assert "expected something matching" in why
    exact = Identity("dev@example.com", issuer=r"https://[a-z]+\.example")
    assert exact.mismatch(Certified("dev@example.com", "https://a.example"))
    with pytest.raises(ValueError, match="no regular expression"):
        Identity.regexp("x", issuer="(", issuer_is_pattern=True)


def test_a_name_too_long_matches_no_pattern() -> None:
    who = Identity.regexp(".*", issuer="https://i")
    assert who.mismatch(Certified("x" * 4096, "https://i")) == ""
    assert who.mismatch(Certified("x" * 4097, "https://i"))


@pytest.mark.parametrize(
    ("claims", "good"),
    [
        ({"github-workflow-repository": "org/app"}, True),
        ({"github-workflow-repository": "org/app", "source-repository-uri": ""}, True),
        ({"github-workflow-repository": "org/other"}, False),
        # What is said today counts, whatever the older claim says.
        (
            {
                "github-workflow-repository": "org/app",
                "source-repository-uri": "https://github.com/org/other",
            },
            False,
        ),
    ],
)
def test_an_old_certificate_names_its_repository_in_the_old_claim(
    claims: dict[str, str],
    good: bool,  # noqa: FBT001
) -> None:
    who = Identity.github(repository="org/app")
    assert (who.mismatch(Certified(WORKFLOW, GITHUB_ISSUER, claims)) == "") is good


def test_claims_of_cosigns_flags_are_exact() -> None:
    who = Identity(WORKFLOW, issuer=GITHUB_ISSUER, claims={"github-workflow-trigger": "push"})
    assert who.mismatch(signer(github_workflow_trigger="push")) == ""
    assert "github-workflow-trigger (none), expected push" in who.mismatch(signer())
    assert who.mismatch(signer(github_workflow_trigger="PUSH"))
    with pytest.raises(ValueError, match="must not be empty"):
        Identity(WORKFLOW, issuer=GITHUB_ISSUER, claims={"github-workflow-trigger": ""})


def test_everything_that_can_be_asked_of_a_github_workflow() -> None:
    who = Identity.github(
        repository="org/app",
        trigger="push",
        sha="0" * 40,
        environment="production",
        runner="github-hosted",
    )
    right = {
        "build_trigger": "push",
        "source_repository_digest": "0" * 40,
        "deployment_environment": "production",
        "runner_environment": "github-hosted",
    }
    assert who.mismatch(signer(**right)) == ""
    for name in right:
        assert name.replace("_", "-") in who.mismatch(signer(**(right | {name: "other"})))
    for name in ("trigger", "sha", "environment", "runner"):
        with pytest.raises(ValueError, match="must not be empty"):
            Identity.github(repository="org/app", **{name: ""})


@pytest.mark.parametrize(
    ("server", "issuer"),
    [
        ("https://github.com", GITHUB_ISSUER),
        ("https://octo.ghe.com", "https://token.actions.octo.ghe.com"),
        ("https://github.corp.example", "https://github.corp.example/_services/token"),
    ],
)
def test_a_github_of_ones_own_has_its_own_issuer(server: str, issuer: str) -> None:
    who = Identity.github(repository="org/app", server=server)
    name = f"{server}/org/app/.github/workflows/release.yml@refs/tags/v1"
    claims = {"source-repository-uri": f"{server}/org/app"}
    assert who.mismatch(Certified(name, issuer, claims)) == ""
    assert who.mismatch(Certified(name, "https://evil", claims))
    own = Identity.github(repository="org/app", server=server, issuer=f"{issuer}/org")
    assert own.mismatch(Certified(name, f"{issuer}/org", claims)) == ""


@pytest.mark.parametrize("server", ["https://github.com/", "http://github.com", "github.com", ""])
def test_a_server_is_spelled_as_the_certificate_has_it(server: str) -> None:
    with pytest.raises(ValueError, match="no server"):
        Identity.github(repository="org/app", server=server)
    with pytest.raises(ValueError, match="no server"):
        Identity.gitlab(project="group/app", server=server)


def gitlab(name: str = PIPELINE, issuer: str = "https://gitlab.com", **claims: str) -> Certified:
    named = {key.replace("_", "-"): value for key, value in claims.items()}
    said = {"source-repository-uri": PROJECT, "source-repository-ref": "refs/heads/main"}
    return Certified(name, issuer, said | named)


@pytest.mark.parametrize(
    ("who", "found"),
    [
        (Identity.gitlab(project="group/sub/app"), gitlab()),
        (Identity.gitlab(project="group/sub/app", ref="refs/heads/main"), gitlab()),
        (
            Identity.gitlab(project="group/sub/app", config="group/sub/app//.gitlab-ci.yml"),
            gitlab(),
        ),
        (
            Identity.gitlab(project="group/sub/app", config="group/ci//build.yml@refs/heads/main"),
            gitlab("https://gitlab.com/group/ci//build.yml@refs/heads/main"),
        ),
    ],
)
def test_a_gitlab_pipeline_matches(who: Identity, found: Certified) -> None:
    assert who.mismatch(found) == ""


@pytest.mark.parametrize(
    ("who", "found"),
    [
        (Identity.gitlab(project="group/sub"), gitlab()),
        (Identity.gitlab(project="group/sub/app", ref="refs/heads/dev"), gitlab()),
        (Identity.gitlab(project="group/sub/app", ref="main"), gitlab()),
        (
            Identity.gitlab(project="group/sub/app"),
            gitlab("https://gitlab.com/group/ci//build.yml@refs/heads/main"),
        ),
        (Identity.gitlab(project="group/sub/app"), gitlab(issuer="https://gitlab.evil")),
        (
            Identity.gitlab(project="group/sub/app"),
            gitlab(source_repository_uri="https://gitlab.com/group/sub/app2"),
        ),
        (
            Identity.gitlab(project="group/sub/app", config="group/sub/app//.gitlab-ci.yml@x"),
            gitlab(),
        ),
    ],
)
def test_another_pipeline_does_not_match(who: Identity, found: Certified) -> None:
    assert who.mismatch(found)


@pytest.mark.parametrize(
    "asked",
    [
        {"project": "app"},
        {"project": "group/app/"},
        {"project": "https://gitlab.com/group/app"},
        {"project": "group/app", "config": ".gitlab-ci.yml"},
        {"project": "group/app", "config": ""},
        {"project": "group/app", "config": "https://gitlab.com/group/app//x.yml"},
        {"project": "group/app", "config": "group/app//x.yml@"},
        {"project": "group/app", "ref": ""},
    ],
)
def test_a_gitlab_project_is_spelled_group_app(asked: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"group/app|must not be empty"):
        Identity.gitlab(**asked)


# --- several, keys ------------------------------------------------------------------------------


def test_any_of_several_is_enough_and_each_says_why_not() -> None:
    first, second = Identity("a@x", issuer="https://i"), Identity("b@x", issuer="https://i")
    who = Identity.any_of(first, second, KeyIdentity(KEY.key_id))
    assert isinstance(who, AnyOf)
    assert isinstance(who, Expected)
    for right in (Certified("a@x", "https://i"), Certified("b@x", "https://i"), KEY):
        assert who.mismatch(right) == ""
    why = who.mismatch(Certified("c@x", "https://i"))
    assert "expected a@x" in why
    assert "expected b@x" in why
    assert str(who) == f"{first} or {second} or {KEY}"
    assert pickle.loads(pickle.dumps(who)) == who
    with pytest.raises(ValueError, match="at least one"):
        Identity.any_of()


def test_a_key_and_a_name_never_stand_in_for_each_other() -> None:
    assert Identity.regexp(".*", issuer=".*", issuer_is_pattern=True).mismatch(KEY)
    assert Identity.key(KEY.key_id).mismatch(Certified(str(KEY), ""))
    assert Identity.key(KEY.key_id).mismatch(KeyHolder("sha256:" + "b" * 64))
    for wrong in ("", "a" * 64, "sha256:" + "A" * 64, "sha256:" + "a" * 63):
        with pytest.raises(ValueError, match="no key id"):
            Identity.key(wrong)


# --- near misses, warnings ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "found", "near"),
    [
        (
            Identity(WORKFLOW, issuer=GITHUB_ISSUER),
            signer(WORKFLOW.replace("refs/tags/v1.2", "refs/heads/dev")),
            "signed by the same workflow at refs/heads/dev",
        ),
        (
            Identity.github(
                repository="org/app", signer_workflow="org/app/.github/workflows/release.yml@x"
            ),
            signer(),
            "signed by the same workflow at refs/tags/v1.2",
        ),
        (
            Identity(WORKFLOW, issuer=GITHUB_ISSUER),
            signer(WORKFLOW.replace("release", "test")),
            f"{ANOTHER}, .github/workflows/test.yml at refs/tags/v1.2",
        ),
        (
            Identity.github(repository="org/app"),
            signer(BUILDER),
            "it is a reusable workflow that ran for https://github.com/org/app: name it too",
        ),
        (
            Identity.github(repository="org/app"),
            signer(BUILDER, source_repository_uri="https://github.com/org/other"),
            "",
        ),
        (
            Identity.github(repository="org/app", ref="refs/heads/main"),
            signer(),
            "signed by a workflow of the same repository at refs/tags/v1.2",
        ),
        (
            Identity(
                WORKFLOW,
                issuer=GITHUB_ISSUER,
                claims={"source-repository-ref": "refs/heads/main"},
            ),
            signer(),
            "signed by the same workflow at refs/tags/v1.2",
        ),
        (
            Identity(WORKFLOW, issuer=GITHUB_ISSUER, claims={"build-trigger": "push"}),
            signer(build_trigger="schedule"),
            "",
        ),
        (
            Identity("Dev@example.com", issuer="https://i"),
            Certified("dev@example.com", "https://i"),
            "the same name but for upper and lower case",
        ),
        (
            Identity("https://example.com/a", issuer="https://i"),
            Certified("https://example.com/a/", "https://i"),
            "the same name but for a final slash",
        ),
        (
            Identity.regexp("example.com$", issuer="https://i"),
            Certified("dev@example.com", "https://i"),
            "the pattern matches a part of the name; it must match all of it",
        ),
        (Identity("a@x", issuer="https://i"), Certified("b@y", "https://i"), ""),
        (Identity("a@x", issuer="https://i"), Certified("a@x", "https://i"), ""),
        (Identity("a@x", issuer="https://i"), KEY, ""),
    ],
)
def test_what_is_nearly_right_is_told(
    who: Identity, found: Certified | KeyHolder, near: str
) -> None:
    assert who.near_miss(found) == near
    assert Identity.any_of(Identity("z", issuer="https://z"), who).near_miss(found) == near
    if near:
        assert f"({near})" in who.mismatch(found)


def test_the_same_name_by_another_issuer_is_near() -> None:
    who = Identity(WORKFLOW, issuer="https://gitlab.com")
    assert who.near_miss(signer()) == f"the same name by {GITHUB_ISSUER}"


def test_a_reusable_workflow_without_a_source_repository_warns() -> None:
    by_name = Identity(BUILDER, issuer=GITHUB_ISSUER)
    found = signer(BUILDER)
    assert by_name.mismatch(found) == ""
    (warning,) = by_name.warnings_about(found)
    assert "reusable workflow, which signed for https://github.com/org/app" in warning
    assert Identity.any_of(by_name).warnings_about(found) == (warning,)
    asked = Identity.github(
        repository="org/app", signer_workflow="org/workflows/.github/workflows/build.yml"
    )
    assert asked.warnings_about(found) == ()
    assert Identity(WORKFLOW, issuer=GITHUB_ISSUER).warnings_about(signer()) == ()
    assert by_name.warnings_about(KEY) == ()
    foreign = gitlab("https://gitlab.com/group/ci//build.yml@refs/heads/main")
    named = Identity(foreign.identity, issuer=foreign.issuer)
    assert len(named.warnings_about(foreign)) == 1
    assert Identity(PIPELINE, issuer=foreign.issuer).warnings_about(gitlab()) == ()


class Silent:
    """A judge who forgot to answer."""

    def mismatch(self, signer: object) -> str:
        return None  # type: ignore[return-value]  # pyright: ignore[reportReturnType]


def test_a_judge_who_gives_no_answer_lets_nobody_pass(
    local_sigstore: LocalSigstore,
) -> None:
    digest = Digest.of(b"an image")
    said = Statement.build([ResourceDescriptor("a", {"sha256": digest.hex})], "https://a.b/c", {})
    bundle = json.dumps(local_sigstore.forger().statement(said.raw)).encode()
    for who in (Silent(), Identity.any_of(Silent())):
        with pytest.raises(TypeError, match="must return why not"):
            verify_bundle(bundle, digest, trust=local_sigstore.trust, identity=who)


def test_a_mere_name_is_no_identity(local_sigstore: LocalSigstore) -> None:
    name: Any = "dev@example.com"
    bundle = json.dumps(local_sigstore.forger(name).statement(b"{}")).encode()
    with pytest.raises(TypeError, match="issuer="):
        verify_bundle(bundle, None, trust=local_sigstore.trust, identity=name)
    with pytest.raises(TypeError, match="issuer="):
        Identity.any_of(name)


def test_a_file_that_is_called_as_another_with_a_ref_is_not_that_one() -> None:
    source = "https://github.com/org/app"
    asked = Identity.github(repository="org/app", signer_workflow="org/ci/.github/workflows/a.yml")
    workflow = "https://github.com/org/ci/.github/workflows/a.yml"

    def signer(name: str) -> Certified:
        return Certified(name, GITHUB_ISSUER, {"source-repository-uri": source})

    for ref in ("refs/heads/main", "0" * 40, "refs/heads/b.yml@c", "v1"):
        assert asked.mismatch(signer(f"{workflow}@{ref}")) == ""
        assert asked.mismatch(signer(f"{workflow}@b.yml@{ref}"))
        assert asked.mismatch(signer(f"{workflow}@b.yaml@{ref}"))
    with pytest.raises(ValueError, match="issuer"):
        Identity.github(repository="org/app", issuer="")
