"""`RegistryRepository`: one repository in a registry, read from its mirrors first.

Source: distribution-spec 1.1. There is no `/v2/` ping: the first real request is the probe.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO, TypeVar, cast

from provenance.digests import Digest, VerifiedReader, check_content
from provenance.errors import (
    ContentMismatch,
    Forbidden,
    InvalidDigest,
    LimitExceeded,
    MalformedDocument,
    NotFound,
    ProvenanceError,
    RateLimited,
    RegistryUnavailable,
    Unauthorized,
)
from provenance.oci.conversation import Conversation
from provenance.oci.descriptor import Descriptor
from provenance.oci.downloading import Download
from provenance.oci.listing import list_referrers, list_tags
from provenance.oci.manifest import parse_manifest
from provenance.oci.media_types import INDEXES, MANIFEST_ACCEPT, MANIFESTS
from provenance.oci.pushing import (
    delete_manifest,
    delete_tag,
    push_manifest,
    push_referrers,
    push_tag,
)
from provenance.oci.repository import Referrers
from provenance.oci.uploading import holds_blob, mount_blob, push_blob

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from provenance.oci.manifest import Index, Manifest
    from provenance.oci.repository import Repository
    from provenance.oci.sources import Content, Progress
    from provenance.transport.response import Response

__all__ = ["RegistryRepository"]

_LONGEST_LENGTH = 19  # digits of a Content-Length that is one
# What a mirror may answer without being the last word; altered content is one.
_PASSED_OVER = (NotFound, Unauthorized, Forbidden, RateLimited, RegistryUnavailable)

R = TypeVar("R")


class RegistryRepository(Conversation):
    """One repository in a registry. Implements `Writable` and every ability.

    It is read from its mirrors first, where there are some, and written to at home.
    """

    def resolve(self, target: str | Digest, /) -> Descriptor:
        """One HEAD; a GET only where the registry does not say what a descriptor needs.

        A digest in the answer is only a pin, which every byte read later must meet, and never
        takes the place of the caller's.
        """
        checked = self._check(target)
        return self._first(checked, lambda place: place.resolve_here(checked))

    def _first(self, target: str | Digest, ask: Callable[[RegistryRepository], R]) -> R:
        """The answer of the first place that has one: its mirrors, then the registry itself."""
        passed = []
        *mirrors, last = self._readers(target)
        for mirror in mirrors:
            try:
                return ask(mirror)
            except _PASSED_OVER as error:
                passed.append(f"{mirror.place.name} ({error.message})")
        try:
            return ask(last)
        except ProvenanceError as error:
            if passed:
                error.hint = f"{error.hint}; asked before it: {'; '.join(passed)}"
            raise

    def _readers(self, target: str | Digest) -> list[RegistryRepository]:
        """Where `target` is read, in this order; the last is the registry itself.

        Also where `registries.conf` leads the name elsewhere: that is for reading alone
        (containers-registries.conf(5): pushes are not redirected).
        """
        if self.place.mirror:
            return [self]
        if isinstance(target, Digest):
            named = self.reference.with_digest(target)
        else:
            named = self.reference.with_tag(target)
        *mirrors, last = self.registry.mirrors.places(named)
        found = [RegistryRepository(self.registry, self.reference, place) for place in mirrors]
        if last.name == self.place.name:
            return [*found, self]
        led = replace(last, mirror=True)
        return [*found, RegistryRepository(self.registry, self.reference, led)]

    def resolve_here(self, target: str | Digest, /) -> Descriptor:
        """`resolve` at this place alone."""
        what = f"manifest {target}"
        headers = {"Accept": MANIFEST_ACCEPT}
        with self.send("HEAD", f"manifests/{target}", headers=headers) as response:
            if response.status != 200:
                self.refuse(response, what, target)
            named = response.headers.get("Docker-Content-Digest")
            length = response.headers.get("Content-Length", "")
            media_type = _media_type(response)
        digest = self._pin(target, named)
        known = length.isascii() and length.isdigit() and len(length) < _LONGEST_LENGTH
        if digest is None or not known or media_type not in MANIFESTS | INDEXES:
            return self.manifest_here(target).descriptor
        return Descriptor(media_type, digest, int(length))

    def _pin(self, target: str | Digest, named: str | None) -> Digest | None:
        """The digest to go on with after a HEAD; None: it was not told."""
        asked = target if isinstance(target, Digest) else None
        if not named:
            return asked
        try:
            digest = Digest(named)
        except InvalidDigest as error:
            raise MalformedDocument(
                f"the registry names the manifest {target} by something that is no digest",
                reference=self.name,
            ) from error
        if asked is None or digest == asked:
            return digest
        if digest.algorithm != asked.algorithm:
            return asked  # another hash of it, which says nothing about the caller's
        raise ContentMismatch(
            f"{self.name} answers {digest} when asked for another digest",
            reference=self.name,
            digest=asked,
            hint="do not use it",
        )

    def manifest(self, target: Descriptor | Digest | str, /) -> Manifest | Index:
        """GET, with its bytes checked against the digest that named it."""
        descriptor = target if isinstance(target, Descriptor) else None
        name = target.digest if isinstance(target, Descriptor) else self._check(target)
        return self._first(name, lambda place: place.manifest_here(name, descriptor))

    def manifest_here(
        self, name: Digest | str, descriptor: Descriptor | None = None, /
    ) -> Manifest | Index:
        """`manifest` at this place alone."""
        what = f"manifest {name}"
        headers = {"Accept": MANIFEST_ACCEPT}
        with self.send("GET", f"manifests/{name}", headers=headers) as response:
            if response.status != 200:
                self.refuse(response, what, name)
            raw = response.read_capped(self.limits.manifest_bytes, "manifest")
            media_type = _media_type(response)
        digest = name if isinstance(name, Digest) else None
        if digest is not None:
            check_content(raw, digest, descriptor.size if descriptor else None, where=self.name)

        def parsed(claimed: str) -> Manifest | Index:
            where = f"{self.name}@{name}"
            return parse_manifest(raw, claimed, limits=self.limits, where=where, digest=digest)

        found = parsed(media_type)
        if descriptor is not None and descriptor.media_type != found.descriptor.media_type:
            found = parsed(descriptor.media_type)
        return found

    @contextmanager
    def open(self, blob: Descriptor, /) -> Iterator[VerifiedReader]:
        """Stream a blob; one that breaks off is taken up again by range.

        A redirect to a store elsewhere is followed without Authorization.
        """
        if blob.size > self.limits.blob_bytes:
            raise LimitExceeded(
                f"a blob of {blob.size} bytes is larger than {self.limits.blob_bytes}",
                reference=self.name,
                digest=blob.digest,
                hint="raise Limits.blob_bytes if you trust it",
            )
        download = self._first(blob.digest, lambda place: Download(place, blob))
        with closing(download):
            body = cast("BinaryIO", download)  # it reads and closes, which is all that is asked
            yield VerifiedReader(body, blob.digest, blob.size, where=self.name)

    def referrers(self, subject: Digest, /, *, artifact_type: str = "") -> Referrers:
        """Every referrer of `subject`: the registry's own list, and those of its mirrors.

        That mirrors list some says nothing of the others, so the registry itself must answer;
        see `listing.list_referrers`, and `referrers_of_mirrors` for when it does not.
        """
        beside = self.referrers_of_mirrors(subject, artifact_type=artifact_type)
        own = list_referrers(self._readers(subject)[-1], subject, artifact_type)
        if not beside.descriptors:
            return own
        found = {d.digest: d for d in (*own.descriptors, *beside.descriptors)}
        scheme = own.scheme if own.descriptors else beside.scheme
        return Referrers(tuple(found.values()), scheme, own.doubt)

    def referrers_of_mirrors(self, subject: Digest, /, *, artifact_type: str = "") -> Referrers:
        """What mirrors list as referring to `subject`, as far as they answer: never all."""
        found: dict[Digest, Descriptor] = {}
        scheme = ""
        for mirror in self._readers(subject)[:-1]:
            try:
                listed = list_referrers(mirror, subject, artifact_type)
            except _PASSED_OVER:
                continue
            found |= {d.digest: d for d in listed.descriptors}
            scheme = scheme or listed.scheme
        return Referrers(tuple(found.values()), scheme)

    def tags(self) -> tuple[str, ...]:
        """Every tag, every page, of the registry itself."""
        return list_tags(self._readers(self.reference.tag or "latest")[-1])

    def holds(self, blob: Descriptor, /) -> bool:
        """Whether a blob is there already, as the registry says. One HEAD."""
        return holds_blob(self, blob)

    def vouches(self, manifest: Descriptor, /) -> bool:
        """Whether a manifest is there already: a registry takes none whose blobs it lacks."""
        try:
            found = self.resolve_here(manifest.digest)
        except NotFound:
            return False
        return found.size == manifest.size

    def mount(self, blob: Descriptor, source: Repository, /) -> bool:
        """Take a blob from another repository of the same registry, without moving it."""
        if not isinstance(source, RegistryRepository):
            return False
        return mount_blob(self, blob, source)

    def push_blob(
        self, data: Content, descriptor: Descriptor, /, *, progress: Progress | None = None
    ) -> None:
        """Upload a blob unless it is there."""
        push_blob(self, data, descriptor, progress)

    def push_manifest(
        self, manifest: Manifest | Index, /, *, tag: str | None = None, nested: bool = False
    ) -> Descriptor:
        """Upload a manifest; one with a subject is entered in the fallback index where needed."""
        del nested  # every manifest is one of its own here
        checked = self.reference.with_tag(tag).tag if tag is not None else None
        return push_manifest(self, manifest, checked)

    def push_referrers(self, manifests: Sequence[Manifest | Index], /) -> None:
        """Upload manifests of one subject; a fallback index is changed once for all of them."""
        push_referrers(self, manifests)

    def delete(self, target: Digest | str, /) -> None:
        """Remove a manifest by digest, with every tag on it, or a tag alone."""
        home, checked = self, self._check(target)
        if isinstance(checked, Digest):
            delete_manifest(home, checked)
        else:
            delete_tag(home, checked)

    def tag(self, target: Descriptor | Digest, tag: str, /) -> None:
        """Point `tag` at a manifest of this repository."""
        checked = self.reference.with_tag(tag).tag or tag
        push_tag(self, target, checked)

    def _check(self, target: str | Digest) -> str | Digest:
        """A tag or digest that may stand in a URL. Raises InvalidDigest, InvalidReference."""
        if isinstance(target, Digest) or ":" in target:
            return Digest(target)
        return self.reference.with_tag(target).tag or target

    def __repr__(self) -> str:
        return f"RegistryRepository({self.name!r})"


def _media_type(response: Response) -> str:
    return response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
