"""What we write, oras reads; what it writes, we read: byte for byte, in real registries."""

from __future__ import annotations

import gzip
import io
import json
import os
import stat
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

import provenance as pv
from provenance.attestation.bundle import BUNDLE_MEDIA_TYPE
from provenance.digests import Digest
from provenance.evidence.attaching import CONTENT, TITLE, UNPACK
from provenance.evidence.storing import store_artifact
from provenance.oci.descriptor import Descriptor
from provenance.oci.registry import Registry
from provenance.testing import ImageBuilder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.peers.conftest import RealRegistry, Run

    from provenance.oci.oras.client import OrasClient
    from provenance.testing.sigstore import LocalSigstore

pytestmark = pytest.mark.peer

WHO = "release@example.com"
PLAIN = "--plain-http"


@pytest.fixture
def image(real_registry: RealRegistry) -> pv.Image:
    tag = f"{real_registry.host}/team/app:1.0"
    ImageBuilder().layer({"bin/app": b"#!/bin/sh\n"}).push(tag)
    return pv.resolve(tag)


@pytest.fixture
def work(tmp_path: Path) -> Iterator[Path]:
    """A working directory with a file and a folder of every kind both sides can carry."""
    work = tmp_path / "work"
    folder = work / "docs" / "site"
    (folder / "deep" / "empty").mkdir(parents=True)
    (folder / "deep" / "page.md").write_text("# page")
    (folder / "nothing").write_bytes(b"")
    (folder / "run.sh").write_bytes(b"#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "private").write_bytes(bytes(range(256)) * 5000)
    (folder / "private").chmod(0o640)
    (folder / "deep").chmod(0o750)
    (folder / ("long-" * 30)).write_text("a name that needs a longer header")
    (folder / "Grüße.txt").write_text("Grüße")
    (work / "notes.txt").write_text("notes")
    (work / "report.bin").write_bytes(os.urandom(300_000))
    before = os.umask(0o022)  # what oras takes from rights, and so do we
    yield work
    os.umask(before)


def tree(root: Path) -> dict[str, tuple[str, bytes]]:
    """Every path below `root`: its rights, and its bytes where it is a file."""
    return {
        path.relative_to(root).as_posix(): (
            oct(stat.S_IMODE(path.lstat().st_mode)),
            path.read_bytes() if path.is_file() else b"",
        )
        for path in root.rglob("*")
    }


@pytest.fixture
def client() -> Iterator[OrasClient]:
    with Registry() as registry:
        yield registry.as_oras_client()


def test_oras_discovers_what_we_stored_with_its_types(
    image: pv.Image, local_sigstore: LocalSigstore, run: Run, tmp_path: Path
) -> None:
    report = tmp_path / "report.sarif"
    report.write_text("{}")
    pv.sign(image, local_sigstore.signer(WHO))
    pv.attach(image, report, artifact_type="application/sarif+json")
    done = run("oras", "discover", PLAIN, "--format", "json", str(image.reference))
    listed = json.loads(done.stdout)
    found = listed.get("referrers") or listed.get("manifests")
    assert sorted(entry["artifactType"] for entry in found) == sorted(
        ["application/sarif+json", BUNDLE_MEDIA_TYPE]
    )


def test_oras_pulls_files_and_folders_that_we_attached(
    image: pv.Image, run: Run, tmp_path: Path, work: Path
) -> None:
    files = (work / "notes.txt", work / "docs" / "site", work / "report.bin")
    stored = pv.attach(image, *files, artifact_type="application/vnd.example.docs")
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    # It fails unless the digest of the unpacked folder is the one we wrote.
    run("oras", "pull", PLAIN, "-o", str(theirs), str(stored.reference))
    pv.pull(stored, ours)
    assert tree(theirs / "site") == tree(work / "docs" / "site")
    for name in ("notes.txt", "report.bin"):
        assert (theirs / name).read_bytes() == (work / name).read_bytes()
    assert tree(ours) == tree(theirs)


@pytest.mark.parametrize("verb", ["attach", "push"])
def test_we_pull_what_oras_wrote(
    image: pv.Image, run: Run, tmp_path: Path, work: Path, verb: str, client: OrasClient
) -> None:
    said = {"$manifest": {"team": "docs"}, "notes.txt": {"lines": "1"}}
    (tmp_path / "annotations.json").write_text(json.dumps(said))
    options = (
        *(PLAIN, "--artifact-type", "text/x-notes"),
        *("--annotation-file", str(tmp_path / "annotations.json")),
    )
    files = ("notes.txt:text/plain", "docs/site", "report.bin")
    if verb == "attach":
        run("oras", "attach", *options, str(image.reference), *files, cwd=work)
        (referrer,) = pv.referrers(image, artifact_type="text/x-notes")
        what = str(referrer.reference)
    else:
        what = f"{image.reference.name}:notes"
        run("oras", "push", *options, what, *files, cwd=work)
    theirs, ours, through = (tmp_path / name for name in ("theirs", "ours", "through"))
    run("oras", "pull", PLAIN, "-o", str(theirs), what)
    pv.pull(what, ours)
    assert tree(ours) == tree(theirs)
    assert tree(ours / "docs" / "site") == tree(work / "docs" / "site")
    client.pull(what, outdir=str(through))
    assert tree(through) == tree(theirs)
    manifest = client.get_manifest(what)
    assert manifest["artifactType"] == "text/x-notes"
    assert manifest["annotations"]["team"] == "docs"
    assert manifest["layers"][0]["annotations"] == {TITLE: "notes.txt", "lines": "1"}


def test_oras_pulls_what_its_python_client_pushed_through_us(
    image: pv.Image,
    run: Run,
    tmp_path: Path,
    work: Path,
    client: OrasClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(work)
    target = f"{image.reference.name}:through"
    client.push(target, files=["docs/site", "notes.txt"], subject=str(image.reference))
    run("oras", "pull", PLAIN, "-o", str(tmp_path / "theirs"), target)
    assert tree(tmp_path / "theirs" / "site") == tree(work / "docs" / "site")
    done = run("oras", "discover", PLAIN, "--format", "json", str(image.reference))
    listed = json.loads(done.stdout)
    (found,) = listed.get("referrers") or listed.get("manifests")
    assert found["digest"] == str(pv.resolve(target).digest)


def test_a_whole_working_directory(image: pv.Image, run: Run, tmp_path: Path, work: Path) -> None:
    what = f"{image.reference.name}:all"
    run("oras", "push", PLAIN, what, ".", cwd=work)
    pv.pull(what, tmp_path / "ours")
    assert tree(tmp_path / "ours") == tree(work)


def test_an_artifact_without_files(image: pv.Image, run: Run, tmp_path: Path) -> None:
    options = (PLAIN, "--artifact-type", "text/x-mark", "--annotation", "reviewed=yes")
    run("oras", "attach", *options, str(image.reference))
    (referrer,) = pv.referrers(image, artifact_type="text/x-mark")
    assert referrer.descriptor.annotations["reviewed"] == "yes"
    assert pv.pull(referrer, tmp_path / "out") == ()


def _packed() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo("docs/a")
        archive.addfile(member)
    return gzip.compress(out.getvalue()[:1536])


# The layer's bytes are what the manifest says; what is wrong is what they hold.
REFUSED: dict[str, tuple[dict[str, str], bytes, type[Any]]] = {
    "a wrong digest of the unpacked folder": (
        {TITLE: "docs", UNPACK: "true", CONTENT: str(Digest.of(b"other"))},
        _packed(),
        pv.ContentMismatch,
    ),
    "a folder that is no tar": (
        {TITLE: "docs", UNPACK: "true"},
        gzip.compress(b"text" * 300),
        pv.MalformedDocument,
    ),
    "a folder that is not gzipped": (
        {TITLE: "docs", UNPACK: "true"},
        b"just text",
        pv.MalformedDocument,
    ),
    "entries beside the title": (
        {TITLE: "other", UNPACK: "true"},
        _packed(),
        pv.MalformedDocument,
    ),
    "a title that leads out": ({TITLE: "../docs"}, b"text", pv.MalformedDocument),
}


@pytest.mark.parametrize("name", REFUSED)
def test_we_refuse_what_oras_refuses(image: pv.Image, run: Run, tmp_path: Path, name: str) -> None:
    said, data, kind = REFUSED[name]
    layer = Descriptor.of(data, "application/octet-stream", annotations=said)
    stored = store_artifact(image, [(layer, data)], artifact_type="text/x", annotations={})
    out = tmp_path / "deep" / "theirs"
    assert run("oras", "pull", PLAIN, "-o", str(out), str(stored.reference), check=False).returncode
    with pytest.raises(kind):
        pv.pull(stored, tmp_path / "deep" / "ours")
    assert [p for p in (tmp_path / "deep" / "ours").rglob("*") if p.is_file()] == []


def test_a_folder_with_links_is_refused_here(image: pv.Image, run: Run, tmp_path: Path) -> None:
    work = tmp_path / "work" / "docs"
    work.mkdir(parents=True)
    (work / "a").write_text("a")
    (work / "b").symlink_to("a")
    what = f"{image.reference.name}:links"
    run("oras", "push", PLAIN, what, "docs", cwd=work.parent)
    with pytest.raises(pv.MalformedDocument, match="'docs/b' is a link"):
        pv.pull(what, tmp_path / "ours")
    assert list((tmp_path / "ours").iterdir()) == []
    with pytest.raises(pv.UnsupportedFormat, match="is a link"):
        pv.attach(image, work, artifact_type="text/x")


def test_attaching_the_same_twice_is_one_referrer(image: pv.Image, tmp_path: Path) -> None:
    report = tmp_path / "report.sarif"
    report.write_text("{}")
    first = pv.attach(image, report, artifact_type="application/sarif+json")
    second = pv.attach(image, report, artifact_type="application/sarif+json")
    assert first.reference == second.reference
    assert len(pv.referrers(image)) == 1
