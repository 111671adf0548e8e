from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from provenance.catalog.cataloger import Fact, MatchedFile, Problem
from provenance.catalog.ecosystems import debian_copyright

if TYPE_CHECKING:
    from pathlib import Path

PATH = "usr/share/doc/a/copyright"


def read(data: bytes, path: str = PATH) -> list[Fact | Problem]:
    return list(debian_copyright.read(MatchedFile(path, None, len(data), 0o644, data)))


def licenses(data: bytes) -> tuple[list[str], list[str]]:
    (fact,) = read(data)
    assert isinstance(fact, Fact)
    assert (fact.kind, fact.key) == ("licenses", "usr/share/doc/a")
    assert fact.key == debian_copyright.key("", "a")
    return fact.value["licenses"], fact.value["words"]


MACHINE_READABLE = b"""\
Format: https://x/1.0/
License: Artistic-2

Files: *
Copyright: me
License: Expat

Files: a
LICENSE : GPL-2+ or Artistic
 text
 License: none
License-Grant: no field of this name

License: Expat
 Permission ...
"""


@pytest.mark.parametrize(
    ("text", "found", "words"),
    [
        (
            MACHINE_READABLE,
            ["Artistic-2.0", "MIT", "GPL-2.0-or-later OR Artistic-1.0-Perl"],
            ["Artistic-2", "Expat", "GPL-2+ or Artistic"],
        ),
        (
            MACHINE_READABLE.replace(b"\n", b"\r\n"),
            ["Artistic-2.0", "MIT", "GPL-2.0-or-later OR Artistic-1.0-Perl"],
            ["Artistic-2", "Expat", "GPL-2+ or Artistic"],
        ),
        (b"Format: x\n\nFiles: *\nLicense: MIT\n", ["MIT"], []),
        (b"\n\nFormat: x\n\nFiles: *\nLicense: Expat", ["MIT"], ["Expat"]),
        # Two words for one licence are one licence.
        (b"Format: x\n\nLicense: MIT\n\nLicense: Expat\n", ["MIT"], ["MIT", "Expat"]),
        (b"Format: x\n\nLicense:\n text\n\nLicense: " + b"long " * 100 + b"\n", [], []),
        (b"On Debian the text is in `/usr/share/common-licenses/GPL-2'.\n", ["GPL-2"], []),
        (b"see /usr/share/common-licenses/Apache-2.0.\n", ["Apache-2.0"], []),
        (b"see /usr/share/common-licenses/Artistic.\n", ["Artistic-1.0-Perl"], ["Artistic"]),
        (b"License: is granted to everybody\n", [], []),
        (b"I tell you:\n\nFormat: none\nLicense: none\n", [], []),
        (b"\xff\xfe", [], []),
        (b"", [], []),
    ],
)
def test_copyright_files(text: bytes, found: list[str], words: list[str]) -> None:
    assert licenses(text) == (found, words)


@pytest.mark.parametrize(
    "data",
    [
        b"a" * ((4 << 20) + 1),
        b"Format: x\n\n" + b"".join(b"License: a%d\n\n" % i for i in range(400)),
        b"".join(b"/usr/share/common-licenses/a%d\n" % i for i in range(400)),
    ],
    ids=["bytes", "fields", "links"],
)
def test_a_file_beyond_all_bounds_is_a_problem(data: bytes) -> None:
    (problem,) = read(data)
    assert isinstance(problem, Problem)
    assert problem.path == PATH


@pytest.mark.parametrize(
    "data",
    [
        b"Format: x\n\n" + b"License: a\n" * 350_000,
        b"\n \t" * 1_300_000,
        b"Format" + b" " * 4_000_000,
        b"\nlicense" * 500_000,
        b"/usr/share/common-licenses/" * 150_000,
    ],
)
def test_large_files_without_sense_end_soon(data: bytes) -> None:
    assert len(read(data)) == 1


@pytest.mark.corpus
def test_real_files(corpus: Path) -> None:
    folder = corpus / "packages" / "dpkg" / "copyright"
    assert licenses((folder / "trilicense").read_bytes()) == (
        ["MPL-1.1 OR GPL-2.0-only OR LGPL-2.1-only", "MPL-1.1", "GPL-2.0-only", "LGPL-2.1-only"],
        ["MPL-1.1 or GPL-2 or LGPL-2.1", "MPL-1.1", "GPL-2", "LGPL-2.1"],
    )
    _, words = licenses((folder / "liblzma5").read_bytes())
    assert words == [
        *("PD", "probably-PD", "GPL-2+", "LGPL-2.1+", "permissive-fsf", "Autoconf", "GPL-2"),
        *("none", "permissive-nowarranty", "config-h", "noderivs", "PD-debian"),
    ]
