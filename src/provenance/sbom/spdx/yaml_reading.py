"""SPDX 2 in YAML, into the shape that its JSON has. Source: SPDX 2.3 section 5; YAML 1.2.

Built from libyaml's events, without recursion: PyYAML's own construction recurses, makes dates of
texts and follows aliases as often as they are named. An alias costs what it stands for, and all
of them together may cost no more than the document itself (as XML readers guard entities).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from provenance.errors import MalformedDocument
from provenance.findings import Finding, Severity
from provenance.sbom.collection import paused_collection
from provenance.sbom.decoding.characters import in_utf8
from provenance.sbom.spdx.tag_reading import Decoded
from provenance.settings import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["decode"]

_MAX_FINDINGS = 1000
_ALIASED = 100_000
_WORDS = {
    **dict.fromkeys(("null", "Null", "NULL", "~", ""), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_TAGS = frozenset(
    {
        *(None, "!"),
        *(f"tag:yaml.org,2002:{t}" for t in ("str", "map", "seq", "null", "bool", "int", "float")),
        "tag:yaml.org,2002:timestamp",
    }
)
# The only numbers of SPDX 2: anything else that looks like one is a version or a name.
_NUMBERS = ("offset", "lineNumber", "order")
_NUMBER = re.compile(r"-?[0-9]{1,18}", re.ASCII)


def decode(raw: bytes, *, depth: int | None = None) -> Decoded:
    """The document of these bytes.

    Raises:
        MalformedDocument: no YAML, with the line; no mapping; nested more than `depth` levels;
            or aliases that expand to more than a document may hold.
    """
    import yaml

    builder = _Builder(depth or Limits().document_depth)
    try:
        with paused_collection():
            for event in _events(in_utf8(raw).decode("utf-8", "replace")):
                builder.take(event)
    except (yaml.YAMLError, ValueError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        raise MalformedDocument(
            f"the document is no YAML: {str(getattr(error, 'problem', '') or error)[:200]}",
            pointer="" if line is None else f"line {line + 1}",
        ) from error
    if not isinstance(builder.root, dict):
        raise MalformedDocument("the document is YAML, but no mapping, so no SBOM")
    return Decoded(builder.root, builder.findings)


def _events(text: str) -> Iterator[Any]:
    """Those of the first document in a stream, and the start of the next if there is one."""
    import yaml

    # libyaml refuses what YAML calls no character; JSON in YAML may hold some of it escaped only.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    try:
        while loader.check_event():
            event = loader.get_event()
            yield event
            if isinstance(event, yaml.DocumentEndEvent):
                if loader.check_event(yaml.DocumentStartEvent):
                    yield loader.get_event()
                return
    finally:
        loader.dispose()


class _Builder:
    """Takes events, holds the collections that are open, and counts what aliases would copy."""

    def __init__(self, depth: int) -> None:
        self.root: Any = None
        self.findings: list[Finding] = []
        self._depth = depth
        self._open: list[tuple[Any, str | None, int]] = []
        """Collection, its anchor, and how many values there were before it."""
        self._keys: list[str | None] = []
        """Of each open collection, the key whose value comes next."""
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._values = self._copied = 0

    def take(self, event: Any) -> None:
        import yaml

        if getattr(event, "tag", None) not in _TAGS:
            self._odd("odd-value", f"the tag {event.tag[:100]!r} is not known; passed over", event)
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            if self.root is not None:
                message = "several documents in one; the first one was read"
                self._odd("several-documents", message, event, Severity.ERROR)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            if len(self._open) >= self._depth:
                raise MalformedDocument(
                    f"the document is nested more than {self._depth} levels deep",
                    pointer=_line(event),
                    hint="raise Limits.document_depth if it is honest",
                )
            made: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
            self._put(made, event)
            self._open.append((made, event.anchor, self._values))
            self._keys.append(None)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            made, anchor, before = self._open.pop()
            self._keys.pop()
            if anchor:
                self._anchors[anchor] = made, self._values + self._copied - before

    def _scalar(self, event: Any) -> None:
        text: str = event.value
        value: Any = text
        if self._open and self._keys[-1] is None and isinstance(self._open[-1][0], dict):
            self._key(text, event)
            if text == "<<" and event.implicit[0]:
                message = "a merge key, which YAML 1.2 no longer has; what it names was not read"
                self._odd("merge-key", message, event, Severity.ERROR)
            return
        if event.implicit[0] and text in _WORDS:
            value = _WORDS[text]
        elif self._keys and self._keys[-1] in _NUMBERS and _NUMBER.fullmatch(text):
            value = int(text)
        if event.anchor:
            self._anchors[event.anchor] = value, 1
        self._put(value, event)

    def _alias(self, event: Any) -> None:
        if event.anchor not in self._anchors:
            self._odd(
                "dangling-alias", "an alias of what is not there, or not yet; left out", event
            )
            value, cost = None, 1
        else:
            value, cost = self._anchors[event.anchor]
        self._copied += cost
        if self._copied > _ALIASED:
            raise MalformedDocument(
                f"aliases expand to more than {_ALIASED} values",
                pointer=_line(event),
                hint="no SBOM needs them, and this is how YAML attacks its readers",
            )
        if self._open and self._keys[-1] is None and isinstance(self._open[-1][0], dict):
            self._key(value if isinstance(value, str) else "", event)
        else:
            self._put(value, event)

    def _key(self, text: str, event: Any) -> None:
        if text in self._open[-1][0]:
            self._odd(
                "duplicate-key",
                f"the key {text[:100]!r} is written more than once; the last one was read",
                event,
                Severity.ERROR,
            )
        self._keys[-1] = text

    def _put(self, value: Any, event: Any) -> None:
        self._values += 1
        if not self._open:
            self.root = value
            return
        parent = self._open[-1][0]
        if isinstance(parent, list):
            parent.append(value)
        elif self._keys[-1] is None:  # a collection as key, which JSON cannot have
            self._odd("odd-value", "expected a text as key; passed over", event)
            self._keys[-1] = ""
            parent[""] = None
        else:
            parent[self._keys[-1]] = value
            self._keys[-1] = None

    def _odd(
        self, rule: str, message: str, event: Any, severity: Severity = Severity.WARNING
    ) -> None:
        if len(self.findings) < _MAX_FINDINGS:
            self.findings.append(Finding(rule, severity, message, _line(event)))


def _line(event: Any) -> str:
    return f"line {event.start_mark.line + 1}"
