"""The quick view says what the tolerant reader says: that one decides what a document means."""

from __future__ import annotations

import json
import pickle
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import MalformedDocument, ProvenanceError
from provenance.packages.package import Package
from provenance.sbom import Format, Sbom, Subject, read_sbom
from provenance.sbom.columns import FIELDS, Typed, purl_types
from provenance.sbom.identifiers import purl_type
from provenance.sbom.reading import _read_whole
from provenance.sbom.spdx.vocabulary import license_ref
from provenance.sbom.typed import decode_typed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


def document(*components: Any, **fields: Any) -> bytes:
    """A CycloneDX document of these components."""
    head = {"bomFormat": "CycloneDX", "specVersion": "1.6"}
    return json.dumps({**head, "components": components, **fields}).encode()


def spdx(*packages: Any, **fields: Any) -> bytes:
    """An SPDX document of these packages."""
    head = {"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT"}
    return json.dumps({**head, "packages": packages, **fields}).encode()


def is_quick(sbom: Sbom) -> bool:
    return isinstance(sbom.packages._columns, Typed)


def assert_same(raw: bytes) -> Sbom:
    """Both views are equal in every field of `Package`, whatever fields that has."""
    whole = _read_whole(raw, ())
    sbom = read_sbom(raw)
    assert len(sbom.packages) == len(whole.packages)
    for field in FIELDS:
        assert sbom.packages.column(field) == whole.packages.column(field), field
    assert list(sbom.packages) == list(whole.packages)
    assert sbom.packages.types() == whole.packages.types()
    assert sbom.packages.rows() == whole.packages.rows()
    assert read_sbom(raw).packages.to_polars().equals(whole.packages.to_polars())
    again = read_sbom(raw)
    assert again.findings == whole.findings
    assert (again.subject, again.files, again.created) == (
        whole.subject,
        whole.files,
        whole.created,
    )
    return read_sbom(raw)


FULL: dict[str, Any] = {
    "type": "application",
    "bom-ref": "a",
    "name": "openssl",
    "version": "3.0",
    "purl": "pkg:DEB/debian/openssl@3.0?arch=amd64",
    "cpe": "cpe:2.3:a:openssl:openssl:3.0:*:*:*:*:*:*:*",
    "description": "Secure \u201cSockets\u201d\nLayer",
    "author": "A",
    "publisher": "P",
    "supplier": {"name": "S", "url": ["https://example.org"]},
    "authors": [{"name": "N", "email": "n@example.org"}, {"name": "M"}, {"email": "x@y"}],
    "licenses": [
        {"license": {"id": "MIT", "acknowledgement": "concluded"}},
        {"license": {"name": "mine", "text": {"content": "..."}}},
        {"expression": "MIT OR Apache-2.0"},
    ],
    "hashes": [
        {"alg": "SHA-256", "content": "ab"},
        {"alg": "SHA3-256", "content": "cd"},
        {"alg": "SHA256", "content": "ef"},
    ],
    "externalReferences": [
        {"type": "vcs", "url": "https://example.org/v"},
        {"type": "website", "url": ""},
        {"type": "website", "url": "https://example.org/w"},
        {"type": "website", "url": "https://example.org/again", "comment": "c"},
        {"type": "distribution", "url": "https://example.org/d"},
        {"type": "other", "url": "x", "comment": "SPDX SECURITY swid"},
    ],
    "evidence": {"occurrences": [{"location": "/usr/lib/x"}, {"line": 3}]},
    "properties": [{"name": "syft:location:0:path", "value": "/x"}],
}
IN_CYCLONEDX: dict[str, bytes] = {
    "a component with every field": document(FULL),
    "components without fields": document({}, {"type": "library"}),
    "null in every field": document(dict.fromkeys(FULL)),
    "a file and nothing more is no package": document(
        {"type": "file", "name": "/etc/passwd", "bom-ref": "f", "hashes": []}, FULL
    ),
    "a file with a version is a package": document({"type": "file", "name": "x", "version": "1"}),
    "a file with a field nobody knows is a package": document({"type": "file", "later": 1}),
    "the first system is the subject's": document(
        *({"type": "operating-system", "name": n} for n in "ab"),
        metadata={"component": {"type": "container", "name": "app"}},
    ),
    "without a subject a system is a package": document({"type": "operating-system", "name": "a"}),
    "a system with a purl is a package": document(
        {"type": "operating-system", "name": "a", "purl": "pkg:generic/a"},
        metadata={"component": {"name": "app"}},
    ),
    "components of the subject": document(
        FULL, metadata={"component": {"name": "app", "components": [{"name": "inner"}]}}
    ),
    "an other document": document(
        *({"bom-ref": "a", "externalReferences": [{"type": "bom", "url": u}] * 2} for u in "xy")
    ),
    "licences that are concluded alone": document(
        {"licenses": [{"expression": "MIT", "acknowledgement": "concluded"}]}
    ),
    "an odd subject": document({"type": "operating-system"}, metadata={"component": 7}),
    "odd metadata": document({"type": "operating-system"}, metadata=[7]),
    "components inside of components": document({"name": "a", "components": [FULL]}, FULL),
    "no components inside": document({"name": "a", "components": []}),
    "a version that is a number": document({"name": "a", "version": 1}),
    "a component that is none": document("a", FULL),
    "components that are none": document(components={"a": 1}),
    "a supplier that is a text": document({"supplier": "S", "publisher": "P"}),
    "a licence without a name": document(
        {"licenses": [{"license": {}}, {"license": {"id": None}}]}
    ),
    "licences that are none": document({"licenses": ["MIT"]}, {"licenses": {"id": "MIT"}}),
    "hashes that are none": document({"hashes": [{"alg": "MD5"}, 7]}, FULL),
    "an algorithm that is a number": document({"hashes": [{"alg": 5, "content": "x"}]}),
    "evidence that is none": document({"evidence": [1]}, {"evidence": {"occurrences": 1}}),
    "references that are none": document({"externalReferences": ["x"]}, FULL),
    "a purl without a slash": document(
        {"purl": "pkg:deb"}, {"purl": "deb/x"}, {"purl": "pkg:a b/c"}
    ),
    "a key twice": b'{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"file",'
    b'"name":"a","type":"library","name":"b"}],"components":[{"name":"c","purl":"x"}]}',
    "ours, with fields to restore": document(
        {"name": "a", "properties": [{"name": "provenance:type", "value": "odd"}]}
    ),
    "ours, hidden by escapes": document(
        {"name": "a", "properties": [{"name": "@:type", "value": "odd"}]}
    ).replace(b"@", b"\\u0070roven\\u0061nce"),
    "where syft saw it": document(
        {
            "name": "a",
            "properties": [
                {"name": "syft:location:10:path", "value": "/last"},
                {"name": "syft:location:0:layerID", "value": f"sha256:{'a' * 64}"},
                {"name": "syft:location:0:path", "value": "/lib/apk/db/installed"},
                {"name": "syft:location:1:layerID", "value": f"sha256:{'b' * 64}"},
                {"name": "syft:location:2:path"},
                {"name": "syft:location:x:path", "value": "/x"},
                {"name": "syft:location:3:path", "value": None},
                {"name": None, "value": "x"},
                {"name": "syft:location:4:layerID", "value": "odd"},
                {"name": "syft:location:4:path", "value": "odd"},
            ],
        },
        {"name": "b", "properties": [{"name": "syft:location:0:path", "value": "/b"}]},
        {
            "name": "c",
            "evidence": {"occurrences": [{"location": "/c"}]},
            "properties": [{"name": "syft:location:0:path", "value": "/other"}],
        },
        {"name": "d", "properties": []},
        {"name": "e", "properties": None},
    ),
    "where syft saw it, hidden by escapes": document(
        {"properties": [{"name": "@:location:0:path", "value": "/x"}]}
    ).replace(b"@", b"\\u0073yft"),
    "where syft saw it, oddly": document(
        {"properties": [{"name": "syft:location:0:path", "value": 1}, 7]},
        {"properties": {"name": "syft:location:0:path", "value": "/x"}},
    ),
    "no components": b'{"bomFormat":"CycloneDX","specVersion":"1.2"}',
    "a mark of byte order": b"\xef\xbb\xbf" + document(FULL),
}
FULL_SPDX: dict[str, Any] = {
    "SPDXID": "SPDXRef-a",
    "name": "NOASSERTION",
    "versionInfo": "NONE",
    "licenseDeclared": "LicenseRef-x",
    "licenseConcluded": "MIT",
    "supplier": "Organization: Debian (d@example.org)",
    "originator": "Person: A",
    "description": "NOASSERTION",
    "homepage": "NOASSERTION",
    "primaryPackagePurpose": "APPLICATION",
    "externalRefs": [
        {"referenceType": "cpe23Type", "referenceLocator": "cpe:2.3:a:b:c:d:*:*:*:*:*:*:*"},
        {"referenceType": "purl", "referenceLocator": "pkg:npm/%40a/b@1"},
        {"referenceType": "purl", "referenceLocator": "pkg:npm/second@1"},
    ],
    "checksums": [{"algorithm": "SHA256", "checksumValue": "ab"}, {"algorithm": "SHA1"}],
}


def related(source: str, kind: str, target: str) -> dict[str, str]:
    return {"spdxElementId": source, "relationshipType": kind, "relatedSpdxElement": target}


IMAGE = {"SPDXID": "SPDXRef-i", "name": "app", "primaryPackagePurpose": "CONTAINER"}
LIBRARY = {"SPDXID": "SPDXRef-i", "name": "app"}
DESCRIBES = related("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-i")
IN_SPDX: dict[str, bytes] = {
    "a package with every field": spdx(FULL_SPDX),
    "packages without fields": spdx({}, dict.fromkeys(FULL_SPDX)),
    "a licence in words": spdx(
        FULL_SPDX, hasExtractedLicensingInfos=[{"licenseId": "LicenseRef-x", "extractedText": "T"}]
    ),
    "a licence with a title": spdx(
        FULL_SPDX,
        hasExtractedLicensingInfos=[
            {"licenseId": "LicenseRef-x", "extractedText": "T", "name": "Title"}
        ],
    ),
    "a licence with a title under a name of ours": spdx(
        {"licenseDeclared": license_ref("T")},
        hasExtractedLicensingInfos=[
            {"licenseId": license_ref("T"), "extractedText": "T", "name": "Title"}
        ],
    ),
    "another reference": spdx(
        {
            "externalRefs": [
                {"referenceType": "swh", "referenceLocator": "x", "referenceCategory": "OTHER"}
            ]
        }
    ),
    "words for no licence": spdx(
        {}, hasExtractedLicensingInfos=[{"licenseId": "", "extractedText": "T"}]
    ),
    "the image is the subject": spdx(IMAGE, FULL_SPDX, relationships=[DESCRIBES]),
    "the image by the older list": spdx(FULL_SPDX, IMAGE, documentDescribes=["SPDXRef-i"]),
    "described from the other end": spdx(
        IMAGE, relationships=[related("SPDXRef-i", "DESCRIBED_BY", "SPDXRef-DOCUMENT")]
    ),
    "described in another document": spdx(
        IMAGE, relationships=[related("SPDXRef-i", "DESCRIBED_BY", "DocumentRef-x")]
    ),
    "a library without parts is no subject": spdx(LIBRARY, relationships=[DESCRIBES]),
    "a library with parts is the subject": spdx(
        *(LIBRARY, FULL_SPDX),
        relationships=[DESCRIBES, related("SPDXRef-i", "CONTAINS", "SPDXRef-a")],
    ),
    "a library with parts, said by these": spdx(
        *(LIBRARY, FULL_SPDX),
        relationships=[DESCRIBES, related("SPDXRef-a", "CONTAINED_BY", "SPDXRef-i")],
    ),
    "a library with dependencies, half said": spdx(
        LIBRARY, relationships=[DESCRIBES, {"relationshipType": "CONTAINS"}]
    ),
    "two are described": spdx(IMAGE, documentDescribes=["SPDXRef-i", "SPDXRef-a"]),
    "one identifier twice": spdx(IMAGE, IMAGE, documentDescribes=["SPDXRef-i", "SPDXRef-i"]),
    "nobody is described": spdx(IMAGE, documentDescribes=["SPDXRef-z"]),
    "ours by its creator": spdx(
        *(LIBRARY, FULL_SPDX),
        creationInfo={"creators": ["Tool: provenance-1"]},
        relationships=[DESCRIBES, related("SPDXRef-i", "CONTAINS", "SPDXRef-a")],
    ),
    "odd creators": spdx(FULL_SPDX, creationInfo={"creators": [1]}),
    "odd described": spdx(IMAGE, documentDescribes=[1, "SPDXRef-i"]),
    "a version that is a number": spdx({"versionInfo": 1}, FULL_SPDX),
    "references that are none": spdx({"externalRefs": [1]}, FULL_SPDX),
    "checksums that are none": spdx({"checksums": [1]}, FULL_SPDX),
    "an identifier that is a list": spdx({"SPDXID": []}, FULL_SPDX),
}


@pytest.mark.parametrize("case", IN_CYCLONEDX)
def test_a_cyclonedx_document_is_the_same_both_ways(case: str) -> None:
    assert_same(IN_CYCLONEDX[case])


@pytest.mark.parametrize("case", IN_SPDX)
def test_an_spdx_document_is_the_same_both_ways(case: str) -> None:
    assert_same(IN_SPDX[case])


PLAIN = ("a component with every field", "a file and nothing more is no package", "no components")


@pytest.mark.parametrize(
    "raw",
    [*(IN_CYCLONEDX[c] for c in PLAIN), IN_SPDX["a package with every field"]],
    ids=[*PLAIN, "spdx"],
)
def test_a_plain_document_is_read_the_quick_way_alone(raw: bytes) -> None:
    sbom = read_sbom(raw)
    assert is_quick(sbom)
    list(sbom.packages)
    assert sbom._known is None, "the tolerant reader was asked"


def test_every_field_of_a_package_has_a_taker_or_is_left_to_the_tolerant_reader() -> None:
    """A field that is new comes out right before anyone writes a taker for it."""
    tolerant = [Package(name="a", cataloger="c")]
    columns = Typed([object()], {"name": lambda rows: ["a"]}, lambda: tolerant)
    assert columns.column("cataloger") == ["c"]
    assert list(columns.packages([0])) == tolerant


@pytest.mark.parametrize(
    "raw",
    [
        document(FULL)[:-1],
        document(FULL) + b"x",
        document({"x": "?"}).replace(b"?", b"\\q"),
        b"[" * 100_000,
    ],
    ids=["cut short", "more behind it", "no escape", "too deep"],
)
def test_what_is_no_json_is_refused_by_read_sbom_itself(raw: bytes) -> None:
    with pytest.raises(MalformedDocument):
        read_sbom(raw)


@pytest.mark.parametrize("odd", [b"\xff", b"\xed\xa0\x80"], ids=["no UTF-8", "a surrogate"])
def test_bytes_that_are_no_text_are_left_to_the_tolerant_reader(odd: bytes) -> None:
    sbom = read_sbom(document({"name": "a", "x": "?"}).replace(b"?", odd))
    assert [p.name for p in sbom.packages] == ["a"]
    assert not is_quick(sbom)
    assert "not-strict-json" in {finding.rule for finding in sbom.findings}


def test_a_version_nobody_knows_is_left_to_the_tolerant_reader() -> None:
    for raw in (
        document(specVersion="1.6-xml"),
        document(spdxVersion="SPDX-2.3"),
        document(specVersion="9"),
    ):
        quick = decode_typed(raw)
        assert quick is None or quick.form is None


def test_a_selection_is_pickled_as_packages() -> None:
    packages = read_sbom(document(FULL, {"name": "b"})).packages.where(type="deb")
    again = pickle.loads(pickle.dumps(packages))
    assert again == packages
    assert hash(again) == hash(packages)
    assert [p.name for p in again] == ["openssl"]


def test_what_we_write_is_the_same_both_ways() -> None:
    packages = [Package("b", "1", "deb", "pkg:deb/debian/b@1", architecture="amd64")]
    for form in (Format.CYCLONEDX_1_6, Format.SPDX_2_3):
        built = Sbom.build(subject=Subject("app"), packages=packages, form=form)
        assert_same(built.to_bytes())


_TEXTS = st.one_of(
    st.none(),
    st.sampled_from(
        ["", "a", "pkg:deb/a/b@1", "NOASSERTION", "MIT", "Person: é (x@y)", "SPDXRef-a"]
    ),
    st.text(max_size=4),
)
_ODD: st.SearchStrategy[Any] = st.one_of(
    st.integers(), st.booleans(), st.just([]), st.just({}), st.just([None])
)
_MOSTLY = st.one_of(_TEXTS, _TEXTS, _TEXTS, _TEXTS, _TEXTS, _ODD)


def _objects(**keys: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=keys)


def _lists(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.lists(inner, max_size=3), st.lists(inner, max_size=3), st.none(), _ODD)


_SAID = st.sampled_from(["declared", "concluded", None, 1])
_COMPONENTS = _objects(
    **dict.fromkeys(("name", "version", "purl", "cpe", "author", "publisher"), _MOSTLY),
    type=st.sampled_from(["library", "file", "operating-system", "application", None, "?"]),
    supplier=st.one_of(_objects(name=_MOSTLY), _MOSTLY),
    authors=_lists(_objects(name=_MOSTLY, email=_MOSTLY)),
    copyright=_MOSTLY,
    licenses=_lists(
        _objects(
            license=_objects(id=_MOSTLY, name=_MOSTLY, acknowledgement=_SAID),
            expression=_MOSTLY,
            acknowledgement=_SAID,
        )
    ),
    hashes=_lists(_objects(alg=_MOSTLY, content=_MOSTLY)),
    externalReferences=_lists(
        _objects(
            type=st.sampled_from(["website", "bom", "distribution", "vcs", 1]),
            url=_MOSTLY,
            comment=_MOSTLY,
        )
    ),
    evidence=st.one_of(_objects(occurrences=_lists(_objects(location=_MOSTLY))), _ODD),
    components=_lists(_objects(name=_MOSTLY)),
)
_PACKAGES = _objects(
    **dict.fromkeys(("name", "versionInfo", "licenseDeclared", "licenseConcluded"), _MOSTLY),
    **dict.fromkeys(("supplier", "originator", "homepage", "primaryPackagePurpose"), _MOSTLY),
    SPDXID=st.sampled_from(["SPDXRef-a", "SPDXRef-b", None, 1]),
    checksums=_lists(_objects(algorithm=_MOSTLY, checksumValue=_MOSTLY)),
    externalRefs=_lists(
        _objects(
            referenceType=st.sampled_from(["purl", "cpe23Type", "swh", 1]),
            referenceLocator=_MOSTLY,
            referenceCategory=st.sampled_from(["OTHER", "SECURITY", 1]),
        )
    ),
)
_IDS = st.sampled_from(["SPDXRef-DOCUMENT", "SPDXRef-a", "SPDXRef-b", "DocumentRef-x", None, 1])
_KINDS = ["DESCRIBES", "DESCRIBED_BY", "CONTAINS", "CONTAINED_BY", "DEPENDS_ON", "DEPENDENCY_OF"]
_RELATED = _objects(
    spdxElementId=_IDS, relatedSpdxElement=_IDS, relationshipType=st.sampled_from(_KINDS)
)


@given(st.lists(_COMPONENTS, max_size=4), st.sampled_from([None, {"component": {"name": "x"}}]))
def test_any_cyclonedx_document_is_the_same_both_ways(components: list[Any], metadata: Any) -> None:
    assert_same(document(*components, metadata=metadata))


@given(
    st.lists(_PACKAGES, max_size=4),
    st.lists(_RELATED, max_size=4),
    st.one_of(st.none(), st.lists(_IDS, max_size=2)),
    _lists(_objects(licenseId=_MOSTLY, extractedText=_MOSTLY, name=_MOSTLY)),
)
def test_any_spdx_document_is_the_same_both_ways(
    packages: list[Any], relationships: list[Any], described: Any, extracted: Any
) -> None:
    assert_same(
        spdx(
            *packages,
            relationships=relationships,
            documentDescribes=described,
            hasExtractedLicensingInfos=extracted,
        )
    )


def real_documents(corpus: Path) -> Iterator[tuple[str, bytes]]:
    for archive in sorted((corpus / "cyclonedx").glob("*.zip")):
        with zipfile.ZipFile(archive) as files:
            for name in files.namelist():
                if name.endswith(".json"):
                    yield f"{archive.name}/{name}", files.read(name)
    for path in sorted((corpus / "spdx").rglob("*.json")):
        if "schemas" not in path.parts:
            yield str(path.relative_to(corpus)), path.read_bytes()


@pytest.mark.corpus
def test_every_real_document_is_the_same_both_ways(corpus: Path) -> None:
    quick: list[str] = []
    seen = 0
    for name, raw in real_documents(corpus):
        try:
            _read_whole(raw, ())
        except ProvenanceError as error:
            with pytest.raises(type(error)):
                read_sbom(raw)
            continue
        seen += 1
        sbom = assert_same(raw)
        quick += [name] if is_quick(sbom) else []
    assert seen > 300
    assert len(quick) > 0.5 * seen, _reasons(quick, seen)


def _reasons(quick: Sequence[str], seen: int) -> str:
    return f"{len(quick)} of {seen} were read the quick way"


def test_a_number_out_of_range_is_a_finding() -> None:
    """JSON allows it; nothing of a package is a number."""
    sbom = read_sbom(document({"name": "a", "x": 0}).replace(b"0}", b"1e999}"))
    assert [p.name for p in sbom.packages] == ["a"]
    assert [finding.rule for finding in sbom.findings] == ["not-strict-json"]


@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                ["", "pkg:deb/a", "pkg:deb", "pkg:deb/a/b@1", "pkg:a-type-that-is-long/x"]
            ),
            st.text(alphabet="pkg:/aZ9.+-_", max_size=14),
        ),
        max_size=5,
    )
)
def test_types_of_many_purls_are_those_of_each(purls: list[str]) -> None:
    assert purl_types(purls) == [purl_type(purl) for purl in purls]
