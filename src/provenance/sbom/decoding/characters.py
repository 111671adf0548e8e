"""The characters of a document: UTF-8, or UTF-16 and UTF-32 as some tools write them.

Source: Unicode 15 section 23.8 (byte order marks); RFC 4627 section 3 (the pattern of zero bytes).
"""

from __future__ import annotations

import re

__all__ = ["encoding_of", "in_utf8", "starts_with_mark", "xml_in_utf8"]

_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_ZEROS = {"000x": "utf-32-be", "x000": "utf-32-le", "0x0x": "utf-16-be", "x0x0": "utf-16-le"}
_XML_DECLARATION = re.compile(rb"\s*<\?xml[^>]*\?>")


def encoding_of(raw: bytes) -> str:
    """Python's name of the encoding, by its mark or its zero bytes; `utf-8` without any."""
    for mark, name in _MARKS:
        if raw.startswith(mark):
            return name
    return _ZEROS.get("".join("x" if byte else "0" for byte in raw[:4]), "utf-8")


def starts_with_mark(raw: bytes) -> bool:
    """Whether a byte order mark stands before the document."""
    return any(raw.startswith(mark) for mark, _ in _MARKS)


def in_utf8(raw: bytes) -> bytes:
    """The document in UTF-8 without a mark; the very same bytes where it is that already.

    What is no character in UTF-16 or UTF-32 becomes U+FFFD.
    """
    name = encoding_of(raw)
    if name == "utf-8":
        return raw
    if name == "utf-8-sig":
        return raw[3:]
    return raw.decode(name, "replace").encode("utf-8", "replace")


def xml_in_utf8(raw: bytes) -> bytes:
    """The same of XML, whose declaration names an encoding that then is no longer true."""
    text = in_utf8(raw)
    if text is raw:
        return raw
    declared = _XML_DECLARATION.match(text)
    if declared is None:
        return text
    return b"\n" * declared[0].count(b"\n") + text[declared.end() :]
