"""`examine`: ask every placement, judge what lies there, and lose nothing on the way.

One bad piece never hides a good one; a placement that did not answer is never an empty one.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from provenance.errors import LimitExceeded, UnsupportedFormat
from provenance.evidence.asked import evidence_place, one_session, public_keys
from provenance.evidence.at_index import inside_index
from provenance.evidence.at_referrers import at_referrers, opened
from provenance.evidence.at_tags import at_digest_tag, in_saved_layout
from provenance.evidence.candidates import Budget, Candidate, Place, Unopened, refused
from provenance.evidence.examination import Examination
from provenance.evidence.judging import Judge
from provenance.evidence.piece import Evidence
from provenance.evidence.placements import LEGACY_SUFFIXES
from provenance.image import resolve
from provenance.settings import Limits
from provenance.trust import Trust
from provenance.verification.signed import SignedStatement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from provenance.attestation.public_key import PublicKey
    from provenance.digests import Digest
    from provenance.evidence.asked import Keys
    from provenance.evidence.candidates import Found
    from provenance.evidence.placements import Lookup
    from provenance.image import Image, ImageLike
    from provenance.oci.reference import Reference
    from provenance.oci.registry import Registry
    from provenance.oci.repository import Repository
    from provenance.settings import Settings
    from provenance.verification.identity import Expected

    Enough = Callable[[Sequence[Evidence]], bool]

__all__ = ["examine", "examine_image", "search"]


def examine(
    image: ImageLike,
    identity: Expected | None = None,
    *,
    key: Keys | None = None,
    annotations: Mapping[str, Any] | None = None,
    unsafe_no_log: bool = False,
    evidence_repository: str | None = None,
    trust: Trust | None = None,
    platform: str | None = None,
    registry: Registry | None = None,
    settings: Settings | None = None,
    limits: Limits | None = None,
) -> Examination:
    """Everything beside an image, in every placement, with the reason it counts or does not.

    Never raises for a bad signature, nor for a placement that did not answer: see `complete`.

    Args:
        image: what to look beside.
        identity: whose signatures count; None: anyone's, which proves only that they are theirs.
        key: in place of an identity; one of them must have signed. As in `verify`.
        annotations: what must have been said of the image along with it; as in `verify`.
        unsafe_no_log: count signatures that no transparency log has.
        evidence_repository: where evidence lies, if not beside the image; as in `verify`.
        trust: whom to believe; None: Sigstore's public instance.
        platform: of an index.
        registry: session to use.
        settings: how to fetch.
        limits: caps on what is read.

    Raises:
        ProvenanceError: the image itself could not be resolved, or the trust root not be had.
        UnsupportedFormat: the image never was in a registry: nothing can lie beside it.
        TypeError: both `identity` and `key`.
    """
    if identity is not None and key is not None:
        raise TypeError("give identity= or key=, not both: a key and a name prove other things")
    keys = public_keys(key, settings=settings)
    judge = Judge(
        trust or Trust.public_good(settings=settings),
        identity,
        keys,
        annotations or {},
        unsafe_no_log=unsafe_no_log,
        limits=limits or Limits(),
    )
    with one_session(image, registry, settings, limits) as session:
        found = resolve(
            image, platform=platform, registry=session, settings=settings, limits=limits
        )
        own = session or found.registry  # an image brings the one that it was resolved with
        elsewhere = evidence_place(found, evidence_repository, own, settings)
        return search(found, judge, elsewhere=elsewhere, registry=own, settings=settings)


def examine_image(
    image: Image,
    identity: Expected | None,
    *,
    trust: Trust,
    keys: tuple[PublicKey, ...] = (),
    unsafe_no_log: bool = False,
    elsewhere: Reference | None = None,
    limits: Limits | None = None,
) -> Examination:
    """`examine`, of an image that is resolved and by keys that are read."""
    judge = Judge(*(trust, identity, keys), unsafe_no_log=unsafe_no_log, limits=limits or Limits())
    return search(image, judge, elsewhere=elsewhere, registry=image.registry)


def search(
    image: Image,
    judge: Judge,
    *,
    elsewhere: Reference | None = None,
    registry: Registry | None = None,
    settings: Settings | None = None,
    enough: Enough | None = None,
) -> Examination:
    """Look at every placement, and judge what is there.

    `enough` ends the search between two placements once what was found suffices: what `verify`
    needs, in the fewest requests. `elsewhere` is the repository where evidence lies.

    Raises:
        UnsupportedFormat: the image never was in a registry: nothing can lie beside it.
    """
    if image.digest is None:
        raise UnsupportedFormat(
            "an image out of a docker archive or daemon has no digest that anyone could sign",
            reference=str(image.reference),
            hint="name it in the registry or layout that it came from",
        )
    findings = _Findings(judge, [], [], enough)
    with ExitStack() as stack:
        repositories = _Repositories(image, elsewhere, registry, settings, judge.limits, stack)
        for place in _places(image, repositories):
            if findings.suffice():
                break
            findings.look(place, _steps(image, place, repositories, whole=enough is None))
    told = (tuple(findings.evidence), tuple(findings.lookups))
    return Examination(image.reference, *told, judge.wanted)


@dataclass
class _Findings:
    """What was found so far."""

    judge: Judge
    evidence: list[Evidence]
    lookups: list[Lookup]
    enough: Enough | None

    def suffice(self) -> bool:
        return self.enough is not None and self.enough(self.evidence)

    def look(self, place: Place, steps: Iterator[Iterable[Found]]) -> None:
        """Ask one placement of `place` after the other."""
        unopened: list[Unopened] = []
        for step in steps:
            for found in step:
                if isinstance(found, Unopened):
                    unopened.append(found)
                else:
                    self._take(found, place.budget)
            if self.suffice():
                break
        # Last, so that a signature under a false name is found before anyone is told of none.
        for other in unopened:
            for found in [other.evidence()] if self.suffice() else opened(place, other):
                self._take(found, place.budget)

    def _take(self, found: Found, budget: Budget) -> None:
        if isinstance(found, Candidate):
            for judged in self._judged(found, budget):
                self._take(judged, budget)
        elif isinstance(found, Evidence):
            # Who asks for a proof needs only the reason of what is none.
            spent = self.enough is not None and not found.outcome
            self.evidence.append(replace(found, signed=None, claimed=None) if spent else found)
        elif not isinstance(found, Unopened):
            self.lookups.append(found)

    def _judged(self, candidate: Candidate, budget: Budget) -> Iterator[Evidence | Lookup]:
        """What `candidate` proves; strangers are listened to as far as the budget goes."""
        where = Unopened(candidate.descriptor, candidate.placement, candidate.subject)
        try:
            if candidate.shape == "statement":  # before it is read: nobody may have signed it
                budget.hear(candidate.raw, candidate.layer.digest)
            judged = list(self.judge.judge(candidate))
            for item in judged:
                if isinstance(item, Evidence) and self._is_stranger(item):
                    budget.hear(_statement(item), candidate.layer.digest)
        except LimitExceeded as error:
            yield from refused(where, candidate.kind, error, candidate.layer)
            return
        yield from judged

    def _is_stranger(self, item: Evidence) -> bool:
        """Whether somebody said it whom nobody asked for."""
        return not item.outcome or self.judge.asks_nobody


def _statement(item: Evidence) -> bytes:
    """What was signed, where it is a statement."""
    return item.signed.statement.raw if isinstance(item.signed, SignedStatement) else b""


@dataclass
class _Repositories:
    """The image's own repository and that of its evidence, opened when they are needed."""

    image: Image
    elsewhere: Reference | None
    registry: Registry | None
    settings: Settings | None
    limits: Limits
    stack: ExitStack
    opened: dict[str, Repository] = field(default_factory=dict)

    def place(self, subject: Digest, *, through_index: bool, budget: Budget) -> Place:
        """Where evidence of `subject` lies."""
        if self.elsewhere is None:
            return self.beside(subject, through_index=through_index, budget=budget)
        from provenance.oci.connect import connect

        if "elsewhere" not in self.opened:
            opening = connect(
                self.elsewhere, registry=self.registry, settings=self.settings, limits=self.limits
            )
            self.opened["elsewhere"] = self.stack.enter_context(opening)
        where = self.opened["elsewhere"]
        return Place(where, subject, self.limits, budget, through_index, self.elsewhere.name)

    def beside(self, subject: Digest, *, through_index: bool, budget: Budget) -> Place:
        """The same in the image's own repository."""
        if "beside" not in self.opened:
            self.opened["beside"] = self.stack.enter_context(self.image.repository())
        return Place(self.opened["beside"], subject, self.limits, budget, through_index)


def _places(image: Image, repositories: _Repositories) -> Iterator[Place]:
    """Beside the image, then beside each index that it was resolved through."""
    budget = Budget(repositories.limits)
    through: Image | None = image
    while through is not None:
        if through.digest is not None:
            above = through is not image
            yield repositories.place(through.digest, through_index=above, budget=budget)
        through = through.index


def _steps(
    image: Image, place: Place, repositories: _Repositories, *, whole: bool
) -> Iterator[Iterable[Found]]:
    """The placements of one subject, the likeliest and cheapest first."""
    yield at_referrers(place)
    for suffix in LEGACY_SUFFIXES:
        yield at_digest_tag(place, suffix)
    yield in_saved_layout(place)
    # Unsigned statements inside an index can never count: only who wants to see all reads them.
    if not whole or place.through_index:
        return
    index = image.index.digest if image.index is not None else None
    if index is None and image.is_index:
        index = image.digest
    if index is not None:
        beside = repositories.beside(place.subject, through_index=False, budget=place.budget)
        yield inside_index(beside, index)
