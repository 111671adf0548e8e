"""Writing cosign's older tags: one manifest an image, a layer for every signature on it.

Adding a signature is reading the manifest, appending a layer, writing it back. Registries ignore
If-Match (measured), so a writer looks once more before it writes, and again afterwards: nobody
else's layer is lost to a reader that was slow, and its own neither. A tag that could not be read
is never taken for one that is not there.
"""

from __future__ import annotations

import json
import random
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from provenance.errors import (
    LimitExceeded,
    MalformedDocument,
    NotFound,
    RegistryUnavailable,
)
from provenance.evidence.legacy_layers import annotations_of
from provenance.evidence.placements import Placement
from provenance.evidence.storing import Stored
from provenance.oci.descriptor import Descriptor
from provenance.oci.manifest import Manifest, parse_manifest
from provenance.oci.media_types import OCI_CONFIG, OCI_MANIFEST
from provenance.oci.repository import digest_tag, read_blob
from provenance.settings import Limits
from provenance.strict_json import decode
from provenance.transport import stopping

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from provenance.digests import Digest
    from provenance.evidence.storing import Shelf
    from provenance.oci.repository import Writable
    from provenance.verification import LayerSignature

__all__ = ["store_layer"]

_LAYERS = 1000  # cosign reads no more (pkg/oci: maxLayers)
_TRIES = 24
_SETTLE = 0.02
_SINCE_EVER = "0001-01-01T00:00:00Z"


def store_layer(
    shelf: Shelf,
    subject: Digest,
    layer: LayerSignature,
    *,
    kind: str,
    predicate_type: str = "",
) -> Stored:
    """Append a signature to the `.sig` manifest of `subject`, or a statement to its `.att`.

    A layer that is there already, annotations and all, is not added again.

    Raises:
        LimitExceeded: the manifest has as many layers as are read.
        MalformedDocument: something else has that tag: it is left as it is.
        RegistryUnavailable: others wrote in between, again and again.
        ProvenanceError: the registry refused or did not answer.
    """
    tag = digest_tag(subject, "att" if predicate_type else "sig")
    added = Descriptor.of(
        layer.payload, layer.media_type, annotations=annotations_of(layer, predicate_type)
    )
    with shelf.repository() as repository, _alone(repository, tag):
        repository.push_blob(layer.payload, added)
        descriptor = _settle(repository, tag, added, shelf.limits or Limits())
    return Stored(
        shelf.place.with_digest(descriptor.digest),
        Descriptor(descriptor.media_type, descriptor.digest, descriptor.size),
        kind,
        Placement("tag", tag),
        subject=subject,
    )


def _alone(repository: Writable, tag: str) -> AbstractContextManager[Any]:
    """One thread of this process at a time."""
    learnt = getattr(repository, "learnt", None)
    return nullcontext() if learnt is None else learnt.lock_of(tag)


def _settle(repository: Writable, tag: str, added: Descriptor, limits: Limits) -> Descriptor:
    """Write until the layer is there, and nobody has written since it was seen to be.

    The pause is as long as a writer takes here, and differs by chance, so that writers do not
    march in step.
    """
    took, seen = _SETTLE, ""
    for _ in range(_TRIES):
        began = time.monotonic()
        base = _read(repository, tag)
        if base is not None and _has(base, added):
            if seen in {"", base.descriptor.digest}:  # "": it was there before
                return base.descriptor
            seen = str(base.descriptor.digest)
        else:
            seen = _append(repository, tag, base, added, limits) or seen
        took = max(took, time.monotonic() - began)
        stopping.pause(took * random.uniform(1, 2))  # noqa: S311
    raise RegistryUnavailable(
        f"the tag {tag} was overwritten by others {_TRIES} times",
        reference=repository.name,
        hint="what was signed is not listed; run it again",
    )


def _read(repository: Writable, tag: str) -> Manifest | None:
    """The manifest at `tag`; None: the registry says that there is none."""
    try:
        found = repository.manifest(tag)
    except NotFound:
        return None
    if not isinstance(found, Manifest):
        raise MalformedDocument(
            f"the tag {tag} is an index, where signatures are layers of a manifest",
            reference=repository.name,
            hint="nothing was written there; look at what has the tag",
        )
    return found


def _has(base: Manifest, added: Descriptor) -> bool:
    return any(
        (layer.digest, layer.media_type, dict(layer.annotations))
        == (added.digest, added.media_type, dict(added.annotations))
        for layer in base.layers
    )


def _append(
    repository: Writable, tag: str, base: Manifest | None, added: Descriptor, limits: Limits
) -> str:
    """Write the manifest with one layer more; empty: the tag has moved since it was read."""
    most = min(_LAYERS, limits.layers)
    if base is not None and len(base.layers) >= most:
        raise LimitExceeded(
            f"the tag {tag} has {len(base.layers)} signatures, and no more than {most} are read",
            reference=repository.name,
            hint="remove those that no one needs, or sign as bundles",
        )
    old = None if base is None else read_blob(repository, base.config, limit=limits.config_bytes)
    config = _config(old, base, added)
    described = Descriptor.of(config, base.config.media_type if base else OCI_CONFIG)
    repository.push_blob(config, described)
    manifest = _manifest(base, described, added)
    if len(manifest.raw) > limits.manifest_bytes:
        raise LimitExceeded(
            f"with this signature the tag {tag} would have {len(manifest.raw)} bytes, more than "
            f"{limits.manifest_bytes}, which is what readers and registries take",
            reference=repository.name,
            hint="remove those that no one needs, or sign as bundles",
        )
    if _read_digest(repository, tag) != (base.descriptor.digest if base else None):
        return ""
    repository.push_manifest(manifest, tag=tag)
    return str(manifest.descriptor.digest)


def _read_digest(repository: Writable, tag: str) -> Digest | None:
    try:
        return repository.resolve(tag).digest
    except NotFound:
        return None


def _manifest(base: Manifest | None, config: Descriptor, added: Descriptor) -> Manifest:
    """`base` with a layer more, everything else in it as it was."""
    if base is None:
        return Manifest.build(config, [added])
    document = decode(base.raw)
    document["config"] = config.to_json()
    document["layers"] = [*document["layers"], added.to_json()]
    raw = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    limits = Limits(manifest_bytes=len(raw), layers=_LAYERS)
    built = parse_manifest(raw, base.descriptor.media_type or OCI_MANIFEST, limits=limits)
    if not isinstance(built, Manifest):
        raise MalformedDocument("the manifest of signatures is no manifest")
    return built


def _config(old: bytes | None, base: Manifest | None, added: Descriptor) -> bytes:
    """The config that cosign writes: an image of no platform, with a layer for every signature.

    One of another form (tools write `{}` too) is made anew, as nothing is read from it.
    """
    listed = [str(layer.digest) for layer in base.layers] if base is not None else []
    document: Any = None
    if old is not None:
        try:
            document = decode(old)
        except MalformedDocument:
            document = None
    if not _is_whole(document, listed):
        document = {
            "architecture": "",
            "created": _SINCE_EVER,
            "history": [{"created": _SINCE_EVER} for _ in listed],
            "os": "",
            "rootfs": {"type": "layers", "diff_ids": listed},
            "config": {},
        }
    document["history"] = [*document["history"], {"created": _SINCE_EVER}]
    diff_ids = [*document["rootfs"]["diff_ids"], str(added.digest)]
    document["rootfs"] = document["rootfs"] | {"diff_ids": diff_ids}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _is_whole(document: Any, listed: list[str]) -> bool:
    """Whether a config says of the layers what cosign says."""
    if not isinstance(document, dict) or not isinstance(document.get("history"), list):
        return False
    rootfs = document.get("rootfs")
    return isinstance(rootfs, dict) and rootfs.get("diff_ids") == listed
