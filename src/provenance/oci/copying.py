"""`copy`: an image from any place to any that can be written to, with all that belongs to it.

Blobs before manifests, manifests before indexes, subjects before referrers, and the tag last: who
reads it meanwhile sees the image as it was before, or whole. What is there is not sent again, so
that a copy that was cut off is ended by making it again.
"""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

from provenance.errors import ContentMismatch, InvalidReference, MalformedDocument, NotFound
from provenance.oci.connect import connect, writable
from provenance.oci.crew import Crew
from provenance.oci.descriptor import Descriptor
from provenance.oci.docker_listing import same_name
from provenance.oci.manifest import Index
from provenance.oci.platforms import Platform, choose
from provenance.oci.reference import Reference
from provenance.oci.repository import Gathers, Vouches
from provenance.oci.survey import survey
from provenance.oci.transfer import move_blobs
from provenance.settings import Limits, Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from provenance.digests import Digest
    from provenance.errors import ProvenanceError
    from provenance.oci.manifest import Manifest
    from provenance.oci.registry import Registry
    from provenance.oci.repository import Repository, Writable
    from provenance.oci.survey import Member, Survey
    from provenance.oci.transfer import Transfer

__all__ = ["Copied", "Place", "copy", "copy_between"]


class _Referred(Protocol):
    """What has a reference, as an `Image` does."""

    @property
    def reference(self) -> Reference: ...


Place: TypeAlias = "str | Path | Reference | _Referred"
"""Where an image is, or is to be."""


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy did."""

    name: str
    """The repository it was copied to."""
    descriptor: Descriptor
    manifests: int = 0
    """Manifests and indexes that were written; the others were there."""
    blobs: int = 0
    """Blobs that were moved."""
    moved: int = 0
    """Bytes of them."""
    mounted: int = 0
    """Blobs that the registry took from another of its repositories."""
    there: int = 0
    """Manifests and blobs that were there already."""
    tags: tuple[str, ...] = ()
    """Tags that were set, digest tags among them."""
    left_out: tuple[tuple[Descriptor, str], ...] = field(default=(), repr=False)
    """What is listed as belonging to the image and was not copied, with the reason."""
    doubt: ProvenanceError | None = field(default=None, compare=False)
    """Why more may refer to it: a web page or a redirect stood in the place of a list of
    referrers. Registries without the API that answer so do that always."""

    @property
    def complete(self) -> bool:
        """Whether every list of referrers that was asked for was one."""
        return self.doubt is None

    @property
    def digest(self) -> Digest:
        """Of the image, at either place."""
        return self.descriptor.digest

    @property
    def reference(self) -> Reference:
        """The copy: `repository@digest`."""
        return Reference.parse(f"{self.name}@{self.digest}")


def copy(
    source: Place,
    target: Place,
    *,
    referrers: bool = False,
    platform: str | Platform | None = None,
    registry: Registry | None = None,
    settings: Settings | None = None,
    limits: Limits | None = None,
    progress: Callable[[Transfer], None] | None = None,
) -> Copied:
    """Copy an image; every byte is checked on its way, and every digest stays what it was.

    Args:
        source: a reference in any of the forms of the documentation, a path, or an image.
        target: where to; with a tag, the tag is set when all else is there.
        referrers: copy also what refers to the image and to each manifest of an index, what
            refers to that, and digest tags (`sha256-<hex>.sig`, ...).
        platform: of an index, the image for this platform alone.
        registry: credentials and session to use; None: those of the environment.
        settings: how to fetch; `workers` blobs move at once.
        limits: caps on what is read.
        progress: told of each blob as it moves, from several threads.

    Raises:
        NotFound: no such image or platform, or the source lacks a part of it.
        ContentMismatch: something read is not what it was named, or the target names another
            digest; no tag is set then.
        UnsupportedFormat: the target cannot be written to.
        ProvenanceError: one of the two did not answer, or refused.
    """
    from_, to = _reference(source), _target(target)
    settings = settings or (registry.settings if registry else Settings.from_environment())
    limits = limits or (registry.limits if registry else Limits())
    with (
        _session(from_, to, registry, settings, limits) as session,
        connect(from_, registry=session, settings=settings, limits=limits) as origin,
        connect(to, registry=session, settings=settings, limits=limits) as place,
        Crew(settings.workers) as crew,
    ):
        root = _root(origin, from_, platform)
        if to.digest is not None and to.digest != root.digest:
            raise ContentMismatch(
                f"the image has the digest {root.digest}, the target names another",
                reference=str(to),
                digest=to.digest,
                hint="name the target by a tag, or by that digest",
            )
        return copy_between(
            *(origin, root, writable(place)),
            tag=to.tag,
            referrers=referrers,
            crew=crew,
            limits=limits,
            progress=progress,
        )


def _session(
    source: Reference,
    target: Reference,
    registry: Registry | None,
    settings: Settings,
    limits: Limits,
) -> AbstractContextManager[Registry | None]:
    """One session for both sides, where either is a registry: they share logins."""
    if registry is not None or "docker" not in {source.scheme, target.scheme}:
        return nullcontext(registry)
    from provenance.oci.registry import Registry as Session

    return Session(settings=settings, limits=limits)


def _reference(place: Place) -> Reference:
    if isinstance(place, (str, Path, Reference)):
        return Reference.parse(place)
    return place.reference


def _target(place: Place) -> Reference:
    """Where to; what is not there yet does not tell what kind of place it is to be."""
    try:
        return _reference(place)
    except InvalidReference as error:
        if str(place).startswith(("/", "./", "../")) or isinstance(place, Path):
            error.hint = "of a new place name the kind: oci:DIR:TAG or oci-archive:FILE:TAG"
        raise


def _root(origin: Repository, reference: Reference, platform: str | Platform | None) -> Descriptor:
    """What is to be copied, by digest."""
    root = origin.resolve(reference.digest or reference.tag or "")
    if platform is None:
        return Descriptor(root.media_type, root.digest, root.size)
    manifest = origin.manifest(root)
    if not isinstance(manifest, Index):
        return root
    chosen = choose(manifest, Platform.parse(platform), where=str(reference))
    return Descriptor(chosen.media_type, chosen.digest, chosen.size)


def copy_between(
    source: Repository,
    root: Descriptor,
    target: Writable,
    *,
    tag: str | None = None,
    referrers: bool = False,
    crew: Crew | None = None,
    limits: Limits | None = None,
    progress: Callable[[Transfer], None] | None = None,
) -> Copied:
    """`copy` between two repositories that are open, of the manifest that `root` describes."""
    crew, limits = crew or Crew(1), limits or Limits()
    arrival = _Arrival(target, root, tag)
    whole = survey(source, root, crew, limits, referrers=referrers, known=arrival.knows)
    missing = [m.manifest for m in whole.members.values() if m.manifest is not None]
    moved = move_blobs(source, target, missing, crew, progress)
    # With referrers the tag waits for them: who trusts the tag must find them.
    early = tag if not arrival.tagged and len(whole.members) == 1 else None
    written = _write(target, whole, crew, root.digest, early)
    tags = [*_tag_digests(target, whole, crew)]
    if tag is not None and not arrival.tagged:
        tags.append(tag)
        if early is None:
            _tag(target, root, whole.members[root.digest].manifest, tag)
    return Copied(
        target.name,
        root,
        manifests=written,
        blobs=moved.blobs,
        moved=moved.bytes,
        mounted=moved.mounted,
        there=moved.there + len(whole.members) - written,
        tags=tuple(tags),
        left_out=(*whole.left_out, *moved.left_out),
        doubt=whole.doubt,
    )


class _Arrival:
    """What is at the target already."""

    def __init__(self, target: Writable, root: Descriptor, tag: str | None) -> None:
        self._target, self._root = target, root
        self.tagged = tag is not None and self._points(tag)
        self._listed: dict[Digest, frozenset[Digest]] = {}
        self._lock = threading.Lock()

    def _points(self, tag: str) -> bool:
        try:
            if self._target.resolve(tag).digest != self._root.digest:
                return False
        except (NotFound, InvalidReference):  # a layout with no such name, or with many
            return False
        # A layout finds an image by less than its name, which must not stand in for a tag.
        exact = isinstance(self._target, Vouches)
        return exact or any(same_name(tag, name) for name in self._target.tags())

    def knows(self, member: Member) -> bool:
        """Whether it is there with its blobs, and where a list of referrers should, so listed."""
        descriptor = member.descriptor
        if not isinstance(self._target, Vouches):
            return False
        if any(descriptor.digest not in self._referrers(subject) for subject in member.claims):
            return False
        return self._target.vouches(descriptor)

    def _referrers(self, subject: Digest) -> frozenset[Digest]:
        with self._lock:
            known = self._listed.get(subject)
        if known is None:
            try:
                known = frozenset(d.digest for d in self._target.referrers(subject))
            except NotFound:  # a layout that is made by this copy
                known = frozenset()
            with self._lock:
                self._listed[subject] = known
        return known


def _write(target: Writable, whole: Survey, crew: Crew, root: Digest, tag: str | None) -> int:
    """Write the manifests that are missing, each after what it needs. Returns how many."""
    waiting = dict(whole.members)
    needs = {digest: member.needs for digest, member in waiting.items()}
    written = 0

    def write(members: list[Member]) -> None:
        crew.check()
        manifests = [m.manifest for m in members if m.manifest is not None]
        if len(members) > 1 and isinstance(target, Gathers):
            target.push_referrers(manifests)
            return
        for member, manifest in zip(members, manifests, strict=True):
            name = tag if member.descriptor.digest == root else None
            target.push_manifest(manifest, tag=name, nested=member.nested)

    while waiting:
        ready = [m for d, m in waiting.items() if not needs[d] & waiting.keys()]
        if not ready:
            raise MalformedDocument("manifests need one another in a circle", digest=root)
        missing = [m for m in ready if m.manifest is not None and not m.there]
        crew.each(write, _by_subject(missing))
        written += len(missing)
        for member in ready:
            del waiting[member.descriptor.digest]
    return written


def _by_subject(members: list[Member]) -> list[list[Member]]:
    """Referrers of one subject together, all others alone."""
    groups: dict[Digest, list[Member]] = {}
    for member in members:
        stated = member.manifest.subject if member.manifest is not None else None
        key = member.descriptor.digest if stated is None or member.nested else stated.digest
        groups.setdefault(key, []).append(member)
    return list(groups.values())


def _tag_digests(target: Writable, whole: Survey, crew: Crew) -> list[str]:
    """Set the digest tags that do not point there already. Returns those set."""

    def tag(item: tuple[str, Descriptor]) -> str:
        crew.check()
        name, descriptor = item
        try:
            if target.resolve(name).digest == descriptor.digest:
                return ""
        except NotFound:
            pass
        _tag(target, descriptor, whole.members[descriptor.digest].manifest, name)
        return name

    return [name for name in crew.each(tag, whole.tags.items()) if name]


def _tag(
    target: Writable, descriptor: Descriptor, manifest: Manifest | Index | None, tag: str
) -> None:
    if manifest is not None:
        target.push_manifest(manifest, tag=tag)
    else:
        target.tag(descriptor, tag)
