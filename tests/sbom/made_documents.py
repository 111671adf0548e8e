"""Small documents of every format, made here: what one says, all of a family say."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree as ET

import yaml

__all__ = [
    "BY_NAME",
    "CYCLONEDX",
    "CYCLONEDX_1_0",
    "GITHUB",
    "LAYER",
    "SPDX",
    "SPDX_3",
    "SYFT",
    "in_json",
]

LAYER = "sha256:" + "1" * 64
_SHA1, _SHA256 = "a" * 40, "b" * 64

SPDX: dict[str, Any] = {
    "spdxVersion": "SPDX-2.3",
    "dataLicense": "CC0-1.0",
    "SPDXID": "SPDXRef-DOCUMENT",
    "name": "made",
    "documentNamespace": "https://example.org/made",
    "creationInfo": {
        "created": "2026-01-02T03:04:05Z",
        "creators": ["Tool: maker-1.0", "Organization: Acme ()"],
    },
    "documentDescribes": ["SPDXRef-app"],
    "packages": [
        {
            "SPDXID": "SPDXRef-app",
            "name": "app",
            "versionInfo": "1.0",
            "downloadLocation": "NOASSERTION",
            "filesAnalyzed": False,
            "supplier": "Organization: Acme ()",
            "licenseDeclared": "MIT",
            "primaryPackagePurpose": "LIBRARY",
        },
        {
            "SPDXID": "SPDXRef-lib",
            "name": "lib",
            "versionInfo": "2.10",
            "downloadLocation": "NONE",
            "filesAnalyzed": False,
            "licenseDeclared": "Apache-2.0 OR MIT",
            "checksums": [{"algorithm": "SHA256", "checksumValue": _SHA256}],
            "externalRefs": [
                {
                    "referenceCategory": "PACKAGE-MANAGER",
                    "referenceType": "purl",
                    "referenceLocator": "pkg:npm/lib@2.10",
                }
            ],
        },
    ],
    "files": [
        {
            "SPDXID": "SPDXRef-file",
            "fileName": "./usr/bin/app",
            "checksums": [{"algorithm": "SHA1", "checksumValue": _SHA1}],
            "licenseConcluded": "NOASSERTION",
            "copyrightText": "NOASSERTION",
        }
    ],
    "relationships": [
        {
            "spdxElementId": "SPDXRef-lib",
            "relationshipType": "DEPENDENCY_OF",
            "relatedSpdxElement": "SPDXRef-app",
        }
    ],
    "annotations": [
        {
            "annotator": "Person: Jane Doe ()",
            "annotationDate": "2026-01-03T00:00:00Z",
            "annotationType": "REVIEW",
            "comment": "Looks well",
        }
    ],
}

GITHUB: dict[str, Any] = {
    "sbom": SPDX
    | {
        "name": "com.github.org/app",
        "creationInfo": {
            "created": "2026-01-02T03:04:05Z",
            "creators": ["Tool: GitHub.com-Dependency-Graph"],
        },
    }
}

CYCLONEDX: dict[str, Any] = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "serialNumber": "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79",
    "version": 1,
    "metadata": {
        "timestamp": "2026-01-02T03:04:05Z",
        "component": {"type": "application", "bom-ref": "root", "name": "made"},
    },
    "components": [
        {"type": "library", "bom-ref": "app", "name": "app", "version": "1.0"},
        {
            "type": "library",
            "bom-ref": "lib",
            "name": "lib",
            "version": "2.10",
            "purl": "pkg:npm/lib@2.10",
            "hashes": [{"alg": "SHA-256", "content": _SHA256}],
            "licenses": [{"license": {"id": "MIT"}}],
        },
    ],
    "dependencies": [{"ref": "root", "dependsOn": ["app"]}, {"ref": "app", "dependsOn": ["lib"]}],
    "vulnerabilities": [
        {
            "id": "CVE-2026-0001",
            "source": {"name": "NVD"},
            "ratings": [{"severity": "low"}, {"severity": "critical"}, {"score": 3.0}],
            "analysis": {"state": "not_affected"},
            "affects": [{"ref": "lib"}],
        }
    ],
    "annotations": [
        {
            "subjects": ["app", "lib"],
            "annotator": {"individual": {"name": "Jane Doe"}},
            "timestamp": "2026-01-03T00:00:00Z",
            "text": "Looks well",
        }
    ],
}

SPDX_3: dict[str, Any] = {
    "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",
    "@graph": [
        {
            "type": "CreationInfo",
            "@id": "_:info",
            "specVersion": "3.0.1",
            "created": "2026-01-02T03:04:05Z",
            "createdBy": ["urn:acme"],
        },
        {"type": "Organization", "spdxId": "urn:acme", "creationInfo": "_:info", "name": "Acme"},
        {
            "type": "SpdxDocument",
            "spdxId": "urn:document",
            "creationInfo": "_:info",
            "element": ["urn:app", "urn:lib"],
            "rootElement": ["urn:app"],
        },
        {
            "type": "software_Package",
            "spdxId": "urn:app",
            "creationInfo": "_:info",
            "name": "app",
            "software_packageVersion": "1.0",
        },
        {
            "type": "software_Package",
            "spdxId": "urn:lib",
            "creationInfo": "_:info",
            "name": "lib",
            "software_packageVersion": "2.10",
            "software_packageUrl": "pkg:npm/lib@2.10",
            "verifiedUsing": [{"type": "Hash", "algorithm": "sha256", "hashValue": _SHA256}],
        },
        {
            "type": "Relationship",
            "spdxId": "urn:needs",
            "creationInfo": "_:info",
            "from": "urn:app",
            "relationshipType": "dependsOn",
            "to": ["urn:lib"],
        },
        {
            "type": "Annotation",
            "spdxId": "urn:remark",
            "creationInfo": "_:info",
            "annotationType": "review",
            "subject": "urn:app",
            "statement": "Looks well",
        },
    ],
}

SYFT: dict[str, Any] = {
    "artifacts": [
        {
            "id": "app-id",
            "name": "app",
            "version": "1.0",
            "type": "binary",
            "foundBy": "binary-classifier-cataloger",
            "locations": [{"path": "/usr/bin/app", "layerID": LAYER}],
            "licenses": [],
            "cpes": [{"cpe": "cpe:2.3:a:acme:app:1.0:*:*:*:*:*:*:*", "source": "syft-generated"}],
            "purl": "",
        },
        {
            "id": "lib-id",
            "name": "lib",
            "version": "2.10",
            "type": "npm",
            "foundBy": "javascript-package-cataloger",
            "locations": [{"path": "/app/node_modules/lib/package.json", "layerID": LAYER}],
            "licenses": [{"value": "MIT license", "spdxExpression": "MIT", "type": "declared"}],
            "cpes": [],
            "purl": "pkg:npm/lib@2.10",
            "metadataType": "javascript-npm-package",
            "metadata": {
                "author": "Jane Doe",
                "homepage": "https://example.org",
                "description": "A lib",
            },
        },
    ],
    "artifactRelationships": [
        {"parent": "lib-id", "child": "app-id", "type": "dependency-of"},
        {"parent": "lib-id", "child": "file-id", "type": "contains"},
        {"parent": "lib-id", "child": "elsewhere", "type": "evident-by"},
    ],
    "files": [
        {
            "id": "file-id",
            "location": {"path": "/app/node_modules/lib/index.js", "layerID": LAYER},
            "metadata": {"mode": 644, "type": "RegularFile", "size": 12},
            "digests": [{"algorithm": "sha256", "value": _SHA256}],
        }
    ],
    "source": {
        "id": "2" * 64,
        "name": "registry.example.org/app",
        "version": "sha256:" + "2" * 64,
        "type": "image",
        "metadata": {
            "userInput": "registry.example.org/app:1.0",
            "manifestDigest": "sha256:" + "3" * 64,
            "layers": [{"mediaType": "application/vnd.oci", "digest": LAYER, "size": 7}],
            "os": "linux",
            "architecture": "arm64",
            "labels": {"maintainer": "Acme"},
        },
    },
    "distro": {"prettyName": "Debian 12", "name": "Debian", "id": "debian", "versionID": "12"},
    "descriptor": {"name": "syft", "version": "1.18.1"},
    "schema": {
        "version": "16.0.18",
        "url": "https://raw.githubusercontent.com/anchore/syft/main/schema/json/schema-16.0.18.json",
    },
}


def in_json(document: Any) -> bytes:
    return json.dumps(document, indent=1).encode()


def in_yaml(document: Any) -> bytes:
    """By PyYAML, which sorts keys: the version comes last."""
    text: str = yaml.safe_dump(document)
    return text.encode()


def in_xml(document: Any) -> bytes:
    """A field an element; what is a list repeats."""
    root = ET.Element("Document")

    def put(parent: ET.Element, value: dict[str, Any]) -> None:
        for key, found in value.items():
            for item in found if isinstance(found, list) else [found]:
                element = ET.SubElement(parent, key)
                if isinstance(item, dict):
                    put(element, item)
                else:
                    element.text = str(item).lower() if isinstance(item, bool) else str(item)

    put(root, document)
    raw: bytes = ET.tostring(root, "utf-8", xml_declaration=True)
    return raw


TAG_VALUE = f"""\
# Comments may come first.
SPDXVersion: SPDX-2.3
DataLicense: CC0-1.0
SPDXID: SPDXRef-DOCUMENT
DocumentName: made
DocumentNamespace: https://example.org/made
Creator: Tool: maker-1.0
Creator: Organization: Acme ()
Created: 2026-01-02T03:04:05Z

Annotator: Person: Jane Doe ()
AnnotationDate: 2026-01-03T00:00:00Z
AnnotationType: REVIEW
SPDXREF: SPDXRef-DOCUMENT
AnnotationComment: <text>Looks well</text>

FileName: ./usr/bin/app
SPDXID: SPDXRef-file
FileChecksum: SHA1: {_SHA1}
LicenseConcluded: NOASSERTION
FileCopyrightText: NOASSERTION

PackageName: app
SPDXID: SPDXRef-app
PackageVersion: 1.0
PackageDownloadLocation: NOASSERTION
FilesAnalyzed: false
PackageSupplier: Organization: Acme ()
PackageLicenseDeclared: MIT
PrimaryPackagePurpose: LIBRARY

PackageName: lib
SPDXID: SPDXRef-lib
PackageVersion: 2.10
PackageDownloadLocation: NONE
FilesAnalyzed: false
PackageLicenseDeclared: Apache-2.0 OR MIT
PackageChecksum: SHA256: {_SHA256}
ExternalRef: PACKAGE-MANAGER purl pkg:npm/lib@2.10

Relationship: SPDXRef-DOCUMENT DESCRIBES SPDXRef-app
Relationship: SPDXRef-lib DEPENDENCY_OF SPDXRef-app
""".encode()

RDF = f"""\
<?xml version="1.0" encoding="UTF-8"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://spdx.org/rdf/terms#">
 <SpdxDocument rdf:about="https://example.org/made#SPDXRef-DOCUMENT">
  <specVersion>SPDX-2.3</specVersion>
  <name>made</name>
  <dataLicense rdf:resource="http://spdx.org/licenses/CC0-1.0"/>
  <creationInfo>
   <CreationInfo>
    <created>2026-01-02T03:04:05Z</created>
    <creator>Tool: maker-1.0</creator>
   </CreationInfo>
  </creationInfo>
  <relationship>
   <Relationship>
    <relationshipType rdf:resource="http://spdx.org/rdf/terms#relationshipType_describes"/>
    <relatedSpdxElement>
     <Package rdf:about="https://example.org/made#SPDXRef-lib">
      <name>lib</name>
      <versionInfo>2.10</versionInfo>
      <downloadLocation rdf:resource="http://spdx.org/rdf/terms#none"/>
      <filesAnalyzed>false</filesAnalyzed>
      <licenseDeclared rdf:resource="http://spdx.org/licenses/MIT"/>
      <checksum>
       <Checksum>
        <algorithm rdf:resource="http://spdx.org/rdf/terms#checksumAlgorithm_sha256"/>
        <checksumValue>{_SHA256}</checksumValue>
       </Checksum>
      </checksum>
     </Package>
    </relatedSpdxElement>
   </Relationship>
  </relationship>
 </SpdxDocument>
</rdf:RDF>
""".encode()

CYCLONEDX_XML = f"""\
<?xml version="1.0" encoding="UTF-8"?>
<bom xmlns="http://cyclonedx.org/schema/bom/1.6" version="1"
     serialNumber="urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79">
 <metadata><timestamp>2026-01-02T03:04:05Z</timestamp></metadata>
 <components>
  <component type="library" bom-ref="app"><name>app</name><version>1.0</version></component>
  <component type="library" bom-ref="lib">
   <name>lib</name>
   <version>2.10</version>
   <hashes><hash alg="SHA-256">{_SHA256}</hash></hashes>
   <licenses><license><id>MIT</id></license></licenses>
   <purl>pkg:npm/lib@2.10</purl>
  </component>
 </components>
 <dependencies>
  <dependency ref="app"><dependency ref="lib"/></dependency>
 </dependencies>
</bom>
""".encode()


CYCLONEDX_1_0 = b"""\
<?xml version="1.0" encoding="UTF-8"?>
<bom xmlns="http://cyclonedx.org/schema/bom/1.0" version="1">
 <components>
  <component type="library">
   <publisher>Acme</publisher><group>org.example</group><name>lib</name><version>2.10</version>
   <description>A library</description>
   <hashes><hash alg="SHA-1">da39a3ee5e6b4b0d3255bfef95601890afd80709</hash></hashes>
   <licenses><license><id>MIT</id></license></licenses>
   <cpe>cpe:/a:example:lib:2.10</cpe><purl>pkg:maven/org.example/lib@2.10</purl>
   <modified>false</modified>
   <components>
    <component type="library"><name>inner</name><version>1</version><modified>true</modified>
    </component>
   </components>
  </component>
 </components>
</bom>
"""


def _older(raw: bytes) -> bytes:
    return raw.replace(b"SPDX-2.3", b"SPDX-2.2")


BY_NAME = {
    "cyclonedx-1.6": in_json(CYCLONEDX),
    "cyclonedx-1.6-xml": CYCLONEDX_XML,
    "spdx-2.3": in_json(SPDX),
    "spdx-2.2": _older(in_json(SPDX)),
    "spdx-2.3-tag-value": TAG_VALUE,
    "spdx-2.2-tag-value": _older(TAG_VALUE),
    "spdx-2.3-yaml": in_yaml(SPDX),
    "spdx-2.2-yaml": _older(in_yaml(SPDX)),
    "spdx-2.3-xml": in_xml(SPDX),
    "spdx-2.2-xml": _older(in_xml(SPDX)),
    "spdx-2.3-rdf": RDF,
    "spdx-2.2-rdf": _older(RDF),
    "spdx-3.0": in_json(SPDX_3),
    "syft-json": in_json(SYFT),
    "github-sbom": in_json(GITHUB),
}
"""Each document by the name of its format."""
