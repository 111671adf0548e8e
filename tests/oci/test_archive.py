from __future__ import annotations

import io
import json
import tarfile
import threading
from typing import TYPE_CHECKING

import pytest

from provenance.errors import (
    ContentMismatch,
    LimitExceeded,
    MalformedDocument,
    NotFound,
    UnsupportedFormat,
)
from provenance.oci.archive import ArchiveRepository
from provenance.oci.descriptor import EMPTY_DESCRIPTOR, Descriptor
from provenance.oci.manifest import Manifest
from provenance.oci.repository import read_blob
from provenance.settings import Limits

if TYPE_CHECKING:
    from pathlib import Path

MARKER = b'{"imageLayoutVersion":"1.0.0"}'
BLOBS = [Descriptor.of(bytes([n]) * 300_000, "text/plain") for n in range(6)]
MANIFEST = Manifest.build(EMPTY_DESCRIPTOR, BLOBS)
INDEX = json.dumps({"schemaVersion": 2, "manifests": [MANIFEST.descriptor.to_json()]}).encode()


def where(descriptor: Descriptor) -> str:
    return f"blobs/sha256/{descriptor.digest.hex}"


def files() -> dict[str, bytes]:
    return {
        "oci-layout": MARKER,
        "index.json": INDEX,
        where(MANIFEST.descriptor): MANIFEST.raw,
        **{where(d): bytes([n]) * 300_000 for n, d in enumerate(BLOBS)},
    }


def pack(path: Path, content: dict[str, bytes], *links: tuple[str, str]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, data in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        for name, target in links:
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            archive.addfile(link)
    return path


def test_threads_may_read_one_archive_at_once(tmp_path: Path) -> None:
    failures: list[BaseException] = []
    with ArchiveRepository(pack(tmp_path / "a.tar", files())) as archive:

        def run(descriptor: Descriptor) -> None:
            try:
                with archive.open(descriptor) as stream:
                    while stream.read(997):
                        pass
            except BaseException as error:  # noqa: BLE001 - told by the assertion
                failures.append(error)

        threads = [threading.Thread(target=run, args=(d,)) for d in BLOBS * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []


def test_names_that_lead_out_are_nobodys(tmp_path: Path) -> None:
    hidden = {f"/{where(BLOBS[0])}": b"x", f"../{where(BLOBS[0])}": b"x"}
    content = {k: v for k, v in files().items() if k != where(BLOBS[0])} | hidden
    with (
        ArchiveRepository(pack(tmp_path / "a.tar", content)) as archive,
        pytest.raises(NotFound) as refused,
    ):
        read_blob(archive, BLOBS[0], limit=1 << 20)
    assert refused.value.digest == BLOBS[0].digest


@pytest.mark.parametrize("target", ["/etc/passwd", "../../../etc/passwd", BLOBS[0].digest.hex])
def test_links_lead_to_files_of_the_archive_only(tmp_path: Path, target: str) -> None:
    content = {k: v for k, v in files().items() if k != where(BLOBS[0])}
    path = pack(tmp_path / "a.tar", content, (where(BLOBS[0]), target))
    with ArchiveRepository(path) as archive, pytest.raises(NotFound):
        read_blob(archive, BLOBS[0], limit=1 << 20)


def test_an_altered_blob_is_not_returned(tmp_path: Path) -> None:
    content = files() | {where(BLOBS[0]): b"\1" * 300_000}
    with (
        ArchiveRepository(pack(tmp_path / "a.tar", content)) as archive,
        pytest.raises(ContentMismatch),
    ):
        read_blob(archive, BLOBS[0], limit=1 << 20)


def test_the_marker_of_a_layout_is_asked_for(tmp_path: Path) -> None:
    content = files()
    del content["oci-layout"]
    with (
        ArchiveRepository(pack(tmp_path / "a.tar", content)) as archive,
        pytest.raises(NotFound, match="oci-layout"),
    ):
        archive.tags()
    content = files() | {"oci-layout": b'{"imageLayoutVersion":"2.0.0"}'}
    with (
        ArchiveRepository(pack(tmp_path / "b.tar", content)) as archive,
        pytest.raises(MalformedDocument, match=r"version '2\.0\.0'"),
    ):
        archive.tags()


def test_entries_are_counted(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.tar", files())
    with pytest.raises(LimitExceeded, match="entries"):
        ArchiveRepository(path, limits=Limits(entries=3))


def test_a_sparse_file_is_not_inflated(tmp_path: Path) -> None:
    """GNU tar manual, "Storing Sparse Files", old format: 1 PiB of holes in one header."""
    header = bytearray(tarfile.TarInfo(where(BLOBS[0])).tobuf(tarfile.GNU_FORMAT))
    header[156:157] = b"S"
    header[386:410] = (b"\x80" + bytes(11)) * 2
    header[482:495] = b"\x00\x80" + (1 << 50).to_bytes(11, "big")
    header[148:156] = b" " * 8
    header[148:156] = f"{sum(header):06o}\0 ".encode()
    content = {k: v for k, v in files().items() if k != where(BLOBS[0])}
    path = pack(tmp_path / "a.tar", content)
    path.write_bytes(bytes(header) + path.read_bytes())
    with ArchiveRepository(path) as archive, pytest.raises(UnsupportedFormat, match="sparse"):
        read_blob(archive, BLOBS[0], limit=1 << 20)
