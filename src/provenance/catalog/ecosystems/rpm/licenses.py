"""Licence tags of rpm packages: SPDX expressions, or the short names Fedora used before 2022.

A short name that stood for several licences (`BSD`, `LGPLv2`: 2.0 or 2.1, `Public Domain`) stays
as it is. `MIT` is the SPDX identifier too; older packages meant its relatives as well.

Source: Fedora's "Licensing:Main" (the good licences and their short names) and its successor, the
fedora-license-data, which tells what became of each.
"""

from __future__ import annotations

import re
from functools import lru_cache

from provenance.packages.licenses import is_spdx, normalise

__all__ = ["normalise_rpm"]

_LONGEST = 4096
_NAMES = {
    "AGPLv3": "AGPL-3.0-only",
    "AGPLv3+": "AGPL-3.0-or-later",
    "ASL 1.0": "Apache-1.0",
    "ASL 1.1": "Apache-1.1",
    "ASL 2.0": "Apache-2.0",
    "Artistic 2.0": "Artistic-2.0",
    "Artistic clarified": "ClArtistic",
    "Boost": "BSL-1.0",
    "CC0": "CC0-1.0",
    "CC0 1.0": "CC0-1.0",
    "CDDL": "CDDL-1.0",
    "CPL": "CPL-1.0",
    "GPL+": "GPL-1.0-or-later",
    "GPLv1": "GPL-1.0-only",
    "GPLv2": "GPL-2.0-only",
    "GPLv2+": "GPL-2.0-or-later",
    "GPLv3": "GPL-3.0-only",
    "GPLv3+": "GPL-3.0-or-later",
    "ISC": "ISC",
    "LGPLv2.1": "LGPL-2.1-only",
    "LGPLv2.1+": "LGPL-2.1-or-later",
    "LGPLv3": "LGPL-3.0-only",
    "LGPLv3+": "LGPL-3.0-or-later",
    "MIT": "MIT",
    "MPLv1.0": "MPL-1.0",
    "MPLv1.1": "MPL-1.1",
    "MPLv2.0": "MPL-2.0",
    "NCSA": "NCSA",
    "OFL": "OFL-1.1",
    "OpenSSL": "OpenSSL",
    "QPL": "QPL-1.0",
    "SISSL": "SISSL",
    "Sleepycat": "Sleepycat",
    "Unlicense": "Unlicense",
    "WTFPL": "WTFPL",
    "zlib": "Zlib",
    "Zlib": "Zlib",
}
_AND = re.compile(r"\s+and\s+", re.IGNORECASE)
_OR = re.compile(r"\s+or\s+", re.IGNORECASE)
_WORD = re.compile(r"(\s+(?:and|or|with)\s+|[()])", re.IGNORECASE)


@lru_cache(maxsize=4096)
def normalise_rpm(text: str) -> tuple[str, ...]:
    """The licences of a tag: one expression; else what `and` joins, as far as it can be read.

    >>> normalise_rpm("GPLv2+ and (MIT or ASL 2.0)")
    ('GPL-2.0-or-later AND (MIT OR Apache-2.0)',)
    >>> normalise_rpm("GPLv2+ and BSD")
    ('GPL-2.0-or-later', 'BSD')
    """
    text = " ".join(text.split())
    if not text or len(text) > _LONGEST:
        return (text[:_LONGEST],) if text else ()
    if text in _NAMES:
        return (_NAMES[text],)
    expression = "".join(_spelled(part) for part in _WORD.split(text))
    if is_spdx(expression):
        return (normalise(expression),)
    if "(" in text or _OR.search(text):
        return (text,)
    parts = (_NAMES.get(part) or normalise(part) for part in _AND.split(text))
    return tuple(dict.fromkeys(parts))


def _spelled(part: str) -> str:
    word = part.strip()
    if word.lower() in {"and", "or", "with"}:
        return f" {word.upper()} "
    return _NAMES.get(word, part)
