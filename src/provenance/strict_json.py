"""JSON that can be read in one way only: no duplicate keys, NaN, half characters, deep nesting.

What two parsers read differently is how signed documents are forged (CVE-2021-41190 and kin).
Source: RFC 8259; I-JSON, RFC 7493 section 2.3.
"""

from __future__ import annotations

import functools
import json
import math
import re
from typing import TYPE_CHECKING, Any

from provenance.errors import LimitExceeded, MalformedDocument

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["decode", "decode_object", "refuse_other_spellings"]

_DEPTH = 200
_SEPARATORS = (b",", b"{", b"[")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def decode(raw: bytes, *, values: int | None = None) -> Any:
    """The value that `raw` spells.

    Args:
        raw: JSON in UTF-8.
        values: how many values it may have at most, for what strangers wrote: three bytes of JSON
            can take a hundred of memory. Separators inside strings count, too.

    Raises:
        MalformedDocument: not UTF-8 or not JSON, a key twice, NaN or Infinity, a number larger
            than a double can be, half of a surrogate pair, or more than 200 levels deep.
        LimitExceeded: more than `values`.
    """
    if values is not None and sum(map(raw.count, _SEPARATORS)) > values:
        raise LimitExceeded(f"has more than {values} JSON values", hint="it is made to fill memory")
    try:
        value = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
    except RecursionError as error:
        raise MalformedDocument("is nested too deeply") from error
    except ValueError as error:
        raise MalformedDocument(f"is no JSON: {str(error)[:200]}") from error
    # Each level opens with a bracket: what has few of them is not deep.
    if raw.count(b"{") + raw.count(b"[") >= _DEPTH and _deeper_than(value, _DEPTH):
        raise MalformedDocument(f"is nested more than {_DEPTH} levels deep")
    if _SURROGATE.search(raw) and not _is_text(value):
        raise MalformedDocument("has half of a surrogate pair, which is no character")
    return value


def decode_object(raw: bytes, *, values: int | None = None) -> dict[str, Any]:
    """Like `decode`, of an object. Raises MalformedDocument for any other value."""
    value = decode(raw, values=values)
    if not isinstance(value, dict):
        raise MalformedDocument("must be a JSON object")
    return value


def refuse_other_spellings(fields: Iterable[str], known: frozenset[str], at: str = "") -> None:
    """Raise for a field that Go's parser, and so each runtime, takes for one of `known`.

    It finds fields by their letters, whatever the case of these, and of two takes the last: an
    image with `layers` and `Layers` is one image to a reader of either, and another to the other.

    Raises:
        MalformedDocument: `at` is where the object stands.
    """
    for name in fields:
        if name not in known and (meant := _folded(known).get(name.casefold())):
            raise MalformedDocument(
                f"has a field {name[:100]!r}, which some readers take for {meant!r}",
                pointer=at or "/",
            )


@functools.lru_cache(maxsize=64)
def _folded(known: frozenset[str]) -> dict[str, str]:
    return {name.casefold(): name for name in known}


def _is_text(value: Any) -> bool:
    """Whether every string can be written down again."""
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _deeper_than(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [
            child
            for parent in level
            if isinstance(parent, (dict, list))
            for child in (parent.values() if isinstance(parent, dict) else parent)
        ]
        if not level:
            return False
    return True


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in pairs:
        if key in out:
            raise MalformedDocument(f"has the key {key[:100]!r} twice")
        out[key] = value
    return out


def _finite(text: str) -> float:
    # 1e999 is JSON, but would be infinite, and Infinity is not.
    if (value := float(text)) in {math.inf, -math.inf}:
        raise MalformedDocument(f"has the number {text[:40]}, which is too large")
    return value


def _no_constant(name: str) -> Any:
    raise MalformedDocument(f"has {name}, which is no JSON")
