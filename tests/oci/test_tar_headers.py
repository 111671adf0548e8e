"""Archives whose headers say that the next one is enormous: refused before it is read."""

from __future__ import annotations

import gzip
import tarfile
from typing import TYPE_CHECKING

import pytest

import provenance
from provenance.errors import InvalidReference, MalformedDocument

if TYPE_CHECKING:
    from pathlib import Path

# POSIX.1-2017, pax, "ustar Interchange Format": where the size and the kind of a file are.
SIZES = {
    "8 MiB": b"%011o\0" % (8 << 20),
    "more than any file": b"\x80\0\0\x40" + bytes(8),
    "less than nothing": b"\xff" * 10 + b"\xfe\0",
}
KINDS = {"a pax header": b"x", "a global pax header": b"g", "a long name": b"L", "a link": b"K"}


def archive(kind: bytes, size: bytes) -> bytes:
    header = bytearray(tarfile.TarInfo("x").tobuf(tarfile.USTAR_FORMAT)[:512])
    header[124:136], header[156:157], header[148:156] = size, kind, b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + bytes(9 << 20)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ending", [".tar", ".tar.gz"])
def test_a_header_larger_than_any_is_refused(
    tmp_path: Path, kind: str, size: str, ending: str
) -> None:
    path, data = tmp_path / f"a{ending}", archive(KINDS[kind], SIZES[size])
    path.write_bytes(gzip.compress(data, 1) if ending == ".tar.gz" else data)
    with pytest.raises(MalformedDocument, match=r"no readable tar \(ReadError: a header of"):
        provenance.resolve(f"oci-archive:{path}:1")
    with pytest.raises(InvalidReference, match="no tar archive"):
        provenance.resolve(path)


@pytest.mark.parametrize("size", [1 << 62, 1 << 70], ids=["EINVAL", "no integer of C"])
def test_a_file_that_ends_where_none_can_is_refused(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(archive(b"0", b"\x80" + size.to_bytes(11, "big")))
    with pytest.raises(MalformedDocument, match="no readable tar"):
        provenance.resolve(f"oci-archive:{path}:1")
