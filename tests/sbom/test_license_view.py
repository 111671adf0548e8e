from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from provenance.packages.package import Location, Package
from provenance.sbom import Licenses, Sbom, read_sbom

if TYPE_CHECKING:
    from provenance.findings import Report

LISTED = [
    Package("a", "1", "npm", "pkg:npm/a@1", licenses=("MIT",)),
    Package("b", "1", "npm", "pkg:npm/b@1", licenses=("mit",)),
    Package("c", "1", "npm", "pkg:npm/c@1", licenses=("MIT", "Apache-2.0 OR ISC")),
    Package("d", "1", "deb", "pkg:deb/debian/d@1?arch=amd64", licenses=("GPL-2+",)),
    Package("e", "1", "npm", "pkg:npm/e@1", licenses=("MIT", "words of nobody")),
    Package("f", "1", "npm", "pkg:npm/f@1", locations=(Location("app/f"),)),
    Package("g", "1", "npm", "pkg:npm/g@1", licenses=("NOASSERTION",)),
    Package("h", "1", "npm", "pkg:npm/h@1", licenses=("LicenseRef-h",)),
]
VIEW = Licenses(LISTED)


def rules(report: Report) -> list[str]:
    return [f"{f.rule}:{f.message.partition(' ')[0]}" for f in report]


def test_the_summary_counts_expressions() -> None:
    assert VIEW.summary() == {
        "MIT": 2,
        "NOASSERTION": 2,
        "GPL-2+": 1,
        "LicenseRef-h": 1,
        "MIT AND (Apache-2.0 OR ISC)": 1,
        "MIT AND words of nobody": 1,
    }
    assert len(VIEW) == 6
    assert next(iter(VIEW)) == "MIT"
    assert sum(VIEW.summary().values()) == len(LISTED)
    assert VIEW.of(LISTED[2]) == "MIT AND (Apache-2.0 OR ISC)"
    assert VIEW.of(Package("z", licenses=("zlib",))) == "Zlib"


def test_what_nobody_knows_is_listed() -> None:
    assert [p.name for p in VIEW.unknown] == ["d", "e", "f", "g", "h"]


def test_with_a_list_of_allowed_ones_the_unknown_is_refused() -> None:
    report = VIEW.check(allow=["MIT", "ISC"], deny=["GPL-2+"])
    assert not report.ok
    assert rules(report) == [
        "license-denied:d",
        "license-unknown:e",
        "license-unknown:f",
        "license-unknown:g",
        "license-unknown:h",
    ]
    assert report[2].message == "f 1 states no licence"
    assert report[2].pointer == "app/f"


def test_without_one_the_unknown_is_a_warning_still() -> None:
    report = VIEW.check(deny=["AGPL-*"])
    assert report.ok
    assert {f.rule for f in report} == {"license-unknown"}
    assert len(report) == len(VIEW.unknown)
    assert not VIEW.check(deny=["MIT"]).ok


@pytest.mark.parametrize(
    "name",
    ["d", "pkg:deb/debian/d", "pkg:deb/debian/d@1", "pkg:deb/debian/d@1?arch=amd64"],
)
def test_an_exception_needs_a_reason_and_says_it(name: str) -> None:
    view = Licenses(LISTED[:4])
    assert not view.check(allow=["MIT", "ISC"]).ok
    report = view.check(allow=["MIT", "ISC"], exceptions={name: "agreed with counsel"})
    assert report.ok
    assert rules(report) == ["license-excepted:d"]
    assert "agreed with counsel" in report[0].message


def test_an_exception_that_no_package_needs_is_told() -> None:
    report = Licenses(LISTED[:2]).check(allow=["MIT"], exceptions={"a": "x", "zzz": "y"})
    assert report.ok
    assert [f.rule for f in report] == ["exception-unused"] * 2


def test_a_document_has_this_view_whatever_its_format() -> None:
    made = Sbom.build(subject=None, packages=LISTED[:3])
    for form in ("cyclonedx-1.6", "cyclonedx-1.4", "spdx-2.3", "spdx-3.0"):
        found = read_sbom(made.to_bytes(form)).licenses
        assert found.summary() == {"MIT": 2, "MIT AND (Apache-2.0 OR ISC)": 1}, form
        assert found.check(allow=["MIT", "ISC"]).ok


def test_a_concluded_licence_is_judged_beside_the_declared_one() -> None:
    """Source: SPDX 2.3 section 7.13: what the document's author concluded to govern the package."""
    package = Package("a", "1", licenses=("MIT",), concluded=("GPL-3.0-only",))
    report = Licenses([package]).check(deny=["GPL-*"])
    assert rules(report) == ["license-denied:a"]
    assert "concluded to be GPL-3.0-only" in report[0].message
    words = Package("a", "1", licenses=("BSD",), concluded=("BSD-3-Clause",))
    assert not list(Licenses([words]).check(allow=["BSD-3-Clause"]))
    for form in ("cyclonedx-1.6", "spdx-2.3"):
        made = Sbom.build(subject=None, packages=[package]).to_bytes(form)
        assert not read_sbom(made).licenses.check(deny=["GPL-3.0-only"]).ok, form


@pytest.mark.parametrize("pattern", ["gpl-*", "GPL-*", "Gpl*"])
def test_a_pattern_denies_in_any_case(pattern: str) -> None:
    view = Licenses([Package("a", licenses=("GPL-2.0-only",))])
    assert not view.check(deny=[pattern]).ok


def test_an_entry_that_is_misspelled_is_told() -> None:
    view = Licenses([Package("a", licenses=("MIT", "words of a"))])
    report = view.check(deny=["GLP-*", "GPL-2.0-onyl", "MIT OR Nothing", "words of b", "AGPL-*"])
    told = [
        f.message.partition("'")[2].partition("'")[0] for f in report if f.rule == "entry-unknown"
    ]
    assert told == ["GLP-*", "GPL-2.0-onyl", "MIT OR Nothing", "words of b"]


def test_a_licence_of_which_nothing_is_asserted_beside_a_known_one_is_unknown() -> None:
    view = Licenses([Package("a", licenses=("MIT", "NOASSERTION"))])
    assert rules(view.check(allow=["MIT"])) == ["license-unknown:a"]


def test_what_a_document_defines_itself_is_no_listed_licence_of_that_name() -> None:
    """Source: SPDX 2.3 annex D: a LicenseRef is defined in the document."""
    view = Licenses([Package("a", licenses=("LicenseRef-GPL",))])
    assert view.summary() == {"LicenseRef-GPL": 1}
    assert rules(view.check(allow=["GPL-1.0-or-later"])) == ["license-unknown:a"]


def test_tables() -> None:
    frame = VIEW.to_pandas()
    assert frame.packages.sum() == len(LISTED)
    assert list(frame.known) == [True, False, False, False, True, False]
    hostile = Licenses([Package("a", licenses=("<script>alert(1)</script>",))])
    assert "<script" not in hostile._repr_html_()
    assert repr(VIEW) == "Licenses(6 of 8 packages)"
    assert "NOASSERTION" in VIEW._repr_html_()


def test_fifty_thousand_packages_are_checked_in_a_moment() -> None:
    view = Licenses(
        [Package(f"p{n}", licenses=(("MIT", "ISC", "x")[n % 3],)) for n in range(50_000)]
    )
    assert len(view.check(allow=["MIT"])) == 33_333


def test_a_denied_licence_that_nobody_knows_is_told_as_it_would_deny_nothing() -> None:
    view = Licenses([Package("a", licenses=("MIT",)), Package("b", licenses=("our words",))])
    (told,) = [f for f in view.check(deny=["GPL-3.0-ony"]) if f.rule == "entry-unknown"]
    assert "GPL-3.0-ony" in told.message
    for known in ("GPL-3.0-only", "GPL-*", "our words", "LicenseRef-ours"):
        assert "entry-unknown" not in {f.rule for f in view.check(deny=[known])}, known
