"""`check_provenance`: whether a proven SLSA provenance says what one expects.

Whoever signs writes the predicate; Fulcio writes the certificate. Where both speak of a thing they
must say the same (`provenance_claims`), and then what the caller expects must be said. Source:
SLSA 1.0, "Verifying artifacts"; slsa-verifier, whose rules for container images these are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provenance.attestation.predicate_types import matches
from provenance.attestation.predicates.git_uri import GitUri
from provenance.attestation.predicates.slsa_provenance import SlsaProvenance
from provenance.errors import InvalidEvidence, MalformedDocument
from provenance.verification.builders import check_builder
from provenance.verification.provenance_claims import Check, check_agreement, disagree
from provenance.verification.signed import Certified
from provenance.verification.workflows import claim

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from provenance.verification.signed import Signatory, SignedStatement

__all__ = ["Check", "Provenance", "check_provenance"]

# SemVer 2.0.0 with the `v` that tags of Go and of GitHub have; minor and patch may be left out.
_VERSION = re.compile(
    r"v(?P<major>0|[1-9]\d*)"
    r"(\.(?P<minor>0|[1-9]\d*)(\.(?P<patch>0|[1-9]\d*)(?P<pre>-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?)?)?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Provenance:
    """A provenance that is proven to be signed, and what of it was checked."""

    predicate: SlsaProvenance
    signer: Signatory
    checks: tuple[Check, ...]
    """What was compared and found the same, in order."""

    @property
    def builder_id(self) -> str:
        """Who built it."""
        return self.predicate.builder_id

    @property
    def build_type(self) -> str:
        """How its parameters are read."""
        return self.predicate.build_type

    @property
    def source_uri(self) -> str:
        """URL of the repository that was built."""
        return self.predicate.source_uri

    @property
    def ref(self) -> str:
        """What was built of it."""
        return self.predicate.ref

    @property
    def commit(self) -> str:
        """Hex id of the commit."""
        return self.predicate.commit


def check_provenance(
    signed: SignedStatement,
    *,
    source: str | None = None,
    builder: str | None = None,
    ref: str | None = None,
    branch: str | None = None,
    tag: str | None = None,
    versioned_tag: str | None = None,
    commit: str | None = None,
    build_type: str | None = None,
    workflow_inputs: Mapping[str, str] | None = None,
    deny_self_hosted_runners: bool = False,
) -> Provenance:
    """Hold a proven provenance to its certificate, and to what is expected.

    Args:
        signed: what verification proved.
        source: the repository, `github.com/org/app` or its URL.
        builder: its id in full, or without `@REF`; `@v1.2.3` stands for `@refs/tags/v1.2.3`.
        ref: `refs/heads/main`.
        branch: its name; of a tag that was built, the branch that the event names.
        tag: its name.
        versioned_tag: `v1`, `v1.2` or `v1.2.3`: a tag of that version; what is left out may be
            anything, build metadata is ignored; with a patch, a pre-release is a part of it.
        commit: hex id.
        build_type: exactly.
        workflow_inputs: what must have been typed to start it by hand (`workflow_dispatch`).
        deny_self_hosted_runners: it must have run on a machine of the platform's.

    Returns:
        The provenance, with what was compared.

    Raises:
        InvalidEvidence: step `predicate-type`: it is no provenance. Step `provenance`: it
            contradicts its certificate or itself, or does not say what is expected; the message
            names the field, what was expected, and what it says.
        ValueError: an expectation is empty or malformed.
    """
    expected = {"ref": ref, "branch": branch, "tag": tag, "commit": commit, "builder": builder}
    for name, value in (expected | {"build_type": build_type}).items():
        if value == "":
            raise ValueError(f"{name} must not be empty: leave it out instead")
    wanted_source = GitUri.expected(source).repository if source is not None else None
    wanted_version = _version(versioned_tag) if versioned_tag is not None else None
    statement = signed.statement
    if not matches(statement.predicate_type, "slsa-provenance"):
        raise InvalidEvidence(
            f"the statement is of type {statement.predicate_type[:200]}, no SLSA provenance",
            step="predicate-type",
            hint="verify with require='slsa-provenance'",
        )
    predicate = SlsaProvenance(statement.predicate_type, statement.predicate)
    try:
        checks = [check_builder(predicate, signed.signer, builder)]
        checks += check_agreement(predicate, signed.signer)
        certified = {check.field for check in checks if check.where == "certificate"}
        # A branch is a part of the ref; of a tag it is the event's word, in no certificate.
        of_branch = "ref" if predicate.ref.startswith("refs/heads/") else ""
        asked = {
            "source": (wanted_source, "source_uri", "source"),
            "ref": (ref, "ref", "ref"),
            "branch": (branch, "branch", of_branch),
            "tag": (f"refs/tags/{tag}" if tag is not None else None, "ref", "ref"),
            "commit": (commit, "commit", "commit"),
            "build type": (build_type, "build_type", ""),
        }
        for name, (wanted, attribute, field) in asked.items():
            if wanted is not None:  # and else it is not read: it may be long, or broken
                got = getattr(predicate, attribute)
                checks.append(_same(name, wanted, got, _where(field, certified)))
        if versioned_tag is not None and wanted_version is not None:
            where = _where("ref", certified)
            checks.append(_versioned(versioned_tag, wanted_version, predicate.ref, where))
        checks += _inputs(predicate, workflow_inputs or {})
        if deny_self_hosted_runners:
            checks.append(_hosted(predicate, signed.signer))
    except MalformedDocument as error:
        raise InvalidEvidence(
            f"the provenance cannot be read: {error}",
            step="provenance",
            hint="it is signed, but not of the form of its type",
        ) from error
    return Provenance(predicate, signed.signer, tuple(checks))


def _where(field: str, certified: Collection[str]) -> str:
    """What the certificate says too was compared with it before, field by field."""
    return "certificate" if field in certified else "predicate"


def _same(field: str, expected: str, got: str, where: str) -> Check:
    if got != expected:
        raise disagree(field, expected, got)
    return Check(f"expected {field}", got, where)


def _versioned(text: str, wanted: Mapping[str, str | None], ref: str, where: str) -> Check:
    """By slsa-verifier's rule: what is left out of the version is not compared."""
    tag = ref.removeprefix("refs/tags/")
    found = _VERSION.fullmatch(tag) if ref.startswith("refs/tags/") else None
    if found is None:
        raise disagree("versioned tag", text, ref)
    got = {name: value or "0" for name, value in found.groupdict().items() if name != "pre"}
    same = all(
        value is None or got[name] == value for name, value in wanted.items() if name != "pre"
    )
    # A pre-release is a part of the patch: where a patch is asked for, it must be the same one.
    if not same or (wanted["patch"] is not None and found["pre"] != wanted["pre"]):
        raise disagree("versioned tag", text, ref)
    return Check("versioned tag", tag, where)


def _version(text: str) -> Mapping[str, str | None]:
    found = _VERSION.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no version: write v1, v1.2 or v1.2.3")
    return found.groupdict()


def _inputs(predicate: SlsaProvenance, wanted: Mapping[str, str]) -> list[Check]:
    if not wanted:
        return []
    if predicate.trigger != "workflow_dispatch":
        raise disagree("trigger", "workflow_dispatch, which alone has inputs", predicate.trigger)
    given = predicate.workflow_inputs
    for name, value in wanted.items():
        if given.get(name) != value:
            got = str(given[name]) if name in given else ""
            raise disagree(f"workflow input {name}", value, got)
    return [Check(f"workflow input {name}", value, "predicate") for name, value in wanted.items()]


def _hosted(predicate: SlsaProvenance, signer: Signatory) -> Check:
    """Fulcio's word where there is a certificate: a job can write any predicate about itself."""
    if isinstance(signer, Certified):
        got, where = claim(signer, "runner-environment"), "certificate"
    else:
        got, where = predicate.github("runner_environment"), "predicate"
    if got not in ("github-hosted", "gitlab-hosted"):
        raise disagree("runner", "github-hosted or gitlab-hosted", got)
    return Check("runner", got, where)
