"""What a layout and an archive share: an index and blobs by digest, read-only.

Source: image-spec v1.1, image-layout.md. `blob` is the one thing a medium must supply.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, BinaryIO

from provenance.digests import Digest, VerifiedReader, check_content
from provenance.errors import (
    ContentMismatch,
    InvalidReference,
    LimitExceeded,
    MalformedDocument,
    NotFound,
    UnsupportedFormat,
)
from provenance.oci.descriptor import Descriptor
from provenance.oci.manifest import Index, Manifest, parse_manifest
from provenance.oci.media_types import INDEXES, MANIFESTS
from provenance.oci.repository import Referrers, digest_tag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from provenance.settings import Limits

__all__ = ["REF_NAME", "LayoutContents"]

REF_NAME = "org.opencontainers.image.ref.name"
_NESTING = 4


class LayoutContents:
    """A layout's index and blobs. `blob(digest)` opens one; `top()` reads `index.json`."""

    def __init__(
        self,
        name: str,
        top: Callable[[], Index],
        blob: Callable[[Digest], AbstractContextManager[BinaryIO]],
        limits: Limits,
    ) -> None:
        """Read through `top` and `blob`; `name` is for messages."""
        self.name, self._top, self._blob, self.limits = name, top, blob, limits

    def resolve(self, target: str | Digest) -> Descriptor:
        """By digest, by `ref.name`, or without a name where there is one manifest only."""
        if isinstance(target, Digest) or target.startswith(("sha256:", "sha384:", "sha512:")):
            wanted = Digest(target)
            for descriptor in self.all():
                if descriptor.digest == wanted:
                    return descriptor
            return self.manifest(wanted).descriptor
        entries = self._top().manifests
        named = [d for d in entries if target and d.annotations.get(REF_NAME) == target]
        # A whole reference as name, as some tools write it: its tag is meant.
        named = named or [
            d
            for d in entries
            if target and d.annotations.get(REF_NAME, "").rpartition(":")[2] == target
        ]
        if not named and not target:
            named = [d for d in entries if REF_NAME in d.annotations] or [
                # What `cosign save` puts beside the image says so.
                d
                for d in entries
                if not d.annotations.get("kind", "").endswith(("/sigs", "/atts"))
            ]
        if not named and target == "latest" and len(entries) == 1:
            named = list(entries)
        distinct = {d.digest: d for d in named}
        if len(distinct) == 1:
            found = next(iter(distinct.values()))
            return Descriptor(found.media_type, found.digest, found.size)
        names = ", ".join(self.tags()[:20]) or "none"
        if distinct:
            raise InvalidReference(
                f"{self.name} holds {len(distinct)} images",
                hint=f"say which: names are {names}",
            )
        raise NotFound(f"{self.name} has no image named {target!r}", hint=f"names are {names}")

    def manifest(self, target: Descriptor | Digest | str) -> Manifest | Index:
        """The manifest, its bytes checked against the digest that named it."""
        claimed = target if isinstance(target, Descriptor) else None
        if claimed is None and not isinstance(target, Digest):
            claimed = self.resolve(str(target))
        digest = claimed.digest if claimed is not None else Digest(str(target))
        limit = self.limits.manifest_bytes
        with self._blob(digest) as stream:
            raw = stream.read(limit + 1)
        where = f"{self.name}@{digest}"
        if len(raw) > limit:
            raise LimitExceeded(
                f"the manifest has more than {limit} bytes",
                reference=self.name,
                digest=digest,
                hint="raise Limits.manifest_bytes if you trust it",
            )
        check_content(raw, digest, claimed.size if claimed else None, where=self.name)
        media_type = claimed.media_type if claimed else ""
        return parse_manifest(raw, media_type, limits=self.limits, where=where)

    @contextmanager
    def open(self, blob: Descriptor) -> Iterator[VerifiedReader]:
        """A stream that ends well only if digest and size agree."""
        with self._blob(blob.digest) as stream:
            yield VerifiedReader(stream, blob.digest, blob.size, where=self.name)

    def all(self) -> Iterator[Descriptor]:
        """Every manifest and index that is listed, those inside of nested indexes too."""
        seen: set[Digest] = set()
        waiting = [(d, 0) for d in self._top().manifests]
        while waiting:
            descriptor, depth = waiting.pop(0)
            if descriptor.digest in seen:
                continue
            seen.add(descriptor.digest)
            if len(seen) > self.limits.referrers * 10:
                raise LimitExceeded(f"{self.name} lists too many manifests")
            yield descriptor
            if descriptor.media_type in INDEXES and depth < _NESTING:
                try:
                    nested = self.manifest(descriptor)
                except NotFound:  # a layout may name an index it does not hold
                    continue
                if isinstance(nested, Index):
                    waiting += [(d, depth + 1) for d in nested.manifests]

    def referrers(self, subject: Digest, artifact_type: str) -> Referrers:
        """Manifests with this subject, and those in the index at the referrers tag."""
        found: dict[Digest, Descriptor] = {}
        tag = digest_tag(subject)
        for descriptor in self._top().manifests:
            if descriptor.annotations.get(REF_NAME) == tag:
                index = self.manifest(descriptor)
                if isinstance(index, Index):
                    found |= {d.digest: d for d in index.manifests}
        for descriptor in self.all():
            if descriptor.media_type not in MANIFESTS | INDEXES or descriptor.digest in found:
                continue
            try:
                manifest = self.manifest(descriptor)
            except (NotFound, UnsupportedFormat):
                # Not held here, or no kind of manifest that could have a subject.
                continue
            if manifest.subject is not None and manifest.subject.digest == subject:
                found[descriptor.digest] = listed_as_referrer(manifest)
        listed = tuple(
            d for d in found.values() if not artifact_type or d.artifact_type == artifact_type
        )
        return Referrers(listed, "layout")

    def tags(self) -> tuple[str, ...]:
        """Every `ref.name`."""
        names = (d.annotations.get(REF_NAME) for d in self._top().manifests)
        return tuple(dict.fromkeys(n for n in names if n))


def listed_as_referrer(manifest: Manifest | Index) -> Descriptor:
    """How a manifest stands in a list of referrers: its type, and all annotations."""
    artifact_type = manifest.artifact_type
    if not artifact_type and isinstance(manifest, Manifest):
        artifact_type = manifest.config.media_type
    found = manifest.descriptor
    return Descriptor(
        found.media_type,
        found.digest,
        found.size,
        annotations=manifest.annotations,
        artifact_type=artifact_type,
    )


def parse_top(raw: bytes, name: str, limits: Limits) -> Index:
    """`index.json`. Raises MalformedDocument for anything but an index."""
    found = parse_manifest(raw, limits=limits, where=name)
    if not isinstance(found, Index):
        raise MalformedDocument(
            "index.json is a manifest, not an index", reference=name, hint="this is no OCI layout"
        )
    return found


def mismatch(name: str, digest: Digest, why: str) -> ContentMismatch:
    """A blob that cannot be what it is named."""
    return ContentMismatch(f"the blob {why}", reference=name, digest=digest, hint="do not use it")
