"""`index.json` as a document: entries added, named, moved and removed, all else left as it is.

Source: image-spec v1.1, image-layout.md, "index.json file"; containerd's name beside it.
Functions on values: whoever has the file reads, applies and writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from provenance.errors import LimitExceeded
from provenance.oci.media_types import OCI_INDEX
from provenance.strict_json import decode_object

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from provenance.digests import Digest
    from provenance.oci.descriptor import Descriptor

__all__ = [
    "CONTAINERD_NAME",
    "REF_NAME",
    "Change",
    "Document",
    "Entry",
    "encode",
    "entered",
    "names_of",
    "ordered",
    "parsed",
    "unnamed",
    "without",
]

REF_NAME = "org.opencontainers.image.ref.name"
CONTAINERD_NAME = "io.containerd.image.name"
"""A whole reference, as containerd, buildkit and Docker 25 write it."""

Document: TypeAlias = dict[str, Any]
Entry: TypeAlias = dict[str, Any]
Change: TypeAlias = "Callable[[Document], Document]"


def parsed(raw: bytes | None) -> Document:
    """The document in checked bytes; an empty one for None."""
    if raw is None:
        return {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}
    document = decode_object(raw)
    return {**document, "manifests": document.get("manifests") or []}


def encode(document: Document, limit: int | None = None, name: str = "") -> bytes:
    """As it is written. By msgspec: who writes many entries writes the list many times.

    Raises:
        LimitExceeded: it would be longer than the `limit` that readers of `name` have.
    """
    import msgspec

    raw = msgspec.json.encode(document)
    if limit is not None and len(raw) > limit:
        raise LimitExceeded(
            f"index.json would have {len(raw)} bytes, more than {limit}",
            reference=name,
            hint="use another place for more images, or raise Limits.manifest_bytes",
        )
    return raw


def names_of(annotations: Mapping[str, str]) -> tuple[str, ...]:
    """What an entry is called: in the image-spec's way, and in containerd's."""
    found = (annotations.get(key) for key in (REF_NAME, CONTAINERD_NAME))
    return tuple(name for name in found if name)


def entered(
    document: Document,
    descriptor: Descriptor,
    name: str | None,
    *,
    keep: Callable[[Entry], bool],
    key: str = REF_NAME,
) -> Document:
    """With an entry for `descriptor`, under `name` where there is one.

    Args:
        document: stays as it is.
        descriptor: its media type, digest and size are entered.
        name: taken from whatever has it now.
        keep: whether an entry that loses its name stays listed.
        key: the annotation that holds the name.
    """
    entries: list[Entry] = document["manifests"]
    new: Entry = {
        "mediaType": descriptor.media_type,
        "digest": str(descriptor.digest),
        "size": descriptor.size,
    }
    if name is None:
        if any(entry["digest"] == new["digest"] for entry in entries):
            return document
        return {**document, "manifests": [*entries, new]}
    kept = []
    for entry in entries:
        annotations = _annotations(entry)
        if annotations.get(key) == name:
            if entry["digest"] != new["digest"] and keep(entry):
                kept.append(_nameless(entry))
        elif name in names_of(annotations):  # in the other way of naming: one name is left
            left = {k: v for k, v in annotations.items() if (k, v) not in _named(name)}
            if names_of(left) or (entry["digest"] != new["digest"] and keep(entry)):
                kept.append({**entry, "annotations": left})
        else:
            kept.append(entry)
    return {**document, "manifests": [*kept, {**new, "annotations": {key: name}}]}


def unnamed(document: Document, name: str) -> Document | None:
    """Without `name`: what it named stays listed. None: nothing is called so."""
    entries: list[Entry] = document["manifests"]
    hit = [entry for entry in entries if name in names_of(_annotations(entry))]
    if not hit:
        return None
    others = {entry["digest"] for entry in entries if entry not in hit}
    kept = []
    for entry in entries:
        if entry not in hit:
            kept.append(entry)
        elif entry["digest"] not in others:
            others.add(entry["digest"])
            kept.append(_nameless(entry))
    return {**document, "manifests": kept}


def without(document: Document, digest: Digest) -> Document | None:
    """Without any entry of `digest`. None: it is not listed."""
    entries: list[Entry] = document["manifests"]
    kept = [entry for entry in entries if entry["digest"] != digest]
    return None if len(kept) == len(entries) else {**document, "manifests": kept}


def ordered(document: Document, base: Document) -> Document:
    """With what is not in `base` sorted by name: threads enter it in any order."""
    old = [entry for entry in document["manifests"] if entry in base["manifests"]]
    new = [entry for entry in document["manifests"] if entry not in base["manifests"]]
    new.sort(key=lambda entry: (names_of(_annotations(entry)) or ("~",), entry["digest"]))
    return {**document, "manifests": [*old, *new]}


def _annotations(entry: Entry) -> dict[str, str]:
    return entry.get("annotations") or {}


def _named(name: str) -> tuple[tuple[str, str], ...]:
    return ((REF_NAME, name), (CONTAINERD_NAME, name))


def _nameless(entry: Entry) -> Entry:
    left = {k: v for k, v in _annotations(entry).items() if k not in {REF_NAME, CONTAINERD_NAME}}
    rest = {k: v for k, v in entry.items() if k != "annotations"}
    return {**rest, "annotations": left} if left else rest
