"""Who built it: the builder that a provenance names, held to who signed it.

Source: SLSA 1.0, `builder.id`; slsa-verifier, `verifiers/internal/gha/builder.go`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provenance.verification.provenance_claims import Check, disagree
from provenance.verification.signed import Certified
from provenance.verification.workflows import GITHUB_ISSUER, claim, without_ref, workflow_of

if TYPE_CHECKING:
    from provenance.attestation.predicates.slsa_provenance import SlsaProvenance
    from provenance.verification.signed import Signatory

__all__ = ["check_builder"]

_GENERATOR = "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/"
# They sign for workflows that build by them, and name those as the builder.
_DELEGATORS = tuple(f"{_GENERATOR}delegator_{kind}generic_slsa3.yml@" for kind in ("", "lowperms-"))
_RELEASE = re.compile(r"refs/tags/v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)", re.ASCII)
_RUNNER = "https://github.com/actions/runner"
_GITLAB_RUNNER = re.compile(r"(https://[^/]+/.+)/-/runners/[^/]+")
_GITHUB_RUN = re.compile(r"https://github\.com/[^/]+/[^/]+/actions/runs/\d+(/attempts/\d+)?")


def check_builder(predicate: SlsaProvenance, signer: Signatory, expected: str | None) -> Check:
    """The builder is the one expected, and may speak under the name that signed.

    A builder that is a workflow must have signed itself: the certificate's name is its id. A
    workflow that signs speaks for itself and for the platform it ran on, and for no one else. What
    a person or a key signs is their word, but the builders of slsa-github-generator have no key.

    Raises:
        InvalidEvidence: step `provenance`.
        MalformedDocument: the predicate's builder is of the wrong kind.
    """
    found = predicate.builder_id
    if not found:
        raise disagree("builder", expected or "one at all", found)
    if expected is not None and not _is(found, expected):
        raise disagree("builder", expected, found)
    if not isinstance(signer, Certified):
        if found.startswith(_GENERATOR):
            raise disagree("builder", str(signer), found, by=", as signed: it signs keylessly")
        return Check("builder", found, "predicate")
    _check_release(signer.identity)
    if "/.github/workflows/" in found:
        return Check("builder", found, _check_workflow(found, signer, expected))
    if not _is_platform(found, signer):
        if workflow_of(signer.identity) is not None and not _may_be_platform(found, signer):
            raise disagree("builder", signer.identity, found, by=", as its certificate says")
        return Check("builder", found, "predicate")
    return Check("builder", found, "certificate")


def _is(found: str, expected: str) -> bool:
    """Exactly; or without a ref where none is asked for; a tag by its short name too."""
    name = without_ref(expected)
    if name == expected:
        return found == expected or without_ref(found) == name
    return found in (expected, f"{name}@refs/tags/{expected.removeprefix(f'{name}@')}")


def _check_workflow(found: str, signer: Certified, expected: str | None) -> str:
    """Where it is said: the certificate names it, or a delegator that signed does."""
    github = found.startswith("https://github.com/")
    issuer = signer.issuer
    if github and issuer != GITHUB_ISSUER and not issuer.startswith(f"{GITHUB_ISSUER}/"):
        raise disagree("builder", f"one of {issuer}", found, by=", as its certificate says")
    if signer.identity.startswith(_DELEGATORS):
        _check_release(found, everywhere=True)
        if expected is None and not found.startswith(_GENERATOR):
            raise disagree("builder", "named by you: it is none of SLSA's own", found)
        return "predicate"
    for vouched in (signer.identity, claim(signer, "build-signer-uri")):
        if vouched and found not in (vouched, without_ref(vouched)):
            raise disagree("builder", vouched, found, by=", as its certificate says")
    return "certificate"


def _check_release(workflow: str, *, everywhere: bool = False) -> None:
    """slsa-github-generator counts at a released version only: a branch of it can be anything."""
    ref = workflow.partition("@")[2]
    if (everywhere or workflow.startswith(_GENERATOR)) and not _RELEASE.fullmatch(ref):
        raise disagree("builder", "a release of it, @refs/tags/vX.Y.Z", workflow)


def _is_platform(found: str, signer: Certified) -> bool:
    """Whether it is GitHub, as the certificate says: its runners; or a run, as BuildKit has it."""
    if signer.issuer == GITHUB_ISSUER and found.startswith(_RUNNER):
        kind = claim(signer, "runner-environment")
        return found == _RUNNER or (kind != "" and found == f"{_RUNNER}/{kind}")
    run = claim(signer, "run-invocation-uri")
    if run and _GITHUB_RUN.fullmatch(found):
        return run == found or run.startswith(f"{found}/attempts/")
    return False


def _may_be_platform(found: str, signer: Certified) -> bool:
    """Whether it is a runner of which the certificate says nothing: which one is the job's word.

    A kind of GitHub's, of before there was a claim; a runner of the project that GitLab ran it for.
    """
    source = claim(signer, "source-repository-uri")
    if runner := _GITLAB_RUNNER.fullmatch(found):
        return runner[1] == source and source.startswith(f"{signer.issuer}/")
    named = found in (f"{_RUNNER}/github-hosted", f"{_RUNNER}/self-hosted")
    return named and signer.issuer == GITHUB_ISSUER and not claim(signer, "runner-environment")
