"""`DaemonRepository`: the images of one name in a Docker daemon, saved and loaded as archives.

What is read is saved once, to a file without a name, and read as any docker archive is. What is
pushed is loaded, all at once, when the `with` ends without an exception.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from provenance.closing import Closing
from provenance.digests import Digest
from provenance.errors import (
    LimitExceeded,
    NotFound,
    ProvenanceError,
    RegistryUnavailable,
    UnsupportedFormat,
)
from provenance.oci.docker_archive import DockerArchiveRepository
from provenance.oci.docker_engine import DockerEngine
from provenance.oci.docker_listing import full_name, same_name
from provenance.oci.members import Members
from provenance.oci.whole import temporary_space
from provenance.settings import Limits, Settings

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from provenance.digests import VerifiedReader
    from provenance.oci.descriptor import Descriptor
    from provenance.oci.manifest import Index, Manifest
    from provenance.oci.reference import Reference
    from provenance.oci.repository import Referrers
    from provenance.oci.sources import Content, Progress

__all__ = ["DaemonRepository"]


class DaemonRepository(Closing):
    """One repository of a daemon. Implements `Writable` and `Claims`. Use it in a `with`.

    No socket is opened before it is needed, and none to a network but where `DOCKER_HOST` says so.
    """

    def __init__(
        self,
        reference: Reference,
        *,
        settings: Settings | None = None,
        limits: Limits | None = None,
    ) -> None:
        """The repository that `reference` is in. Raises UnsupportedFormat: see `DockerEngine`."""
        self.reference = reference
        self.limits = limits or Limits()
        self._engine = DockerEngine(
            settings or Settings.from_environment(), error_bytes=self.limits.error_bytes
        )
        self._saved: dict[str, DockerArchiveRepository] = {}
        self._draft = DockerArchiveRepository(None, limits=self.limits, name=self.name)

    @property
    def name(self) -> str:
        """`docker-daemon:REPOSITORY`."""
        return self.reference.name

    def resolve(self, target: str | Digest, /) -> Descriptor:
        """By tag, or by the digest of the one that the reference names."""
        found = self.manifest(target).descriptor
        return type(found)(found.media_type, found.digest, found.size)

    def manifest(self, target: Descriptor | Digest | str, /) -> Manifest | Index:
        """The manifest in what the daemon saves, or the one made of it."""
        if isinstance(target, str) and not isinstance(target, Digest):
            return (self._save(self._tagged(target)) if target else self._named()).manifest("")
        return self._of(target).manifest(target)

    def open(self, blob: Descriptor, /) -> AbstractContextManager[VerifiedReader]:
        """A stream of a layer or config, held to its digest."""
        return self._of(blob).open(blob)

    def is_claimed(self, blob: Descriptor, /) -> bool:
        """Whether it is a layer that only its image's config gives this digest."""
        return self._of(blob).is_claimed(blob)

    def open_claim(self, blob: Descriptor, /) -> AbstractContextManager[VerifiedReader]:
        """As `open`; a layer that is not what the config claims is told by `found`."""
        return self._of(blob).open_claim(blob)

    def referrers(self, subject: Digest, /, *, artifact_type: str = "") -> Referrers:
        """What refers to `subject` in what the daemon saves."""
        return self._named().referrers(subject, artifact_type=artifact_type)

    def tags(self) -> tuple[str, ...]:
        """Every tag of this repository."""
        name = self._tagged("x").removesuffix(":x")
        filters = json.dumps({"reference": [name]})
        listed = self._engine.json(
            "/images/json", query={"filters": filters}, limit=self.limits.document_bytes
        )
        names = _repo_tags(listed)
        if names is None:
            raise RegistryUnavailable("the Docker daemon lists no images", reference=self.name)
        tags = [
            t.rpartition(":")[2] for t in names if same_name(t, f"{name}:{t.rpartition(':')[2]}")
        ]
        return tuple(dict.fromkeys(tags))

    def push_blob(
        self, data: Content, descriptor: Descriptor, /, *, progress: Progress | None = None
    ) -> None:
        """Keep a blob, to be loaded at the end. Raises ContentMismatch."""
        self._draft.push_blob(data, descriptor, progress=progress)

    def push_manifest(
        self, manifest: Manifest | Index, /, *, tag: str | None = None, nested: bool = False
    ) -> Descriptor:
        """Keep an image, to be loaded at the end. Raises as a docker archive does."""
        name = self._tagged(tag) if tag else None
        return self._draft.push_manifest(manifest, tag=name, nested=nested)

    def tag(self, target: Descriptor | Digest, tag: str, /) -> None:
        """Give the image that was pushed, or that the reference names, another tag."""
        if self._draft.is_written:
            self._draft.tag(target, self._tagged(tag))
            return
        self.manifest(target)
        digest = target if isinstance(target, Digest) else target.digest
        name = next(n for n, archive in self._saved.items() if archive.has(digest))
        query = {"repo": self._tagged(tag).removesuffix(f":{tag}"), "tag": tag}
        with self._engine.ask("POST", f"/images/{name}/tag", query=query):
            pass

    def delete(self, target: Digest | str, /) -> None:
        """UnsupportedFormat: to remove the last name of an image is to remove the image."""
        raise UnsupportedFormat(
            f"nothing is removed from a Docker daemon ({target})",
            reference=self.name,
            hint="use docker rmi",
        )

    def close(self) -> None:
        """Load what was pushed. Raises RegistryUnavailable: it was not loaded."""
        try:
            if self._draft.is_written:
                self._load()
        finally:
            self.abandon()

    def __repr__(self) -> str:
        return f"DaemonRepository({self.name!r})"

    def _named(self) -> DockerArchiveRepository:
        """What the reference names. A daemon knows no made digest: each tag is looked at then."""
        if self.reference.tag is not None or self.reference.digest is None:
            return self._save(self._tagged(self.reference.tag or "latest"))
        for tag in self.tags():
            archive = self._save(self._tagged(tag))
            if archive.has(self.reference.digest):
                return archive
        raise NotFound(
            "the Docker daemon has no image of this digest under that name",
            reference=str(self.reference),
            hint="name it by its tag",
        )

    def _tagged(self, tag: str) -> str:
        return full_name(self.reference.with_tag(tag))

    def _of(self, target: Descriptor | Digest) -> DockerArchiveRepository:
        """What holds a manifest or blob: what was pushed, was saved already, or is saved now."""
        digest = target if isinstance(target, Digest) else target.digest
        for archive in (self._draft, *self._saved.values()):
            if archive.has(digest):
                return archive
        return self._named()

    def _save(self, name: str) -> DockerArchiveRepository:
        if name not in self._saved:
            try:
                # Asked first, as a daemon may find out only while it answers.
                self._engine.json(f"/images/{name}/json", limit=self.limits.document_bytes)
                members = Members(self._fetch(name), self.name, self.limits)
            except ProvenanceError as error:
                error.reference = error.reference or f"docker-daemon:{name}"
                raise
            self._saved[name] = DockerArchiveRepository(members, limits=self.limits, name=self.name)
        return self._saved[name]

    def _fetch(self, name: str) -> BinaryIO:
        with temporary_space(self.name):
            file = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115 - closed by Members
        seen = 0
        try:
            with self._engine.ask("GET", f"/images/{name}/get", slow=True) as response:
                while chunk := response.read(1 << 20):
                    seen += len(chunk)
                    if seen > self.limits.pull_bytes:
                        raise LimitExceeded(
                            f"the image is saved as more than {self.limits.pull_bytes} bytes",
                            reference=self.name,
                            hint="raise Limits.pull_bytes if you trust it",
                        )
                    with temporary_space(self.name):
                        file.write(chunk)
            with temporary_space(self.name):
                file.flush()
        except BaseException:
            with contextlib.suppress(OSError):
                file.close()
            raise
        return file

    def _load(self) -> None:
        with temporary_space(self.name), tempfile.TemporaryFile() as file:
            out = cast("BinaryIO", file)
            self._draft.write(out)
            out.flush()
            with self._engine.ask("POST", "/images/load", body=out, slow=True) as response:
                said = response.read(self.limits.error_bytes)
        for line in said.splitlines():  # an error may come after the 200
            if problem := _problem(line):
                raise RegistryUnavailable(
                    f"the Docker daemon did not load the image: {problem[:200]!r}",
                    reference=self.name,
                    hint="see its log",
                )

    def abandon(self) -> None:
        """Load nothing, and let go of what was exported."""
        self._draft.abandon()
        for archive in self._saved.values():
            archive.abandon()
        self._saved.clear()


def _repo_tags(listed: Any) -> list[str] | None:
    """The names in what `/images/json` answers; None: it is no list of images."""
    found: list[str] = []
    for image in listed if isinstance(listed, list) else [None]:
        tags = image.get("RepoTags") or [] if isinstance(image, dict) else None
        if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
            return None
        found += tags
    return found


def _problem(line: bytes) -> str:
    try:
        said: Any = json.loads(line)
    except (ValueError, RecursionError):
        return ""
    return str(said["error"]) if isinstance(said, dict) and said.get("error") else ""
