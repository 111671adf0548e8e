"""Licence words to SPDX expressions, where that is certain; else the words as they were found.

Sources: SPDX 2.3 annex D (expressions), Debian's machine-readable copyright format 1.0 section 7
(short names), the trove classifiers of PyPI. The one file that imports license-expression.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from provenance.packages.listed_licenses import read_listed

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["is_spdx", "normalise", "normalise_debian", "normalise_python"]

_LONGEST = 4096  # characters of an expression; longer is prose
_PLUS = re.compile(r"([A-Za-z0-9.-]+)\+(?![\w.+-])", re.ASCII)
_LICENSE_REF = re.compile(r"(DocumentRef-[A-Za-z0-9.-]+:)?LicenseRef-[A-Za-z0-9.-]+", re.ASCII)

# Words that license-expression takes for identifiers although they name a family or a file.
_TOO_LOOSE = re.compile(
    r"(?<![\w.-])(GPL(?! 2)|Assembly-exception|Verbatim-man-pages)(?![\w.-])", re.IGNORECASE
)

# Debian's short names that are no SPDX identifiers, lower case.
_DEBIAN = {
    "apache-2": "Apache-2.0",
    "artistic": "Artistic-1.0-Perl",
    "artistic-2": "Artistic-2.0",
    "bsd-2": "BSD-2-Clause",
    "bsd-3": "BSD-3-Clause",
    "bsd-4": "BSD-4-Clause",
    "cc0": "CC0-1.0",
    "expat": "MIT",
    "mpl-1": "MPL-1.1",
    "mpl-2": "MPL-2.0",
    "openldap-2.8": "OLDAP-2.8",
    "psf-2": "PSF-2.0",
}
_GNU = re.compile(
    r"(A?GPL|LGPL|GFDL)(-NIV)?-?v?([0-9](?:\.[0-9])?)(?:\.0)?(\+)?", re.ASCII | re.IGNORECASE
)
_GNU_VERSIONS = {
    "GPL": {"1", "2", "3"},
    "LGPL": {"2", "2.1", "3"},
    "AGPL": {"1", "3"},
    "GFDL": {"1.1", "1.2", "1.3"},
}

# Unambiguous classifiers. "BSD License" and "Apache Software License" name families: words.
_CLASSIFIERS = {
    "Boost Software License 1.0 (BSL-1.0)": "BSL-1.0",
    "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication": "CC0-1.0",
    "GNU Affero General Public License v3": "AGPL-3.0-only",
    "GNU Affero General Public License v3 or later (AGPLv3+)": "AGPL-3.0-or-later",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU Lesser General Public License v2 (LGPLv2)": "LGPL-2.0-only",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.0-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Mozilla Public License 1.1 (MPL 1.1)": "MPL-1.1",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "Universal Permissive License (UPL)": "UPL-1.0",
    "zlib/libpng License": "Zlib",
}
# What projects write in `License:` for want of an identifier, lower case.
_PYTHON_WORDS = {
    "2-clause bsd license": "BSD-2-Clause",
    "3-clause bsd license": "BSD-3-Clause",
    "apache 2": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "bsd 2-clause license": "BSD-2-Clause",
    "bsd 3-clause": "BSD-3-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "bsd-3-clause license": "BSD-3-Clause",
    "isc license": "ISC",
    "mit license": "MIT",
    "mpl 2.0": "MPL-2.0",
    "new bsd license": "BSD-3-Clause",
    "the mit license": "MIT",
    "the mit license (mit)": "MIT",
}


@cache
def _licensing() -> Any:
    from license_expression import LicenseSymbol, Licensing, get_spdx_licensing

    # What a document calls LicenseRef-GPL is defined there (annex D), whatever ScanCode calls so.
    return Licensing(
        [
            LicenseSymbol(
                symbol.key,
                aliases=tuple(a for a in symbol.aliases if not a.startswith("LicenseRef-")),
                is_deprecated=symbol.is_deprecated,
                is_exception=symbol.is_exception,
            )
            for symbol in get_spdx_licensing().known_symbols.values()
            if not symbol.key.startswith("LicenseRef-")
        ]
    )


@lru_cache(maxsize=4096)
def _expression(text: str) -> str:
    """The canonical SPDX expression, or empty: not one."""
    if not text or len(text) > _LONGEST or text.count("(") > 50 or _TOO_LOOSE.search(text):
        return ""
    listed = read_listed(text)
    return _parsed(text) if listed is None else listed


def _parsed(text: str) -> str:
    """As `_expression`, by the whole grammar."""
    licensing = _licensing()
    try:
        parsed = licensing.parse(_PLUS.sub(_or_later, text), strict=True)
        if parsed is None:
            return ""
        for symbol in licensing.unknown_license_symbols(parsed):
            if _LICENSE_REF.fullmatch(symbol.key) is None and not _is_or_later(symbol.key):
                return ""
        return str(parsed.render())
    except (ValueError, TypeError, AttributeError, IndexError, KeyError, RecursionError):
        # boolean.py reports a syntax error as ParseError or ExpressionError (ValueErrors in the
        # newer releases only) and trips over some inputs.
        return ""
    except AssertionError:  # of boolean.py, by `( OR +` say
        return ""
    except Exception as error:
        if type(error).__module__.split(".")[0] in {"boolean", "license_expression"}:
            return ""
        raise


def _or_later(match: re.Match[str]) -> str:
    """A listed identifier with `+`, which the grammar takes and license-expression does not."""
    return read_listed(match[0]) or f"{read_listed(match[1]) or match[1]}+"


def _is_or_later(text: str) -> bool:
    return text.endswith("+") and read_listed(text[:-1]) == text[:-1]


def is_spdx(text: str) -> bool:
    """Whether `text` is a valid SPDX expression of listed identifiers and LicenseRefs.

    >>> is_spdx("MIT OR Apache-2.0"), is_spdx("BSD")
    (True, False)
    """
    return bool(_expression(text.strip()))


def normalise(text: str) -> str:
    """The SPDX expression that `text` is, in canonical spelling; else `text`, stripped.

    >>> normalise("gpl-2.0+ and mit"), normalise("MIT BSD")
    ('GPL-2.0-or-later AND MIT', 'MIT BSD')
    """
    text = " ".join(text.split())
    return _expression(text) or text


@lru_cache(maxsize=2048)
def normalise_debian(text: str) -> str:
    """The SPDX expression of a Debian short name or of several joined by and, or, commas.

    >>> normalise_debian("GPL-2+ or Artistic, and Expat")
    '(GPL-2.0-or-later OR Artistic-1.0-Perl) AND MIT'
    """
    text = " ".join(text.split())
    if len(text) > _LONGEST:
        return text[:_LONGEST]
    # The comma binds weakest (section 7.2); group what stands left of it.
    parts = re.split(r", (and|or) ", text)
    expression = _debian_terms(parts[0])
    for word, part in zip(parts[1::2], parts[2::2], strict=True):
        expression = f"({expression}) {word.upper()} ({_debian_terms(part)})"
    return _expression(expression) or text


def _debian_terms(text: str) -> str:
    words = re.split(r" (and|or|with) ", text)
    return " ".join(w.upper() if w in {"and", "or", "with"} else _debian_name(w) for w in words)


def _debian_name(name: str) -> str:
    if match := _GNU.fullmatch(name):
        family, invariants, version, plus = match.groups()
        family = family.upper()
        if version in _GNU_VERSIONS[family]:
            number = version if "." in version else f"{version}.0"
            middle = "-no-invariants" if invariants else ""
            return f"{family}-{number}{middle}{'-or-later' if plus else '-only'}"
    return _DEBIAN.get(name.lower(), name)


def normalise_python(expression: str, text: str, classifiers: Iterable[str]) -> tuple[str, ...]:
    """The licences of a Python distribution.

    Args:
        expression: its `License-Expression` (PEP 639), which alone counts where it is there.
        text: its `License`, an identifier, a few words, or the whole text of a licence.
        classifiers: its `Classifier` lines.
    """
    if expression.strip():
        return (normalise(expression),)
    words = text.strip()
    if words and "\n" not in words and len(words) <= 100:
        known = _PYTHON_WORDS.get(words.lower().rstrip("."))
        if found := known or _expression(words):
            return (found,)
    named = [c.split("::")[-1].strip() for c in classifiers if c.startswith("License ::")]
    licenses = [_CLASSIFIERS.get(name, name) for name in named if name != "OSI Approved"]
    if licenses:
        return tuple(dict.fromkeys(licenses))
    first = words.partition("\n")[0].strip()
    return (first[:100],) if first and first.upper() != "UNKNOWN" else ()
