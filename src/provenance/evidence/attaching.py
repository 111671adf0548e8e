"""`attach`: files and folders beside an image, as plain OCI referrers. Unsigned.

Packed as ORAS does: one layer a file with its title; a folder as a tar, marked to be unpacked.
"""

from __future__ import annotations

import gzip
import io
import mimetypes
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

from provenance.digests import Digest
from provenance.errors import LimitExceeded, MalformedDocument, NotFound
from provenance.evidence.storing import Stored, store_artifact
from provenance.image import resolve
from provenance.oci.descriptor import Descriptor
from provenance.oci.media_types import LAYER_GZIP
from provenance.settings import Limits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provenance.image import ImageLike
    from provenance.oci.registry import Registry
    from provenance.settings import Settings

__all__ = ["CONTENT", "TITLE", "UNPACK", "attach"]

TITLE = "org.opencontainers.image.title"
UNPACK = "io.deis.oras.content.unpack"
CONTENT = "io.deis.oras.content.digest"
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

    Args:
        image: what it is about.
        paths: files and folders; their names become the layers' titles.
        artifact_type: the media type of the whole, e.g. `application/sarif+json`.
        annotations: of the manifest.
        media_type: of each file; None: by its ending.
        platform: of an index.
        registry: session to use.
        settings: how to fetch.
        limits: `file_bytes` caps each file.

    Raises:
        NotFound: no such file. LimitExceeded: one is too large.
        MalformedDocument: no path, or two of the same name.
        ProvenanceError: the registry refused or did not answer.
    """
    limits = limits or Limits()
    if not paths:
        raise MalformedDocument("there is nothing to attach", hint="name a file or folder")
    packed = [_pack(Path(path), media_type, limits) for path in paths]
    names = [descriptor.annotations[TITLE] for descriptor, _ in packed]
    if len(set(names)) != len(names):
        raise MalformedDocument(
            "two of the files have the same name", hint="rename one, or attach them one by one"
        )
    found = resolve(image, platform=platform, registry=registry, settings=settings, limits=limits)
    return store_artifact(
        found, packed, artifact_type=artifact_type, annotations=dict(annotations or {})
    )


def _pack(path: Path, media_type: str | None, limits: Limits) -> tuple[Descriptor, bytes]:
    name = path.resolve().name
    if path.is_dir():
        plain = _tar(path, limits.files_bytes)
        # Without a time stamp, so that the same folder is the same layer.
        data = gzip.compress(plain, mtime=0)
        annotations = {TITLE: name, UNPACK: "true", CONTENT: str(Digest.of(plain))}
        return Descriptor.of(data, LAYER_GZIP, annotations=annotations), data
    data = _read(path, limits.file_bytes)
    guessed = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or _OCTETS
    return Descriptor.of(data, media_type or guessed, annotations={TITLE: name}), data


def _tar(folder: Path, limit: int) -> bytes:
    """A tar of regular files and folders below `folder`, named after it, the same every time."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in [folder, *sorted(folder.rglob("*"))]:
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                continue
            member = tarfile.TarInfo(str(Path(folder.resolve().name) / path.relative_to(folder)))
            member.mode = 0o755 if path.is_dir() else 0o644
            if path.is_dir():
                member.type = tarfile.DIRTYPE
                archive.addfile(member)
                continue
            data = _read(path, limit - out.tell())
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        end = out.tell()
    # Two empty blocks and no more: ORAS hashes what a tar reader reads, which ends there.
    return out.getvalue()[:end] + bytes(1024)


def _read(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(max(limit, 0) + 1)
    except OSError as error:
        raise NotFound(
            f"{path} cannot be read ({error.strerror})", hint="check the path"
        ) from error
    if len(data) > limit:
        raise LimitExceeded(
            f"{path} is larger than {limit} bytes", hint="raise Limits.file_bytes or files_bytes"
        )
    return data
