"""The package lists of real images are exactly the ones recorded beside them."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest

import provenance as pv
from provenance.image.entry import Kind
from provenance.testing import ImageBuilder

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.corpus


def recorded(path: Path, release: str) -> list[str]:
    """Purls made from the table by the text of the purl type `apk`, not by our own code."""
    purls = []
    for row in csv.DictReader(path.read_text("utf-8").splitlines(), delimiter="\t"):
        upstream = f"&upstream={row['origin']}" if row["origin"] != row["name"] else ""
        qualifiers = f"arch={row['architecture']}&distro=alpine-{release}{upstream}"
        purls.append(f"pkg:apk/alpine/{row['name']}@{row['version']}?{qualifiers}")
    return sorted(purls)


def test_root_filesystems_of_alpine(corpus: Path, tmp_path: Path) -> None:
    tables = sorted((corpus / "images" / "alpine").glob("*.packages.tsv"))
    assert len(tables) == 3
    for table in tables:
        stem = table.name.removesuffix(".packages.tsv")
        release, machine = stem.removeprefix("alpine-minirootfs-").split("-")
        platform = {"x86_64": "linux/amd64", "aarch64": "linux/arm64"}[machine]
        layout = f"oci:{tmp_path / stem}:{release}"
        builder = ImageBuilder(platform=platform)
        builder.layer_from_tar(table.with_name(f"{stem}.tar.gz")).push(layout)
        sbom = pv.generate_sbom(layout, platform=platform)
        assert sorted(p.purl for p in sbom.packages) == recorded(table, release)
        assert not sbom.findings


def test_a_docker_archive_of_alpine(corpus: Path) -> None:
    folder = corpus / "images" / "docker-save"
    sbom = pv.generate_sbom(f"docker-archive:{folder / 'alpine-310.tar.gz'}")
    found = sorted(p.purl for p in sbom.packages)
    (release,) = {p.partition("distro=alpine-")[2].partition("&")[0] for p in found}
    assert release.startswith("3.10.")
    assert found == recorded(folder / "alpine-310.packages.tsv", release)


def test_the_packages_of_a_distroless_image(corpus: Path) -> None:
    folder = corpus / "slsa" / "gha_generic_container-v1.4.0"
    layouts = [p.parent for p in folder.rglob("oci-layout")]
    digest = (folder / "container_workflow_dispatch.digest").read_text().strip()
    sbom = pv.generate_sbom(f"oci:{layouts[0]}@{digest}")
    assert [p.purl for p in sbom.packages] == [
        "pkg:deb/debian/base-files@11.1%2Bdeb11u4?arch=amd64&distro=debian-11",
        "pkg:deb/debian/netbase@6.3?arch=all&distro=debian-11",
        "pkg:deb/debian/tzdata@2021a-1%2Bdeb11u4?arch=all&distro=debian-11",
        "pkg:golang/github.com/google/uuid@v1.0.0",
        "pkg:golang/github.com/pborman/uuid@v1.2.1",
        "pkg:golang/slsa-framework/example-package",
        "pkg:golang/stdlib@1.18.4",
    ]
    # The program was built out of a folder: nothing in it says of which version.
    assert [(f.rule, f.pointer) for f in sbom.findings] == [("unreadable-record", "app")]
    assert sbom.subject is not None
    assert sbom.subject.digest == digest


@pytest.mark.parametrize(
    ("name", "platform", "entries", "links"),
    [
        ("busybox-musl-amd64", "linux/amd64", 425, 399),
        ("busybox-uclibc-arm64v8", "linux/arm64/v8", 431, 405),
    ],
)
def test_an_image_of_hard_links_has_files_and_one_program(
    corpus: Path, name: str, platform: str, entries: int, links: int
) -> None:
    image = pv.resolve(corpus / "images" / name, platform=platform)
    tree = image.tree()
    assert len(tree.nodes) == entries
    assert (
        sum(n.entry.kind is Kind.FILE and n.entry.link != "" for n in tree.nodes.values()) == links
    )
    assert image.file("bin/dpkg").data == image.file("bin/busybox").data
    sbom = pv.generate_sbom(image)
    assert [p.purl for p in sbom.packages] == ["pkg:generic/busybox@1.37.0"]
    assert not sbom.findings


def test_no_hostile_archive_hangs_or_leads_out(corpus: Path, tmp_path: Path) -> None:
    archives = sorted((corpus / "images" / "hostile-tars").rglob("*.tar"))
    assert len(archives) > 20
    for number, archive in enumerate(archives):
        built = ImageBuilder().layer_from_tar(archive).build()
        image = pv.resolve(f"oci:{built.write_layout(tmp_path / str(number), 'x')}:x")
        tree = image.tree()
        for path, file in image.files("**").items():
            assert not {"", ".", ".."} & set(path.split("/"))
            assert file.real_path in tree.nodes
        assert len(pv.generate_sbom(image).packages) == 0


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("overwritten_file", {"bar.txt": b"bar\n", "foo.txt": b"bar\n"}),
        ("whiteout_image", {"bar.txt": b"bar\n"}),
        ("whiteout_dir", {"a/baz": b"", "b/bar": b""}),
    ],
)
def test_small_docker_archives(corpus: Path, name: str, files: dict[str, bytes]) -> None:
    folder = corpus / "images" / "docker-save" / "go-containerregistry"
    image = pv.resolve(f"docker-archive:{folder / name}.tar")
    assert {path: file.data for path, file in image.files("**").items()} == files
    assert image.digest is None
