"""`unsafe_fetch_sbom`: an SBOM that lies beside an image, whoever put it there.

For looking, not for deciding: anyone who may write to the repository can have written it.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from provenance.attestation.predicate_types import matches
from provenance.attestation.reading import read_statement
from provenance.attestation.simple_signing import SIMPLE_SIGNING
from provenance.errors import NotFound, ProvenanceError
from provenance.evidence.asked import evidence_place, one_session
from provenance.evidence.at_referrers import at_referrers, opened
from provenance.evidence.at_tags import at_digest_tag, in_saved_layout
from provenance.evidence.candidates import Budget, Candidate, Place, Unopened
from provenance.evidence.piece import Evidence
from provenance.evidence.placements import LEGACY_SUFFIXES, SBOM_TYPES, Lookup
from provenance.image import resolve
from provenance.oci.repository import read_blob
from provenance.settings import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.evidence.candidates import Found
    from provenance.image import Image, ImageLike
    from provenance.oci.reference import Reference
    from provenance.oci.registry import Registry
    from provenance.sbom import Sbom
    from provenance.settings import Settings

__all__ = ["unsafe_fetch_sbom"]

_SBOMS = frozenset({*SBOM_TYPES.values(), "legacy-sbom"})


def unsafe_fetch_sbom(
    image: ImageLike,
    *,
    evidence_repository: str | None = None,
    platform: str | None = None,
    registry: Registry | None = None,
    settings: Settings | None = None,
    limits: Limits | None = None,
) -> Sbom:
    """An SBOM that lies beside an image, without asking who put it there.

    The first that can be read: of an attestation, else one that is attached as it is. `verify`
    with `require="sbom"` gives the one that is proven.

    Args:
        image: what it should be of; that it is, is not checked.
        evidence_repository: where it lies, if not beside the image; as in `verify`.
        platform: of an index.
        registry: session to use.
        settings: how to fetch.
        limits: caps on what is read.

    Raises:
        NotFound: every placement answered, and there is none that can be read.
        ProvenanceError: a placement did not answer, and none was found: nothing is known.
    """
    limits = limits or Limits()
    with one_session(image, registry, settings, limits) as session, ExitStack() as stack:
        found = resolve(
            image, platform=platform, registry=session, settings=settings, limits=limits
        )
        elsewhere = evidence_place(found, evidence_repository, session, settings)
        return _first(found, elsewhere, session, settings, limits, stack)


def _first(
    image: Image,
    elsewhere: Reference | None,
    session: Registry | None,
    settings: Settings | None,
    limits: Limits,
    stack: ExitStack,
) -> Sbom:
    from provenance.oci.connect import connect

    opening = (
        image.repository()
        if elsewhere is None
        else connect(elsewhere, registry=session, settings=settings, limits=limits)
    )
    failures: list[ProvenanceError] = []
    if image.digest is not None:
        place = Place(stack.enter_context(opening), image.digest, limits, Budget(limits))
        for found in _everything(place):
            try:
                if (sbom := _sbom_in(place, found)) is not None:
                    return sbom
            except ProvenanceError as error:  # another may be readable
                failures.append(error)
            if isinstance(found, Lookup) and found.error is not None:
                failures.append(found.error)
    if failures:
        raise failures[0]
    raise NotFound(
        "no SBOM lies beside the image",
        reference=str(image.reference),
        hint="make one: provenance sbom generate",
    )


def _everything(place: Place) -> Iterator[Found]:
    """What there is, attestations first."""
    unopened = []
    tags = (at_digest_tag(place, suffix) for suffix in LEGACY_SUFFIXES)
    for step in (at_referrers(place), *tags, in_saved_layout(place)):
        for found in step:
            if isinstance(found, Unopened):
                unopened.append(found)
            else:
                yield found
    for other in unopened:
        yield from opened(place, other)


def _sbom_in(place: Place, found: Found) -> Sbom | None:
    from provenance.sbom import read_sbom

    if isinstance(found, Candidate):
        if found.layer.media_type == SIMPLE_SIGNING:
            return None
        statement = read_statement(found.raw, limits=place.limits)
        if matches(statement.predicate_type, "sbom") and statement.is_about(place.subject):
            return read_sbom(statement)
    if not isinstance(found, Evidence) or found.layer is None or found.signed is not None:
        return None
    if found.layer.media_type in SBOM_TYPES or found.kind in _SBOMS:  # oras names files otherwise
        limit = place.limits.document_bytes
        return read_sbom(read_blob(place.repository, found.layer, limit=limit))
    return None
