"""`attach`: files and folders beside an image, as plain OCI referrers. Unsigned.

Packed as ORAS does: one layer a file with its title; a folder as a tar, marked to be unpacked.
"""

from __future__ import annotations

import mimetypes
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from provenance.errors import LimitExceeded, MalformedDocument
from provenance.evidence.storing import store_artifact
from provenance.image import resolve
from provenance.oci.media_types import is_media_type
from provenance.oci.oras.names import CONTENT, TITLE, UNPACK
from provenance.oci.oras.packing import pack, title_of
from provenance.settings import Limits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provenance.evidence.storing import Stored
    from provenance.image import ImageLike
    from provenance.oci.registry import Registry
    from provenance.settings import Settings

__all__ = ["CONTENT", "TITLE", "UNPACK", "attach"]

_OCTETS = "application/octet-stream"
_TYPES = {".sarif": "application/sarif+json", ".json": "application/json", ".md": "text/markdown"}


def attach(
    image: ImageLike,
    *paths: str | Path,
    artifact_type: str,
    annotations: Mapping[str, str] | None = None,
    media_type: str | None = None,
    platform: str | None = None,
    registry: Registry | None = None,
    settings: Settings | None = None,
    limits: Limits | None = None,
) -> Stored:
    """Store files or folders as one referrer of an image. The same content is the same referrer.

    A folder keeps the names and rights of its files and folders; owners and times are left out.
    Nothing is sent before all of them could be read.

    Args:
        image: what it is about.
        paths: files and folders; their names become the layers' titles.
        artifact_type: the media type of the whole, e.g. `application/sarif+json`.
        annotations: of the manifest.
        media_type: of each file; None: by its ending.
        platform: of an index.
        registry: session to use.
        settings: how to fetch.
        limits: `pull_bytes` caps it all, as it does for whoever pulls it.

    Raises:
        NotFound: no such file, or it cannot be read.
        MalformedDocument: no path, two of the same name, a name that could not be pulled, or no
            media type.
        UnsupportedFormat: a link or device in a folder.
        LimitExceeded: too large.
        ProvenanceError: the registry refused or did not answer.
    """
    limits = limits or Limits()
    for text in (artifact_type, media_type):
        if text is not None and not is_media_type(text):
            raise MalformedDocument(
                f"{text[:300]!r} is no media type",
                hint="write it as type/subtype, e.g. application/sarif+json",
            )
    if not paths:
        raise MalformedDocument("there is nothing to attach", hint="name a file or folder")
    named = [(Path(path), title_of(Path(path))) for path in paths]
    if len({name for _, name in named}) != len(named):
        raise MalformedDocument(
            "two of the files have the same name", hint="rename one, or attach them one by one"
        )
    with ExitStack() as stack:
        packed = [
            pack(
                path,
                stack,
                title=name,
                media_type=media_type or _guess(path),
                limit=limits.pull_bytes,
            )
            for path, name in named
        ]
        if sum(layer.descriptor.size for layer in packed) > limits.pull_bytes:
            raise LimitExceeded(
                f"the files have more than {limits.pull_bytes} bytes",
                hint="raise Limits.pull_bytes, here and where they are pulled",
            )
        found = resolve(
            image, platform=platform, registry=registry, settings=settings, limits=limits
        )
        return store_artifact(
            found,
            [(layer.descriptor, layer.file) for layer in packed],
            artifact_type=artifact_type,
            annotations=dict(annotations or {}),
        )


def _guess(path: Path) -> str:
    return _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or _OCTETS
