from __future__ import annotations

import pytest

from provenance.catalog import ALL
from provenance.catalog.inventory import Inventory, take_inventory
from provenance.digests import Digest
from provenance.image.file import File

LAYERS = [Digest.of(b"%d" % i) for i in range(4)]
STATUS = "var/lib/dpkg/status"
SITE = "usr/lib/python3/dist-packages"


def file(path: str, data: bytes, layer: int = 0, real: str = "") -> File:
    return File(path, LAYERS[layer], len(data), 0o644, data, real or path)


def status(*records: str) -> bytes:
    """`name version [depends [provides]]` each."""
    out = ""
    for record in records:
        name, version, depends, provides, arch = (record.split(";") + [""] * 5)[:5]
        out += f"Package: {name}\nStatus: install ok installed\nVersion: {version}\n"
        out += f"Architecture: {arch or 'amd64'}\n"
        out += f"Depends: {depends}\n" if depends else ""
        out += f"Provides: {provides}\n" if provides else ""
        out += "\n"
    return out.encode()


def inventory(
    files: list[File], history: dict[str, list[tuple[int, bytes]]] | None = None
) -> Inventory:
    release = file("etc/os-release", b"ID=debian\nVERSION_ID=12\n")
    versions = {
        path: tuple((LAYERS[i], data) for i, data in older)
        for path, older in (history or {}).items()
    }
    return take_inventory({f.path: f for f in [release, *files]}, versions, ALL)


def test_packages_are_sorted_whatever_the_order_of_the_database() -> None:
    found = inventory([file(STATUS, status("b;1", "a;2", "a;1"))])
    assert [(p.name, p.version) for p in found.packages] == [("a", "1"), ("a", "2"), ("b", "1")]


class TestLayers:
    def test_a_package_is_of_the_lowest_layer_that_has_it_without_a_break(self) -> None:
        found = inventory(
            [file(STATUS, status("a;1", "b;1", "c;2", "d;1"), layer=3)],
            {
                STATUS: [
                    (2, status("a;1", "b;1", "c;1")),
                    (1, status("a;1", "c;2")),
                    (0, status("a;1", "b;1")),
                ]
            },
        )
        layers = {p.name: p.layer for p in found.packages}
        assert layers == {"a": LAYERS[0], "b": LAYERS[2], "c": LAYERS[3], "d": LAYERS[3]}

    def test_of_two_architectures_each_has_its_own_layer(self) -> None:
        found = inventory(
            [file(STATUS, status("a;1;;;amd64", "a;1;;;i386"), layer=1)],
            {STATUS: [(0, status("a;1;;;amd64"))]},
        )
        layers = {p.architecture: p.layer for p in found.packages}
        assert layers == {"amd64": LAYERS[0], "i386": LAYERS[1]}

    def test_metadata_that_was_only_touched_stays_in_its_layer(self) -> None:
        path = f"{SITE}/a-1.dist-info/METADATA"
        data = b"Name: a\nVersion: 1\n"
        found = inventory([file(path, data, layer=2)], {path: [(0, data)]})
        assert found.packages[0].layer == LAYERS[0]


class TestMerging:
    def test_one_purl_is_one_package_with_every_location(self) -> None:
        data = b"Name: a\nVersion: 1\n"
        paths = [f"{SITE}/a-1.dist-info/METADATA", "opt/venv/a-1.dist-info/METADATA"]
        found = inventory([file(p, data) for p in paths])
        assert len(found.packages) == 1
        assert [x.path for x in found.packages[0].locations] == paths

    def test_a_database_seen_through_a_link_is_read_once(self) -> None:
        real = "usr/lib/dpkg/status"
        found = inventory(
            [file(real, status("a;1")), file("lib/dpkg/status", status("a;1"), real=real)]
        )
        assert len(found.packages) == 1

    def test_a_python_package_of_dpkg_s_is_kept_beside_it(self) -> None:
        found = inventory(
            [
                file(STATUS, status("python3-a;1-1")),
                file(f"{SITE}/a-1.egg-info", b"Name: a\nVersion: 1\n"),
            ]
        )
        assert [p.type for p in found.packages] == ["deb", "pypi"]


class TestEdges:
    def edges(self, *records: str) -> dict[str, list[str]]:
        found = inventory([file(STATUS, status(*records))])
        names = {p.purl: p.name for p in found.packages}
        return {names[k]: [names[v] for v in vs] for k, vs in found.dependencies.items()}

    def test_needs_become_edges_where_the_image_has_them(self) -> None:
        assert self.edges("a;1;b (>= 1), gone", "b;1;c:any", "c;1") == {"a": ["b"], "b": ["c"]}

    def test_the_first_alternative_that_is_there_counts(self) -> None:
        assert self.edges("a;1;gone | b | c", "b;1", "c;1") == {"a": ["b"]}

    def test_a_virtual_package_is_who_provides_it(self) -> None:
        assert self.edges("a;1;mail-agent", "b;1;;mail-agent (= 1)") == {"a": ["b"]}

    def test_a_real_package_comes_before_a_provider(self) -> None:
        assert self.edges("a;1;x", "x;1", "b;1;;x") == {"a": ["x"]}

    def test_nothing_needs_itself(self) -> None:
        assert self.edges("a;1;v", "a;1;;v") == {}

    def test_a_need_stays_in_its_architecture(self) -> None:
        found = inventory(
            [
                file(
                    STATUS,
                    status("a;1;c;;amd64", "a;1;c;;i386", "c;1;;;amd64", "c;1;;;i386"),
                )
            ]
        )
        assert all(
            ("arch=i386" in needing) == ("arch=i386" in needed)
            for needing, all_needed in found.dependencies.items()
            for needed in all_needed
        )
        assert len(found.dependencies) == 2

    def test_a_need_stays_in_its_site_packages(self) -> None:
        files = []
        for site, version in (("usr/lib/p", 1), ("opt/venv/p", 2)):
            files += [
                file(
                    f"{site}/a.dist-info/METADATA",
                    b"Name: a\nVersion: %d\nRequires-Dist: B\n" % version,
                ),
                file(f"{site}/b.dist-info/METADATA", b"Name: B\nVersion: %d\n" % version),
            ]
        assert inventory(files).dependencies == {
            "pkg:pypi/a@1": ("pkg:pypi/b@1",),
            "pkg:pypi/a@2": ("pkg:pypi/b@2",),
        }


class TestFindings:
    def test_a_record_that_cannot_be_read_is_told(self) -> None:
        found = inventory([file(STATUS, status("a;1") + b"Package: b\n")])
        (finding,) = found.findings
        assert finding.rule == "unreadable-record"
        assert finding.pointer == f"{STATUS}, line 6"
        assert len(found.packages) == 1

    @pytest.mark.parametrize("release", [{}, {"etc/os-release": file("etc/os-release", b"X=1\n")}])
    def test_an_unknown_distribution_is_told(self, release: dict[str, File]) -> None:
        files = {STATUS: file(STATUS, status("a;1")), **release}
        found = take_inventory(files, {}, ALL)
        assert [f.rule for f in found.findings] == ["unknown-distribution"]
