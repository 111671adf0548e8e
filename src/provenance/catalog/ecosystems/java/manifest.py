"""The main section of `META-INF/MANIFEST.MF`, and Java properties.

Sources: JAR file specification, "JAR manifest"; `java.util.Properties.load`. The sections about
single entries, which make the manifest of a signed jar long, are not read.
"""

from __future__ import annotations

import re

__all__ = ["main_attributes", "properties"]

_LINES = 2_000
_LONGEST = 32_768  # characters of one attribute; Import-Package has hundreds of names
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))", re.DOTALL)
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_PAIR = re.compile(r"[ \t\f]*((?:[^\\:= \t\f]|\\.)+)[ \t\f]*[:=]?[ \t\f]*(.*)", re.DOTALL)


def main_attributes(data: bytes) -> dict[str, str]:
    """The attributes until the first empty line, names in lower case; of two the last.

    A line that begins with a space goes on with the one before; it may part a character in two,
    so lines are joined as bytes.
    """
    found: dict[str, str] = {}
    joined = data.lstrip(b"\xef\xbb\xbf\r\n").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    section = joined.partition(b"\n\n")[0].replace(b"\n ", b"")
    for line in section.split(b"\n", _LINES)[:_LINES]:
        key, colon, value = line.partition(b":")
        if colon and len(key) <= 70:  # the specification's bound
            text = value[:_LONGEST].decode("utf-8", "replace").strip()
            found[key.strip().decode("latin-1").lower()] = text
    return found


def properties(data: bytes) -> dict[str, str]:
    """Keys and values of a properties file of single lines; of two equal keys the last.

    Bytes above 127 are read as UTF-8, which is what build tools write although the format says
    Latin-1.
    """
    found: dict[str, str] = {}
    lines = data.decode("utf-8", "replace").removeprefix("\ufeff").splitlines()
    for line in lines[:_LINES]:
        bare = line.strip()
        if not bare or bare[0] in "#!" or len(bare) > _LONGEST:
            continue
        if match := _PAIR.fullmatch(bare):
            found[_plain(match[1])] = _plain(match[2]).strip()
    return found


def _plain(text: str) -> str:
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda m: chr(int(m[1], 16)) if m[1] else _CONTROLS.get(m[2], m[2]), text)
