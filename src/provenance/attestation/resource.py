"""`ResourceDescriptor`: something a statement names. Source: in-toto Attestation Framework v1."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from provenance.errors import MalformedDocument

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provenance.digests import Digest

__all__ = ["ResourceDescriptor"]

_TEXTS = {
    "name": "name",
    "uri": "uri",
    "mediaType": "media_type",
    "downloadLocation": "download_location",
    "content": "content",
}
# Names that readers made from the protocol buffer take too.
_OTHER_SPELLINGS = ("media_type", "download_location")


@dataclass(frozen=True, slots=True)
class ResourceDescriptor:
    """A subject of a statement, a dependency, a document: whatever is named by digest or URI."""

    name: str = ""
    """Empty where it has none."""
    digest: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Algorithm to value, as written."""
    annotations: Mapping[str, Any] = field(default_factory=dict, hash=False)
    uri: str = ""
    media_type: str = ""
    download_location: str = ""
    content: str = field(default="", repr=False)
    """The resource itself, in base64."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle with plain dicts, as a read-only view does not."""
        texts = (self.uri, self.media_type, self.download_location, self.content)
        return type(self), (self.name, dict(self.digest), dict(self.annotations), *texts)

    def is_about(self, digest: Digest) -> bool:
        """Whether this is the content with `digest`."""
        return self.digest.get(digest.algorithm) == digest.hex

    def to_dict(self) -> dict[str, Any]:
        """As JSON. The name always: Sigstore's Python client refuses to sign without one."""
        listed: dict[str, Any] = {"name": self.name}
        for written, own in _TEXTS.items():
            if value := getattr(self, own):
                listed[written] = value
        listed["digest"] = dict(self.digest)
        if self.annotations:
            listed["annotations"] = dict(self.annotations)
        return listed

    @classmethod
    def read(cls, value: Any, pointer: str, *, needs_digest: bool = False) -> Self:
        """The descriptor in a decoded JSON value at `pointer`.

        Raises:
            MalformedDocument: not of the form of a descriptor, a field spelled otherwise than by
                its name, or no digest where there must be one.
        """
        if not isinstance(value, dict):
            raise MalformedDocument("must be an object", pointer=pointer)
        texts = {}
        for written, own in _TEXTS.items():
            text = value.get(written)
            if text is not None and not isinstance(text, str):
                raise MalformedDocument(
                    f"{written} must be a string", pointer=f"{pointer}/{written}"
                )
            texts[own] = text or ""
        for other in _OTHER_SPELLINGS:
            if other in value:
                raise MalformedDocument(
                    f"{other} is another spelling of a field that has its own name",
                    pointer=f"{pointer}/{other}",
                )
        digest = value.get("digest")
        if digest is None and not needs_digest:
            digest = {}
        if not isinstance(digest, dict) or not all(isinstance(v, str) for v in digest.values()):
            raise MalformedDocument(
                "digest must be an object of strings", pointer=f"{pointer}/digest"
            )
        annotations = value.get("annotations")
        if annotations is not None and not isinstance(annotations, dict):
            raise MalformedDocument(
                "annotations must be an object", pointer=f"{pointer}/annotations"
            )
        return cls(
            digest=MappingProxyType(dict(digest)),
            annotations=MappingProxyType(dict(annotations or {})),
            **texts,
        )
