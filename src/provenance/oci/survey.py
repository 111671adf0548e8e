"""What belongs to an image: the manifests below it and, where asked, all that refers to it.

Nothing is moved here. Found by waves, each in parallel: an index leads to its manifests, a
manifest to its referrers, those to theirs; each once, however many lead there.
"""

from __future__ import annotations

import re
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
    needs: set[Digest] = field(default_factory=set)
    """What must be there before it: the manifests an index lists, a referrer's subject."""
    subject: Digest | None = None
    """What it was listed as a referrer of."""


@dataclass(slots=True)
class Survey:
    """The whole, in the order in which it was found."""

    members: dict[Digest, Member] = field(default_factory=dict)
    tags: dict[str, Descriptor] = field(default_factory=dict)
    """Digest tags (`sha256-<hex>.sig`, ...) with what they point at."""
    left_out: list[tuple[Descriptor, str]] = field(default_factory=list)
    """What is listed as belonging to it and does not, with the reason."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one visit brought."""

    member: Member
    children: tuple[Descriptor, ...] = ()
    referrers: tuple[Descriptor, ...] = ()


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
        limits: `manifests` of the whole, and what each listing may hold.
        referrers: whether to look for what refers to each manifest, and for digest tags.
        known: whether a manifest is there already, where it is to go, with the blobs it names.

    Raises:
        NotFound: an index lists what is not there. LimitExceeded: more than `Limits.manifests`.
        ProvenanceError: some listing could not be read: nothing is complete.
    """
    found = Survey()
    tagged = _digest_tags(source) if referrers else {}

    def visit(member: Member) -> _Seen:
        crew.check()
        return _visit(source, member, referrers=referrers, known=known)

    wave = [Member(root)]
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
                del found.members[seen.member.descriptor.digest]
                found.left_out.append((seen.member.descriptor, "its subject is another"))
                continue
            _add(found, following, seen)
            tags = tagged.get(digest_tag(seen.member.descriptor.digest), ())
            _add_tags(source, found, following, tags)
        wave = list(following.values())
    return found


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
    if not member.there or descriptor.media_type in INDEXES:
        member.manifest = source.manifest(descriptor)
        if isinstance(member.manifest, Index):
            children = member.manifest.manifests
    listed = source.referrers(descriptor.digest).descriptors if referrers else ()
    return _Seen(member, children, listed)


def _is_none(member: Member) -> bool:
    """Whether it was only claimed to be a referrer: a fallback index can list anything."""
    if member.subject is None or member.manifest is None:
        return False
    stated = member.manifest.subject
    if stated is not None and stated.digest == member.subject:
        return False
    member.needs.discard(member.subject)
    return not member.nested


def _add(found: Survey, following: dict[Digest, Member], seen: _Seen) -> None:
    parent = seen.member
    for child in seen.children:
        if child.media_type not in MANIFESTS | INDEXES:
            raise UnsupportedFormat(
                f"the index lists a {child.media_type}, which is no manifest",
                digest=parent.descriptor.digest,
            )
        parent.needs.add(child.digest)
        member = found.members.get(child.digest) or following.get(child.digest)
        if member is None:
            member = following[child.digest] = Member(_bare(child))
        member.nested = True
    for referrer in seen.referrers:
        member = found.members.get(referrer.digest) or following.get(referrer.digest)
        if member is None:
            member = Member(_bare(referrer), subject=parent.descriptor.digest)
            following[referrer.digest] = member
        if member.subject == parent.descriptor.digest:  # else it cannot be this one's too
            member.needs.add(parent.descriptor.digest)


def _add_tags(
    source: Repository, found: Survey, following: dict[Digest, Member], tags: Sequence[str]
) -> None:
    """What the digest tags of one manifest point at, each pinned now."""
    for tag in tags:
        descriptor = source.resolve(tag)
        found.tags[tag] = descriptor
        if descriptor.digest not in found.members:
            following.setdefault(descriptor.digest, Member(_bare(descriptor)))


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
