"""`Statement`: who is spoken of, and what is said. Source: in-toto Attestation Framework v1.

Read more widely than it is written: version 0.1, subjects without a name, digests of any
algorithm, predicates of any JSON type all exist in the wild, signed by honest tools.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from provenance.attestation.resource import ResourceDescriptor
from provenance.errors import MalformedDocument, UnsupportedFormat
from provenance.strict_json import decode_object

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from provenance.digests import Digest

__all__ = [
    "PAYLOAD_TYPE",
    "STATEMENT_V01",
    "STATEMENT_V1",
    "ResourceDescriptor",
    "Statement",
    "spelled",
]

STATEMENT_V01 = "https://in-toto.io/Statement/v0.1"
"""What `cosign attest` writes, whatever the predicate."""
STATEMENT_V1 = "https://in-toto.io/Statement/v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
"""The DSSE payload type of a statement."""
_MAX_SUBJECTS = 10_000
_MOST_VALUES = 10_000_000
"""Of JSON, in a statement: a large SBOM has some millions."""
# Readers made from the protocol buffer take these names too: one that is given beside the usual
# one would be shown by us and believed by them, or the other way round.
_OTHER_SPELLINGS = ("predicate_type", "type")


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
        document = decode_object(raw, values=_MOST_VALUES)
        kind = document.get("_type")
        if kind not in (STATEMENT_V01, STATEMENT_V1):  # any JSON value, hashable or not
            raise UnsupportedFormat(
                f"{str(kind)[:100]!r} is no in-toto statement this library reads",
                hint=f"expected _type {STATEMENT_V1}",
            )
        for name in _OTHER_SPELLINGS:
            if name in document:
                raise MalformedDocument(
                    f"{name} is another spelling of a field that has its own name",
                    pointer=f"/{name}",
                )
        predicate_type = document.get("predicateType")
        if not isinstance(predicate_type, str) or not predicate_type:
            raise MalformedDocument("predicateType must be a string", pointer="/predicateType")
        subjects = document.get("subject")
        if not isinstance(subjects, list) or not 0 < len(subjects) <= _MAX_SUBJECTS:
            raise MalformedDocument("subject must be an array of subjects", pointer="/subject")
        parsed = tuple(
            ResourceDescriptor.read(s, f"/subject/{i}", needs_digest=True)
            for i, s in enumerate(subjects)
        )
        return cls(raw, kind, parsed, predicate_type, document.get("predicate"))

    @classmethod
    def build(
        cls,
        subjects: Sequence[ResourceDescriptor],
        predicate_type: str,
        predicate: bytes | str | Mapping[str, Any] | Sequence[Any] | None,
        *,
        statement_type: str = STATEMENT_V1,
    ) -> Self:
        """A new statement.

        Args:
            subjects: what it is about.
            predicate_type: the type's URI.
            predicate: a JSON value; bytes are JSON already and are embedded as they are.
            statement_type: `STATEMENT_V1`, or `STATEMENT_V01` for verifiers that know no other.

        Raises:
            MalformedDocument: the predicate is no JSON, or there is no subject.
            UnsupportedFormat: another statement type.
        """
        head = {
            "_type": statement_type,
            "subject": [subject.to_dict() for subject in subjects],
            "predicateType": predicate_type,
        }
        body = (predicate if isinstance(predicate, bytes) else spelled(predicate)).strip()
        built = cls.parse(spelled(head)[:-1] + b',"predicate":' + body + b"}")
        if built.predicate_bytes != body:
            raise MalformedDocument("the predicate is more than one JSON value")
        return built


def spelled(document: Any) -> bytes:
    """A predicate, or a whole statement, as JSON without a space.

    Raises:
        MalformedDocument: it is no JSON value.
    """
    try:
        text = json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return text.encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise MalformedDocument(
            f"the predicate is no JSON: {error}", pointer="/predicate"
        ) from error
