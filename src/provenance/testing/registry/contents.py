"""Blobs as answers: the whole, or the part of it that was asked for. Source: RFC 9110, 14."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provenance.testing.registry.messages import Content, Response, error

if TYPE_CHECKING:
    from provenance.testing.registry.messages import Request

__all__ = ["serve_blob"]

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


def serve_blob(request: Request, content: Content, digest: str, *, ranges: bool) -> Response:
    """200 with all of it, 206 with a part, 416 for a part it does not have."""
    headers = {"Content-Type": "application/octet-stream", "Docker-Content-Digest": digest}
    if ranges:
        headers["Accept-Ranges"] = "bytes"
    # 14.2: a range is for GET, and one that is not understood is ignored.
    asked = request.header("Range") if ranges and request.method == "GET" else ""
    match = _RANGE.fullmatch(asked)
    if match is None or not (match[1] or match[2]):
        return Response(200, headers, content, digest=digest)
    total = content.total
    if match[1]:
        start, stop = int(match[1]), min(int(match[2] or total), total - 1) + 1
    else:
        start, stop = max(0, total - int(match[2])), total
    if start >= stop:
        return error(416, "SIZE_INVALID", "no such range", {"Content-Range": f"bytes */{total}"})
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{total}"
    return Response(206, headers, Content(content.source, start, stop), digest=digest)
