"""What a header says of its package, and what all headers together say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.catalog.rpm_writers import (
    CHAR,
    INT16,
    INT32,
    KEY,
    STRING,
    STRINGS,
    Catalogued,
    blob,
    header,
    ndb,
    of_kind,
    package_entries,
)

from provenance.catalog.cataloger import Owned, Problem, Relation
from provenance.catalog.ecosystems.rpm import CATALOGER
from provenance.catalog.ecosystems.rpm.dependencies import parse_rich, resolve
from provenance.catalog.ecosystems.rpm.header import Header, Tag
from provenance.catalog.ecosystems.rpm.licenses import normalise_rpm
from provenance.errors import MalformedDocument
from provenance.packages.os_release import OsRelease
from provenance.packages.package import Package

PATH = "var/lib/rpm/Packages.db"
ROCKY = {"": OsRelease(id="rocky", version_id="9.3")}
LESS, GREATER, EQUAL, RPMLIB = 2, 4, 8, 1 << 24


def catalogued(*blobs: bytes, release: OsRelease | None = None) -> Catalogued:
    return Catalogued({PATH: ndb(blobs)}, {"": release} if release else ROCKY)


def only(data: bytes) -> Package:
    found = catalogued(data)
    assert not found.problems
    (package,) = found.packages
    return package


class TestPackage:
    def test_all_of_it(self) -> None:
        package = only(
            blob(
                "util-linux",
                version="2.37.4",
                release="15.el9",
                epoch=1,
                license="GPLv2+ and LGPLv3",
                requires=[
                    ("bash", 0, ""),
                    ("libc.so.6()(64bit)", 0, ""),
                    ("attr", EQUAL | GREATER, "2"),
                ],
                provides=["util-linux(x86-64)", "eject"],
                source="util-linux-2.37.4-15.el9.src.rpm",
            )
        )
        assert package == Package(
            name="util-linux",
            version="1:2.37.4-15.el9",
            type="rpm",
            purl="pkg:rpm/rocky/util-linux@2.37.4-15.el9?arch=x86_64&distro=rocky-9.3&epoch=1"
            "&upstream=util-linux-2.37.4-15.el9.src.rpm",
            licenses=("GPL-2.0-or-later AND LGPL-3.0-only",),
            stated_licenses=("GPLv2+ and LGPLv3",),
            supplier="Example Linux",
            description="What util-linux is",
            homepage="https://example.org/util-linux",
            locations=package.locations,
            architecture="x86_64",
            depends=("bash", "libc.so.6()(64bit)", "attr >= 2"),
            provides=("util-linux(x86-64)", "eject"),
            cataloger="rpm",
        )
        assert package.locations[0].path == PATH

    def test_the_source_package_where_it_has_another_name(self) -> None:
        package = only(blob("libuuid", source="util-linux-2.37.4-15.el9.src.rpm"))
        assert (package.source, package.source_version) == ("util-linux", "2.37.4-15.el9")

    def test_an_epoch_of_zero_is_an_epoch(self) -> None:
        package = only(blob(epoch=0))
        assert package.version == "0:2.5.1-3.el9"
        assert "&epoch=0&" in package.purl

    def test_red_hats_namespace_is_not_the_id_of_its_os_release(self) -> None:
        (package,) = catalogued(blob(), release=OsRelease(id="rhel", version_id="9.4")).packages
        assert package.purl.startswith(
            "pkg:rpm/redhat/attr@2.5.1-3.el9?arch=x86_64&distro=rhel-9.4&"
        )

    @pytest.mark.parametrize("id_", ["opensuse-leap", "opensuse-tumbleweed"])
    def test_the_editions_of_opensuse_have_one_namespace(self, id_: str) -> None:
        (package,) = catalogued(blob(), release=OsRelease(id=id_, version_id="15.6")).packages
        assert package.purl.startswith(
            f"pkg:rpm/opensuse/attr@2.5.1-3.el9?arch=x86_64&distro={id_}-15.6&"
        )

    def test_without_os_release_there_is_neither_namespace_nor_distro(self) -> None:
        (package,) = Catalogued({PATH: ndb([blob()])}).packages
        assert package.purl == (
            "pkg:rpm/attr@2.5.1-3.el9?arch=x86_64&upstream=attr-2.5.1-3.el9.src.rpm"
        )

    def test_what_stands_in_purls_is_quoted(self) -> None:
        package = only(blob("libstdc++", version="3~rc1^git/1"))
        assert "/libstdc%2B%2B@3~rc1%5Egit%2F1-3.el9?" in package.purl

    def test_the_packager_is_the_supplier_where_no_vendor_is(self) -> None:
        entries = [e for e in package_entries() if e[0] != Tag.VENDOR]
        package = only(header([*entries, (Tag.PACKAGER, STRING, "Jo <jo@example.org>")]))
        assert package.supplier == "Jo <jo@example.org>"

    def test_keys_are_no_packages(self) -> None:
        found = catalogued(KEY, blob())
        assert found.names == ["attr 2.5.1-3.el9"]
        assert not found.problems

    def test_what_an_installation_adds_replaces_what_the_builder_wrote(self) -> None:
        added = [(Tag.VERSION, STRING, "9.9"), (Tag.RELEASE, STRING, "1")]
        assert only(header(package_entries(), added)).version == "9.9-1"

    @pytest.mark.parametrize("tag", [Tag.NAME, Tag.VERSION])
    def test_without_name_no_package_without_version_a_package_and_a_problem(
        self, tag: int
    ) -> None:
        found = catalogued(header([e for e in package_entries() if e[0] != tag]))
        assert found.problems
        assert found.names == ([] if tag == Tag.NAME else ["attr "])

    def test_a_name_must_be_a_word(self) -> None:
        found = catalogued(blob("two words"), blob("new\nline"), blob("good"))
        assert found.names == ["good 2.5.1-3.el9"]
        assert len(found.problems) == 2

    def test_the_distribution_of_each_root(self) -> None:
        files = {f"{root}var/lib/rpm/Packages.db": ndb([blob()]) for root in ("", "a/", "b/c/")}
        releases = {"": OsRelease(id="fedora", version_id="40"), "b/c/": OsRelease(id="ol")}
        purls = [package.purl for package in Catalogued(files, releases).packages]
        assert [purl.partition("attr@")[0] for purl in purls] == [
            "pkg:rpm/fedora/",
            "pkg:rpm/",
            "pkg:rpm/ol/",
        ]


class TestFiles:
    def test_paths_and_hashes(self) -> None:
        files = {"/usr/bin/attr": "ab" * 32, "/usr/share": "/", "/usr/lib/link": ""}
        found = catalogued(blob(files=files))
        (owned,) = of_kind(found.completed, Owned)
        assert owned == Owned(
            found.packages[0].purl, ["usr/bin/attr", "usr/lib/link"], [f"sha256:{'ab' * 32}", ""]
        )

    def test_files_that_were_left_out_are_not_there(self) -> None:
        files = {"/usr/bin/attr": "ab" * 32, "/usr/share/doc/attr/README": "cd" * 32}
        states = [(Tag.FILESTATES, CHAR, [0, 2])]
        (owned,) = of_kind(
            catalogued(header(package_entries(files=files), states)).completed, Owned
        )
        assert owned.paths == ["usr/bin/attr"]

    def test_md5_where_no_algorithm_is_named(self) -> None:
        entries = package_entries(files={"/usr/bin/attr": "ab" * 16})
        data = header([e for e in entries if e[0] != Tag.FILEDIGESTALGO])
        (owned,) = of_kind(catalogued(data).completed, Owned)
        assert owned.hashes == [f"md5:{'ab' * 16}"]

    def test_whole_paths_as_rpm_3_wrote_them(self) -> None:
        entries = package_entries(files={})
        entries.append((Tag.OLDFILENAMES, STRINGS, ["/bin/ls", "/etc/x"]))
        (owned,) = of_kind(catalogued(header(entries)).completed, Owned)
        assert owned.paths == ["bin/ls", "etc/x"]
        assert not owned.hashes

    @pytest.mark.parametrize(
        ("tag", "kind", "value"),
        [
            (Tag.DIRINDEXES, INT32, [7]),
            (Tag.DIRINDEXES, INT32, [0, 0]),
            (Tag.DIRINDEXES, INT16, [0]),
            (Tag.FILEDIGESTS, STRINGS, ["ab" * 32] * 2),
            (Tag.FILEDIGESTS, STRINGS, ["not hex"]),
            (Tag.FILEMODES, INT16, [0o100644] * 3),
            (Tag.BASENAMES, STRING, "attr"),
        ],
    )
    def test_a_list_that_does_not_fit_costs_the_list_alone(
        self, tag: int, kind: int, value: object
    ) -> None:
        found = catalogued(header(package_entries(), [(tag, kind, value)]))
        assert found.names == ["attr 2.5.1-3.el9"]
        assert ["file list" in problem.message for problem in found.problems] == [True]
        assert not of_kind(found.completed, Owned)

    def test_few_bytes_that_would_be_many_paths(self) -> None:
        entries = package_entries(files={})
        entries += [
            (Tag.DIRINDEXES, INT32, [0] * 60_000),
            (Tag.BASENAMES, STRINGS, ["x"] * 60_000),
            (Tag.DIRNAMES, STRINGS, ["/" + "y" * 60_000]),
        ]
        found = catalogued(header(entries))
        assert "much longer" in found.problems[0].message


class TestNeeds:
    def test_as_the_core_asks_for_them(self) -> None:
        package = only(
            blob(
                requires=[
                    ("rpmlib(CompressedFileNames)", RPMLIB | LESS | EQUAL, "3.0.4-1"),
                    ("rpmlib(Payload)", 0, ""),
                    ("config(attr)", EQUAL, "1"),
                    ("bash", 0, ""),
                    ("bash", GREATER, "4"),
                    ("/bin/sh", 0, ""),
                    ("(a or b)", 0, ""),
                ],
                provides=["config(attr)"],
            )
        )
        assert package.depends == ("config(attr) = 1", "bash", "bash > 4", "/bin/sh", "(a or b)")
        assert CATALOGER.requirements is not None
        assert list(CATALOGER.requirements(package)) == [("bash",), ("/bin/sh",)]

    def edges(self, *blobs: bytes) -> list[tuple[str, str]]:
        found = catalogued(*blobs)
        assert not found.problems
        names = {package.purl: package.name for package in found.packages}
        relations = of_kind(found.completed, Relation)
        assert all(relation.kind == "depends-on" for relation in relations)
        return [(names[relation.source], names[relation.target]) for relation in relations]

    def test_a_file_is_looked_for_in_the_lists_of_files(self) -> None:
        app = blob("app", requires=[("/usr/bin/env", 0, ""), ("/usr/bin/app", 0, "")])
        coreutils = blob("coreutils", files={"/usr/bin/env": "ab" * 32})
        assert self.edges(app, coreutils) == [("app", "coreutils")]

    @pytest.mark.parametrize(
        ("needed", "owned"), [("/bin/sh", "/usr/bin/sh"), ("/usr/sbin/x", "/sbin/x")]
    )
    def test_a_merged_usr(self, needed: str, owned: str) -> None:
        app, shell = (
            blob("app", requires=[(needed, 0, "")]),
            blob("shell", files={owned: "ab" * 32}),
        )
        assert self.edges(app, shell) == [("app", "shell")]

    def test_a_file_that_is_provided_by_name_is_the_cores(self) -> None:
        app = blob("app", requires=[("/bin/sh", 0, "")])
        assert not self.edges(app, blob("bash", provides=["/bin/sh"]))

    @pytest.mark.parametrize(
        ("need", "targets"),
        [
            ("(a or b)", ["a"]),
            ("(missing or b)", ["b"]),
            ("(missing or other)", []),
            ("(a and b)", ["a", "b"]),
            ("(a if b)", ["a"]),
            ("(a if missing)", []),
            ("(a if missing else b)", ["b"]),
            ("(a unless b)", []),
            ("(a unless missing)", ["a"]),
            ("(a unless b else b)", ["b"]),
            ("(a with virtual(b))", ["a", "b"]),
            ("(a without missing)", ["a"]),
            ("(a >= 1.0 or b < 2)", ["a"]),
            ("((missing or virtual(b)) and a)", ["b", "a"]),
            ("(missing or /opt/tool)", ["b"]),
            ("(a if (b or missing))", ["a"]),
            ("(a if (b and missing))", []),
            ("(a if (b unless missing))", ["a"]),
            ("(a if (b without missing))", ["a"]),
            ("(a)", ["a"]),
        ],
    )
    def test_rich_ones(self, need: str, targets: list[str]) -> None:
        others = blob("b", provides=["virtual(b)"], files={"/opt/tool": "ab" * 32})
        app = blob("app", requires=[(need, 0, "")])
        assert self.edges(app, blob("a"), others) == [("app", target) for target in targets]

    @pytest.mark.parametrize(
        "text", ["(", "()", "(a", "(a or", "(a or )", "(a xor b)", "(a) b", "(" * 40, "(a " * 20]
    )
    def test_what_is_no_rich_one_is_a_problem(self, text: str) -> None:
        with pytest.raises(MalformedDocument):
            parse_rich(text)
        found = catalogued(blob(requires=[(text, 0, "")]))
        assert of_kind(found.completed, Problem)
        assert found.packages

    @given(st.text(alphabet="(ab) <=1/orifwthnde", max_size=60))
    def test_any_text_is_a_rich_one_or_none(self, text: str) -> None:
        try:
            tree = parse_rich(f"({text})")
        except MalformedDocument:
            return
        resolve(tree, lambda name: [name] if "a" in name else [])

    def test_counts_that_differ_cost_the_needs_alone(self) -> None:
        entries = package_entries(requires=[("bash", 0, "")])
        found = catalogued(header(entries, [(Tag.REQUIREFLAGS, INT32, [0, 0])]))
        assert found.packages[0].depends == ()
        assert len(found.problems) == 1


class TestLicenses:
    @pytest.mark.parametrize(
        ("tag", "licenses"),
        [
            ("", ()),
            ("MIT", ("MIT",)),
            ("GPLv2+", ("GPL-2.0-or-later",)),
            ("ASL 2.0", ("Apache-2.0",)),
            ("GPL-2.0-or-later AND MIT", ("GPL-2.0-or-later AND MIT",)),
            ("GPLv3+ and (LGPLv3+ or GPLv2+)", (
                "GPL-3.0-or-later AND (LGPL-3.0-or-later OR GPL-2.0-or-later)",
            )),
            # What stood for several licences stays as it is, the others are read.
            ("BSD", ("BSD",)),
            ("LGPLv2+", ("LGPLv2+",)),
            ("Public Domain and GPLv3", ("Public Domain", "GPL-3.0-only")),
            ("BSD or GPLv2", ("BSD or GPLv2",)),
            ("GPLv2+ with exceptions", ("GPLv2+ with exceptions",)),
            ("GPL-3.0-or-later WITH GCC-exception-3.1", (
                "GPL-3.0-or-later WITH GCC-exception-3.1",
            )),
        ],
    )  # fmt: skip
    def test_of_a_tag(self, tag: str, licenses: tuple[str, ...]) -> None:
        assert normalise_rpm(tag) == licenses

    def test_the_words_are_kept_where_they_are_read_otherwise(self) -> None:
        assert only(blob(license="MIT")).stated_licenses == ()
        assert only(blob(license="ASL 2.0")).stated_licenses == ("ASL 2.0",)


class TestHeader:
    @pytest.mark.parametrize(
        "data",
        [b"", b"\0" * 7, b"\0" * 8, b"\0\0\0\1\xff\xff\xff\xff" + bytes(16), b"\xff" * 64],
    )
    def test_none(self, data: bytes) -> None:
        with pytest.raises(MalformedDocument):
            Header(data)

    def test_entries_outside_of_the_data(self) -> None:
        good = header([(Tag.NAME, STRING, "attr")])
        for offset in (b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff"):
            at = 8 + 16 + 8
            with pytest.raises(MalformedDocument):
                Header(good[:at] + offset + good[at + 4 :]).text(Tag.NAME)

    def test_numbers_of_each_width(self) -> None:
        data = Header(header([(1, CHAR, [1]), (2, INT16, [2, 3]), (3, INT32, [4, 5, 6])]))
        assert [list(data.numbers(tag)) for tag in (1, 2, 3, 4)] == [[1], [2, 3], [4, 5, 6], []]
        assert data.number(3) == 4
        assert data.number(4) is None

    @given(st.binary(max_size=300))
    def test_any_bytes_are_read_or_refused(self, data: bytes) -> None:
        try:
            read = Header(data)
            read.text(1000)
            read.strings(1047)
            read.numbers(1003)
        except MalformedDocument:
            pass


class TestManifest:
    PATH = "var/lib/rpmmanifest/container-manifest-2"
    LINES = (
        "bash\t5.1.8-1.cm2\t1653816591\t1653753130\tMicrosoft Corporation\t(none)\t580\tx86_64\t0"
        "\tbash-5.1.8-1.cm2.src.rpm\n"
        "gpg-pubkey\t3135ce90-5e6fda74\t1\t2\t(none)\t(none)\t0\t(none)\t0\t(none)\n"
        "shadow\t4.9-1.cm2\t1\t2\tMicrosoft Corporation\t2\t580\tx86_64\t2"
        "\tshadow-4.9-1.cm2.src.rpm\n"
        "zero\t1-1\t1\t2\t(none)\t0\t580\tnoarch\t0\tzero-1-1.src.rpm\n"
        "literal\t1-1\t1\t2\t(none)\t(none)\t580\tnoarch\t3\tliteral-1-1.src.rpm\n"
    )

    def test_its_packages(self) -> None:
        release = {"": OsRelease(id="mariner", version_id="2.0")}
        found = Catalogued({self.PATH: self.LINES.encode()}, release)
        assert not found.problems
        assert [package.purl.removeprefix("pkg:rpm/mariner/") for package in found.packages] == [
            "bash@5.1.8-1.cm2?arch=x86_64&distro=mariner-2.0&upstream=bash-5.1.8-1.cm2.src.rpm",
            "shadow@4.9-1.cm2?arch=x86_64&distro=mariner-2.0&epoch=2&upstream=shadow-4.9-1.cm2.src.rpm",
            "zero@1-1?arch=noarch&distro=mariner-2.0&epoch=0&upstream=zero-1-1.src.rpm",
            "literal@1-1?arch=noarch&distro=mariner-2.0&epoch=3&upstream=literal-1-1.src.rpm",
        ]
        assert [p.supplier for p in found.packages] == ["Microsoft Corporation"] * 2 + ["", ""]

    def test_lines_that_are_none(self) -> None:
        lines = (
            "short\t1-1\n\n" + "\t".join(["two words", "1-1", *"345"]) + "\t(none)\t1\tx\t0\ts\n"
            "e\t1-1\t1\t2\tv\tx\t1\tnoarch\t0\ts\nn\t\t1\t2\tv\t(none)\t1\tnoarch\t0\ts\n"
        )
        found = Catalogued({self.PATH: lines.encode()})
        assert [p.line for p in found.problems] == [1, 3, 4, 5]
        assert found.names == ["n "]

    @given(st.binary(max_size=200))
    def test_any_bytes(self, body: bytes) -> None:
        Catalogued({self.PATH: body})


def test_two_databases_side_by_side_are_told() -> None:
    old, new = blob("attr"), blob("attr", version="3.0")
    files = {"var/lib/rpm/Packages.db": ndb([old]), "var/lib/rpm/Packages": ndb([new])}
    found = Catalogued(files)
    assert found.names == ["attr 2.5.1-3.el9", "attr 3.0-3.el9"]
    assert [problem.path for problem in found.problems] == ["var/lib/rpm"]
