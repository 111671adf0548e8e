"""What is written as SPDX is valid, is the same bytes again, and says everything again."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from importlib import resources
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provenance import __version__
from provenance.digests import Digest
from provenance.packages.os_release import OsRelease
from provenance.packages.package import ListedFile, Location, Package
from provenance.sbom import spdx, spdx3
from provenance.sbom.model import Contents, OtherDocument, Subject, SubjectLayer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LAYERS = (Digest.of(b"base"), Digest.of(b"app"))
WHEN = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
SUBJECT = Subject(
    "registry.example/org/app",
    "1.2",
    f"pkg:oci/app@{LAYERS[0]}",
    Digest.of(b"manifest"),
    "container",
    platform="linux/arm64/v8",
    labels={"org.opencontainers.image.title": "app", "empty": ""},
    base="docker.io/library/debian:12",
    base_digest=Digest.of(b"debian"),
    distribution=OsRelease("debian", "12", "Debian", "Debian 12", "bookworm", ("gnu", "unix")),
    layers=(
        SubjectLayer(LAYERS[0], 10, "application/tar", Digest.of(b"d"), "ADD rootfs"),
        SubjectLayer(LAYERS[1], 11, "application/tar", None, "RUN install\n  app"),
    ),
)
OPENSSL = Package(
    name="openssl",
    version="3.0.11-1~deb12u2",
    type="deb",
    purl="pkg:deb/debian/openssl@3.0.11-1~deb12u2?arch=amd64&distro=debian-12",
    licenses=("Apache-2.0", "a licence nobody knows"),
    stated_licenses=("Apache License 2.0",),
    supplier="Debian OpenSSL Team <pkg-openssl-devel@alioth-lists.debian.net>",
    author="Eric Young",
    description="Secure Sockets Layer toolkit\n with two lines",
    homepage="https://www.openssl.org/",
    hashes={"sha256": "a" * 64, "md5": "b" * 32, "odd": "x"},
    cpes=("cpe:2.3:a:openssl:openssl:3.0.11:*:*:*:*:*:*:*",),
    locations=(
        Location("var/lib/dpkg/status", LAYERS[1], "RUN install\n  app"),
        Location("var/lib/dpkg/status.d/openssl", LAYERS[0], "ADD rootfs"),
    ),
    architecture="amd64",
    source="openssl-src",
    source_version="3.0",
    depends=("libc6 (>= 2.34)",),
    provides=("ssl",),
    cataloger="dpkg",
    kind="application",
)
LIBC = Package("libc6", "2.36", "deb", "pkg:deb/debian/libc6@2.36", ("LGPL-2.1-or-later",))
OWN = Package("own", "1", "generic", "pkg:generic/own@1", ("Words, only words",))
FILES = (
    ListedFile(
        "usr/bin/openssl",
        12,
        {"sha1": "c" * 40, "sha256": "d" * 64},
        LAYERS[1],
        OPENSSL.purl,
    ),
    ListedFile("etc/hostname", 3, {"sha256": "e" * 64}, LAYERS[0]),
    ListedFile("opt/lost", owner="pkg:deb/debian/absent@1"),
)
CONTENTS = Contents(
    SUBJECT,
    (OPENSSL, LIBC, OWN),
    edges={OPENSSL.purl: (LIBC.purl,), OWN.purl: (LIBC.purl, OPENSSL.purl)},
    contains={OPENSSL.purl: (OWN.purl,)},
    files=FILES,
    others={
        LIBC.purl: OtherDocument(
            "urn:uuid:8b8f7c6e-7f6c-5b3f-8d0e-000000000001", {"sha1": "1" * 40}
        )
    },
    created=WHEN,
    tools=("syft-1.18.1",),
)


@dataclasses.dataclass(frozen=True)
class Form:
    """A way to write and read."""

    name: str
    write: Callable[[Contents], bytes]
    read: Callable[[bytes], Contents]

    def __repr__(self) -> str:
        return self.name


FORMS = (
    Form("json", spdx.write, lambda raw: spdx.read(json.loads(raw))),
    Form("tag-value", spdx.write_tag_value, lambda raw: spdx.read(spdx.decode_tag_value(raw))),
    Form("json-ld", spdx3.write, lambda raw: spdx3.read(json.loads(raw))),
)
SCHEMAS = {"json": "spdx-2.3.schema.json", "json-ld": "spdx-3.0.1.schema.json"}
VALIDATORS: dict[str, Any] = {}


def errors(form: Form, raw: bytes) -> list[str]:
    if form.name not in SCHEMAS:
        return []
    if form.name not in VALIDATORS:
        path = resources.files("provenance") / "_data" / "schemas" / SCHEMAS[form.name]
        VALIDATORS[form.name] = jsonschema_rs.validator_for(json.loads(path.read_bytes()))
    found = VALIDATORS[form.name].iter_errors(json.loads(raw))
    return [f"{e.instance_path} {e.message[:300]}" for e in found]


def plain(item: Any) -> Any:
    return dataclasses.replace(item, id="", hashes=dict(sorted(item.hashes.items())))


def said(contents: Contents) -> dict[str, Any]:
    """Everything that a document should say, without its own identifiers."""
    names: dict[str, str] = {}
    for package in contents.packages:
        for name in (package.id, package.purl):
            names.setdefault(name, repr(plain(package)))

    def edges(found: Any) -> set[tuple[str, str]]:
        return {
            (names[a], names[b])
            for a, targets in found.items()
            for b in targets
            if a in names and b in names and a != b and names[a] != names[b]
        }

    return {
        "subject": contents.subject,
        "packages": sorted(repr(plain(p)) for p in contents.packages),
        "edges": edges(contents.edges),
        "contains": edges(contents.contains),
        "files": sorted(repr(plain(f)) for f in contents.files),
        "others": sorted(
            (names[k], o.uri, sorted(o.hashes.items()))
            for k, o in contents.others.items()
            if k in names
        ),
        "created": contents.created,
        "tools": contents.tools,
    }


def expected(contents: Contents) -> dict[str, Any]:
    ours = f"provenance-{__version__}"
    return said(contents) | {"tools": tuple(dict.fromkeys((ours, *contents.tools)))}


@pytest.fixture(params=FORMS, ids=repr)
def form(request: pytest.FixtureRequest) -> Form:
    found: Form = request.param
    return found


def test_what_is_written_is_valid_and_says_everything_again(form: Form) -> None:
    raw = form.write(CONTENTS)
    assert errors(form, raw) == []
    again = form.read(raw)
    assert again.findings == ()
    assert said(again) == expected(CONTENTS)


def test_without_a_subject_nothing_is_one(form: Form) -> None:
    for packages in ((), (OPENSSL,), (LIBC, OPENSSL)):
        contents = dataclasses.replace(CONTENTS, subject=None, packages=packages, others={})
        raw = form.write(contents)
        assert errors(form, raw) == []
        assert said(form.read(raw)) == expected(contents)


def test_an_empty_document_is_one(form: Form) -> None:
    raw = form.write(Contents(None, ()))
    assert errors(form, raw) == []
    again = form.read(raw)
    assert (again.packages, again.created, again.findings) == ((), None, ())


def test_a_stated_epoch_is_a_time_and_none_is_none(form: Form) -> None:
    epoch = dt.datetime.fromtimestamp(0, dt.UTC)
    for created in (None, epoch, dt.datetime.min.replace(tzinfo=dt.UTC)):
        contents = Contents(None, (LIBC,), created=created)
        assert form.read(form.write(contents)).created == created


def test_a_time_in_another_zone_at_the_end_of_time_is_written(form: Form) -> None:
    zone = dt.timezone(dt.timedelta(hours=14))
    raw = form.write(Contents(None, (), created=dt.datetime.min.replace(tzinfo=zone)))
    assert errors(form, raw) == []


def test_the_order_of_packages_and_files_changes_no_byte(form: Form) -> None:
    turned = dataclasses.replace(
        CONTENTS,
        packages=CONTENTS.packages[::-1],
        files=FILES[::-1],
        edges=dict(reversed(list(CONTENTS.edges.items()))),
    )
    assert form.write(turned) == form.write(CONTENTS)


def test_any_change_changes_the_namespace(form: Form) -> None:
    other = dataclasses.replace(CONTENTS, packages=(OPENSSL, LIBC))
    named = {b"spdxdocs/provenance-" + form.write(c).split(b"spdxdocs/provenance-")[1][:36]
             for c in (CONTENTS, other)}  # fmt: skip
    assert len(named) == 2


def test_every_identifier_is_defined_once_and_every_reference_leads_to_one() -> None:
    graph = json.loads(spdx3.write(CONTENTS))["@graph"]
    names = [node.get("spdxId") or node["@id"] for node in graph]
    assert len(names) == len(set(names))
    (document,) = (node for node in graph if node["type"] == "SpdxDocument")
    imported = {entry["externalSpdxId"] for entry in document["import"]}
    for node in graph:
        found = [node.get(key) for key in ("from", "suppliedBy", "creationInfo", "dataLicense")]
        for key in ("to", "element", "rootElement", "originatedBy", "createdBy", "createdUsing"):
            found += node.get(key, [])
        found += [e["value"] for e in node.get("simplelicensing_customIdToUri", ())]
        assert set(found) - {None} <= {*names, *imported}
    assert set(document["element"]) | {document["spdxId"]} == {n for n in names if n[0] != "_"}


def test_a_file_without_sha1_says_so_as_the_schema_demands_one() -> None:
    files = json.loads(spdx.write(CONTENTS))["files"]
    sums = {
        f["fileName"]: {c["algorithm"]: c["checksumValue"] for c in f["checksums"]} for f in files
    }
    assert sums["./etc/hostname"] == {"SHA1": "0" * 40, "SHA256": "e" * 64}
    assert sums["./usr/bin/openssl"] == {"SHA1": "c" * 40, "SHA256": "d" * 64}


NASTY = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            *("", " ", "a\nb", "a\r\nb", "\x00", "\x85", "\u2028x", "\ufeffx", "\t", " a "),
            *("</text>", "<text>", "<text>a</text>", "x</text>\nPackageName: y", "a</text"),
            *("NOASSERTION", "NONE", "provenance [", 'provenance [["provenance:subject",""]]'),
            *("Name <a@b.c>", "Name (a@b.c)", "Tool: x", "#comment", "a: b", "x" * 5000),
            *("Organization: x", "-", "unnamed", "SPDXRef-DOCUMENT", "https://a.example/</text>"),
        ]
    ),
)
FILLED = NASTY.filter(bool)
DIGESTS = st.sampled_from(LAYERS)
HEX = st.sampled_from(["0" * 40, "A" * 40, "a" * 40, "b" * 64, "c" * 128, "x", ""])
HASHES = st.dictionaries(
    st.one_of(st.sampled_from(["sha1", "sha256", "md5", "sha3512", "blake3"]), NASTY),
    HEX,
    max_size=3,
)
PURLS = st.one_of(
    st.just(""), st.sampled_from(["pkg:deb/a@1", "pkg:npm/%40b/c@2", "pkg:x/"]), NASTY
)
CPES = st.one_of(st.just(OPENSSL.cpes), st.lists(FILLED, max_size=2).map(tuple))
LICENSES = st.lists(
    st.one_of(st.sampled_from(["MIT", "MIT OR Apache-2.0", "LicenseRef-x"]), FILLED), max_size=3
).map(tuple)
TEXTS = st.lists(NASTY, max_size=2).map(tuple)
LOCATIONS = st.builds(Location, NASTY, st.one_of(st.none(), DIGESTS), NASTY)
RELEASES = st.builds(OsRelease, NASTY, NASTY, NASTY, NASTY, NASTY, TEXTS)
LAYER = st.builds(
    SubjectLayer, DIGESTS, st.integers(-1, 2**60), NASTY, st.one_of(st.none(), DIGESTS), NASTY
)
KINDS = st.one_of(
    st.sampled_from(["", "library", "application", "operating-system", "platform", "data"]), NASTY
)
SUBJECTS = st.builds(
    Subject,
    name=NASTY,
    version=st.one_of(NASTY, st.just(str(LAYERS[0]))),
    purl=PURLS,
    digest=st.one_of(st.none(), DIGESTS, st.just(Digest.of(b"", "sha512"))),
    type=KINDS,
    platform=NASTY,
    labels=st.dictionaries(NASTY, NASTY, max_size=2),
    base=NASTY,
    base_digest=st.one_of(st.none(), DIGESTS),
    distribution=st.one_of(st.none(), RELEASES),
    layers=st.lists(LAYER, max_size=3).map(tuple),
)
PACKAGES = st.builds(
    Package,
    name=NASTY,
    version=NASTY,
    type=st.one_of(st.just("deb"), NASTY),
    purl=PURLS,
    licenses=LICENSES,
    stated_licenses=TEXTS,
    supplier=NASTY,
    author=NASTY,
    description=NASTY,
    homepage=st.one_of(NASTY, st.just("https://a.example/b")),
    hashes=HASHES,
    cpes=CPES,
    locations=st.lists(LOCATIONS, max_size=2).map(tuple),
    architecture=NASTY,
    source=NASTY,
    source_version=NASTY,
    depends=TEXTS,
    provides=TEXTS,
    cataloger=NASTY,
    kind=KINDS,
)


@st.composite
def contents(draw: st.DrawFn) -> Contents:
    """Anything that the model can say."""
    packages = tuple(
        dataclasses.replace(package, id=f"id-{number}")
        for number, package in enumerate(draw(st.lists(PACKAGES, max_size=4)))
    )
    ids = st.sampled_from([p.id for p in packages] or ["id-0"])
    edges = st.dictionaries(ids, st.lists(ids, max_size=3).map(tuple), max_size=3)
    owners = st.one_of(st.sampled_from([p.purl for p in packages] or [""]), NASTY)
    listed = st.builds(
        ListedFile,
        path=NASTY,
        size=st.integers(-1, 2**60),
        hashes=HASHES,
        layer=st.one_of(st.none(), DIGESTS),
        owner=owners,
    )
    documents = st.builds(
        OtherDocument, st.one_of(st.just("urn:uuid:1"), st.just("https://a/b"), NASTY), HASHES
    )
    moments = st.datetimes(timezones=st.just(dt.UTC)).map(lambda m: m.replace(microsecond=0))
    return Contents(
        subject=draw(st.one_of(st.none(), SUBJECTS)),
        packages=packages,
        edges=draw(edges),
        contains=draw(edges),
        files=tuple(draw(st.lists(listed, max_size=3))),
        others=draw(st.dictionaries(ids, documents, max_size=2)),
        created=draw(st.one_of(st.none(), moments)),
        tools=tuple(draw(st.lists(NASTY, max_size=2))),
    )


@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(contents(), st.sampled_from(FORMS))
def test_anything_is_valid_and_returns(found: Contents, form: Form) -> None:
    raw = form.write(found)
    assert errors(form, raw) == []
    again = form.read(raw)
    assert again.findings == ()
    assert said(again) == expected(found)


SURROGATE = "a\ud800b"


def test_a_lone_surrogate_stops_no_document(form: Form) -> None:
    texts: dict[str, Any] = dict.fromkeys(
        ("name", "version", "purl", "supplier", "author", "description", "kind", "homepage"),
        SURROGATE,
    )
    broken = Package(
        **texts,
        licenses=(SURROGATE,),
        hashes={SURROGATE: SURROGATE},
        cpes=(SURROGATE,),
        depends=(SURROGATE,),
    )
    everything = Contents(
        dataclasses.replace(SUBJECT, name=SURROGATE, labels={SURROGATE: SURROGATE}),
        (broken,),
        files=(ListedFile(SURROGATE, hashes={SURROGATE: SURROGATE}, owner=SURROGATE),),
        others={SURROGATE: OtherDocument(SURROGATE, {SURROGATE: SURROGATE})},
        tools=(SURROGATE,),
    )
    raw = form.write(everything)
    assert errors(form, raw) == []
    again = form.read(raw)
    assert again.packages[0].name == "a\ufffdb"
    assert again.packages[0].licenses == ("a\ufffdb",)


def mutations(raw: bytes, count: int) -> Iterator[bytes]:
    import random

    chance = random.Random(7)
    for _ in range(count):
        data = bytearray(raw)
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(len(data))
            what = chance.randrange(4)
            if what == 0:
                data[at] = chance.randrange(256)
            elif what == 1:
                del data[at : at + chance.randrange(60)]
            elif what == 2:
                other = chance.randrange(len(data))
                data[at:at] = data[other : other + chance.randrange(80)]
            else:
                data[at:at] = chance.choice([b"<text>", b"</text>", b"\n", b": ", b"\xff", b'"'])
        yield bytes(data)


def test_mutated_tag_value_is_read_with_findings_and_no_exception() -> None:
    raw = spdx.write_tag_value(CONTENTS)
    for data in mutations(raw, 1500):
        spdx.read(spdx.decode_tag_value(data))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | NASTY,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NASTY, inner, max_size=3),
    max_leaves=6,
)


@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.data(), st.sampled_from([FORMS[0], FORMS[2]]))
def test_odd_values_anywhere_are_read_with_no_exception(data: st.DataObject, form: Form) -> None:
    document = json.loads(form.write(CONTENTS))
    for _ in range(3):
        at: Any = document
        deep = data.draw(st.integers(1, 5))
        while True:
            keys = list(at) if isinstance(at, dict) else list(range(len(at)))
            key = data.draw(st.sampled_from(keys))
            deep -= 1
            if deep == 0 or not isinstance(at[key], (dict, list)) or not at[key]:
                break
            at = at[key]
        at[key] = data.draw(JSON)
    form.read(json.dumps(document).encode())


TAGGED = """\ufeffSPDXVersion: SPDX-2.3
DataLicense: CC0-1.0
SPDXID: SPDXRef-DOCUMENT
# a comment: not a tag
FileName: ./before
SPDXID: SPDXRef-before
FileChecksum: SHA1: {sha1}
PackageName: a\r
SPDXID: SPDXRef-a
PackageVersion: 1: 2
PackageSupplier: Organization: Acme Inc. (info@acme.example)
PackageOriginator: NOASSERTION
PackageLicenseConcluded: LicenseRef-1
PackageDescription: <text>two
PackageName: no package
lines</text> passed over
ExternalRef: PACKAGE-MANAGER purl pkg:generic/a@1
FileName: ./inside
SPDXID: SPDXRef-inside
FileChecksum: SHA1: nonsense
SnippetSPDXID: SPDXRef-snippet
SnippetFromFileSPDXID: SPDXRef-inside
no tag at all
Invented: x
LicenseID: LicenseRef-1
ExtractedText: <text>Words
of a licence</text>
Relationship: SPDXRef-DOCUMENT DESCRIBES SPDXRef-a
Relationship: SPDXRef-b DESCRIBED_BY SPDXRef-DOCUMENT
Relationship: SPDXRef-a DEPENDS_ON
PackageComment: <text>never ends
PackageName: b
SPDXID: SPDXRef-b
""".replace("{sha1}", "a" * 40)


def test_tag_value_is_read_as_the_specification_says() -> None:
    found = spdx.read_tag_value(TAGGED)
    assert found.packages == (
        Package(
            "a",
            "1: 2",
            "generic",
            "pkg:generic/a@1",
            ("Words\nof a licence",),
            supplier="Acme Inc. <info@acme.example>",
            description="two\nPackageName: no package\nlines",
            id="SPDXRef-a",
            concluded=("Words\nof a licence",),
            is_declared=False,
        ),
        Package("b", id="SPDXRef-b"),
    )
    assert found.files == (
        ListedFile("before", hashes={"sha1": "a" * 40}, id="SPDXRef-before"),
        ListedFile("inside", owner="pkg:generic/a@1", id="SPDXRef-inside"),
    )
    assert [(f.pointer, f.message.split()[0]) for f in found.findings] == [
        ("line 14", "goes"),
        ("line 20", "SHA1:"),
        ("line 23", "has"),
        ("line 24", "Invented"),
        ("line 30", "a"),
        ("line 31", "opens"),
    ]


def test_texts_that_never_end_take_no_longer_and_findings_are_capped() -> None:
    found = spdx.read_tag_value("PackageName: a\n" + "PackageComment: <text>x\n" * 200_000)
    assert len(found.findings) == 1001
    assert [p.name for p in found.packages] == ["a"]


def test_others_in_json_are_read() -> None:
    document = {
        "spdxVersion": "SPDX-2.2",
        "documentDescribes": ["SPDXRef-root"],
        "creationInfo": {"created": "1970-01-01T00:00:00Z", "creators": ["Tool: x", "Person: y"]},
        "packages": [
            {"SPDXID": "SPDXRef-root", "name": "image", "versionInfo": str(LAYERS[0])},
            {
                "SPDXID": "SPDXRef-a",
                "name": "a",
                "supplier": "Person: Jane (jane@example.org)",
                "primaryPackagePurpose": "OPERATING-SYSTEM",
                "hasFiles": ["SPDXRef-f"],
                "externalRefs": [
                    {"referenceType": "cpe23Type", "referenceLocator": OPENSSL.cpes[0]},
                    {"referenceType": "purl", "referenceLocator": "pkg:deb/a@1"},
                ],
            },
        ],
        "files": [{"SPDXID": "SPDXRef-f", "fileName": "/a"}],
        "relationships": [
            {
                "spdxElementId": "SPDXRef-a",
                "relationshipType": "CONTAINED_BY",
                "relatedSpdxElement": "SPDXRef-root",
            }
        ],
    }
    found = spdx.read(document)
    assert found.subject == Subject("image", str(LAYERS[0]), digest=LAYERS[0])
    assert found.packages == (
        Package(
            "a",
            type="deb",
            purl="pkg:deb/a@1",
            supplier="Jane <jane@example.org>",
            cpes=OPENSSL.cpes,
            kind="operating-system",
            id="SPDXRef-a",
        ),
    )
    assert found.files == (ListedFile("a", owner="pkg:deb/a@1", id="SPDXRef-f"),)
    assert (found.created, found.tools) == (dt.datetime.fromtimestamp(0, dt.UTC), ("x",))
    assert found.contains == {}


def test_others_in_json_ld_are_read() -> None:
    agent = {"type": "Person", "spdxId": "urn:x:jane", "name": "Jane"}
    graph = [
        {"type": "CreationInfo", "@id": "_:c", "created": "2026-01-02T03:04:05Z", "createdBy": []},
        {"type": "SpdxDocument", "spdxId": "urn:x:d", "rootElement": ["urn:x:s"]},
        {"type": "software_Sbom", "spdxId": "urn:x:s", "rootElement": ["urn:x:root"]},
        {
            "type": "software_Package",
            "spdxId": "urn:x:root",
            "name": "image",
            "software_primaryPurpose": "operatingSystem",
        },
        {"type": "software_Package", "spdxId": "urn:x:a", "name": "a", "suppliedBy": agent},
        {
            "type": "Relationship",
            "spdxId": "urn:x:r",
            "relationshipType": "hasConcludedLicense",
            "from": "urn:x:a",
            "to": ["https://spdx.org/licenses/MIT"],
        },
        "text",
    ]
    found = spdx3.read({"@graph": graph})
    assert found.subject == Subject("image", type="operating-system")
    assert found.packages == (
        Package(
            "a",
            licenses=("MIT",),
            concluded=("MIT",),
            is_declared=False,
            supplier="Jane",
            id="urn:x:a",
        ),
    )
    assert found.created == WHEN
    assert [f.pointer for f in found.findings] == ["/@graph/6"]
    assert spdx3.read({"@graph": {}}).packages == ()
    assert spdx3.read(graph[4]).packages[0].name == "a"  # type: ignore[arg-type] # as it stands
