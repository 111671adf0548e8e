"""`Descriptor`: what points at content. Source: image-spec v1.1, descriptor.md."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Self

from provenance.digests import Digest
from provenance.errors import InvalidDigest, MalformedDocument
from provenance.oci.platforms import Platform
from provenance.strict_json import refuse_other_spellings

__all__ = ["EMPTY_DESCRIPTOR", "Descriptor", "Platform"]

_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][\w.+!#$&^-]*/[A-Za-z0-9][\w.+!#$&^;= -]*", re.ASCII)
_MAX_SIZE = 1 << 62
_FIELDS = frozenset(
    {"mediaType", "digest", "size", "urls", "annotations", "data", "artifactType", "platform"}
)


@dataclass(frozen=True, slots=True)
class Descriptor:
    """Media type, digest and size of some content, and what is said about it."""

    media_type: str
    digest: Digest
    size: int
    """Bytes."""
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)
    artifact_type: str = ""
    platform: Platform | None = None
    data: bytes | None = None
    """The content itself where it is embedded; a claim until it is checked."""
    urls: tuple[str, ...] = ()
    """Foreign places; never fetched (GHSA-qvqc-4c52-x6qp)."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle with a plain dict, as a read-only view does not."""
        return type(self), (
            self.media_type,
            self.digest,
            self.size,
            dict(self.annotations),
            self.artifact_type,
            self.platform,
            self.data,
            self.urls,
        )

    @classmethod
    def of(cls, data: bytes, /, media_type: str, **more: Any) -> Self:
        """The descriptor of `data`; `more` are other fields."""
        return cls(media_type, Digest.of(data), len(data), **more)

    @classmethod
    def from_json(cls, value: Any, pointer: str = "") -> Self:
        """From decoded JSON. Raises MalformedDocument with the pointer of the fault."""
        if not isinstance(value, Mapping):
            raise MalformedDocument("a descriptor must be an object", pointer=pointer)
        refuse_other_spellings(value, _FIELDS, pointer)
        media_type = value.get("mediaType")
        if not isinstance(media_type, str) or len(media_type) > 255:
            raise MalformedDocument("mediaType must be a string", pointer=f"{pointer}/mediaType")
        if _MEDIA_TYPE.fullmatch(media_type) is None:
            raise MalformedDocument("mediaType is no media type", pointer=f"{pointer}/mediaType")
        size = value.get("size")
        if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= _MAX_SIZE:
            raise MalformedDocument("size must be a number of bytes", pointer=f"{pointer}/size")
        raw_digest = value.get("digest")
        try:
            digest = Digest(raw_digest if isinstance(raw_digest, str) else repr(raw_digest)[:150])
        except InvalidDigest as error:
            raise MalformedDocument(error.message, pointer=f"{pointer}/digest") from error
        artifact_type = value.get("artifactType") or ""
        urls = value.get("urls") or ()
        if not isinstance(artifact_type, str):
            raise MalformedDocument(
                "artifactType must be a string", pointer=f"{pointer}/artifactType"
            )
        if not isinstance(urls, (list, tuple)) or not all(isinstance(u, str) for u in urls):
            raise MalformedDocument("urls must be strings", pointer=f"{pointer}/urls")
        platform = value.get("platform")
        return cls(
            media_type,
            digest,
            size,
            annotations_from_json(value.get("annotations"), f"{pointer}/annotations"),
            artifact_type,
            None if platform is None else Platform.from_json(platform, f"{pointer}/platform"),
            _embedded(value.get("data"), f"{pointer}/data"),
            tuple(urls),
        )

    def to_json(self) -> dict[str, Any]:
        """As image-spec writes it, keys in the specification's order."""
        out: dict[str, Any] = {
            "mediaType": self.media_type,
            "digest": str(self.digest),
            "size": self.size,
        }
        if self.urls:
            out["urls"] = list(self.urls)
        if self.annotations:
            out["annotations"] = dict(sorted(self.annotations.items()))
        if self.data is not None:
            out["data"] = base64.b64encode(self.data).decode("ascii")
        if self.artifact_type:
            out["artifactType"] = self.artifact_type
        if self.platform is not None:
            out["platform"] = self.platform.to_json()
        return out


EMPTY_DESCRIPTOR = Descriptor.of(b"{}", "application/vnd.oci.empty.v1+json")
"""The empty JSON object, image-spec's placeholder for a config or layer."""


def annotations_from_json(value: Any, pointer: str) -> Mapping[str, str]:
    """A read-only string map; null is empty. Raises MalformedDocument."""
    if value is None:
        return MappingProxyType({})
    if not isinstance(value, Mapping):
        raise MalformedDocument("annotations must be an object", pointer=pointer)
    for key, text in value.items():
        if not isinstance(text, str):
            raise MalformedDocument(f"annotation {key[:100]!r} must be a string", pointer=pointer)
    return MappingProxyType(dict(value))


def _embedded(value: Any, pointer: str) -> bytes | None:
    if value is None:
        return None
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise MalformedDocument("data must be base64", pointer=pointer) from error
