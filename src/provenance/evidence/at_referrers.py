"""Referrers: cosign 3's bundles, and whatever else refers to an image.

The listed artifact type is a claim, and often wrong: older clients list that of an empty config
(cosign #4641). What looks like a signature is opened first, the rest when nothing else counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.errors import InvalidEvidence, MalformedDocument, ProvenanceError
from provenance.evidence.candidates import Unopened, in_manifest, refused
from provenance.evidence.placements import Lookup, listed_kind, may_be_signed
from provenance.oci.manifest import Manifest
from provenance.oci.repository import Mirrored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.evidence.candidates import Found, Place

__all__ = ["at_referrers", "opened"]


def at_referrers(place: Place) -> Iterator[Found]:
    """Referrers by API or fallback tag, or as a layout lists them."""
    repository = place.repository
    name = f"referrers of {place.subject.short}" if place.through_index else "referrers"
    try:
        listed = repository.referrers(place.subject)
    except ProvenanceError as error:
        yield Lookup(name, error)
        if not isinstance(repository, Mirrored):
            return
        # What a mirror holds can be proven without the registry; that it is all, cannot.
        listed = repository.referrers_of_mirrors(place.subject)
    else:
        yield Lookup(name, listed.doubt)
    placement = place.placement(listed.scheme)
    for descriptor in dict.fromkeys(listed.descriptors):
        found = Unopened(descriptor, placement, place.subject)
        if may_be_signed(descriptor):
            yield from opened(place, found)
        else:
            yield found


def opened(place: Place, found: Unopened) -> Iterator[Found]:
    """What one referrer holds."""
    descriptor = found.descriptor
    listed = listed_kind(descriptor)
    try:
        place.budget.take(descriptor)
        manifest = place.repository.manifest(descriptor)
        kind = listed_kind(descriptor, manifest)
        if manifest.subject is None or manifest.subject.digest != place.subject:
            raise InvalidEvidence(
                "it is listed for this image but refers to "
                f"{manifest.subject.digest if manifest.subject else 'nothing'}",
                step="subject",
                digest=descriptor.digest,
            )
        if not isinstance(manifest, Manifest):
            raise MalformedDocument("an index holds no signature", digest=descriptor.digest)
    except ProvenanceError as error:
        yield from refused(found, listed, error)
        return
    yield from in_manifest(place, manifest, descriptor, found.placement, kind)
