"""syft's own JSON says here what its CycloneDX and SPDX of the same image say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import provenance as pv
from provenance.sbom import Format
from provenance.testing import ImageBuilder

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.conftest import Run

pytestmark = pytest.mark.peer

APK = """P:musl
V:1.2.5-r0
A:x86_64
L:MIT
T:the musl c library
U:https://musl.libc.org/
o:musl
m:Timo Teras <timo@example.org>
p:so:libc.musl-x86_64.so.1=1

P:busybox
V:1.36.1-r29
A:x86_64
L:GPL-2.0-only
o:busybox
D:so:libc.musl-x86_64.so.1

"""
FILES = {
    "lib/apk/db/installed": APK,
    "etc/os-release": 'ID=alpine\nVERSION_ID=3.20.3\nPRETTY_NAME="Alpine Linux v3.20"\n',
    "app/node_modules/left-pad/package.json": '{"name":"left-pad","version":"1.3.0"}',
}


def test_syfts_own_format_against_its_others(run: Run, tmp_path: Path) -> None:
    image = ImageBuilder(platform="linux/amd64").layer(FILES).build()
    image.write_layout(tmp_path / "layout", "1")
    kinds = ("syft-json", "cyclonedx-json", "spdx-json", "spdx-tag-value", "cyclonedx-xml")
    out = {kind: tmp_path / f"sbom.{kind}" for kind in kinds}
    options = [f"-o={kind}={path}" for kind, path in out.items()]
    run("syft", f"oci-dir:{tmp_path / 'layout'}", "-q", *options)
    own = pv.read_sbom(out["syft-json"])
    assert own.format is Format.SYFT_JSON
    assert own.findings == ()
    assert own.subject is not None
    assert own.subject.digest == image.digest
    assert own.subject.distribution is not None
    assert own.subject.distribution.distro == "alpine-3.20.3"
    wanted = {(p.name, p.version, p.purl) for p in own.packages}
    assert {name for name, _, _ in wanted} == {"musl", "busybox", "left-pad"}
    for kind in kinds[1:]:
        other = pv.read_sbom(out[kind])
        assert {(p.name, p.version, p.purl) for p in other.packages if p.purl} == wanted, kind
    cyclonedx = pv.read_sbom(out["cyclonedx-json"])
    assert edges(own) == edges(cyclonedx) != set()
    assert {p.name: p.licenses for p in own.packages} == {
        p.name: p.licenses for p in cyclonedx.packages if p.purl
    }


def edges(sbom: pv.Sbom) -> set[tuple[str, str]]:
    purls = {p.id: p.purl for p in sbom.packages if p.purl}
    return {
        (purls[source], purls[target])
        for source, targets in sbom.dependencies.edges.items()
        for target in targets
        if source in purls and target in purls
    }
