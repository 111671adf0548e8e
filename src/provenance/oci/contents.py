"""What a layout and an archive share: an index and blobs by digest, read-only.

Source: image-spec v1.1, image-layout.md. `blob` is the one thing a medium must supply. What was
proven of a digest once is remembered: it can be nothing else.
"""

from __future__ import annotations

import re
from collections import deque
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
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
from provenance.oci.index_entries import names_of
from provenance.oci.manifest import Index, Manifest, parse_manifest
from provenance.oci.media_types import INDEXES, MANIFESTS
from provenance.oci.reference import Reference
from provenance.oci.repository import Referrers, digest_tag, may_be_of_type
from provenance.strict_json import decode_object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from provenance.settings import Limits

__all__ = ["LayoutContents", "check_marker", "listed_as_referrer", "parse_top"]

_NESTING = 4
_DIGEST_TAG = re.compile(r"sha(?:256|384|512)-[0-9a-f]{64}(?:\..*)?", re.ASCII)


class LayoutContents:
    """A layout's index and blobs. `blob(digest)` opens one; `top()` reads `index.json`."""

    def __init__(
        self,
        name: str,
        top: Callable[[], bytes],
        blob: Callable[[Digest], AbstractContextManager[BinaryIO]],
        limits: Limits,
    ) -> None:
        """Read through `top` and `blob`; `name` is for messages."""
        self.name, self._raw_top, self._blob, self.limits = name, top, blob, limits
        self._parsed: Index | None = None
        self._relations: dict[Descriptor, _Relations] = {}

    def top(self) -> Index:
        """`index.json` as it is now. Raises MalformedDocument for anything but an index."""
        raw, known = self._raw_top(), self._parsed
        if known is None or known.raw != raw:
            self._parsed = known = parse_top(raw, self.name, self.limits)
        return known

    def resolve(self, target: str | Digest) -> Descriptor:
        """By digest, by `ref.name`, or without a name where there is one manifest only."""
        if isinstance(target, Digest) or target.startswith(("sha256:", "sha384:", "sha512:")):
            wanted = Digest(target)
            for descriptor in self.all():
                if descriptor.digest == wanted:
                    return descriptor
            return self.manifest(wanted).descriptor
        entries = self.top().manifests
        named = _called(entries, target)
        if not named and not target:
            named = [d for d in entries if _names_an_image(d)] or [
                # What `cosign save` puts beside the image says so.
                d
                for d in entries
                if not d.annotations.get("kind", "").endswith(("/sigs", "/atts"))
            ]
        if not named and target == "latest" and len(entries) == 1:
            # `latest` is what no name means; an image of another name is another image.
            named = [d for d in entries if not names_of(d.annotations)]
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
        return parse_manifest(raw, media_type, limits=self.limits, where=where, digest=digest)

    @contextmanager
    def open(self, blob: Descriptor) -> Iterator[VerifiedReader]:
        """A stream that ends well only if digest and size agree."""
        with self._blob(blob.digest) as stream:
            yield VerifiedReader(stream, blob.digest, blob.size, where=self.name)

    def all(self) -> Iterator[Descriptor]:
        """Every manifest and index that is listed, those inside of nested indexes too."""
        seen: set[Digest] = set()
        waiting = deque((d, 0) for d in self.top().manifests)
        while waiting:
            descriptor, depth = waiting.popleft()
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
                    relations = self._related(descriptor)
                except NotFound:  # a layout may name an index it does not hold
                    continue
                waiting.extend((d, depth + 1) for d in relations.children)

    def referrers(self, subject: Digest, artifact_type: str) -> Referrers:
        """Manifests with this subject, and those in the index at the referrers tag."""
        index = self.fallback(subject)
        found = {d.digest: d for d in index.manifests} if index is not None else {}
        listed_here = {d.digest for d in self.top().manifests}
        for descriptor in self.all():
            if descriptor.media_type not in MANIFESTS | INDEXES or descriptor.digest in found:
                continue
            try:
                relations = self._related(descriptor)
            except NotFound as error:
                if descriptor.digest in listed_here:
                    raise self._absent(descriptor) from error
                continue  # a platform that was not copied
            except UnsupportedFormat:  # no kind of manifest that has a subject
                continue
            if relations.subject == subject and relations.listed is not None:
                found[descriptor.digest] = relations.listed
        listed = tuple(
            d for d in found.values() if not artifact_type or may_be_of_type(d, artifact_type)
        )
        return Referrers(listed, "layout")

    def fallback(self, subject: Digest) -> Index | None:
        """The index at the referrers tag of `subject`; None: there is none.

        Raises:
            MalformedDocument: that name holds something that is no index.
        """
        tag = digest_tag(subject)
        for descriptor in self.top().manifests:
            if tag not in names_of(descriptor.annotations):
                continue
            try:
                index = self.manifest(descriptor)
            except NotFound as error:
                raise self._absent(descriptor) from error
            if not isinstance(index, Index):
                raise MalformedDocument(
                    f"the name {tag} holds a manifest where the referrers index belongs",
                    reference=self.name,
                    digest=subject,
                    hint="remove that name",
                )
            return index
        return None

    def _related(self, descriptor: Descriptor) -> _Relations:
        """What a manifest lists and what it is about, read once."""
        plain = Descriptor(descriptor.media_type, descriptor.digest, descriptor.size)
        known = self._relations.get(plain)
        if known is None:
            manifest = self.manifest(descriptor)
            children = manifest.manifests if isinstance(manifest, Index) else ()
            known = _Relations(children)
            if manifest.subject is not None:
                known = _Relations(children, manifest.subject.digest, listed_as_referrer(manifest))
            self._relations[plain] = known
        return known

    def _absent(self, descriptor: Descriptor) -> RegistryUnavailable:
        """What `index.json` itself lists must be there, else nothing is known about it."""
        return RegistryUnavailable(
            f"index.json lists {descriptor.digest}, which is not there",
            reference=self.name,
            digest=descriptor.digest,
            hint="the layout is incomplete: copy it again",
        )

    def tags(self) -> tuple[str, ...]:
        """Every name; where an entry has one of containerd's beside it, not that."""
        names = (names_of(d.annotations)[:1] for d in self.top().manifests)
        return tuple(dict.fromkeys(name for found in names for name in found))


@dataclass(frozen=True, slots=True)
class _Relations:
    children: tuple[Descriptor, ...]
    subject: Digest | None = None
    listed: Descriptor | None = None
    """How it stands in a list of referrers."""


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


def check_marker(raw: bytes, name: str) -> None:
    """That `oci-layout` says version 1. Raises MalformedDocument."""
    try:
        version = decode_object(raw).get("imageLayoutVersion")
    except MalformedDocument as error:
        error.reference = name
        raise
    if not isinstance(version, str) or not version.startswith("1."):
        raise MalformedDocument(
            f"the layout is of version {str(version)[:20]!r}, expected 1.0.0", reference=name
        )


def _called(entries: tuple[Descriptor, ...], name: str) -> list[Descriptor]:
    """The entries of this name: as it is; or the tag of a whole reference; or written otherwise."""
    if not name:
        return []
    whole: Reference | None = None
    if "/" in name or ":" in name:
        with suppress(InvalidReference):
            whole = Reference.parse(f"docker://{name}")

    def tag(other: str) -> bool:
        return other.rpartition(":")[2] == name

    def same(other: str) -> bool:  # `app:1` is `docker.io/library/app:1`
        if whole is None or not ("/" in other or ":" in other):
            return False
        with suppress(InvalidReference):
            return Reference.parse(f"docker://{other}") == whole
        return False

    for fits in (name.__eq__, tag, same):
        found = [d for d in entries if any(fits(other) for other in names_of(d.annotations))]
        if found:
            return found
    return []


def _names_an_image(descriptor: Descriptor) -> bool:
    """Whether it has a name, and not one that says what image it lies beside."""
    names = names_of(descriptor.annotations)
    return any(_DIGEST_TAG.fullmatch(name) is None for name in names)


def parse_top(raw: bytes, name: str, limits: Limits) -> Index:
    """`index.json`. Raises MalformedDocument for anything but an index."""
    found = parse_manifest(raw, limits=limits, where=name)
    if not isinstance(found, Index):
        raise MalformedDocument(
            "index.json is a manifest, not an index", reference=name, hint="this is no OCI layout"
        )
    return found
