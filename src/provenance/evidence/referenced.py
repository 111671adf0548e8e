"""Documents too large for a statement: stored beside the image, and referred to by what is signed.

Source: in-toto attestation, `spec/predicates/reference.md`. The statement is about the image, and
names the document by digest, size and media type: only those bytes are what was said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.attestation.predicates.reference import Reference
from provenance.evidence.storing import store_artifact
from provenance.oci.descriptor import Descriptor
from provenance.oci.oras.names import TITLE

if TYPE_CHECKING:
    from provenance.evidence.making import Pen
    from provenance.evidence.said import Said
    from provenance.evidence.storing import Shelf, Stored
    from provenance.settings import Settings

__all__ = ["largest_inline", "reference_to", "store_document"]

_LARGEST = 64 << 20  # in base64 85 MiB, of the 128 MiB of a bundle that are read
_ENDINGS = {"spdx": "spdx.json", "cyclonedx": "cdx.json"}


def largest_inline(pen: Pen, settings: Settings) -> int:
    """Bytes of the largest predicate that stands in a statement by this signer."""
    return settings.inline_predicate if 1 in pen.log_versions() else _LARGEST


def reference_to(said: Said, shelf: Shelf) -> Reference:
    """The predicate that refers to the document of `said`, where `store_document` puts it."""
    document = _described(said)
    return Reference.to(
        document.digest,
        document.size,
        media_type=document.media_type,
        predicate_type=said.predicate_type,
        location=_location(shelf, document),
    )


def store_document(said: Said, shelf: Shelf) -> Stored:
    """Store the document as a plain referrer of the image. The same document is the same referrer.

    Raises:
        ProvenanceError: the registry refused or did not answer.
    """
    document = _described(said)
    titled = Descriptor(
        document.media_type, document.digest, document.size, annotations={TITLE: _name(said)}
    )
    return store_artifact(
        shelf, [(titled, said.document)], artifact_type=said.media_type, annotations={}
    )


def _described(said: Said) -> Descriptor:
    return Descriptor.of(said.document, said.media_type)


def _name(said: Said) -> str:
    if said.is_text:
        return "sbom.spdx" if said.kind == "spdx" else "predicate.txt"
    return f"sbom.{_ENDINGS[said.kind]}" if said.kind in _ENDINGS else "predicate.json"


def _location(shelf: Shelf, document: Descriptor) -> str:
    """Where a client without the repository's listing finds it. Nothing here believes it.

    Of a local place the digest alone: the specification wants a location, and paths are private.
    """
    place = shelf.place
    if place.is_local:
        return f"{place.scheme}:@{document.digest}"
    return f"https://{place.host}/v2/{place.repository}/blobs/{document.digest}"
