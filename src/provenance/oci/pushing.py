"""Writing to a registry: blobs before manifests before tags.

Source: distribution-spec 1.1, "Pushing Blobs", "Pushing Manifests with Subject".
"""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urlencode, urlsplit, urlunsplit

from provenance.digests import VerifiedReader
from provenance.errors import ContentMismatch, NotFound, RegistryUnavailable
from provenance.oci.descriptor import Descriptor
from provenance.oci.listing import read_fallback_index
from provenance.oci.manifest import Index, Manifest
from provenance.oci.repository import digest_tag
from provenance.transport.origin import lead_url

if TYPE_CHECKING:
    from provenance.digests import Digest
    from provenance.oci.registry import RegistryRepository

__all__ = ["push_blob", "push_manifest", "push_tag"]

_PUSH = "pull,push"
_MERGE_TRIES = 6


def push_blob(
    repository: RegistryRepository, data: bytes | BinaryIO, descriptor: Descriptor
) -> None:
    """Store `data` unless it is there. A file must be seekable; it is read twice.

    An upload that broke begins anew, as the registry may hold part of it; a confirmation that
    was lost is seen by looking again.

    Raises:
        ContentMismatch: `data` is not what `descriptor` says, or the registry stored another.
    """
    if _is_there(repository, descriptor):
        return
    source = io.BytesIO(data) if isinstance(data, bytes) else data
    source.seek(0)
    VerifiedReader(source, descriptor.digest, descriptor.size, where="the data to push").finish()
    client = repository.registry.client
    for attempt in range(1, client.settings.retries + 2):
        try:
            _upload(repository, data if isinstance(data, bytes) else source, descriptor)
        except (RegistryUnavailable, NotFound):
            if attempt > client.settings.retries:
                raise
        else:
            return
        time.sleep(client.backoff(attempt))
        if _is_there(repository, descriptor):
            return


def _is_there(repository: RegistryRepository, descriptor: Descriptor) -> bool:
    with repository.send("HEAD", f"blobs/{descriptor.digest}", actions=_PUSH) as response:
        if response.status not in {200, 404, 405}:
            repository.refuse(response, f"blob {descriptor.digest}", descriptor.digest)
        return response.status == 200


def _upload(repository: RegistryRepository, data: bytes | BinaryIO, descriptor: Descriptor) -> None:
    """POST for a place, PUT all of it there. The place may be another host's: see `send`."""
    with repository.send(
        "POST", "blobs/uploads/", actions=_PUSH, body=b"", repeat=True
    ) as response:
        if response.status not in {201, 202}:
            repository.refuse(response, "upload of a blob", descriptor.digest)
        location, at = response.headers.get("Location"), response.url
        response.drain()
    if not location:
        raise RegistryUnavailable(
            "the registry started an upload without saying where to", reference=repository.name
        )
    with repository.named():
        url = _with_digest(lead_url(at, location), descriptor.digest)
    # A file of no bytes would be sent in chunks, which some registries refuse.
    body = data if descriptor.size else b""
    headers = {
        "Content-Type": "application/octet-stream",
        "Content-Length": str(descriptor.size),
    }
    with repository.send(
        "PUT", url, actions=_PUSH, headers=headers, body=body, repeat=False
    ) as response:
        if response.status not in {201, 202}:
            repository.refuse(response, f"blob {descriptor.digest}", descriptor.digest)
        _check_stored(repository, response.headers.get("Docker-Content-Digest"), descriptor.digest)


def push_manifest(
    repository: RegistryRepository, manifest: Manifest | Index, tag: str | None
) -> Descriptor:
    """Store a manifest by tag, or by digest. Returns its descriptor.

    With a subject and without `OCI-Subject` in the answer, the registry keeps no list of
    referrers: the manifest is then entered in the index at the referrers tag.
    """
    descriptor = manifest.descriptor
    answered = _put(repository, manifest, tag or descriptor.digest)
    subject = manifest.subject
    if subject is not None:
        if answered == subject.digest:
            repository.learnt.referrers_api = True
        else:
            _enter(repository, subject.digest, _listed(manifest))
    return descriptor


def push_tag(repository: RegistryRepository, descriptor: Descriptor, tag: str) -> None:
    """Point `tag` at a manifest that is there. Raises NotFound if it is not."""
    _put(repository, repository.manifest(descriptor), tag)


def _put(repository: RegistryRepository, manifest: Manifest | Index, name: str) -> str:
    """PUT; returns the subject that the registry says it has entered."""
    digest = manifest.descriptor.digest
    headers = {"Content-Type": manifest.descriptor.media_type}
    with repository.send(
        "PUT", f"manifests/{name}", actions=_PUSH, headers=headers, body=manifest.raw
    ) as response:
        if response.status not in {200, 201, 202}:
            repository.refuse(response, f"manifest {name}", digest)
        _check_stored(repository, response.headers.get("Docker-Content-Digest"), digest)
        return response.headers.get("OCI-Subject", "")


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


def _enter(repository: RegistryRepository, subject: Digest, entry: Descriptor) -> None:
    """Add `entry` to the fallback index, and look whether it is still there.

    Registries ignore If-Match, so two writers race: each reads again after it wrote and merges
    until its own entry stays. Raises RegistryUnavailable when it never does.
    """
    tag = digest_tag(subject)
    with repository.learnt.lock:
        for attempt in range(_MERGE_TRIES):
            index = read_fallback_index(repository, subject)
            present = index.manifests if index is not None else ()
            if any(d.digest == entry.digest for d in present):
                # Once more after a pause: a writer that read before us may be about to overwrite.
                if attempt:
                    time.sleep(0.05)
                    index = read_fallback_index(repository, subject)
                    if index is None or all(d.digest != entry.digest for d in index.manifests):
                        continue
                return
            merged = Index.build(
                [*present, entry], annotations=index.annotations if index is not None else None
            )
            _put(repository, merged, tag)
    raise RegistryUnavailable(
        f"the referrers tag {tag} was overwritten by someone else {_MERGE_TRIES} times",
        reference=repository.name,
        digest=subject,
        hint="the artifact is stored but not listed; run it again",
    )


def _check_stored(repository: RegistryRepository, named: str | None, digest: Digest) -> None:
    if named and named != digest:
        raise ContentMismatch(
            f"the registry stored {named[:100]} in its place",
            reference=repository.name,
            digest=digest,
        )


def _with_digest(url: str, digest: Digest) -> str:
    """The place of an upload as it was given, with what is to be checked there."""
    parts = urlsplit(url)
    joint = "&" if parts.query else ""
    query = f"{parts.query}{joint}{urlencode({'digest': str(digest)})}"
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))
