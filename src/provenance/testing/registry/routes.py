"""The protocol: distribution-spec 1.1, end points as its table numbers them.

A function of (request, store) each; sockets are server.py's, misbehaviour is faults.py's.
Where the spec leaves a choice, this registry takes the one that catches careless clients:
upload locations are relative and carry a query, tags page exactly as asked, an Accept that
lacks the stored type gets 404.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from provenance.digests import Digest
from provenance.errors import InvalidDigest
from provenance.testing.registry import uploads
from provenance.testing.registry.contents import serve_blob
from provenance.testing.registry.messages import Content, Response, error
from provenance.testing.registry.store import Store, StoredManifest

if TYPE_CHECKING:
    from provenance.testing.registry.behaviour import Behaviour, Refusal
    from provenance.testing.registry.messages import Request

__all__ = ["access", "answer"]

INDEX = "application/vnd.oci.image.index.v1+json"
SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+prettyjws"
_NAME = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*"
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_PATH = re.compile(
    rf"/v2/(?P<name>{_NAME})/(?:manifests/(?P<manifest>[^/]+)|blobs/uploads/(?P<upload>[^/]*)"
    r"|blobs/(?P<blob>[^/]+)|referrers/(?P<referrers>[^/]+)|tags/(?P<tags>list))"
)
_NUMBER = re.compile(r"\d{1,18}", re.ASCII)


def access(request: Request) -> list[tuple[str, str]]:
    """The (repository, action) pairs a request needs."""
    match = _PATH.fullmatch(request.path)
    if match is None:
        return []
    name = match["name"]
    if request.method in {"GET", "HEAD"} and match["upload"] is None:
        return [(name, "pull")]
    if request.method == "DELETE" and match["upload"] is None:
        return [(name, "delete")]
    source = request.parameter("from") if match["upload"] == "" else None
    return [(name, "pull"), (name, "push"), *([(source, "pull")] if source else [])]


def answer(  # noqa: PLR0911 - one return a route
    request: Request, store: Store, behaviour: Behaviour, elsewhere: str = ""
) -> Response:
    """What the registry says to a request that passed the door.

    `elsewhere` is the URL of the other host that a registry of this behaviour sends clients to.
    """
    if request.path in {"/v2/", "/v2"}:
        return Response.of_json(200, {}, **{"Docker-Distribution-API-Version": "registry/2.0"})
    match = _PATH.fullmatch(request.path)
    if match is None:
        return error(404, "NAME_INVALID", "no such end point, or no repository name")
    name = match["name"]
    if _makes(request) and name not in store and not behaviour.creates_repositories:
        return error(404, "NAME_UNKNOWN", f"no repository {name}")
    if match["manifest"] is not None:
        return _manifest(request, store, behaviour, name, match["manifest"])
    if match["upload"] is not None:
        return uploads.answer(request, store, behaviour, name, match["upload"])
    if match["blob"] is not None:
        return _blob(request, store, behaviour, name, match["blob"], elsewhere)
    if request.method not in {"GET", "HEAD"}:
        return _not_allowed()
    if match["tags"] is not None:
        return _tags(request, store, behaviour, name)
    if not behaviour.referrers_api:
        return _refuse_referrers(behaviour.no_referrers, elsewhere)
    return _referrers(request, store, behaviour, name, match["referrers"])


def _makes(request: Request) -> bool:
    return request.method in {"POST", "PUT", "PATCH"}


def _not_allowed() -> Response:
    return error(405, "UNSUPPORTED", "the operation is unsupported")


def _digest(text: str) -> Digest | None:
    try:
        return Digest(text)
    except InvalidDigest:
        return None


def _manifest(  # noqa: PLR0911 - one return a case
    request: Request, store: Store, behaviour: Behaviour, name: str, reference: str
) -> Response:
    if ":" in reference and _digest(reference) is None:
        return error(400, "DIGEST_INVALID", "the digest is not valid")
    if request.method in {"GET", "HEAD"}:
        # A tag that cannot be is not there (the conformance suite asks for 404).
        return _get_manifest(request, store, behaviour, name, reference)
    if ":" not in reference and _TAG.fullmatch(reference) is None:
        return error(400, "TAG_INVALID", "the tag is not valid")
    if request.method == "PUT":
        return _put_manifest(request, store, behaviour, name, reference)
    if request.method != "DELETE" or not behaviour.deletes:
        return _not_allowed()
    if ":" not in reference and not behaviour.deletes_tags:
        return error(400, "UNSUPPORTED", "a manifest is deleted by its digest")
    return _delete_manifest(store, name, reference)


def _get_manifest(
    request: Request, store: Store, behaviour: Behaviour, name: str, reference: str
) -> Response:
    found = store.find_manifest(name, reference)
    if found is None:
        code = "MANIFEST_UNKNOWN" if name in store else "NAME_UNKNOWN"
        return error(404, code, f"{name} has no {reference}")
    digest, manifest = found
    if not _accepts(request, manifest.media_type):
        if behaviour.schema1:
            return _schema1(name, reference)
        return error(404, "MANIFEST_UNKNOWN", f"Accept lacks {manifest.media_type}")
    headers = {"Content-Type": manifest.media_type, "Docker-Content-Digest": digest}
    return Response(200, headers, Content(manifest.data), digest=digest)


def _accepts(request: Request, media_type: str) -> bool:
    values = request.headers.get_all("Accept") or ["*/*"]
    kinds = {kind.partition(";")[0].strip() for value in values for kind in value.split(",")}
    return bool(kinds & {media_type, "*/*", media_type.partition("/")[0] + "/*"})


def _schema1(name: str, reference: str) -> Response:
    """What some registries make of a manifest for those who, they think, are older than it."""
    made = {"schemaVersion": 1, "name": name, "tag": reference, "fsLayers": [], "history": []}
    body = json.dumps(made).encode()
    headers = {"Content-Type": SCHEMA1, "Docker-Content-Digest": Digest.of(body)}
    return Response(200, headers, Content(body))


def _put_manifest(
    request: Request, store: Store, behaviour: Behaviour, name: str, reference: str
) -> Response:
    data = request.body.read()
    if len(data) > behaviour.manifest_bytes:
        return error(behaviour.too_large, "SIZE_INVALID", "the manifest is too large")
    media_type = request.header("Content-Type").partition(";")[0].strip()
    manifest = StoredManifest(data, media_type)
    if refusal := _refuse_manifest(manifest, store, behaviour, name):
        return refusal
    wanted = _digest(reference)
    if wanted is not None and wanted.algorithm not in behaviour.manifest_algorithms:
        return error(400, "DIGEST_INVALID", f"{wanted.algorithm} is not supported")
    if wanted is not None and not wanted.matches(data):
        return error(400, "DIGEST_INVALID", "the content does not have the digest of its path")
    # PUT by digest with ?tag= (distribution-spec main, end-7c) names tags in the same request.
    tags = tuple(request.query.get("tag", ())) if wanted is not None else (reference,)
    if not all(_TAG.fullmatch(tag) for tag in tags):
        return error(400, "TAG_INVALID", "a tag is not valid")
    digest = store.put_manifest(name, manifest, tags=tags, digest=wanted or "")
    if behaviour.referrers_lag and manifest.subject:
        store.unlisted[name, digest] = behaviour.referrers_lag
    headers = {
        "Location": f"/v2/{name}/manifests/{digest}",
        "Docker-Content-Digest": str(digest),
    }
    if wanted is not None and tags:
        headers["OCI-Tag"] = ", ".join(tags)
    if behaviour.referrers_api and manifest.subject:
        headers["OCI-Subject"] = manifest.subject
    return Response(201, headers)


def _refuse_manifest(  # noqa: PLR0911 - one return a reason
    manifest: StoredManifest, store: Store, behaviour: Behaviour, name: str
) -> Response | None:
    document = manifest.document
    if not document:
        return error(400, "MANIFEST_INVALID", "the manifest is no JSON object")
    if document.get("mediaType", manifest.media_type) != manifest.media_type:
        return error(400, "MANIFEST_INVALID", "Content-Type differs from mediaType")
    try:
        config = [document["config"]] if document.get("config") else []
        blobs = [*config, *(document.get("layers") or ())]
        # Layers with urls are foreign: they may be elsewhere (image-spec, "Non-distributable").
        wanted = [str(blob["digest"]) for blob in blobs if not blob.get("urls")]
        children = [str(child["digest"]) for child in document.get("manifests") or ()]
    except (AttributeError, KeyError, TypeError):
        return error(400, "MANIFEST_INVALID", "a descriptor is none")
    if behaviour.sparse:
        return None
    for digest in (d for d in wanted if d not in store.blobs.get(name, {})):
        return error(404, "MANIFEST_BLOB_UNKNOWN", f"no blob {digest} here")
    for digest in (d for d in children if d not in store.manifests.get(name, {})):
        return error(404, "MANIFEST_BLOB_UNKNOWN", f"no manifest {digest} here")
    return None


def _delete_manifest(store: Store, name: str, reference: str) -> Response:
    with store.lock:
        tags = store.tags.get(name, {})
        if ":" not in reference:
            gone: object = tags.pop(reference, None)
        else:
            gone = store.manifests.get(name, {}).pop(reference, None)
            for tag in [tag for tag, digest in tags.items() if digest == reference]:
                del tags[tag]
    if gone is None:
        return error(404, "MANIFEST_UNKNOWN", f"{name} has no {reference}")
    return Response(202)


def _blob(
    request: Request, store: Store, behaviour: Behaviour, name: str, digest: str, elsewhere: str
) -> Response:
    if _digest(digest) is None:
        return error(400, "DIGEST_INVALID", "the digest is not valid")
    source = store.blobs.get(name, {}).get(digest)
    if source is None:
        return error(404, "BLOB_UNKNOWN", f"{name} has no {digest}")
    if request.method == "DELETE" and behaviour.deletes:
        store.blobs[name].pop(digest, None)
        return Response(202)
    if request.method not in {"GET", "HEAD"}:
        return _not_allowed()
    if behaviour.redirects_blobs and request.method == "GET":
        # A signed link: whoever has it may read, and needs to say nothing else.
        location = f"{elsewhere}/blobs/{name}/{digest}?signature=local"
        return Response(307, {"Location": location})
    return serve_blob(request, Content(source), digest, ranges=behaviour.ranges)


def _tags(request: Request, store: Store, behaviour: Behaviour, name: str) -> Response:
    if name not in store:
        return error(404, "NAME_UNKNOWN", f"no repository {name}")
    last, wanted = request.parameter("last"), request.parameter("n")
    if wanted is not None and not _NUMBER.fullmatch(wanted):
        return error(400, "PAGINATION_NUMBER_INVALID", "n is no number")
    if wanted and behaviour.longest_page is not None and int(wanted) > behaviour.longest_page:
        return error(400, "PAGINATION_NUMBER_INVALID", f"n is above {behaviour.longest_page}")
    with store.lock:
        tags = sorted(t for t in store.tags.get(name, {}) if last is None or t > last)
    sizes = [n for n in (behaviour.page_size, int(wanted) if wanted else None) if n is not None]
    page = tags[: min(sizes)] if sizes else tags
    headers = {}
    if page and len(page) < len(tags):
        query = urlencode({"n": len(page), "last": page[-1]})
        headers["Link"] = f'</v2/{name}/tags/list?{query}>; rel="next"'
    return Response.of_json(200, {"name": name, "tags": page}, **headers)


def _refuse_referrers(refusal: Refusal, elsewhere: str) -> Response:
    headers = {"Content-Type": refusal.content_type}
    if refusal.elsewhere:
        headers["Location"] = elsewhere + refusal.elsewhere
    return Response(refusal.status, headers, Content(refusal.body))


def _referrers(
    request: Request, store: Store, behaviour: Behaviour, name: str, subject: str
) -> Response:
    if _digest(subject) is None:
        return error(400, "DIGEST_INVALID", "the digest is not valid")
    found = store.referrers(name, subject)
    headers = {"Content-Type": behaviour.referrers_type}
    kind = request.parameter("artifactType")
    if kind is not None and behaviour.filters_referrers:
        found = [d for d in found if d.get("artifactType") == kind]
        headers["OCI-Filters-Applied"] = "artifactType"
    first = request.parameter("start") or "0"
    if not _NUMBER.fullmatch(first):
        return error(400, "UNSUPPORTED", "start is no number")
    start = int(first)
    stop = len(found) if behaviour.page_size is None else start + behaviour.page_size
    if stop < len(found):
        query = {"start": str(stop)} | ({} if kind is None else {"artifactType": kind})
        path = f"/v2/{name}/referrers/{quote(subject, safe=':')}"
        headers["Link"] = f'<{path}?{urlencode(query)}>; rel="next"'
    index: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": found[start:stop],
    }
    return Response(200, headers, Content(json.dumps(index).encode()))
