"""The lines of a tag-value document where the elements of its JSON shape begin."""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cached_property
from typing import TYPE_CHECKING

from provenance.sbom.decoding.characters import in_utf8

if TYPE_CHECKING:
    from provenance.sbom.validating.consistency.judging import Place

__all__ = ["TagLines"]

_BEGINS = {
    "packages": "PackageName",
    "files": "FileName",
    "snippets": "SnippetSPDXID",
    "hasExtractedLicensingInfos": "LicenseID",
    "relationships": "Relationship",
    "externalDocumentRefs": "ExternalDocumentRef",
}
_TEXT, _END = "<text>", "</text>"
_TAG = re.compile(r"^[ \t]*([A-Za-z]+):", re.MULTILINE | re.ASCII)


class TagLines:
    """From the steps of a JSON pointer to `line N`: that of the element, not of its field."""

    def __init__(self, raw: bytes) -> None:
        """Look at the document only when the first line is asked for."""
        self._raw = raw

    @cached_property
    def _lines(self) -> dict[str, list[int]]:
        text = in_utf8(self._raw).decode("utf-8", "replace")
        plain = _without_texts(text)
        breaks = [match.start() for match in re.finditer("\n", plain)]
        found: dict[str, list[int]] = {}
        for match in _TAG.finditer(plain):
            line = bisect_right(breaks, match.start(1)) + 1
            found.setdefault(match[1], []).append(line)
        return found

    def spell(self, place: Place) -> str:
        """Where a place is."""
        if not place:
            return self._first("SPDXVersion")
        if place[0] == "creationInfo":
            return self._first("Created" if "created" in place else "Creator")
        tag = _BEGINS.get(place[0])
        lines = self._lines.get(tag, []) if tag else []
        number = place[1] if len(place) > 1 else 0
        # Relationships that the syntax implies are listed after those that it states.
        if isinstance(number, int) and number < len(lines):
            return f"line {lines[number]}"
        return self._first("SPDXVersion")

    def of_pointer(self, pointer: str) -> str:
        """Where a JSON pointer leads."""
        return self.spell(tuple(int(s) if s.isdecimal() else s for s in pointer.split("/")[1:]))

    def _first(self, tag: str) -> str:
        return f"line {self._lines.get(tag, [1])[0]}"


def _without_texts(text: str) -> str:
    """Nothing in a text is a tag; its line breaks stay. Nothing is looked for twice."""
    parts, at = [], 0
    while (begin := text.find(_TEXT, at)) >= 0 and (end := text.find(_END, begin)) >= 0:
        parts += [text[at:begin], "\n" * text.count("\n", begin, end)]
        at = end + len(_END)
    return "".join([*parts, text[at:]])
