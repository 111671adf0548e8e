from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from provenance.errors import (
    ContentMismatch,
    LimitExceeded,
    NotFound,
    RegistryUnavailable,
    UnsupportedFormat,
)
from provenance.oci.archive import ArchiveRepository
from provenance.oci.descriptor import EMPTY_DESCRIPTOR, Descriptor
from provenance.oci.layout import LayoutRepository
from provenance.oci.manifest import Index, Manifest
from provenance.oci.repository import Gathers, read_blob
from provenance.oci.whole import whole_file
from provenance.settings import Limits

if TYPE_CHECKING:
    from pathlib import Path

BLOB = Descriptor.of(b"content", "text/plain")


def push(
    layout: LayoutRepository | ArchiveRepository, tag: str | None = "1", **more: Any
) -> Descriptor:
    layout.push_blob(b"content", BLOB)
    layout.push_blob(b"{}", EMPTY_DESCRIPTOR)
    return layout.push_manifest(Manifest.build(EMPTY_DESCRIPTOR, [BLOB], **more), tag=tag)


def path_of(layout: LayoutRepository, blob: Descriptor) -> Path:
    return layout.directory / "blobs" / blob.digest.algorithm / blob.digest.hex


def entries(layout: LayoutRepository) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((layout.directory / "index.json").read_bytes())[
        "manifests"
    ]
    return found


@pytest.fixture
def layout(tmp_path: Path) -> LayoutRepository:
    return LayoutRepository(tmp_path / "layout")


def test_a_damaged_blob_of_the_right_size_is_not_held_and_is_stored_again(
    layout: LayoutRepository,
) -> None:
    push(layout)
    assert layout.holds(BLOB)
    path_of(layout, BLOB).write_bytes(b"c0ntent")
    assert not layout.holds(BLOB)
    assert not LayoutRepository(layout.directory).holds(BLOB)
    good = LayoutRepository(layout.directory.parent / "good")
    push(good)
    layout.push_blob(lambda: good.open(BLOB), BLOB)
    assert read_blob(layout, BLOB, limit=10) == b"content"


@pytest.mark.parametrize("kind", ["pipe", "folder", "link out", "link to nowhere"])
def test_what_is_no_file_in_the_place_of_a_blob_is_not_held(
    layout: LayoutRepository, tmp_path: Path, kind: str
) -> None:
    push(layout)
    path = path_of(layout, BLOB)
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        outside = tmp_path / "outside"
        if kind == "link out":
            outside.write_bytes(b"content")
        path.symlink_to(outside)
    assert not layout.holds(BLOB)
    if kind == "folder":
        with pytest.raises(RegistryUnavailable, match="cannot be written to"):
            layout.push_blob(b"content", BLOB)
        return
    layout.push_blob(b"content", BLOB)
    assert not path.is_symlink()
    assert read_blob(layout, BLOB, limit=10) == b"content"
    if kind == "link to nowhere":
        assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize("name", ["blobs", "blobs/sha256"])
def test_a_folder_that_leads_out_is_not_written_through(
    layout: LayoutRepository, tmp_path: Path, name: str
) -> None:
    push(layout)
    folder = layout.directory / name
    folder.rename(tmp_path / "outside")
    folder.symlink_to(tmp_path / "outside")
    before = sorted(p.name for p in (tmp_path / "outside").rglob("*"))
    with pytest.raises(ContentMismatch, match="leads out"):
        LayoutRepository(layout.directory).push_blob(b"new", Descriptor.of(b"new", "text/plain"))
    assert sorted(p.name for p in (tmp_path / "outside").rglob("*")) == before


@pytest.mark.parametrize("kind", ["pipe", "link out"])
def test_the_lock_is_a_file_of_the_layout(
    layout: LayoutRepository, tmp_path: Path, kind: str
) -> None:
    push(layout)
    lock = layout.directory / ".lock"
    lock.unlink()
    if kind == "pipe":
        os.mkfifo(lock)
    else:
        lock.symlink_to(tmp_path / "outside")
    with pytest.raises(RegistryUnavailable, match="cannot be written to"):
        push(layout, "2")
    assert not (tmp_path / "outside").exists()


def test_an_index_that_is_a_link_within_is_replaced_by_a_file(layout: LayoutRepository) -> None:
    push(layout)
    index = layout.directory / "index.json"
    index.rename(layout.directory / "blobs" / "other.json")
    index.symlink_to("blobs/other.json")
    push(layout, "2")
    assert not index.is_symlink()
    assert sorted(layout.tags()) == ["1", "2"]


def test_what_dead_writers_left_goes_and_what_living_ones_write_stays(
    layout: LayoutRepository,
) -> None:
    push(layout)
    folder = layout.directory / "blobs" / "sha256"
    dead = [layout.directory / ".write-dead", folder / ".write-dead"]
    for path in dead:
        path.write_bytes(b"x")
    alive = folder / ".write-alive"
    code = (
        "import fcntl, sys; f = open(sys.argv[1], 'wb'); fcntl.flock(f, fcntl.LOCK_EX);"
        "print('ready', flush=True); sys.stdin.read()"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", code, str(alive)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        push(LayoutRepository(layout.directory), "2")
        assert [path.exists() for path in dead] == [False, False]
        assert alive.exists()
    finally:
        writer.communicate()
    push(LayoutRepository(layout.directory), "3")
    assert not alive.exists()


@pytest.mark.parametrize("nameless", [True, False], ids=["nameless", "named"])
def test_a_file_is_whole_or_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, nameless: bool
) -> None:
    if not nameless:
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    target = tmp_path / "file"
    with pytest.raises(ZeroDivisionError), whole_file(target) as file:
        assert file.write(b"half") / 0
    assert list(tmp_path.iterdir()) == []
    for data in (b"one", b"two"):
        with whole_file(target) as file:
            file.write(data)
            assert not target.exists() or target.read_bytes() == b"one"
        assert target.read_bytes() == data
        assert list(tmp_path.iterdir()) == [target]
    with pytest.raises(FileExistsError), whole_file(target, new=True) as file:
        file.write(b"three")
    assert target.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [target]


PROCESS = """
import sys
from pathlib import Path
from provenance.oci.descriptor import EMPTY_DESCRIPTOR
from provenance.oci.layout import LayoutRepository
from provenance.oci.archive import ArchiveRepository
from provenance.oci.manifest import Manifest
from provenance.oci.descriptor import Descriptor

kind, place, name, count = sys.argv[1:]
for number in range(int(count)):
    home = LayoutRepository(Path(place)) if kind == "layout" else ArchiveRepository(Path(place))
    blob = f"{name} {number}".encode() * 1000
    descriptor = Descriptor.of(blob, "text/plain")
    home.push_blob(b"{}", EMPTY_DESCRIPTOR)
    home.push_blob(blob, descriptor)
    home.push_manifest(Manifest.build(EMPTY_DESCRIPTOR, [descriptor]), tag=f"{name}-{number}")
    if kind != "layout":
        home.close()
    print(number, flush=True)
"""


def start(kind: str, place: Path, name: str, count: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", PROCESS, kind, str(place), name, str(count)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


@pytest.mark.parametrize("kind", ["layout", "archive"])
def test_processes_that_write_at_once_lose_nothing(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "home"
    writers = [start(kind, place, f"w{n}", 6) for n in range(3)]
    for writer in writers:
        writer.communicate()
        assert writer.returncode == 0
    wanted = {f"w{n}-{k}" for n in range(3) for k in range(6)}
    if kind == "layout":
        layout = LayoutRepository(place)
        assert set(layout.tags()) == wanted
        for tag in wanted:
            layout.manifest(tag)
        return
    with ArchiveRepository(place) as archive:
        assert set(archive.tags()) == wanted
        for tag in wanted:
            manifest = archive.manifest(tag)
            assert isinstance(manifest, Manifest)
            assert len(read_blob(archive, manifest.layers[0], limit=1 << 20)) > 1000
    assert list(tmp_path.iterdir()) == [place]


@pytest.mark.parametrize("kind", ["layout", "archive"])
def test_a_killed_writer_leaves_what_the_next_one_ends(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "home"
    for number in range(5):
        writer = start(kind, place, "w", 40)
        assert writer.stdout is not None
        for _ in range(number + 1):
            writer.stdout.readline()
        time.sleep(0.001 * number)
        os.kill(writer.pid, signal.SIGKILL)
        writer.communicate()
        if kind == "layout":
            tags = LayoutRepository(place).tags()
        else:
            with ArchiveRepository(place) as archive:
                tags = archive.tags()
        assert len(tags) >= number + 1
    last = start(kind, place, "w", 40)
    last.communicate()
    assert last.returncode == 0
    assert [p for p in tmp_path.rglob("*") if ".write-" in p.name] == []
    if kind == "archive":
        assert list(tmp_path.iterdir()) == [place]


def test_a_part_of_an_index_is_not_deleted_from_under_it(layout: LayoutRepository) -> None:
    image = push(layout, None)
    push(layout, "other", annotations={"n": "2"})
    nested = Descriptor(image.media_type, image.digest, image.size)
    layout.push_manifest(Index.build([nested]), tag="1")
    layout.delete(image.digest)  # from the list of the layout; the index still has it
    assert layout.manifest(image.digest).descriptor.digest == image.digest
    with pytest.raises(UnsupportedFormat, match="part of an index"):
        layout.delete(image.digest)


def test_the_last_name_leaves_and_others_stay(layout: LayoutRepository) -> None:
    push(layout, "1")
    image = push(layout, "2")
    layout.delete("1")
    assert layout.tags() == ("2",)
    assert len(entries(layout)) == 1
    layout.delete("2")
    assert entries(layout) == [
        {"mediaType": image.media_type, "digest": image.digest, "size": image.size}
    ]
    assert layout.resolve("").digest == image.digest


def test_the_manifest_goes_and_shared_blobs_stay(layout: LayoutRepository) -> None:
    image = push(layout)
    other = push(layout, "2", annotations={"n": "2"})
    layout.delete(image.digest)
    assert not path_of(layout, image).exists()
    assert layout.holds(BLOB)
    assert layout.resolve("").digest == other.digest


def test_a_place_that_is_not_there_gets_no_lock(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        LayoutRepository(tmp_path / "absent").delete("1")
    assert list(tmp_path.iterdir()) == []


NAMES = {
    "the whole name": "docker.io/library/app:1",
    "Docker's short form": "app:1",
    "its tag": "1",
}


@pytest.mark.parametrize("case", NAMES)
def test_names_of_containerd_are_names(layout: LayoutRepository, case: str) -> None:
    image = push(layout, None)
    index = layout.directory / "index.json"
    document = json.loads(index.read_bytes())
    document["manifests"][0]["annotations"] = {
        "io.containerd.image.name": "docker.io/library/app:1"
    }
    index.write_text(json.dumps(document))
    push(layout, "other", annotations={"n": "2"})
    assert layout.resolve(NAMES[case]).digest == image.digest
    assert layout.tags() == ("docker.io/library/app:1", "other")
    with pytest.raises(NotFound, match=r"names are docker\.io/library/app:1, other"):
        layout.resolve("app:2")


def test_referrers_are_listed_all_at_once(layout: LayoutRepository) -> None:
    image = push(layout)
    referrers = [
        Manifest.build(EMPTY_DESCRIPTOR, [BLOB], subject=image, annotations={"n": str(n)})
        for n in range(5)
    ]
    assert isinstance(layout, Gathers)
    layout.push_referrers(referrers)
    found = {d.digest for d in layout.referrers(image.digest)}
    assert found == {manifest.descriptor.digest for manifest in referrers}


def push_all(home: LayoutRepository | ArchiveRepository, names: list[str]) -> None:
    for name in names:
        push(home, name)


def test_a_list_that_no_one_could_read_is_not_written(tmp_path: Path) -> None:
    layout = LayoutRepository(tmp_path / "layout", limits=Limits(manifest_bytes=1000))
    names = [f"name-{n}" for n in range(20)]
    with pytest.raises(LimitExceeded, match=r"index\.json would have"):
        push_all(layout, names)
    assert 1 < len(layout.tags()) < 20
    with (
        ArchiveRepository(tmp_path / "a.tar", limits=Limits(manifest_bytes=1000)) as archive,
        pytest.raises(LimitExceeded, match=r"index\.json would have"),
    ):
        push_all(archive, names)
    with ArchiveRepository(tmp_path / "a.tar", limits=Limits(manifest_bytes=1000)) as archive:
        assert 1 < len(archive.tags()) < 20
