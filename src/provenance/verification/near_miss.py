"""What is nearly right about a signer who is not the one expected: a help, and no judge."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provenance.verification.workflows import claim, workflow_of

if TYPE_CHECKING:
    from provenance.verification.identity import Identity
    from provenance.verification.signed import Certified

__all__ = ["near_miss"]


def near_miss(expected: Identity, signer: Certified) -> str:
    """The nearest thing that is right, for people; empty where nothing is, or all is."""
    if expected.names(signer):
        if not expected.trusts_issuer_of(signer):
            return f"the same name by {signer.issuer or 'no issuer'}"
        return _of_claims(expected, signer)
    name = signer.identity
    wanted = _plain(expected.identity) if expected.is_pattern else expected.identity
    if wanted.casefold() == name.casefold():
        return "the same name but for upper and lower case"
    if wanted.rstrip("/") == name.rstrip("/"):
        return "the same name but for a final slash"
    return (
        _of_workflows(wanted, name) or _of_source(expected, signer) or _of_pattern(expected, name)
    )


def _of_claims(expected: Identity, signer: Certified) -> str:
    """Name and issuer are right. Of a workflow, a ref alone may be wrong."""
    wrong = [name for name, value in expected.claims.items() if claim(signer, name) != value]
    found = workflow_of(signer.identity)
    if wrong != ["source-repository-ref"] or found is None:
        return ""
    ref = claim(signer, "source-repository-ref")
    whole = _plain(expected.identity) if expected.is_pattern else expected.identity
    same = whole.partition("@")[0] == f"{found[0]}{found[1]}"
    which = "the same workflow" if same else "a workflow of the same repository"
    return f"signed by {which} at {ref}" if ref else ""


def _of_workflows(wanted: str, name: str) -> str:
    found = workflow_of(name)
    if found is None:
        return ""
    repository, path, ref = found
    if wanted.partition("@")[0] == f"{repository}{path}":
        return f"signed by the same workflow at {ref}"
    if wanted.startswith(f"{repository}/"):
        return f"signed by another workflow of the same repository, {path.lstrip('/')} at {ref}"
    return ""


def _of_source(expected: Identity, signer: Certified) -> str:
    """Another workflow ran for the repository that is expected: a reusable one."""
    source = claim(signer, "source-repository-uri")
    found = workflow_of(signer.identity)
    if found is None or not source or expected.claims.get("source-repository-uri") != source:
        return ""
    return f"it is a reusable workflow that ran for {source}: name it too"


def _of_pattern(expected: Identity, name: str) -> str:
    if expected.is_pattern and len(name) <= 256 and re.search(expected.identity, name):
        return "the pattern matches a part of the name; it must match all of it"
    return ""


def _plain(pattern: str) -> str:
    """A pattern's letters up to its first operator: enough to tell a workflow by."""
    letters = re.match(r"(?:\\.|[^\\.^$*+?{}\[\]|()])*", pattern)
    return re.sub(r"\\(.)", r"\1", letters[0]) if letters else ""
