"""Seeded damage to documents: bytes, values, keys and nesting. Shared by the mutation tests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random

__all__ = ["mutated"]

_OTHERS: tuple[Any, ...] = (
    *(None, True, 0, -1, 1.5, 10**30, "", "x", "\ud800", "NOASSERTION", [], {}, [[]], [None]),
    *([1], ["a"], {"a": 1}, [{}], {"": ""}, [{"name": []}], "a" * 5000, "\u0000", "2026-13-99"),
)
_TOKENS = (
    *(b"{", b"}", b"[", b"]", b'"', b"<", b">", b"</a>", b"&a;", b"<text>", b"</text>", b"\0"),
    *(b"\n", b": ", b"- ", b"&a ", b"*a", b"!!x ", b"? ", b"| ", b"NaN", b"1e999", b"\xff\xfe"),
    *(b"<![CDATA[", b"<!DOCTYPE x>", b"\\ud800", b"9" * 5000, b"SPDXRef-", b"{{", b"\xef\xbb\xbf"),
)


def mutated(raw: bytes, chance: random.Random) -> bytes:
    """The document with one to four faults."""
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        ways = [_flipped, _cut, _inserted, _repeated, _without, _nested]
        if raw[:1] == b"{":
            ways += [_retyped] * 4 + [_doubled] * 2
        raw = chance.choice(ways)(raw, chance)
    return raw


def _flipped(raw: bytes, chance: random.Random) -> bytes:
    out = bytearray(raw)
    for _ in range(chance.choice((1, 2, 8, 64))):
        if out:
            out[chance.randrange(len(out))] = chance.randrange(256)
    return bytes(out)


def _cut(raw: bytes, chance: random.Random) -> bytes:
    return raw[: chance.randrange(len(raw) + 1)]


def _inserted(raw: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(raw) + 1)
    return raw[:at] + chance.choice(_TOKENS) + raw[at:]


def _repeated(raw: bytes, chance: random.Random) -> bytes:
    """A piece of it, written again and again."""
    start = chance.randrange(len(raw) + 1)
    piece = raw[start : start + chance.choice((1, 10, 100, 1000))]
    return raw[:start] + piece * chance.choice((1, 2, 20)) + raw[start:]


def _without(raw: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(raw) + 1)
    return raw[:start] + raw[start + chance.choice((1, 10, 100)) :]


def _nested(raw: bytes, chance: random.Random) -> bytes:
    opening = chance.choice((b"[", b'{"a":', b"<a>", b"- ", b"? ", b"{a: "))
    at = chance.randrange(len(raw) + 1)
    return raw[:at] + opening * chance.choice((3, 150, 1000, 100_000)) + raw[at:]


def _retyped(raw: bytes, chance: random.Random) -> bytes:
    """A value of JSON replaced by one of another type."""
    try:
        document = json.loads(raw)
        places = list(_places(document))
        if places:
            parent, key = chance.choice(places)
            parent[key] = chance.choice(_OTHERS)
        return json.dumps(document).encode()
    except (ValueError, RecursionError):
        return raw


def _doubled(raw: bytes, chance: random.Random) -> bytes:
    """A key written twice."""
    ends = [at for at, byte in enumerate(raw) if byte == ord("{")]
    if not ends:
        return raw
    at = chance.choice(ends) + 1
    key = chance.choice((b"name", b"packages", b"components", b"SPDXID", b"bom-ref", b"spdxId"))
    value = json.dumps(chance.choice(_OTHERS)).encode()
    return raw[:at] + b'"' + key + b'":' + value + b"," + raw[at:]


def _places(document: Any) -> Any:
    waiting = [document]
    while waiting:
        item = waiting.pop()
        keys = list(item) if isinstance(item, dict) else range(len(item))
        for key in keys:
            yield item, key
            if isinstance(item[key], (dict, list)):
                waiting.append(item[key])
