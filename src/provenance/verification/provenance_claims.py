"""What a provenance and its certificate both speak of must be the same.

Source: Fulcio, `docs/oid-info.md` (the claims); slsa-verifier, `provenance_forgeable.go` (a job
can write anything into a predicate it signs itself; the certificate is Fulcio's word).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provenance.errors import InvalidEvidence
from provenance.verification.signed import Certified
from provenance.verification.workflows import claim

if TYPE_CHECKING:
    from collections.abc import Callable

    from provenance.attestation.predicates.slsa_provenance import SlsaProvenance
    from provenance.verification.signed import Signatory

__all__ = ["Check", "check_agreement", "disagree"]

_RUN = re.compile(r"https://[^/]+/[^/]+/[^/]+/actions/runs/(\d+)/attempts/(\d+)", re.ASCII)
_WORKFLOW_PATH = ".github/workflows/"


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison that held."""

    field: str
    value: str
    where: str
    """`certificate` where the certificate says it too, else `predicate`."""


def disagree(field: str, expected: str, got: str, *, by: str = "") -> InvalidEvidence:
    """The error: field, expected, got, and by whom it is expected if not by the caller."""
    says = got[:300] if got else "(nothing)"
    return InvalidEvidence(
        f"{field} of the provenance is {says}, expected {expected[:300]}{by}",
        step="provenance",
        hint="it was built otherwise than you expect, or says what is not so"
        if not by
        else "the certificate is the authority's word: do not trust this provenance",
    )


def check_agreement(predicate: SlsaProvenance, signer: Signatory) -> list[Check]:
    """Compare everything that both say. A key has no certificate: then there is nothing.

    Raises:
        InvalidEvidence: step `provenance`: they differ.
        MalformedDocument: the predicate contradicts itself, or a field is of the wrong kind.
    """
    held = []
    for field, name, read in _FIELDS:
        said = read(predicate)
        _agree_within(predicate, field, said)
        vouched = claim(signer, name) if isinstance(signer, Certified) else ""
        if not said or not vouched:
            continue
        if not _same(field, said, vouched):
            raise disagree(field, vouched, said, by=", as its certificate says")
        held.append(Check(field, said, "certificate"))
    return held


def _agree_within(predicate: SlsaProvenance, field: str, said: str) -> None:
    """What slsa-github-generator and npm write twice, in the source and in the environment."""
    other = {
        "ref": lambda: predicate.github("ref"),
        "commit": lambda: predicate.github("sha1") or predicate.github("sha"),
    }.get(field, lambda: "")()
    if said and other and other != said:
        raise disagree(field, other, said, by=", as it says in another place")


def _same(field: str, said: str, vouched: str) -> bool:
    if field == "ref" and not said.startswith("refs/"):  # BuildKit may write the short name
        return vouched in (f"refs/heads/{said}", f"refs/tags/{said}")
    if field == "invocation" and (run := _RUN.fullmatch(vouched)):
        return said in (vouched, f"{run[1]}-{run[2]}")  # slsa-github-generator: RUN-ATTEMPT
    return said == vouched


def _workflow(predicate: SlsaProvenance) -> str:
    """The workflow that was started, as Fulcio's `build-config-uri` has it."""
    path = predicate.entry_point
    if not path.startswith(_WORKFLOW_PATH) or not predicate.source_uri or not predicate.ref:
        return ""
    return f"{predicate.source_uri}/{path}@{predicate.ref}"


def _invocation(predicate: SlsaProvenance) -> str:
    """The run, where it is written in a way that the certificate has too."""
    said = predicate.invocation_id
    is_url = "/actions/runs/" in said or "/-/jobs/" in said
    return said if is_url or re.fullmatch(r"\d+-\d+", said, re.ASCII) else ""


_FIELDS: tuple[tuple[str, str, Callable[[SlsaProvenance], str]], ...] = (
    ("source", "source-repository-uri", lambda p: p.source_uri),
    ("ref", "source-repository-ref", lambda p: p.ref),
    ("commit", "source-repository-digest", lambda p: p.commit),
    ("workflow", "build-config-uri", _workflow),
    ("trigger", "build-trigger", lambda p: p.trigger),
    ("invocation", "run-invocation-uri", _invocation),
    ("repository id", "source-repository-identifier", lambda p: p.github("repository_id")),
    (
        "owner id",
        "source-repository-owner-identifier",
        lambda p: p.github("repository_owner_id"),
    ),
    ("runner", "runner-environment", lambda p: p.github("runner_environment")),
)
