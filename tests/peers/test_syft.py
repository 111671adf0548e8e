"""Our package lists are syft's: purl for purl, on real root filesystems."""

from __future__ import annotations

import gzip
import json
import shutil
from typing import TYPE_CHECKING

import pytest

import provenance as pv
from provenance.testing import ImageBuilder, image_from_environment

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.conftest import Run

pytestmark = pytest.mark.peer


def purls_of_syft(run: Run, source: str) -> list[str]:
    listed = json.loads(run("syft", source, "-q", "-o", "syft-json").stdout)
    return sorted(artifact["purl"] for artifact in listed["artifacts"])


def our_purls(source: str) -> list[str]:
    return sorted(package.purl for package in pv.generate_sbom(source).packages)


def test_what_is_installed_on_this_machine(run: Run, tmp_path: Path) -> None:
    image_from_environment().push(f"oci:{tmp_path / 'layout'}:1")
    ours = our_purls(f"oci:{tmp_path / 'layout'}:1")
    assert len(ours) > 50
    assert ours == purls_of_syft(run, f"oci-dir:{tmp_path / 'layout'}")


@pytest.mark.parametrize(
    "name", ["3.20.3-x86_64", "3.13.12-aarch64", "3.6.5-x86_64"], ids=lambda n: f"alpine-{n}"
)
def test_real_alpine_root_filesystems(run: Run, corpus: Path, tmp_path: Path, name: str) -> None:
    root = corpus / "images" / "alpine" / f"alpine-minirootfs-{name}.tar.gz"
    platform = "linux/arm64" if name.endswith("aarch64") else "linux/amd64"
    ImageBuilder(platform=platform).layer_from_tar(root).push(f"oci:{tmp_path / 'layout'}:1")
    ours = our_purls(f"oci:{tmp_path / 'layout'}:1")
    assert len(ours) >= 13
    assert ours == purls_of_syft(run, f"oci-dir:{tmp_path / 'layout'}")


def test_a_real_docker_archive(run: Run, corpus: Path, tmp_path: Path) -> None:
    zipped = corpus / "images" / "docker-save" / "alpine-310.tar.gz"
    with gzip.open(zipped) as source, (tmp_path / "image.tar").open("wb") as plain:
        shutil.copyfileobj(source, plain)  # syft does not read it compressed
    assert our_purls(f"docker-archive:{zipped}") == purls_of_syft(
        run, f"docker-archive:{tmp_path / 'image.tar'}"
    )


@pytest.mark.parametrize("name", ["busybox-musl-amd64", "busybox-uclibc-arm64v8"])
def test_an_image_without_a_package_database_has_its_one_program(
    run: Run, corpus: Path, name: str
) -> None:
    layout = corpus / "images" / name
    assert our_purls(f"oci:{layout}") == ["pkg:generic/busybox@1.37.0"]
    assert purls_of_syft(run, f"oci-dir:{layout}") == ["pkg:generic/busybox@1.37.0"]


@pytest.mark.parametrize(
    "form", ["cyclonedx-json", "cyclonedx-xml", "spdx-json", "spdx-tag-value", "cyclonedx-1.5"]
)
def test_syft_reads_our_documents_and_lists_the_same_purls(
    run: Run, tmp_path: Path, form: str
) -> None:
    image_from_environment().push(f"oci:{tmp_path / 'layout'}:1")
    sbom = pv.generate_sbom(f"oci:{tmp_path / 'layout'}:1", files="owned")
    (tmp_path / "document").write_bytes(sbom.to_bytes(form))
    told = run("syft", "convert", str(tmp_path / "document"), "-q", "-o", "syft-json").stdout
    listed = {a["purl"] for a in json.loads(told)["artifacts"] if a.get("purl")}
    assert listed == {package.purl for package in sbom.packages}
