"""What a `LocalRegistry` holds, for tests to fill and edit: without requests, and unchecked."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from provenance.digests import Digest
from provenance.testing.registry.store import Store, StoredManifest

if TYPE_CHECKING:
    from collections import defaultdict

    from provenance.testing.images import BuiltImage

__all__ = ["Holdings"]


class Holdings:
    """The store of a registry. Mixed into `LocalRegistry`."""

    def __init__(self, directory: Path | None) -> None:
        """Hold nothing; uploaded blobs will go to `directory`, or stay in memory."""
        self.store = Store(directory)

    @property
    def blobs(self) -> defaultdict[str, dict[str, bytes | Path]]:
        """Repository to digest to content (bytes, or the file that holds them)."""
        return self.store.blobs

    @property
    def manifests(self) -> defaultdict[str, dict[str, StoredManifest]]:
        """Repository to digest to manifest."""
        return self.store.manifests

    @property
    def tags(self) -> defaultdict[str, dict[str, str]]:
        """Repository to tag to digest."""
        return self.store.tags

    def put_blob(self, repository: str, data: bytes, *, digest: str = "") -> Digest:
        """Store bytes, under their sha256 unless the test wants another name for them."""
        name = Digest(digest) if digest else Digest.of(data)
        self.blobs[repository][name] = data
        return name

    def put_blob_file(self, repository: str, path: Path | str, *, digest: str = "") -> Digest:
        """Serve a file as a blob, from where it is: for layers that memory should not hold."""
        source = Path(path)
        if not digest:
            with source.open("rb") as file:
                digest = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
        self.blobs[repository][Digest(digest)] = source
        return Digest(digest)

    def put_manifest(
        self,
        repository: str,
        data: bytes,
        *,
        media_type: str = "application/vnd.oci.image.manifest.v1+json",
        tag: str | None = None,
        digest: str = "",
    ) -> Digest:
        """Store a manifest without any check, under its sha256 or the `digest` given."""
        manifest = StoredManifest(data, media_type)
        tags = (tag,) if tag is not None else ()
        return self.store.put_manifest(repository, manifest, tags=tags, digest=digest)

    def put_image(self, name: str, image: BuiltImage) -> Digest:
        """Store an image that `ImageBuilder` built, as `app:1.0` or, without a tag, `app`."""
        repository, _, tag = name.partition(":")
        for digest, data in image.blobs.items():
            self.put_blob(repository, data, digest=digest)
        found = image.manifest
        return self.put_manifest(
            repository, found.raw, media_type=found.descriptor.media_type, tag=tag or None
        )
