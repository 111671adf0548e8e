from __future__ import annotations

import json

import pytest

from provenance.catalog.cataloger import MatchedFile, Problem, Relation, Remaining
from provenance.catalog.ecosystems.embedded import complete, read
from provenance.digests import Digest
from provenance.packages.os_release import OsRelease
from provenance.packages.package import Package

LAYER = Digest.of(b"layer")
BITNAMI = "opt/bitnami/redis/.spdx-redis.spdx"
WOLFI = "var/lib/db/sbom/redis-7-r0.spdx.json"


def document(*purls: str) -> bytes:
    packages = [
        {
            "SPDXID": f"SPDXRef-{number}",
            "name": purl.rpartition("/")[2].partition("@")[0],
            "versionInfo": purl.partition("@")[2].partition("?")[0],
            "externalRefs": [
                {
                    "referenceCategory": "PACKAGE-MANAGER",
                    "referenceType": "purl",
                    "referenceLocator": purl,
                }
            ]
            if purl
            else [],
        }
        for number, purl in enumerate(purls)
    ]
    return json.dumps(
        {"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "packages": packages}
    ).encode()


def listed(path: str, data: bytes) -> list[Package | Problem]:
    found = list(read(MatchedFile(path, LAYER, len(data), 0o644, data)))
    assert all(isinstance(item, Package | Problem) for item in found)
    return found  # type: ignore[return-value]


def test_bitnami_lists_an_application_and_what_is_in_it() -> None:
    data = document("pkg:bitnami/redis@7.2.5?arch=amd64", "pkg:golang/x/y@v1", "")
    found = [p for p in listed(BITNAMI, data) if isinstance(p, Package)]
    assert [(p.purl, p.cataloger, p.layer) for p in found] == [
        ("pkg:bitnami/redis@7.2.5?arch=amd64", "embedded", LAYER),
        ("pkg:golang/x/y@v1", "embedded", LAYER),
    ]


def test_of_an_apk_s_document_only_the_apk_is_there() -> None:
    data = document("pkg:apk/wolfi/redis@7-r0?arch=x86_64", "pkg:github/redis/redis@7")
    assert [p.purl for p in listed(WOLFI, data) if isinstance(p, Package)] == [
        "pkg:apk/wolfi/redis@7-r0?arch=x86_64"
    ]


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b"[" * 100_000, b'{"spdxVersion": 3}'])
def test_what_is_no_document_is_told(data: bytes) -> None:
    (problem,) = listed(BITNAMI, data)
    assert isinstance(problem, Problem)
    assert problem.path == BITNAMI


def test_a_huge_one_is_not_read() -> None:
    (problem,) = read(MatchedFile(BITNAMI, LAYER, 17 << 20, 0o644, b""))
    assert isinstance(problem, Problem)
    assert "not read" in problem.message


def test_what_an_application_holds_lies_in_it() -> None:
    redis, library = "pkg:bitnami/redis@7.2.5?arch=amd64", "pkg:bitnami/geos@3.13.0"
    whole = json.loads(document(redis, library))
    whole["documentDescribes"] = ["SPDXRef-0"]
    whole["relationships"] = [
        {
            "spdxElementId": "SPDXRef-DOCUMENT",
            "relationshipType": "DESCRIBES",
            "relatedSpdxElement": "SPDXRef-0",
        },
        {
            "spdxElementId": "SPDXRef-0",
            "relationshipType": "CONTAINS",
            "relatedSpdxElement": "SPDXRef-1",
        },
    ]
    data = json.dumps(whole).encode()
    found = list(read(MatchedFile(BITNAMI, LAYER, len(data), 0o644, data)))
    assert [p.purl for p in found if isinstance(p, Package)] == [redis, library]
    assert found[2:] == [Relation(redis, "contains", library)]


def test_packages_of_wolfi_in_a_chainguard_image_are_those_of_its_database() -> None:
    data = document("pkg:apk/wolfi/redis@7-r0?arch=x86_64")
    packages = [p for p in listed(WOLFI, data) if isinstance(p, Package)]
    for id_, namespace in (("chainguard", "chainguard"), ("wolfi", "wolfi"), ("", "wolfi")):
        releases = {"": OsRelease(id=id_, version_id="2023")} if id_ else {}
        (package,) = complete(Remaining(packages, releases=releases))
        assert package.purl == f"pkg:apk/{namespace}/redis@7-r0?arch=x86_64"
