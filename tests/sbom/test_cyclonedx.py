"""CycloneDX as written: valid in every version and syntax, and the same contents when read back."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provenance.digests import Digest
from provenance.packages.os_release import OsRelease
from provenance.packages.package import ListedFile, Location, Package
from provenance.sbom import Format, Sbom, Subject, carried, read_sbom
from provenance.sbom.identifiers import sort_files, sort_packages, unique, unique_refs
from provenance.sbom.model import Contents, OtherDocument, SubjectLayer

if TYPE_CHECKING:
    from collections.abc import Mapping

WRITTEN = [form for form in Format if form.family == "cyclonedx" and form.carries]
NAMES = [form.value for form in WRITTEN]

BOTTOM, TOP = Digest.of(b"bottom"), Digest.of(b"top")
SUBJECT = Subject(
    name="ghcr.io/org/app",
    version=str(Digest.of(b"manifest")),
    purl=f"pkg:oci/app@{Digest.of(b'manifest')}?arch=arm64",
    digest=Digest.of(b"manifest"),
    type="container",
    platform="linux/arm64/v8",
    labels={"org.opencontainers.image.title": "app <&>", "empty": ""},
    base="docker.io/library/debian:12",
    base_digest=Digest.of(b"base"),
    distribution=OsRelease(
        *("debian", "12", "Debian GNU/Linux", "Debian GNU/Linux 12 (bookworm)", "bookworm"),
        ("linux", "unix"),
    ),
    layers=(
        SubjectLayer(BOTTOM, 10, "application/vnd.oci.image.layer.v1.tar+gzip", TOP, "ADD rootfs"),
        SubjectLayer(TOP, created_by='RUN ["make"]\n && true'),
    ),
)
OPENSSL = Package(
    name="openssl",
    version="1:3.0.11-1~deb12u2",
    type="deb",
    purl="pkg:deb/debian/openssl@1%3A3.0.11-1~deb12u2?arch=amd64&distro=debian-12",
    licenses=("Apache-2.0", "a licence nobody knows"),
    stated_licenses=("Apache 2",),
    supplier="Debian OpenSSL Team",
    author="Eric A. Young",
    description="Secure Sockets Layer toolkit\n\tsecond line\r\n ]]> <b>&amp;",
    homepage="https://www.openssl.org/a%20b?c=d#e",
    hashes={"sha256": "a" * 64, "md5": "b" * 32, "blake2b256": "c" * 64, "odd": "x"},
    cpes=(
        "cpe:2.3:a:openssl:openssl:3.0.11:*:*:*:*:*:*:*",
        "cpe:2.3:a:open\\!ssl:openssl:3.0.11:*:*:*:*:*:*:*",
    ),
    locations=(
        Location("var/lib/dpkg/status", TOP, 'RUN ["make"]\n && true'),
        Location("var/lib/dpkg/status", BOTTOM, "another instruction"),
        Location("usr/share/doc/openssl/copyright"),
    ),
    architecture="amd64",
    source="openssl-src",
    source_version="3.0",
    depends=("libc6 (>= 2.34)",),
    provides=("ssl",),
    cataloger="dpkg",
)
LIBC = Package("libc6", "2.36", "deb", "pkg:deb/debian/libc6@2.36", ("GPL-2.0-only OR MIT", "ISC"))
MODEL = Package("m", "1", "huggingface", "pkg:huggingface/m@1", kind="machine-learning-model")
INNER = Package("b", "1", "maven", "pkg:maven/a/b@1", locations=(Location("x.war!/lib/b.jar"),))
PACKAGES = (LIBC, OPENSSL, MODEL, INNER)
CONTENTS = Contents(
    subject=SUBJECT,
    packages=PACKAGES,
    edges={OPENSSL.purl: (LIBC.purl,)},
    contains={OPENSSL.purl: (INNER.purl, MODEL.purl)},
    files=(
        ListedFile("usr/bin/openssl", 7, {"sha256": "d" * 64, "crc": "1"}, TOP, OPENSSL.purl),
        ListedFile("etc/motd"),
    ),
    others={
        INNER.purl: OtherDocument(
            "urn:uuid:f08a6ccd-4dce-4759-bd84-c626675d60a7", {"sha256": "e" * 64}
        ),
        MODEL.purl: OtherDocument("not a URL", {"crc": "2"}),
        SUBJECT.purl: OtherDocument("https://example.com/sbom"),
    },
    created=dt.datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=dt.UTC),
)


def written(contents: Contents, form: Format) -> Sbom:
    made = Sbom.build(
        subject=contents.subject,
        packages=contents.packages,
        created=contents.created,
        dependencies=contents.edges,
        contains=contents.contains,
        files=contents.files,
        others=contents.others,
        form=form,
    )
    again = read_sbom(made.to_bytes())
    assert again.format is form
    assert again == made
    return again


def canonical(contents: Contents) -> Contents:
    """The same with identifiers and order as a document gives them."""
    packages = sort_packages(contents.packages)
    refs = unique_refs(packages)
    taken = set(refs)
    names: dict[str, str] = {}
    for package, ref in zip(packages, refs, strict=True):
        for name in (package.id, package.purl, ref):
            if name:
                names.setdefault(name, ref)

    def renamed(edges: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        found: dict[str, set[str]] = {}
        for source, targets in edges.items():
            if source in names:
                wanted = {names[t] for t in targets if t in names} - {names[source]}
                found.setdefault(names[source], set()).update(wanted)
        return {source: tuple(sorted(targets)) for source, targets in found.items() if targets}

    subject = contents.subject
    others = {names[name]: other for name, other in contents.others.items() if name in names}
    if subject is not None:
        subject = dataclasses.replace(subject, type=subject.type or "container")
        name = subject.purl or f"{subject.name}@{subject.version}"
        (root,) = unique([name], taken)
        if name in contents.others and name not in names:
            others[root] = contents.others[name]
    return dataclasses.replace(
        contents,
        subject=subject,
        packages=tuple(dataclasses.replace(p, id="") for p in packages),
        edges=renamed(contents.edges),
        contains=renamed(contents.contains),
        files=tuple(dataclasses.replace(f, id="") for f in sort_files(contents.files)),
        others=others,
        tools=(),
        findings=(),
    )


def said(sbom: Sbom) -> Contents:
    """What a document says, without the identifiers it gave."""
    contents = sbom._contents
    ids = {p.id for p in contents.packages}
    return dataclasses.replace(
        contents,
        packages=tuple(dataclasses.replace(p, id="") for p in contents.packages),
        edges={s: t for s, t in contents.edges.items() if s in ids and t},
        files=tuple(dataclasses.replace(f, id="") for f in contents.files),
        tools=(),
    )


@pytest.mark.parametrize("form", WRITTEN, ids=NAMES)
def test_every_version_and_syntax_is_valid_and_says_everything_again(form: Format) -> None:
    sbom = written(CONTENTS, form)
    assert list(sbom.validate()) == []
    assert said(sbom) == canonical(CONTENTS)
    assert list(sbom.findings) == []
    assert sbom.tools[0].startswith("provenance ")


@pytest.mark.parametrize("form", WRITTEN, ids=NAMES)
def test_order_and_place_of_what_is_given_change_no_byte(form: Format) -> None:
    turned = dataclasses.replace(
        CONTENTS,
        packages=PACKAGES[::-1],
        files=CONTENTS.files[::-1],
        contains={k: v[::-1] for k, v in CONTENTS.contains.items()},
        others=dict(list(CONTENTS.others.items())[::-1]),
    )
    assert written(turned, form).to_bytes() == written(CONTENTS, form).to_bytes()


@pytest.mark.parametrize("source", WRITTEN, ids=NAMES)
def test_converting_between_versions_loses_nothing(source: Format) -> None:
    sbom = written(CONTENTS, source)
    for target in WRITTEN:
        converted, losses = sbom.convert(target)
        assert list(losses) == []
        assert converted.validate().ok
        assert said(converted) == said(sbom)
        assert converted.tools == sbom.tools


def test_the_predicate_of_xml_is_json_of_the_same_version() -> None:
    sbom = written(CONTENTS, Format.CYCLONEDX_1_5_XML)
    predicate = json.loads(sbom.predicate)
    assert predicate["specVersion"] == "1.5"
    assert predicate["serialNumber"] == sbom.uri
    assert read_sbom(sbom.predicate).uri == sbom.uri
    assert sbom.uri != written(CONTENTS, Format.CYCLONEDX_1_6_XML).uri


class TestFields:
    """Where other readers look for it; expectations are the specification's own words."""

    def document(self, form: Format = Format.CYCLONEDX_1_6) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(written(CONTENTS, form).to_bytes())
        return found

    def component(self, form: Format = Format.CYCLONEDX_1_6, name: str = "openssl") -> Any:
        return next(c for c in self.document(form)["components"] if c["name"] == name)

    def test_the_fields_of_a_package(self) -> None:
        found = self.component()
        assert found["cpe"] == OPENSSL.cpes[0]
        assert found["authors"] == [{"name": OPENSSL.author}]
        assert found["externalReferences"] == [{"type": "website", "url": OPENSSL.homepage}]
        assert [x["location"] for x in found["evidence"]["occurrences"]] == [
            x.path for x in OPENSSL.locations
        ]
        identity = found["evidence"]["identity"]
        assert identity["methods"][0]["technique"] == "manifest-analysis"
        assert found["licenses"][0]["license"] == {
            "id": "Apache-2.0",
            "acknowledgement": "declared",
        }
        assert self.component(name="m")["type"] == "machine-learning-model"

    def test_what_older_versions_lack(self) -> None:
        old = self.component(Format.CYCLONEDX_1_4)
        assert old["author"] == OPENSSL.author
        assert "evidence" not in old
        assert old["licenses"][0] == {"license": {"id": "Apache-2.0"}}
        assert self.component(Format.CYCLONEDX_1_4, "m")["type"] == "library"
        assert isinstance(self.document(Format.CYCLONEDX_1_4)["metadata"]["tools"], list)
        assert isinstance(self.component(Format.CYCLONEDX_1_5)["evidence"]["identity"], dict)
        assert isinstance(self.component(Format.CYCLONEDX_1_7)["evidence"]["identity"], list)

    def test_licences_of_which_one_is_compound(self) -> None:
        older = self.component(Format.CYCLONEDX_1_5, "libc6")["licenses"]
        assert older == [{"expression": "(GPL-2.0-only OR MIT) AND ISC"}]
        newer = self.component(Format.CYCLONEDX_1_7, "libc6")["licenses"]
        assert [next(iter(x)) for x in newer] == ["expression", "license"]

    def test_the_distribution_is_an_operating_system_not_a_package(self) -> None:
        found = self.component(name="debian")
        assert (found["type"], found["version"]) == ("operating-system", "12")
        assert "debian" not in [p.name for p in written(CONTENTS, WRITTEN[0]).packages]

    def test_files_and_other_documents(self) -> None:
        found = self.component(name="usr/bin/openssl")
        assert (found["type"], found["hashes"][0]["alg"]) == ("file", "SHA-256")
        (reference,) = self.component(name="b")["externalReferences"]
        assert reference["type"] == "bom"
        assert reference["url"] == "urn:cdx:f08a6ccd-4dce-4759-bd84-c626675d60a7/1"

    def test_a_package_may_be_a_file_or_an_operating_system(self) -> None:
        kinds = [Package("a", kind="file"), Package("b", kind="operating-system")]
        contents = Contents(SUBJECT, (*kinds, Package("c", kind="library")))
        assert said(written(contents, Format.CYCLONEDX_1_6)) == canonical(contents)


@pytest.mark.parametrize(
    ("document", "packages", "files"),
    [
        ({"type": "file", "name": "/bin/x", "hashes": []}, [], ["bin/x"]),
        ({"type": "file", "name": "x", "version": "1"}, ["x"], []),
        ({"type": "file", "name": "x", "purl": "pkg:generic/x"}, ["x"], []),
        ({"type": "operating-system", "name": "debian", "version": "12"}, ["debian"], []),
    ],
)
def test_files_and_systems_of_others(
    document: dict[str, Any], packages: list[str], files: list[str]
) -> None:
    raw = {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [document]}
    found = read_sbom(json.dumps(raw).encode())
    assert [p.name for p in found.packages] == packages
    assert [f.path for f in found.files] == files


# Lone surrogates become U+FFFD by promise; everything else must come back as it was.
CHARACTERS = st.one_of(
    st.characters(codec="utf-8"),
    st.sampled_from("\x00\x01\b\f\x0b\x1f\t\n\r\x7f\x85\u2028\ufffe\uffff\ufffd<>&\"'\\ /~%#?@:"),
)
SNIPPETS = st.sampled_from(["]]>", "<!DOCTYPE a>", "&lt;", "\\u0001", "provenance:", "x" * 300])
TEXT = st.one_of(st.text(CHARACTERS, max_size=8), SNIPPETS)
TEXTS = st.lists(TEXT, max_size=3).map(tuple)
DIGESTS = st.sampled_from([BOTTOM, TOP, Digest.of(b"x", "sha512")])
PURLS = st.one_of(st.sampled_from(["", "pkg:deb/a@1", "pkg:npm/%40a/b@1?c=d#e"]), TEXT)
HASHES = st.dictionaries(
    st.one_of(st.sampled_from(["sha256", "md5", "sha3512"]), TEXT),
    st.one_of(st.sampled_from(["a" * 64, "B" * 32]), TEXT),
    max_size=2,
)
LOCATIONS = st.builds(
    Location, TEXT, st.one_of(st.none(), DIGESTS), st.sampled_from(["", "RUN x", "a\x00b"])
)
PACKAGE = st.builds(
    Package,
    name=TEXT,
    version=TEXT,
    type=st.sampled_from(["", "deb", "npm", "generic"]),
    purl=PURLS,
    licenses=st.lists(
        st.one_of(st.sampled_from(["MIT", "MIT OR ISC", "GPL-2.0-only WITH x"]), TEXT), max_size=3
    ).map(tuple),
    stated_licenses=TEXTS,
    supplier=TEXT,
    author=TEXT,
    description=TEXT,
    homepage=st.one_of(st.sampled_from(["http://a:b/", "http://a.b/c", "http://a/%zz"]), TEXT),
    hashes=HASHES,
    cpes=st.lists(st.one_of(st.sampled_from(OPENSSL.cpes), TEXT), max_size=2).map(tuple),
    locations=st.lists(LOCATIONS, max_size=2).map(tuple),
    architecture=TEXT,
    source=TEXT,
    source_version=TEXT,
    depends=TEXTS,
    provides=TEXTS,
    cataloger=st.one_of(st.sampled_from(["dpkg", "go"]), TEXT),
    kind=st.one_of(st.sampled_from(["application", "file", "operating-system", "data"]), TEXT),
)
FILES = st.builds(
    ListedFile,
    TEXT,
    st.integers(-1, 2**63),
    HASHES,
    st.one_of(st.none(), DIGESTS),
    TEXT,
)
SUBJECTS = st.builds(
    Subject,
    name=TEXT,
    version=TEXT,
    purl=PURLS,
    digest=st.one_of(st.none(), DIGESTS),
    type=st.one_of(st.sampled_from(["", "container", "application", "data"]), TEXT),
    platform=TEXT,
    labels=st.dictionaries(TEXT, TEXT, max_size=2),
    base=TEXT,
    base_digest=st.one_of(st.none(), DIGESTS),
    distribution=st.one_of(st.none(), st.builds(OsRelease, TEXT, TEXT, TEXT, TEXT, TEXT, TEXTS)),
    layers=st.lists(
        st.builds(
            SubjectLayer,
            DIGESTS,
            st.integers(-1, 2**63),
            TEXT,
            st.one_of(st.none(), DIGESTS),
            TEXT,
        ),
        max_size=2,
        unique_by=lambda layer: layer.digest,
    ).map(tuple),
)
OTHERS = st.builds(
    OtherDocument,
    st.one_of(
        st.sampled_from(["urn:uuid:f08a6ccd-4dce-4759-bd84-c626675d60a7", "https://a/b"]), TEXT
    ),
    HASHES,
)


@st.composite
def all_contents(draw: st.DrawFn) -> Contents:
    packages = tuple(draw(st.lists(PACKAGE, max_size=3)))
    subject = draw(st.one_of(st.none(), SUBJECTS))
    names = [p.purl for p in packages if p.purl] or ["pkg:deb/a@1"]
    names += [f"{p.name}@{p.version}" for p in packages if not p.purl]
    edges = st.dictionaries(
        st.sampled_from(names), st.lists(st.sampled_from(names), max_size=3).map(tuple), max_size=2
    )
    return Contents(
        subject=subject,
        packages=packages,
        edges=draw(edges),
        contains=draw(edges),
        files=tuple(draw(st.lists(FILES, max_size=2))),
        others=draw(st.dictionaries(st.sampled_from(names), OTHERS, max_size=2)),
        created=draw(st.one_of(st.none(), st.datetimes(timezones=st.just(dt.UTC)))),
    )


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(all_contents(), st.sampled_from(WRITTEN))
def test_any_contents_are_valid_and_come_back_whole(contents: Contents, form: Format) -> None:
    sbom = written(contents, form)
    # Made words in the place of a purl, licence or hash warn; nothing else may.
    values = {"bad-purl", "bad-cpe", "bad-license-expression", "unknown-license", "hash-length"}
    assert {f.rule for f in sbom.validate()} <= values
    assert said(sbom) == canonical(contents)


def test_half_characters_become_the_replacement_character() -> None:
    package = Package("a\ud800", depends=("\udfff",), hashes={"\ud800": "\ud801"})
    for form in WRITTEN:
        (found,) = written(Contents(None, (package,)), form).packages
        assert (found.name, found.depends) == ("a\ufffd", ("\ufffd",))


@pytest.mark.parametrize("form", [Format.CYCLONEDX_1_6, Format.CYCLONEDX_1_6_XML])
def test_a_huge_text_is_carried(form: Format) -> None:
    package = Package("a", description="<&\x01\n" * 100_000)
    sbom = written(Contents(None, (package,)), form)
    assert sbom.validate().ok
    assert sbom.packages[0] == dataclasses.replace(package, id=sbom.packages[0].id)


@pytest.mark.parametrize("native", [(), ("author",), carried._TEXTS, carried._TEXTS[1:]])
def test_whatever_a_format_says_itself_the_rest_is_carried(native: tuple[str, ...]) -> None:
    native += carried._LISTS[len(native) % 3 :]
    restored = carried.restore(carried.carry(OPENSSL, native=native))
    for field in (*carried._TEXTS, *carried._LISTS):
        said = getattr(OPENSSL, field) if field not in native else None
        assert (restored.get(field) or None) == (said or None), field


def test_packages_of_syft_are_found_by_their_layer() -> None:
    """Source: properties as syft's CycloneDX encoder writes them."""
    layer, other = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
    components = [
        {
            "type": "library",
            "name": name,
            "properties": [
                {"name": "syft:package:foundBy", "value": "apk-db-cataloger"},
                {"name": "syft:location:0:layerID", "value": digest},
                {"name": "syft:location:0:path", "value": f"/lib/{name}"},
            ],
        }
        for name, digest in (("a", layer), ("b", other))
    ]
    head = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1}
    raw = json.dumps({**head, "components": components}).encode()
    for sbom in (read_sbom(raw), read_sbom(raw).convert("cyclonedx-1.6-xml")[0]):
        assert [p.name for p in sbom.packages.where(layer=layer)] == ["a"]
        assert [p.name for p in sbom.packages.where(path="/lib/b")] == ["b"]
        assert not sbom.packages.where(layer="sha512:")
        assert [str(p.layer) for p in sbom.packages] == [layer, other]
    assert read_sbom(raw).to_bytes() == raw
    assert b"/lib/a" not in read_sbom(raw).redact(paths="lib/a").to_bytes()
    assert b"syft:location" not in read_sbom(raw).redact(fields=["locations"]).to_bytes()


def test_a_location_without_layer_is_in_no_layer() -> None:
    document = Sbom.build(subject=None, packages=[Package("a", locations=(Location("x"),))])
    assert not read_sbom(document.to_bytes()).packages.where(layer="")
