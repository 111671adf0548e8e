"""Manifests and tags into a registry, and out of it; the fallback index beside them kept right.

Source: distribution-spec 1.1, "Pushing Manifests with Subject", "Deleting Manifests".
"""

from __future__ import annotations

import json
import random
import secrets
import time
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from provenance.digests import Digest
from provenance.errors import (
    NotFound,
    ProvenanceError,
    RegistryUnavailable,
    UnsupportedFormat,
)
from provenance.oci.descriptor import EMPTY_DESCRIPTOR, Descriptor
from provenance.oci.listing import read_fallback_index
from provenance.oci.manifest import Index, Manifest, parse_manifest
from provenance.oci.repository import digest_tag
from provenance.oci.uploading import PUSH, check_stored, push_blob
from provenance.strict_json import decode_object
from provenance.transport import stopping

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from provenance.oci.registry_repository import RegistryRepository
    from provenance.transport.response import Response

__all__ = ["delete_manifest", "delete_tag", "push_manifest", "push_referrers", "push_tag"]

_Entries: TypeAlias = "list[dict[str, Any]]"
_DELETE = "delete,pull,push"
_MERGE_TRIES = 24
_SETTLE = 0.02


def push_manifest(
    repository: RegistryRepository, manifest: Manifest | Index, tag: str | None
) -> Descriptor:
    """Store a manifest by tag, or by digest. Returns its descriptor.

    With a subject and without `OCI-Subject` in the answer, the registry keeps no list of
    referrers: the manifest is then entered in the index at the referrers tag.
    """
    digest = manifest.descriptor.digest
    if tag is not None and digest.algorithm != "sha256":
        # What comes by a tag alone is kept by the registry's own algorithm, and not under this.
        _put(repository, manifest, digest)
    if manifest.subject is None:
        _put(repository, manifest, tag or digest)
    else:
        push_referrers(repository, [manifest], tag)
    return manifest.descriptor


def push_referrers(
    repository: RegistryRepository, manifests: Sequence[Manifest | Index], tag: str | None = None
) -> None:
    """Store what refers to one subject; a fallback index is changed once for all of it.

    `tag` is for one of them alone.
    """
    subject = next(m.subject.digest for m in manifests if m.subject is not None)
    # In turn, as some registries lose one of two referrers that come at once (olareg 0.1).
    with repository.learnt.lock_of(digest_tag(subject)):
        unlisted = [
            m for m in manifests if _put(repository, m, tag or m.descriptor.digest) != subject
        ]
        if unlisted:
            _enter(repository, subject, [_listed(m) for m in unlisted])
        else:
            repository.learnt.referrers_api = True


def push_tag(repository: RegistryRepository, target: Descriptor | Digest, tag: str) -> None:
    """Point `tag` at a manifest that is there. Raises NotFound if it is not."""
    descriptor = None if isinstance(target, Digest) else target
    digest = target if isinstance(target, Digest) else target.digest
    _put(repository, repository.manifest_here(digest, descriptor), tag)


def _put(repository: RegistryRepository, manifest: Manifest | Index, name: str) -> str:
    """PUT; returns the subject that the registry says it has entered."""
    digest = manifest.descriptor.digest
    headers = {"Content-Type": manifest.descriptor.media_type}
    with repository.send(
        "PUT", f"manifests/{name}", actions=PUSH, headers=headers, body=manifest.raw
    ) as response:
        if response.status in {400, 404}:
            _refuse_manifest(repository, response, manifest, name)
        if response.status not in {200, 201, 202}:
            repository.refuse(response, f"manifest {name}", digest)
        check_stored(repository, response, digest)
        return response.headers.get("OCI-Subject", "")


def _refuse_manifest(
    repository: RegistryRepository, response: Response, manifest: Manifest | Index, name: str
) -> NoReturn:
    """Raise why a manifest was not stored: most often the registry lacks a part of it.

    It answers 404, or 400, to the PUT then (MANIFEST_BLOB_UNKNOWN), which says nothing of whether
    something is there. Not every one tells which part: it is asked for each.
    """
    try:
        repository.refuse(response, f"manifest {name}", manifest.descriptor.digest)
    except (NotFound, RegistryUnavailable) as error:
        lacking = _lacking(repository, manifest)
        if not lacking and "BLOB_UNKNOWN" not in error.message:
            raise
        raise RegistryUnavailable(
            f"{repository.name} did not store the manifest {name}, as it lacks "
            f"{lacking or 'a part of it'}",
            reference=repository.name,
            digest=manifest.descriptor.digest,
            hint="push it again, with all of its parts: a registry removes what nothing names",
        ) from error


def _lacking(repository: RegistryRepository, manifest: Manifest | Index) -> str:
    """The first part of `manifest` that the registry says it has not; empty: it has each."""
    try:
        if isinstance(manifest, Index):
            gone = next((m for m in manifest.manifests if not repository.vouches(m)), None)
            return f"the manifest {gone.digest}" if gone is not None else ""
        # A layer with URLs of its own may lie elsewhere.
        parts = (manifest.config, *(layer for layer in manifest.layers if not layer.urls))
        lost = next((part for part in parts if not repository.holds(part)), None)
    except ProvenanceError:
        return ""
    return f"the blob {lost.digest}" if lost is not None else ""


def _listed(manifest: Manifest | Index) -> Descriptor:
    """How a manifest appears in a list of referrers: type, annotations and all."""
    descriptor = manifest.descriptor
    artifact_type = manifest.artifact_type
    if not artifact_type and isinstance(manifest, Manifest):
        artifact_type = manifest.config.media_type
    return Descriptor(
        descriptor.media_type,
        descriptor.digest,
        descriptor.size,
        annotations=manifest.annotations,
        artifact_type=artifact_type,
    )


def _enter(repository: RegistryRepository, subject: Digest, entries: Sequence[Descriptor]) -> None:
    """Add `entries` to the fallback index of `subject`."""

    def add(present: _Entries) -> _Entries:
        known = {e["digest"] for e in present}
        return [*present, *(e.to_json() for e in entries if e.digest not in known)]

    _merge(repository, subject, add)


def _leave(repository: RegistryRepository, subject: Digest, gone: Digest) -> None:
    """Take `gone` out of the fallback index of `subject`, if there is one."""
    _merge(repository, subject, lambda present: [e for e in present if e["digest"] != gone])


def _merge(
    repository: RegistryRepository,
    subject: Digest,
    change: Callable[[_Entries], _Entries],
) -> None:
    """Change the fallback index, and look whether the change is still there.

    Registries ignore If-Match, so two writers race: each reads again after it wrote, and goes on
    until nothing is left to change and nobody else has written meanwhile. The pauses in between
    are as long as a writer takes here, and differ by chance, so that writers do not march in
    step. Raises RegistryUnavailable when that never comes.
    """
    tag = digest_tag(subject)
    took, known, there = _SETTLE, "", False
    for left in range(_MERGE_TRIES - 1, -1, -1):
        began = time.monotonic()
        try:
            index = read_fallback_index(repository, subject)
            changed = _changed(repository, index, change)
            there = changed is None
            seen = str(index.descriptor.digest) if index is not None else ""
            if changed is not None:
                _put(repository, changed, tag)
                seen = str(changed.descriptor.digest)
            elif known in {"", seen}:
                return
            known = seen
        except RegistryUnavailable:
            # Beside another's write, distribution answers 500 to a read: not this time.
            if not left:
                raise
        took = max(took, time.monotonic() - began)
        stopping.pause(took * random.uniform(2, 4))  # noqa: S311
    if not there:
        raise RegistryUnavailable(
            f"the referrers tag {tag} was overwritten by someone else {_MERGE_TRIES} times",
            reference=repository.name,
            digest=subject,
            hint="the artifact is stored but not listed; run it again",
        )


def _changed(
    repository: RegistryRepository, index: Index | None, change: Callable[[_Entries], _Entries]
) -> Index | None:
    """The index with `change`, everything else in it as it was; None: there is no change."""
    document = decode_object(index.raw if index is not None else Index.build([]).raw)
    present = document.get("manifests") or []
    entries = change(present)
    if entries == present:
        return None
    document["manifests"] = entries
    raw = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    changed = parse_manifest(raw, limits=repository.limits, where=repository.name)
    return changed if isinstance(changed, Index) else None


def delete_manifest(repository: RegistryRepository, digest: Digest) -> None:
    """Remove a manifest and every tag on it; first its place in a fallback index.

    First, as a listed manifest that is gone reads like one that could not be fetched.

    Raises:
        NotFound: it is not there. UnsupportedFormat: this registry does not delete.
    """
    subject = repository.manifest_here(digest).subject
    if subject is not None and repository.learnt.referrers_api is not True:
        with repository.learnt.lock_of(digest_tag(subject.digest)):
            _leave(repository, subject.digest, digest)
    if not _delete(repository, digest):
        raise _cannot_delete(repository, str(digest))


def delete_tag(repository: RegistryRepository, tag: str) -> None:
    """Remove a tag alone; the manifest and its other tags stay.

    Where the registry removes no tag by name (distribution 2.8), the tag is moved to an empty
    artifact made for this, which is then removed by digest, as regclient does: but only after
    another such artifact could be removed, or the tag would be lost and yet be there. If it is not
    removed all the same, the tag is moved back.

    Raises:
        NotFound: there is no such tag. UnsupportedFormat: this registry does not delete.
    """
    found = repository.resolve_here(tag)
    if _delete(repository, tag):
        return
    _make_and_remove(repository, tag, None)
    manifest = repository.manifest_here(found.digest)
    try:
        _make_and_remove(repository, tag, tag)
    except ProvenanceError as error:
        try:
            _put(repository, manifest, tag)
        except ProvenanceError:
            error.hint = (
                f"the tag {tag} names an empty artifact now, it named {found.digest} before"
            )
        raise


def _make_and_remove(repository: RegistryRepository, tag: str, name: str | None) -> None:
    """Put a stand-in, at `name` where there is one, and remove it."""
    stand_in = _stand_in()
    push_blob(repository, b"{}", EMPTY_DESCRIPTOR)
    _put(repository, stand_in, name or stand_in.descriptor.digest)
    if not _delete(repository, stand_in.descriptor.digest):
        raise _cannot_delete(repository, tag)


def _stand_in() -> Manifest:
    """An artifact that nothing else can be: its removal takes nothing else along."""
    return Manifest.build(
        EMPTY_DESCRIPTOR,
        [EMPTY_DESCRIPTOR],
        artifact_type="application/vnd.oci.empty.v1+json",
        annotations={
            "org.opencontainers.image.description": f"to be deleted {secrets.token_hex()}"
        },
    )


def _delete(repository: RegistryRepository, target: Digest | str) -> bool:
    """DELETE; False: the registry does not know how to."""
    with repository.send("DELETE", f"manifests/{target}", actions=_DELETE) as response:
        if response.status in {200, 202, 204}:
            return True
        if response.status not in {400, 405, 501}:
            repository.refuse(response, f"manifest {target}", target)
        return False


def _cannot_delete(repository: RegistryRepository, what: str) -> UnsupportedFormat:
    return UnsupportedFormat(
        f"this registry does not delete {what}",
        reference=repository.name,
        hint="have deletion switched on there, or remove it by the registry's own means",
    )
