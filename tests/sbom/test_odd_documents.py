"""Any value in the place of any other: validation and quality answer, they never fail."""

from __future__ import annotations

import copy
import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest

from provenance.sbom import Format
from provenance.sbom.quality import RULE_SETS, assess
from provenance.sbom.validating.validation import validate

if TYPE_CHECKING:
    from collections.abc import Iterator

ODD: tuple[Any, ...] = (None, 1, "", [], {}, [[]], {"x": []})
HASH = {"alg": "SHA-1", "content": "ab"}
CYCLONEDX = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "serialNumber": "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79",
    "metadata": {
        "timestamp": "2026-01-02T03:04:05Z",
        "lifecycles": [{"phase": "build"}],
        "tools": {"components": [{"name": "t"}], "services": [{"name": "s"}]},
        "authors": [{"name": "n", "email": "e@x"}],
        "manufacturer": {"name": "m", "url": ["u"], "contact": [{"email": "e@x"}]},
        "component": {"bom-ref": "r", "name": "app", "components": [{"name": "in"}]},
    },
    "components": [
        {
            "bom-ref": "a",
            "type": "library",
            "name": "a",
            "version": "1",
            "purl": "p",
            "cpe": "c",
            "swid": {"tagId": "t"},
            "omniborId": ["o"],
            "supplier": {"name": "s"},
            "manufacturer": {"name": "m", "url": ["u"]},
            "hashes": [HASH],
            "licenses": [{"license": {"id": "MIT", "acknowledgement": "declared"}}],
            "externalReferences": [{"type": "distribution", "url": "u", "hashes": [HASH]}],
            "properties": [{"name": "bsi:component:filename", "value": "f"}],
            "components": [{"name": "b", "licenses": [{"expression": "MIT OR"}]}],
        }
    ],
    "dependencies": [{"ref": "a", "dependsOn": ["a", "b"], "provides": ["c"]}],
    "compositions": [{"bom-ref": "c", "aggregate": "complete", "assemblies": ["a"]}],
    "vulnerabilities": [{"affects": [{"ref": "urn:cdx:x/1#a"}]}],
    "annotations": [{"subjects": ["a"], "timestamp": "t"}],
}
SPDX = {
    "spdxVersion": "SPDX-2.3",
    "SPDXID": "SPDXRef-DOCUMENT",
    "creationInfo": {"created": "2026", "creators": ["Tool: t", "Person: p (e@x)"], "comment": "c"},
    "externalDocumentRefs": [{"externalDocumentId": "DocumentRef-x"}],
    "hasExtractedLicensingInfos": [{"licenseId": "LicenseRef-x"}],
    "documentDescribes": ["SPDXRef-a"],
    "packages": [
        {
            "SPDXID": "SPDXRef-a",
            "name": "a",
            "versionInfo": "1",
            "supplier": "Organization: s (e@x)",
            "originator": "NOASSERTION",
            "licenseConcluded": "LicenseRef-y",
            "licenseInfoFromFiles": ["MIT"],
            "checksums": [{"algorithm": "SHA1", "checksumValue": "ab"}],
            "externalRefs": [{"referenceCategory": "c", "referenceType": "purl"}],
            "hasFiles": ["SPDXRef-f"],
            "annotations": [{"annotationDate": "t"}],
            "releaseDate": "2026-01-02T03:04:05Z",
            "validUntilDate": "2026-01-01T03:04:05Z",
        }
    ],
    "files": [{"SPDXID": "SPDXRef-f"}],
    "relationships": [
        {
            "spdxElementId": "SPDXRef-a",
            "relationshipType": "CONTAINS",
            "relatedSpdxElement": "DocumentRef-z:SPDXRef-f",
        }
    ],
}
SPDX_3 = {
    "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",
    "@graph": [
        {"type": "CreationInfo", "@id": "_:i", "created": "t", "createdBy": ["x:p"]},
        {
            "type": "Person",
            "spdxId": "x:p",
            "name": "p",
            "externalIdentifier": [{"externalIdentifierType": "email", "identifier": "e@x"}],
        },
        {"type": "SpdxDocument", "spdxId": "x:d", "creationInfo": "_:i", "rootElement": ["x:a"]},
        {"type": "software_Sbom", "spdxId": "x:s", "software_sbomType": ["build"]},
        {
            "type": "software_Package",
            "spdxId": "x:a",
            "name": "a",
            "software_packageVersion": "1",
            "software_packageUrl": "p",
            "originatedBy": ["x:p"],
            "suppliedBy": "x:p",
            "verifiedUsing": [{"type": "Hash", "algorithm": "sha1", "hashValue": "ab"}],
            "builtTime": "2026-01-02T03:04:05Z",
        },
        {"type": "software_File", "spdxId": "x:f", "software_additionalPurpose": ["archive"]},
        {
            "type": "Relationship",
            "from": "x:a",
            "relationshipType": "hasDistributionArtifact",
            "to": ["x:f"],
        },
        {"type": "Relationship", "from": "x:a", "relationshipType": "contains", "to": ["x:f"]},
    ],
}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of everything in a document."""
    pairs: Any = ()
    if isinstance(value, dict):
        pairs = value.items()
    elif isinstance(value, list):
        pairs = enumerate(value)
    for key, inner in pairs:
        yield (*path, key)
        yield from places(inner, (*path, key))


def replaced(document: dict[str, Any], path: tuple[Any, ...], odd: Any) -> dict[str, Any]:
    made = copy.deepcopy(document)
    at: Any = made
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = copy.deepcopy(odd)
    return made


@pytest.mark.parametrize(
    ("document", "form"),
    [
        (CYCLONEDX, Format.CYCLONEDX_1_6),
        (SPDX, Format.SPDX_2_3),
        (SPDX_3, Format.SPDX_3_0),
    ],
)
def test_any_value_in_the_place_of_any_other(document: dict[str, Any], form: Format) -> None:
    before, turn = json.dumps(document), itertools.cycle(RULE_SETS.values())
    for path in places(document):
        if path == ("spdxVersion",):  # which chooses the schema: there may be none
            continue
        for odd in ODD:
            made = replaced(document, path, odd)
            for finding in validate(b"", form, lambda made=made: made):  # type: ignore[misc]
                assert len(finding.message) <= 600
            found = assess(made, form, next(turn))
            assert 0 <= found.score <= 100
            assert len(list(found.per_package())) == found.packages
    assert json.dumps(document) == before
