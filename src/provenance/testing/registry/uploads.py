"""Pushing blobs: monolithic, chunked, in one POST, or mounted (distribution-spec 1.1)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provenance.digests import Digest
from provenance.errors import InvalidDigest
from provenance.testing.registry.messages import Response, error

if TYPE_CHECKING:
    from provenance.testing.registry.messages import Request
    from provenance.testing.registry.store import Store

__all__ = ["answer"]

_CONTENT_RANGE = re.compile(r"(?:bytes )?(\d+)-(\d+)(?:/.*)?")


def answer(  # noqa: PLR0911 - one return a case of the protocol
    request: Request, store: Store, name: str, upload: str, *, single_post: bool
) -> Response:
    """What the registry says to a request about an upload; `upload` is empty for a new one."""
    if not upload:
        if request.method != "POST":
            return error(405, "UNSUPPORTED", "the operation is unsupported")
        return _begin(request, store, name, single_post=single_post)
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
    held.append(request.body)
    return (
        _progress(store, upload, 202) if request.method == "PATCH" else _end(request, store, upload)
    )


def _begin(request: Request, store: Store, name: str, *, single_post: bool) -> Response:
    mount, digest = request.parameter("mount"), request.parameter("digest")
    if mount is not None:
        # Without `from` a registry may look everywhere (end-11); this one does not.
        source = store.blobs.get(request.parameter("from") or "", {}).get(mount)
        if source is not None:
            store.blobs[name][mount] = source
            return _created(name, mount)
    upload = store.begin_upload(name)
    if digest is not None and single_post:
        store.uploads[upload].append(request.body)
        return _end(request, store, upload)
    return _progress(store, upload, 202)


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
