"""`Repository`: what a registry, a layout and an archive all are, and functions over any."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from provenance.digests import Digest, check_content
from provenance.errors import LimitExceeded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from provenance.digests import VerifiedReader
    from provenance.errors import ProvenanceError
    from provenance.oci.descriptor import Descriptor
    from provenance.oci.manifest import Index, Manifest
    from provenance.oci.sources import Content, Progress

__all__ = [
    "Claims",
    "Deletes",
    "Gathers",
    "Holds",
    "Lists",
    "Mirrored",
    "Mounts",
    "Referrers",
    "Repository",
    "Vouches",
    "Writable",
    "digest_tag",
    "may_be_of_type",
    "read_blob",
]


@dataclass(frozen=True, slots=True)
class Referrers:
    """All that refers to one subject, complete: an incomplete listing is an error instead."""

    descriptors: tuple[Descriptor, ...]
    scheme: str
    """How they were found: `api`, `fallback-tag` or `layout`."""
    doubt: ProvenanceError | None = field(default=None, compare=False)
    """Why there may be others all the same: a web page or a redirect answered in the place of the
    API. Registries without the API do that always, others while something is amiss."""

    def __iter__(self) -> Iterator[Descriptor]:
        return iter(self.descriptors)

    def __len__(self) -> int:
        return len(self.descriptors)


@runtime_checkable
class Repository(Protocol):
    """Manifests, tags and blobs of one repository, wherever it is."""

    @property
    def name(self) -> str:
        """What messages call it, e.g. `ghcr.io/org/app`."""
        ...

    def resolve(self, target: str | Digest, /) -> Descriptor:
        """The descriptor of a tag or digest. NotFound: it said no; other errors: nobody said."""
        ...

    def manifest(self, target: Descriptor | Digest | str, /) -> Manifest | Index:
        """The manifest, its bytes checked against the digest that named it."""
        ...

    def open(self, blob: Descriptor, /) -> AbstractContextManager[VerifiedReader]:
        """A stream that ends well only if digest and size agree; before that, a claim."""
        ...

    def referrers(self, subject: Digest, /, *, artifact_type: str = "") -> Referrers:
        """What refers to `subject`: every page, both schemes; raises rather than end early."""
        ...

    def tags(self) -> tuple[str, ...]:
        """Every tag, in the repository's order."""
        ...


@runtime_checkable
class Writable(Repository, Protocol):
    """A repository one may push to. Blobs before manifests before tags."""

    def push_blob(
        self, data: Content, descriptor: Descriptor, /, *, progress: Progress | None = None
    ) -> None:
        """Store a blob unless it is there. Raises ContentMismatch if `data` is not it."""
        ...

    def push_manifest(
        self, manifest: Manifest | Index, /, *, tag: str | None = None, nested: bool = False
    ) -> Descriptor:
        """Store a manifest, by digest or tag; one with a subject becomes its referrer.

        `nested`: an index that follows lists it, so that a layout need not.
        """
        ...

    def tag(self, target: Descriptor | Digest, tag: str, /) -> None:
        """Point `tag` at a manifest that is there."""
        ...


@runtime_checkable
class Holds(Protocol):
    """An ability: to say whether a blob is there without reading it."""

    def holds(self, blob: Descriptor, /) -> bool:
        """Whether a blob is there already."""
        ...


@runtime_checkable
class Claims(Protocol):
    """An ability: to name blobs by what is claimed of them, and to tell what they are instead.

    A claimed digest is as good as any to hold content to, which `open` does. It is no key to what
    is known of the digest: nothing but who wrote the claim says that these are the bytes.
    """

    def is_claimed(self, blob: Descriptor, /) -> bool:
        """Whether the digest is claimed: neither computed nor named by anything verified."""
        ...

    def open_claim(self, blob: Descriptor, /) -> AbstractContextManager[VerifiedReader]:
        """As `open`; but the content of a claimed blob may have another digest, `found` then."""
        ...


@runtime_checkable
class Lists(Protocol):
    """An ability: to show what its own index lists, with the annotations of each entry."""

    def entries(self) -> tuple[Descriptor, ...]:
        """The entries of `index.json`, as they stand there."""
        ...


@runtime_checkable
class Mounts(Protocol):
    """An ability: to take a blob from another repository without moving its bytes."""

    def mount(self, blob: Descriptor, source: Repository, /) -> bool:
        """Take `blob` from `source`; False: it cannot be had this way."""
        ...


@runtime_checkable
class Vouches(Protocol):
    """An ability: to say that a manifest is there together with the blobs it names."""

    def vouches(self, manifest: Descriptor, /) -> bool:
        """Whether a manifest is there, and so its config and layers; of an index, itself alone."""
        ...


@runtime_checkable
class Mirrored(Protocol):
    """An ability: to have mirrors, which list referrers too."""

    def referrers_of_mirrors(self, subject: Digest, /, *, artifact_type: str = "") -> Referrers:
        """What mirrors list, as far as they answer: never proof that there is nothing else."""
        ...


@runtime_checkable
class Gathers(Protocol):
    """An ability: to take several referrers of one subject with less work than one by one."""

    def push_referrers(self, manifests: Sequence[Manifest | Index], /) -> None:
        """Store manifests that all have the same subject."""
        ...


@runtime_checkable
class Deletes(Protocol):
    """An ability: to remove."""

    def delete(self, target: Digest | str, /) -> None:
        """Remove a manifest (by digest, with its place in a list of referrers), or a tag alone.

        Raises NotFound: it is not there. UnsupportedFormat: this place does not remove.
        """
        ...


def digest_tag(digest: Digest, suffix: str = "") -> str:
    """The tag named after a digest, `sha256-<hex>[.suffix]`.

    Without suffix the referrers tag of distribution-spec 1.1 (algorithm cut at 32, hash at 64
    characters), with one cosign's legacy tags (`sig`, `att`, `sbom`).
    """
    tag = f"{digest.algorithm[:32]}-{digest.hex[:64]}"
    return f"{tag}.{suffix}" if suffix else tag


def may_be_of_type(descriptor: Descriptor, artifact_type: str) -> bool:
    """Whether a listed referrer can be of this type.

    Older clients left the type out, or wrote that of an empty config (cosign #4641): only its
    manifest tells then, so it is kept.
    """
    listed = descriptor.artifact_type
    vague = not listed or listed.startswith(
        ("application/vnd.oci.empty", "application/vnd.oci.image.config")
    )
    return vague or listed == artifact_type


def read_blob(repository: Repository, descriptor: Descriptor, *, limit: int) -> bytes:
    """All of a small blob, verified. Content embedded in the descriptor is used when it verifies.

    Args:
        repository: where it is.
        descriptor: what it is.
        limit: most bytes to take.

    Raises:
        LimitExceeded: the descriptor says it is larger; nothing was read.
        ContentMismatch: it is not what the descriptor says.
    """
    if descriptor.size > limit:
        raise LimitExceeded(
            f"a blob of {descriptor.size} bytes is larger than the {limit} allowed here",
            reference=repository.name,
            digest=descriptor.digest,
        )
    if descriptor.data is not None:
        return check_content(
            descriptor.data, descriptor.digest, descriptor.size, where=repository.name
        )
    out = io.BytesIO()
    with repository.open(descriptor) as stream:
        while chunk := stream.read(1 << 20):
            out.write(chunk)
    return out.getvalue()
