"""Whatever a predicate says, what a certificate vouches for is told as it vouches, or refused."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.attestation import ResourceDescriptor, Statement
from provenance.attestation.predicates import SlsaProvenance
from provenance.errors import InvalidEvidence
from provenance.verification.signed import Certified, KeyHolder, SignedStatement
from provenance.verification.slsa import check_provenance

if TYPE_CHECKING:
    from collections.abc import Iterator

ISSUER = "https://token.actions.githubusercontent.com"
SOURCE = "https://github.com/org/app"
WORKFLOW = f"{SOURCE}/.github/workflows/release.yml@refs/heads/main"
COMMIT = "15bf79ea9c89fffbf5dd02c6b5b686b291bfcbd2"
SIGNER = Certified(
    WORKFLOW,
    ISSUER,
    {
        "build-signer-uri": WORKFLOW,
        "source-repository-uri": SOURCE,
        "source-repository-ref": "refs/heads/main",
        "source-repository-digest": COMMIT,
        "source-repository-identifier": "1",
        "source-repository-owner-identifier": "2",
        "build-config-uri": WORKFLOW,
        "build-trigger": "push",
        "run-invocation-uri": f"{SOURCE}/actions/runs/4/attempts/1",
        "runner-environment": "github-hosted",
    },
)
V1: dict[str, Any] = {
    "buildDefinition": {
        "buildType": "https://actions.github.io/buildtypes/workflow/v1",
        "externalParameters": {
            "workflow": {
                "ref": "refs/heads/main",
                "repository": SOURCE,
                "path": ".github/workflows/release.yml",
            }
        },
        "internalParameters": {
            "github": {
                "event_name": "push",
                "repository_id": "1",
                "repository_owner_id": "2",
                "runner_environment": "github-hosted",
            }
        },
        "resolvedDependencies": [
            {"uri": f"git+{SOURCE}@refs/heads/main", "digest": {"gitCommit": COMMIT}}
        ],
    },
    "runDetails": {
        "builder": {"id": WORKFLOW},
        "metadata": {"invocationId": f"{SOURCE}/actions/runs/4/attempts/1"},
    },
}
V02: dict[str, Any] = {
    "builder": {"id": WORKFLOW},
    "buildType": "https://example.com/build",
    "invocation": {
        "configSource": {
            "uri": f"git+{SOURCE}@refs/heads/main",
            "digest": {"sha1": COMMIT},
            "entryPoint": ".github/workflows/release.yml",
        },
        "environment": {
            "github_event_name": "push",
            "github_ref": "refs/heads/main",
            "github_sha1": COMMIT,
            "github_repository_id": "1",
        },
    },
    "metadata": {"buildInvocationId": "4-1"},
    "materials": [{"uri": f"git+{SOURCE}@refs/heads/main", "digest": {"sha1": COMMIT}}],
}
DOCUMENTS = {"v1": V1, "v0.2": V02}
OTHER = "0" * 40
VALUES: list[Any] = [
    *("", "x", OTHER, COMMIT, "refs/heads/dev", "refs/tags/v1", "push", "2"),
    *(SOURCE, f"{SOURCE}/", f"git+{SOURCE}", "https://github.com/org/App"),
    *("https://github.com/mallory/app", "git+https://github.com/mallory/app@refs/heads/main"),
    *(WORKFLOW, WORKFLOW.replace("main", "dev"), WORKFLOW.replace("org", "mallory")),
    *(None, 7, True, [], {}, [SOURCE], {"uri": "https://github.com/mallory/app"}),
]


def leaves(here: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every path in a document, to objects and arrays too."""
    if path:
        yield path
    for key, value in here.items() if isinstance(here, dict) else enumerate(here):
        if isinstance(value, (dict, list)):
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key)


def put(document: Any, path: tuple[str | int, ...], value: Any) -> Any:
    out = copy.deepcopy(document)
    here = out
    for key in path[:-1]:
        here = here[key]
    here[path[-1]] = value
    return out


def statement(predicate: Any, version: str) -> SignedStatement:
    subject = ResourceDescriptor("app", {"sha256": "00"})
    made = Statement.build([subject], f"https://slsa.dev/provenance/{version}", predicate)
    return SignedStatement(statement=made, signer=SIGNER)


def reported(signed: SignedStatement) -> tuple[str, ...] | None:
    """What is reported that the certificate vouches for; None: refused, at the step that must."""
    try:
        found = check_provenance(signed)
    except InvalidEvidence as error:
        return None if error.step == "provenance" else (error.step,)
    return (found.builder_id, found.source_uri, found.ref, found.commit)


TRUE = (WORKFLOW, SOURCE, "refs/heads/main", COMMIT)


@pytest.mark.parametrize("version", DOCUMENTS)
def test_no_single_change_makes_it_say_what_the_certificate_does_not(version: str) -> None:
    document = DOCUMENTS[version]
    assert reported(statement(document, version)) == TRUE
    for path in leaves(document):
        for value in VALUES:
            found = reported(statement(put(document, path, value), version))
            for said, true in zip(found or (), TRUE, strict=False):
                # It may say less. A builder may be named without its ref.
                assert said in {true, "", true.partition("@")[0]}, (path, value)


@pytest.mark.parametrize("version", DOCUMENTS)
@given(data=st.data())
def test_no_three_changes_do_either(version: str, data: st.DataObject) -> None:
    document = DOCUMENTS[version]
    for _ in range(3):
        path = data.draw(st.sampled_from(sorted(leaves(document), key=str)))
        document = put(document, path, data.draw(st.sampled_from(VALUES)))
    found = reported(statement(document, version))
    for said, true in zip(found or (), TRUE, strict=False):
        assert said in {true, "", true.partition("@")[0]}


@pytest.mark.parametrize("version", DOCUMENTS)
def test_what_is_expected_is_never_found_where_it_is_not_said(version: str) -> None:
    for path in leaves(DOCUMENTS[version]):
        for value in VALUES:
            predicate = put(DOCUMENTS[version], path, value)
            signed = statement(predicate, version)
            for expected in (
                {"source": "github.com/mallory/app"},
                {"ref": "refs/heads/dev"},
                {"commit": OTHER},
                {"builder": WORKFLOW.replace("org", "mallory")},
            ):
                with pytest.raises(InvalidEvidence):
                    check_provenance(signed, **expected)  # type: ignore[arg-type]


@given(
    predicate=st.recursive(
        st.none() | st.booleans() | st.integers() | st.sampled_from(VALUES[:16]),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(
                st.sampled_from([*V1["buildDefinition"], *V1, *V02, *V02["invocation"], "id"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=10,
    ),
    version=st.sampled_from(["v1", "v0.2", "v0.1", "v2"]),
)
def test_any_predicate_is_refused_at_its_step_or_says_nothing_false(
    predicate: Any, version: str
) -> None:
    for said, true in zip(reported(statement(predicate, version)) or (), TRUE, strict=False):
        assert said in {true, "", true.partition("@")[0]}
    signed = statement(predicate, version)
    by_key = SignedStatement(statement=signed.statement, signer=KeyHolder("sha256:" + "0" * 64))
    found = reported(by_key)
    assert found is None or len(found) == 4
    assert isinstance(SlsaProvenance(signed.statement.predicate_type, predicate).check().ok, bool)
