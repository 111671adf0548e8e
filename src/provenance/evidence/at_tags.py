"""Cosign's older tags, `sha256-<hex>.{sig,att,sbom}`: one manifest, a signature each layer.

Source: cosign, `specs/SIGNATURE_SPEC.md` and `specs/ATTESTATION_SPEC.md`. In a layout that
`cosign save` wrote the same manifests have no tag, but an annotation `kind`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.errors import MalformedDocument, NotFound, ProvenanceError
from provenance.evidence.candidates import Unopened, in_manifest, refused
from provenance.evidence.placements import LEGACY_SUFFIXES, Lookup
from provenance.oci.descriptor import Descriptor
from provenance.oci.manifest import Manifest
from provenance.oci.repository import Lists, digest_tag

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.evidence.candidates import Found, Place

__all__ = ["at_digest_tag", "in_saved_layout"]

_SAVED = {
    "dev.cosignproject.cosign/sigs": "legacy-signature",
    "dev.cosignproject.cosign/atts": "legacy-attestation",
    "dev.cosignproject.cosign/sboms": "legacy-sbom",
}


def at_digest_tag(place: Place, suffix: str) -> Iterator[Found]:
    """One of cosign's older tags (`sig`, `att`, `sbom`), asked for by one request."""
    kind, tag = LEGACY_SUFFIXES[suffix], digest_tag(place.subject, suffix)
    try:
        manifest = place.repository.manifest(tag)
    except NotFound:
        yield Lookup(f"tag {tag}")
        return
    except ProvenanceError as error:
        yield Lookup(f"tag {tag}", error)
        return
    yield Lookup(f"tag {tag}")
    found = manifest.descriptor
    plain = Descriptor(found.media_type, found.digest, found.size)
    where = Unopened(plain, place.placement("tag", tag), place.subject)
    if isinstance(manifest, Manifest):
        yield from in_manifest(place, manifest, plain, where.placement, kind)
    else:
        index = MalformedDocument("an index holds no signature", digest=plain.digest)
        yield from refused(where, kind, index)


def in_saved_layout(place: Place) -> Iterator[Found]:
    """What `cosign save` put beside the one image it saved."""
    if not isinstance(place.repository, Lists):
        return
    for entry in place.repository.entries():
        kind = _SAVED.get(entry.annotations.get("kind", ""))
        if kind is None:
            continue
        where = Unopened(entry, place.placement("saved"), place.subject)
        try:
            place.budget.take(entry)
            manifest = place.repository.manifest(entry)
            if not isinstance(manifest, Manifest):
                raise MalformedDocument("an index holds no signature", digest=entry.digest)
        except ProvenanceError as error:
            yield from refused(where, kind, error)
            continue
        yield from in_manifest(place, manifest, entry, where.placement, kind)
