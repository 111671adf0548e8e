"""The layers of an artifact into a folder: files by their titles, folders unpacked.

Plan: 1 every title is looked at before anything is fetched; 2 a file is fetched, unless it is
there, and gets its name when it is proven; 3 a packed folder is fetched to a temporary file and
proven, read through once, so that one bad entry is known before anything of it is written, and
only then unpacked. Links and devices are not made (CVE-2026-50163, CVE-2026-85731 and kin).
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from provenance.digests import Digest
from provenance.errors import (
    InvalidDigest,
    LimitExceeded,
    MalformedDocument,
    ProvenanceError,
)
from provenance.oci.media_types import EMPTY_JSON, LAYER_GZIP
from provenance.oci.oras.folder import Folder
from provenance.oci.oras.names import CONTENT, TITLE, UNPACK, Steps, check_name
from provenance.oci.oras.tarball import Tarball

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from provenance.oci.descriptor import Descriptor
    from provenance.oci.oras.tarball import Member
    from provenance.oci.repository import Repository
    from provenance.settings import Limits

__all__ = ["Written", "write_layers"]

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Written:
    """What one layer became."""

    path: Path
    """The file, or the folder."""
    files: tuple[Path, ...]
    """Every file of it; those that were there already too."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to become of a layer, or of the entries of a folder."""

    layer: Descriptor
    steps: Steps
    unpack: bool
    base: Steps
    """What the names in a packed folder begin below."""


@dataclass(slots=True)
class _Survey:
    """What a first pass over a folder found."""

    modes: dict[Steps, int] = field(default_factory=dict)
    """Of its folders."""
    kept: set[Steps] = field(default_factory=set)
    """Files that are there already."""
    size: int = 0


def write_layers(
    repository: Repository,
    layers: Sequence[Descriptor],
    root: Path,
    *,
    limits: Limits,
    where: str,
    unnamed: Callable[[Descriptor], str],
    overwrite: bool = False,
    tarballs: bool = False,
) -> list[Written]:
    """Write `layers` below `root`.

    Args:
        repository: where they are.
        layers: of one artifact.
        root: the folder, made where it is not there.
        limits: `pull_bytes` caps all bytes, packed or not; `entries` those of each folder.
        where: the artifact's reference, for messages.
        unnamed: the name of a layer without a title.
        overwrite: replace files that have other content.
        tarballs: unpack what only its media type says is a folder, as oras-py packs them.

    Raises:
        MalformedDocument: a name that leads out, two of one name, a link or device, no tar, or
            other content where a file is to be written.
        LimitExceeded: more than allowed.
        ContentMismatch: altered content; nothing of it is left.
        RegistryUnavailable: no answer, or the folder cannot be written to.
    """
    plans = _plans(layers, where, unnamed, tarballs=tarballs)
    if sum(plan.layer.size for plan in plans) > limits.pull_bytes:
        raise LimitExceeded(
            f"its files have more than {limits.pull_bytes} bytes",
            reference=where,
            hint="raise Limits.pull_bytes",
        )
    folder = Folder(root, overwrite=overwrite, where=where)
    written: list[Written] = []
    left = limits.pull_bytes
    with folder.writing():
        folder.make((), {})
        for plan in plans:
            if plan.unpack:
                done, size = _unpack(repository, plan, folder, left, limits.entries, where)
            else:
                done, size = _write(repository, plan, folder), plan.layer.size
            left -= size
            written.append(done)
    return written


def _plans(
    layers: Sequence[Descriptor],
    where: str,
    unnamed: Callable[[Descriptor], str],
    *,
    tarballs: bool,
) -> list[_Plan]:
    """Step 1: what each layer is and where it goes."""
    plans: dict[Steps, _Plan] = {}
    for layer in layers:
        title = layer.annotations.get(TITLE)
        if title is None and layer.media_type == EMPTY_JSON:
            continue  # image-spec's placeholder of an artifact without files
        steps = check_name(unnamed(layer) if title is None else title, where)
        said = layer.annotations.get(UNPACK) == "true"
        by_type = tarballs and not said and layer.media_type == LAYER_GZIP
        if not steps and not said:
            raise MalformedDocument(
                f"the name {title!r} is the folder itself, which a file cannot be", reference=where
            )
        if steps in plans:
            raise MalformedDocument(
                f"two of its files have the name {'/'.join(steps)!r}",
                reference=where,
                hint="one would take the place of the other; nothing was written",
            )
        # oras-go writes whole names below the title, oras-py the last step of it.
        plans[steps] = _Plan(layer, steps, said or by_type, steps[:-1] if by_type else ())
    return list(plans.values())


def _write(repository: Repository, plan: _Plan, folder: Folder) -> Written:
    """Step 2: a file."""
    layer = plan.layer
    path = folder.path(plan.steps)
    if not folder.keeps(path, layer.size, lambda: layer.digest):
        folder.make(plan.steps[:-1], {})
        folder.write(path, _fetch(repository, layer))
    return Written(path, (path,))


def _fetch(repository: Repository, layer: Descriptor) -> Iterator[bytes]:
    with repository.open(layer) as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk


def _unpack(
    repository: Repository, plan: _Plan, folder: Folder, limit: int, entries: int, where: str
) -> tuple[Written, int]:
    """Step 3: a folder. Returns it, and the bytes it took."""
    with tempfile.TemporaryFile(dir=folder.root) as file:
        for chunk in _fetch(repository, plan.layer):
            file.write(chunk)
        try:
            content = plan.layer.annotations.get(CONTENT)
            proof = Digest(content) if content is not None else None
            survey = _look_through(
                Tarball(file, limit=limit, entries=entries, content=proof), plan, folder, where
            )
            again = Tarball(file, limit=limit, entries=entries)
            files = tuple(_write_members(again, plan, folder, survey, where))
        except InvalidDigest as error:
            raise MalformedDocument(
                f"the annotation {CONTENT} is no digest", digest=plan.layer.digest
            ) from error
        except ProvenanceError as error:
            error.reference = error.reference or where
            error.digest = error.digest or plan.layer.digest
            raise
    return Written(folder.make(plan.steps, survey.modes), files), survey.size


def _look_through(tarball: Tarball, plan: _Plan, folder: Folder, where: str) -> _Survey:
    """Everything that may be wrong with a folder, before anything of it is written."""
    found = _Survey()
    files: set[Steps] = set()
    folders: set[Steps] = {()}
    for member in tarball:
        steps = _place(member, plan, where)
        above = {steps[:count] for count in range(len(steps))}
        if steps in files or above & files or (steps in folders and not member.is_folder):
            raise MalformedDocument(
                f"the folder has {'/'.join(steps)!r} twice, or a file with entries below it"
            )
        folders |= above
        if member.is_folder:
            folders.add(steps)
            found.modes[steps] = member.mode
            continue
        files.add(steps)
        found.size += member.size
        if folder.keeps(folder.path(steps), member.size, member.digest):
            found.kept.add(steps)
    return found


def _place(member: Member, plan: _Plan, where: str) -> Steps:
    """Where a member goes: below the title, as `oras` demands too."""
    steps = plan.base + check_name(member.name, where)
    if not plan.base and steps[: len(plan.steps)] != plan.steps:
        raise MalformedDocument(
            f"the entry {member.name[:100]!r} is not below the folder's title"
            f" {'/'.join(plan.steps)!r}",
            hint="nothing was written of it; the artifact may be an attack",
        )
    return steps


def _write_members(
    tarball: Tarball, plan: _Plan, folder: Folder, survey: _Survey, where: str
) -> Iterator[Path]:
    for member in tarball:
        steps = _place(member, plan, where)
        if member.is_folder:
            folder.make(steps, survey.modes)
            continue
        path = folder.path(steps)
        if steps not in survey.kept:
            folder.make(steps[:-1], survey.modes)
            folder.refuse_twice(path)
            folder.write(path, member.chunks(), member.mode)
        yield path
