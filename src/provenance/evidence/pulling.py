"""`pull`: the files of a referrer into a folder, and nowhere else.

Names come from whoever pushed the artifact: each must be a plain name below the folder, nothing
is overwritten unasked, links and devices are not made (CVE-2026-50163 and kin).
"""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import re
import tarfile
import tempfile
import zlib
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from provenance.attestation.bundle import is_bundle_media_type
from provenance.errors import (
    LimitExceeded,
    MalformedDocument,
    RegistryUnavailable,
    UnsupportedFormat,
)
from provenance.evidence.attaching import TITLE, UNPACK
from provenance.oci.connect import connect
from provenance.oci.manifest import Manifest
from provenance.oci.reference import Reference
from provenance.settings import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.evidence.placements import Referrer
    from provenance.evidence.storing import Stored
    from provenance.image import Image
    from provenance.oci.descriptor import Descriptor
    from provenance.oci.registry import Registry
    from provenance.oci.repository import Repository
    from provenance.settings import Settings

__all__ = ["pull"]

_PLAIN = re.compile(r"[^\x00-\x1f\x7f\\:]+")


def pull(
    what: str | Reference | Referrer | Stored | Image,
    folder: str | Path,
    *,
    overwrite: bool = False,
    registry: Registry | None = None,
    settings: Settings | None = None,
    limits: Limits | None = None,
) -> tuple[Path, ...]:
    """Write the files of an artifact below `folder`, which is made if it is not there.

    Args:
        what: a referrer, what `attach`, `sign` or `attest` returned, or a reference.
        folder: where to.
        overwrite: replace files that are there.
        registry: session to use.
        settings: how to fetch.
        limits: `pull_bytes` caps it all.

    Returns:
        The paths that were written.

    Raises:
        UnsupportedFormat: it is an index or an image, not an artifact.
        MalformedDocument: a name that leads out of the folder; nothing was written for it.
        LimitExceeded: larger than allowed.
        ContentMismatch: altered content; no file of it is left.
        RegistryUnavailable: no answer, or the folder cannot be written to.
    """
    limits = limits or Limits()
    reference = Reference.parse(what) if isinstance(what, str) else what
    if not isinstance(reference, Reference):
        reference = reference.reference
    root = Path(folder)
    with connect(reference, registry=registry, settings=settings, limits=limits) as repository:
        manifest = repository.manifest(reference.digest or reference.tag or "")
        if not isinstance(manifest, Manifest):
            raise UnsupportedFormat(
                "an index has no files of its own",
                reference=str(reference),
                hint="name one of its manifests",
            )
        if sum(layer.size for layer in manifest.layers) > limits.pull_bytes:
            raise LimitExceeded(
                f"its files have more than {limits.pull_bytes} bytes",
                reference=str(reference),
                hint="raise Limits.pull_bytes",
            )
        names = [_name(layer, reference) for layer in manifest.layers]
        written: list[Path] = []
        with _writing(root, reference):
            root.mkdir(parents=True, exist_ok=True)
            for layer, name in zip(manifest.layers, names, strict=True):
                if layer.annotations.get(UNPACK) == "true":
                    written += _unpack(repository, layer, root, limits, overwrite=overwrite)
                else:
                    target = _target(root, name, reference, overwrite=overwrite)
                    _write(repository, layer, target)
                    written.append(target)
    return tuple(written)


@contextlib.contextmanager
def _writing(root: Path, reference: Reference) -> Iterator[None]:
    """A disk that is full, a name too long for it, a file where a folder is to be."""
    try:
        yield
    except OSError as error:
        raise RegistryUnavailable(
            f"a file cannot be written below {root} ({error.strerror or type(error).__name__})",
            reference=str(reference),
            hint="check that it is a folder, its permissions and the space left",
        ) from error


def _name(layer: Descriptor, reference: Reference) -> str:
    """The layer's title, or a name made of its digest where it has none."""
    title = layer.annotations.get(TITLE)
    if title is None:
        ending = ".sigstore.json" if is_bundle_media_type(layer.media_type) else ".blob"
        return f"{layer.digest.algorithm}-{layer.digest.hex}{ending}"
    return _checked_name(title, str(reference))


def _checked_name(name: str, where: str) -> str:
    parts = PurePosixPath(name).parts
    if (
        not parts
        or name.startswith("/")
        or any(p in {"..", "."} or not _PLAIN.fullmatch(p) for p in parts)
    ):
        raise MalformedDocument(
            f"the name {name[:100]!r} leads out of the folder",
            reference=where,
            hint="nothing was written for it; the artifact may be an attack",
        )
    return str(PurePosixPath(*parts))


def _target(root: Path, name: str, reference: Reference | str, *, overwrite: bool) -> Path:
    """A path below `root` with no link on the way to it."""
    target = root.joinpath(*PurePosixPath(name).parts)
    for parent in [target, *target.parents]:
        if parent == root:
            break
        if parent.is_symlink():
            raise MalformedDocument(
                f"{parent} is a link, which is not written through", reference=str(reference)
            )
    if target.exists() and not overwrite:
        raise MalformedDocument(
            f"{target} is there already", reference=str(reference), hint="say overwrite"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def _write(repository: Repository, layer: Descriptor, target: Path) -> None:
    """Stream a blob to a temporary file and give it its name once it is verified."""
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".pull-")
    try:
        with os.fdopen(handle, "wb") as file, repository.open(layer) as stream:
            while chunk := stream.read(1 << 20):
                file.write(chunk)
        Path(temporary).replace(target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            Path(temporary).unlink()


def _unpack(
    repository: Repository, layer: Descriptor, root: Path, limits: Limits, *, overwrite: bool
) -> list[Path]:
    """Unpack a folder that ORAS packed: regular files and folders alone."""
    if layer.size > limits.files_bytes:
        raise LimitExceeded(
            f"the folder has {layer.size} bytes, more than {limits.files_bytes}",
            digest=layer.digest,
            hint="raise Limits.files_bytes",
        )
    with repository.open(layer) as stream:
        packed = stream.read()
    written = []
    try:
        plain = _inflate(packed, limits.files_bytes, layer)
        # "r:", as tarfile would inflate what is still packed, without a limit.
        with tarfile.open(fileobj=io.BytesIO(plain), mode="r:") as archive:
            for count, member in enumerate(archive):
                if count > limits.entries:
                    raise LimitExceeded("the folder has too many entries", digest=layer.digest)
                name = _checked_name(member.name, str(layer.digest))
                # Sparse: a few bytes may state a file of petabytes.
                if member.issparse() or not (member.isreg() or member.isdir()):
                    raise MalformedDocument(
                        f"{name} is a link, device or sparse file, which is not made",
                        digest=layer.digest,
                    )
                if member.isdir():
                    continue
                source = archive.extractfile(member)
                if source is None:
                    continue
                target = _target(root, name, layer.digest, overwrite=overwrite)
                _write_whole(target, source.read())
                written.append(target)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise MalformedDocument(
            f"the folder cannot be unpacked ({type(error).__name__})", digest=layer.digest
        ) from error
    return written


def _inflate(packed: bytes, limit: int, layer: Descriptor) -> bytes:
    if not packed.startswith(b"\x1f\x8b"):
        return packed
    with gzip.open(io.BytesIO(packed)) as stream:
        plain = stream.read(limit + 1)
    if len(plain) > limit:
        raise LimitExceeded(f"the folder unpacks to more than {limit} bytes", digest=layer.digest)
    return plain


def _write_whole(target: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".pull-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).replace(target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            Path(temporary).unlink()
