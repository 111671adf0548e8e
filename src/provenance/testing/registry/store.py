"""What the registry holds: plain dicts per repository, which tests can edit as an attacker."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tempfile
import threading
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from provenance.digests import Digest

if TYPE_CHECKING:
    from provenance.testing.registry.messages import Readable

__all__ = ["Store", "StoredManifest", "Upload"]

_CHUNK = 1 << 20


@dataclass(frozen=True)
class StoredManifest:
    """A manifest's bytes and the media type it is served with."""

    data: bytes
    media_type: str

    @cached_property
    def document(self) -> dict[str, Any]:
        """The parsed JSON object; empty for bytes that are none."""
        try:
            document = json.loads(self.data)
        except (ValueError, RecursionError):
            return {}
        return cast("dict[str, Any]", document) if isinstance(document, dict) else {}

    @property
    def subject(self) -> str:
        """The digest this manifest refers to, empty if none."""
        subject = self.document.get("subject")
        return str(subject.get("digest", "")) if isinstance(subject, dict) else ""

    def referrer(self, digest: str) -> dict[str, Any]:
        """The descriptor that a referrers listing has for it (distribution-spec 1.1)."""
        document = self.document
        descriptor: dict[str, Any] = {
            "mediaType": self.media_type,
            "digest": digest,
            "size": len(self.data),
        }
        config = document.get("config")
        fallback = config.get("mediaType") if isinstance(config, dict) else None
        if kind := document.get("artifactType") or fallback:
            descriptor["artifactType"] = kind
        if annotations := document.get("annotations"):
            descriptor["annotations"] = annotations
        return descriptor


@dataclass
class Upload:
    """A blob on its way in."""

    repository: str
    file: BinaryIO
    path: Path | None
    """None: in memory."""
    size: int = 0
    ended: bool = False
    """A chunk came that only the last one may be as short as."""

    def append(self, body: Readable) -> None:
        """Add everything that `body` has."""
        while chunk := body.read(_CHUNK):
            self.file.write(chunk)
            self.size += len(chunk)

    def digest(self, algorithm: str) -> str:
        """Hash what came in so far."""
        self.file.seek(0)
        hashed = hashlib.new(algorithm)
        while chunk := self.file.read(_CHUNK):
            hashed.update(chunk)
        return f"{algorithm}:{hashed.hexdigest()}"


@dataclass
class Store:
    """Blobs, manifests and tags by repository; uploads under way by id."""

    directory: Path | None = None
    """Where uploaded blobs go; None keeps them in memory."""
    blobs: defaultdict[str, dict[str, bytes | Path]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    manifests: defaultdict[str, dict[str, StoredManifest]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    tags: defaultdict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    uploads: dict[str, Upload] = field(default_factory=dict)
    unlisted: dict[tuple[str, str], int] = field(default_factory=dict)
    """Repository and digest of a referrer, to the lists that do not have it yet."""
    lock: threading.RLock = field(default_factory=threading.RLock)

    def __contains__(self, repository: str) -> bool:
        return any(repository in held for held in (self.blobs, self.manifests, self.tags))

    def begin_upload(self, repository: str) -> str:
        """A new upload's id."""
        name = str(uuid.uuid4())
        if self.directory is None:
            self.uploads[name] = Upload(repository, io.BytesIO(), None)
        else:
            self.directory.mkdir(parents=True, exist_ok=True)
            handle, path = tempfile.mkstemp(prefix="upload-", dir=self.directory)
            self.uploads[name] = Upload(repository, open(handle, "w+b"), Path(path))  # noqa: SIM115, PTH123
        return name

    def finish_upload(self, name: str, digest: str) -> None:
        """Turn an upload into a blob of its repository. The caller has checked the digest."""
        upload = self.uploads.pop(name)
        if upload.path is None:
            self.blobs[upload.repository][digest] = cast("io.BytesIO", upload.file).getvalue()
        else:
            target = upload.path.with_name(digest.replace(":", "-"))
            upload.file.flush()
            shutil.move(upload.path, target)
            self.blobs[upload.repository][digest] = target
        upload.file.close()

    def drop_upload(self, name: str) -> None:
        """Forget an upload and its bytes."""
        if upload := self.uploads.pop(name, None):
            upload.file.close()
            if upload.path is not None:
                upload.path.unlink(missing_ok=True)

    def put_manifest(
        self, repository: str, manifest: StoredManifest, *, tags: tuple[str, ...], digest: str = ""
    ) -> Digest:
        """Store under `digest`, or under the true sha256, without looking inside."""
        name = Digest(digest) if digest else Digest.of(manifest.data)
        with self.lock:
            self.manifests[repository][name] = manifest
            for tag in tags:
                self.tags[repository][tag] = name
        return name

    def find_manifest(self, repository: str, reference: str) -> tuple[str, StoredManifest] | None:
        """A manifest by tag or digest, with the digest it is stored under."""
        with self.lock:
            digest = (
                reference if ":" in reference else self.tags.get(repository, {}).get(reference, "")
            )
            found = self.manifests.get(repository, {}).get(digest)
        return None if found is None else (digest, found)

    def referrers(self, repository: str, subject: str) -> list[dict[str, Any]]:
        """Descriptors of every manifest that names `subject`, oldest first."""
        with self.lock:
            held = self.manifests.get(repository, {}).items()
            found = {digest: m for digest, m in held if m.subject == subject}
            for digest in [d for d in found if self.unlisted.get((repository, d))]:
                self.unlisted[repository, digest] -= 1
                del found[digest]
        return [manifest.referrer(digest) for digest, manifest in found.items()]

    def close(self) -> None:
        """Drop uploads that never ended."""
        for name in list(self.uploads):
            self.drop_upload(name)
