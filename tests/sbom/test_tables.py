"""Tables of packages: what pyarrow, polars, pandas and DuckDB read out of the Arrow stream."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.digests import Digest
from provenance.errors import UnsupportedFormat
from provenance.packages.package import ListedFile, Location, Package, Reference
from provenance.sbom import Files, Format, Packages, Sbom, read_sbom
from provenance.sbom.tables import FILE_COLUMNS, PACKAGE_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping

LAYER = Digest.of(b"layer")
OPENSSL = Package(
    name="openssl",
    version="1:3.0+b1",
    type="deb",
    purl="pkg:deb/debian/openssl@1:3.0%2Bb1?arch=amd64&distro=debian-12#lib",
    licenses=("Apache-2.0", "MIT"),
    supplier="Debian",
    hashes={"sha256": "ab", "md5": "cd"},
    cpes=("cpe:2.3:a:openssl:openssl:3.0:*:*:*:*:*:*:*",),
    locations=(Location("var/lib/dpkg/status", LAYER, "RUN apt"), Location("x")),
    references=(Reference("vcs", "https://example.org"),),
)
PACKAGES = Packages([OPENSSL, Package("caf\u00e9")])
TEXTS = pa.list_(pa.string())
PAIR = [pa.field("value", pa.string())]


def test_columns_are_typed_and_nested() -> None:
    """The schema that docs/tables.md promises."""
    table = pa.table(PACKAGES)
    assert table.column_names == list(PACKAGE_COLUMNS)
    place = pa.struct([(n, pa.string()) for n in ("path", "layer", "created_by")])
    expected: dict[str, Any] = {
        **dict.fromkeys(("licenses", "stated_licenses", "cpes", "depends", "provides"), TEXTS),
        **dict.fromkeys(("concluded", "more_purls"), TEXTS),
        "is_declared": pa.bool_(),
        "references": pa.list_(
            pa.struct([(n, pa.string()) for n in ("type", "url", "comment", "category")])
        ),
        "hashes": pa.list_(pa.struct([pa.field("algorithm", pa.string()), *PAIR])),
        "locations": pa.list_(place),
        "purl_qualifiers": pa.list_(pa.struct([pa.field("key", pa.string()), *PAIR])),
    }
    for name in PACKAGE_COLUMNS:
        assert table.schema.field(name).type == expected.get(name, pa.string()), name


def test_every_value_arrives() -> None:
    openssl, cafe = pa.table(PACKAGES).to_pylist()
    assert openssl["name"] == "openssl"
    assert openssl["licenses"] == ["Apache-2.0", "MIT"]
    assert openssl["hashes"] == [
        {"algorithm": "sha256", "value": "ab"},
        {"algorithm": "md5", "value": "cd"},
    ]
    assert openssl["locations"] == [
        {"path": "var/lib/dpkg/status", "layer": str(LAYER), "created_by": "RUN apt"},
        {"path": "x", "layer": "", "created_by": ""},
    ]
    assert openssl["references"] == [
        {"type": "vcs", "url": "https://example.org", "comment": "", "category": ""}
    ]
    assert openssl["is_declared"] is True
    assert (openssl["path"], openssl["layer"]) == ("var/lib/dpkg/status", str(LAYER))
    assert {k: v for k, v in openssl.items() if k.startswith("purl_")} == {
        "purl_type": "deb",
        "purl_namespace": "debian",
        "purl_name": "openssl",
        "purl_version": "1:3.0+b1",
        "purl_qualifiers": [
            {"key": "arch", "value": "amd64"},
            {"key": "distro", "value": "debian-12"},
        ],
        "purl_subpath": "lib",
    }
    assert cafe["name"] == "caf\u00e9"
    assert cafe["licenses"] == cafe["locations"] == cafe["purl_qualifiers"] == []
    assert cafe["supplier"] == cafe["path"] == cafe["purl_type"] == ""


def test_a_field_of_a_package_is_a_column_wherever_its_type_can_be_one() -> None:
    """A new field of texts is in the table without a change there."""
    simple = {"str", "tuple[str, ...]"}
    named = {f.name for f in dataclasses.fields(Package) if f.type in simple}
    assert named <= set(PACKAGE_COLUMNS)


def test_polars_takes_packages_as_they_are() -> None:
    frame = pl.DataFrame(PACKAGES)
    assert frame.equals(PACKAGES.to_polars())
    assert frame.explode("licenses")["licenses"].to_list()[:2] == ["Apache-2.0", "MIT"]
    assert frame["hashes"].dtype == pl.List(pl.Struct({"algorithm": pl.String, "value": pl.String}))


def test_duckdb_takes_packages_as_they_are() -> None:
    duckdb = pytest.importorskip("duckdb")
    packages = PACKAGES
    rows = duckdb.sql(
        "select name, unnest(licenses) as license from packages order by license"
    ).fetchall()
    assert rows == [("openssl", "Apache-2.0"), ("openssl", "MIT")]
    assert len(packages) == 2


def test_pandas_has_the_same_columns_with_pythons_own_values() -> None:
    frame = PACKAGES.to_pandas()
    assert list(frame.columns) == list(PACKAGE_COLUMNS)
    assert frame["licenses"][0] == ["Apache-2.0", "MIT"]
    assert frame["hashes"][0] == {"sha256": "ab", "md5": "cd"}
    assert frame["purl_qualifiers"][0] == {"arch": "amd64", "distro": "debian-12"}
    assert frame["layer"].tolist() == [str(LAYER), ""]
    assert PACKAGES.to_pandas("version", "name").columns.tolist() == ["version", "name"]


def test_columns_are_chosen_in_the_order_wanted() -> None:
    assert PACKAGES.to_arrow("purl_name", "name").to_pylist() == [
        {"purl_name": "openssl", "name": "openssl"},
        {"purl_name": "", "name": "caf\u00e9"},
    ]
    with pytest.raises(TypeError, match=r"no column colour; use name, version, .*purl_subpath"):
        PACKAGES.to_polars("colour")


def test_a_selection_and_none_at_all_are_tables_too() -> None:
    assert PACKAGES.where(name="caf\u00e9").to_arrow("name").to_pylist() == [{"name": "caf\u00e9"}]
    assert PACKAGES[1:].to_arrow("name").num_rows == 1
    empty = pa.table(Packages())
    assert empty.num_rows == 0
    assert empty.schema == pa.table(PACKAGES).schema


def test_a_document_read_the_quick_way_is_the_same_table() -> None:
    for form in (Format.CYCLONEDX_1_6, Format.SPDX_2_3):
        built = Sbom.build(subject=None, packages=[OPENSSL, Package("b")], form=form)
        quick = read_sbom(built.to_bytes())
        made = Packages(tuple(quick.packages))
        assert pa.table(quick.packages).equals(pa.table(made))


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_a_library_that_is_not_installed_is_named_with_its_extra(
    library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    method = getattr(PACKAGES, f"to_{library.removeprefix('py')}")
    extra = library.removeprefix("py")
    with pytest.raises(UnsupportedFormat, match=library) as caught:
        method()
    assert f"oci-provenance[{extra}]" in str(caught.value)


def test_files_are_a_table() -> None:
    files = Files(
        [ListedFile("etc/passwd", 3, {"sha1": "ab"}, LAYER, "pkg:deb/a/b"), ListedFile("x")]
    )
    table = pa.table(files)
    assert table.column_names == list(FILE_COLUMNS)
    assert table.to_pylist()[0] == {
        "path": "etc/passwd",
        "size": 3,
        "hashes": [{"algorithm": "sha1", "value": "ab"}],
        "layer": str(LAYER),
        "owner": "pkg:deb/a/b",
        "id": "",
    }
    assert files.to_polars("size")["size"].to_list() == [3, -1]
    assert files.to_pandas()["path"].tolist() == ["etc/passwd", "x"]
    assert files.to_arrow("path").num_rows == 2


def test_files_are_a_sequence() -> None:
    files = Files([ListedFile("a"), ListedFile("b")])
    assert [f.path for f in files] == ["a", "b"]
    assert files[1].path == "b"
    assert isinstance(files[:1], Files)
    assert files == (ListedFile("a"), ListedFile("b"))
    assert files == Files(files)
    assert hash(files[:0]) == hash(Files())
    assert repr(files) == "Files(2)"
    assert "&lt;b&gt;" in Files([ListedFile("<b>")])._repr_html_()


_ANY = st.text(max_size=3)


@given(
    st.lists(
        st.builds(
            Package,
            name=st.one_of(_ANY, st.just("\ud800")),
            purl=st.one_of(_ANY, st.just("pkg:npm/a@1?x=%FF")),
            licenses=st.lists(_ANY, max_size=2).map(tuple),
            hashes=st.dictionaries(_ANY, _ANY, max_size=2),
            locations=st.lists(st.builds(Location, _ANY), max_size=2).map(tuple),
        ),
        max_size=4,
    )
)
def test_any_packages_are_a_valid_table(packages: list[Package]) -> None:
    table = pa.table(Packages(packages))
    table.validate(full=True)
    rows = table.to_pylist()
    for row, package in zip(rows, packages, strict=True):
        assert row["licenses"] == [*package.licenses]
        assert as_mapping(row["hashes"]) == package.hashes
        assert [x["path"] for x in row["locations"]] == [x.path for x in package.locations]


def as_mapping(pairs: list[Mapping[str, str]]) -> dict[str, str]:
    return {pair["algorithm"]: pair["value"] for pair in pairs}
