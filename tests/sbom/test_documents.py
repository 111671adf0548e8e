from __future__ import annotations

import datetime as dt
import io
import json
import os
import pickle
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.attestation import ResourceDescriptor, Statement
from provenance.digests import Digest
from provenance.errors import (
    LimitExceeded,
    MalformedDocument,
    NotFound,
    ProvenanceError,
    UnsupportedFormat,
)
from provenance.packages.package import Location, Package
from provenance.sbom import Format, Packages, Sbom, Subject, read_sbom
from provenance.settings import Limits

if TYPE_CHECKING:
    from pathlib import Path

LAYER = Digest.of(b"layer")
SUBJECT = Subject(
    "ghcr.io/org/app", str(LAYER), f"pkg:oci/app@{LAYER}", Digest.of(b"manifest"), "container"
)
OPENSSL = Package(
    name="openssl",
    version="3.0.11-1~deb12u2",
    type="deb",
    purl="pkg:deb/debian/openssl@3.0.11-1~deb12u2?arch=amd64&distro=debian-12",
    licenses=("Apache-2.0", "a licence nobody knows"),
    supplier="Debian OpenSSL Team",
    description="Secure Sockets Layer toolkit",
    hashes={"sha256": "a" * 64, "md5": "b" * 32, "odd": "x"},
    locations=(Location("var/lib/dpkg/status", LAYER), Location("var/lib/dpkg/status.d/openssl")),
    architecture="amd64",
    source="openssl-src",
    source_version="3.0",
    depends=("libc6 (>= 2.34)",),
    provides=("ssl",),
    cataloger="dpkg",
)
LIBC = Package("libc6", "2.36", "deb", "pkg:deb/debian/libc6@2.36", licenses=("LGPL-2.1-or-later",))
EDGES = {OPENSSL.purl: [LIBC.purl]}
WHEN = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)


def built(form: Format) -> Sbom:
    return Sbom.build(
        subject=SUBJECT, packages=[OPENSSL, LIBC], created=WHEN, dependencies=EDGES, form=form
    )


def plain(package: Package) -> Package:
    return Package(**{f: getattr(package, f) for f in Package.__slots__ if f != "id"})


WRITTEN = [Format.CYCLONEDX_1_6, Format.SPDX_2_3]


@pytest.mark.parametrize("form", WRITTEN)
def test_what_is_written_is_valid_and_says_everything_again(form: Format) -> None:
    sbom = built(form)
    assert list(sbom.validate()) == []
    again = read_sbom(sbom.to_bytes())
    assert again.format is form
    assert [plain(p) for p in again.packages] == [LIBC, OPENSSL]
    assert again.subject is not None
    assert again.subject.digest == SUBJECT.digest
    assert (again.subject.name, again.subject.purl) == (SUBJECT.name, SUBJECT.purl)
    assert again.created == WHEN
    assert again.tools[0].startswith("provenance")
    (path,) = again.dependencies.paths_to(LIBC.purl)
    assert [p.name for p in path] == ["openssl", "libc6"]
    assert pickle.loads(pickle.dumps(again)) == again


@pytest.mark.parametrize("form", WRITTEN)
def test_the_same_contents_are_the_same_bytes(form: Format) -> None:
    reversed_ = Sbom.build(
        subject=SUBJECT, packages=[LIBC, OPENSSL], created=WHEN, dependencies=EDGES, form=form
    )
    assert reversed_.to_bytes() == built(form).to_bytes()


@pytest.mark.parametrize("form", WRITTEN)
def test_what_was_read_is_returned_to_the_byte(form: Format) -> None:
    spaced = json.dumps(json.loads(built(form).to_bytes()), indent=7).encode() + b"\n\n"
    assert read_sbom(spaced).to_bytes() == spaced


def test_conversion_carries_what_we_wrote_and_loses_nothing() -> None:
    for source, target in (WRITTEN, reversed(WRITTEN)):
        converted, losses = built(source).convert(target)
        assert list(losses) == []
        assert [plain(p) for p in converted.packages] == [LIBC, OPENSSL]
        assert converted.validate().ok


def test_conversion_carries_what_the_other_format_has_no_field_for() -> None:
    document = json.loads(built(Format.CYCLONEDX_1_6).to_bytes())
    document["services"] = [{"name": "s"}]
    document["components"][0]["externalReferences"] = [{"type": "vcs", "url": "https://x"}]
    document["components"][0]["properties"] = [{"name": "syft:x", "value": "y"}]
    converted, losses = read_sbom(json.dumps(document).encode()).convert("spdx-2.3")
    assert list(losses) == []
    again = json.loads(converted.convert("cyclonedx-1.6")[0].to_bytes())
    assert again["services"] == document["services"]
    assert again["components"][0] == document["components"][0]


def test_conversion_names_what_it_loses() -> None:
    """`@` is the converter's own word: no format has such a key."""
    document = json.loads(built(Format.CYCLONEDX_1_6).to_bytes())
    document["components"][0]["@"] = {"a": 1, "b": 2}
    _, losses = read_sbom(json.dumps(document).encode()).convert("spdx-2.3")
    assert {f.rule for f in losses} == {"not-carried"}
    assert {"/components/*/@/a", "/components/*/@/b"} <= {f.pointer for f in losses}


TEXT = st.text(max_size=20)
PACKAGES = st.lists(
    st.builds(
        Package,
        name=TEXT,
        version=TEXT,
        purl=st.one_of(st.just(""), st.just("pkg:deb/a@1"), TEXT),
        licenses=st.lists(
            st.one_of(st.sampled_from(["MIT", "MIT OR Apache-2.0"]), TEXT), max_size=3
        ).map(lambda found: tuple(t for t in found if t)),
        supplier=TEXT,
        description=TEXT,
        locations=st.lists(st.builds(Location, path=TEXT.filter(bool)), max_size=2).map(tuple),
        architecture=TEXT,
    ),
    max_size=4,
)


@settings(max_examples=60)
@given(PACKAGES, st.sampled_from(WRITTEN))
def test_any_names_give_a_valid_document_that_loses_none(
    packages: list[Package], form: Format
) -> None:
    sbom = Sbom.build(subject=SUBJECT, packages=packages, form=form)
    # Made words in the place of a purl, licence or hash warn; nothing else may.
    values = {"bad-purl", "bad-cpe", "bad-license-expression", "unknown-license", "hash-length"}
    assert {f.rule for f in sbom.validate()} <= values

    def essence(found: Any) -> list[str]:
        return sorted(
            repr((p.name, p.version, p.purl, p.licenses, p.supplier, p.architecture, p.locations))
            for p in found
        )

    assert essence(sbom.packages) == essence(packages)


def test_a_lone_surrogate_does_not_stop_the_document() -> None:
    sbom = Sbom.build(subject=None, packages=[Package("a\ud800b", licenses=("\udfff",))])
    assert sbom.validate().ok
    assert sbom.packages[0].name == "a\ufffdb"


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"", MalformedDocument),
        (b"{", MalformedDocument),
        (b"\xff\xfe", MalformedDocument),
        (b"<bom/>", UnsupportedFormat),
        (b"<bom", MalformedDocument),
        (b"[]", UnsupportedFormat),
        (b"{}", UnsupportedFormat),
        (b'{"bomFormat":"CycloneDX","specVersion":"9.9"}', UnsupportedFormat),
        (b'{"spdxVersion":"SPDX-3.0"}', UnsupportedFormat),
        (b'{"a":' * 100_000, MalformedDocument),
    ],
)
def test_what_is_no_sbom_is_told(raw: bytes, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        read_sbom(raw)


def test_caps_and_files(tmp_path: Path) -> None:
    path = built(Format.SPDX_2_3).write(tmp_path / "a.spdx.json")
    assert read_sbom(path) == read_sbom(str(path)) == read_sbom(io.BytesIO(path.read_bytes()))
    with pytest.raises(LimitExceeded):
        read_sbom(path, limits=Limits(document_bytes=100))
    with pytest.raises(NotFound):
        read_sbom(tmp_path / "absent.json")
    assert read_sbom(built(Format.SPDX_2_3).write(tmp_path / "b.cdx.json")).format is WRITTEN[0]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.spdx.json", "b.cdx.json"]
    with pytest.raises(UnsupportedFormat, match=r"cyclonedx-1\.6"):
        built(Format.SPDX_2_3).write(tmp_path / "c.json", format="nonsense")


def test_odd_parts_are_findings_and_the_rest_is_read() -> None:
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.4",
        "metadata": [],
        "components": [
            "text",
            {"name": 5, "version": None, "licenses": [{}], "hashes": ["x"], "purl": {}},
            {"name": "good", "version": "1", "components": [{"name": "nested"}]},
        ],
        "dependencies": [{}, {"ref": "a", "dependsOn": "b"}],
    }
    found = read_sbom(json.dumps(document).encode())
    assert [p.name for p in found.packages] == ["", "good", "nested"]
    pointers = {f.pointer for f in found.findings}
    assert {"/metadata", "/components/0", "/components/1/name", "/dependencies/0"} <= pointers


def test_strict_raises_for_what_does_not_validate() -> None:
    document = json.loads(built(Format.CYCLONEDX_1_6).to_bytes())
    document["components"][0]["type"] = "nonsense"
    raw = json.dumps(document).encode()
    assert not read_sbom(raw).validate().ok
    with pytest.raises(MalformedDocument, match="not valid"):
        read_sbom(raw, strict=True)


def test_out_of_a_statement_it_says_that_nothing_was_checked() -> None:
    sbom = built(Format.CYCLONEDX_1_6)
    about = [ResourceDescriptor("app", {"sha256": "0" * 64})]
    statement = Statement.build(about, sbom.predicate_type, sbom.predicate)
    found = read_sbom(statement)
    assert found.to_bytes() == sbom.to_bytes()
    assert [f.rule for f in found.findings] == ["signature-not-checked"]
    with pytest.raises(UnsupportedFormat):
        read_sbom(Statement.build(about, "https://slsa.dev/provenance/v1", {}))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "version", "purl", "SPDXID", "ref", "components", "hashes"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    st.sampled_from(
        [{"bomFormat": "CycloneDX", "specVersion": "1.6"}, {"spdxVersion": "SPDX-2.3"}]
    ),
    st.dictionaries(
        st.sampled_from(
            ["metadata", "components", "dependencies", "packages", "relationships", "creationInfo"]
        ),
        JSON,
    ),
)
def test_no_document_makes_anything_but_a_typed_error(
    head: dict[str, Any], body: dict[str, Any]
) -> None:
    try:
        found = read_sbom(json.dumps({**head, **body}).encode())
        found.convert("spdx-2.3")
        found.validate()
        found._repr_html_()
    except ProvenanceError:
        pass


class TestPackages:
    packages = Packages([OPENSSL, LIBC])

    @pytest.mark.parametrize(
        ("conditions", "names"),
        [
            ({"type": "deb"}, ["openssl", "libc6"]),
            ({"license": "Apache-2.0"}, ["openssl"]),
            ({"layer": str(LAYER)}, ["openssl"]),
            ({"layer": LAYER[:20]}, ["openssl"]),
            ({"path": "/var/lib/dpkg/status"}, ["openssl"]),
            ({"name": "libc6", "version": "2.36"}, ["libc6"]),
            ({"type": "rpm"}, []),
            ({"type": None}, ["openssl", "libc6"]),
        ],
    )
    def test_where(self, conditions: dict[str, Any], names: list[str]) -> None:
        assert [p.name for p in self.packages.where(**conditions)] == names

    def test_where_refuses_what_is_no_field(self) -> None:
        with pytest.raises(TypeError, match="licence"):
            self.packages.where(licence="MIT")

    def test_it_is_a_sequence(self) -> None:
        assert self.packages[0] is OPENSSL
        assert self.packages[1:] == Packages([LIBC])
        assert repr(self.packages) == "Packages(2; deb: 2)"

    def test_a_data_frame_has_a_row_a_package(self) -> None:
        frame = self.packages.to_pandas()
        assert list(frame["name"]) == ["openssl", "libc6"]
        assert frame.loc[0, "licenses"] == list(OPENSSL.licenses)
        assert frame.loc[0, "layer"] == str(LAYER)


HOSTILE = '<script>alert(1)</script><img src=x onerror="x">\u202egnp.exe\x1b[2J'


def test_html_shows_hostile_names_and_runs_none() -> None:
    package = Package(HOSTILE, HOSTILE, licenses=(HOSTILE,), purl="javascript:alert(1)")
    sbom = Sbom.build(subject=Subject(HOSTILE), packages=[package] * 30)
    for html in (sbom._repr_html_(), sbom.packages._repr_html_()):
        assert "<script" not in html
        assert "<img" not in html
        assert "\u202e" not in html
        assert "\x1b" not in html
        assert "&lt;script&gt;" in html
        assert "10 more of 30" in html


@pytest.mark.corpus
def test_the_official_fixtures_agree_with_our_validation(corpus: Path) -> None:
    archive = zipfile.ZipFile(next((corpus / "cyclonedx").glob("*1.6*.zip")))
    checked = 0
    with archive:
        for name in archive.namelist():
            short = name.rpartition("/")[2]
            if not short.endswith(".json") or not short.startswith(("valid-", "invalid-")):
                continue
            try:
                ok = read_sbom(archive.read(name)).validate().ok
            except (MalformedDocument, UnsupportedFormat):
                ok = False
            assert ok is short.startswith("valid-"), name
            checked += 1
    assert checked > 50


@pytest.mark.corpus
def test_documents_of_the_spdx_community_are_read(corpus: Path) -> None:
    read = 0
    for path in (corpus / "spdx" / "examples").rglob("*.spdx.json"):
        document = json.loads(path.read_bytes())
        if "spdxVersion" not in document:
            continue
        found = read_sbom(path)
        names = {p["name"] for p in document.get("packages", [])}
        listed = {p.name for p in found.packages} | {found.subject.name if found.subject else ""}
        assert names <= listed, path
        read += 1
    assert read > 10


def test_writing_follows_links_and_keeps_who_may_read(tmp_path: Path) -> None:
    """`mkstemp` and a fixed mode would show a private file to everybody."""
    there, link = tmp_path / "there.spdx.json", tmp_path / "link.spdx.json"
    there.write_bytes(b"old")
    there.chmod(0o600)
    link.symlink_to(there.name)
    document = built(Format.SPDX_2_3)
    document.write(link)
    assert link.is_symlink()
    assert there.read_bytes() == document.to_bytes()
    assert there.stat().st_mode & 0o777 == 0o600
    before = os.umask(0o027)
    try:
        new = document.write(tmp_path / "new.spdx.json")
    finally:
        os.umask(before)
    assert new.stat().st_mode & 0o777 == 0o640
    assert sorted(x.name for x in tmp_path.iterdir()) == [link.name, new.name, there.name]


def test_a_link_to_itself_leads_nowhere_and_is_replaced(tmp_path: Path) -> None:
    link = tmp_path / "link.spdx.json"
    link.symlink_to(link.name)
    document = built(Format.SPDX_2_3)
    document.write(link)
    assert link.read_bytes() == document.to_bytes()


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    document = built(Format.SPDX_2_3)
    try:
        document.write(pipe, format="spdx-json")
        assert os.read(reader, 1 << 16) == document.to_bytes()
    finally:
        os.close(reader)
    assert pipe.is_fifo()


@pytest.mark.parametrize("form", ["cyclonedx-1.6-xml", "cyclonedx-1.4-xml"])
def test_what_is_attested_of_xml_says_all_of_it(form: str) -> None:
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": form[10:13],
        "version": 1,
        "components": [{"type": "library", "bom-ref": "a", "name": "a", "version": "1"}],
        "vulnerabilities": [{"id": "CVE-2026-1", "affects": [{"ref": "a"}]}],
    }
    in_xml = read_sbom(json.dumps(document).encode()).to_bytes(form)
    said = json.loads(read_sbom(in_xml).predicate)
    assert said["vulnerabilities"] == document["vulnerabilities"]
