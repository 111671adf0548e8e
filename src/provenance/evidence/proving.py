"""`verify`: prove who signed an image and what they said of it, or raise."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from provenance.attestation.predicate_types import REFERENCE, check_wanted
from provenance.errors import (
    InvalidEvidence,
    NoMatchingEvidence,
    NotEvaluated,
    ProvenanceError,
)
from provenance.evidence.asked import evidence_place, one_session, public_keys
from provenance.evidence.following import Document, Source, referred
from provenance.evidence.gathering import search
from provenance.evidence.judging import Judge
from provenance.evidence.verified import Proof, Verified, could_not_tell
from provenance.findings import Outcome
from provenance.image import resolve
from provenance.settings import Limits
from provenance.trust import Trust

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from provenance.evidence.asked import Keys
    from provenance.evidence.examination import Examination
    from provenance.evidence.following import Referred
    from provenance.evidence.piece import Evidence
    from provenance.image import ImageLike
    from provenance.oci.registry import Registry
    from provenance.settings import Settings
    from provenance.verification.identity import Expected
    from provenance.verification.thresholds import Thresholds

__all__ = ["Question", "question", "verify"]

# What was refused last comes closest: it is what people want to read first.
_NEAR = {"identity": 0, "annotations": 0, "transparency-log": 1, "time": 1, "key": 1, "subject": 2}


def verify(
    image: ImageLike,
    identity: Expected | None = None,
    *,
    key: Keys | None = None,
    require: str = "signature",
    annotations: Mapping[str, Any] | None = None,
    unsafe_no_log: bool = False,
    threshold: int = 1,
    witnesses: Thresholds | None = None,
    everywhere: bool = False,
    evidence_repository: str | None = None,
    trust: Trust | None = None,
    platform: str | None = None,
    registry: Registry | None = None,
    settings: Settings | None = None,
    limits: Limits | None = None,
) -> Verified:
    """Prove that `identity`, or the holder of `key`, signed an image.

    Args:
        image: a reference, path or image. A tag is pinned first; use the result's reference.
        identity: who must have signed.
        key: in place of an identity: a file, key URI, PEM or `PublicKey`, or several, of which any
            may have signed. A certificate never stands in for a key.
        require: what must be there: `signature`, a predicate family (`slsa-provenance`,
            `cyclonedx`, `spdx`, `sbom`, ...), a predicate type, or `any`.
        annotations: what must have been said of the image along with each proof, with exactly
            these values (`cosign verify -a`).
        unsafe_no_log: accept signatures that no transparency log has, although the trust root
            lists logs. Nothing then shows that a stolen key or certificate was used in secret.
        threshold: how many different signers are wanted.
        witnesses: how many logs and timestamp authorities each signature must have, where that
            is more than usual.
        everywhere: ask every placement, even if what is required is proven before: all that they
            said, for a few requests more.
        evidence_repository: where signatures and statements lie, if not beside the image (cosign's
            COSIGN_REPOSITORY, which holds where this is None and the image is in a registry).
        trust: whom to believe; None: Sigstore's public instance.
        platform: of an index.
        registry: session to use.
        settings: how to fetch.
        limits: caps on what is read.

    Returns:
        Everything that they are proven to have said of the image.

    Raises:
        NoMatchingEvidence: every placement answered, and nothing there proves it; `reasons`
            tells why each piece does not count, the nearest miss first.
        NotEvaluated: something there is of a form that could not be judged: nothing is known.
        ProvenanceError: a lookup failed (RateLimited, RegistryUnavailable, ...): nothing is
            known.
        TypeError: not exactly one of `identity` and `key`.
    """
    asked = question(
        identity,
        key=key,
        require=require,
        annotations=annotations,
        unsafe_no_log=unsafe_no_log,
        threshold=threshold,
        witnesses=witnesses,
        everywhere=everywhere,
        evidence_repository=evidence_repository,
        trust=trust,
        platform=platform,
        settings=settings,
        limits=limits,
    )
    with one_session(image, registry, settings, limits) as session:
        return asked.answer(image, session, kept=registry)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of each image, prepared once: keys read, trust loaded."""

    judge: Judge
    require: str
    threshold: int
    evidence_repository: str | None
    platform: str | None
    settings: Settings | None
    limits: Limits | None
    everywhere: bool = False

    def answer(
        self, image: ImageLike, session: Registry | None, *, kept: Registry | None = None
    ) -> Verified:
        """`verify`, of one image. `kept` is a session that stays open for later questions."""
        more: dict[str, Any] = {"settings": self.settings, "limits": self.limits}
        found = resolve(image, platform=self.platform, registry=session, **more)
        if session is None:  # an image brings the one that it was resolved with
            session = kept = found.registry
        elsewhere = evidence_place(found, self.evidence_repository, session, self.settings)
        ended = False

        def enough(evidence: Sequence[Evidence]) -> bool:
            nonlocal ended
            ended = not self.everywhere and self._suffices(evidence)
            return ended

        examination = search(
            found,
            self.judge,
            elsewhere=elsewhere,
            registry=session,
            settings=self.settings,
            enough=enough,
        )
        proofs = tuple(p for item in examination if (p := _proof(item)))
        failures = [look.error for look in examination.lookups if look.error is not None]
        documents: list[Document] = []
        if not self._suffices(examination.evidence):
            source = Source(elsewhere or found.reference, session, **more)
            documents = self._followed(proofs, source, failures)
            signers = _signers(proofs, self.require)
            signers |= {_who(p) for p, _ in _named(proofs, self.require, documents)}
            if len(signers) < self.threshold:
                raise self._no_proof(examination, tuple(failures), len(signers))
        later = Source(elsewhere or found.reference, kept, **more)
        all_told = not ended and all(e.outcome is not Outcome.UNKNOWN for e in examination)
        told = (proofs, tuple(failures), tuple(documents), later)
        return Verified(examination.reference, *told, everywhere=all_told)

    def _suffices(self, evidence: Sequence[Evidence]) -> bool:
        proofs = [p for item in evidence if (p := _proof(item))]
        return len(_signers(proofs, self.require)) >= self.threshold

    def _followed(
        self, proofs: Iterable[Proof], source: Source, failures: list[ProvenanceError]
    ) -> list[Document]:
        """The documents that proven references name, fetched."""
        documents = []
        for _, named in _named(proofs, self.require):
            try:
                documents.append(source.read(named))
            except ProvenanceError as error:
                failures.append(error)
        return documents

    def _no_proof(
        self, examination: Examination, failures: tuple[ProvenanceError, ...], signers: int
    ) -> ProvenanceError:
        """The error to raise: first what could not be told, then what is proven not to be there."""
        place = str(examination.reference)
        if failures:
            return could_not_tell(failures[0], place)
        unknown = [e for e in examination if e.outcome is Outcome.UNKNOWN]
        if unknown:
            return NotEvaluated(
                f"could not tell whether it is signed: {unknown[0].kind}: {unknown[0].reason}",
                reference=place,
                hint="verify it with the tool that made it",
            )
        told = sorted(examination, key=lambda e: _NEAR.get(e.step, 3))
        reasons = tuple(
            f"{e.kind} ({e.descriptor.digest.short}): {_aside(e, self.require)}{e.reason}"
            for e in told
        )
        what = {"signature": "signature", "any": "signature or attestation"}.get(
            self.require, f"{self.require} attestation"
        )
        wanted = self.judge.wanted
        if signers:
            what = f"{what} by {self.threshold} signers but by {signers}"
        nearest = reasons[0] if reasons else "nothing is stored beside it"
        if len(reasons) > 1:
            nearest += f"; and {len(reasons) - 1} more that do not count"
        return NoMatchingEvidence(
            f"no {what} by {wanted}: {nearest}",
            reference=place,
            reasons=reasons,
            hint="check the identity or key, or see everything with provenance examine",
        )


def question(
    identity: Expected | None,
    *,
    key: Keys | None,
    require: str,
    annotations: Mapping[str, Any] | None,
    unsafe_no_log: bool,
    threshold: int,
    witnesses: Thresholds | None,
    everywhere: bool,
    evidence_repository: str | None,
    trust: Trust | None,
    platform: str | None,
    settings: Settings | None,
    limits: Limits | None,
) -> Question:
    """What `verify` is asked, checked and prepared.

    Raises:
        TypeError: not exactly one of `identity` and `key`.
        ValueError: a threshold that anything would meet; a name that is no family or type.
    """
    if (identity is None) == (key is None):
        raise TypeError(
            "give exactly one of identity= and key=: a key and a name prove other things"
        )
    if threshold < 1:
        raise ValueError("threshold must be at least 1: of nobody nothing is proven")
    check_wanted(require)
    keys = public_keys(key, settings=settings)
    judge = Judge(
        trust or Trust.public_good(settings=settings),
        identity,
        keys,
        annotations or {},
        unsafe_no_log=unsafe_no_log,
        witnesses=witnesses,
        limits=limits or Limits(),
    )
    where = (evidence_repository, platform)
    return Question(judge, require, threshold, *where, settings, limits, everywhere)


def _aside(item: Evidence, require: str) -> str:
    """What to say before the reason of what is proven and does not suffice."""
    proof = _proof(item)
    return "" if proof is None or proof.is_a(require) else "of another kind, "


def _proof(item: Evidence) -> Proof | None:
    if not item.outcome or item.signed is None or item.subject is None:
        return None
    return Proof(item.signed, item.placement, item.descriptor, item.kind, item.subject, item.layer)


def _signers(proofs: Iterable[Proof], require: str) -> set[tuple[str, str]]:
    """Who is proven to have signed what is required."""
    return {_who(p) for p in proofs if p.is_a(require)}


def _who(proof: Proof) -> tuple[str, str]:
    return proof.identity, proof.issuer


def _named(
    proofs: Iterable[Proof], require: str, documents: Sequence[Document] | None = None
) -> Iterator[tuple[Proof, Referred]]:
    """What proven references name of the kind required; among `documents` where those are given."""
    held = None if documents is None else {document.named for document in documents}
    for proof in proofs:
        if proof.predicate_type != REFERENCE:
            continue
        with suppress(InvalidEvidence):  # one that cannot be followed hides no other
            for named in referred(proof.statement):
                if named.is_a(require) and (held is None or named in held):
                    yield proof, named
