"""grype reads our documents offline, and lists the purls that we state."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from packageurl import PackageURL
from tests.catalog.scanned_image import PURLS, scanned_image

import provenance as pv

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.conftest import Run

pytestmark = pytest.mark.peer_full

_NAMESPACES = {
    "deb": "debian:distro:debian:12",
    "pypi": "github:language:python",
    "npm": "github:language:javascript",
    "maven": "github:language:java",
    "golang": "github:language:go",
    "cargo": "github:language:rust",
    "gem": "github:language:ruby",
    "composer": "github:language:php",
    "nuget": "github:language:dotnet",
}
# Schema 5 of grype's database. What says "null" is JSON.
_TABLES = """
CREATE TABLE id (build_timestamp TEXT, schema_version INTEGER);
CREATE TABLE vulnerability (pk INTEGER PRIMARY KEY, id TEXT, package_name TEXT, namespace TEXT,
  package_qualifiers TEXT, version_constraint TEXT, version_format TEXT, cpes TEXT,
  related_vulnerabilities TEXT, fixed_in_versions TEXT, fix_state TEXT, advisories TEXT);
CREATE TABLE vulnerability_metadata (id TEXT, namespace TEXT, data_source TEXT,
  record_source TEXT, severity TEXT, urls TEXT, description TEXT, cvss TEXT);
CREATE TABLE vulnerability_match_exclusion (pk INTEGER PRIMARY KEY, id TEXT, constraints TEXT,
  justification TEXT);
"""


def name_of(purl: PackageURL) -> str:
    """What grype asks its database for, in lower case whatever the ecosystem says of that."""
    if purl.type == "deb" or not purl.namespace:
        return purl.name.lower()
    return f"{purl.namespace}{':' if purl.type == 'maven' else '/'}{purl.name}".lower()


def write_database(folder: Path) -> None:
    """One in which every version of each package of the image is vulnerable.

    grype prints packages only with what is wrong with them.
    """
    folder.mkdir(parents=True)
    path = folder / "vulnerability.db"
    now = datetime.now(UTC).isoformat()
    with sqlite3.connect(path) as database:
        database.executescript(_TABLES)
        database.execute("INSERT INTO id VALUES (?, 5)", (now,))
        for number, text in enumerate(sorted(PURLS)):
            purl = PackageURL.from_string(text)
            entry = (f"CVE-2000-{1000 + number}", _NAMESPACES[purl.type])
            database.execute(
                "INSERT INTO vulnerability (id, namespace, package_name, version_constraint,"
                " version_format, fix_state) VALUES (?, ?, ?, '', 'unknown', 'unknown')",
                (*entry, name_of(purl)),
            )
            database.execute(
                "INSERT INTO vulnerability_metadata (id, namespace, severity) VALUES (?, ?, 'Low')",
                entry,
            )
    database.close()
    checksum = f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    told = {"built": now, "version": 5, "checksum": checksum}
    (folder / "metadata.json").write_text(json.dumps(told))


@pytest.mark.parametrize(
    "form",
    ["cyclonedx-json", "cyclonedx-xml", "cyclonedx-1.5", "spdx-json", "spdx-tag-value"],
)
def test_it_lists_the_purls_of_our_documents(run: Run, tmp_path: Path, form: str) -> None:
    scanned_image().push(f"oci:{tmp_path / 'layout'}:1")
    document = tmp_path / "document"
    document.write_bytes(pv.generate_sbom(f"oci:{tmp_path / 'layout'}:1").to_bytes(form))
    write_database(tmp_path / "db" / "5")
    offline = {
        "GRYPE_DB_CACHE_DIR": str(tmp_path / "db"),
        "GRYPE_DB_AUTO_UPDATE": "false",
        "GRYPE_CHECK_FOR_APP_UPDATE": "false",
    }
    told = run("grype", f"sbom:{document}", "-q", "-o", "json", env=offline).stdout
    listed = {match["artifact"]["purl"] for match in json.loads(told)["matches"]}
    assert {PackageURL.from_string(purl) for purl in listed} == {
        PackageURL.from_string(purl) for purl in PURLS
    }
