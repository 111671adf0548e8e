"""Attestation manifests inside an index: what BuildKit says of the images it built, unsigned.

Source: moby/buildkit, `docs/attestations/attestation-storage.md`. Nothing here ever counts: who
can write the index can write these. They are listed so that nobody takes them for more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.errors import MalformedDocument, ProvenanceError
from provenance.evidence.candidates import Unopened, in_manifest, refused
from provenance.evidence.placements import Lookup
from provenance.oci.manifest import Index, Manifest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.digests import Digest
    from provenance.evidence.candidates import Found, Place

__all__ = ["inside_index"]

REFERENCE_TYPE = "vnd.docker.reference.type"
REFERENCE_DIGEST = "vnd.docker.reference.digest"


def inside_index(place: Place, index: Digest) -> Iterator[Found]:
    """The attestation manifests that name `place.subject`; all of them, if that is the index."""
    name = f"index {index}"
    try:
        found = place.repository.manifest(index)
    except ProvenanceError as error:
        yield Lookup(name, error)
        return
    if not isinstance(found, Index):
        return
    yield Lookup(name)
    for entry in found.manifests:
        if entry.annotations.get(REFERENCE_TYPE) != "attestation-manifest":
            continue
        about = entry.annotations.get(REFERENCE_DIGEST, "")
        if place.subject not in {index, about}:
            continue
        where = Unopened(entry, place.placement("index"), place.subject)
        try:
            place.budget.take(entry)
            manifest = place.repository.manifest(entry)
            if not isinstance(manifest, Manifest):
                raise MalformedDocument("an index holds no statement", digest=entry.digest)
        except ProvenanceError as error:
            yield from refused(where, "in-toto", error)
            continue
        yield from in_manifest(place, manifest, entry, where.placement)
