"""`DockerArchiveRepository`: what `docker save` writes, as a repository.

Source: Docker image specification v1.2, "Combined Image JSON + Filesystem Changeset Format".
The archive has no manifest of a registry: one is made of what it does have, and no digest of it
means anything elsewhere.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from provenance.digests import Digest, VerifiedReader
from provenance.errors import (
    ContentMismatch,
    InvalidDigest,
    InvalidReference,
    LimitExceeded,
    MalformedDocument,
    NotFound,
)
from provenance.oci.descriptor import Descriptor
from provenance.oci.manifest import Index, Manifest
from provenance.oci.media_types import (
    DOCKER_CONFIG,
    DOCKER_LAYER,
    DOCKER_LAYER_GZIP,
    DOCKER_MANIFEST,
    LAYER_ZSTD,
)
from provenance.oci.members import Members
from provenance.oci.repository import Referrers
from provenance.settings import Limits
from provenance.strict_json import decode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

__all__ = ["DockerArchiveRepository"]

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


class DockerArchiveRepository:
    """A `docker save` tar, plain or gzipped. Implements `Repository`. Use it in a `with`."""

    def __init__(self, file: Path, *, limits: Limits | None = None) -> None:
        """Open `file`. Raises NotFound, MalformedDocument, LimitExceeded."""
        self.limits = limits or Limits()
        self.name = f"docker-archive:{file}"
        self._members = Members(file, self.name, self.limits)
        self._listed: list[dict[str, Any]] | None = None
        self._hashed: dict[str, tuple[Digest, int, bytes]] = {}
        self._places: dict[Digest, str] = {}
        self._made: dict[int, Manifest] = {}

    def resolve(self, target: str | Digest, /) -> Descriptor:
        """By tag (`app:1.0` or `1.0`), or the only image there is."""
        return self.manifest(target).descriptor

    def manifest(self, target: Descriptor | Digest | str, /) -> Manifest | Index:
        """The manifest made for an image of the archive."""
        if isinstance(target, (Descriptor, Digest)):
            wanted = target.digest if isinstance(target, Descriptor) else target
            for number in range(len(self._images())):
                if self._manifest(number).descriptor.digest == wanted:
                    return self._manifest(number)
            raise NotFound(f"{self.name} has no image {wanted}", reference=self.name)
        return self._manifest(self._choose(target))

    @contextmanager
    def open(self, blob: Descriptor, /) -> Iterator[VerifiedReader]:
        """A stream of a layer or config; checked against what was hashed when it was listed."""
        if blob.digest not in self._places:
            for number in range(len(self._images())):
                self._manifest(number)
        place = self._places.get(blob.digest)
        if place is None:
            raise NotFound(
                f"{self.name} has no blob {blob.digest}", reference=self.name, digest=blob.digest
            )
        with self._members.open(place) as file:
            yield VerifiedReader(file, blob.digest, blob.size, where=self.name)

    def referrers(self, subject: Digest, /, *, artifact_type: str = "") -> Referrers:
        """Nothing refers to anything here."""
        del subject, artifact_type
        return Referrers((), "layout")

    def tags(self) -> tuple[str, ...]:
        """Every name, `repository:tag`."""
        return tuple(t for image in self._images() for t in image["RepoTags"])

    def _choose(self, tag: str) -> int:
        images = self._images()
        if not tag and len(images) == 1:
            return 0
        found = [
            number
            for number, image in enumerate(images)
            if any(tag in {name, name.rpartition(":")[2]} for name in image["RepoTags"])
        ]
        if len(found) == 1:
            return found[0]
        names = ", ".join(self.tags()[:20]) or "none"
        if tag and not found:
            raise NotFound(f"{self.name} has no image {tag!r}", hint=f"names are {names}")
        raise InvalidReference(
            f"{self.name} holds {len(images)} images", hint=f"say which: names are {names}"
        )

    def _images(self) -> list[dict[str, Any]]:
        """`manifest.json`, read and checked once."""
        if self._listed is None:
            self._listed = self._read_images()
        return self._listed

    def _read_images(self) -> list[dict[str, Any]]:
        if "manifest.json" not in self._members:
            raise NotFound(
                f"{self.name} holds no image: there is no manifest.json",
                reference=self.name,
                hint="give what `docker save` wrote",
            )
        raw = self._members.read("manifest.json", self.limits.manifest_bytes)
        try:
            document = decode(raw)
        except MalformedDocument as error:
            error.message = f"manifest.json {error.message}"
            error.reference = self.name
            raise
        if not isinstance(document, list) or not document:
            raise MalformedDocument("manifest.json lists no image", reference=self.name)
        return [self._image(item, f"/{number}") for number, item in enumerate(document)]

    def _image(self, item: Any, pointer: str) -> dict[str, Any]:
        def bad(key: str) -> MalformedDocument:
            return MalformedDocument(
                f"{key} of manifest.json is not as it should be",
                pointer=f"{pointer}/{key}",
                reference=self.name,
            )

        if not isinstance(item, dict) or not isinstance(item.get("Config"), str):
            raise bad("Config")
        layers, tags = item.get("Layers"), item.get("RepoTags") or []
        if not isinstance(layers, list) or not all(isinstance(x, str) for x in layers):
            raise bad("Layers")
        if len(layers) > self.limits.layers:
            raise LimitExceeded(
                f"an image has {len(layers)} layers, more than {self.limits.layers}",
                reference=self.name,
                hint="raise Limits.layers if you trust it",
            )
        if not isinstance(tags, list) or not all(isinstance(t, str) for t in tags):
            raise bad("RepoTags")
        return {"Config": item["Config"], "Layers": layers, "RepoTags": tags}

    def _manifest(self, number: int) -> Manifest:
        if number not in self._made:
            image = self._images()[number]
            config = self._described(image["Config"], DOCKER_CONFIG)
            layers = [self._described(name, "") for name in image["Layers"]]
            self._made[number] = Manifest.build(config, layers, media_type=DOCKER_MANIFEST)
        return self._made[number]

    def _described(self, name: str, media_type: str) -> Descriptor:
        """A member by digest and size, its kind told by its first bytes where none is given."""
        if name not in self._hashed:  # many layers may name one file
            self._hashed[name] = self._hash(name)
        digest, size, head = self._hashed[name]
        if not media_type:
            media_type = DOCKER_LAYER_GZIP if head.startswith(_GZIP) else DOCKER_LAYER
            media_type = LAYER_ZSTD if head.startswith(_ZSTD) else media_type
        self._places[digest] = name
        return Descriptor(media_type, digest, size)

    def _hash(self, name: str) -> tuple[Digest, int, bytes]:
        import hashlib

        hashed, size, head = hashlib.sha256(), 0, b""
        with self._members.open(name) as file:
            while chunk := file.read(1 << 20):
                head = head or chunk[:4]
                hashed.update(chunk)
                size += len(chunk)
        digest = Digest(f"sha256:{hashed.hexdigest()}")
        # Docker 25 and later name a file by its digest, as a layout does: it must be so.
        stated = _stated(name)
        if stated is not None and stated != digest:
            raise ContentMismatch(
                f"content hashes to {digest}, not to its name",
                reference=self.name,
                digest=stated,
                hint="do not use it; the archive was altered or cut short",
            )
        return digest, size, head

    def close(self) -> None:
        """Close the file."""
        self._members.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _stated(name: str) -> Digest | None:
    """The digest that `blobs/sha256/<hex>` states; None for a name that states none."""
    prefix, _, text = name.removeprefix("./").rpartition("/")
    if prefix != "blobs/sha256":
        return None
    try:
        return Digest(f"sha256:{text}")
    except InvalidDigest:
        return None
