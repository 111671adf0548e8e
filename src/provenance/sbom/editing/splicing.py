"""Edits of JSON text in place: what is not edited keeps its bytes.

The text is known to be valid. It is scanned where an edit leads: every container on the way once,
so that the time is linear in the text for any number of edits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

__all__ = ["REMOVE", "Edit", "edited_text", "edited_value"]

Path = tuple[str | int, ...]
REMOVE: Any = object()
"""As the value of an edit: take the member or item out."""

_SPACE = re.compile(rb"[ \t\r\n]*")
_SCALAR = re.compile(rb"[^\s,\]}]+")
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]]', re.DOTALL)


class Edit(NamedTuple):
    """One change: set the value at a path (its parent is made where there is none), or remove."""

    path: Path
    value: Any


class _Member(NamedTuple):
    """A member of an object or item of an array: where it begins, its value begins and ends."""

    key: str | int
    start: int
    value: int
    end: int


@dataclass(slots=True)
class _Plan:
    """The changes in one container."""

    removed: set[int] = field(default_factory=set)
    added: list[tuple[str | int, Any]] = field(default_factory=list)

    def add(self, key: str | int, value: Any) -> None:
        """Note a new member; two edits may lead through one that is not there."""
        for number, (known, before) in enumerate(self.added):
            if known == key and isinstance(before, dict) and isinstance(value, dict):
                self.added[number] = key, _merged(before, value)
                return
        self.added.append((key, value))


def _merged(before: dict[Any, Any], value: dict[Any, Any]) -> dict[Any, Any]:
    out = dict(before)
    for key, inner in value.items():
        held = out.get(key)
        both = isinstance(held, dict) and isinstance(inner, dict)
        out[key] = _merged(held or {}, inner) if both else inner
    return out


def edited_value(document: Any, edits: list[Edit]) -> Any:
    """The decoded document with the edits applied; only what changes is copied."""
    tree: dict[Any, Any] = {}
    for edit in edits:
        at = tree
        for step in edit.path[:-1]:
            inner = at.setdefault(step, {})
            at = inner if isinstance(inner, dict) else {}
        at[edit.path[-1]] = (edit.value,)
    return _changed(document, tree)


def _changed(value: Any, tree: dict[Any, Any]) -> Any:
    """Recursion is as deep as the paths of edits, which this package makes."""
    if isinstance(value, list):
        found = [(n, tree.get(n)) for n in range(len(value))]
        kept = [
            change[0] if isinstance(change, tuple) else _changed(value[n], change or {})
            for n, change in found
            if not (isinstance(change, tuple) and change[0] is REMOVE)
        ]
        return kept if tree else value
    out = dict(value) if isinstance(value, dict) else {}
    for key, change in tree.items():
        if not isinstance(change, tuple):
            out[key] = _changed(out.get(key), change)
        elif change[0] is REMOVE:
            out.pop(key, None)
        else:
            out[key] = change[0]
    return out if tree else value


def edited_text(raw: bytes, edits: list[Edit]) -> bytes:
    """The text with the edits applied. All other bytes are as they were.

    Args:
        raw: valid JSON in UTF-8.
        edits: none within another.
    """
    scanner = _Scanner(raw)
    for edit in edits:
        scanner.plan(edit)
    return scanner.text()


def _name(raw: bytes) -> str:
    """The key that `raw` spells; as it stands where that is no UTF-8, for no edit names it."""
    try:
        name: str = msgspec.json.decode(raw, type=str)
    except msgspec.DecodeError:
        return raw.decode("utf-8", "replace")
    return name


class _Scanner:
    """Finds where values lie, and gathers the changes."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        start = 3 if raw.startswith(b"\xef\xbb\xbf") else 0
        self._root = self._space(start)
        self._members: dict[int, list[_Member]] = {}
        self._index: dict[int, dict[str | int, list[int]]] = {}
        self._plans: dict[int, _Plan] = {}
        self._splices: list[tuple[int, int, bytes]] = []

    def plan(self, edit: Edit) -> None:
        """Note one edit."""
        at = self._root
        for depth, key in enumerate(edit.path):
            members, index = self._container(at)
            same = index.get(key)  # an object may have a key twice: the last counts
            is_last = depth == len(edit.path) - 1
            if same is None:
                if edit.value is not REMOVE:
                    value = edit.value
                    for step in reversed(edit.path[depth + 1 :]):
                        value = {step: value}
                    self._plan(at).add(key, value)
                return
            if is_last and edit.value is REMOVE:
                self._plan(at).removed.update(same)
                return
            number = same[-1]
            if is_last or self._raw[members[number].value] not in b"{[":
                value = edit.value
                for step in reversed(edit.path[depth + 1 :]):
                    value = {step: value}
                member = members[number]
                self._splices.append((member.value, member.end, msgspec.json.encode(value)))
                return
            at = members[number].value

    def text(self) -> bytes:
        """The text with everything noted."""
        for at, plan in self._plans.items():
            self._apply(at, plan)
        out, done = [], 0
        for start, end, new in sorted(self._splices, key=lambda x: (x[0], x[1])):
            if start >= done:  # else it lies in something that is removed
                out += [self._raw[done:start], new]
                done = end
        return b"".join([*out, self._raw[done:]])

    def _plan(self, at: int) -> _Plan:
        return self._plans.setdefault(at, _Plan())

    def _apply(self, at: int, plan: _Plan) -> None:
        members, _ = self._container(at)
        count = len(members)
        number = 0
        while number < count:
            if number not in plan.removed:
                number += 1
                continue
            last = number
            while last + 1 in plan.removed:
                last += 1
            if number:
                self._splices.append((members[number - 1].end, members[last].end, b""))
            elif last + 1 < count:
                self._splices.append((members[0].start, members[last + 1].start, b""))
            else:
                self._splices.append((members[0].start, members[last].end, b""))
            number = last + 1
        if plan.added:
            self._add(at, plan)

    def _add(self, at: int, plan: _Plan) -> None:
        """Put new members after the last that stays, spaced as the first is."""
        members, _ = self._container(at)
        kept = [m for n, m in enumerate(members) if n not in plan.removed]
        space = self._raw[at + 1 : members[0].start] if members else b""
        texts = []
        for key, value in plan.added:
            said = msgspec.json.encode(value)
            texts.append(said if isinstance(key, int) else msgspec.json.encode(key) + b": " + said)
        joined = (b"," + space).join(texts)
        if kept:
            self._splices.append((kept[-1].end, kept[-1].end, b"," + space + joined))
        else:
            place = members[0].start if members else at + 1
            self._splices.append((place, place, joined))

    def _container(self, at: int) -> tuple[list[_Member], dict[str | int, list[int]]]:
        if at not in self._members:
            members = self._members[at] = self._scan(at)
            index = self._index[at] = {}
            for number, member in enumerate(members):
                index.setdefault(member.key, []).append(number)
        return self._members[at], self._index[at]

    def _scan(self, at: int) -> list[_Member]:
        raw, found = self._raw, list[_Member]()
        is_object = raw[at : at + 1] == b"{"
        if not is_object and raw[at : at + 1] != b"[":
            return found
        place = self._space(at + 1)
        while raw[place : place + 1] not in (b"}", b"]", b""):
            start, key = place, len(found)
            if is_object:
                end = self._end(place)
                name = _name(raw[place:end])
                place = self._space(self._space(end) + 1)
                end = self._end(place)
                found.append(_Member(name, start, place, end))
            else:
                end = self._end(place)
                found.append(_Member(key, start, start, end))
            place = self._space(end)
            if raw[place : place + 1] == b",":
                place = self._space(place + 1)
        return found

    def _space(self, at: int) -> int:
        match = _SPACE.match(self._raw, at)
        return match.end() if match else at

    def _end(self, at: int) -> int:
        first = self._raw[at : at + 1]
        if first == b'"':
            match = _STRING.match(self._raw, at)
            return match.end() if match else at + 1
        if first not in (b"{", b"["):
            match = _SCALAR.match(self._raw, at)
            return match.end() if match else at + 1
        depth = 0
        for token in _TOKEN.finditer(self._raw, at):
            char = self._raw[token.start()]
            if char in b"{[":
                depth += 1
            elif char in b"}]":
                depth -= 1
                if not depth:
                    return token.end()
        return len(self._raw)
