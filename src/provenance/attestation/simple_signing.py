"""`SimpleSigning`: what cosign signed before it signed statements.

Source: containers/image, "signature" (the payload); cosign, `specs/SIGNATURE_SPEC.md`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from provenance.digests import Digest
from provenance.errors import InvalidDigest, MalformedDocument, UnsupportedFormat
from provenance.strict_json import decode_object

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SIMPLE_SIGNING", "SimpleSigning"]

SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"
"""Media type of the layer that holds it."""
_MOST_VALUES = 100_000
_TYPES = ("cosign container image signature", "atomic container signature")
# What Go's encoder writes in place of these, so that the bytes are cosign's.
_ESCAPED = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


@dataclass(frozen=True, slots=True)
class SimpleSigning:
    """One payload, its bytes kept. Whether anyone signed it is not for this type to say."""

    raw: bytes = field(repr=False)
    digest: Digest
    """Of the image's manifest."""
    docker_reference: str
    """The name that the signer gave the image; a claim about a name, not checked by cosign."""
    annotations: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)
    """`optional`: what was said along with it."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as bytes."""
        return type(self).parse, (self.raw,)

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """The payload in `raw`.

        Raises:
            MalformedDocument: no JSON, or not of the form of a payload.
            UnsupportedFormat: a payload of another type.
        """
        document = decode_object(raw, values=_MOST_VALUES)
        critical = document.get("critical")
        if not isinstance(critical, dict):
            raise MalformedDocument("must be an object", pointer="/critical")
        if critical.get("type") not in _TYPES:
            raise UnsupportedFormat(
                f"{str(critical.get('type'))[:100]!r} is no signature of a container image",
                hint=f"expected {_TYPES[0]!r}",
            )
        image, identity = critical.get("image"), critical.get("identity")
        if not isinstance(image, dict) or not isinstance(identity, dict):
            raise MalformedDocument("must have image and identity", pointer="/critical")
        name = identity.get("docker-reference", "")
        if not isinstance(name, str):
            raise MalformedDocument(
                "must be a string", pointer="/critical/identity/docker-reference"
            )
        optional = document.get("optional") or {}
        if not isinstance(optional, dict):
            raise MalformedDocument("must be an object", pointer="/optional")
        at = "/critical/image/docker-manifest-digest"
        try:
            digest = Digest.parse(str(image.get("docker-manifest-digest")))
        except InvalidDigest as error:
            raise MalformedDocument("must be a digest", pointer=at) from error
        return cls(raw, digest, name, optional)

    @classmethod
    def build(
        cls, digest: Digest, docker_reference: str, annotations: Mapping[str, str] | None = None
    ) -> Self:
        """A new payload, byte for byte what cosign signs for the same arguments.

        Args:
            digest: of the image's manifest or index.
            docker_reference: the repository's name.
            annotations: what is said along with it.

        Raises:
            MalformedDocument: an annotation that is no text.
        """
        document = {
            "critical": {
                "identity": {"docker-reference": docker_reference},
                "image": {"docker-manifest-digest": str(digest)},
                "type": _TYPES[0],
            },
            "optional": dict(sorted(annotations.items())) if annotations else None,
        }
        text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
        try:
            return cls.parse(text.translate(_ESCAPED).encode("utf-8"))
        except UnicodeEncodeError as error:
            raise MalformedDocument(
                "an annotation holds half of a surrogate pair, which is no character",
                pointer="/optional",
            ) from error
