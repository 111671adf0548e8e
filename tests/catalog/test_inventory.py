from __future__ import annotations

import json

import pytest

from provenance.catalog import ALL
from provenance.catalog.ecosystems.os_release import RULES
from provenance.catalog.files import CatalogReader, Reading
from provenance.catalog.inventory import Inventory, take_inventory
from provenance.catalog.routing import Router
from provenance.digests import Digest
from provenance.image.record import LayerRecord
from provenance.image.squash import Squash
from provenance.settings import Limits

LAYERS = [Digest.of(b"%d" % i) for i in range(4)]
STATUS = "var/lib/dpkg/status"
SITE = "usr/lib/python3/dist-packages"
RELEASE = ("etc/os-release", b"ID=debian\nVERSION_ID=12\n")
RUNS = (RULES, *ALL)
ROUTER = Router(RUNS)


def record(files: dict[str, bytes], layer: Digest) -> LayerRecord[Reading]:
    """What a layer of these files yields."""
    found: LayerRecord[Reading] = LayerRecord()
    reader = CatalogReader(ROUTER, layer, limits=Limits())
    for path, data in files.items():
        found.names.add(path)
        feed = reader.open(path, len(data), 0o644, data[:4])
        if feed is not None:
            feed(memoryview(data))
            reading = reader.close()
            assert reading is not None
            found.items[path] = reading
    return found


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


def inventory(*layers: dict[str, bytes], release: tuple[str, bytes] | None = RELEASE) -> Inventory:
    """Of the layers, bottom first; the lowest one has the os-release too."""
    known = dict([release]) if release else {}
    records = [
        record({**known, **files} if index == 0 else files, LAYERS[index])
        for index, files in enumerate(layers)
    ]
    return take_inventory(Squash(records), {}, RUNS, LAYERS)


def test_packages_are_sorted_whatever_the_order_of_the_database() -> None:
    found = inventory({STATUS: status("b;1", "a;2", "a;1")})
    assert [(p.name, p.version) for p in found.packages] == [("a", "1"), ("a", "2"), ("b", "1")]


class TestLayers:
    def test_a_package_is_of_the_lowest_layer_that_has_it_without_a_break(self) -> None:
        found = inventory(
            {STATUS: status("a;1", "b;1")},
            {STATUS: status("a;1", "c;2")},
            {STATUS: status("a;1", "b;1", "c;1")},
            {STATUS: status("a;1", "b;1", "c;2", "d;1")},
        )
        layers = {p.name: p.layer for p in found.packages}
        assert layers == {"a": LAYERS[0], "b": LAYERS[2], "c": LAYERS[3], "d": LAYERS[3]}

    def test_of_two_architectures_each_has_its_own_layer(self) -> None:
        found = inventory(
            {STATUS: status("a;1;;;amd64")}, {STATUS: status("a;1;;;amd64", "a;1;;;i386")}
        )
        layers = {p.architecture: p.layer for p in found.packages}
        assert layers == {"amd64": LAYERS[0], "i386": LAYERS[1]}

    def test_metadata_that_was_only_touched_stays_in_its_layer(self) -> None:
        path = f"{SITE}/a-1.dist-info/METADATA"
        data = b"Name: a\nVersion: 1\n"
        found = inventory({path: data}, {}, {path: data})
        assert found.packages[0].layer == LAYERS[0]


class TestMerging:
    def test_one_purl_is_one_package_with_every_location(self) -> None:
        data = b"Name: a\nVersion: 1\n"
        paths = [f"{SITE}/a-1.dist-info/METADATA", "opt/venv/a-1.dist-info/METADATA"]
        found = inventory(dict.fromkeys(paths, data))
        assert len(found.packages) == 1
        assert [x.path for x in found.packages[0].locations] == sorted(paths)

    def test_a_python_package_of_dpkg_s_is_kept_and_tied_to_it(self) -> None:
        found = inventory(
            {
                STATUS: status("python3-a;1-1", "other;1"),
                "var/lib/dpkg/info/python3-a.list": f"/.\n/usr\n/{SITE}/a-1.egg-info\n".encode(),
                "var/lib/dpkg/info/other.list": b"/usr\n/usr/share/doc/other\n",
                f"{SITE}/a-1.egg-info": b"Name: a\nVersion: 1\n",
            }
        )
        assert [p.type for p in found.packages] == ["deb", "deb", "pypi"]
        owner = next(p.purl for p in found.packages if p.name == "python3-a")
        assert found.contains == {owner: ("pkg:pypi/a@1",)}

    def test_owners_are_known_where_their_database_names_links(self) -> None:
        records = record(
            {
                RELEASE[0]: RELEASE[1],
                STATUS: status("a;1"),
                "var/lib/dpkg/info/a.list": b"/lib/python3/a-1.egg-info\n",
                "usr/lib/python3/a-1.egg-info": b"Name: a\nVersion: 1\n",
            },
            LAYERS[0],
        )
        records.symlinks["lib"] = "usr/lib"
        records.names.add("lib")
        found = take_inventory(Squash([records]), {}, RUNS, LAYERS)
        assert list(found.contains.values()) == [("pkg:pypi/a@1",)]

    def test_an_sbom_of_the_image_s_own_adds_to_the_database(self) -> None:
        purl = "pkg:apk/wolfi/a@1-r0?arch=x86_64"
        reference = {"referenceType": "purl", "referenceCategory": "PACKAGE-MANAGER"}
        document = {
            "spdxVersion": "SPDX-2.3",
            "SPDXID": "SPDXRef-DOCUMENT",
            "packages": [
                {
                    "SPDXID": "SPDXRef-a",
                    "name": "a",
                    "versionInfo": "1-r0",
                    "licenseDeclared": "MIT",
                    "externalRefs": [{**reference, "referenceLocator": purl}],
                },
                {
                    "SPDXID": "SPDXRef-source",
                    "name": "source",
                    "externalRefs": [{**reference, "referenceLocator": "pkg:github/w/os@1"}],
                },
            ],
        }
        found = inventory(
            {
                "lib/apk/db/installed": b"P:a\nV:1-r0\nA:x86_64\n\n",
                "var/lib/db/sbom/a-1-r0.spdx.json": json.dumps(document).encode(),
            },
            release=("etc/os-release", b"ID=wolfi\n"),
        )
        (package,) = found.packages
        assert package.purl == f"{purl}&distro=wolfi"
        assert package.licenses == ("MIT",)
        assert [x.path for x in package.locations] == [
            "lib/apk/db/installed",
            "var/lib/db/sbom/a-1-r0.spdx.json",
        ]


class TestEdges:
    def edges(self, *records: str) -> dict[str, list[str]]:
        found = inventory({STATUS: status(*records)})
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
        records = ("a;1;c;;amd64", "a;1;c;;i386", "c;1;;;amd64", "c;1;;;i386")
        found = inventory({STATUS: status(*records)})
        assert all(
            ("arch=i386" in needing) == ("arch=i386" in needed)
            for needing, all_needed in found.dependencies.items()
            for needed in all_needed
        )
        assert len(found.dependencies) == 2

    def test_a_need_stays_in_its_site_packages(self) -> None:
        files = {}
        for site, version in (("usr/lib/p", 1), ("opt/venv/p", 2)):
            needs = b"Name: a\nVersion: %d\nRequires-Dist: B\n" % version
            files[f"{site}/a.dist-info/METADATA"] = needs
            files[f"{site}/b.dist-info/METADATA"] = b"Name: B\nVersion: %d\n" % version
        assert inventory(files).dependencies == {
            "pkg:pypi/a@1": ("pkg:pypi/b@1",),
            "pkg:pypi/a@2": ("pkg:pypi/b@2",),
        }

    def test_many_that_provide_what_many_need_are_told_of_up_to_a_number(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("provenance.catalog.inventory._EDGES", 100)
        found = inventory({STATUS: status(*(f"p{i};1;v;v" for i in range(30)))})
        assert sum(map(len, found.dependencies.values())) == 100
        assert len(found.packages) == 30
        assert "more than 100 edges" in found.findings[0].message

    def test_so_is_what_is_the_same_again_and_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("provenance.catalog.edges._PAIRS", 1000)
        words = ",".join(f"v{i}" for i in range(500))
        records = ("a;1;;" + words, "b;1;;" + words, "z;1;" + words, "y;1;a")
        found = inventory({STATUS: status(*records)})
        assert found.findings[0].message == "packages need too many others: not all is told"
        assert len(found.packages) == 4

    def test_needs_without_end_leave_the_packages(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("provenance.catalog.inventory._STATED", 10)
        found = inventory({STATUS: status("a;1;b,c", "b;1;" + "x," * 9 + "x", "c;1;a")})
        assert [(p.name, len(p.depends)) for p in found.packages] == [("a", 2), ("b", 0), ("c", 0)]
        assert "more than 10 needs and provisions" in found.findings[0].message


class TestFindings:
    def test_a_record_that_cannot_be_read_is_told(self) -> None:
        found = inventory({STATUS: status("a;1") + b"Package: b\n"})
        (finding,) = found.findings
        assert finding.rule == "unreadable-record"
        assert finding.pointer == f"{STATUS}, line 6"
        assert len(found.packages) == 1

    @pytest.mark.parametrize("release", [None, ("etc/os-release", b"X=1\n")])
    def test_an_unknown_distribution_is_told(self, release: tuple[str, bytes] | None) -> None:
        found = inventory({STATUS: status("a;1")}, release=release)
        assert [f.rule for f in found.findings] == ["unknown-distribution"]
