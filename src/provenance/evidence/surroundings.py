"""`referrers` and `tree`: what lies beside an image, as listed. Nothing is verified."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeVar

from provenance.errors import LimitExceeded, NotFound
from provenance.evidence.placements import (
    LEGACY_SUFFIXES,
    Placement,
    Referrer,
    is_vague,
    listed_kind,
    true_type,
)
from provenance.image import resolve
from provenance.oci.repository import digest_tag
from provenance.settings import Limits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from provenance.digests import Digest
    from provenance.errors import ProvenanceError
    from provenance.image import ImageLike
    from provenance.oci.descriptor import Descriptor
    from provenance.oci.manifest import Index, Manifest
    from provenance.oci.reference import Reference
    from provenance.oci.registry import Registry
    from provenance.oci.repository import Repository
    from provenance.settings import Settings

__all__ = ["Listing", "Node", "referrers", "tree"]

_DEPTH = 8

T = TypeVar("T")


class Listing(tuple[T, ...]):  # noqa: SLOT001 - a tuple's own slots hold no attribute
    """What was found, as a tuple that knows whether there may be more."""

    doubt: ProvenanceError | None
    """Why there may be more: a web page or a redirect stood in the place of a list of referrers."""

    def __new__(cls, found: Iterable[T] = (), doubt: ProvenanceError | None = None) -> Self:
        """Of what was found."""
        made = super().__new__(cls, found)
        made.doubt = doubt
        return made

    @property
    def complete(self) -> bool:
        """Whether every list was one. If not, what is missing here is not absent."""
        return self.doubt is None

    def sure(self) -> Self:
        """Itself, unless it is empty and in doubt: that is not "none". Raises the doubt then."""
        if self.doubt is not None and not self:
            raise self.doubt
        return self


@dataclass(frozen=True, slots=True)
class Node:
    """A referrer, and what refers to it in turn."""

    referrer: Referrer
    children: tuple[Node, ...] = ()


def referrers(
    image: ImageLike,
    *,
    artifact_type: str = "",
    platform: str | None = None,
    registry: Registry | None = None,
    settings: Settings | None = None,
    limits: Limits | None = None,
) -> Listing[Referrer]:
    """Everything that refers to an image: every page, both schemes, and cosign's digest tags.

    Args:
        image: what to look beside.
        artifact_type: only this type; where the listed one says nothing, the manifest's counts.
        platform: of an index.
        registry: session to use.
        settings: how to fetch.
        limits: caps on what is read.

    Returns:
        A tuple; not `complete` where a registry answers its API with a redirect or web page, as
        some without an API always do.

    Raises:
        ProvenanceError: some placement did not answer, or nothing was found where the API was
            answered so: what is there is not known.
    """
    found = resolve(image, platform=platform, registry=registry, settings=settings, limits=limits)
    if found.digest is None:
        return Listing()
    with found.repository() as repository:
        listed = _listed(repository, found.reference, found.digest)
    asked = (r for r in listed if not artifact_type or r.artifact_type == artifact_type)
    return Listing(asked, listed.doubt).sure()


def tree(
    image: ImageLike,
    *,
    platform: str | None = None,
    registry: Registry | None = None,
    settings: Settings | None = None,
    limits: Limits | None = None,
) -> Listing[Node]:
    """`referrers`, and theirs in turn; `complete` as there.

    Raises:
        LimitExceeded: more levels or referrers than an honest repository has.
        ProvenanceError: as of `referrers`.
    """
    found = resolve(image, platform=platform, registry=registry, settings=settings, limits=limits)
    if found.digest is None:
        return Listing()
    limits = limits or Limits()
    with found.repository() as repository:
        seen: set[Digest] = {found.digest}
        nodes = _nodes(repository, found.reference, found.digest, seen, limits.referrers, _DEPTH)
    return nodes.sure()


def _nodes(
    repository: Repository,
    place: Reference,
    subject: Digest,
    seen: set[Digest],
    limit: int,
    depth: int,
) -> Listing[Node]:
    nodes: list[Node] = []
    listed = _listed(repository, place, subject)
    doubt = listed.doubt
    for referrer in listed:
        digest = referrer.descriptor.digest
        if digest in seen:  # a cycle, or the same thing by two placements (CVE-2026-55588)
            continue
        seen.add(digest)
        if len(seen) > limit or depth == 0:
            raise LimitExceeded(
                f"more than {limit} referrers, or more than {_DEPTH} levels of them",
                reference=str(place),
                hint="raise Limits.referrers if you trust the repository",
            )
        children = _nodes(repository, place, digest, seen, limit, depth - 1)
        doubt = doubt or children.doubt
        nodes.append(Node(referrer, children))
    return Listing(nodes, doubt)


def _listed(repository: Repository, place: Reference, subject: Digest) -> Listing[Referrer]:
    out = []
    found = repository.referrers(subject)
    for descriptor in dict.fromkeys(found.descriptors):
        manifest = _opened(repository, descriptor) if is_vague(descriptor) else None
        kind = listed_kind(descriptor, manifest)
        its_type = descriptor.artifact_type if manifest is None else true_type(manifest)
        where = place.with_digest(descriptor.digest)
        out.append(Referrer(descriptor, kind, Placement(found.scheme), where, subject, its_type))
    for suffix, kind in LEGACY_SUFFIXES.items():
        tag = digest_tag(subject, suffix)
        try:
            descriptor = repository.resolve(tag)
        except NotFound:
            continue
        where = place.with_digest(descriptor.digest)
        out.append(Referrer(descriptor, kind, Placement("tag", tag), where, subject))
    return Listing(out, found.doubt)


def _opened(repository: Repository, listed: Descriptor) -> Manifest | Index | None:
    """The manifest of what is listed; None: a fallback index may list what was deleted since."""
    try:
        return repository.manifest(listed)
    except NotFound:
        return None
