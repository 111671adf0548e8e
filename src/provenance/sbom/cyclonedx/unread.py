"""What a document in XML says and its JSON shape does not: text beside elements, and the like.

Whatever the reader makes of a document, each text and attribute of it is there again or is told.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from provenance.sbom.cyclonedx.xml import parsed_xml
from provenance.sbom.items import values

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree import ElementTree as ET

__all__ = ["unread"]

_FLAGS = {"true": "1", "false": "0"}
_SCHEMA = "{http://www.w3.org/2001/XMLSchema-instance}"


def unread(raw: bytes, document: dict[str, Any]) -> Counter[str]:
    """Where texts and attributes stand that `document` does not hold, and how many.

    Args:
        raw: the document in XML. Comments and instructions are no part of it.
        document: as it was decoded.
    """
    left = Counter(map(_word, values(document)))
    found: Counter[str] = Counter()
    for at, text in _texts(raw):
        word = _word(text)
        if left[word] > 0:
            left[word] -= 1
        elif word:
            found[at] += 1
    return found


def _word(value: Any) -> str:
    """A text but for how it is written: `1.0`, `1` and `true` may be decoded alike."""
    text = str(value).strip()
    try:
        return repr(float(_FLAGS.get(text.lower(), text)))
    except ValueError:
        return text


def _texts(raw: bytes) -> Iterator[tuple[str, str]]:
    """Pointer with the names of elements, and what is written there."""
    waiting: list[tuple[str, ET.Element]] = [("", parsed_xml(raw))]
    while waiting:
        at, node = waiting.pop()
        at = f"{at}/{node.tag.rpartition('}')[2]}"
        for name, value in node.attrib.items():
            if not name.startswith(_SCHEMA):
                yield f"{at}/@{name.rpartition('}')[2]}", value
        yield at, node.text or ""
        for child in node:
            waiting.append((at, child))
            yield at, child.tail or ""
