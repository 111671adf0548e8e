"""The licences that `usr/share/doc/NAME/copyright` states.

Sources: Debian Policy 12.5, copyright-format 1.0.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provenance.catalog.cataloger import Fact, Problem
from provenance.packages.licenses import normalise_debian

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.catalog.cataloger import MatchedFile

__all__ = ["key", "read", "stated_licenses"]

_MAX_BYTES = 4 << 20  # those of chromium and the kernel have 1 MB
_MAX_NAMES = 300  # distinct ones in a file; the most seen in Debian are about 200
_MAX_NAME = 300  # characters; longer is prose
# In the first block: that of a header, or of the files that a file without header begins with.
_FORMAT = re.compile(rb"^(?:format(?:-specification)?|files)[ \t]*:", re.IGNORECASE | re.MULTILINE)
# The first line of a field; names of fields know no case (Policy 5.1).
_LICENSE = re.compile(rb"\n(?i:license)[ \t\r\v\f]*:([^\n]*)")
_EMPTY_LINE = re.compile(rb"\n[ \t\r]*\n")
_COMMON = re.compile(rb"/usr/share/common-licenses/([A-Za-z0-9.+-]{1,100})")


def key(root: str, name: str) -> str:
    """Of the fact about the package `name`: the directory of its documents."""
    return f"{root}usr/share/doc/{name}"


def read(file: MatchedFile) -> Iterator[Fact | Problem]:
    """The licences of one `copyright` file, as SPDX names them and in its words."""
    if len(file.body) > _MAX_BYTES:
        yield Problem(file.path, f"a copyright file of more than {_MAX_BYTES} bytes")
        return
    words = stated_licenses(file.body[:])
    if len(words) > _MAX_NAMES:
        yield Problem(file.path, f"a copyright file with more than {_MAX_NAMES} licences")
        return
    # Names of files do not tell "only" from "or later": those of the GNU licences stay as words.
    licenses = dict.fromkeys(
        word if common and _is_gnu(word) else normalise_debian(word)
        for word, common in words.items()
    )
    differ = list(licenses) != list(words)
    value = {"licenses": list(licenses), "words": list(words) if differ else []}
    yield Fact("licenses", file.path.removesuffix("/copyright"), value)


def _is_gnu(word: str) -> bool:
    return "GPL" in word or "GFDL" in word


def stated_licenses(data: bytes) -> dict[str, bool]:
    """The licences that a `copyright` file states, and whether it only points to their texts.

    Of the machine-readable format every `License` field's short name; of free text, and where no
    field has a name, the texts under /usr/share/common-licenses it points to.
    """
    found: dict[str, bool] = {}
    data = b"\n" + data.lstrip()
    header = _EMPTY_LINE.split(data[1:], 1)[0]
    if _FORMAT.search(header):
        for raw in dict.fromkeys(_LICENSE.findall(data)):
            name = " ".join(str(raw, "utf-8", "replace").split())
            if name and len(name) <= _MAX_NAME:
                found[name] = False
    if not found:
        for raw in dict.fromkeys(_COMMON.findall(data)):
            if name := str(raw, "ascii").rstrip(".-"):
                found[name] = True
    return found
