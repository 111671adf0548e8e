"""The half of oras-py's client that reads: manifests, tags, blobs, and whole artifacts."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import oras.container
import oras.provider

from provenance.digests import Digest
from provenance.errors import UnsupportedFormat
from provenance.oci.manifest import Manifest
from provenance.oci.media_types import INDEXES, MANIFESTS
from provenance.oci.oras.answers import speaking_oras
from provenance.oci.oras.folder import write_whole
from provenance.oci.oras.requesting import Requesting
from provenance.oci.oras.unpacking import write_layers
from provenance.strict_json import decode_object

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from provenance.oci.descriptor import Descriptor
    from provenance.oci.manifest import Index
    from provenance.oci.oras.answers import OrasResponse
    from provenance.oci.registry import Registry

__all__ = ["Reading", "target_of"]

_CHUNK = 1 << 20
_REMEMBERED = 1000
_EMPTY = Digest.of(b"")


class Reading(Requesting):
    """See `OrasClient`."""

    def __init__(self, registry: Registry, hostname: str | None = None) -> None:
        """Read through `registry`."""
        super().__init__(registry, hostname)
        self.retold: dict[Digest, Descriptor] = {}
        """What the digest that `Subject.from_manifest` computes is really of."""

    @speaking_oras
    def get_manifest(
        self,
        container: str | oras.container.Container,
        allowed_media_type: Sequence[str] | None = None,
        validation_schema: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """A manifest or index, its bytes checked against the digest that named it.

        Raises UnsupportedFormat if it is of a type that is not allowed.
        """
        found = self._manifest(self.get_container(container), allowed_media_type)
        document = decode_object(found.raw)
        # What `Subject.from_manifest` will make of it: the digest of other bytes.
        self.retold[Digest.of(json.dumps(document).encode())] = found.descriptor
        while len(self.retold) > _REMEMBERED:
            self.retold.pop(next(iter(self.retold)))
        if validation_schema:
            oras.provider.jsonschema.validate(document, schema=validation_schema)
        return document

    def _manifest(
        self, container: oras.container.Container, allowed: Sequence[str] | None
    ) -> Manifest | Index:
        found = self.repository(container).manifest(target_of(container))
        wanted = set(allowed or ()) & (MANIFESTS | INDEXES)
        if wanted and found.descriptor.media_type not in wanted:
            raise UnsupportedFormat(
                f"it is a {found.descriptor.media_type}, which was not asked for",
                reference=str(container),
            )
        return found

    @speaking_oras
    def get_tags(
        self,
        container: str | oras.container.Container,
        N: int | None = None,  # noqa: N803 - oras-py's name
    ) -> list[str]:
        """Every tag, or the first `N`; every page was read."""
        return list(self.repository(self.get_container(container)).tags())[:N]

    @speaking_oras
    def get_blob(
        self,
        container: str | oras.container.Container,
        digest: str,
        stream: bool = False,  # noqa: FBT001, FBT002 - oras-py's signature, here and below
        head: bool = False,  # noqa: FBT001, FBT002
    ) -> OrasResponse:
        """A blob's response; reading it to its end verifies it. Any status comes back."""
        url = f"{self.prefix}://{self.get_container(container).get_blob_url(Digest(digest))}"
        method = "HEAD" if head else "GET"
        return self.do_request(url, method, headers=self.headers, stream=stream)

    @speaking_oras
    def download_blob(
        self, container: str | oras.container.Container, digest: str, outfile: str
    ) -> str:
        """Write a blob to a file, which is there only once it is verified."""
        path = Path(outfile)
        if path.exists() and not path.is_file():
            raise UnsupportedFormat(f"{path} is no file to be replaced")
        path.parent.mkdir(parents=True, exist_ok=True)
        if digest == _EMPTY:  # not every registry keeps it
            with write_whole(path):
                return outfile
        with self.get_blob(container, digest, stream=True) as response:
            self._check_200_response(response)
            with write_whole(path) as file:
                for chunk in response.iter_content(_CHUNK):
                    file.write(chunk)
        return outfile

    @speaking_oras
    def pull(
        self,
        target: str | oras.container.Container,
        config_path: str | None = None,
        allowed_media_type: Sequence[str] | None = None,
        overwrite: bool = True,  # noqa: FBT001, FBT002
        outdir: str | None = None,
    ) -> list[str]:
        """Write an artifact's files and folders below `outdir`, and nothing outside of it.

        As `provenance.pull`: verified, resumable, without links and devices. A folder is what
        ORAS marks as one, and what only has the media type that oras-py gives folders.

        Args:
            target: where it is.
            config_path: a file with credentials, in Docker's format.
            allowed_media_type: of the manifest.
            overwrite: replace files that have other content; else they are an error.
            outdir: None: a new folder for temporary files.

        Returns:
            Of each layer the path of its file or folder.
        """
        container = self.get_container(target)
        self.auth.load_configs(container, [config_path] if config_path else None)
        found = self._manifest(container, allowed_media_type)
        if not isinstance(found, Manifest):
            raise UnsupportedFormat(
                "an index has no files of its own",
                reference=str(container),
                hint="name one of its manifests",
            )
        written = write_layers(
            self.repository(container),
            found.layers,
            Path(outdir or tempfile.mkdtemp(prefix="oras-")).resolve(),
            limits=self.registry.limits,
            where=str(container),
            unnamed=lambda layer: f"{layer.digest.algorithm}-{layer.digest.hex}",
            overwrite=overwrite,
            tarballs=True,
        )
        return [str(layer.path) for layer in written]


def target_of(container: oras.container.Container) -> Digest | str:
    """What to ask its repository for."""
    return Digest(container.digest) if container.digest else str(container.tag)
