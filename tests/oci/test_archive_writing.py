from __future__ import annotations

import io
import os
import tarfile
import tracemalloc
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from tests.oci.registries import BLOB, push

from provenance.digests import Digest, VerifiedReader
from provenance.errors import (
    MalformedDocument,
    NotFound,
    RegistryUnavailable,
    UnsupportedFormat,
)
from provenance.oci.archive import ArchiveRepository
from provenance.oci.descriptor import EMPTY_DESCRIPTOR, Descriptor
from provenance.oci.manifest import Manifest
from provenance.oci.repository import read_blob

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def fill(archive: ArchiveRepository, *names: str, backwards: bool = False) -> None:
    """An artifact for each name; its blobs in either order."""
    for name in names:
        blob = Descriptor.of(name.encode(), "text/plain")
        blobs = [(b"{}", EMPTY_DESCRIPTOR), (name.encode(), blob)]
        for data, descriptor in reversed(blobs) if backwards else blobs:
            archive.push_blob(data, descriptor)
        archive.push_manifest(Manifest.build(EMPTY_DESCRIPTOR, [blob]), tag=name)


def made(path: Path, *names: str, backwards: bool = False) -> Path:
    with ArchiveRepository(path) as archive:
        fill(archive, *names, backwards=backwards)
    return path


def test_the_same_images_are_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    one = made(tmp_path / "one.tar", "a", "b", "c")
    two = made(tmp_path / "two.tar", "c", "a", "b", backwards=True)
    assert one.read_bytes() == two.read_bytes()
    with tarfile.open(one) as archive:
        members = archive.getmembers()
    assert {(m.uid, m.gid, m.mtime, m.mode, m.uname, m.gname) for m in members} == {
        (0, 0, 0, 0o644, "", "")
    }
    names = [m.name for m in members]
    assert names[:2] == ["oci-layout", "index.json"]
    assert names[2:] == sorted(names[2:])
    assert one.stat().st_mode & 0o777 == 0o644


def test_what_is_there_stays_when_more_is_added(tmp_path: Path) -> None:
    path = made(tmp_path / "a.tar", "a")
    with tarfile.open(path, "a") as archive:
        extra = tarfile.TarInfo("notes/readme")
        extra.size = 5
        archive.addfile(extra, io.BytesIO(b"hello"))
    made(path, "b")
    with ArchiveRepository(path) as found:
        assert found.tags() == ("a", "b")
        for name in ("a", "b"):
            manifest = found.manifest(name)
            assert isinstance(manifest, Manifest)
            assert read_blob(found, manifest.layers[0], limit=10) == name.encode()
    with tarfile.open(path) as archive:
        file = archive.extractfile("notes/readme")
        assert file is not None
        assert file.read() == b"hello"


def test_what_is_pushed_is_read_before_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with ArchiveRepository(path) as archive:
        pushed = push(archive)  # type: ignore[arg-type]
        assert archive.resolve("1").digest == pushed.digest
        assert read_blob(archive, BLOB, limit=10) == b"content"
        assert not path.exists()
    assert path.exists()


def test_to_push_what_is_there_changes_nothing(tmp_path: Path) -> None:
    path = made(tmp_path / "a.tar", "a")
    before = path.stat()
    made(path, "a")
    after = path.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_another_writer_that_was_first_is_added_to(tmp_path: Path) -> None:
    path = made(tmp_path / "a.tar", "a")
    with ArchiveRepository(path) as slow:
        fill(slow, "slow")
        made(path, "fast")
    with ArchiveRepository(path) as found:
        assert set(found.tags()) == {"a", "fast", "slow"}
    new = tmp_path / "new.tar"
    with ArchiveRepository(new) as slow:
        fill(slow, "slow")
        made(new, "fast")
    with ArchiveRepository(new) as found:
        assert set(found.tags()) == {"fast", "slow"}


def test_a_damaged_blob_is_stored_anew(tmp_path: Path) -> None:
    path = made(tmp_path / "a.tar", "aaaa")
    whole = path.read_bytes()
    assert whole.count(b"aaaa\0") == 1
    path.write_bytes(whole.replace(b"aaaa\0", b"aXaa\0"))
    with ArchiveRepository(path) as archive:
        assert not archive.holds(Descriptor.of(b"aaaa", "text/plain"))
    made(path, "aaaa")
    assert path.read_bytes() == whole


def test_layers_are_never_held_in_memory(tmp_path: Path) -> None:
    size = 48 << 20
    digest = Digest.of(bytes(size))
    layer = Descriptor("application/vnd.oci.image.layer.v1.tar", digest, size)

    class Zeros(io.RawIOBase):
        left = size

        def read(self, count: int = -1, /) -> bytes:
            count = min(count, self.left)
            self.left -= count
            return bytes(count)

    @contextmanager
    def opened() -> Iterator[VerifiedReader]:
        yield VerifiedReader(Zeros(), digest, size)  # type: ignore[arg-type]

    tracemalloc.start()
    try:
        with ArchiveRepository(tmp_path / "a.tar") as archive:
            archive.push_blob(opened, layer)
            archive.push_blob(b"{}", EMPTY_DESCRIPTOR)
            archive.push_manifest(Manifest.build(EMPTY_DESCRIPTOR, [layer]), tag="1")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20
    assert (tmp_path / "a.tar").stat().st_size > size


@pytest.mark.parametrize("name", ["a.tar.gz", "a.tgz", "a.tar.zst", "a.tar.XZ"])
def test_a_name_that_says_compressed_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnsupportedFormat, match="compressed") as refused:
        made(tmp_path / name, "a")
    assert ".tar" in refused.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_compressed_archive_is_read_and_not_added_to(tmp_path: Path) -> None:
    import gzip

    path = tmp_path / "a.tar"
    path.write_bytes(gzip.compress(made(tmp_path / "plain.tar", "a").read_bytes()))
    before = path.read_bytes()
    with ArchiveRepository(path) as archive:
        assert archive.tags() == ("a",)
    with pytest.raises(UnsupportedFormat, match="compressed"):
        made(path, "b")
    assert path.read_bytes() == before


@pytest.mark.parametrize("more", [0, 100, 600], ids=["at a member", "in a header", "in a file"])
def test_an_archive_cut_short_is_not_added_to(tmp_path: Path, more: int) -> None:
    path = made(tmp_path / "a.tar", *(f"name-{n}" for n in range(40)))
    whole = path.read_bytes()
    with tarfile.open(path) as archive:
        cut = whole[: archive.getmembers()[30].offset + more]
    path.write_bytes(cut)
    with pytest.raises(MalformedDocument, match="cut short"):
        made(path, "b")
    assert path.read_bytes() == cut
    assert list(tmp_path.iterdir()) == [path]


def test_a_list_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    """Some tools take the first of a name in a tar, some the last."""
    path = made(tmp_path / "a.tar", "a")
    other = made(tmp_path / "b.tar", "b")
    with tarfile.open(other) as archive:
        file = archive.extractfile("index.json")
        assert file is not None
        index = file.read()
    with tarfile.open(path, "a") as archive:
        member = tarfile.TarInfo("./index.json")
        member.size = len(index)
        archive.addfile(member, io.BytesIO(index))
    with ArchiveRepository(path) as found, pytest.raises(MalformedDocument, match="more than once"):
        found.tags()


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    with pytest.raises(RegistryUnavailable, match="cannot be written"):
        made(tmp_path / "absent" / "a.tar", "a")
    (tmp_path / "folder.tar").mkdir()
    with pytest.raises(NotFound, match=r"no regular file|Is a directory"):
        made(tmp_path / "folder.tar", "a")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.tar")
    with pytest.raises(NotFound, match="no regular file"):
        ArchiveRepository(tmp_path / "a.tar")


def test_a_link_to_an_archive_stays_a_link(tmp_path: Path) -> None:
    real = made(tmp_path / "real.tar", "a")
    link = tmp_path / "link.tar"
    link.symlink_to(real)
    made(link, "b")
    assert link.is_symlink()
    with ArchiveRepository(real) as found:
        assert found.tags() == ("a", "b")


def test_links_in_an_archive_do_not_lead_out_when_it_is_added_to(tmp_path: Path) -> None:
    path = made(tmp_path / "a.tar", "a")
    with tarfile.open(path, "a") as archive:
        for name, target in (("blobs/sha256/x", "/etc/passwd"), ("y", "../../etc/passwd")):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            archive.addfile(link)
    made(path, "b")
    with tarfile.open(path) as archive:
        assert all(member.isreg() for member in archive)
        assert {"blobs/sha256/x", "y"} & set(archive.getnames()) == set()


def test_an_archive_of_docker_is_not_written_as_another_kind(tmp_path: Path) -> None:
    path = made(tmp_path / "a.tar", "a")
    with tarfile.open(path, "a") as archive:
        member = tarfile.TarInfo("manifest.json")
        member.size = 2
        archive.addfile(member, io.BytesIO(b"[]"))
    with pytest.raises(UnsupportedFormat, match="Docker's") as refused:
        made(path, "b")
    assert "docker-archive:" in refused.value.hint
