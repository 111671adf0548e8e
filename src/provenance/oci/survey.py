"""What belongs to an image: the manifests below it and, where asked, all that refers to it.

Nothing is moved here. Found by waves, each in parallel: an index leads to its manifests, a
manifest to its referrers, those to theirs; each once, however many lead there.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from provenance.errors import LimitExceeded, NotFound, UnsupportedFormat
from provenance.oci.descriptor import Descriptor
from provenance.oci.manifest import Index
from provenance.oci.media_types import INDEXES, MANIFESTS
from provenance.oci.repository import digest_tag

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from provenance.digests import Digest
    from provenance.errors import ProvenanceError
    from provenance.oci.crew import Crew
    from provenance.oci.manifest import Manifest
    from provenance.oci.repository import Repository
    from provenance.settings import Limits

__all__ = ["Member", "Survey", "survey"]

_DIGEST_TAG = re.compile(r"(sha(?:256|384|512)-[0-9a-f]{64})\.[A-Za-z0-9._-]{1,60}", re.ASCII)


@dataclass(slots=True)
class Member:
    """One manifest of the whole."""

    descriptor: Descriptor
    manifest: Manifest | Index | None = None
    """None: it was not read, as it and its parts are known to be there already."""
    there: bool = False
    """Whether it was said to be there; an index is read all the same, for its parts."""
    nested: bool = False
    """An index of the whole lists it."""
    pinned: bool = False
    """It is the root, or a digest tag names it."""
    claims: set[Digest] = field(default_factory=set)
    """Whose lists of referrers name it; of one of them at most it is a referrer."""
    asked: bool = False
    """Whether its own referrers were looked for."""

    @property
    def needs(self) -> set[Digest]:
        """What must be there before it, if it is to be: what it lists, and its subject.

        Only what its own bytes say, so that there can be no circle.
        """
        if self.manifest is None:
            return set()
        listed = self.manifest.manifests if isinstance(self.manifest, Index) else ()
        subject = () if self.manifest.subject is None else (self.manifest.subject,)
        return {descriptor.digest for descriptor in (*listed, *subject)}


@dataclass(slots=True)
class Survey:
    """The whole, in the order in which it was found."""

    members: dict[Digest, Member] = field(default_factory=dict)
    tags: dict[str, Descriptor] = field(default_factory=dict)
    """Digest tags (`sha256-<hex>.sig`, ...) with what they point at."""
    doubt: ProvenanceError | None = None
    """Why more may refer to it: something else stood in the place of a list of referrers."""
    left_out: list[tuple[Descriptor, str]] = field(default_factory=list)
    """What is listed as belonging to it and does not, with the reason."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one visit brought."""

    member: Member
    children: tuple[Descriptor, ...] = ()
    referrers: tuple[Descriptor, ...] = ()
    doubt: ProvenanceError | None = None


def survey(
    source: Repository,
    root: Descriptor,
    crew: Crew,
    limits: Limits,
    *,
    referrers: bool,
    known: Callable[[Member], bool],
) -> Survey:
    """Everything that belongs to `root`.

    Args:
        source: where it is.
        root: the image, an index or an artifact.
        crew: who looks.
        limits: `manifests` of the whole, `files_bytes` of them, and what each listing may hold.
        referrers: whether to look for what refers to each manifest, and for digest tags.
        known: whether a manifest is there already, where it is to go, with the blobs it names.

    Raises:
        NotFound: an index lists what is not there. LimitExceeded: more than
            `Limits.manifests`, or more bytes of them than `Limits.files_bytes`.
        ProvenanceError: some listing could not be read: nothing is complete.
    """
    found = Survey()
    tagged = _digest_tags(source) if referrers else {}

    weight = _Weight(source.name, limits.files_bytes)

    def visit(member: Member) -> _Seen:
        crew.check()
        seen = _visit(source, member, referrers=referrers, known=known)
        weight.add(seen.member)
        return seen

    wave = [Member(root, pinned=True)]
    strangers: dict[Digest, Descriptor] = {}
    while wave:
        for member in wave:
            found.members[member.descriptor.digest] = member
        if len(found.members) > limits.manifests:
            raise LimitExceeded(
                f"more than {limits.manifests} manifests belong to it",
                reference=source.name,
                digest=root.digest,
                hint="raise Limits.manifests if you trust it",
            )
        following: dict[Digest, Member] = {}
        for seen in crew.each(visit, wave):
            if _is_none(seen.member):
                descriptor = found.members.pop(seen.member.descriptor.digest).descriptor
                strangers[descriptor.digest] = descriptor
                continue
            _add(found, following, seen)
            found.doubt = found.doubt or seen.doubt
            tags = tagged.get(digest_tag(seen.member.descriptor.digest), ())
            _add_tags(source, found, following, tags)
        wave = list(following.values())
    found.left_out += [
        (descriptor, "its subject is another")
        for digest, descriptor in strangers.items()
        if digest not in found.members
    ]
    return found


class _Weight:
    """The bytes of the manifests that are held until they are written. For threads."""

    def __init__(self, name: str, most: int) -> None:
        self._name, self._most = name, most
        self._seen: dict[Digest, int] = {}
        self._sum = 0
        self._lock = threading.Lock()

    def add(self, member: Member) -> None:
        """Count it once. Raises LimitExceeded."""
        size = len(member.manifest.raw) if member.manifest is not None else 0
        digest = member.descriptor.digest
        with self._lock:
            self._sum += size - self._seen.get(digest, 0)
            self._seen[digest] = size
            if self._sum > self._most:
                raise LimitExceeded(
                    f"the manifests that belong to it have more than {self._most} bytes",
                    reference=self._name,
                    digest=digest,
                    hint="raise Limits.files_bytes if you trust it",
                )


def _visit(
    source: Repository,
    member: Member,
    *,
    referrers: bool,
    known: Callable[[Member], bool],
) -> _Seen:
    descriptor = member.descriptor
    children: tuple[Descriptor, ...] = ()
    member.there = known(member)
    if member.manifest is None and (not member.there or descriptor.media_type in INDEXES):
        member.manifest = source.manifest(descriptor)
        if isinstance(member.manifest, Index):
            children = member.manifest.manifests
    if not referrers or member.asked:
        return _Seen(member, children)
    member.asked = True
    listed = source.referrers(descriptor.digest)
    return _Seen(member, children, listed.descriptors, listed.doubt)


def _is_none(member: Member) -> bool:
    """Whether it was only claimed to be a referrer: a fallback index can list anything."""
    if member.pinned or member.nested or member.manifest is None:
        return False
    stated = member.manifest.subject
    return stated is None or stated.digest not in member.claims


def _add(found: Survey, following: dict[Digest, Member], seen: _Seen) -> None:
    parent = seen.member
    for child in seen.children:
        if child.media_type not in MANIFESTS | INDEXES:
            raise UnsupportedFormat(
                f"the index lists a {child.media_type}, which is no manifest",
                digest=parent.descriptor.digest,
            )
        member = found.members.get(child.digest) or following.get(child.digest)
        if member is None:
            member = following[child.digest] = Member(_bare(child))
        member.nested = True
    for referrer in seen.referrers:
        member = found.members.get(referrer.digest) or following.get(referrer.digest)
        if member is None:
            member = following[referrer.digest] = Member(_bare(referrer))
        if parent.descriptor.digest not in member.claims:
            member.claims.add(parent.descriptor.digest)
            if member.there:  # but perhaps not listed there
                following[referrer.digest] = member


def _add_tags(
    source: Repository, found: Survey, following: dict[Digest, Member], tags: Sequence[str]
) -> None:
    """What the digest tags of one manifest point at, each pinned now."""
    for tag in tags:
        descriptor = source.resolve(tag)
        found.tags[tag] = descriptor
        member = found.members.get(descriptor.digest) or following.get(descriptor.digest)
        if member is None:
            member = following[descriptor.digest] = Member(_bare(descriptor))
        member.pinned = True


def _digest_tags(source: Repository) -> dict[str, list[str]]:
    """The tags named after a digest, by the part before the suffix.

    The one without a suffix is the list of referrers, which is read as such.
    """
    out: dict[str, list[str]] = {}
    try:
        tags = source.tags()
    except NotFound:
        return out
    for tag in tags:
        if match := _DIGEST_TAG.fullmatch(tag):
            out.setdefault(match[1], []).append(tag)
    return out


def _bare(descriptor: Descriptor) -> Descriptor:
    """What names the content, without what a list says about it."""
    return Descriptor(descriptor.media_type, descriptor.digest, descriptor.size)
