"""What is odd about the text of JSON, which decoders pass over: a key twice, what is no JSON.

Looked for when findings are asked for, never while packages are read. Source: RFC 8259; RFC 7493
section 2.3 (a key twice is how two readers come to see two documents).
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from provenance.errors import MalformedDocument
from provenance.findings import Finding, Severity
from provenance.sbom.collection import paused_collection
from provenance.sbom.decoding.characters import in_utf8
from provenance.sbom.decoding.json_text import finite, leniently, within_64_bits

__all__ = ["escaped", "examine_json"]

_MAX_FINDINGS = 1000
# A colon after a blank: a bound on the keys whose colon does not follow at once.
_SPACED = (b" :", b"\t:", b"\n:", b"\r:")


def examine_json(raw: bytes) -> tuple[Any, list[Finding]]:
    """The value that `raw` spells, and what is odd about how it does.

    Raises:
        MalformedDocument: no JSON.
    """
    text = in_utf8(raw)
    with paused_collection():
        try:
            document = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return leniently(text), [*_not_utf8(text), *_by_pairs(text, is_strict=False)]
        except RecursionError as error:
            raise MalformedDocument("the document is nested too deeply") from error
        if _has_all_keys(text, document):
            return document, []
        return document, _by_pairs(text, is_strict=True)


def _has_all_keys(text: bytes, document: Any) -> bool:
    """Prove, at the speed of counting, that no key was dropped because it came again.

    Every key is followed by a colon, at once or after blanks. So at most as many keys stand in
    the text as there are such colons; were as many decoded, none was dropped. Texts that hold the
    same characters only make the bound too high, which proves nothing and costs the slower way.
    """
    keys, level = 0, [document]
    while level:
        inner: list[Any] = []
        for parent in level:
            if type(parent) is dict:
                keys += len(parent)
                inner += parent.values()
            elif type(parent) is list:
                inner += parent
        level = [c for c in inner if type(c) is dict or type(c) is list]
    bound = text.count(b'":') + sum(text.count(pair) for pair in _SPACED)
    return keys == bound


class _Repeated(dict[str, Any]):
    """An object in which keys were written more than once."""

    keys_again: tuple[str, ...] = ()


def _by_pairs(text: bytes, *, is_strict: bool) -> list[Finding]:
    constants: list[str] = []
    marked: list[_Repeated] = []

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        out = dict(found)
        if len(out) == len(found):
            return out
        again = _Repeated(out)
        seen: set[str] = set()
        names = [key for key, _ in found]
        again.keys_again = tuple(dict.fromkeys(k for k in names if k in seen or seen.add(k)))  # type: ignore[func-returns-value]
        marked.append(again)
        return again

    try:
        value = json.loads(
            text.decode("utf-8", "replace"),
            strict=False,
            object_pairs_hook=pairs,
            parse_constant=constants.append,
            parse_float=finite,
            parse_int=within_64_bits,
        )
    except (ValueError, RecursionError):
        # Only where the stack is nearly used up: the same text was decoded a moment ago.
        return [_no_json("whether a key is written twice could not be told")]
    findings = _repeats(value) if marked else []
    if constants:
        findings.append(_no_json(f"{constants[0]} is no JSON; read as null"))
    elif not is_strict:
        findings.append(
            _no_json("characters or numbers that JSON does not have; read all the same")
        )
    return findings


def _repeats(value: Any) -> list[Finding]:
    found: list[Finding] = []
    waiting: list[tuple[Any, str]] = [(value, "")]
    while waiting and len(found) < _MAX_FINDINGS:
        item, at = waiting.pop()
        if isinstance(item, _Repeated):
            found += [
                Finding(
                    "duplicate-key",
                    Severity.ERROR,
                    f"the key {key[:100]!r} is written more than once; the last one was read",
                    f"{at}/{escaped(key)}",
                )
                for key in item.keys_again
            ]
        if isinstance(item, dict):
            children = [(v, f"{at}/{escaped(k)}") for k, v in item.items()]
        else:
            children = [(v, f"{at}/{number}") for number, v in enumerate(item)]
        waiting += [c for c in reversed(children) if isinstance(c[0], (dict, list))]
    return found[:_MAX_FINDINGS]


def escaped(part: str) -> str:
    """One step of a JSON pointer (RFC 6901 section 3)."""
    return part[:200].replace("~", "~0").replace("/", "~1")


def _not_utf8(text: bytes) -> list[Finding]:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        return [_no_json("bytes that are no UTF-8; read as U+FFFD", f"line {line}")]
    return []


def _no_json(message: str, pointer: str = "") -> Finding:
    return Finding("not-strict-json", Severity.WARNING, message, pointer)
