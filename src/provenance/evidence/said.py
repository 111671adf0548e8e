"""What a caller wants to say of an image: from an SBOM, an object or a file to predicate bytes.

The words of `cosign attest --type` mean what they mean there: `custom` wraps a file's text in
`Data` and `Timestamp`, `spdx` takes tag-value as one JSON string. But an SPDX document in JSON is
an object under `spdx` too, where cosign writes a string that it does not find again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

from provenance.attestation.predicate_types import CUSTOM, family, resolve_predicate_type
from provenance.attestation.predicates.cosign import predicate_of_file
from provenance.attestation.statement import Statement, spelled
from provenance.digests import Digest
from provenance.errors import (
    LimitExceeded,
    MalformedDocument,
    NotFound,
    ProvenanceError,
    SigningError,
    UnsupportedFormat,
)
from provenance.evidence.storing import now

if TYPE_CHECKING:
    from provenance.image import Image
    from provenance.sbom import Sbom
    from provenance.settings import Limits

__all__ = ["Predicate", "Said", "Sayable", "said_of"]

_SBOMS = frozenset({"spdx", "cyclonedx"})
_SBOM_TYPES = {"spdx": "application/spdx+json", "cyclonedx": "application/vnd.cyclonedx+json"}


@runtime_checkable
class Predicate(Protocol):
    """What knows its own predicate type: an `Sbom`, a provenance, ..."""

    @property
    def predicate_type(self) -> str:
        """The type's URI."""
        ...

    @property
    def predicate(self) -> bytes | Mapping[str, Any]:
        """The predicate, as JSON bytes or an object."""
        ...


Sayable: TypeAlias = "Predicate | Mapping[str, Any] | bytes | str | Path"
"""An object that knows its type, a JSON object, or a document: its bytes, or its path."""


@dataclass(frozen=True, slots=True)
class Said:
    """One predicate, ready to stand in a statement."""

    predicate_type: str
    predicate: bytes
    """JSON."""

    @property
    def kind(self) -> str:
        """The family of its type, or the type."""
        return family(self.predicate_type)

    @property
    def is_text(self) -> bool:
        """Whether it is a document in another syntax, as one JSON string."""
        return self.predicate.startswith(b'"')

    @property
    def document(self) -> bytes:
        """The document by itself: out of the JSON string, where it is one."""
        return str(json.loads(self.predicate)).encode() if self.is_text else self.predicate

    @property
    def media_type(self) -> str:
        """Of the document."""
        if self.is_text:
            return "text/spdx" if self.kind == "spdx" else "text/plain"
        return _SBOM_TYPES.get(self.kind, "application/json")


def said_of(given: Sayable, predicate_type: str | None, image: Image, limits: Limits) -> Said:
    """What `given` says of `image`.

    Raises:
        SigningError: an SBOM or statement of another image.
        NotFound: no such file.
        LimitExceeded: larger than `Limits.document_bytes`.
        MalformedDocument: no predicate type is known, or not what the type asks for.
        UnsupportedFormat: without a type, and no SBOM either.
    """
    if isinstance(given, (bytes, str, Path)):
        said = _of_document(given, predicate_type, image, limits)
    elif isinstance(given, Mapping):
        said = _of_object(given, _resolved(predicate_type))
    else:
        wanted = _resolved(predicate_type or given.predicate_type)
        _refuse_other_subject(image, given)
        body = given.predicate_bytes if isinstance(given, Statement) else given.predicate
        said = Said(wanted, body.strip() if isinstance(body, bytes) else spelled(body))
    if len(said.predicate) > limits.document_bytes:
        raise LimitExceeded(
            f"the predicate has {len(said.predicate)} bytes, more than {limits.document_bytes}",
            hint="raise Limits.document_bytes",
        )
    return said


def _resolved(predicate_type: str | None) -> str:
    if not predicate_type:
        raise MalformedDocument(
            "a plain JSON object has no predicate type of its own",
            hint="give predicate_type=, a URI or a name such as slsa-provenance",
        )
    try:
        return resolve_predicate_type(predicate_type)
    except ValueError as error:
        raise MalformedDocument(str(error)) from error


def _of_object(given: Mapping[str, Any], predicate_type: str) -> Said:
    if predicate_type == CUSTOM and set(given) != {"Data", "Timestamp"}:
        return Said(*predicate_of_file(CUSTOM, spelled(given), now=now()))
    return Said(predicate_type, spelled(given))


def _of_document(
    given: bytes | str | Path, predicate_type: str | None, image: Image, limits: Limits
) -> Said:
    if not isinstance(given, bytes):
        with ProvenanceError.located_at(given):
            raw = _read(Path(given), limits.document_bytes)
            return _of_document(raw, predicate_type, image, limits)
    wanted = _resolved(predicate_type) if predicate_type else ""
    if not wanted or family(wanted) in _SBOMS:
        return _of_sbom(given, predicate_type or "", wanted, image, limits)
    return Said(*predicate_of_file(wanted, given, now=now()))


def _of_sbom(raw: bytes, named: str, wanted: str, image: Image, limits: Limits) -> Said:
    from provenance.sbom import read_sbom

    try:
        sbom = read_sbom(raw, limits=limits)
    except UnsupportedFormat as error:
        error.hint = "give predicate_type= for what is no SBOM" if not named else error.hint
        raise
    if wanted and family(wanted) != family(sbom.predicate_type):
        raise MalformedDocument(
            f"it is {sbom.format.value}, and is to be attested as {named}",
            hint="leave the type out: an SBOM knows its own",
        )
    _refuse_other_subject(image, sbom)
    if named == "spdx" and sbom.format.syntax == "tag-value":
        return Said(wanted, json.dumps(_text(raw), ensure_ascii=False).encode())
    return Said(wanted or sbom.predicate_type, sbom.predicate.strip())


def _refuse_other_subject(image: Image, predicate: Predicate | Sbom) -> None:
    """An SBOM that names its image must name this one; a statement must be about it."""
    if isinstance(predicate, Statement):
        if image.digest is not None and not predicate.is_about(image.digest):
            raise _other_subject(image, "another image")
        return
    subject = getattr(predicate, "subject", None)
    digest = getattr(subject, "digest", None)
    if isinstance(digest, Digest) and digest != image.digest:
        raise _other_subject(image, str(digest))


def _other_subject(image: Image, described: str) -> SigningError:
    return SigningError(
        f"the document describes {described}, not this image",
        reference=str(image.reference),
        hint="generate it from this image, or attest it to the one it describes",
    )


def _read(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            raw = file.read(limit + 1)
    except (OSError, ValueError) as error:  # ValueError: no name that a file can have
        why = error.strerror if isinstance(error, OSError) else "no path"
        raise NotFound(
            f"{str(path)[:300]!r} cannot be read ({why})", hint="check the path"
        ) from error
    return raw


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedDocument(
            "the document is not in UTF-8", hint="attach it instead, or convert it"
        ) from error
