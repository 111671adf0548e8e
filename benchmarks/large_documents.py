"""Documents as syft writes them, of any size: what `documents.py` measures.

Names and versions are invented; the same size gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["cyclonedx", "spdx", "write"]

_KINDS = (
    ("deb", "pkg:deb/debian/{name}@{version}?arch=amd64&distro=debian-12", "/var/lib/dpkg/status"),
    ("npm", "pkg:npm/%40org/{name}@{version}", "/srv/app/node_modules/{name}/package.json"),
    ("pypi", "pkg:pypi/{name}@{version}", "/usr/lib/python3/dist-packages/{name}/METADATA"),
    ("golang", "pkg:golang/example.org/{name}@v{version}", "/usr/bin/program-{name}"),
    ("maven", "pkg:maven/org.example/{name}@{version}", "/opt/app/lib/{name}.jar"),
)
_LICENSES = ("MIT", "Apache-2.0", "BSD-3-Clause", "GPL-2.0-only", "MPL-2.0 OR MIT", "ISC", "Zlib")
_SUPPLIERS = tuple(f"Maintainers of part {n} <part-{n}@example.org>" for n in range(40))
_LAYERS = tuple(f"sha256:{hashlib.sha256(bytes([n])).hexdigest()}" for n in range(12))


def _things(count: int, *, release: int) -> Iterator[dict[str, Any]]:
    """What both formats say. In a later `release` every tenth has another version."""
    for n in range(count):
        kind, purl, path = _KINDS[n % len(_KINDS)]
        name = f"package-{n:05}"
        version = f"{n % 7}.{n % 31}.{release if n % 10 == 0 else 1}"
        seed = hashlib.sha256(f"{n} {version}".encode()).hexdigest()
        # After those that a node of the graph can need without a cycle; none, to four.
        needs = [k for k in ((n * 7 + j * 13) % max(n, 1) for j in range(n % 5)) if k < n]
        yield {
            "number": n,
            "id": seed[:16],
            "name": name,
            "version": version,
            "kind": kind,
            "purl": purl.format(name=name, version=version),
            "path": path.format(name=name),
            "license": _LICENSES[n % len(_LICENSES)],
            "supplier": _SUPPLIERS[n % len(_SUPPLIERS)],
            "sha256": seed,
            "layer": _LAYERS[n % len(_LAYERS)],
            "needs": needs,
            "cpes": [
                f"cpe:2.3:a:{vendor}:{name.replace('-', '_')}:{version}:*:*:*:*:*:*:*"
                for vendor in ("example", name)
            ],
        }


def cyclonedx(count: int, *, release: int = 1) -> bytes:
    """CycloneDX 1.6."""
    things = list(_things(count, release=release))
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79",
        "version": 1,
        "metadata": {
            "timestamp": "2026-01-01T00:00:00Z",
            "component": {"bom-ref": "app", "type": "container", "name": "example.org/app:1"},
        },
        "components": [_component(thing) for thing in things],
        "dependencies": [
            {"ref": _ref(x), "dependsOn": [_ref(things[k]) for k in x["needs"]]} for x in things
        ],
    }
    return json.dumps(document, separators=(",", ":")).encode()


def _ref(thing: dict[str, Any]) -> str:
    return f"{thing['purl'].partition('?')[0]}#{thing['id']}"


def _component(thing: dict[str, Any]) -> dict[str, Any]:
    compound = " " in thing["license"]
    return {
        "bom-ref": _ref(thing),
        "type": "library",
        "supplier": {"name": thing["supplier"]},
        "name": thing["name"],
        "version": thing["version"],
        "description": f"The part called {thing['name']}, which does one thing of many",
        "hashes": [{"alg": "SHA-256", "content": thing["sha256"]}],
        "licenses": [
            {"expression": thing["license"]} if compound else {"license": {"id": thing["license"]}}
        ],
        "cpe": thing["cpes"][0],
        "purl": thing["purl"],
        "properties": [
            {"name": f"syft:{name}", "value": value}
            for name, value in (
                ("package:foundBy", f"{thing['kind']}-cataloger"),
                ("package:language", thing["kind"]),
                ("package:type", thing["kind"]),
                ("cpe23", thing["cpes"][1]),
                ("location:0:layerID", thing["layer"]),
                ("location:0:path", thing["path"]),
            )
        ],
    }


def spdx(count: int, *, release: int = 1) -> bytes:
    """SPDX 2.3."""
    things = list(_things(count, release=release))
    image = {
        "name": "example.org/app",
        "SPDXID": "SPDXRef-DocumentRoot-Image",
        "versionInfo": "1",
        "downloadLocation": "NOASSERTION",
        "primaryPackagePurpose": "CONTAINER",
    }
    relationships = [
        ("SPDXRef-DOCUMENT", "DESCRIBES", image["SPDXID"]),
        *((_spdx_id(things[k]), "DEPENDENCY_OF", _spdx_id(x)) for x in things for k in x["needs"]),
        *((image["SPDXID"], "CONTAINS", _spdx_id(x)) for x in things),
    ]
    document = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": "example.org/app",
        "documentNamespace": "https://example.org/app-3e671687-395b-41f5-a30f-a58921a69b79",
        "creationInfo": {
            "created": "2026-01-01T00:00:00Z",
            "creators": ["Organization: Example", "Tool: maker-1"],
        },
        "packages": [*(_package(thing) for thing in things), image],
        "relationships": [
            {"spdxElementId": a, "relatedSpdxElement": b, "relationshipType": kind}
            for a, kind, b in relationships
        ],
    }
    return json.dumps(document, separators=(",", ":")).encode()


def _spdx_id(thing: dict[str, Any]) -> str:
    return f"SPDXRef-Package-{thing['kind']}-{thing['name']}-{thing['id']}"


def _package(thing: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": thing["name"],
        "SPDXID": _spdx_id(thing),
        "versionInfo": thing["version"],
        "supplier": f"Organization: {thing['supplier'].partition(' <')[0]}",
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "checksums": [{"algorithm": "SHA256", "checksumValue": thing["sha256"]}],
        "sourceInfo": f"acquired package info from {thing['kind']} database: {thing['path']}",
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": thing["license"],
        "copyrightText": "NOASSERTION",
        "description": f"The part called {thing['name']}, which does one thing of many",
        "externalRefs": [
            *(
                {
                    "referenceCategory": "SECURITY",
                    "referenceType": "cpe23Type",
                    "referenceLocator": cpe,
                }
                for cpe in thing["cpes"]
            ),
            {
                "referenceCategory": "PACKAGE-MANAGER",
                "referenceType": "purl",
                "referenceLocator": thing["purl"],
            },
        ],
    }


def write(folder: Path, count: int) -> dict[str, Path]:
    """Both formats, and CycloneDX of a later release, as files."""
    made = {
        f"cyclonedx-{count}": cyclonedx(count),
        f"spdx-{count}": spdx(count),
        f"later-{count}": cyclonedx(count, release=2),
    }
    paths = {}
    for name, raw in made.items():
        paths[name.partition("-")[0]] = path = folder / f"{name}.json"
        path.write_bytes(raw)
    return paths
