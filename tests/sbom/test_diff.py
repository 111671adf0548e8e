"""Expectations by construction: two lists of packages whose difference one can see."""

from __future__ import annotations

import json
import pickle
import re
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import provenance as pv
from provenance.digests import Digest
from provenance.display.markdown import code
from provenance.errors import UnsupportedFormat
from provenance.packages.package import Location, Package
from provenance.sbom import Diff, Format, Sbom, Subject, read_sbom
from provenance.sbom.model import SubjectLayer

if TYPE_CHECKING:
    from collections.abc import Sequence

BASE, TOP, REBUILT = (Digest.of(name) for name in (b"base", b"top", b"rebuilt"))


def package(purl: str, **fields: Any) -> Package:
    """From a plain purl `pkg:type/.../name@version`."""
    kind, _, rest = purl.removeprefix("pkg:").partition("/")
    name, _, version = rest.partition("?")[0].rpartition("@")
    given: dict[str, Any] = {"name": name.rpartition("/")[2], "version": version}
    given |= {"type": kind, "purl": purl}
    return Package(**(given | fields))


def document(*packages: Package, form: Format = Format.CYCLONEDX_1_6, **subject: Any) -> Sbom:
    about = Subject("app", type="container", **subject)
    return read_sbom(Sbom.build(subject=about, packages=packages, form=form).to_bytes())


def changes(old: Sequence[Package], new: Sequence[Package]) -> list[tuple[str, str, str, str]]:
    found = pv.diff_sboms(document(*old), document(*new))
    return [(c.kind, c.name, c.old_version, c.new_version) for c in found.changes]


def test_the_same_document_has_no_changes() -> None:
    one = document(package("pkg:deb/debian/a@1"), package("pkg:npm/b@2"))
    found = pv.diff_sboms(one, one)
    assert found.ok
    assert not found
    assert (len(found), found.unchanged, dict(found.counts)) == (0, 2, {})
    assert found.summary() == "nothing changed; 2 unchanged"


def test_each_kind_of_change_is_told() -> None:
    at_base, at_top = (Location("var/lib/x", layer) for layer in (BASE, TOP))
    old = document(
        package("pkg:deb/debian/gone@1"),
        package("pkg:deb/debian/up@1.0~rc1"),
        package("pkg:pypi/down@1.10"),
        package("pkg:generic/other@blue"),
        package("pkg:npm/relicensed@1", licenses=("MIT",)),
        package("pkg:npm/rehashed@1", hashes={"sha256": "a" * 64}),
        package("pkg:npm/moved@1", locations=(at_base,)),
        package("pkg:npm/stays@1", locations=(at_top,)),
    )
    new = document(
        package("pkg:deb/debian/come@1"),
        package("pkg:deb/debian/up@1.0"),
        package("pkg:pypi/down@1.9"),
        package("pkg:generic/other@green"),
        package("pkg:npm/relicensed@1", licenses=("GPL-3.0-only",)),
        package("pkg:npm/rehashed@1", hashes={"sha256": "b" * 64}),
        package("pkg:npm/moved@1", locations=(at_top,)),
        package("pkg:npm/stays@1", locations=(at_top,)),
    )
    found = pv.diff_sboms(old, new)
    assert [(c.kind, c.name) for c in found] == [
        ("added", "come"),
        ("removed", "gone"),
        ("upgraded", "up"),
        ("downgraded", "down"),
        ("changed", "other"),
        ("relicensed", "relicensed"),
        ("rehashed", "rehashed"),
        ("moved", "moved"),
    ]
    assert found.unchanged == 1
    for kind in found.counts:
        assert [c.kind for c in getattr(found, kind)] == [kind]
    with pytest.raises(UnsupportedFormat, match="upgraded"):
        found.of("nonsense")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(
            ["pkg:deb/debian/a@1?arch=amd64&distro=debian-12.1"],
            ["pkg:deb/debian/a@1?arch=amd64&distro=debian-12.2"],
            [],
            id="qualifiers that say where it was built",
        ),
        pytest.param(
            ["pkg:deb/debian/a@1?arch=amd64", "pkg:deb/debian/a@1?arch=i386"],
            ["pkg:deb/debian/a@2?arch=i386", "pkg:deb/debian/a@3?arch=amd64"],
            [("upgraded", "a", "1", "2"), ("upgraded", "a", "1", "3")],
            id="each architecture by itself",
        ),
        pytest.param(
            ["pkg:npm/a@1.0.0", "pkg:npm/a@2.0.0"],
            ["pkg:npm/a@2.0.0", "pkg:npm/a@10.0.0"],
            [("upgraded", "a", "1.0.0", "10.0.0")],
            id="equal versions first",
        ),
        pytest.param(
            ["pkg:npm/a@9.0.0", "pkg:npm/a@10.0.0"],
            ["pkg:npm/a@11.0.0", "pkg:npm/a@9.1.0"],
            [("upgraded", "a", "9.0.0", "9.1.0"), ("upgraded", "a", "10.0.0", "11.0.0")],
            id="then in version order, which is not that of the text",
        ),
        pytest.param(
            ["pkg:npm/a@1.0.0"],
            ["pkg:npm/a@1.0.0", "pkg:npm/a@1.0.0"],
            [("added", "a", "", "1.0.0")],
            id="a second copy",
        ),
        pytest.param(
            ["pkg:npm/%40s/a@1.0.0", "pkg:npm/a@1.0.0"],
            ["pkg:npm/%40s/a@2.0.0", "pkg:npm/a@1.0.0"],
            [("upgraded", "a", "1.0.0", "2.0.0")],
            id="a scope is part of the name",
        ),
        pytest.param(
            ["pkg:npm/@s/a@1.0.0"],
            ["pkg:npm/@s/a@2.0.0"],
            [("upgraded", "a", "1.0.0", "2.0.0")],
            id="a scope that is not encoded",
        ),
        pytest.param(
            ["pkg:maven/g/a@1?classifier=sources", "pkg:maven/g/a@1"],
            ["pkg:maven/g/a@1"],
            [("removed", "a", "1", "")],
            id="an artifact beside another",
        ),
        pytest.param(
            ["pkg:deb/debian/a@0:1-1"], ["pkg:deb/debian/a@1-1"], [], id="two spellings"
        ),
        pytest.param(
            ["pkg:rpm/fedora/a@1"],
            ["pkg:rpm/redhat/a@2"],
            [("upgraded", "a", "1", "2"), ("replaced", "a", "1", "2")],
            id="by name and type where the purl names another vendor",
        ),
        pytest.param(
            ["pkg:npm/a@1"],
            ["pkg:pypi/a@1"],
            [("added", "a", "", "1"), ("removed", "a", "1", "")],
            id="not from one ecosystem to another",
        ),
    ],
)  # fmt: skip
def test_packages_are_matched(
    old: list[str], new: list[str], expected: list[tuple[str, str, str, str]]
) -> None:
    assert sorted(changes([package(p) for p in old], [package(p) for p in new])) == sorted(expected)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param("pkg:npm/%40good/a@1", "pkg:npm/%40evil/a@1", "added removed", id="scope"),
        pytest.param("pkg:maven/g/a@1", "pkg:maven/h/a@2", "added removed", id="group"),
        pytest.param("pkg:deb/debian/a@1", "pkg:deb/ubuntu/a@1", "replaced", id="vendor"),
        pytest.param("pkg:npm/a@1", "pkg:npm/a@1?repository_url=evil", "replaced", id="registry"),
        pytest.param(
            "pkg:npm/a@1?repository_url=good",
            "pkg:npm/a@2?repository_url=evil",
            "replaced upgraded",
            id="registry and version",
        ),
        pytest.param(
            "pkg:deb/debian/a@1?arch=amd64",
            "pkg:deb/debian/a@1?arch=arm64",
            "replaced",
            id="architecture",
        ),
        pytest.param(
            "pkg:deb/debian/a@1", "pkg:deb/debian/a@1?arch=arm64", "", id="stated by one alone"
        ),
        pytest.param(
            "pkg:generic/a@1?checksum=sha256:aa",
            "pkg:generic/a@1?checksum=sha256:bb",
            "replaced",
            id="checksum of one version",
        ),
        pytest.param(
            "pkg:generic/a@1?checksum=sha256:aa",
            "pkg:generic/a@2?checksum=sha256:bb",
            "changed",
            id="checksum of another version",
        ),
        pytest.param("pkg:generic/a@1?x=y#b", "pkg:generic/a@1?x=y#c", "replaced", id="subpath"),
        pytest.param("pkg:pypi/Foo_Bar@1", "pkg:pypi/foo-bar@1", "", id="spelled otherwise"),
    ],
)  # fmt: skip
def test_a_purl_of_something_else_is_a_change(old: str, new: str, expected: str) -> None:
    """Source: purl-spec, `repository_url` and case of each type."""
    found = changes([package(old)], [package(new)])
    assert sorted(kind for kind, *_ in found) == expected.split()


def test_a_purl_that_contradicts_its_version_is_a_change() -> None:
    old, new = (package(f"pkg:npm/a@{n}", version="1") for n in (1, 2))
    assert [kind for kind, *_ in changes([old], [new])] == ["replaced"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [("2.0-1?epoch=0", "1.0-1?epoch=1", "upgraded"), ("1.0-1?epoch=1", "1.0-1?epoch=2", "upgraded"),
     ("1.0-1", "1.0-1?epoch=1", "upgraded"), ("1.0-1", "1.0-1?epoch=0", "")],
)  # fmt: skip
def test_an_epoch_that_the_purl_of_an_rpm_has_apart_counts(
    old: str, new: str, expected: str
) -> None:
    """Source: purl-spec, type rpm; rpm-version(7)."""
    found = changes(*([package(f"pkg:rpm/fedora/a@{v}")] for v in (old, new)))
    assert [kind for kind, *_ in found] == expected.split()


@pytest.mark.parametrize(
    ("kind", "old", "new", "expected"),
    [
        ("cargo", "1.0.0+3.0.1", "1.0.0+3.0.2", "changed"),
        ("nuget", "1.0.0+a", "1.0.0+b", "changed"),
        ("npm", "1.2.3.4", "1.2.3.5", "changed"),
        ("golang", "v1.0.0", "1.0.0+incompatible", ""),
        ("npm", "1.0", "1.0.0", ""),
    ],
)
def test_build_metadata_has_no_order_but_is_another_version(
    kind: str, old: str, new: str, expected: str
) -> None:
    """Source: semver.org 2.0.0, sections 10 and 11."""
    one, two = (Package("a", version, kind) for version in (old, new))
    assert [kind for kind, *_ in changes([one], [two])] == expected.split()


def test_other_bytes_under_another_spelling_of_the_version_are_a_change() -> None:
    old = package("pkg:pypi/a@1.0", hashes={"sha256": "a" * 64})
    new = package("pkg:pypi/a@1.0.0", hashes={"sha256": "b" * 64})
    assert [kind for kind, *_ in changes([old], [new])] == ["rehashed"]


def test_without_purls_names_have_to_do() -> None:
    old = [Package("a", "1"), Package("b", "1")]
    assert changes(old, [package("pkg:npm/a@1"), Package("b", "2")]) == [("changed", "b", "1", "2")]


def test_several_copies_are_matched_by_where_they_are() -> None:
    def copy(path: str, digit: str) -> Package:
        place = (Location(path),)
        return package("pkg:npm/a@1", locations=place, hashes={"sha256": digit * 64})

    copies = [copy("x", "1"), copy("y", "2")]
    assert changes(copies, list(reversed(copies))) == []


class TestLicences:
    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (("MIT", "Apache-2.0"), ("Apache-2.0 AND MIT",)),
            (("MIT OR (ISC AND Zlib)",), ("(Zlib AND ISC) OR MIT",)),
            (("GPL-2.0+",), ("GPL-2.0-or-later",)),
            (("mit",), ("MIT",)),
            (("words of a licence",), ("words  of a licence",)),
        ],
    )
    def test_what_says_the_same_is_no_change(self, old: Any, new: Any) -> None:
        purl = "pkg:npm/a@1"
        assert changes([package(purl, licenses=old)], [package(purl, licenses=new)]) == []

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("MIT AND ISC", "MIT OR ISC"),
            ("MIT OR (ISC AND Zlib)", "(MIT OR ISC) AND Zlib"),
            ("GPL-2.0-only", "GPL-2.0-only WITH Classpath-exception-2.0"),
            ("MIT", "words"),
        ],
    )
    def test_what_says_something_else_is(self, old: str, new: str) -> None:
        purl = "pkg:npm/a@1"
        found = changes([package(purl, licenses=(old,))], [package(purl, licenses=(new,))])
        assert [kind for kind, *_ in found] == ["relicensed"]

    def test_a_document_that_states_none_says_nothing(self) -> None:
        purl = "pkg:npm/a@1"
        assert changes([package(purl, licenses=("MIT",))], [package(purl)]) == []
        other = package("pkg:npm/b@1", licenses=("ISC",))
        found = changes([package(purl, licenses=("MIT",)), other], [package(purl), other])
        assert [kind for kind, *_ in found] == ["relicensed"]


def test_hashes_are_compared_by_the_algorithms_of_both() -> None:
    def hashed(**hashes: str) -> list[Package]:
        return [package("pkg:npm/a@1", hashes=hashes)]

    assert changes(hashed(sha256="ab" * 32), hashed(sha512="cd" * 64)) == []
    assert changes(hashed(sha256="ab" * 32), hashed(sha256="AB" * 32, md5="0" * 32)) == []
    assert changes(hashed(sha1="a" * 40, md5="b" * 32), hashed(md5="c" * 32))[0][0] == "rehashed"
    upgraded = package("pkg:npm/a@2", hashes={"sha1": "b" * 40})
    assert changes(hashed(sha1="a" * 40), [upgraded]) == [("upgraded", "a", "1", "2")]


class TestLayers:
    def diff(self, old: list[Any], new: list[Any], was: Digest, now: Digest) -> Diff:
        def image(layers: list[Any], at: Digest) -> Sbom:
            listed = tuple(SubjectLayer(digest, created_by=by) for digest, by in layers)
            found = package("pkg:npm/a@1", locations=(Location("a", at),))
            return document(found, layers=listed)

        return pv.diff_sboms(image(old, was), image(new, now))

    def test_a_rebuilt_layer_is_the_same_by_its_instruction(self) -> None:
        old, new = [(BASE, "FROM"), (TOP, "RUN npm")], [(BASE, "FROM"), (REBUILT, "RUN npm")]
        assert self.diff(old, new, TOP, REBUILT).ok
        assert [c.kind for c in self.diff(old, new, BASE, REBUILT)] == ["moved"]

    def test_a_rebuilt_layer_is_the_same_by_its_place(self) -> None:
        old, new = [(BASE, "x"), (TOP, "")], [(BASE, "y"), (REBUILT, "")]
        assert self.diff(old, new, TOP, REBUILT).ok

    def test_of_a_layer_that_is_in_one_image_alone_nothing_is_said(self) -> None:
        old, new = [(BASE, "")], [(BASE, ""), (REBUILT, "")]
        assert self.diff([*old, (TOP, "a")], [*new, (Digest.of(b"x"), "")], TOP, REBUILT).ok


FORMS = [Format.CYCLONEDX_1_6, Format.CYCLONEDX_1_4, Format.SPDX_2_3, Format.SPDX_3_0]


@pytest.mark.parametrize("old", FORMS)
@pytest.mark.parametrize("new", FORMS)
def test_formats_do_not_matter(old: Format, new: Format) -> None:
    place = (Location("app/package.json", BASE),)
    same = package(
        *("pkg:npm/%40s/a@1",),
        licenses=("MIT", "Apache-2.0 OR ISC", "some words"),
        hashes={"sha256": "a" * 64, "sha512": "b" * 128},
        locations=place,
        supplier="Somebody",
        description="something",
    )
    upgraded = package("pkg:deb/debian/libc6@2.36-9?arch=amd64", licenses=("LGPL-2.1-only",))
    newer = package("pkg:deb/debian/libc6@2.36-10?arch=amd64", licenses=("LGPL-2.1-only",))
    layers = (SubjectLayer(BASE),)
    found = pv.diff_sboms(
        document(same, upgraded, form=old, layers=layers),
        document(same, newer, form=new, layers=layers),
    )
    assert [(c.kind, c.name) for c in found] == [("upgraded", "libc6")]


HOSTILE = [
    "<script>alert(1)</script>",
    "a|b",
    "a\\|b\\\\|c",
    "``x`` @org/team #1",
    "`",
    "\n| x | y |\n# head",
    "[x](javascript:alert(1))",
    "\u202egnp.exe",
    "\x1b[31mred",
    "x" * 5000,
    "'\"><img src=x onerror=alert(1)>",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_text(name: str) -> None:
    found = pv.diff_sboms(document(), document(Package(name, name, licenses=(name,))))
    page = found._repr_html_()
    assert "<script" not in page
    assert "<img" not in page
    assert "\x1b" not in page
    (head, _, _, _, row) = found.to_markdown().splitlines()
    assert head == "**1 added; 0 unchanged**"
    assert len(row) < 1000
    # As a renderer does: a backslash takes the pipe behind it out of the row's structure.
    assert len(re.split(r"(?<!\\)\|", row)) == 8
    assert "\\\\|" not in row


@given(st.text(max_size=30))
def test_a_code_span_closes_where_it_should(text: str) -> None:
    span = code(text)
    if span:
        fence = re.match("`+", span)
        assert fence
        inner = span[len(fence[0]) : -len(fence[0])]
        assert span.endswith(fence[0])
        assert fence[0] not in re.findall("`+", inner)
        assert "\n" not in span
    else:
        assert not text.strip()


def test_tables_and_json_have_a_row_a_change() -> None:
    old = document(package("pkg:npm/a@1.0.0", licenses=("MIT",)))
    new = document(package("pkg:npm/a@2.0.0", licenses=("ISC",)), package("pkg:npm/b@1.0.0"))
    found = pv.diff_sboms(old, new)
    frame = found.to_pandas()
    assert list(frame.kind) == ["added", "upgraded", "relicensed"]
    assert list(frame.new_version) == ["1.0.0", "2.0.0", "2.0.0"]
    assert list(frame.old_licenses)[2] == ["MIT"]
    told = json.loads(json.dumps(found.to_dict()))
    assert told["counts"] == {"added": 1, "upgraded": 1, "relicensed": 1}
    assert [c["old_purl"] for c in told["changes"]] == ["", "pkg:npm/a@1.0.0", "pkg:npm/a@1.0.0"]
    table = pl.DataFrame(found)
    assert tuple(table.columns) == found.fields
    assert table["new_licenses"].to_list() == [[], ["ISC"], ["ISC"]]
    assert pl.DataFrame(pv.diff_sboms(old, old)).shape == (0, len(found.fields))
    assert "2 more of 3" in found.to_markdown(limit=1)
    assert repr(found) == "Diff(1 added, 1 upgraded, 1 relicensed; 0 unchanged)"
    assert list(pv.diff_sboms(old, old).to_pandas().columns) == list(frame.columns)
    assert all(tuple(change.to_dict()) == found.fields for change in found)


PURLS = st.sampled_from(["", "pkg:npm/a@1", "pkg:npm/a@2", "pkg:npm/b@1", "pkg:deb/d/a@1?arch=x"])
LISTED = st.lists(
    st.builds(
        Package,
        name=st.sampled_from(["a", "b", ""]),
        version=st.sampled_from(["1", "2", "", "x"]),
        type=st.sampled_from(["npm", "deb", ""]),
        purl=PURLS,
        licenses=st.sampled_from([(), ("MIT",), ("MIT OR ISC",), ("(",)]),
        hashes=st.sampled_from([{}, {"sha256": "a"}, {"sha256": "b", "md5": "c"}]),
    ),
    max_size=6,
)


@given(LISTED, LISTED)
def test_every_package_is_accounted_for_once(old: list[Package], new: list[Package]) -> None:
    there = pv.diff_sboms(document(*old), document(*new))
    back = pv.diff_sboms(document(*new), document(*old))
    both = len(old) - len(there.removed)
    assert both == len(new) - len(there.added)
    in_both = {c.new_row for c in there if c.old and c.new}
    assert both == there.unchanged + len(in_both)
    assert len(there.added) == len(back.removed)
    assert there == pv.diff_sboms(document(*old), document(*new))
    assert pickle.loads(pickle.dumps(there)) == there


def test_a_thousand_versions_of_one_name_are_no_square() -> None:
    def listed(start: int) -> Sbom:
        return document(*(package(f"pkg:npm/a@{start + n}.0.0") for n in range(5000)))

    old, new = listed(0), listed(10_000)
    assert len(pv.diff_sboms(old, new).upgraded) == 5000
