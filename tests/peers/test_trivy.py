"""trivy reads our documents offline and lists their purls, and finds in an image what we find."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from packageurl import PackageURL
from tests.catalog.scanned_image import PURLS, scanned_image

import provenance as pv

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.conftest import Run

pytestmark = pytest.mark.peer_full

ALONE = {"TRIVY_SKIP_VERSION_CHECK": "true", "TRIVY_DISABLE_TELEMETRY": "true"}


def parsed(purls: set[str]) -> set[PackageURL]:
    return {PackageURL.from_string(purl) for purl in purls}


@pytest.mark.parametrize("form", ["cyclonedx-json", "cyclonedx-1.5", "spdx-json", "spdx-tag-value"])
def test_it_lists_the_purls_of_our_documents(run: Run, tmp_path: Path, form: str) -> None:
    scanned_image().push(f"oci:{tmp_path / 'layout'}:1")
    document = tmp_path / "document"
    document.write_bytes(pv.generate_sbom(f"oci:{tmp_path / 'layout'}:1").to_bytes(form))
    how = ("--scanners", "license", "--list-all-pkgs", "--format", "json", "-q")
    told = json.loads(run("trivy", "sbom", *how, str(document), env=ALONE).stdout)
    packages = [p for result in told["Results"] for p in result.get("Packages", [])]
    assert parsed({package["Identifier"]["PURL"] for package in packages}) == parsed(PURLS)


def test_it_finds_what_we_find(run: Run, tmp_path: Path) -> None:
    # It names no jar without a database that is fetched.
    scanned_image(without=("opt/lib-1.0.jar",)).push(f"oci:{tmp_path / 'layout'}:1")
    how = ("--offline-scan", "--format", "cyclonedx", "-q", "--skip-java-db-update")
    found = run("trivy", "image", "--input", str(tmp_path / "layout"), *how, env=ALONE).stdout
    theirs = {c["purl"] for c in json.loads(found)["components"] if "purl" in c}
    ours = {p.purl for p in pv.generate_sbom(f"oci:{tmp_path / 'layout'}:1").packages}
    assert {(p.type, p.name) for p in parsed(theirs)} == {(p.type, p.name) for p in parsed(ours)}
