from __future__ import annotations

import contextlib
import io
import shutil
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import LimitExceeded, MalformedDocument, ProvenanceError, UnsupportedFormat
from provenance.image.entry import Entry, Feed, Kind, Screen
from provenance.image.header import careful_header, parse_header, plain_header
from provenance.image.names import clean
from provenance.image.place import Place
from provenance.image.tar import read_tar
from provenance.settings import Limits

if TYPE_CHECKING:
    from pathlib import Path

PLACE = Place("registry.example/app@sha256:0", "sha256:1")
END = bytes(1024)


def read(data: bytes, *, limits: Limits | None = None, chunk: int = 1 << 20) -> list[Entry]:
    stream = io.BytesIO(data)

    class Slow:
        def read(self, size: int, /) -> bytes:
            return stream.read(min(size, chunk))

    kept = Kept()
    read_tar(Slow(), kept, place=PLACE, limits=limits or Limits())
    return kept.entries


class Kept:
    """Keeps every entry with its body."""

    def __init__(self, screen: Screen | None = None) -> None:
        self.entries: list[Entry] = []
        self.screen = screen
        self.passed_by: list[tuple[str, str]] = []
        self._body = bytearray()

    def open(self, path: str, size: int, mode: int, head: bytes, /) -> Feed:
        self._body = bytearray()
        return self._body.extend

    def file(self, path: str, size: int, mode: int, /) -> None:
        self.entries.append(Entry(path, Kind.FILE, size, mode, data=bytes(self._body)))

    def folder(self, path: str, mode: int, /) -> None:
        self.entries.append(Entry(path, Kind.DIRECTORY, 0, mode))

    def other(self, entry: Entry, /) -> None:
        self.entries.append(entry)

    def is_itself(self, directory: str, /) -> bool:
        return True

    def passed(self, directory: str, paths: list[str], /) -> None:
        self.passed_by += [(directory, path) for path in paths]


def header(
    name: bytes = b"f",
    *,
    kind: bytes = b"0",
    size: bytes = b"00000000000\0",
    link: bytes = b"",
    magic: bytes = b"ustar\x0000",
    prefix: bytes = b"",
    mode: bytes = b"0000644\0",
    checksum: bytes | None = None,
) -> bytes:
    block = bytearray(512)
    block[0 : len(name)] = name
    block[100:108] = mode
    block[124:136] = size
    block[148:156] = b"        "
    block[156:157] = kind
    block[157 : 157 + len(link)] = link
    block[257:265] = magic
    block[345 : 345 + len(prefix)] = prefix
    block[148:156] = b"%06o\0 " % sum(block) if checksum is None else checksum
    return bytes(block)


def entry(name: bytes, body: bytes = b"", kind: bytes = b"0") -> bytes:
    return header(name, kind=kind, size=b"%011o\0" % len(body)) + body + bytes(-len(body) % 512)


def pax(*records: tuple[bytes, bytes], kind: bytes = b"x") -> bytes:
    body = b""
    for key, value in records:
        length = len(key) + len(value) + 3
        while len(b"%d" % length) + len(key) + len(value) + 3 != length:
            length = len(b"%d" % length) + len(key) + len(value) + 3
        body += b"%d %s=%s\n" % (length, key, value)
    return entry(b"PaxHeaders/f", body, kind)


class TestAgainstTheStandardLibrary:
    @given(
        files=st.lists(
            st.tuples(
                st.text("abcé/", min_size=1, max_size=300).filter(lambda n: n.strip("/")),
                st.binary(max_size=1500),
                st.integers(0, 0o7777),
            ),
            max_size=5,
        ),
        form=st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]),
        chunk=st.sampled_from([1, 511, 513, 10_000]),
    )
    def test_names_sizes_modes_and_bodies(
        self, files: list[tuple[str, bytes, int]], form: int, chunk: int
    ) -> None:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=form) as tar:
            for name, body, mode in files:
                member = tarfile.TarInfo(name)
                member.size, member.mode = len(body), mode
                tar.addfile(member, io.BytesIO(body))
        found = read(out.getvalue(), chunk=chunk)
        assert [(e.data, e.size, e.mode) for e in found] == [
            (body, len(body), mode) for _, body, mode in files
        ]
        assert [e.path for e in found] == [
            "/".join(n.replace("/", " ").split()) for n, _, _ in files
        ]

    def test_what_tar_writes(self, tmp_path: Path) -> None:
        tar = shutil.which("tar")
        if tar is None:
            pytest.skip("no tar program")
        deep = "d" * 90 + "/" + "e" * 90 + "/" + "f" * 90
        (tmp_path / deep).parent.mkdir(parents=True)
        (tmp_path / deep).write_bytes(b"deep")
        (tmp_path / "link").symlink_to("t" * 200)
        (tmp_path / "hard").hardlink_to(tmp_path / deep)
        for form in ("gnu", "pax", "ustar") if len(deep) < 256 else ("gnu", "pax"):
            data = subprocess.run(
                [tar, f"--format={form}", "-cf", "-", "-C", str(tmp_path), "."],
                check=True,
                capture_output=True,
            ).stdout
            found = {e.path: e for e in read(data)}
            links = {found[deep].kind, found["hard"].kind}
            assert links == {Kind.FILE, Kind.HARDLINK}
            assert found["link"].link == "t" * 200
            assert found[""].kind is Kind.DIRECTORY

    @pytest.mark.parametrize("version", ["gnu", "posix-0.0", "posix-0.1", "posix-1.0"])
    def test_sparse_files_keep_their_name_and_real_size(self, tmp_path: Path, version: str) -> None:
        tar = shutil.which("tar")
        if tar is None:
            pytest.skip("no tar program")
        with (tmp_path / "holes").open("wb") as file:
            for position in range(0, 3_000_000, 100_000):
                file.seek(position)
                file.write(b"x" * 512)
            file.truncate(4_000_000)
        (tmp_path / "zz").write_bytes(b"after")
        form = (
            ["--format=gnu"]
            if version == "gnu"
            else ["--format=pax", f"--sparse-version={version.partition('-')[2]}"]
        )
        data = subprocess.run(
            [tar, *form, "-S", "-cf", "-", "-C", str(tmp_path), "holes", "zz"],
            check=True,
            capture_output=True,
        ).stdout
        holes, after = read(data)
        assert (holes.path, holes.size, holes.data) == ("holes", 4_000_000, None)
        assert holes.sparse
        assert after.data == b"after"


class TestForms:
    def test_a_ustar_prefix_stands_before_the_name(self) -> None:
        assert read(header(b"name", prefix=b"a/b") + END)[0].path == "a/b/name"

    def test_times_of_gnu_are_no_prefix_but_a_path_in_their_place_is(self) -> None:
        gnu = b"ustar  \0"
        assert read(header(b"n", magic=gnu, prefix=b"14000000000\0") + END)[0].path == "n"
        assert read(header(b"n", magic=gnu, prefix=b"some/dir") + END)[0].path == "some/dir/n"

    def test_v7_has_no_prefix_and_directories_by_their_slash(self) -> None:
        found = read(header(b"d/", kind=b"\0", magic=bytes(8), prefix=b"xx") + END)[0]
        assert (found.path, found.kind) == ("d", Kind.DIRECTORY)

    def test_sizes_in_base_256(self) -> None:
        body = b"x" * 700
        size = b"\x80" + (700).to_bytes(11, "big")
        assert read(header(size=size) + body + bytes(324) + END)[0].data == body

    def test_a_pax_size_replaces_the_header_s(self) -> None:
        data = pax((b"size", b"3")) + header() + b"abc" + bytes(509) + END
        assert read(data)[0].data == b"abc"

    def test_a_pax_path_alone_names_files_and_links(self) -> None:
        long = b"long/" * 30 + b"x"
        link = header(b"short", kind=b"2", link=b"to/it")
        data = entry(b"first") + pax((b"path", long)) + entry(b"cut", b"body")
        found = read(data + pax((b"path", b"l")) + link + END)
        assert [(x.path, x.kind, x.link) for x in found[1:]] == [
            (long.decode(), Kind.FILE, ""),
            ("l", Kind.SYMLINK, "to/it"),
        ]

    @pytest.mark.parametrize("length", [b"5", b"12", b"14", b"99"])
    def test_a_pax_path_whose_length_is_a_lie_is_refused(self, length: bytes) -> None:
        record = length + b" path=evil\n"
        extension = entry(b"PaxHeaders/a", record, kind=b"x")
        with pytest.raises(MalformedDocument, match="broken record"):
            read(entry(b"first") + extension + entry(b"a") + END)

    def test_an_empty_pax_value_keeps_the_header_s(self) -> None:
        assert read(pax((b"path", b"")) + entry(b"kept") + END)[0].path == "kept"

    def test_a_global_pax_header_renames_nothing(self) -> None:
        assert read(pax((b"path", b"g"), kind=b"g") + entry(b"kept") + END)[0].path == "kept"

    def test_of_two_pax_headers_the_later_counts_whole(self) -> None:
        data = pax((b"path", b"one")) + pax((b"mtime", b"1")) + entry(b"kept") + END
        assert read(data)[0].path == "kept"

    def test_a_header_applies_to_one_entry_only(self) -> None:
        found = read(pax((b"path", b"long")) + entry(b"a") + entry(b"b") + END)
        assert [e.path for e in found] == ["long", "b"]

    def test_links_have_no_body_whatever_their_size_says(self) -> None:
        data = header(b"l", kind=b"1", link=b"a", size=b"00000001000\0") + entry(b"a", b"x") + END
        assert [e.path for e in read(data)] == ["l", "a"]

    @pytest.mark.parametrize("end", [b"", bytes(512), END, END + b"anything"])
    def test_ends_that_go_s_reader_takes(self, end: bytes) -> None:
        assert len(read(entry(b"a", b"x") + end)) == 1

    def test_the_padding_of_the_last_entry_may_be_missing(self) -> None:
        assert read(header(size=b"00000000003\0") + b"abc")[0].data == b"abc"

    def test_a_stream_without_a_byte_has_no_entries(self) -> None:
        assert read(b"") == []


class TestNames:
    @pytest.mark.parametrize(
        ("name", "path"),
        [
            (b"/etc/passwd", "etc/passwd"),
            (b"./a", "a"),
            (b"a//b/./c/", "a/b/c"),
            (b"a/../b", "b"),
            (b"./", ""),
            (b"/", ""),
            (b"a/.b", "a/.b"),
            (b"...", "..."),
            (b"\xff", "\\xff"),
        ],
    )
    def test_are_cleaned_below_the_root(self, name: bytes, path: str) -> None:
        assert read(entry(name) + END)[0].path == path

    @pytest.mark.parametrize("name", [b"../x", b"a/../../x", b"/../x", b"./..", b"..", b"a/../.."])
    def test_that_lead_out_of_the_root_are_refused(self, name: bytes) -> None:
        with pytest.raises(MalformedDocument, match="leads out of the root") as caught:
            read(entry(name) + END)
        assert (caught.value.reference, caught.value.digest) == (PLACE.reference, PLACE.digest)

    def test_a_hard_link_out_of_the_root_is_refused(self) -> None:
        with pytest.raises(MalformedDocument, match="leads out of the root"):
            read(header(b"l", kind=b"1", link=b"../../etc/shadow") + END)


class TestRefusals:
    @pytest.mark.parametrize(
        ("data", "message"),
        [
            (header(checksum=b"0000000\0"), "checksum is wrong"),
            (header(size=b"\xff" * 12), "negative size"),
            (header(size=b"\x80" + b"\x7f" * 11), "does not fit 64 bits"),
            (header(size=b"0000_000001\0"), "size is no number"),
            (header(size=b"00000000009\0"), "size is no number"),
            (header(size=b"+0000000001\0"), "size is no number"),
            (pax((b"size", b"-1")) + entry(b"a"), "no size"),
            (pax((b"size", b"9" * 19)) + entry(b"a"), "no size"),
            (pax((b"path", b"a\0b")) + entry(b"a"), "NUL byte in its path"),
            (entry(b"x", b"99 a=b\n", b"x") + entry(b"a"), "broken record"),
            (entry(b"x", b"0 a=b\n", b"x") + entry(b"a"), "broken record"),
            (entry(b"x", b"7 a.b=", b"x") + entry(b"a"), "broken record"),
            (entry(b"x", b"_6 a=b\n", b"x") + entry(b"a"), "broken record"),
            (header(size=b"00077777777\0", kind=b"x"), "more than a tar may"),
            (header(size=b"00000001000\0") + b"short", "in the middle of an entry"),
            (entry(b"a", b"x") + b"half a header", "in the middle of an entry"),
            (bytes(512) + entry(b"a"), "single zero block"),
            (b"this is no tar at all" * 100, "no number|checksum"),
        ],
    )
    def test_what_go_s_reader_refuses_is_malformed(self, data: bytes, message: str) -> None:
        with pytest.raises(MalformedDocument, match=message) as caught:
            read(data)
        assert (caught.value.reference, caught.value.digest) == (PLACE.reference, PLACE.digest)

    def test_an_unknown_type_is_unsupported(self) -> None:
        with pytest.raises(UnsupportedFormat, match="of type 'Q'"):
            read(entry(b"a", kind=b"Q") + END)

    @pytest.mark.parametrize(
        ("limits", "message"),
        [
            (Limits(entries=1), "more than 1 entries"),
            (Limits(path_bytes=3), "a name has 4 bytes"),
        ],
    )
    def test_limits_are_named(self, limits: Limits, message: str) -> None:
        with pytest.raises(LimitExceeded, match=message):
            read(entry(b"name", b"12345") + entry(b"b") + END, limits=limits)

    @given(
        block=st.sampled_from(
            [
                header(b"usr/lib/x", size=b"00000000017\0"),
                header(b"d/", kind=b"5", mode=b"0000755 "),
            ]
        ),
        changes=st.lists(st.tuples(st.integers(0, 511), st.integers(0, 255)), max_size=3),
        mended=st.booleans(),
    )
    def test_plain_headers_are_read_as_the_careful_reader_reads_them(
        self, *, block: bytes, changes: list[tuple[int, int]], mended: bool
    ) -> None:
        changed = bytearray(block)
        for position, value in changes:
            changed[position] = value
        if mended:
            changed[148:156] = b"        "
            changed[148:156] = b"%06o\0 " % sum(changed)
        if plain_header(bytes(changed)) is not None:
            assert parse_header(bytes(changed), PLACE) == careful_header(bytes(changed), PLACE)

    @given(
        names=st.lists(
            st.sampled_from(
                [
                    *(b"d/a", b"d/b", b"d/./a", b"./d/c", b"d/..", b"d/", b"/d/x", b"e\\xff"),
                    *(b"d/\\x41", b"d/" + b"n" * 150, b"d/" + b"n" * 99 + b"/.."),
                    b"l" * 101 + b"/\xc3\xa4",
                ]
            ),
            max_size=8,
        ),
        kinds=st.lists(st.sampled_from([b"0", b"5"]), min_size=8, max_size=8),
        chunk=st.sampled_from([100, 512, 1536, 1 << 20]),
    )
    def test_names_are_the_same_in_one_chunk_and_in_many(
        self, names: list[bytes], kinds: list[bytes], chunk: int
    ) -> None:
        data = b"".join(
            (entry(b"././@LongLink", name + b"\0", kind=b"L") if len(name) > 100 else b"")
            + entry(name[:100], kind=kind)
            for name, kind in zip(names, kinds, strict=False)
        )
        expected = [
            (clean(name, PLACE), Kind.DIRECTORY if kind == b"5" else Kind.FILE)
            for name, kind in zip(names, kinds, strict=False)
        ]
        found = [(e.path, e.kind) for e in read(data + END, chunk=chunk)]
        assert found == expected

    @pytest.mark.parametrize(
        ("name", "size", "asked"),
        [
            (b"d/f.c", 9, False),
            (b"d/f.jar", 9, True),
            (b"d/jar", 9, True),
            (b"jar/f.c", 9, True),
            (b"d/./jar/.//f.c", 9, True),
            (b"jar/x/../f.c", 9, True),
            (b"d/jar/x/f.c", 9, False),
            (b"d/libx", 9, True),
            (b"d/pyth-x", 9, True),
            (b"d/py", 9, False),
            (b"d/f.", 9, False),
            (b"d/jar/.", 9, True),
            (b"d/\\xff.jar", 9, True),
            (b"d/x", 13, True),
            (b"d/x", 12, False),
        ],
    )
    def test_only_files_that_the_screen_keeps_are_asked_about(
        self, *, name: bytes, size: int, asked: bool
    ) -> None:
        screen = Screen(frozenset({"jar", "lib", "pyth"}), frozenset({b"\x7fELF"}), 12)
        body = b"\x7fELF" + bytes(size - 4)
        kept = Kept(screen)
        # A chunk's first entry is for the careful reader, which asks about each.
        stream = io.BytesIO(entry(b"first") + entry(name, body) + entry(b"d/z") + END)
        read_tar(stream, kept, place=PLACE, limits=Limits())
        path = clean(name, PLACE)
        found = [(e.path, e.data) for e in kept.entries[1:]]
        assert found == ([(path, body)] if asked else [])
        told = [] if asked else [(path.rpartition("/")[0], path)]
        assert kept.passed_by == [*told, ("d", "d/z")]

    @given(st.binary(max_size=2000))
    def test_no_bytes_bring_anything_but_entries_or_our_errors(self, data: bytes) -> None:
        with contextlib.suppress(ProvenanceError):
            read(data)

    @given(position=st.integers(0, 3071), value=st.integers(0, 255))
    def test_no_single_byte_does_either(self, position: int, value: int) -> None:
        data = bytearray(pax((b"path", b"x" * 200)) + entry(b"a", b"body") + END)
        data[position] = value
        with contextlib.suppress(ProvenanceError):
            read(bytes(data))
