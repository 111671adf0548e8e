"""`Verified`: what verification established, and the statements by which it did."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from provenance.attestation.predicate_types import COSIGN_SIGN, REFERENCE, matches
from provenance.attestation.statement import Statement
from provenance.errors import (
    ContentMismatch,
    InvalidEvidence,
    NoMatchingEvidence,
    NotEvaluated,
    ProvenanceError,
    UnsupportedFormat,
)
from provenance.evidence.following import Referred, referred
from provenance.verification.signed import SignedImage, SignedStatement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table

    from provenance.attestation.simple_signing import SimpleSigning
    from provenance.digests import Digest
    from provenance.evidence.following import Document, Source
    from provenance.evidence.placements import Placement
    from provenance.oci.descriptor import Descriptor
    from provenance.oci.reference import Reference
    from provenance.sbom import Sbom
    from provenance.verification.signed import LogEntry, Signatory, VerifiedTime
    from provenance.verification.slsa import Provenance

__all__ = ["Proof", "Verified", "annotations_about", "could_not_tell"]

_COLUMNS = ("kind", "signed by", "issuer", "time (UTC)", "log index", "where")


def annotations_about(subject: Digest, signed: SignedStatement | SignedImage) -> dict[str, Any]:
    """What was said of `subject` along with what is signed."""
    if isinstance(signed, SignedImage):
        return dict(signed.payload.annotations)
    said: dict[str, Any] = {}
    for named in signed.statement.subjects:
        if named.is_about(subject):
            said |= named.annotations
    return said


@dataclass(frozen=True, slots=True)
class Proof:
    """One thing said about the image, proven to be signed by whom one asked for."""

    signed: SignedStatement | SignedImage
    placement: Placement
    descriptor: Descriptor
    """Of the manifest that holds it."""
    kind: str
    """`signature`, or the family of its predicate type."""
    subject: Digest
    """What it is about: the image, or the index that it was resolved through."""
    layer: Descriptor | None = field(default=None, repr=False)
    """Of the layer that holds it."""

    def __repr__(self) -> str:
        return f"Proof({self.kind!r}, {self.identity!r}, {str(self.placement)!r})"

    @property
    def statement(self) -> Statement:
        """What was said.

        Raises:
            UnsupportedFormat: it is a signature of cosign's older form: see `payload`.
        """
        if isinstance(self.signed, SignedStatement):
            return self.signed.statement
        raise UnsupportedFormat(
            "a signature of cosign's older form is no statement",
            digest=self.descriptor.digest,
            hint="its content is in payload and annotations",
        )

    @property
    def payload(self) -> SimpleSigning | None:
        """What was signed, where it is a signature of cosign's older form."""
        return self.signed.payload if isinstance(self.signed, SignedImage) else None

    @property
    def annotations(self) -> dict[str, Any]:
        """What was said of the image along with it."""
        return annotations_about(self.subject, self.signed)

    @property
    def predicate_type(self) -> str:
        """The predicate's type; empty for a signature of cosign's older form."""
        return self.statement.predicate_type if self.payload is None else ""

    @property
    def predicate(self) -> Any:
        """The predicate, as decoded JSON; None for a signature of cosign's older form."""
        return self.statement.predicate if self.payload is None else None

    @property
    def signer(self) -> Signatory:
        """Who signed, with everything the certificate says."""
        return self.signed.signer

    @property
    def identity(self) -> str:
        """Who signed."""
        return self.signed.identity

    @property
    def issuer(self) -> str:
        """Who vouched for them; empty for a key."""
        return self.signed.issuer

    @property
    def time(self) -> dt.datetime | None:
        """When, in UTC, as far as it is proven."""
        return self.signed.time

    @property
    def times(self) -> tuple[VerifiedTime, ...]:
        """Every proven time, and who proves it."""
        return self.signed.times

    @property
    def log_index(self) -> int | None:
        """Where in the transparency log, as far as it is proven."""
        return self.signed.log_index

    @property
    def log_entries(self) -> tuple[LogEntry, ...]:
        """Every proven entry of a transparency log."""
        return self.signed.log_entries

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is true but easily misread."""
        return self.signed.warnings

    def is_a(self, wanted: str) -> bool:
        """Whether it is of a predicate family or type; `signature` and `any` as in `verify`."""
        predicate_type = COSIGN_SIGN if self.payload is not None else self.predicate_type
        return matches(predicate_type, wanted)

    def to_dict(self) -> dict[str, Any]:
        """As JSON: everything that is proven, and where it lies."""
        said: dict[str, Any] = {
            "kind": self.kind,
            "predicate_type": self.predicate_type or None,
            "identity": self.identity,
            "issuer": self.issuer,
            "extensions": dict(getattr(self.signer, "extensions", {})),
            "time": self.time.isoformat() if self.time else None,
            "times": [
                {"time": t.moment.isoformat(), "source": t.source, "authority": t.authority}
                for t in self.times
            ],
            "log_index": self.log_index,
            "log_entries": [
                {"log": e.log, "index": e.index, "kind": e.kind} for e in self.log_entries
            ],
            "subject": self.subject,
            "annotations": self.annotations,
            "placement": str(self.placement),
            "through_index": self.placement.through_index,
            "digest": self.descriptor.digest,
            "layer": self.layer.digest if self.layer is not None else None,
            "warnings": list(self.warnings),
            "predicate": self.predicate,
        }
        if self.payload is not None:
            said["docker_reference"] = self.payload.docker_reference
        return said


@dataclass(frozen=True, slots=True)
class Verified:
    """What verification established. Made by `verify` alone."""

    reference: Reference
    """`repository@digest`: deploy that, not the tag."""
    proofs: tuple[Proof, ...]
    failures: tuple[ProvenanceError, ...] = field(default=())
    """Lookups that failed although something was proven."""
    documents: tuple[Document, ...] = field(default=(), repr=False)
    """What signed references name, as far as it was fetched."""
    source: Source | None = field(default=None, repr=False, compare=False)
    """Where the rest of it lies."""
    everywhere: bool = True
    """Whether every placement was asked and all that is there could be judged. If not, they may
    have said more than this: the search ends once what was required is proven."""

    def __repr__(self) -> str:
        counts = f"{len(self.signatures)} signatures, {len(self.attestations)} attestations"
        state = "" if self.complete else ", not complete"
        return f"Verified({str(self.reference)!r}, {counts}{state})"

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
        """The signed SBOM, parsed; the latest of the image itself where there are several.

        One that a signed reference names is fetched, and is the one that was named.

        Raises:
            NoMatchingEvidence: every placement answered: none was signed by whom one asked for.
            NotEvaluated: none is among what was read, which is not all.
            ProvenanceError: none is, and a lookup failed; or the one that is named could not be
                had: nothing is known.
        """
        from provenance.sbom import read_sbom

        found: list[tuple[Proof, Referred | None]] = [
            (p, None) for p in self.attestations if p.is_a("sbom")
        ]
        found += [(p, named) for p, named in self._references() if named.is_a("sbom")]
        if not found:
            raise self._none("SBOM", "sbom")
        proof, named = max(found, key=lambda f: _order(f[0]))
        with ProvenanceError.located_at(self.reference):
            if named is not None:
                return read_sbom(self._document(named))
            predicate = proof.predicate
            # SPDX in tag-value form is attested as one string.
            text = predicate.encode() if isinstance(predicate, str) else None
            return read_sbom(proof.statement.predicate_bytes if text is None else text)

    def provenance(
        self,
        *,
        source: str | None = None,
        builder: str | None = None,
        ref: str | None = None,
        branch: str | None = None,
        tag: str | None = None,
        **more: Any,
    ) -> Provenance:
        """The SLSA provenance that says what one expects, held to its certificate.

        One that a signed reference names is fetched, and is the one that was named.

        Args:
            source: the repository that was built, e.g. `github.com/org/app`.
            builder: id of the builder.
            ref: what was built of it, e.g. `refs/tags/v1.2`.
            branch: the same, by name.
            tag: the same, by name.
            more: the other expectations of `verification.slsa.check_provenance`.

        Raises:
            NoMatchingEvidence: every placement answered: none was signed by whom one asked for.
            InvalidEvidence: there are some, and none that was read holds; `step` names what does
                not, and the hint whether there may be others.
            NotEvaluated: none is among what was read, which is not all: see `everywhere`.
            ProvenanceError: none holds, and a lookup failed, or one that is named could not be
                had: nothing is known.
        """
        from provenance.verification.slsa import check_provenance

        found: list[tuple[Proof, Referred | None]] = [
            (p, None) for p in self.attestations if p.is_a("slsa-provenance")
        ]
        found += [(p, named) for p, named in self._references() if named.is_a("slsa-provenance")]
        if not found:
            raise self._none("SLSA provenance", "slsa-provenance")
        asked: dict[str, Any] = {
            "source": source,
            "builder": builder,
            "ref": ref,
            "branch": branch,
            "tag": tag,
        }
        refusals: list[ProvenanceError] = []
        for proof, named in sorted(found, key=lambda f: _order(f[0]), reverse=True):
            try:
                return check_provenance(self._statement(proof, named), **asked, **more)
            except ProvenanceError as error:  # another may hold: one never hides the other
                refusals.append(error)
        with ProvenanceError.located_at(self.reference):
            unread = next((r for r in refusals if not isinstance(r, InvalidEvidence)), None)
            if unread is None and self.failures:  # what was not read may hold
                raise could_not_tell(self.failures[0], str(self.reference)) from refusals[0]
            told = unread or refusals[0]
            if not self.everywhere:
                another = "another may hold: verify with everywhere=True asks every placement"
                told.hint = f"{told.hint}; {another}" if told.hint else another
            raise told

    def _none(self, what: str, require: str) -> ProvenanceError:
        """Why there is none: proven only where every placement was asked and answered."""
        if self.failures:
            return could_not_tell(self.failures[0], str(self.reference))
        if not self.everywhere:
            return NotEvaluated(
                f"no {what} by them is among what was read, which is not all",
                reference=str(self.reference),
                hint=f"verify with require={require!r} looks at every placement for one",
            )
        return NoMatchingEvidence(f"no {what} by them is there", reference=str(self.reference))

    def _references(self) -> Iterator[tuple[Proof, Referred]]:
        for proof in self.attestations:
            if proof.predicate_type == REFERENCE:
                with suppress(InvalidEvidence):  # one that cannot be followed hides no other
                    for named in referred(proof.statement):
                        yield proof, named

    def _statement(self, proof: Proof, named: Referred | None) -> SignedStatement:
        """What was signed; of a reference, what it would be had the document been small."""
        statement = proof.statement
        if named is not None:
            raw = self._document(named)
            statement = Statement.build(statement.subjects, named.predicate_type, raw)
        return SignedStatement(statement=statement, signer=proof.signer)

    def _document(self, named: Referred) -> bytes:
        for document in self.documents:
            if document.named == named:
                return document.raw
        if self.source is None:
            raise NoMatchingEvidence("the document that is named was not fetched")
        return self.source.read(named).raw

    def to_dict(self) -> dict[str, Any]:
        """As JSON: the evidence, and which lookups failed."""
        return {
            "reference": str(self.reference),
            "complete": self.complete,
            "failures": [str(f) for f in self.failures],
            "proofs": [p.to_dict() for p in self.proofs],
        }

    def _rows(self) -> list[tuple[str, ...]]:
        return [
            (
                p.kind,
                p.identity,
                p.issuer,
                f"{p.time:%Y-%m-%d %H:%M:%S}" if p.time else "not proven",
                "none" if p.log_index is None else str(p.log_index),
                str(p.placement),
            )
            for p in self.proofs
        ]

    def __rich__(self) -> Table:
        """For terminals."""
        from provenance.display.terminal import grid

        return grid(_COLUMNS, self._rows())

    def _repr_html_(self) -> str:
        from provenance.display.html import document

        facts = {"Image": str(self.reference), "Complete": "yes" if self.complete else "no"}
        return document("Verified", facts, _COLUMNS, self._rows())


def could_not_tell(failure: ProvenanceError, place: str) -> ProvenanceError:
    """The error for a question that a failed lookup leaves open: the failure, unless it says no."""
    if not isinstance(failure, ContentMismatch):
        return failure
    # Other bytes in the place of evidence say nothing of the evidence.
    unread = NotEvaluated(
        f"could not tell whether it is signed: {failure.message}",
        reference=place,
        digest=failure.digest,
        hint="ask again; if it stays so, tell the registry's operator",
    )
    unread.__cause__ = failure
    return unread


def _order(proof: Proof) -> tuple[bool, dt.datetime, int]:
    """By which the best comes last: of the image itself rather than of its index, then the latest.

    One without a proven time is older than any.
    """
    time = proof.time or dt.datetime.min.replace(tzinfo=dt.UTC)
    return not proof.placement.through_index, time, proof.log_index or 0
