"""Pushing blobs: monolithic, chunked, in one POST, or mounted (distribution-spec 1.1)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provenance.digests import Digest
from provenance.errors import InvalidDigest
from provenance.testing.registry.messages import Response, error

if TYPE_CHECKING:
    from pathlib import Path

    from provenance.testing.registry.behaviour import Behaviour
    from provenance.testing.registry.messages import Request
    from provenance.testing.registry.store import Store

__all__ = ["answer"]

_CONTENT_RANGE = re.compile(r"(?:bytes )?(\d+)-(\d+)(?:/.*)?")


def answer(  # noqa: PLR0911 - one return a case of the protocol
    request: Request, store: Store, behaviour: Behaviour, name: str, upload: str
) -> Response:
    """What the registry says to a request about an upload; `upload` is empty for a new one."""
    if not upload:
        if request.method != "POST":
            return error(405, "UNSUPPORTED", "the operation is unsupported")
        return _begin(request, store, behaviour, name)
    held = store.uploads.get(upload)
    if held is None or held.repository != name:
        return error(404, "BLOB_UPLOAD_UNKNOWN", "no such upload")
    if request.method == "GET":
        return _progress(store, upload, 204)
    if request.method == "DELETE":
        store.drop_upload(upload)
        return Response(204)
    if request.method not in {"PATCH", "PUT"}:
        return error(405, "UNSUPPORTED", "the operation is unsupported")
    if misplaced := _misplaced(request, store, upload):
        return misplaced
    if request.method == "PUT":
        held.append(request.body)
        return _end(request, store, upload)
    if held.ended:
        return error(400, "BLOB_UPLOAD_INVALID", "only the last chunk may be that short")
    before = held.size
    held.append(request.body)
    held.ended = held.size - before < behaviour.shortest_chunk
    return _progress(store, upload, 202)


def _begin(request: Request, store: Store, behaviour: Behaviour, name: str) -> Response:
    mount, digest = request.parameter("mount"), request.parameter("digest")
    if mount is not None:
        source = _mountable(request, store, behaviour, mount)
        if source is not None:
            store.blobs[name][mount] = source
            return _created(name, mount)
    upload = store.begin_upload(name)
    if digest is not None and behaviour.single_post:
        store.uploads[upload].append(request.body)
        return _end(request, store, upload)
    begun = _progress(store, upload, 202)
    if behaviour.shortest_chunk:
        least = {"OCI-Chunk-Min-Length": str(behaviour.shortest_chunk)}
        return Response(begun.status, {**begun.headers, **least})
    return begun


def _mountable(
    request: Request, store: Store, behaviour: Behaviour, digest: str
) -> bytes | Path | None:
    """The blob in the repository named; without a name, in any one where that is allowed."""
    named = request.parameter("from")
    if behaviour.mounts == "never":
        return None
    if named is None and behaviour.mounts == "anywhere":
        held = (blobs[digest] for blobs in list(store.blobs.values()) if digest in blobs)
        return next(held, None)
    return store.blobs.get(named or "", {}).get(digest)


def _progress(store: Store, upload: str, status: int) -> Response:
    held = store.uploads[upload]
    headers = {
        # Relative and with a query, both of which the spec allows and clients trip over.
        "Location": f"/v2/{held.repository}/blobs/uploads/{upload}?state={held.size}",
        "Range": f"0-{max(held.size - 1, 0)}",
        "Docker-Upload-UUID": upload,
    }
    return Response(status, headers)


def _misplaced(request: Request, store: Store, upload: str) -> Response | None:
    text = request.header("Content-Range")
    if not text:
        return None
    match = _CONTENT_RANGE.fullmatch(text)
    if match is not None and int(match[1]) == store.uploads[upload].size:
        return None
    where = _progress(store, upload, 416)
    return error(416, "BLOB_UPLOAD_INVALID", "chunks must come in order", where.headers)


def _end(request: Request, store: Store, upload: str) -> Response:
    held = store.uploads[upload]
    try:
        wanted = Digest(request.parameter("digest") or "")
    except InvalidDigest:
        store.drop_upload(upload)
        return error(400, "DIGEST_INVALID", "the digest is missing or not valid")
    if held.digest(wanted.algorithm) != wanted:
        store.drop_upload(upload)
        return error(400, "DIGEST_INVALID", "the content does not have this digest")
    store.finish_upload(upload, wanted)
    return _created(held.repository, wanted)


def _created(name: str, digest: str) -> Response:
    headers = {"Location": f"/v2/{name}/blobs/{digest}", "Docker-Content-Digest": str(digest)}
    return Response(201, headers)
