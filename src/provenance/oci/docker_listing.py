"""`manifest.json` of a docker archive: read with care, and edited; all else in it left as it is.

Source: Docker image specification v1.2, "Combined Image JSON + Filesystem Changeset Format".
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias

from provenance.errors import InvalidReference, LimitExceeded, MalformedDocument
from provenance.oci.reference import Reference
from provenance.oci.tar_home import place_of
from provenance.strict_json import decode, refuse_other_spellings

if TYPE_CHECKING:
    from collections.abc import Callable

    from provenance.digests import Digest
    from provenance.oci.manifest import Manifest
    from provenance.settings import Limits

__all__ = [
    "Item",
    "Listing",
    "ListingChange",
    "delisted",
    "docker_name",
    "encode_listing",
    "full_name",
    "listed",
    "parse_listing",
    "plain_name",
    "same_name",
    "untagged",
]

_FIELDS = frozenset({"Config", "RepoTags", "Layers"})

Item: TypeAlias = dict[str, Any]
Listing: TypeAlias = list[Item]
ListingChange: TypeAlias = "Callable[[Listing], Listing]"


def parse_listing(raw: bytes, name: str, limits: Limits) -> Listing:
    """The images it lists, each with `Config`, `Layers` and `RepoTags` of the right types.

    Raises:
        MalformedDocument: with the pointer of the fault; also where no image is listed.
        LimitExceeded: too many layers.
    """
    try:
        document = decode(raw)
    except MalformedDocument as error:
        error.message = f"manifest.json {error.message}"
        error.reference = name
        raise
    if not isinstance(document, list) or not document:
        raise MalformedDocument("manifest.json lists no image", reference=name)
    return [_item(item, f"/{number}", name, limits) for number, item in enumerate(document)]


def encode_listing(listing: Listing) -> bytes:
    """As it is written."""
    return json.dumps(listing, separators=(",", ":")).encode()


def listed(listing: Listing, manifest: Manifest, tag: str | None) -> Listing:
    """With an image of the layout beside it, and `tag` on it alone where there is one."""
    config = place_of(manifest.config.digest)
    layers = [place_of(layer.digest) for layer in manifest.layers]
    found = untagged(listing, tag) if tag else list(listing)
    for number, item in enumerate(found):
        if (item["Config"], item["Layers"]) == (config, layers):
            tags = [*item["RepoTags"], tag] if tag else item["RepoTags"]
            found[number] = {**item, "RepoTags": sorted(tags)}
            return found
    return [*found, {"Config": config, "RepoTags": [tag] if tag else [], "Layers": layers}]


def untagged(listing: Listing, tag: str) -> Listing:
    """Without `tag` on any image."""
    return [
        {**item, "RepoTags": [t for t in item["RepoTags"] if not same_name(t, tag)]}
        for item in listing
    ]


def delisted(listing: Listing, config: Digest) -> Listing:
    """Without the image of this config."""
    return [item for item in listing if item["Config"] != place_of(config)]


def docker_name(text: str) -> Reference:
    """The repository and tag of a name that `docker load` takes. Raises InvalidReference."""
    found = None
    with suppress(InvalidReference):
        found = Reference.parse(f"docker://{text}")
    if found is None or found.digest is not None or not text.endswith(f":{found.tag}"):
        raise InvalidReference(
            f"{text[:300]!r} is no name that an image in a docker archive can have",
            hint="name repository and tag, e.g. docker-archive:FILE:org/app:1.2",
        )
    return found


def full_name(reference: Reference) -> str:
    """With registry and tag, as skopeo writes it: podman takes a shorter one for a local image."""
    return f"{reference.registry}/{reference.repository}:{reference.tag}"


def same_name(one: str, other: str) -> bool:
    """Whether two names are one: `app:1` is `docker.io/library/app:1`."""
    return one == other or plain_name(one) == plain_name(other)


def plain_name(name: str) -> str:
    """The one way to write a name of many; what is no reference stays as it is."""
    try:
        return str(Reference.parse(f"docker://{name}"))
    except InvalidReference:
        return name


def _item(item: Any, pointer: str, name: str, limits: Limits) -> Item:
    def bad(key: str) -> MalformedDocument:
        return MalformedDocument(
            f"{key} of manifest.json is not as it should be",
            pointer=f"{pointer}/{key}",
            reference=name,
        )

    if not isinstance(item, dict) or not isinstance(item.get("Config"), str):
        raise bad("Config")
    try:
        refuse_other_spellings(item, _FIELDS, pointer)
    except MalformedDocument as error:
        error.message = f"manifest.json {error.message}"
        error.reference = name
        raise
    layers, tags = item.get("Layers"), item.get("RepoTags") or []
    if not isinstance(layers, list) or not all(isinstance(x, str) for x in layers):
        raise bad("Layers")
    if len(layers) > limits.layers:
        raise LimitExceeded(
            f"an image has {len(layers)} layers, more than {limits.layers}",
            reference=name,
            hint="raise Limits.layers if you trust it",
        )
    if not isinstance(tags, list) or not all(isinstance(t, str) for t in tags):
        raise bad("RepoTags")
    return {**item, "RepoTags": tags}
