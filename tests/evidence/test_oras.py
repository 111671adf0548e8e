"""`attach` and `pull`: what went in comes back, and what an artifact may not do to a disk."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import os
import stat
import tarfile
from typing import TYPE_CHECKING, Any

import oras.defaults
import pytest

import provenance as pv
from provenance.digests import Digest
from provenance.evidence.attaching import CONTENT, TITLE, UNPACK
from provenance.evidence.storing import store_artifact
from provenance.oci.descriptor import EMPTY_DESCRIPTOR, Descriptor
from provenance.testing import ImageBuilder, LocalRegistry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from provenance.evidence.storing import Stored

GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"


@pytest.fixture
def image(local_registry: LocalRegistry) -> pv.Image:
    tag = local_registry.reference("team/app:1.0")
    ImageBuilder().layer({"a": b"1"}).push(tag)
    return pv.resolve(tag)


@pytest.fixture(autouse=True)
def _usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
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


def store(image: pv.Image, *layers: tuple[dict[str, str], bytes]) -> Stored:
    made = [(Descriptor.of(data, "text/plain", annotations=said), data) for said, data in layers]
    return store_artifact(image, made, artifact_type="text/x", annotations={})


def store_folder(image: pv.Image, data: bytes, title: str = "folder", **more: str) -> Stored:
    return store(image, ({TITLE: title, UNPACK: "true", **more}, data))


def entry(name: str, data: bytes = b"", **more: Any) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    for key, value in more.items():
        setattr(member, key, value)
    return member, data


def tar(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for member, data in members:
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def spoiled(data: bytes, at: int, new: bytes) -> bytes:
    """A tar with other bytes in its first header, whose checksum is right again."""
    block = bytearray(data[:512])
    block[at : at + len(new)] = new
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + data[512:]


# There and back


@pytest.mark.parametrize(
    "text",
    ["nonsense", "", "a/", "/b", "a/b c", "a/b;c=d", "a/b/c", "-a/b", f"a/{'b' * 128}", "a/b\n"],
    ids=[
        "one word",
        "empty",
        "no subtype",
        "no type",
        "a space",
        "a parameter",
        "two slashes",
        "begins with a dash",
        "too long",
        "a line end",
    ],
)
def test_what_is_no_media_type_is_not_attached(image: pv.Image, tmp_path: Path, text: str) -> None:
    (tmp_path / "r").write_text("x")
    with pytest.raises(pv.MalformedDocument, match=r"is no media type: write it as type/subtype"):
        pv.attach(image, tmp_path / "r", artifact_type=text)
    with pytest.raises(pv.MalformedDocument, match=r"is no media type: write it as type/subtype"):
        pv.attach(image, tmp_path / "r", artifact_type="a/b", media_type=text)
    assert pv.referrers(image) == ()


def test_the_annotations_are_those_of_oras_py() -> None:
    ours = (TITLE, UNPACK, CONTENT)
    theirs = oras.defaults
    assert ours == (theirs.annotation_title, theirs.annotation_unpack, theirs.annotation_digest)


def test_files_and_folders_come_back_with_their_rights(image: pv.Image, tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    (folder / "deep" / "empty").mkdir(parents=True)
    (folder / "deep" / "a.txt").write_text("a")
    (folder / "run").write_bytes(b"#!/bin/sh\n")
    (folder / "run").chmod(0o755)
    (folder / "secret").write_bytes(b"")
    (folder / "secret").chmod(0o600)
    (folder / "deep").chmod(0o750)
    report = tmp_path / "r.sarif"
    report.write_bytes(b"\x00\xff")
    stored = pv.attach(image, report, folder, artifact_type="text/x")
    out = tmp_path / "out"
    written = pv.pull(stored, out)
    assert [p.relative_to(out).as_posix() for p in written] == [
        *("r.sarif", "docs/run", "docs/secret", "docs/deep/a.txt")
    ]
    assert tree(out / "docs") == tree(folder)
    assert tree(out)["r.sarif"] == ("0o644", b"\x00\xff")
    assert sorted(out.iterdir()) == [out / "docs", out / "r.sarif"]


def test_the_same_folder_is_the_same_layer_whoever_owns_it_and_when(
    image: pv.Image, tmp_path: Path
) -> None:
    for number, name in enumerate(("one", "two")):
        folder = tmp_path / name / "docs"
        folder.mkdir(parents=True)
        for file in ("b", "a") if number else ("a", "b"):
            (folder / file).write_text(file)
            os.utime(folder / file, (number, number))
    first = pv.attach(image, tmp_path / "one" / "docs", artifact_type="text/x")
    second = pv.attach(image, tmp_path / "two" / "docs", artifact_type="text/x")
    assert first.reference == second.reference


def test_a_folder_is_marked_as_oras_marks_it(
    image: pv.Image, local_registry: LocalRegistry, tmp_path: Path
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a").write_text("a")
    pv.attach(image, tmp_path / "docs", artifact_type="text/x")
    (referrer,) = pv.referrers(image)
    manifest = pv.Registry().repository(referrer.reference).manifest(referrer.descriptor.digest)
    (layer,) = manifest.layers  # type: ignore[union-attr]
    packed = local_registry.blobs["team/app"][layer.digest]
    assert isinstance(packed, bytes)
    plain = gzip.decompress(packed)
    assert layer.media_type == GZIP
    assert dict(layer.annotations) == {
        TITLE: "docs",
        UNPACK: "true",
        CONTENT: f"sha256:{hashlib.sha256(plain).hexdigest()}",
    }
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        assert [(m.name, m.uid, m.uname, m.mtime) for m in archive] == [
            ("docs", 0, "", 0),
            ("docs/a", 0, "", 0),
        ]
    # oras-go hashes what its tar reader reads: two empty blocks and nothing after them.
    assert plain.endswith(bytes(1024))
    assert not plain.endswith(bytes(1024 + 512))


def test_a_link_is_attached_under_its_own_name(image: pv.Image, tmp_path: Path) -> None:
    (tmp_path / "report-42.json").write_text("{}")
    (tmp_path / "report.json").symlink_to("report-42.json")
    stored = pv.attach(image, tmp_path / "report.json", artifact_type="text/x")
    assert [p.name for p in pv.pull(stored, tmp_path / "out")] == ["report.json"]


@pytest.mark.parametrize("kind", ["link", "link to a folder", "fifo", "name"])
def test_what_pull_would_refuse_is_not_packed(image: pv.Image, tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    make: dict[str, Callable[[], object]] = {
        "link": lambda: (folder / "x").symlink_to("/etc/passwd"),
        "link to a folder": lambda: (folder / "x").symlink_to("/etc"),
        "fifo": lambda: os.mkfifo(folder / "x"),
        "name": lambda: (folder / "C:x").write_text("x"),
    }
    make[kind]()
    expected = (
        (pv.MalformedDocument, "no name on every system")
        if kind == "name"
        else (pv.UnsupportedFormat, "link, device or socket")
    )
    with pytest.raises(expected[0], match=expected[1]):
        pv.attach(image, folder, artifact_type="text/x")
    assert len(pv.referrers(image)) == 0


def test_what_cannot_be_attached_is_told_before_anything_is_sent(
    image: pv.Image, tmp_path: Path, local_registry: LocalRegistry
) -> None:
    (tmp_path / "good").write_text("good")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "good").write_text("other")
    local_registry.clear_requests()
    with pytest.raises(pv.NotFound, match="cannot be read"):
        pv.attach(image, tmp_path / "good", tmp_path / "absent", artifact_type="text/x")
    with pytest.raises(pv.MalformedDocument, match="nothing to attach"):
        pv.attach(image, artifact_type="text/x")
    with pytest.raises(pv.MalformedDocument, match="the same name"):
        pv.attach(image, tmp_path / "good", tmp_path / "sub" / "good", artifact_type="text/x")
    with pytest.raises(pv.UnsupportedFormat, match="neither a file nor a folder"):
        pv.attach(image, "/dev/null", artifact_type="text/x")
    for limit in (3, 7):  # one file; all of them
        with pytest.raises(pv.LimitExceeded, match=f"{limit} bytes"):
            pv.attach(
                image,
                *(tmp_path / "good", tmp_path / "sub"),
                artifact_type="text/x",
                limits=pv.Limits(pull_bytes=limit),
            )
    assert local_registry.requests == []


# Again


def test_what_is_there_is_kept_and_not_fetched_again(
    image: pv.Image, tmp_path: Path, local_registry: LocalRegistry
) -> None:
    (tmp_path / "docs").mkdir()
    for name in ("a", "b"):
        (tmp_path / f"{name}.txt").write_text(name)
        (tmp_path / "docs" / name).write_text(name)
    files = (tmp_path / "a.txt", tmp_path / "b.txt", tmp_path / "docs")
    stored = pv.attach(image, *files, artifact_type="text/x")
    out = tmp_path / "out"
    first = pv.pull(stored, out)
    kept = {path: path.stat().st_ino for path in first}
    (out / "b.txt").unlink()
    (out / "docs" / "b").unlink()
    local_registry.clear_requests()
    assert pv.pull(stored, out) == first
    blobs = [r.path.rpartition("/")[2] for r in local_registry.requests if "/blobs/" in r.path]
    assert str(Digest.of(b"a")) not in blobs
    assert str(Digest.of(b"b")) in blobs
    assert (out / "b.txt").read_text() == (out / "docs" / "b").read_text() == "b"
    for path in (out / "a.txt", out / "docs" / "a"):
        assert path.stat().st_ino == kept[path], "written again"


@pytest.mark.parametrize("other", ["other content", "z"])
@pytest.mark.parametrize("where", ["a.txt", "docs/a"])
def test_other_content_is_not_overwritten_unasked(
    image: pv.Image, tmp_path: Path, where: str, other: str
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "docs" / "a").write_text("a")
    (tmp_path / "docs" / "b").write_text("b")
    stored = pv.attach(image, tmp_path / "a.txt", tmp_path / "docs", artifact_type="text/x")
    out = tmp_path / "out"
    (out / "docs").mkdir(parents=True)
    (out / where).write_text(other)
    with pytest.raises(pv.MalformedDocument, match="there already, with other content"):
        pv.pull(stored, out)
    assert (out / where).read_text() == other
    assert not (out / "docs" / "b").exists(), "a folder is looked through before it is written"
    pv.pull(stored, out, overwrite=True)
    assert (out / where).read_text() == "a"


def test_altered_content_leaves_no_file(
    image: pv.Image, tmp_path: Path, local_registry: LocalRegistry
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a").write_text("a")
    (tmp_path / "f.txt").write_text("content")
    for path in (tmp_path / "f.txt", tmp_path / "docs"):
        stored = pv.attach(image, path, artifact_type="text/x")
        held = local_registry.blobs["team/app"]
        manifest = local_registry.manifests["team/app"][Digest(stored.digest)].document
        digest = manifest["layers"][0]["digest"]
        data = held[digest]
        assert isinstance(data, bytes)
        held[digest] = data[:-1] + b"!"
        with pytest.raises(pv.ContentMismatch):
            pv.pull(stored, tmp_path / "out")
        assert list((tmp_path / "out").iterdir()) == []


def test_an_artifact_without_files_writes_none(image: pv.Image, tmp_path: Path) -> None:
    stored = store_artifact(
        image, [(EMPTY_DESCRIPTOR, b"{}")], artifact_type="text/x", annotations={}
    )
    assert pv.pull(stored, tmp_path / "out") == ()


def test_an_image_is_no_artifact(image: pv.Image, tmp_path: Path) -> None:
    with pytest.raises(pv.UnsupportedFormat, match="it is an image"):
        pv.pull(image, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


# Names


@pytest.mark.parametrize(
    "title",
    [
        *("../evil", "/etc/evil", "a/../../evil", "..", "a/..", "a\\b", "", "C:evil"),
        *("a\x00b", "a\x1b[2Jb", "a\x9bb", "a\nb"),
    ],
)
@pytest.mark.parametrize("unpack", ["false", "true"])
def test_a_name_that_leads_out_writes_nothing(
    image: pv.Image, tmp_path: Path, title: str, unpack: str
) -> None:
    good = ({TITLE: "good"}, b"good")
    said = {TITLE: title, UNPACK: unpack}
    stored = store(image, good, (said, tar(entry("evil", b"x"))))
    with pytest.raises(pv.MalformedDocument, match="leads out"):
        pv.pull(stored, tmp_path / "deep" / "out")
    assert list(tmp_path.iterdir()) == [], "every name is looked at first"


def test_a_file_cannot_be_the_folder_itself(image: pv.Image, tmp_path: Path) -> None:
    with pytest.raises(pv.MalformedDocument, match="the folder itself"):
        pv.pull(store(image, ({TITLE: "./"}, b"x")), tmp_path / "out")


def test_two_files_of_one_name_are_refused_before_either_is_written(
    image: pv.Image, tmp_path: Path
) -> None:
    stored = store(image, ({TITLE: "a/b"}, b"1"), ({TITLE: "a//./b"}, b"2"))
    with pytest.raises(pv.MalformedDocument, match="two of its files have the name 'a/b'"):
        pv.pull(stored, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("names", [("File", "file"), ("\u00e9", "e\u0301")])
def test_names_that_a_disk_takes_for_one_are_not_written_over_each_other(
    image: pv.Image, tmp_path: Path, names: tuple[str, str]
) -> None:
    (tmp_path / names[0]).write_text("probe")
    one_file = (tmp_path / names[1]).exists()
    titles = store(image, *(({TITLE: n}, n.encode()) for n in names))
    folder = store_folder(image, tar(*(entry(f"folder/{n}", n.encode()) for n in names)))
    for stored in (titles, folder):
        if one_file:
            with pytest.raises(pv.MalformedDocument, match="on this disk"):
                pv.pull(stored, tmp_path / "out", overwrite=True)
        else:
            assert [p.read_text() for p in pv.pull(stored, tmp_path / "out")] == list(names)


def test_what_two_layers_both_hold_is_not_written_twice(image: pv.Image, tmp_path: Path) -> None:
    packed = tar(entry("folder/a", b"1"))
    stored = store(image, ({TITLE: "folder", UNPACK: "true"}, packed), ({TITLE: "folder/a"}, b"2"))
    with pytest.raises(pv.MalformedDocument, match="two of the files are"):
        pv.pull(stored, tmp_path / "out", overwrite=True)
    assert (tmp_path / "out" / "folder" / "a").read_bytes() == b"1"


@pytest.mark.parametrize(
    ("titles", "expected"),
    [
        (["a" * 300], "cannot be written"),
        (["a", "a/b"], "cannot be written"),
        (["/".join(["a"] * 255)], ""),
        (["/".join(["a"] * 256)], "more than 255"),
        (["/".join(["a" * 250] * 17)], "cannot be written"),
        (["a/b", "a"], "is a folder"),
    ],
    ids=[
        "a long step",
        "a file as folder",
        "deep",
        "too deep",
        "longer than a path",
        "a folder as file",
    ],
)
def test_a_name_the_disk_does_not_take_is_told(
    image: pv.Image, tmp_path: Path, titles: list[str], expected: str
) -> None:
    stored = store(image, *(({TITLE: title}, title.encode()[:9]) for title in titles))
    if not expected:
        assert pv.pull(stored, tmp_path / "out")[0].read_bytes() == b"a/a/a/a/a"
        return
    refused = (pv.RegistryUnavailable, pv.MalformedDocument, pv.LimitExceeded)
    with pytest.raises(refused, match=expected):
        pv.pull(stored, tmp_path / "out", overwrite=True)
    assert not list(tmp_path.rglob(".pull-*"))


@pytest.mark.parametrize("at", ["in", "in/file", "folder", "folder/a"])
def test_links_that_are_there_are_not_written_through(
    image: pv.Image, tmp_path: Path, at: str
) -> None:
    (tmp_path / "elsewhere").mkdir()
    target = tmp_path / "elsewhere"
    if at in {"in/file", "folder/a"}:
        target /= "file"
        target.write_text("mine")
    link = tmp_path / "out" / at
    link.parent.mkdir(parents=True)
    link.symlink_to(target)
    before = tree(tmp_path / "elsewhere")
    packed = tar(entry("folder/a", b"x"))
    stored = store(image, ({TITLE: "in/file"}, b"x"), ({TITLE: "folder", UNPACK: "true"}, packed))
    with pytest.raises(pv.MalformedDocument, match="is a link"):
        pv.pull(stored, tmp_path / "out", overwrite=True)
    assert tree(tmp_path / "elsewhere") == before


def test_the_folder_that_the_caller_names_may_be_a_link(image: pv.Image, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to("real")
    pv.pull(store(image, ({TITLE: "a"}, b"x")), tmp_path / "out")
    assert (tmp_path / "real" / "a").read_bytes() == b"x"


# Packed folders

LINKS = {
    "a symbolic link": {"type": tarfile.SYMTYPE, "linkname": "/etc"},
    "a hard link": {"type": tarfile.LNKTYPE, "linkname": "folder/a"},
    "a hard link out of it": {"type": tarfile.LNKTYPE, "linkname": "/etc/passwd"},
    "a device": {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3},
    "a pipe": {"type": tarfile.FIFOTYPE},
}


def _negative_size() -> bytes:
    return spoiled(tar(entry("folder/b")), 124, b"\xff" * 11 + b"\x00")


BAD_FOLDERS: dict[str, tuple[Callable[[], bytes], str]] = {
    **{
        name: (lambda more=more: tar(entry("folder/a", b"1"), entry("folder/l", **more)), "a link")  # type: ignore[misc]
        for name, more in LINKS.items()
    },
    "a sparse file": (
        lambda: tar(
            entry("folder/a", b"1", pax_headers={"GNU.sparse.map": "0,1", "GNU.sparse.size": "9"})
        ),
        "sparse",
    ),
    "an absolute name": (lambda: tar(entry("/etc/evil", b"x")), "leads out"),
    "a name with ..": (lambda: tar(entry("folder/../../evil", b"x")), "leads out"),
    "a name that is no UTF-8": (
        lambda: tar(entry("folder/\udcff", b"x"), form=tarfile.GNU_FORMAT),
        "leads out",
    ),
    "a name beside the title": (lambda: tar(entry("other/evil", b"x")), "not below the folder's"),
    "a name that begins like the title": (
        lambda: tar(entry("folder2/evil", b"x")),
        "not below the folder's",
    ),
    "a file in the place of the folder": (
        lambda: tar(entry("folder", b"x"), entry("folder/a")),
        "twice, or a file",
    ),
    "a name twice": (
        lambda: tar(entry("folder/a", b"1"), entry("folder/./a", b"2")),
        "the folder has 'folder/a' twice",
    ),
    "a size below zero": (_negative_size, "link, device or sparse|leads back|be unpacked"),
    "an end in a file": (
        lambda: tar(entry("folder/a", b"x" * 2000))[:1024],
        "ends within|cannot be unpacked",
    ),
    "what is no header after the first": (
        lambda: tar(entry("folder/a", b"1"))[:1024] + b"rubbish" * 200,
        "goes on with what is no header",
    ),
    "no tar at all": (lambda: b"just some text", "cannot be unpacked"),
    "nothing": (lambda: b"", "cannot be unpacked"),
    "a cut gzip": (lambda: gzip.compress(tar(entry("folder/a", b"1")))[:-30], "cannot be unpacked"),
    "a gzip with a wrong checksum": (
        lambda: gzip.compress(tar(entry("folder/a", b"1")))[:-8] + bytes(8),
        "cannot be unpacked",
    ),
    "xz": (lambda: lzma.compress(tar(entry("folder/a", b"1"))), "cannot be unpacked"),
    "bzip2": (lambda: bz2.compress(tar(entry("folder/a", b"1"))), "cannot be unpacked"),
    "gzip twice": (
        lambda: gzip.compress(gzip.compress(tar(entry("folder/a", b"1")))),
        "cannot be unpacked",
    ),
}


@pytest.mark.parametrize("name", BAD_FOLDERS)
def test_a_folder_with_one_bad_entry_writes_nothing(
    image: pv.Image, tmp_path: Path, name: str
) -> None:
    build, message = BAD_FOLDERS[name]
    stored = store_folder(image, build())
    with pytest.raises((pv.MalformedDocument, pv.RegistryUnavailable), match=message):
        pv.pull(stored, tmp_path / "out")
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_a_bomb_is_not_unpacked(image: pv.Image, tmp_path: Path) -> None:
    bomb = gzip.compress(tar(entry("folder/a", bytes(8 << 20))))
    assert len(bomb) < 10_000
    limits = pv.Limits(pull_bytes=1 << 20)
    with pytest.raises(pv.LimitExceeded, match="unpacks to more than"):
        pv.pull(store_folder(image, bomb), tmp_path / "out", limits=limits)
    many = tar(*(entry(f"folder/{n}") for n in range(20)))
    with pytest.raises(pv.LimitExceeded, match="more than 10 entries"):
        pv.pull(store_folder(image, many), tmp_path / "out", limits=pv.Limits(entries=10))
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_all_folders_together_have_one_limit(image: pv.Image, tmp_path: Path) -> None:
    layers = [
        ({TITLE: t, UNPACK: "true"}, gzip.compress(tar(entry(f"{t}/a", bytes(700_000)))))
        for t in ("one", "two")
    ]
    with pytest.raises(pv.LimitExceeded, match="unpacks to more than"):
        pv.pull(store(image, *layers), tmp_path, limits=pv.Limits(pull_bytes=1 << 20))


def test_a_header_of_gigabytes_is_not_read_into_memory(image: pv.Image, tmp_path: Path) -> None:
    # A GNU long name that says it has 4 GiB, and does, once unpacked.
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 4 << 30
    data = header.tobuf(tarfile.GNU_FORMAT) + bytes(1 << 20)
    with pytest.raises(pv.LimitExceeded, match="a header of the folder's tar"):
        pv.pull(store_folder(image, gzip.compress(data)), tmp_path / "out")


def test_headers_nested_without_end_are_refused(image: pv.Image, tmp_path: Path) -> None:
    header = tarfile.TarInfo("././@PaxHeader")
    header.type, header.size = tarfile.XHDTYPE, 13
    one = header.tobuf(tarfile.USTAR_FORMAT) + b"13 path=fold\n".ljust(512, b"\0")
    with pytest.raises(pv.MalformedDocument, match="cannot be unpacked"):
        pv.pull(store_folder(image, one * 5000), tmp_path / "out")


def test_the_unpacked_content_is_held_to_its_annotation(image: pv.Image, tmp_path: Path) -> None:
    packed = gzip.compress(tar(entry("folder/a", b"1")))
    wrong = store_folder(image, packed, **{CONTENT: str(Digest.of(b"other"))})
    with pytest.raises(pv.ContentMismatch, match="not to what its annotation says"):
        pv.pull(wrong, tmp_path / "out")
    with pytest.raises(pv.MalformedDocument, match="is no digest"):
        pv.pull(store_folder(image, packed, **{CONTENT: "md5:1"}), tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
    for digest in (
        Digest.of(gzip.decompress(packed)),
        Digest.of(gzip.decompress(packed), "sha512"),
    ):
        good = store_folder(image, packed, **{CONTENT: str(digest)})
        assert [p.read_bytes() for p in pv.pull(good, tmp_path / "out")] == [b"1"]


def test_rights_that_nobody_should_get_from_a_stranger_are_not_given(
    image: pv.Image, tmp_path: Path
) -> None:
    folder = {"type": tarfile.DIRTYPE}
    packed = tar(
        entry("folder", mode=0o7555, **folder),
        entry("folder/root", b"x", mode=0o6777),
        entry("folder/closed", mode=0o000, **folder),
        entry("folder/closed/none", b"x", mode=0o000),
    )
    pv.pull(store_folder(image, packed), tmp_path / "out")
    rights = {name: mode for name, (mode, _) in tree(tmp_path / "out").items()}
    assert rights == {
        "folder": "0o555",
        "folder/root": "0o755",
        "folder/closed": "0o0",
        "folder/closed/none": "0o0",
    }
    (tmp_path / "out" / "folder" / "closed").chmod(0o700)


def test_folders_of_other_tools_are_unpacked_too(image: pv.Image, tmp_path: Path) -> None:
    plain = tar(entry("./folder/", type=tarfile.DIRTYPE), entry("./folder/a", b"1"))
    whole = tar(entry("."), entry("a", b"2"))  # `oras push ref .`
    twice = gzip.compress(plain[:512]) + gzip.compress(plain[512:])  # two members of gzip
    for number, (title, data) in enumerate([("folder", plain), ("folder", twice), (".", whole)]):
        stored = store_folder(image, data, title)
        out = tmp_path / str(number)
        if title == ".":
            with pytest.raises(pv.MalformedDocument, match="twice, or a file"):
                pv.pull(stored, out)  # a file in the place of the folder
            whole_folder = tar(entry(".", type=tarfile.DIRTYPE), entry("a", b"2"))
            stored = store_folder(image, whole_folder, title)
        assert [p.relative_to(out).as_posix() for p in pv.pull(stored, out)] == [
            "a" if title == "." else "folder/a"
        ]
