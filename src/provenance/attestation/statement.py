"""`Statement`: who is spoken of, and what is said. Source: in-toto Attestation Framework v1.

Read more widely than it is written: version 0.1, subjects without a name, digests of any
algorithm, predicates of any JSON type all exist in the wild, signed by honest tools.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from provenance.errors import MalformedDocument, UnsupportedFormat
from provenance.strict_json import decode_object

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from provenance.digests import Digest

__all__ = ["PAYLOAD_TYPE", "STATEMENT_V1", "ResourceDescriptor", "Statement"]

STATEMENT_V01 = "https://in-toto.io/Statement/v0.1"
STATEMENT_V1 = "https://in-toto.io/Statement/v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
"""The DSSE payload type of a statement."""
_MAX_SUBJECTS = 10_000


@dataclass(frozen=True, slots=True)
class ResourceDescriptor:
    """One subject."""

    name: str = ""
    """Empty where the statement has none."""
    digest: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Algorithm to value, as written."""
    annotations: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def is_about(self, digest: Digest) -> bool:
        """Whether this subject is the content with `digest`."""
        return self.digest.get(digest.algorithm) == digest.hex


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement, its bytes kept. Whether anyone signed it is not for this type to say."""

    raw: bytes = field(repr=False)
    type: str
    subjects: tuple[ResourceDescriptor, ...]
    predicate_type: str
    predicate: Any = field(repr=False, hash=False, compare=False)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as bytes."""
        return type(self).parse, (self.raw,)

    @property
    def predicate_bytes(self) -> bytes:
        """The predicate exactly as it stands in `raw`."""
        import msgspec

        parts = msgspec.json.decode(self.raw, type=dict[str, msgspec.Raw])
        return bytes(parts.get("predicate", b"null"))

    def is_about(self, digest: Digest) -> bool:
        """Whether a subject is the content with `digest`."""
        return any(subject.is_about(digest) for subject in self.subjects)

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """The statement in `raw`.

        Raises:
            MalformedDocument: no JSON, or not of the form of a statement.
            UnsupportedFormat: a JSON object of another type or version.
        """
        document = decode_object(raw)
        kind = document.get("_type")
        if kind not in (STATEMENT_V01, STATEMENT_V1):  # any JSON value, hashable or not
            raise UnsupportedFormat(
                f"{str(kind)[:100]!r} is no in-toto statement this library reads",
                hint=f"expected _type {STATEMENT_V1}",
            )
        predicate_type = document.get("predicateType")
        if not isinstance(predicate_type, str) or not predicate_type:
            raise MalformedDocument("predicateType must be a string", pointer="/predicateType")
        subjects = document.get("subject")
        if not isinstance(subjects, list) or not 0 < len(subjects) <= _MAX_SUBJECTS:
            raise MalformedDocument("subject must be an array of subjects", pointer="/subject")
        parsed = tuple(_subject(s, f"/subject/{i}") for i, s in enumerate(subjects))
        return cls(raw, kind, parsed, predicate_type, document.get("predicate"))

    @classmethod
    def build(
        cls,
        subjects: Sequence[ResourceDescriptor],
        predicate_type: str,
        predicate: bytes | Mapping[str, Any],
    ) -> Self:
        """A new statement, version 1. A predicate given as JSON bytes is embedded as it is.

        Raises:
            MalformedDocument: the predicate is no JSON.
        """
        listed = []
        for subject in subjects:
            # Always a name: Sigstore's Python client refuses to sign without one.
            one: dict[str, Any] = {"name": subject.name, "digest": dict(subject.digest)}
            if subject.annotations:
                one["annotations"] = dict(subject.annotations)
            listed.append(one)
        head = {"_type": STATEMENT_V1, "subject": listed, "predicateType": predicate_type}
        body = (predicate if isinstance(predicate, bytes) else _dump(predicate)).strip()
        built = cls.parse(_dump(head)[:-1] + b',"predicate":' + body + b"}")
        if built.predicate_bytes != body:
            raise MalformedDocument("the predicate is more than one JSON value")
        return built


def _subject(value: Any, pointer: str) -> ResourceDescriptor:
    if not isinstance(value, dict):
        raise MalformedDocument("a subject must be an object", pointer=pointer)
    name, digest = value.get("name"), value.get("digest")
    if name is not None and not isinstance(name, str):
        raise MalformedDocument("name must be a string", pointer=f"{pointer}/name")
    if not isinstance(digest, dict) or not all(isinstance(v, str) for v in digest.values()):
        raise MalformedDocument("digest must be an object of strings", pointer=f"{pointer}/digest")
    annotations = value.get("annotations")
    if annotations is not None and not isinstance(annotations, dict):
        raise MalformedDocument("annotations must be an object", pointer=f"{pointer}/annotations")
    return ResourceDescriptor(
        name or "", MappingProxyType(dict(digest)), MappingProxyType(dict(annotations or {}))
    )


def _dump(document: Mapping[str, Any]) -> bytes:
    try:
        text = json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return text.encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise MalformedDocument(
            f"the predicate is no JSON: {error}", pointer="/predicate"
        ) from error
