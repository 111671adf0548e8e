"""`verify`: prove who signed an image and what they said of it, or raise."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from provenance.attestation.predicate_types import matches
from provenance.errors import NoMatchingEvidence, NotEvaluated, ProvenanceError, UnsupportedFormat
from provenance.evidence.gathering import examine_image
from provenance.findings import Outcome
from provenance.image import resolve
from provenance.trust import Trust

if TYPE_CHECKING:
    from provenance.attestation.statement import Statement
    from provenance.evidence.examination import Evidence, Examination
    from provenance.evidence.placements import Placement
    from provenance.image import ImageLike
    from provenance.oci.descriptor import Descriptor
    from provenance.oci.reference import Reference
    from provenance.oci.registry import Registry
    from provenance.sbom import Sbom
    from provenance.settings import Limits, Settings
    from provenance.verification import Identity, SignedStatement

__all__ = ["Proof", "Verified", "verify"]


@dataclass(frozen=True, slots=True)
class Proof:
    """One statement about the image, proven to be signed by whom one asked for."""

    signed: SignedStatement
    placement: Placement
    descriptor: Descriptor
    """Of the manifest that holds it."""
    kind: str
    """`signature`, or the family of its predicate type."""

    @property
    def statement(self) -> Statement:
        """What was said."""
        return self.signed.statement

    @property
    def predicate_type(self) -> str:
        """The predicate's type."""
        return self.statement.predicate_type

    @property
    def predicate(self) -> Any:
        """The predicate, as decoded JSON."""
        return self.statement.predicate

    @property
    def identity(self) -> str:
        """Who signed."""
        return self.signed.identity

    @property
    def issuer(self) -> str:
        """Who vouched for them."""
        return self.signed.issuer

    @property
    def time(self) -> dt.datetime | None:
        """When, in UTC, as far as it is proven."""
        return self.signed.time

    @property
    def log_index(self) -> int | None:
        """Where in the transparency log, as far as it is proven."""
        return self.signed.log_index


@dataclass(frozen=True, slots=True)
class Verified:
    """What verification established. Made by `verify` alone."""

    reference: Reference
    """`repository@digest`: deploy that, not the tag."""
    proofs: tuple[Proof, ...]
    failures: tuple[ProvenanceError, ...] = field(default=())
    """Lookups that failed although something was proven."""

    @property
    def complete(self) -> bool:
        """Whether every lookup that was made answered."""
        return not self.failures

    @property
    def signatures(self) -> tuple[Proof, ...]:
        """The signatures by whom one asked for."""
        return tuple(p for p in self.proofs if p.kind == "signature")

    @property
    def attestations(self) -> tuple[Proof, ...]:
        """Everything else they said."""
        return tuple(p for p in self.proofs if p.kind != "signature")

    def sbom(self) -> Sbom:
        """The signed SBOM, parsed; the latest where there are several.

        Raises:
            NoMatchingEvidence: none was signed by whom one asked for.
        """
        from provenance.sbom import read_sbom

        found = [p for p in self.attestations if matches(p.predicate_type, "sbom")]
        if not found:
            raise NoMatchingEvidence(
                "no SBOM was signed by this identity",
                reference=str(self.reference),
                hint="attest one (provenance attest), or read an unsigned one with pull",
            )
        earliest = dt.datetime.min.replace(tzinfo=dt.UTC)
        latest = max(found, key=lambda p: (p.time or earliest, p.log_index or 0))
        return read_sbom(latest.statement.predicate_bytes)

    def _repr_html_(self) -> str:
        from provenance.display.html import document

        rows = [
            (
                p.kind,
                p.identity,
                p.issuer,
                f"{p.time:%Y-%m-%d %H:%M:%S} UTC" if p.time else "",
                str(p.log_index),
                str(p.placement),
            )
            for p in self.proofs
        ]
        columns = ("kind", "signed by", "issuer", "time", "log index", "where")
        facts = {"Image": str(self.reference), "Complete": "yes" if self.complete else "no"}
        return document("Verified", facts, columns, rows)


def verify(
    image: ImageLike,
    identity: Identity | None = None,
    *,
    key: str | None = None,
    require: str = "signature",
    trust: Trust | None = None,
    platform: str | None = None,
    registry: Registry | None = None,
    settings: Settings | None = None,
    limits: Limits | None = None,
) -> Verified:
    """Prove that `identity` signed an image.

    Args:
        image: a reference, path or image. A tag is pinned first; use the result's reference.
        identity: who must have signed.
        key: in place of an identity; not verified yet.
        require: what must be there: `signature`, a predicate family (`slsa-provenance`,
            `cyclonedx`, `spdx`, `sbom`, ...), a predicate type, or `any`.
        trust: whom to believe; None: Sigstore's public instance.
        platform: of an index.
        registry: session to use.
        settings: how to fetch.
        limits: caps on what is read.

    Returns:
        Everything that `identity` is proven to have said of the image.

    Raises:
        NoMatchingEvidence: every placement answered, and nothing there proves it; `reasons`
            tells why each piece does not count.
        NotEvaluated: something there is of a form not verified yet: nothing is known.
        ProvenanceError: a lookup failed (RateLimited, RegistryUnavailable, ...): nothing is
            known.
        TypeError: not exactly one of `identity` and `key`.
    """
    if (identity is None) == (key is None):
        raise TypeError(
            "give exactly one of identity= and key=: a key and a name prove other things"
        )
    if identity is None:
        raise UnsupportedFormat(
            "signatures by keys are not verified yet", hint="verify it with cosign verify --key"
        )
    found = resolve(image, platform=platform, registry=registry, settings=settings, limits=limits)
    trust = trust or Trust.public_good(settings=settings)
    examination = examine_image(found, identity, trust=trust, limits=limits, stop_when_proven=True)
    proofs = tuple(p for item in examination if (p := _proof(item)))
    failures = tuple(lookup.error for lookup in examination.lookups if lookup.error is not None)
    if any(
        matches(p.predicate_type, "signature" if require == "signature" else require)
        for p in proofs
    ):
        return Verified(examination.reference, proofs, failures)
    raise _no_proof(examination, identity, require, failures)


def _proof(item: Evidence) -> Proof | None:
    if not item.outcome or item.signed is None:
        return None
    return Proof(item.signed, item.placement, item.descriptor, item.kind)


def _no_proof(
    examination: Examination,
    identity: Identity,
    require: str,
    failures: tuple[ProvenanceError, ...],
) -> ProvenanceError:
    """The error to raise: first what could not be told, then what is proven not to be there."""
    if failures:
        return failures[0]
    place = str(examination.reference)
    unknown = [e for e in examination if e.outcome is Outcome.UNKNOWN]
    if unknown:
        return NotEvaluated(
            f"could not tell whether it is signed: {unknown[0].kind}: {unknown[0].reason}",
            reference=place,
            hint="verify it with the tool that made it",
        )
    reasons = tuple(f"{e.kind} ({e.descriptor.digest.short}): {e.reason}" for e in examination)
    what = "signature" if require == "signature" else f"{require} attestation"
    others = "; ".join(reasons[:5]) if reasons else "nothing is stored beside it"
    return NoMatchingEvidence(
        f"no {what} by {identity}: {others}",
        reference=place,
        reasons=reasons,
        hint="check the identity, or see everything with provenance examine",
    )
