"""The embedded registry passes the suite that the specification's authors hold registries to."""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from tests.peers.serving import peer

from provenance.testing import LocalRegistry
from provenance.testing.registry import Behaviour, Door, Profile

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

pytestmark = pytest.mark.peer_full

WORKFLOWS = ("Pull", "Push", "Content Discovery", "Content Management")
MOUNT = "Push Cross-Repository Blob Mount"
# Each is one half of an alternative, whose other half ran.
OTHER_HALVES = {
    "Pull Setup Get tag name from environment",
    f"{MOUNT} Cross-mounting of nonexistent blob should yield session id",
    (
        f"{MOUNT} Cross-mounting without from, and automatic content discovery disabled should "
        "return a 202"
    ),
    "Content Discovery Setup Populate registry with test tags (no push)",
}
# What the specification leaves to the registry, and what is only in its next version.
EVERYTHING = Profile("everything", Behaviour(sparse=True, mounts="anywhere"))
ASKED_FOR_MORE = {
    "OCI_VERSION": "dev",
    "OCI_API_BLOBS_UPLOAD_CANCEL": "true",
    "OCI_API_BLOBS_DIGEST_HEADER": "true",
    "OCI_API_MANIFESTS_DIGEST_HEADER": "true",
    "OCI_API_MANIFESTS_TAG_PARAM": "true",
    "OCI_DATA_SPARSE": "true",
}


def outcomes(name: str, environment: Mapping[str, str], folder: Path) -> list[tuple[str, str]]:
    """Run a suite: each of its cases, with what became of it."""
    done = subprocess.run(
        [peer(name)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **environment},
    )
    assert done.returncode == 0, f"{done.stdout[-10_000:]}\n{done.stderr[-10_000:]}"
    report = ET.parse(folder / "junit.xml")
    return [(case.attrib["name"], case.attrib["status"]) for case in report.iter("testcase")]


def test_the_four_workflows_of_1_1(tmp_path: Path) -> None:
    with LocalRegistry(profile=EVERYTHING) as registry:
        environment = {
            "OCI_ROOT_URL": registry.url,
            "OCI_NAMESPACE": "conformance/one",
            "OCI_CROSSMOUNT_NAMESPACE": "conformance/two",
            "OCI_AUTOMATIC_CROSSMOUNT": "1",
            "OCI_TEST_PULL": "1",
            "OCI_TEST_PUSH": "1",
            "OCI_TEST_CONTENT_DISCOVERY": "1",
            "OCI_TEST_CONTENT_MANAGEMENT": "1",
            "OCI_REPORT_DIR": str(tmp_path),
        }
        ran = outcomes("conformance-workflows", environment, tmp_path)
    prefix = "[It] OCI Distribution Conformance Tests "
    cases = [(name.removeprefix(prefix), status) for name, status in ran if name.startswith(prefix)]
    passed = Counter(
        next(w for w in WORKFLOWS if name.startswith(f"{w} "))
        for name, status in cases
        if status == "passed"
    )
    # As many as the pinned version has.
    assert passed == {"Pull": 24, "Push": 27, "Content Discovery": 14, "Content Management": 10}
    assert {name for name, status in cases if status != "passed"} == OTHER_HALVES


@pytest.mark.parametrize("login", [None, "basic", "bearer"])
def test_every_end_point_and_kind_of_content(login: str | None, tmp_path: Path) -> None:
    door = Door("basic" if login == "basic" else "bearer") if login else Door()
    profile = Profile("everything", EVERYTHING.behaviour, door)
    with LocalRegistry(profile=profile, username="u", password="p") as registry:
        environment = {
            "OCI_REGISTRY": registry.host,
            "OCI_TLS": "disabled",
            "OCI_REPO1": "conformance/one",
            "OCI_REPO2": "conformance/two",
            "OCI_RESULTS_DIR": str(tmp_path),
            **ASKED_FOR_MORE,
            **({"OCI_USERNAME": "u", "OCI_PASSWORD": "p"} if login else {}),
        }
        ran = outcomes("conformance", environment, tmp_path)
    assert len(ran) == 830  # as many as the pinned version has
    assert {status for _, status in ran} == {"passed"}
