"""`referrers` and `tree`: what lies beside an image, as listed. Nothing is verified."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from provenance.errors import LimitExceeded, NotFound
from provenance.evidence.placements import (
    LEGACY_SUFFIXES,
    Placement,
    Referrer,
    is_vague,
    listed_kind,
)
from provenance.image import resolve
from provenance.oci.repository import digest_tag
from provenance.settings import Limits

if TYPE_CHECKING:
    from provenance.digests import Digest
    from provenance.image import ImageLike
    from provenance.oci.reference import Reference
    from provenance.oci.registry import Registry
    from provenance.oci.repository import Repository
    from provenance.settings import Settings

__all__ = ["Node", "referrers", "tree"]

_DEPTH = 8


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
) -> tuple[Referrer, ...]:
    """Everything that refers to an image: every page, both schemes, and cosign's digest tags.

    Args:
        image: what to look beside.
        artifact_type: only this type; entries whose listed type says nothing are opened.
        platform: of an index.
        registry: session to use.
        settings: how to fetch.
        limits: caps on what is read.

    Raises:
        ProvenanceError: some placement did not answer: what else is there is not known.
    """
    found = resolve(image, platform=platform, registry=registry, settings=settings, limits=limits)
    if found.digest is None:
        return ()
    with found.repository() as repository:
        listed = _listed(repository, found.reference, found.digest)
    return tuple(
        r for r in listed if not artifact_type or r.descriptor.artifact_type == artifact_type
    )


def tree(
    image: ImageLike,
    *,
    platform: str | None = None,
    registry: Registry | None = None,
    settings: Settings | None = None,
    limits: Limits | None = None,
) -> tuple[Node, ...]:
    """`referrers`, and theirs in turn.

    Raises:
        LimitExceeded: more levels or referrers than an honest repository has.
        ProvenanceError: some placement did not answer.
    """
    found = resolve(image, platform=platform, registry=registry, settings=settings, limits=limits)
    if found.digest is None:
        return ()
    limits = limits or Limits()
    with found.repository() as repository:
        seen: set[Digest] = {found.digest}
        return _nodes(repository, found.reference, found.digest, seen, limits.referrers, _DEPTH)


def _nodes(
    repository: Repository,
    place: Reference,
    subject: Digest,
    seen: set[Digest],
    limit: int,
    depth: int,
) -> tuple[Node, ...]:
    nodes: list[Node] = []
    for referrer in _listed(repository, place, subject):
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
        nodes.append(Node(referrer, children))
    return tuple(nodes)


def _listed(repository: Repository, place: Reference, subject: Digest) -> list[Referrer]:
    out = []
    found = repository.referrers(subject)
    for descriptor in dict.fromkeys(found.descriptors):
        manifest = repository.manifest(descriptor) if is_vague(descriptor) else None
        kind = listed_kind(descriptor, manifest)
        where = place.with_digest(descriptor.digest)
        out.append(Referrer(descriptor, kind, Placement(found.scheme), where, subject))
    for suffix, kind in LEGACY_SUFFIXES.items():
        tag = digest_tag(subject, suffix)
        try:
            descriptor = repository.resolve(tag)
        except NotFound:
            continue
        where = place.with_digest(descriptor.digest)
        out.append(Referrer(descriptor, kind, Placement("tag", tag), where, subject))
    return out
