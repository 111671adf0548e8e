"""Copy one image from any repository to any that can be written to. Blobs before the manifest."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

from provenance.errors import UnsupportedFormat
from provenance.oci.manifest import Manifest

if TYPE_CHECKING:
    from typing import BinaryIO

    from provenance.oci.descriptor import Descriptor
    from provenance.oci.repository import Repository, Writable

__all__ = ["copy_image"]

_IN_MEMORY = 8 << 20


def copy_image(
    source: Repository, descriptor: Descriptor, target: Writable, *, tag: str | None = None
) -> Descriptor:
    """Copy the image that `descriptor` names. Every byte is checked on its way.

    Raises:
        UnsupportedFormat: it is an index; copy the images it lists.
        ContentMismatch: something read is not what it was named; nothing is tagged then.
    """
    manifest = source.manifest(descriptor)
    if not isinstance(manifest, Manifest):
        raise UnsupportedFormat(
            "an index is not copied as one", reference=source.name, hint="choose a platform"
        )
    for blob in (manifest.config, *manifest.layers):
        with (
            source.open(blob) as stream,
            tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as file,
        ):
            while chunk := stream.read(1 << 20):
                file.write(chunk)
            file.seek(0)
            target.push_blob(_binary(file), blob)
    return target.push_manifest(manifest, tag=tag)


def _binary(file: tempfile.SpooledTemporaryFile[bytes]) -> BinaryIO:
    """The same object under the type that has all its methods."""
    return file  # type: ignore[return-value,unused-ignore]
