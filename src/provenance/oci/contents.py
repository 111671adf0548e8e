"""What a layout and an archive share: an index and blobs by digest, read-only.

Source: image-spec v1.1, image-layout.md. `blob` is the one thing a medium must supply.
"""

from __future__ import annotations

import re
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, BinaryIO

from provenance.digests import Digest, VerifiedReader, check_content
from provenance.errors import (
    InvalidReference,
    LimitExceeded,
    MalformedDocument,
    NotFound,
    RegistryUnavailable,
    UnsupportedFormat,
)
from provenance.oci.descriptor import Descriptor
from provenance.oci.manifest import Index, Manifest, parse_manifest
from provenance.oci.media_types import INDEXES, MANIFESTS
from provenance.oci.repository import Referrers, digest_tag, may_be_of_type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from provenance.settings import Limits

__all__ = ["REF_NAME", "LayoutContents"]

REF_NAME = "org.opencontainers.image.ref.name"
_NESTING = 4
_DIGEST_TAG = re.compile(r"sha(?:256|384|512)-[0-9a-f]{64}(?:\..*)?", re.ASCII)


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
            named = [d for d in entries if _names_an_image(d)] or [
                # What `cosign save` puts beside the image says so.
                d
                for d in entries
                if not d.annotations.get("kind", "").endswith(("/sigs", "/atts"))
            ]
        if not named and target == "latest" and len(entries) == 1:
            # `latest` is what no name means; an image of another name is another image.
            named = [d for d in entries if REF_NAME not in d.annotations]
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
            if descriptor.media_type in INDEXES:
                if depth >= _NESTING:  # what lies deeper would read as absent
                    raise LimitExceeded(
                        f"{self.name} nests indexes more than {_NESTING} deep",
                        reference=self.name,
                        digest=descriptor.digest,
                    )
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
        top = self._top().manifests
        for descriptor in top:
            if descriptor.annotations.get(REF_NAME) == tag:
                index = self._present(descriptor)
                if not isinstance(index, Index):
                    raise MalformedDocument(
                        f"the name {tag} holds a manifest where the referrers index belongs",
                        reference=self.name,
                        digest=subject,
                        hint="remove that name",
                    )
                found |= {d.digest: d for d in index.manifests}
        listed_here = {d.digest for d in top}
        for descriptor in self.all():
            if descriptor.media_type not in MANIFESTS | INDEXES or descriptor.digest in found:
                continue
            try:
                if descriptor.digest in listed_here:
                    manifest = self._present(descriptor)
                else:
                    manifest = self.manifest(descriptor)
            except (NotFound, UnsupportedFormat):
                # A platform that was not copied, or no kind of manifest that has a subject.
                continue
            if manifest.subject is not None and manifest.subject.digest == subject:
                found[descriptor.digest] = listed_as_referrer(manifest)
        listed = tuple(
            d for d in found.values() if not artifact_type or may_be_of_type(d, artifact_type)
        )
        return Referrers(listed, "layout")

    def _present(self, descriptor: Descriptor) -> Manifest | Index:
        """What `index.json` itself lists must be there, else nothing is known about it."""
        try:
            return self.manifest(descriptor)
        except NotFound as error:
            raise RegistryUnavailable(
                f"index.json lists {descriptor.digest}, which is not there",
                reference=self.name,
                digest=descriptor.digest,
                hint="the layout is incomplete: copy it again",
            ) from error

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


def _names_an_image(descriptor: Descriptor) -> bool:
    """Whether it has a name, and not one that says what image it lies beside."""
    name = descriptor.annotations.get(REF_NAME)
    return name is not None and _DIGEST_TAG.fullmatch(name) is None


def parse_top(raw: bytes, name: str, limits: Limits) -> Index:
    """`index.json`. Raises MalformedDocument for anything but an index."""
    found = parse_manifest(raw, limits=limits, where=name)
    if not isinstance(found, Index):
        raise MalformedDocument(
            "index.json is a manifest, not an index", reference=name, hint="this is no OCI layout"
        )
    return found
