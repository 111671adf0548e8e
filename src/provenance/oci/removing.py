"""Manifests and names out of a layout or an archive; lists of referrers kept right.

The order is the registry's: a manifest leaves the lists before it goes itself, as a listed one
that is gone reads like one that could not be fetched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from provenance.digests import Digest
from provenance.errors import InvalidDigest, NotFound, UnsupportedFormat
from provenance.oci.descriptor import Descriptor
from provenance.oci.index_entries import Change, encode, parsed, unnamed, without
from provenance.oci.repository import digest_tag

if TYPE_CHECKING:
    from provenance.oci.contents import LayoutContents
    from provenance.oci.index_entries import Document

__all__ = ["Editable", "remove"]


class Editable(Protocol):
    """What a layout and an archive let their own code do. One change at a time."""

    @property
    def contents(self) -> LayoutContents:
        """What is there now."""
        ...

    def change(self, change: Change, /) -> None:
        """Apply to `index.json`."""
        ...

    def keep(self, raw: bytes, descriptor: Descriptor, /) -> None:
        """Store a small blob."""
        ...

    def drop(self, digest: Digest, /) -> None:
        """Remove a blob that nothing lists any more."""
        ...


def remove(home: Editable, target: Digest | str) -> None:
    """Remove a manifest by digest, or a name alone.

    By digest, every name of it goes, and its place in the index at its subject's referrers tag;
    its blob too, unless an index lists it. The blobs it names stay, as others may share them.

    Raises:
        NotFound: it is not there.
        UnsupportedFormat: only an index lists it, so that the index would have to change.
    """
    try:
        _remove_manifest(home, Digest(target))
    except InvalidDigest:
        _remove_name(home, str(target))


def _remove_name(home: Editable, name: str) -> None:
    contents = home.contents
    if name not in {n for d in contents.top().manifests for n in _names(d)}:
        names = ", ".join(contents.tags()[:20]) or "none"
        raise NotFound(f"{contents.name} has no image named {name!r}", hint=f"names are {names}")
    home.change(lambda document: unnamed(document, name) or document)


def _names(descriptor: Descriptor) -> tuple[str, ...]:
    from provenance.oci.index_entries import names_of

    return names_of(descriptor.annotations)


def _remove_manifest(home: Editable, digest: Digest) -> None:
    contents = home.contents
    subject = contents.manifest(digest).subject
    top = {d.digest for d in contents.top().manifests}
    left = None if subject is None else _leave(home, subject.digest, digest)
    if digest not in top and left is None:
        raise UnsupportedFormat(
            "this manifest is part of an index, or not listed at all",
            reference=contents.name,
            digest=digest,
            hint="delete the index that lists it",
        )
    home.change(lambda document: without(document, digest) or document)
    listed = {d.digest for d in contents.all()}
    for gone in (digest, left):
        if gone is not None and gone not in listed:
            home.drop(gone)


def _leave(home: Editable, subject: Digest, digest: Digest) -> Digest | None:
    """Take `digest` out of the fallback index of `subject`. The index that was, if it was in it."""
    index = home.contents.fallback(subject)
    if index is None:
        return None
    document = without(parsed(index.raw), digest)
    if document is None:
        return None
    raw = encode(document)
    new = Descriptor.of(raw, index.descriptor.media_type)
    home.keep(raw, new)
    home.change(lambda top: _replaced(top, digest_tag(subject), index.descriptor.digest, new))
    return index.descriptor.digest


def _replaced(document: Document, name: str, old: Digest, new: Descriptor) -> Document:
    """The entry of this name, with another digest and size."""
    from provenance.oci.index_entries import names_of

    def swap(entry: dict[str, object]) -> dict[str, object]:
        annotations = entry.get("annotations") or {}
        if entry["digest"] != old or name not in names_of(annotations):  # type: ignore[arg-type]
            return entry
        return {**entry, "digest": str(new.digest), "size": new.size}

    return {**document, "manifests": [swap(entry) for entry in document["manifests"]]}
