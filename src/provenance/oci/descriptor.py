"""`Descriptor` and `Platform`: what points at content. Source: image-spec v1.1, descriptor.md."""

from __future__ import annotations

import base64
import binascii
import platform as _platform
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Self

from provenance.digests import Digest
from provenance.errors import InvalidDigest, InvalidReference, MalformedDocument

__all__ = ["EMPTY_DESCRIPTOR", "Descriptor", "Platform"]

_MACHINES = {
    "x86_64": ("amd64", ""),
    "amd64": ("amd64", ""),
    "aarch64": ("arm64", ""),
    "arm64": ("arm64", ""),
    "armv7l": ("arm", "v7"),
    "armv6l": ("arm", "v6"),
    "i386": ("386", ""),
    "i686": ("386", ""),
    "ppc64le": ("ppc64le", ""),
    "s390x": ("s390x", ""),
    "riscv64": ("riscv64", ""),
}
_ARCHITECTURES = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "i386": "386"}
# containerd's normalisation: these variants say nothing that their absence does not.
_DEFAULT_VARIANT = {"arm64": "v8", "arm": "v7", "amd64": "v1"}
_WORD = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][\w.+!#$&^-]*/[A-Za-z0-9][\w.+!#$&^;= -]*", re.ASCII)
_MAX_SIZE = 1 << 62


@dataclass(frozen=True, slots=True)
class Platform:
    """What a build of an image runs on."""

    os: str
    architecture: str
    variant: str = ""
    os_version: str = ""
    os_features: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str | Self) -> Self:
        """`os/architecture[/variant]`, e.g. `linux/arm64/v8`. Raises InvalidReference."""
        if isinstance(text, cls):
            return text
        parts = str(text).split("/")
        if not 2 <= len(parts) <= 3 or not all(_WORD.fullmatch(p) for p in parts):
            raise InvalidReference(
                f"{str(text)[:100]!r} is not a platform",
                hint="write it as linux/amd64 or linux/arm/v7",
            )
        os, architecture = parts[0].lower(), parts[1].lower()
        return cls(
            os, _ARCHITECTURES.get(architecture, architecture), parts[2] if parts[2:] else ""
        )

    @classmethod
    def host(cls) -> Self:
        """The platform of this machine's containers: Linux, on its processor."""
        machine = _platform.machine().lower()
        architecture, variant = _MACHINES.get(machine, (machine, ""))
        return cls("linux", architecture, variant)

    @classmethod
    def from_json(cls, value: Any, pointer: str = "") -> Self:
        """From a descriptor's `platform`. Raises MalformedDocument."""
        if not isinstance(value, Mapping):
            raise MalformedDocument("a platform must be an object", pointer=pointer)

        def word(key: str) -> str:
            found = value.get(key) or ""
            if not isinstance(found, str):
                raise MalformedDocument(f"{key} must be a string", pointer=f"{pointer}/{key}")
            return found

        features = value.get("os.features") or ()
        if not isinstance(features, (list, tuple)):
            raise MalformedDocument(
                "os.features must be an array", pointer=f"{pointer}/os.features"
            )
        return cls(
            word("os"),
            word("architecture"),
            word("variant"),
            word("os.version"),
            tuple(str(f) for f in features),
        )

    def to_json(self) -> dict[str, Any]:
        """As image-spec writes it."""
        out: dict[str, Any] = {"architecture": self.architecture, "os": self.os}
        if self.os_version:
            out["os.version"] = self.os_version
        if self.os_features:
            out["os.features"] = list(self.os_features)
        if self.variant:
            out["variant"] = self.variant
        return out

    def matches(self, wanted: Platform) -> bool:
        """Whether an image for `self` is one for `wanted`; no variant means the default one."""
        default = _DEFAULT_VARIANT.get(wanted.architecture, "")
        return (
            self.os == wanted.os
            and self.architecture == wanted.architecture
            and (self.variant or default) == (wanted.variant or default)
            and (not wanted.os_version or self.os_version == wanted.os_version)
        )

    def __str__(self) -> str:
        return "/".join(p for p in (self.os, self.architecture, self.variant) if p)


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
