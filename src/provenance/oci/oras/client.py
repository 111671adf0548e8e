"""`OrasClient`: oras-py's client, for code that already speaks it, over our transport.

oras-py returns altered content without a word, unpacks with `extractall` and sends credentials to
foreign hosts. Here every method that sends ends in `do_request`, which is ours, or in a repository
of ours; push and pull pack and unpack as `attach` and `pull` do.
"""

from __future__ import annotations

import copy
import json
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import oras.container
import oras.defaults
import oras.oci
import oras.utils

from provenance.digests import Digest
from provenance.errors import (
    ContentMismatch,
    LimitExceeded,
    MalformedDocument,
    NotFound,
    UnsupportedFormat,
)
from provenance.oci.descriptor import Descriptor
from provenance.oci.manifest import Manifest, parse_manifest
from provenance.oci.oras.answers import made_up, speaking_oras
from provenance.oci.oras.names import TITLE
from provenance.oci.oras.packing import pack, title_of
from provenance.oci.oras.reading import Reading, target_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import requests

    from provenance.oci.manifest import Index
    from provenance.oci.oras.packing import Packed
    from provenance.oci.registry_repository import RegistryRepository

__all__ = ["OrasClient"]


class OrasClient(Reading):
    """An `oras.client.OrasClient` of a `Registry`, from `Registry.as_oras_client()`.

    It lives as long as the registry is open. Where oras-py raises ValueError, it raises our
    errors, which are a ValueError too; ContentMismatch is none, so that nobody goes on after it.
    """

    def __repr__(self) -> str:
        return f"OrasClient({self.registry!r})"

    @speaking_oras
    def push(
        self,
        target: str | oras.container.Container,
        config_path: str | None = None,
        disable_path_validation: bool = False,  # noqa: FBT001, FBT002
        files: Sequence[str | Path] | None = None,
        manifest_config: str | None = None,
        annotation_file: str | None = None,
        manifest_annotations: Mapping[str, str] | None = None,
        subject: Any = None,
        do_chunked: bool = False,  # noqa: FBT001, FBT002
        chunk_size: int = oras.defaults.default_chunksize,
        quiet: bool = False,  # noqa: FBT001, FBT002
    ) -> requests.Response:
        """Push files and folders as one artifact; nothing is sent before all could be read.

        Folders are marked to be unpacked, so that the `oras` program does. A subject's manifest
        is read again from the registry, so that what is written is its digest and size.

        Args:
            target: where to; with a tag.
            config_path: a file with credentials, in Docker's format.
            disable_path_validation: take files outside the working directory too.
            files: `path` or `path:media-type`.
            manifest_config: `path:media-type` of a config; None: an empty one.
            annotation_file: JSON with annotations by file, `$manifest` and `$config`.
            manifest_annotations: of the manifest; before those of the file.
            subject: an `oras.oci.Subject`, or a name, of a manifest in the same repository.
            do_chunked: send blobs in parts.
            chunk_size: bytes of a part.
            quiet: nothing is said anyway.
        """
        del quiet
        container = self.get_container(target)
        self.auth.load_configs(container, [config_path] if config_path else None)
        annotations = oras.oci.Annotations(annotation_file)
        repository = self._writer(container, chunk_size if do_chunked else 0)
        about = None if subject is None else self._subject(subject, repository)
        with ExitStack() as stack:
            packed = self._pack(files or (), annotations, stack, anywhere=disable_path_validation)
            config, config_data = self._config(manifest_config, annotations)
            said = {**annotations.get_annotations("$manifest"), **(manifest_annotations or {})}
            manifest = Manifest.build(
                config, [p.descriptor for p in packed], subject=about, annotations=said
            )
            for layer in packed:
                repository.push_blob(layer.file, layer.descriptor)
            repository.push_blob(config_data, config)
        return self._push_manifest(manifest, container)

    def _pack(
        self, files: Sequence[str | Path], annotations: Any, stack: ExitStack, *, anywhere: bool
    ) -> list[Packed]:
        limit = self.registry.limits.pull_bytes
        out: dict[str, Packed] = {}
        for name in files:
            split = oras.utils.split_path_and_content(str(name))
            path, media_type = Path(split.path), split.content
            if not anywhere and not path.resolve().is_relative_to(Path.cwd()):
                raise MalformedDocument(
                    f"{path} is not below the working directory",
                    hint="say disable_path_validation if it is meant",
                )
            more = annotations.get_annotations(split.path)
            title = more.get(TITLE) or title_of(path)
            if title in out:
                raise MalformedDocument(f"two of the files have the name {title!r}")
            made = pack(
                path,
                stack,
                title=title,
                media_type=media_type or oras.defaults.default_blob_media_type,
                limit=limit,
            )
            kind = media_type or made.descriptor.media_type
            labels = {**made.descriptor.annotations, **more}
            descriptor = replace(made.descriptor, media_type=kind, annotations=labels)
            out[title] = replace(made, descriptor=descriptor)
        if sum(made.descriptor.size for made in out.values()) > limit:
            raise LimitExceeded(
                f"the files have more than {limit} bytes", hint="raise Limits.pull_bytes"
            )
        return list(out.values())

    def _config(self, named: str | None, annotations: Any) -> tuple[Descriptor, bytes]:
        data, kind = b"{}", oras.defaults.unknown_config_media_type
        if named:
            ref, kind = self._parse_manifest_ref(named)
            if Path(ref).exists():  # oras-py takes what is not there for an empty one
                data = Path(ref).read_bytes()
        return Descriptor.of(data, kind, annotations=annotations.get_annotations("$config")), data

    def _subject(self, subject: Any, repository: RegistryRepository) -> Descriptor:
        """What a subject is, as the registry has it."""
        if not hasattr(subject, "digest") or hasattr(subject, "manifest_url"):
            container = self.get_container(subject)
            if self.reference(container).name != repository.name:
                raise UnsupportedFormat(
                    "a subject must be in the repository that is pushed to",
                    reference=str(container),
                )
            return repository.manifest(target_of(container)).descriptor
        digest = Digest(subject.digest)
        try:
            return repository.manifest(digest).descriptor
        except NotFound as error:
            # Made by `Subject.from_manifest`, which hashes JSON that it wrote anew.
            known = self.retold.get(digest)
            if known is None:
                error.hint = "name the subject by its tag or digest: subject='host/name:tag'"
                raise
            return repository.manifest(known).descriptor

    @speaking_oras
    def upload_manifest(
        self, manifest: dict[str, Any], container: str | oras.container.Container
    ) -> requests.Response:
        """Push a manifest, by tag or digest; one with a subject becomes its referrer."""
        raw = json.dumps(manifest, allow_nan=False).encode()
        kind = manifest.get("mediaType") or oras.defaults.default_manifest_media_type
        return self._push_manifest(
            parse_manifest(raw, kind, limits=self.registry.limits), self.get_container(container)
        )

    def _push_manifest(
        self, manifest: Manifest | Index, container: oras.container.Container
    ) -> requests.Response:
        digest = manifest.descriptor.digest
        if container.digest and container.digest != digest:
            raise ContentMismatch(
                f"the manifest hashes to {digest}", digest=container.digest, hint="name a tag"
            )
        repository = self.repository(container)
        repository.push_manifest(manifest, tag=None if container.digest else container.tag)
        url = f"{self.prefix}://{container.manifest_url(digest)}"
        return made_up(201, url, {"Docker-Content-Digest": str(digest), "Location": url})

    @speaking_oras
    def upload_blob(
        self,
        blob: str,
        container: str | oras.container.Container,
        layer: Mapping[str, Any],
        do_chunked: bool = False,  # noqa: FBT001, FBT002
        chunk_size: int = oras.defaults.default_chunksize,
    ) -> requests.Response:
        """Push a file unless it is there. Raises ContentMismatch if it is not what `layer` says."""
        descriptor = Descriptor.from_json(layer)
        place = self.get_container(container)
        with Path(blob).open("rb") as file:
            self._writer(place, chunk_size if do_chunked else 0).push_blob(file, descriptor)
        url = f"{self.prefix}://{place.get_blob_url(descriptor.digest)}"
        named = {"Docker-Content-Digest": str(descriptor.digest), "Location": url}
        return made_up(201, url, named)

    def put_upload(
        self, blob: str, container: str | oras.container.Container, layer: Mapping[str, Any]
    ) -> requests.Response:
        """`upload_blob` in one piece."""
        return self.upload_blob(blob, container, layer)

    def chunked_upload(
        self,
        blob: str,
        container: str | oras.container.Container,
        layer: Mapping[str, Any],
        chunk_size: int = oras.defaults.default_chunksize,
    ) -> requests.Response:
        """`upload_blob` in parts."""
        return self.upload_blob(blob, container, layer, do_chunked=True, chunk_size=chunk_size)

    @speaking_oras
    def blob_exists(
        self, layer: Mapping[str, Any], container: str | oras.container.Container
    ) -> bool:
        """Whether a blob is there. Raises where the registry did not say."""
        return self.repository(self.get_container(container)).holds(Descriptor.from_json(layer))

    @speaking_oras
    def delete_tag(self, container: str | oras.container.Container, tag: str) -> bool:
        """Remove a tag alone (a digest: the manifest with all its tags); False: it is not there."""
        try:
            self.repository(self.get_container(container)).delete(tag)
        except NotFound:
            return False
        return True

    def _writer(self, container: oras.container.Container, chunk: int) -> RegistryRepository:
        repository = self.repository(container)
        if not chunk:
            return repository
        session = copy.copy(repository.registry)
        session.client = repository.registry.client
        session.authenticator = repository.registry.authenticator
        session.settings = replace(session.settings, upload_chunk=chunk)
        return session.repository(repository.reference)
