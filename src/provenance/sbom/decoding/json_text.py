"""JSON as it is met, read wherever it can be understood. Source: RFC 8259."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import msgspec

from provenance.errors import MalformedDocument
from provenance.sbom.decoding.characters import in_utf8

__all__ = ["decode_json", "finite", "leniently", "slice_of", "within_64_bits"]

_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")
_SURROGATES = re.compile("[\ud800-\udfff]")


def decode_json(raw: bytes, *, depth: int | None = None) -> Any:
    """The value that `raw` spells, in whatever Unicode encoding.

    Read too, as others do: NaN and Infinity (as null), control characters in texts, bytes that
    are no UTF-8 and halves of surrogate pairs (as U+FFFD), numbers beyond 64 bits (as text).

    Args:
        raw: the document.
        depth: most levels of nesting; None: those the decoder takes.

    Raises:
        MalformedDocument: no JSON, with the line; or nested more deeply.
    """
    text = in_utf8(raw)
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        value = leniently(text)
    except RecursionError as error:
        raise _too_deep(depth) from error
    if depth is not None and _deeper_than(value, depth):
        raise _too_deep(depth)
    return value


def slice_of(raw: bytes, key: str) -> bytes:
    """The value at a key of an object, as it is written; empty where only leniency reads it."""
    try:
        members = msgspec.json.decode(in_utf8(raw), type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return b""
    return bytes(members.get(key, b""))


def _too_deep(depth: int | None) -> MalformedDocument:
    allowed = f"more than {depth} levels deep" if depth else "too deeply"
    return MalformedDocument(
        f"the document is nested {allowed}", hint="raise Limits.document_depth if it is honest"
    )


def leniently(text: bytes) -> Any:
    """The value of UTF-8 that a strict decoder refuses. Raises MalformedDocument."""
    try:
        value = json.loads(
            text.decode("utf-8", "replace"),
            strict=False,
            parse_constant=lambda _: None,
            parse_float=finite,
            parse_int=within_64_bits,
        )
        if _SURROGATE_ESCAPE.search(text):
            whole = json.dumps(value, ensure_ascii=False)
            value = json.loads(_SURROGATES.sub("\ufffd", whole))
    except RecursionError as error:
        raise _too_deep(None) from error
    except json.JSONDecodeError as error:
        raise MalformedDocument(
            f"the document is no JSON: {error.msg} in line {error.lineno}, column {error.colno}",
            pointer=f"line {error.lineno}",
        ) from error
    except ValueError as error:  # a number of thousands of digits
        raise MalformedDocument(f"the document is no JSON: {str(error)[:200]}") from error
    return value


def within_64_bits(text: str) -> int | str:
    """The number, or its text where it is larger than what every reader takes."""
    if len(text) < 19:
        return int(text)
    number = int(text) if len(text) < 30 else 1 << 99
    return number if -(1 << 63) <= number < 1 << 64 else text


def finite(text: str) -> float | str:
    """The number, or its text where no float holds it."""
    number = float(text)
    return number if math.isfinite(number) else text


def _deeper_than(value: Any, limit: int) -> bool:
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(limit):
        level = [
            child
            for parent in level
            for child in (parent.values() if type(parent) is dict else parent)
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return False
    return True
