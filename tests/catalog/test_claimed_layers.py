"""Layers that only a config names: read as what they are, and never known by what is claimed."""

from __future__ import annotations

import gzip
import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

import provenance as pv
from provenance.catalog import Cataloger, MatchedFile
from provenance.catalog.cache import LayerCache, key_of
from provenance.catalog.cache_file import CacheFile
from provenance.catalog.cataloging import Choices
from provenance.catalog.layers import CatalogedLayers
from provenance.digests import Digest
from provenance.errors import ContentMismatch
from provenance.findings import Severity
from provenance.oci import media_types as mt
from provenance.oci.descriptor import Descriptor
from provenance.packages.package import Package
from provenance.settings import Limits
from provenance.testing import ImageBuilder
from provenance.testing.layers import Hardlink, tar_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from provenance.sbom import Sbom

READS: list[str] = []


def named(file: MatchedFile) -> Iterator[Package]:
    """A package named as the file says."""
    READS.append(file.text())
    yield Package(
        name=file.text(),
        version="1",
        type="generic",
        purl=f"pkg:generic/{file.text()}@1",
        locations=(file.location,),
        cataloger="named",
    )


NAMED = Cataloger(name="named", version=1, types=("generic",), read=named, paths=("**/manifest",))
DEBIAN = tar_of({"etc/manifest": b"debian"})
OTHER = tar_of({"etc/manifest": b"other!"})
SECOND = tar_of({"store": b"linked", "usr/manifest": Hardlink("store")})
TWICE = tar_of({"etc/motd": b"second"})


def archive(path: Path, layers: dict[str, bytes], claims: Sequence[bytes], **files: bytes) -> Path:
    """What `docker save` wrote before it had layouts; the config claims other layers' digests."""
    config = {
        "os": "linux",
        "architecture": "amd64",
        "rootfs": {"type": "layers", "diff_ids": [Digest.of(data) for data in claims]},
    }
    listing = [{"Config": "c.json", "RepoTags": ["app:1"], "Layers": list(layers)}]
    made = {**layers, "c.json": json.dumps(config).encode(), **files}
    path.write_bytes(tar_of({**made, "manifest.json": json.dumps(listing).encode()}))
    return path


def cataloged(path: Path, cache: Path | None = None) -> Sbom:
    return pv.generate_sbom(f"docker-archive:{path}", catalogers=[NAMED], cache=cache)


def kept(folder: Path, data: bytes) -> bool:
    """Whether the cache knows something by digest and size of `data`."""
    key = key_of(
        Choices((NAMED,), Limits()).runs,
        limits=Limits(),
        hashed=False,
        file_lists=False,
    )
    with closing(CacheFile(folder)) as file:
        return LayerCache(file, key).get(Descriptor.of(data, mt.LAYER)) is not None


def rules(sbom: Sbom) -> list[str]:
    return [finding.rule for finding in sbom.findings]


def test_a_layer_that_is_what_is_claimed_is_cataloged_and_kept(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.tar", {"1.tar": DEBIAN, "2.tar": SECOND}, [DEBIAN, SECOND])
    sbom = cataloged(path, tmp_path / "cache")
    assert {p.name: p.layer for p in sbom.packages} == {
        "debian": Digest.of(DEBIAN),
        "linked": Digest.of(SECOND),
    }
    assert rules(sbom) == []
    assert kept(tmp_path / "cache", DEBIAN)
    assert kept(tmp_path / "cache", SECOND)
    # What was proven here is as good as what a registry's manifest names.
    READS.clear()
    image = ImageBuilder(compression="none").layer_from_tar(DEBIAN)
    image.push(f"oci:{tmp_path / 'layout'}:1")
    found = pv.generate_sbom(
        f"oci:{tmp_path / 'layout'}:1", catalogers=[NAMED], cache=tmp_path / "cache"
    )
    assert [p.name for p in found.packages] == ["debian"]
    assert READS == []


@pytest.mark.parametrize("cached", [True, False])
def test_a_layer_that_is_not_what_is_claimed_is_a_finding(tmp_path: Path, *, cached: bool) -> None:
    path = archive(tmp_path / "a.tar", {"1.tar": OTHER, "2.tar": TWICE}, [DEBIAN, TWICE])
    sbom = cataloged(path, tmp_path / "cache" if cached else None)
    assert [p.name for p in sbom.packages] == ["other!"]
    (finding,) = sbom.findings
    assert (finding.rule, finding.severity) == ("diff-id-mismatch", Severity.ERROR)
    assert Digest.of(DEBIAN) in finding.message
    assert Digest.of(OTHER) in finding.message


def test_an_archive_inherits_nothing_by_a_claim(tmp_path: Path) -> None:
    """Were the cache asked by what a config claims, other bytes would have Debian's packages."""
    cache = tmp_path / "cache"
    cataloged(archive(tmp_path / "true.tar", {"1.tar": DEBIAN}, [DEBIAN]), cache)
    assert kept(cache, DEBIAN)
    sbom = cataloged(archive(tmp_path / "false.tar", {"1.tar": OTHER}, [DEBIAN]), cache)
    assert [p.name for p in sbom.packages] == ["other!"]
    assert rules(sbom) == ["diff-id-mismatch"]


def test_an_archive_leaves_nothing_behind_by_a_claim(tmp_path: Path) -> None:
    """Were it kept by what a config claims, Debian's own image would have other packages."""
    cache = tmp_path / "cache"
    cataloged(archive(tmp_path / "false.tar", {"1.tar": OTHER}, [DEBIAN]), cache)
    assert not kept(cache, DEBIAN)
    ImageBuilder(compression="none").layer_from_tar(DEBIAN).push(f"oci:{tmp_path / 'layout'}:1")
    found = pv.generate_sbom(f"oci:{tmp_path / 'layout'}:1", catalogers=[NAMED], cache=cache)
    assert [p.name for p in found.packages] == ["debian"]


def test_a_false_claim_with_a_second_pass_is_a_finding_too(tmp_path: Path) -> None:
    sbom = cataloged(archive(tmp_path / "a.tar", {"1.tar": SECOND}, [DEBIAN]), tmp_path / "cache")
    assert [p.name for p in sbom.packages] == ["linked"]
    assert rules(sbom) == ["diff-id-mismatch"]


def test_a_layer_that_changes_between_two_passes_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = archive(tmp_path / "a.tar", {"1.tar": SECOND}, [SECOND])
    second_pass = CatalogedLayers._second_pass

    def changed(self: CatalogedLayers, *args: Any) -> bool:
        with path.open("r+b") as file:
            file.write(path.read_bytes().replace(b"linked", b"LINKED"))
        return second_pass(self, *args)

    monkeypatch.setattr(CatalogedLayers, "_second_pass", changed)
    with pytest.raises(ContentMismatch, match="changed while"):
        cataloged(path)


@pytest.mark.parametrize("beside", [{f"blobs/sha256/{Digest.of(DEBIAN).hex}": DEBIAN}, {}])
def test_the_right_bytes_elsewhere_do_not_make_a_claim_true(
    tmp_path: Path, beside: dict[str, bytes]
) -> None:
    """One file is what is claimed of another: each layer is read from its own."""
    layers = {"1.tar": OTHER} if beside else {"1.tar": OTHER, "2.tar": DEBIAN}
    path = archive(tmp_path / "a.tar", layers, [DEBIAN] * len(layers), **beside)
    READS.clear()
    sbom = cataloged(path, tmp_path / "cache")
    assert "other!" in READS
    assert rules(sbom) == ["diff-id-mismatch"]
    assert sbom.findings[0].message.startswith(f"layer 1 is {Digest.of(OTHER)}")


@pytest.mark.parametrize("bad", [OTHER, gzip.compress(OTHER, mtime=0)])
def test_compressed_layers_are_compared_as_well(tmp_path: Path, bad: bytes) -> None:
    path = archive(tmp_path / "a.tar", {"1.tar": bad}, [DEBIAN])
    sbom = cataloged(path, tmp_path / "cache")
    assert rules(sbom) == ["diff-id-mismatch"]
    assert Digest.of(OTHER) in sbom.findings[0].message
    assert not kept(tmp_path / "cache", DEBIAN)


def test_everything_else_refuses_a_layer_that_is_not_what_is_claimed(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.tar", {"1.tar": OTHER}, [DEBIAN])
    with pytest.raises(ContentMismatch) as refused:
        pv.resolve(f"docker-archive:{path}").files("**")
    assert refused.value.digest == Digest.of(DEBIAN)
    with pytest.raises(ContentMismatch):
        pv.copy(f"docker-archive:{path}", f"oci:{tmp_path / 'layout'}:1")
