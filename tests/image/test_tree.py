from __future__ import annotations

import io
import os
import shutil
import stat
import subprocess
import tarfile
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.image.test_layers import PLAIN, Memory
from tests.image.test_tar import header

from provenance.errors import LimitExceeded, NotFound
from provenance.image.entry import Kind
from provenance.image.layers import LayerReader
from provenance.settings import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.image.tree import Tree

# One change of a layer: what, where, and a mode, size or target.
Change = tuple[str, str, int]
Layer = list[tuple[str, str, str | bytes]]


def tar_of(changes: Layer) -> bytes:
    """A tar of (kind, name, content or target)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for kind, name, content in changes:
            member = tarfile.TarInfo(name)
            member.mode = {"dir": 0o755, "setuid hardlink": 0o4755}.get(kind, 0o644)
            data = content if isinstance(content, bytes) else b""
            if kind == "dir":
                member.type = tarfile.DIRTYPE
            elif kind == "symlink":
                member.type, member.linkname = tarfile.SYMTYPE, str(content)
            elif kind.endswith("hardlink"):
                member.type, member.linkname = tarfile.LNKTYPE, str(content)
            elif kind == "fifo":
                member.type = tarfile.FIFOTYPE
            else:
                member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


def reader(*layers: Layer) -> LayerReader:
    repository = Memory()
    blobs = [repository.add(tar_of(layer), PLAIN) for layer in layers]
    return LayerReader(repository, blobs, Limits())


def squash(*layers: Layer) -> Tree:
    return reader(*layers).tree()


def content(path: str, *layers: Layer) -> bytes:
    data = reader(*layers).file(path).data
    assert data == reader(*layers).collect([path]).files[path].data
    return data


class TestWhiteouts:
    def test_a_whiteout_removes_a_file_of_a_lower_layer(self) -> None:
        tree = squash([("file", "a/b", b"1"), ("file", "a/c", b"2")], [("file", "a/.wh.b", b"")])
        assert set(tree.nodes) == {"a/c"}

    def test_a_whiteout_removes_a_directory_with_all_below(self) -> None:
        tree = squash([("dir", "a", b""), ("file", "a/b/c", b"1")], [("file", ".wh.a", b"")])
        assert not tree.nodes
        assert not tree.directories

    def test_a_whiteout_does_not_hide_its_own_layer_wherever_it_stands(self) -> None:
        for order in ([0, 1], [1, 0]):
            top = [("file", "a/b", b"new"), ("file", "a/.wh.b", b"")]
            assert content("a/b", [("file", "a/b", b"old")], [top[i] for i in order]) == b"new"

    def test_an_opaque_marker_hides_lower_children_only(self) -> None:
        tree = squash(
            [("dir", "a", b""), ("file", "a/old", b"1"), ("file", "b", b"2")],
            [("file", "a/new", b"3"), ("file", "a/.wh..wh..opq", b"")],
        )
        assert set(tree.nodes) == {"a", "a/new", "b"}

    def test_an_opaque_root_hides_everything_below_which_is_told(self) -> None:
        layers = reader(
            [("file", "a/b", b"1")], [("file", ".wh..wh..opq", b""), ("file", "c", b"")]
        )
        assert set(layers.tree().nodes) == {"c"}
        # containerd on overlay shows `a/b` all the same.
        assert [f.rule for f in layers.collect([]).findings] == ["opaque-root"]

    @pytest.mark.parametrize(
        "top",
        [
            [("file", "a/.wh.b", b""), ("dir", "a/b", "")],
            [("file", "a/b/.wh..wh..opq", b""), ("file", "a/b", b""), ("dir", "a/b", "")],
            [("file", "a/b/.wh.c", b""), ("file", "a/b", b""), ("dir", "a/b", "")],
        ],
        ids=["a whiteout", "an opaque directory", "a whiteout below"],
    )
    def test_a_whiteout_that_its_layer_undoes_is_told_of(self, top: Layer) -> None:
        """containerd on overlay shows `a/b/c` all the same: the mark is gone, directories merge."""
        layers = reader([("file", "a/b/c", b"1")], top)
        assert "a/b/c" not in layers.tree().nodes
        assert [f.rule for f in layers.collect([]).findings] == ["whiteout-undone"]

    def test_a_path_taken_away_and_brought_back_loses_its_old_children(self) -> None:
        tree = squash(
            [("file", "a/old", b"1")], [("file", ".wh.a", b"")], [("file", "a/new", b"2")]
        )
        assert set(tree.nodes) == {"a/new"}

    def test_files_of_aufs_itself_are_no_files_of_the_image(self) -> None:
        tree = squash([("file", ".wh..wh.plnk/1.2", b"x"), ("file", "a/.wh..wh.aufs", b"")])
        assert not tree.nodes

    def test_the_directory_of_a_whiteout_is_there(self) -> None:
        assert squash([("file", "a/b/.wh.c", b"")]).directories == {"a", "a/b"}

    @pytest.mark.parametrize("name", [".wh.", "a/.wh..", "a/.wh..."])
    def test_a_whiteout_of_nothing_or_of_dots_takes_nothing_away(self, name: str) -> None:
        layers = reader([("file", "a/b", b"1")], [("file", name, b"")])
        assert set(layers.tree().nodes) == {"a/b"}
        assert [f.rule for f in layers.collect([]).findings] == ["whiteout-without-name"]


class TestReplacement:
    def test_a_file_over_a_directory_removes_its_children(self) -> None:
        tree = squash([("file", "a/b", b"1")], [("file", "a", b"2")])
        assert set(tree.nodes) == {"a"}

    def test_a_directory_over_a_file_lets_nothing_from_further_below_shine_through(self) -> None:
        tree = squash([("file", "a/b", b"1")], [("file", "a", b"2")], [("dir", "a", b"")])
        assert set(tree.nodes) == {"a"}
        assert tree.kind("a") is Kind.DIRECTORY

    def test_an_entry_below_makes_a_directory_of_a_lower_file(self) -> None:
        tree = squash([("file", "a", b"1")], [("file", "a/b", b"2")])
        assert set(tree.nodes) == {"a/b"}
        assert tree.kind("a") is Kind.DIRECTORY

    def test_the_upper_directory_gives_the_mode_of_merged_ones(self) -> None:
        tree = squash([("dir", "a", b""), ("file", "a/b", b"1")], [("file", "a/c", b"2")])
        assert tree.nodes["a"].layer == 0
        assert set(tree.nodes) == {"a", "a/b", "a/c"}

    def test_of_one_name_twice_in_a_layer_the_last_counts(self) -> None:
        assert content("a", [("file", "a", b"1"), ("file", "a", b"2")]) == b"2"

    def test_a_file_over_a_directory_within_a_layer_removes_its_children(self) -> None:
        tree = squash([("file", "a/b", b"1"), ("file", "a", b"2"), ("file", "a.b", b"3")])
        assert set(tree.nodes) == {"a", "a.b"}

    def test_an_entry_below_a_link_of_its_own_layer_lies_where_the_link_leads(self) -> None:
        """containerd's `archive.Apply` and Docker's `UnpackLayer` join it to the parent's place."""
        layer: Layer = [
            ("symlink", "lib", "usr/lib"),
            ("dir", "lib/d", b""),
            ("file", "lib/x", b"1"),
        ]
        tree = squash(layer)
        assert {p: n.entry.path for p, n in tree.nodes.items()} == {
            "lib": "lib",
            "usr/lib/d": "usr/lib/d",
            "usr/lib/x": "usr/lib/x",
        }
        assert content("lib/x", layer) == b"1"

    def test_an_entry_below_a_file_of_its_own_layer_is_kept_and_noted(self) -> None:
        layers = reader([("file", "lib", b""), ("file", "lib/x", b"1")])
        assert set(layers.tree().nodes) == {"lib/x"}
        assert [f.rule for f in layers.collect(["*"]).findings] == ["entry-below-non-directory"]

    def test_of_two_entries_of_a_directory_the_last_gives_the_mode(self) -> None:
        tar = header(b"a", mode=b"0000700\0", kind=b"5") + header(
            b"a", mode=b"0000711\0", kind=b"5"
        )
        repository = Memory()
        lower = repository.add(tar_of([("file", "a", b"1")]), PLAIN)
        upper = repository.add(tar + bytes(1024), PLAIN)
        node = LayerReader(repository, [lower, upper], Limits()).tree().nodes["a"]
        assert (node.entry.kind, node.entry.mode, node.layer) == (Kind.DIRECTORY, 0o711, 1)

    @pytest.mark.parametrize("between", [[("file", ".wh.a", b"")], [("file", "a", b"")]])
    def test_a_directory_that_was_away_has_no_mode_from_before(self, between: Layer) -> None:
        tree = squash([("dir", "a", b"")], between, [("file", "a/b", b"")])
        assert set(tree.nodes) == {"a/b"}
        assert tree.directories == {"a"}

    def test_devices_are_there_and_no_files(self) -> None:
        layers = reader([("fifo", "p", b""), ("hardlink", "q", "p"), ("file", "r", b"1")])
        assert {p: n.entry.kind for p, n in layers.tree().nodes.items()} == {
            "p": Kind.OTHER,
            "q": Kind.OTHER,
            "r": Kind.FILE,
        }
        assert set(layers.collect(["*"]).files) == {"r"}
        with pytest.raises(NotFound, match="no regular file 'p'"):
            layers.file("p")


class TestHistory:
    def test_older_versions_are_kept_newest_first(self) -> None:
        layers = reader([("file", "a", b"1")], [("file", "a", b"2")], [("file", "a", b"3")])
        digests = [layer.digest for layer in layers.layers]
        assert layers.collect(["a"]).history == {"a": ((digests[1], b"2"), (digests[0], b"1"))}

    def test_a_version_that_is_a_hard_link_is_one(self) -> None:
        layers = reader([("file", "b", b"1"), ("hardlink", "a", "b")], [("file", "a", b"2")])
        assert [data for _, data in layers.collect(["a"]).history["a"]] == [b"1"]

    def test_what_was_a_link_first_is_no_older_version(self) -> None:
        layers = reader([("symlink", "a", "b")], [("file", "a", b"1")], [("file", "a", b"2")])
        assert [data for _, data in layers.collect(["a"]).history["a"]] == [b"1"]

    @pytest.mark.parametrize(
        "between",
        [("file", ".wh.a", b""), ("dir", "a", b""), ("symlink", "a", "b"), ("file", "a/b", b"")],
        ids=["a whiteout", "a directory", "a link", "an implied directory"],
    )
    def test_a_version_from_before_a_break_is_no_history(
        self, between: tuple[str, str, str | bytes]
    ) -> None:
        layers = reader([("file", "a", b"1")], [between], [("file", "a", b"3")])
        assert not layers.collect(["a"]).history


class TestHardLinks:
    def test_a_link_in_its_layer_shares_the_bytes(self) -> None:
        layer: Layer = [("file", "a", b"1"), ("hardlink", "b", "a"), ("hardlink", "c", "b")]
        assert content("c", layer) == b"1"
        assert squash(layer).kind("c") is Kind.FILE

    @pytest.mark.parametrize("name", ["a", "b", "c"])
    def test_the_header_of_the_last_link_gives_all_names_its_permissions(self, name: str) -> None:
        """containerd's `createTarFile` links, then sets the mode of what it has linked."""
        layer: Layer = [("file", "a", b"1"), ("hardlink", "b", "a"), ("setuid hardlink", "c", "b")]
        assert squash(layer).nodes[name].entry.mode == 0o4755
        assert reader(layer).file(name).mode == 0o4755
        assert reader(layer).collect([name]).files[name].mode == 0o4755

    def test_a_file_that_comes_after_a_link_to_its_name_has_its_own(self) -> None:
        layer: Layer = [("file", "a", b"1"), ("setuid hardlink", "b", "a"), ("file", "a", b"2")]
        assert {n: squash(layer).nodes[n].entry.mode for n in "ab"} == {"a": 0o644, "b": 0o4755}

    def test_a_link_keeps_the_bytes_of_a_target_that_an_upper_layer_removed(self) -> None:
        lower: Layer = [("file", "a", b"1"), ("hardlink", "b", "a")]
        assert content("b", lower, [("file", ".wh.a", b"")]) == b"1"

    def test_a_link_keeps_the_bytes_of_a_target_that_its_own_layer_replaced(self) -> None:
        """A hard link is made to what has the name at that moment."""
        layer: Layer = [("file", "a", b"12"), ("hardlink", "b", "a"), ("file", "a", b"3")]
        assert (content("b", layer), content("a", layer)) == (b"12", b"3")
        tree = squash(layer)
        assert {p: n.entry.size for p, n in tree.nodes.items()} == {"a": 1, "b": 2}

    def test_a_link_to_a_file_of_a_lower_layer(self) -> None:
        layers: list[Layer] = [[("file", "a", b"1")], [("hardlink", "b", "a")]]
        assert content("b", *layers) == b"1"
        assert reader(*layers).file("b").layer == reader(*layers).layers[0].digest
        node = squash(*layers).nodes["b"]
        assert (node.layer, node.entry.path, node.entry.link, node.entry.size) == (1, "b", "a", 1)

    def test_a_link_into_a_lower_layer_keeps_what_an_upper_one_replaces(self) -> None:
        layers: list[Layer] = [
            [("file", "a", b"1")],
            [("hardlink", "b", "a"), ("file", "a", b"2")],
            [("file", "a", b"3")],
        ]
        assert content("b", *layers) == b"1"
        assert squash(*layers).nodes["b"].entry.size == 1

    def test_a_link_to_what_a_layer_between_removed_is_no_file(self) -> None:
        layers: list[Layer] = [
            [("file", "a", b"1")],
            [("file", ".wh.a", b"")],
            [("hardlink", "b", "a")],
        ]
        assert squash(*layers).kind("b") is Kind.HARDLINK
        assert not reader(*layers).collect(["b"]).files

    def test_links_through_several_layers_share_the_bytes(self) -> None:
        layers: list[Layer] = [
            [("file", "x", b"1"), ("hardlink", "a", "x")],
            [("hardlink", "b", "a")],
            [("hardlink", "c", "b"), ("symlink", "s", "c")],
            [("file", ".wh.b", b"")],
        ]
        assert content("c", *layers) == content("s", *layers) == b"1"
        assert squash(*layers).kind("c") is Kind.FILE

    def test_a_hidden_link_does_not_disturb_what_replaced_it(self) -> None:
        layers: list[Layer] = [
            [("file", "a", b"1")],
            [("hardlink", "b", "a")],
            [("file", "b", b"2")],
        ]
        assert content("b", *layers) == b"2"
        assert squash(*layers).nodes["b"].entry.link == ""

    def test_a_link_to_a_symbolic_link_is_one_too(self) -> None:
        layer: Layer = [("file", "a", b"1"), ("symlink", "s", "a"), ("hardlink", "b", "s")]
        assert content("b", layer) == b"1"

    @pytest.mark.parametrize("target", ["b", "gone", "dir"])
    def test_a_link_to_itself_to_nothing_or_to_a_directory_is_no_file(self, target: str) -> None:
        tree = squash([("dir", "dir", b""), ("hardlink", "b", target)])
        assert tree.kind("b") is Kind.HARDLINK

    def test_two_links_that_name_each_other_end(self) -> None:
        tree = squash([("hardlink", "a", "b"), ("hardlink", "b", "a")])
        assert tree.kind("a") is Kind.HARDLINK


class TestResolve:
    def test_links_are_followed_at_every_step(self) -> None:
        tree = squash(
            [
                ("file", "usr/lib/os-release", b"1"),
                ("symlink", "lib", "usr/lib"),
                ("symlink", "etc/os-release", "../lib/os-release"),
            ]
        )
        assert tree.resolve("/etc/os-release") == "usr/lib/os-release"

    def test_an_absolute_link_starts_at_the_root_of_the_image(self) -> None:
        tree = squash([("file", "data/x", b"1"), ("symlink", "a/b/c", "/data")])
        assert tree.resolve("a/b/c/x") == "data/x"

    def test_dots_above_the_root_stay_at_the_root(self) -> None:
        tree = squash([("file", "x", b"1"), ("symlink", "a", "../../../../x")])
        assert tree.resolve("a") == "x"
        assert tree.resolve("../../x") == "x"

    def test_dots_are_taken_after_the_link_before_them(self) -> None:
        tree = squash(
            [("file", "usr/x", b"1"), ("dir", "usr/lib", b""), ("symlink", "lib", "usr/lib")]
        )
        assert tree.resolve("lib/../x") == "usr/x"

    @pytest.mark.parametrize("link", ["gone/../x", "x/../x", "/usr/lib/gone/../../../x"])
    def test_no_step_leads_out_of_what_is_no_directory(self, link: str) -> None:
        """path_resolution(7): ENOENT or ENOTDIR."""
        layers = reader(
            [("dir", "usr/lib/gone", b""), ("file", "x", b"1"), ("symlink", "l", link)],
            [("file", "usr/lib/.wh.gone", b"")],
        )
        tree = layers.tree()
        assert tree.find("l") is tree.find(link) is None
        assert set(layers.collect(["*"]).files) == {"x"}
        for path in ("l", link):
            with pytest.raises(NotFound):
                layers.file(path)
        with pytest.raises(NotFound):
            tree.resolve("l")

    def test_a_step_out_of_a_linked_directory_is_one_out_of_where_it_leads(self) -> None:
        layer: Layer = [
            ("dir", "usr/lib", b""),
            ("symlink", "lib", "usr/lib"),
            ("file", "usr/x", b"1"),
            ("symlink", "l", "lib/../x"),
        ]
        assert content("l", layer) == b"1"

    def test_a_loop_is_a_typed_error_and_no_match(self) -> None:
        tree = squash([("symlink", "a", "b"), ("symlink", "b", "a")])
        with pytest.raises(LimitExceeded, match="more than 40 links"):
            tree.resolve("a")
        assert tree.find("a") is None

    def test_forty_links_are_followed_and_one_more_is_not(self) -> None:
        chain = [("symlink", f"l{i}", f"l{i + 1}") for i in range(41)]
        tree = squash([*chain, ("file", "l41", b"end")])
        assert tree.resolve("l1") == "l41"
        with pytest.raises(LimitExceeded):
            tree.resolve("l0")

    def test_what_is_missing_is_named_with_where_the_link_leads(self) -> None:
        tree = squash([("symlink", "a", "nowhere/x"), ("file", "f", b"")])
        with pytest.raises(NotFound, match=r"no 'a' \(its link leads to 'nowhere/x'"):
            tree.resolve("a")
        with pytest.raises(NotFound, match="no 'f/x'"):
            tree.resolve("f/x")
        with pytest.raises(NotFound, match="no 'q'"):
            tree.resolve("q")

    def test_a_name_two_thousand_steps_deep_is_no_problem(self) -> None:
        deep = "/".join(["d"] * 2000)
        tree = squash([("file", deep, b"1")], [("file", "d/d/x", b"")])
        assert tree.resolve(deep) == deep


NAMES = st.sampled_from(["a", "b", "c", "d"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
CHANGES = st.tuples(
    st.sampled_from(["file", "file", "dir", "symlink", "whiteout", "opaque", "hardlink"]),
    PATHS,
    st.integers(0, 9),
)
LAYERS = st.lists(st.lists(CHANGES, max_size=8), min_size=1, max_size=4)


def members(changes: list[Change]) -> Layer:
    """Entries that any tar extracts the same: no name below or over another kind of its layer."""
    kinds: dict[str, str] = {}
    out: Layer = []
    for kind, path, number in changes:
        parents = ["/".join(path.split("/")[:i]) for i in range(1, path.count("/") + 1)]
        if any(kinds.get(p, "dir") != "dir" for p in parents):
            continue
        if kind == "opaque":
            if kinds.setdefault(path, "dir") == "dir":
                out.append(("file", f"{path}/.wh..wh..opq", b""))
        elif kind == "whiteout":
            parent, _, name = path.rpartition("/")
            out.append(("file", f"{parent}/.wh.{name}".lstrip("/"), b""))
        elif path in kinds:
            continue
        elif kind == "hardlink":
            targets = sorted(p for p, k in kinds.items() if k == "file")
            if not targets:
                continue
            out.append(("hardlink", path, targets[number % len(targets)]))
            kinds[path] = "file"
        else:
            body: str | bytes = (
                b"%d" % len(out) * number if kind == "file" else "../" * (number % 3) + "a"
            )
            out.append((kind, path, body))
            kinds[path] = kind
        for parent in parents:
            kinds.setdefault(parent, "dir")
    return out


def apply(layer: Path, root: Path) -> None:
    """The specification's words on real directories: removals first, then copy over."""
    for folder, _, files in os.walk(layer):
        inside = Path(folder).relative_to(layer)
        where = root / inside
        if any((root / step).is_symlink() for step in [inside, *inside.parents][:-1]):
            continue  # names are the layer's own, links are followed at lookup only
        if ".wh..wh..opq" in files and where.is_dir():
            for child in where.iterdir():
                remove(child)
        for name in files:
            if name.startswith(".wh.") and not name.startswith(".wh..wh."):
                remove(where / name.removeprefix(".wh."))
    copy(layer, root)


def copy(layer: Path, root: Path) -> None:
    for child in sorted(layer.iterdir()):
        if child.name.startswith(".wh."):
            continue
        target = root / child.name
        if child.is_dir() and not child.is_symlink():
            if target.is_symlink() or (target.exists() and not target.is_dir()):
                target.unlink()
            target.mkdir(exist_ok=True)
            copy(child, target)
        else:
            remove(target)
            shutil.copy2(child, target, follow_symlinks=False)


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif path.is_symlink() or path.exists():
        path.unlink()


def listing(root: Path) -> dict[str, tuple[str, int | str]]:
    found: dict[str, tuple[str, int | str]] = {}
    for folder, directories, files in os.walk(root):
        for name in directories + files:
            path = Path(folder) / name
            status = path.lstat()
            relative = path.relative_to(root).as_posix()
            if stat.S_ISLNK(status.st_mode):
                found[relative] = ("link", path.readlink().as_posix())
            elif stat.S_ISDIR(status.st_mode):
                found[relative] = ("dir", 0)
            else:
                found[relative] = (oct(stat.S_IMODE(status.st_mode)), status.st_size)
    return found


def ours(tree: Tree) -> dict[str, tuple[str, int | str]]:
    found: dict[str, tuple[str, int | str]] = dict.fromkeys(tree.directories, ("dir", 0))
    for path, node in tree.nodes.items():
        entry = node.entry
        if entry.kind is Kind.SYMLINK:
            found[path] = ("link", entry.link)
        elif entry.kind is Kind.DIRECTORY:
            found[path] = ("dir", 0)
        else:
            found[path] = (oct(entry.mode), entry.size)
    return found


@contextmanager
def unpacked(tars: list[bytes]) -> Iterator[Path]:
    """The layers as `tar` and the rules lay them on each other."""
    tar = shutil.which("tar")
    if tar is None:
        pytest.skip("no tar program")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        root.mkdir()
        for index, data in enumerate(tars):
            layer = Path(folder) / str(index)
            layer.mkdir()
            subprocess.run([tar, "-xf", "-", "-C", str(layer)], input=data, check=True)
            apply(layer, root)
        yield root


def bodies(root: Path) -> dict[str, bytes]:
    """Every regular file and what is in it."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


@settings(max_examples=60)
@given(LAYERS)
def test_the_squashed_view_is_the_tree_that_tar_and_the_rules_make(
    layers: list[list[Change]],
) -> None:
    """image-spec layer.md: apply each changeset in order on top of the ones before it."""
    specs = [members(changes) for changes in layers]
    with unpacked([tar_of(spec) for spec in specs]) as root:
        assert ours(squash(*specs)) == listing(root)
        found = reader(*specs).collect(["**"])
        assert ours(found.tree).keys() == listing(root).keys()
        plain = {path: file.data for path, file in found.files.items() if path == file.real_path}
        assert plain == bodies(root)
        for path, file in found.files.items():
            assert os.path.realpath(root / path) == str(root / file.real_path)
