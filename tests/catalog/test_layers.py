"""Files on their way to catalogers: links, second passes, the cache, folders in place of images."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import sqlite3
import stat
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

import provenance as pv
from provenance.catalog import (
    Again,
    Cataloger,
    Fact,
    MatchedFile,
    Problem,
    Relation,
)
from provenance.catalog.cache import LayerCache, key_of
from provenance.catalog.cache_file import CacheFile
from provenance.catalog.document_cache import kept_document
from provenance.catalog.files import Reading
from provenance.catalog.record_codec import decode_record, encode_record
from provenance.catalog.routing import TINY, Router
from provenance.digests import Digest
from provenance.errors import (
    ContentMismatch,
    LimitExceeded,
    MalformedDocument,
    NotFound,
    UnsupportedFormat,
)
from provenance.findings import Finding, Severity
from provenance.image import zstd
from provenance.image.record import LayerRecord
from provenance.oci import media_types as mt
from provenance.oci.layout import LayoutRepository
from provenance.oci.manifest import Manifest
from provenance.packages.package import Location, Package, Reference
from provenance.settings import Limits
from provenance.testing import ImageBuilder
from provenance.testing.layers import File, Hardlink, Opaque, Symlink, Whiteout

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from provenance.catalog.cataloger import Item
    from provenance.testing import LocalRegistry
    from provenance.testing.layers import Entry

LAYER = Digest.of(b"layer")
Layers = list[dict[str, "Entry"]]


def named(file: MatchedFile) -> Iterator[Item]:
    """A package named as the file says, so that one sees which file was read under which name."""
    yield Package(
        name=file.text().strip(),
        version="1",
        type="generic",
        purl=f"pkg:generic/{file.text().strip()}@1",
        locations=(file.location,),
        cataloger="named",
    )


NAMED = Cataloger(
    name="named",
    version=1,
    types=("generic",),
    read=named,
    paths=("**/modules/*/manifest", "etc/manifest"),
)


def found(
    layers: Layers, folder: Path, cataloger: Cataloger = NAMED, cache: Path | None = None
) -> dict[str, list[str]]:
    """Name to the paths under which it was found."""
    image = ImageBuilder()
    for layer in layers:
        image.layer(layer)
    image.push(f"oci:{folder}:1")
    sbom = pv.generate_sbom(f"oci:{folder}:1", catalogers=[cataloger], cache=cache)
    return {p.name: [x.path for x in p.locations] for p in sbom.packages}


def image_manifest(folder: Path) -> Manifest:
    manifest = pv.resolve(f"oci:{folder}:1").manifest()
    assert isinstance(manifest, Manifest)
    return manifest


class TestLinks:
    @pytest.mark.parametrize(
        ("layers", "expected"),
        [
            ([{"app/modules/a/manifest": b"a"}], {"a": ["app/modules/a/manifest"]}),
            (
                [{"srv/deps/a/manifest": b"a", "app/modules": Symlink("/srv/deps")}],
                {"a": ["app/modules/a/manifest"]},
            ),
            (
                [{"srv/deps/a/manifest": b"a"}, {"app/modules": Symlink("../srv/deps")}],
                {"a": ["app/modules/a/manifest"]},
            ),
            (
                [{"work/a/manifest": b"a", "app/modules/a": Symlink("../../work/a")}],
                {"a": ["app/modules/a/manifest"]},
            ),
            (
                [
                    {"work/a/manifest": b"a", "work/b/manifest": b"b"},
                    {"srv/a": Symlink("/work/a"), "srv/b": Symlink("/gone")},
                    {"app/modules": Symlink("/srv"), "srv/b": Symlink("../work/b")},
                    {"srv/loop": Symlink(".")},
                ],
                {"a": ["app/modules/a/manifest"], "b": ["app/modules/b/manifest"]},
            ),
            (
                [{"etc/real": b"a", "etc/manifest": Symlink("real")}],
                {"a": ["etc/manifest"]},
            ),
            (
                [
                    {
                        "lib/modules/a/manifest": b"a",
                        "app/modules": Symlink("/lib/modules"),
                    }
                ],
                {"a": ["lib/modules/a/manifest"]},
            ),
            (
                [{"srv/deps/a/manifest": b"a", "app/modules": Symlink("/srv/deps")},
                 {"app/modules": Whiteout()}],
                {},
            ),
            (
                [{"srv/deps/a/manifest": b"a", "app/modules": Symlink("/srv/deps")},
                 {"srv/deps": Opaque()}],
                {},
            ),
            ([{"app/modules": Symlink("modules"), "etc/manifest": Symlink("/gone")}], {}),
            (
                [{"store/0f": b"a", "app/modules/a/manifest": Hardlink("store/0f")}],
                {"a": ["app/modules/a/manifest"]},
            ),
            (
                [{"store/0f": b"a", "app/modules/a/manifest": Hardlink("store/0f")},
                 {"store": Whiteout()}],
                {"a": ["app/modules/a/manifest"]},
            ),
            (
                [{"store/0f": b"a"}, {"app/modules/a/manifest": Hardlink("store/0f")},
                 {"store": Whiteout()}],
                {"a": ["app/modules/a/manifest"]},
            ),
            (
                [{"store/0f": b"a"}, {"app/modules/a/manifest": Hardlink("store/0f")},
                 {"store/0f": b"other"}],
                {"a": ["app/modules/a/manifest"]},
            ),
            (
                [{"app/modules/a/manifest": b"a",
                  "app/modules/b/manifest": Hardlink("app/modules/a/manifest")}],
                {"a": ["app/modules/a/manifest", "app/modules/b/manifest"]},
            ),
        ],
    )  # fmt: skip
    def test_files_are_read_under_the_names_that_links_give_them(
        self, layers: Layers, expected: dict[str, list[str]], tmp_path: Path
    ) -> None:
        assert found(layers, tmp_path) == expected

    def test_a_link_out_of_the_root_stays_in_it(self, tmp_path: Path) -> None:
        assert found([{"etc/manifest": Symlink("../../../../../etc/passwd")}], tmp_path) == {}

    def test_links_that_lead_everywhere_end_in_a_typed_error(self, tmp_path: Path) -> None:
        layer: dict[str, Entry] = {f"f{i}/manifest": b"x" for i in range(500)}
        layer |= {f"{i}/modules": Symlink("/") for i in range(500)}
        with pytest.raises(LimitExceeded, match="too many files"):
            found([layer], tmp_path)


class TestSecondPass:
    def test_a_sink_may_ask_for_the_whole_file(self, tmp_path: Path) -> None:
        class Sink:
            def __init__(self, path: str) -> None:
                self.path, self.seen = path, b""

            def feed(self, data: memoryview, /) -> None:
                self.seen += data

            def close(self) -> Iterable[Item]:
                return [Again(self.path)] if self.seen.startswith(b"again") else []

        asked = Cataloger(
            name="named",
            version=1,
            types=(),
            read=named,
            paths=("**/*.bin",),
            stream=lambda file: Sink(file.path),
        )
        layers: Layers = [{"a.bin": b"again-a", "b.bin": b"not-b"}]
        assert found(layers, tmp_path, asked) == {"again-a": ["a.bin"]}

    def test_a_sink_that_says_so_is_fed_no_more(self, tmp_path: Path) -> None:
        fed = {"once": 0, "all": 0}

        class Sink:
            def __init__(self, name: str) -> None:
                self.name = name

            def feed(self, data: memoryview, /) -> bool | None:
                fed[self.name] += len(data)
                return self.name == "once" or None

            def close(self) -> Iterable[Item]:
                return [Fact("closed", self.name, 1)]

        def cataloger(name: str) -> Cataloger:
            return Cataloger(
                name=name,
                version=1,
                types=(),
                read=named,
                paths=("*.bin",),
                stream=lambda _: Sink(name),
                complete=lambda remaining: [
                    Problem(f"{name}.bin", "closed") for _ in remaining.of("closed")
                ],
            )

        body = random.Random(1).randbytes(3 << 20)
        ImageBuilder().layer({"a.bin": body}).push(f"oci:{tmp_path}:1")
        both = [cataloger("once"), cataloger("all")]
        sbom = pv.generate_sbom(f"oci:{tmp_path}:1", catalogers=both, cache=None)
        assert {f.pointer for f in sbom.findings} == {"once.bin", "all.bin"}
        assert fed["all"] == len(body) > fed["once"] > 0

    def test_a_large_body_is_mapped(self, tmp_path: Path) -> None:
        kinds = []

        def read(file: MatchedFile) -> Iterable[Item]:
            kinds.append((type(file.body).__name__, len(file.body), file.body[:3]))
            return ()

        large = Cataloger(name="large", version=1, types=(), read=read, paths=("*.jar",))
        body = b"PK\\3" + bytes(17 << 20)
        found([{"small.jar": b"abc", "large.jar": body}], tmp_path, large)
        assert sorted(kinds) == [("bytes", 3, b"abc"), ("mmap", len(body), b"PK\\3"[:3])]

    def test_a_file_beyond_the_limit_is_a_finding(self, tmp_path: Path) -> None:
        ImageBuilder().layer({"etc/manifest": b"12345"}).push(f"oci:{tmp_path}:1")
        sbom = pv.generate_sbom(
            f"oci:{tmp_path}:1", catalogers=[NAMED], cache=None, limits=Limits(spooled_bytes=4)
        )
        assert [f.pointer for f in sbom.findings] == ["etc/manifest"]
        assert "Limits.spooled_bytes" in sbom.findings[0].message


class TestCache:
    def test_a_second_image_on_the_same_base_reads_its_own_layers_alone(
        self, tmp_path: Path
    ) -> None:
        reads: list[str] = []

        def read(file: MatchedFile) -> Iterator[Item]:
            reads.append(file.path)
            yield from named(file)

        counted = Cataloger(name="named", version=1, types=(), read=read, paths=("**/manifest",))
        base: dict[str, Entry] = {
            "a/manifest": b"a",
            "store": b"c",
            "c/manifest": Hardlink("store"),
        }
        cache = tmp_path / "cache"
        first = found([base], tmp_path / "one", counted, cache)
        assert sorted(reads) == ["a/manifest", "c/manifest"]
        reads.clear()
        assert found([base], tmp_path / "one", counted, cache) == first
        assert reads == []
        both = found([base, {"b/manifest": b"b"}], tmp_path / "two", counted, cache)
        assert reads == ["b/manifest"]
        assert both == {"a": ["a/manifest"], "b": ["b/manifest"], "c": ["c/manifest"]}

    def test_diff_ids_that_were_computed_are_kept(self, tmp_path: Path) -> None:
        layout, cache = tmp_path / "image", tmp_path / "cache"
        ImageBuilder().layer({"etc/manifest": b"a"}).push(f"oci:{layout}:1")
        (layer,) = pv.resolve(f"oci:{layout}:1").layers
        for _ in range(2):
            sbom = pv.generate_sbom(
                f"oci:{layout}:1", catalogers=[NAMED], cache=cache, verify="full"
            )
            assert [p.name for p in sbom.packages] == ["a"]
            (layout / "blobs" / "sha256" / layer.digest.hex).unlink(missing_ok=True)

    def test_another_version_of_a_cataloger_reads_again(self, tmp_path: Path) -> None:
        layers: Layers = [{"etc/manifest": b"a"}]
        found(layers, tmp_path, NAMED, tmp_path / "cache")
        newer = Cataloger(name="named", version=2, types=(), read=lambda _: (), paths=NAMED.paths)
        assert found(layers, tmp_path, newer, tmp_path / "cache") == {}

    @pytest.mark.parametrize(
        ("said", "error"),
        [
            ({"size": 1}, ContentMismatch),
            ({"size": 1 << 50}, LimitExceeded),
            ({"media_type": mt.LAYER_GZIP + "+encrypted"}, UnsupportedFormat),
        ],
    )
    @pytest.mark.parametrize("twice", [False, True])
    def test_what_another_manifest_says_falsely_of_a_layer_that_is_kept_is_refused(
        self, said: dict[str, Any], error: type[Exception], tmp_path: Path, *, twice: bool
    ) -> None:
        cache, folder = tmp_path / "cache", tmp_path / "image"
        found([{"etc/manifest": b"a"}], folder, NAMED, cache)
        true = image_manifest(folder)
        layers = [replace(true.layers[0], **said), *(true.layers if twice else ())]
        false = Manifest.build(true.config, layers)
        LayoutRepository(folder).push_manifest(false, tag="2")
        with pytest.raises(error):
            pv.generate_sbom(f"oci:{folder}:2", catalogers=[NAMED], cache=cache)

    def test_a_failure_is_not_kept(self, tmp_path: Path) -> None:
        def fail(file: MatchedFile) -> Iterable[Item]:
            raise MemoryError

        layers: Layers = [{"etc/manifest": b"a"}]
        broken = Cataloger(
            name="named", version=1, types=("generic",), read=fail, paths=NAMED.paths
        )
        assert found(layers, tmp_path, broken, tmp_path / "cache") == {}
        assert found(layers, tmp_path, NAMED, tmp_path / "cache") == {"a": ["etc/manifest"]}

    def test_a_blob_that_is_not_there_any_more_is_not_needed(self, tmp_path: Path) -> None:
        layout, cache = tmp_path / "image", tmp_path / "cache"
        expected = found([{"etc/manifest": b"a"}], layout, NAMED, cache)
        layer = pv.resolve(f"oci:{layout}:1").layers[0].digest
        (layout / "blobs" / "sha256" / layer.hex).unlink()
        sbom = pv.generate_sbom(f"oci:{layout}:1", catalogers=[NAMED], cache=cache)
        assert [p.name for p in sbom.packages] == list(expected)

    @pytest.mark.parametrize(
        "layers",
        [
            [{"srv/deps/a/manifest": b"a"}, {"app/modules": Symlink("/srv/deps")}],
            [{"store": b"a"}, {"app/modules/a/manifest": Hardlink("store")}],
        ],
    )
    def test_nor_where_links_of_other_layers_lead_into_it(
        self, layers: Layers, tmp_path: Path
    ) -> None:
        layout, cache = tmp_path / "image", tmp_path / "cache"
        assert found(layers, layout, NAMED, cache) == {"a": ["app/modules/a/manifest"]}
        for layer in pv.resolve(f"oci:{layout}:1").layers:
            (layout / "blobs" / "sha256" / layer.digest.hex).unlink()
        sbom = pv.generate_sbom(f"oci:{layout}:1", catalogers=[NAMED], cache=cache)
        assert [p.locations[0].path for p in sbom.packages] == ["app/modules/a/manifest"]

    def test_other_links_into_a_layer_that_is_kept_are_followed(self, tmp_path: Path) -> None:
        base: dict[str, Entry] = {"srv/deps/a/manifest": b"a"}
        for name in ("app", "app", "b", "app"):
            layers: Layers = [base, {f"{name}/modules": Symlink("/srv/deps")}]
            at = found(layers, tmp_path / name, NAMED, tmp_path / "cache")
            assert at == {"a": [f"{name}/modules/a/manifest"]}

    @pytest.mark.skipif(os.name == "nt", reason="rights are not kept in modes there")
    @pytest.mark.parametrize("what", ["folder", "file", "link"])
    def test_a_file_that_others_may_change_is_not_used(self, what: str, tmp_path: Path) -> None:
        cache = tmp_path / "cache"
        found([{"etc/manifest": b"a"}], tmp_path / "image", NAMED, cache)
        (file,) = cache.glob("*.sqlite")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        if what == "folder":
            cache.chmod(0o777)
        elif what == "file":
            file.chmod(0o622)
        else:
            file.rename(tmp_path / "elsewhere")
            file.symlink_to(tmp_path / "elsewhere")
        layer = image_manifest(tmp_path / "image").layers[0]
        key = key_of([NAMED], limits=Limits(), hashed=False, file_lists=False)
        with contextlib.closing(CacheFile(cache)) as opened:
            assert LayerCache(opened, key).get(layer) is None

    @pytest.mark.parametrize("damage", ["record", "swap", "file", "schema"])
    def test_a_damaged_file_is_a_miss(self, damage: str, tmp_path: Path) -> None:
        cache = tmp_path / "cache"
        expected = found([{"etc/manifest": b"a"}], tmp_path / "a", NAMED, cache)
        found([{"etc/manifest": b"b"}], tmp_path / "b", NAMED, cache)
        (file,) = cache.glob("*.sqlite")
        if damage == "file":
            for beside in cache.glob("*.sqlite?*"):
                beside.unlink()
            file.write_bytes(b"no database at all" * 1000)
        else:
            with sqlite3.connect(file) as database:
                if damage == "record":
                    database.execute("UPDATE layer SET record = substr(record, 2)")
                elif damage == "schema":
                    database.execute("ALTER TABLE layer RENAME TO other")
                else:
                    rows = database.execute("SELECT digest, record FROM layer").fetchall()
                    for (_, record), (digest, _) in zip(rows, reversed(rows), strict=True):
                        change = "UPDATE layer SET record=? WHERE digest=?"
                        database.execute(change, (record, digest))
            database.close()
        assert found([{"etc/manifest": b"a"}], tmp_path / "a", NAMED, cache) == expected

    def test_it_forgets_what_was_longest_unused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("provenance.catalog.cache_file._MOST", 2 * len(b"entry"))
        times = iter(range(1, 100))
        monkeypatch.setattr("provenance.catalog.cache_file.time.time", lambda: float(next(times)))
        digests = [Digest.of(bytes([n])) for n in range(4)]
        with contextlib.closing(CacheFile(tmp_path)) as file:
            for digest in digests:
                file.put(digest, b"key", b"entry")
        with contextlib.closing(CacheFile(tmp_path)) as file:
            kept = [file.get(d, b"key") is not None for d in digests]
        assert kept == [False, False, True, True]


class TestDocuments:
    def _made(self, folder: Path, cache: Path | None, **options: Any) -> bytes:
        sbom: pv.Sbom = pv.generate_sbom(f"oci:{folder}:1", cache=cache, **options)
        return sbom.to_bytes()

    @pytest.fixture
    def layout(self, tmp_path: Path) -> Path:
        image = ImageBuilder().config(created="2026-01-01T00:00:00Z")
        image.layer({"usr/lib/python3/x-1.dist-info/METADATA": b"Name: x\nVersion: 1\n\n"})
        image.push(f"oci:{tmp_path / 'image'}:1")
        return tmp_path / "image"

    def test_the_same_image_asked_for_again_is_not_cataloged(
        self, layout: Path, tmp_path: Path
    ) -> None:
        first = self._made(layout, tmp_path / "cache")
        assert first == self._made(layout, None)
        with sqlite3.connect(next((tmp_path / "cache").glob("*.sqlite"))) as database:
            manifest = pv.resolve(f"oci:{layout}:1").digest
            database.execute("DELETE FROM layer WHERE digest != ?", (manifest,))
        database.close()
        for layer in pv.resolve(f"oci:{layout}:1").layers:
            (layout / "blobs" / "sha256" / layer.digest.hex).unlink()
        told: list[tuple[int, int]] = []
        again = pv.generate_sbom(
            f"oci:{layout}:1", cache=tmp_path / "cache", progress=lambda *n: told.append(n)
        )
        assert again.to_bytes() == first
        assert [done == total for done, total in told] == [True]

    def test_findings_come_back_with_it(self, layout: Path, tmp_path: Path) -> None:
        ImageBuilder().layer({"usr/lib/python3/x-1.dist-info/METADATA": b"Name: x\n\n"}).push(
            f"oci:{layout}:1"
        )
        made = [pv.generate_sbom(f"oci:{layout}:1", cache=tmp_path / "c") for _ in range(2)]
        assert made[0].findings == made[1].findings
        assert made[0].findings

    def test_so_does_one_of_a_layer_that_is_not_what_is_claimed(self, tmp_path: Path) -> None:
        image = ImageBuilder().raw_layer(bytes(1024), mt.LAYER, diff_id=str(Digest.of(b"other")))
        image.push(f"oci:{tmp_path}:1")
        for _ in range(2):
            sbom = pv.generate_sbom(f"oci:{tmp_path}:1", cache=tmp_path / "c", verify="full")
            assert [f.rule for f in sbom.findings] == ["diff-id-mismatch"]
            assert [f.pointer for f in sbom.findings] == [Digest.of(bytes(1024))]

    def test_another_time_name_or_choice_is_another_document(
        self, layout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cache = tmp_path / "cache"
        first = self._made(layout, cache)
        assert self._made(layout, cache, files="all") == self._made(layout, None, files="all")
        elsewhere = layout.rename(tmp_path / "renamed")
        assert self._made(elsewhere, cache) == self._made(elsewhere, None) != first
        monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000")
        assert self._made(elsewhere, cache) == self._made(elsewhere, None)

    def test_a_path_may_read_like_the_name_of_an_image_elsewhere(
        self, tmp_path: Path, local_registry: LocalRegistry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The one is a place on this machine, the other one where everybody finds the image."""
        monkeypatch.chdir(tmp_path)
        image = ImageBuilder().layer({"x": b""}).build()
        image.push("oci:registry.example/app:1")
        local_registry.put_image("app:1", image)
        mirrors = {"registry.example": local_registry.host}
        with pv.Registry(mirrors=mirrors) as registry:
            for reference in ("oci:registry.example/app:1", "registry.example/app:1"):
                made = [
                    pv.generate_sbom(reference, registry=registry, cache=cache).to_bytes()
                    for cache in (tmp_path / "cache", None)
                ]
                assert made[0] == made[1]

    def test_a_damaged_entry_is_a_miss(self, layout: Path, tmp_path: Path) -> None:
        first = self._made(layout, tmp_path / "cache")
        with sqlite3.connect(next((tmp_path / "cache").glob("*.sqlite"))) as database:
            database.execute("UPDATE layer SET record = substr(record, 2)")
        database.close()
        assert self._made(layout, tmp_path / "cache") == first

    @pytest.mark.parametrize(
        "data", [b"", b"no zstd", zstd.compress(b"\xc1"), zstd.compress(b"\x90")]
    )
    def test_bytes_that_are_no_document_are_a_miss(self, data: bytes, tmp_path: Path) -> None:
        with contextlib.closing(CacheFile(tmp_path)) as file:
            file.put(LAYER, b"key", data)
            assert kept_document(file, LAYER, b"key") is None


class TestCodec:
    def test_a_record_comes_back_as_it_was(self) -> None:
        package = Package(
            name="a",
            version="1",
            licenses=("MIT",),
            hashes={"sha1": "00"},
            locations=(Location("x", LAYER), Location("x!/y", LAYER)),
            depends=("b", "c"),
            references=(Reference("vcs", "https://example.org/a.git", "the source"),),
        )
        items: tuple[Item, ...] = (
            package,
            Fact("kind", "key", {"list": [1, "two", b"3"]}),
            Relation("a", "contains", "b"),
            Problem("x", "odd", 3),
        )
        record: LayerRecord[Reading] = LayerRecord(
            items={"x": Reading((("named", items),), 5, b"hash")},
            whiteouts={"w"},
            opaques={"", "o"},
            symlinks={"l": "../x"},
            hardlinks={"h": "x"},
            findings=[Finding("rule", Severity.WARNING, "message", "x")],
            diff_id=str(LAYER),
        )
        record.names.extend(["x", "l", "h"])
        record.directories.add("d")
        again = decode_record(encode_record(record), LAYER)
        assert (list(again.names), list(again.directories)) == (["x", "l", "h"], ["d"])
        for field in ("items", "whiteouts", "opaques", "symlinks", "hardlinks", "findings"):
            assert getattr(again, field) == getattr(record, field)
        assert again.diff_id == record.diff_id

    @pytest.mark.parametrize("position", range(0, 200, 7))
    def test_damaged_bytes_are_refused_or_read(self, position: int) -> None:
        record: LayerRecord[Reading] = LayerRecord(
            items={"x": Reading((("named", (Problem("x", "odd"),)),), 5)}
        )
        data = bytearray(encode_record(record))
        data[position % len(data)] ^= 0x55
        with contextlib.suppress(MalformedDocument):
            decode_record(bytes(data), LAYER)


class TestFolders:
    def root(self, folder: Path) -> Path:
        (folder / "srv/deps/a").mkdir(parents=True)
        (folder / "srv/deps/a/manifest").write_bytes(b"a")
        (folder / "app").mkdir()
        (folder / "app/modules").symlink_to("/srv/deps")
        return folder

    def test_links_are_resolved_within_the_root(self, tmp_path: Path) -> None:
        outside = tmp_path / "secret"
        outside.write_bytes(b"secret")
        root = self.root(tmp_path / "root")
        (root / "etc").mkdir()
        (root / "etc/manifest").symlink_to(outside)
        sbom = pv.generate_sbom(f"dir:{root}", catalogers=[NAMED])
        assert [(p.name, [x.path for x in p.locations]) for p in sbom.packages] == [
            ("a", ["app/modules/a/manifest"])
        ]
        assert sbom.packages[0].layer is None
        assert sbom.subject is not None
        assert sbom.subject.name == "root"
        assert str(tmp_path).encode() not in sbom.to_bytes()

    @pytest.mark.parametrize("files", ["none", "all"])
    def test_what_only_a_link_asks_for_and_cannot_be_read_is_told_once(
        self, files: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        root, opened = self.root(tmp_path), os.open

        def refused(path: Any, *args: Any, **options: Any) -> int:
            if path == "manifest":
                raise PermissionError(errno.EACCES, "Permission denied")
            return opened(path, *args, **options)

        monkeypatch.setattr(os, "open", refused)
        sbom = pv.generate_sbom(root, catalogers=[NAMED], files=files)
        assert [(f.rule, f.pointer) for f in sbom.findings] == [
            ("file-not-read", "srv/deps/a/manifest")
        ]

    def test_a_path_is_a_root_if_it_is_no_layout(self, tmp_path: Path) -> None:
        root = self.root(tmp_path / "root")
        assert len(pv.generate_sbom(root, catalogers=[NAMED]).packages) == 1

    def test_names_of_whiteouts_are_names_there(self, tmp_path: Path) -> None:
        (tmp_path / "modules/.wh.x").mkdir(parents=True)
        (tmp_path / "modules/.wh.x/manifest").write_bytes(b"x")
        assert len(pv.generate_sbom(tmp_path, catalogers=[NAMED]).packages) == 1

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
    def test_whoever_waits_for_the_reader_of_a_pipe_goes_on_waiting(self, tmp_path: Path) -> None:
        (tmp_path / "etc").mkdir()
        pipe = tmp_path / "etc/manifest"
        os.mkfifo(pipe)
        code = f"print('ready', flush=True); open({str(pipe)!r}, 'wb')"  # until somebody reads
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(0.2)
            assert len(pv.generate_sbom(tmp_path, catalogers=[NAMED], files="all").packages) == 0
            with pytest.raises(subprocess.TimeoutExpired):
                writer.wait(0.2)
            writer.kill()

    def test_what_is_no_directory_is_not_found(self, tmp_path: Path) -> None:
        with pytest.raises(NotFound, match="no directory"):
            pv.generate_sbom(f"dir:{tmp_path / 'gone'}", catalogers=[NAMED])

    def test_a_folder_is_what_the_same_layer_is(self, tmp_path: Path) -> None:
        tree: dict[str, Entry] = {
            "modules/a/manifest": b"a",
            "etc/manifest": File(b"b", 0o600),
            "deep/er/modules/c/manifest": b"c",
        }
        for path, entry in tree.items():
            target = tmp_path / "root" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(entry.data if isinstance(entry, File) else bytes(entry))  # type: ignore[arg-type]
        image = found([tree], tmp_path / "image")
        sbom = pv.generate_sbom(f"dir:{tmp_path / 'root'}", catalogers=[NAMED])
        assert {p.name: [x.path for x in p.locations] for p in sbom.packages} == image


class TestRouting:
    @pytest.mark.parametrize(
        ("glob", "yes", "no"),
        [
            ("**/lib/dpkg/status", ["lib/dpkg/status", "a/b/lib/dpkg/status"], ["dpkg/status"]),
            ("**/status.d/*", ["x/status.d/base"], ["x/status.d/a/b", "status.d"]),
            ("**/*.jar", ["a.jar", "b/c.jar"], ["jar", "a.jar/b", "ajar"]),
            ("**/python3.*", ["usr/bin/python3.11"], ["python3", "python3.11/x"]),
            ("**/lib*.so.[0-9]", ["lib/libx.so.1"], ["lib/libx.so"]),
            ("etc/**/x", ["etc/x", "etc/a/b/x"], ["a/etc/x"]),
            ("**/lib[.-]x", ["lib.x", "a/lib-x"], ["libx"]),
            ("**/[a/[]a]", ["[a/a", "d/[a/]"], ["a/a"]),
        ],
    )
    def test_rules_are_found_by_every_way_a_glob_can_end(
        self, glob: str, yes: list[str], no: list[str]
    ) -> None:
        router = Router([Cataloger("x", 1, (), lambda _: (), (glob,))])
        assert [path for path in [*yes, *no] if router.by_name(path)] == yes

    def test_first_bytes_count_too(self) -> None:
        router = Router([Cataloger("x", 1, (), lambda _: (), magic=(b"\x7fELF",))])
        assert router.magics == {b"\x7fELF": (0,)}

    def test_who_asks_for_four_bytes_takes_nothing_from_who_asks_for_two(
        self, tmp_path: Path
    ) -> None:
        # As the built-in readers of programs for Windows do.
        asked = {"two": b"MZ", "four": b"MZ\x90\0"}

        def named(name: str) -> Cataloger:
            def read(file: MatchedFile) -> Iterator[Package]:
                yield Package(
                    name=name,
                    version="1",
                    type="generic",
                    purl=f"pkg:generic/{name}@1",
                    locations=(file.location,),
                    cataloger=name,
                )

            return Cataloger(name, 1, ("generic",), read, magic=(asked[name],))

        place = f"oci:{tmp_path}:1"
        ImageBuilder().layer(
            {"a.exe": asked["four"] + bytes(TINY), "b.exe": b"MZ\x91\0" + bytes(TINY)}
        ).push(place)
        sbom = pv.generate_sbom(place, catalogers=[named("two"), named("four")])
        assert {p.name: [x.path for x in p.locations] for p in sbom.packages} == {
            "two": ["a.exe", "b.exe"],
            "four": ["a.exe"],
        }
