"""The root element of an XML document, found without a tree; no document type before it.

Source: XML 1.0 sections 2.8 and 4 (a document type is where entities are declared).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from provenance.errors import MalformedDocument

__all__ = ["Root", "root_of"]

_WINDOW = 1 << 16


class Root(NamedTuple):
    """The first element."""

    namespace: str
    name: str


class _Found(Exception):
    """The first element begins."""


def root_of(raw: bytes) -> Root:
    """The root element of XML in any encoding that expat knows.

    Raises:
        MalformedDocument: no XML as far as that, or with a document type.
    """
    from xml.parsers import expat

    found: list[str] = []

    def begin(name: str, _: Any) -> None:
        found.append(name)
        raise _Found

    def refuse(*_: Any) -> None:
        raise MalformedDocument(
            "the document has a document type (DOCTYPE)",
            hint="no SBOM needs one, and entities in it are how XML attacks its readers",
        )

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler, parser.StartDoctypeDeclHandler = begin, refuse
    try:
        for at in range(0, len(raw), _WINDOW):
            parser.Parse(raw[at : at + _WINDOW], False)
        parser.Parse(b"", True)
    except _Found:
        namespace, _, name = found[0].rpartition(" ")
        return Root(namespace, name)
    except (expat.ExpatError, ValueError, LookupError) as error:
        line = getattr(error, "lineno", 0)
        raise MalformedDocument(
            f"the document is no XML: {str(error)[:200]}", pointer=f"line {line}" if line else ""
        ) from error
    raise MalformedDocument("the document is no XML: it has no element")
