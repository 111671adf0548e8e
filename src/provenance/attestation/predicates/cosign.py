"""Cosign's own predicates, and what `cosign attest --type` makes of a file.

Source: cosign, `pkg/cosign/attestation/attestation.go`, `specs/COSIGN_PREDICATE_SPEC.md`.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import Any, ClassVar

from provenance.attestation.predicate_types import (
    COSIGN_TYPES,
    CUSTOM,
    SLSA_PROVENANCE_V02,
    SLSA_PROVENANCE_V1,
    resolve_predicate_type,
)
from provenance.attestation.predicates.fields import moment, value_at
from provenance.attestation.predicates.predicate import TypedPredicate
from provenance.errors import MalformedDocument
from provenance.strict_json import decode

__all__ = ["Custom", "Signature", "predicate_of_file"]

# What cosign refuses to attest without.
_REQUIRED = {
    SLSA_PROVENANCE_V02: ("builder", "buildType"),
    SLSA_PROVENANCE_V1: ("buildDefinition", "runDetails"),
    COSIGN_TYPES["link"]: (
        "_type",
        "name",
        "byproducts",
        "command",
        "materials",
        "products",
        "environment",
    ),
}


class Signature(TypedPredicate):
    """A signature that is a statement with nothing to say (`cosign sign` since version 3)."""

    __slots__ = ()


class Custom(TypedPredicate):
    """Free text, or any JSON, in cosign's envelope."""

    __slots__ = ()
    FIELDS: ClassVar[tuple[str, ...]] = ("timestamp",)

    @property
    def data(self) -> Any:
        """What was said: cosign writes a string, others have written JSON."""
        return value_at(self.raw, "Data")

    @property
    def timestamp(self) -> dt.datetime | None:
        """When the signer says it was, in UTC."""
        return moment(self.raw, "Timestamp")


def predicate_of_file(
    name: str, data: bytes, *, now: dt.datetime | None = None
) -> tuple[str, bytes]:
    """The predicate type and predicate that `cosign attest --type NAME` makes of a file.

    `custom` wraps any text with the time; `spdx` makes one string of the file, whatever it is
    (`spdxjson` is for JSON); all else is JSON and is kept as it is, where cosign writes it anew.

    Args:
        name: cosign's word, a family name, or a URI.
        data: the file.
        now: for `custom`; None: the time it is.

    Raises:
        ValueError: `name` is no predicate type.
        MalformedDocument: the file is not what the type asks for.
    """
    predicate_type = resolve_predicate_type(name)
    if predicate_type == CUSTOM:
        # Seconds and Z, as Go's time.RFC3339 of a UTC time has them.
        moment_of_it = (now or dt.datetime.now(dt.UTC)).astimezone(dt.UTC)
        stamp = moment_of_it.strftime("%Y-%m-%dT%H:%M:%SZ")
        return predicate_type, _json({"Data": _text(data), "Timestamp": stamp})
    if name == "spdx":
        return predicate_type, _json(_text(data))
    document = decode(data)
    if not isinstance(document, dict):
        raise MalformedDocument(f"a predicate of type {name} must be a JSON object")
    for field in _REQUIRED.get(predicate_type, ()):
        if field not in document:
            raise MalformedDocument(
                f"a predicate of type {name} must have {field}", pointer=f"/{field}"
            )
    return predicate_type, data.strip()


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedDocument("the file is no UTF-8 text") from error


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
