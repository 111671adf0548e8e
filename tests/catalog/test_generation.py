from __future__ import annotations

import json
from typing import TYPE_CHECKING, NoReturn

import pytest
from tests.catalog.scanned_image import PURLS, scanned_image

import provenance as pv
from provenance.attestation.simple_signing import SIMPLE_SIGNING
from provenance.catalog import Cataloger, MatchedFile, Problem
from provenance.catalog.ecosystems import python
from provenance.cli.main import main
from provenance.cli.printing import drawn
from provenance.errors import (
    ContentMismatch,
    LimitExceeded,
    NotEvaluated,
    NotFound,
    UnsupportedFormat,
)
from provenance.oci.descriptor import EMPTY_DESCRIPTOR, Descriptor, Platform
from provenance.oci.layout import LayoutRepository
from provenance.oci.manifest import Index, Manifest
from provenance.oci.media_types import OCI_CONFIG
from provenance.packages.package import Package
from provenance.settings import Limits
from provenance.testing import ImageBuilder, LocalRegistry, build_index
from provenance.testing.images import Symlink, Whiteout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from provenance.catalog.cataloger import Item

STATUS = "var/lib/dpkg/status"
SITE = "usr/lib/python3/dist-packages"


def record(name: str, version: str, depends: str = "") -> bytes:
    needs = f"Depends: {depends}\n" if depends else ""
    return (
        f"Package: {name}\nStatus: install ok installed\nArchitecture: amd64\n"
        f"Version: {version}\nMaintainer: M <m@example.org>\n{needs}\n"
    ).encode()


BASE = record("libc6", "2.36-9", "gcc-12-base") + record("gcc-12-base", "12.2.0-14")


def debian(platform: str = "linux/amd64") -> ImageBuilder:
    """Three layers: a base; two packages more; one of them purged, a Python package added."""
    return (
        ImageBuilder(platform=platform)
        .layer(
            {
                "usr/lib/os-release": b'ID=debian\nVERSION_ID="12"\n',
                "etc/os-release": Symlink("../usr/lib/os-release"),
                STATUS: BASE,
                "usr/share/doc/gcc-12-base/copyright": b"Format: x\n\nFiles: *\nLicense: GPL-3+\n",
                "usr/share/doc/libc6": Symlink("gcc-12-base"),
            }
        )
        .layer({STATUS: BASE + record("curl", "7.88", "libc6 (>= 2), gone") + record("vim", "9")})
        .layer(
            {
                STATUS: BASE + record("curl", "7.88", "libc6 (>= 2), gone"),
                f"{SITE}/six-1.16.dist-info/METADATA": b"Name: six\nVersion: 1.16\nLicense: MIT\n",
                f"{SITE}/old-1.dist-info": Whiteout(),
            }
        )
        .config(created="2024-01-02T03:04:05Z")
    )


@pytest.fixture
def layout(tmp_path: Path) -> str:
    debian().push(f"oci:{tmp_path / 'app'}:1.0")
    return f"oci:{tmp_path / 'app'}:1.0"


def test_packages_with_purl_licence_layer_and_edges(layout: str) -> None:
    sbom = pv.generate_sbom(layout)
    layers = [x.digest for x in pv.resolve(layout).layers]
    deb = "arch=amd64&distro=debian-12"
    assert [(p.purl, p.licenses, p.layer) for p in sbom.packages] == [
        (f"pkg:deb/debian/curl@7.88?{deb}", (), layers[1]),
        (f"pkg:deb/debian/gcc-12-base@12.2.0-14?{deb}", ("GPL-3.0-or-later",), layers[0]),
        (f"pkg:deb/debian/libc6@2.36-9?{deb}", ("GPL-3.0-or-later",), layers[0]),
        ("pkg:pypi/six@1.16", ("MIT",), layers[2]),
    ]
    edges = {
        entry["ref"]: entry["dependsOn"]
        for entry in json.loads(sbom.to_bytes())["dependencies"]
        if entry.get("dependsOn") and entry["ref"].startswith("pkg:deb")
    }
    assert len(edges) == 2
    assert not sbom.findings


def test_the_subject_is_the_image_by_digest(local_registry: LocalRegistry) -> None:
    digest = local_registry.put_image("team/app:1.0", debian().build())
    sbom = pv.generate_sbom(local_registry.reference("team/app:1.0"))
    assert sbom.subject is not None
    assert sbom.subject.digest == digest
    assert sbom.subject.name == f"{local_registry.host}/team/app"
    where = f"{local_registry.host}/team/app".replace("/", "%2F")
    assert sbom.subject.purl == f"pkg:oci/app@{digest}?arch=amd64&repository_url={where}"


def test_a_local_place_is_no_part_of_the_document(layout: str, tmp_path: Path) -> None:
    sbom = pv.generate_sbom(layout)
    assert str(tmp_path).encode() not in sbom.to_bytes()
    assert sbom.subject is not None
    assert sbom.subject.name == "app"


def test_what_a_layer_brought_that_is_there_twice_is_there_since_the_first(tmp_path: Path) -> None:
    image = ImageBuilder()
    for step, path in (("first", "x"), ("between", "y"), ("again", "x")):
        record = f'{{"name": "{path}", "version": "1"}}'
        image.layer({f"node_modules/{path}/package.json": record}, created_by=step)
    image.push(f"oci:{tmp_path}:1")
    sbom = pv.generate_sbom(f"oci:{tmp_path}:1")
    assert [(p.name, p.locations[0].created_by) for p in sbom.packages] == [
        ("x", "first"),
        ("y", "between"),
    ]


def test_the_same_image_gives_the_same_bytes(layout: str) -> None:
    first = pv.generate_sbom(layout)
    assert pv.generate_sbom(pv.resolve(layout)).to_bytes() == first.to_bytes()
    assert first.created == pv.resolve(layout).config.created


@pytest.mark.parametrize(
    "form",
    [
        *(f"cyclonedx-1.{minor}{xml}" for minor in (4, 5, 6, 7) for xml in ("", "-xml")),
        *("spdx-2.3", "spdx-tag-value", "spdx-3.0"),
    ],
)
def test_every_format_is_valid_and_states_the_same(form: str, tmp_path: Path) -> None:
    scanned_image().push(f"oci:{tmp_path}:1")
    sbom = pv.generate_sbom(f"oci:{tmp_path}:1", files="all", cache=None)
    written = sbom.to_bytes(form)
    again = pv.generate_sbom(f"oci:{tmp_path}:1", files="all", cache=None)
    assert again.to_bytes(form) == written
    document = pv.read_sbom(written)
    assert document.validate().ok
    assert {package.purl for package in document.packages if package.purl} == PURLS


def test_source_date_epoch_is_the_time(layout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    created = pv.generate_sbom(layout).created
    assert created is not None
    assert created.timestamp() == 86400


@pytest.mark.parametrize("value", ["yesterday", "1e99", "9" * 30])
def test_a_source_date_epoch_that_is_none_is_refused(
    layout: str, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", value)
    with pytest.raises(NotEvaluated, match="SOURCE_DATE_EPOCH is"):
        pv.generate_sbom(layout)


def test_an_image_is_read_in_one_session(local_registry: LocalRegistry) -> None:
    built = debian().build()
    local_registry.put_image("app:1", built)
    local_registry.clear_requests()
    pv.generate_sbom(local_registry.reference("app:1"), cache=None)
    asked = [(r.method, r.path.rpartition("/")[2]) for r in local_registry.requests]
    manifest, config = built.digest, built.manifest.config.digest
    layers = [("GET", d.digest) for d in built.manifest.layers]
    assert asked[:3] == [("HEAD", "1"), ("GET", manifest), ("GET", config)]
    assert sorted(asked[3:]) == sorted(layers)


def test_a_token_is_fetched_once() -> None:
    with LocalRegistry(auth="bearer", anonymous_pull=True) as registry:
        registry.put_image("app:1", debian().build())
        registry.clear_requests()
        pv.generate_sbom(registry.reference("app:1"))
        assert sum(r.path == "/token" for r in registry.requests) == 1


class TestIndexes:
    def test_the_host_s_image_is_described_or_the_one_asked_for(self, tmp_path: Path) -> None:
        reference = f"oci:{tmp_path}:1"
        images = [debian("linux/amd64").build(), debian("linux/arm64").build()]
        build_index(images, reference)
        for image in images:
            sbom = pv.generate_sbom(reference, platform=str(image.platform))
            assert sbom.subject is not None
            assert sbom.subject.digest == image.digest
        host = pv.generate_sbom(reference).subject
        assert host is not None
        assert host.digest in {image.digest for image in images}

    def test_without_the_host_s_image_there_is_a_list_to_choose_from(self, tmp_path: Path) -> None:
        reference = f"oci:{tmp_path}:1"
        build_index([debian("linux/mips64le").build(), debian("windows/amd64").build()], reference)
        with pytest.raises(NotFound) as caught:
            pv.generate_sbom(reference)
        assert "linux/mips64le, windows/amd64" in caught.value.hint


class TestTellingAll:
    def test_a_record_that_cannot_be_read_is_a_finding_and_hides_no_other(
        self, tmp_path: Path
    ) -> None:
        ImageBuilder().layer(
            {"etc/os-release": b"ID=debian\nVERSION_ID=12\n", STATUS: b"Package: x\n\n" + BASE}
        ).push(f"oci:{tmp_path}:1")
        sbom = pv.generate_sbom(f"oci:{tmp_path}:1")
        assert len(sbom.packages) == 2
        assert [(f.rule, f.pointer) for f in sbom.findings] == [
            ("unreadable-record", f"{STATUS}, line 1")
        ]

    def test_an_image_without_packages_has_an_empty_list(self, tmp_path: Path) -> None:
        ImageBuilder().layer({"bin/dpkg": b""}).push(f"oci:{tmp_path}:1")
        assert len(pv.generate_sbom(f"oci:{tmp_path}:1").packages) == 0

    def test_an_artifact_has_no_packages_to_list(self, tmp_path: Path) -> None:
        repository = LayoutRepository(tmp_path)
        repository.push_blob(b"{}", EMPTY_DESCRIPTOR)
        manifest = Manifest.build(EMPTY_DESCRIPTOR, [], artifact_type="application/x")
        repository.push_manifest(manifest, tag="1")
        with pytest.raises(UnsupportedFormat, match="artifact of type 'application/x'"):
            pv.generate_sbom(f"oci:{tmp_path}:1")

    def test_one_broken_layer_of_many_is_no_short_list(self, local_registry: LocalRegistry) -> None:
        built = debian().build()
        local_registry.put_image("app:1", built)
        layer = built.manifest.layers[1].digest
        broken = bytearray(built.blobs[layer])
        broken[20] ^= 1
        local_registry.blobs["app"][layer] = bytes(broken)
        with pytest.raises(ContentMismatch) as caught:
            pv.generate_sbom(local_registry.reference("app:1"), cache=None)
        assert caught.value.digest == layer


class TestCatalogers:
    def test_only_those_asked_for_run(self, layout: str) -> None:
        sbom = pv.generate_sbom(layout, catalogers=[python.CATALOGER])
        assert [p.type for p in sbom.packages] == ["pypi"]
        assert len(pv.generate_sbom(layout, catalogers=[]).packages) == 0

    def test_one_s_own_cataloger_is_a_function_and_paths(self, layout: str) -> None:
        def read(file: MatchedFile) -> Iterator[Item]:
            yield Package(
                name="release",
                version=file.text().partition("VERSION_ID=")[2].strip().strip('"'),
                purl="pkg:generic/release@12",
                type="generic",
                locations=(file.location,),
                cataloger="own",
            )
            yield Problem(file.path, "half read")

        own = Cataloger(
            name="own", version=1, types=("generic",), read=read, paths=("usr/lib/os-release",)
        )
        sbom = pv.generate_sbom(layout, catalogers=[own])
        assert [(p.purl, p.version) for p in sbom.packages] == [("pkg:generic/release@12", "12")]
        assert sbom.packages[0].layer == pv.resolve(layout).layers[0].digest
        assert [f.message for f in sbom.findings] == ["half read"]

    @pytest.mark.parametrize("where", ["read", "stream", "feed", "close", "complete"])
    def test_one_that_fails_costs_its_own_packages_alone(self, layout: str, where: str) -> None:
        class Sink:
            def feed(self, data: memoryview, /) -> None:
                if where == "feed":
                    raise ZeroDivisionError("by nought")

            def close(self) -> Iterator[Item]:
                if where == "close":
                    raise ZeroDivisionError("by nought")
                return iter(())

        def fail(*_: object) -> NoReturn:
            raise ZeroDivisionError("by nought")

        def stream(file: MatchedFile) -> Sink:
            if where == "stream":
                fail()
            return Sink()

        bad = Cataloger(
            name="bad",
            version=1,
            types=(),
            read=(lambda _: fail()) if where == "read" else (lambda _: ()),
            paths=("usr/lib/os-release",),
            stream=stream if where in {"stream", "feed", "close"} else None,
            complete=fail if where == "complete" else None,
        )
        sbom = pv.generate_sbom(layout, catalogers=[bad, python.CATALOGER], cache=None)
        assert [p.name for p in sbom.packages] == ["six"]
        (finding,) = sbom.findings
        assert finding.rule == "cataloger-failed"
        assert "'bad' failed" in finding.message
        assert "ZeroDivisionError: by nought" in finding.message


def test_progress_over_an_index_is_one_bar(tmp_path: Path) -> None:
    images = [debian(platform).build() for platform in ("linux/amd64", "linux/arm64")]
    build_index(images, f"oci:{tmp_path / 'both'}:1.0")
    told: list[tuple[int, int]] = []
    pv.generate_sbom(
        f"oci:{tmp_path / 'both'}:1.0",
        platforms="all",
        cache=None,
        progress=lambda count, total: told.append((count, total)),
    )
    assert {total for _, total in told} == {sum(count for count, _ in told)}


def test_a_choice_that_is_none_is_told(tmp_path: Path, layout: str) -> None:
    with pytest.raises(ValueError, match="platforms is one of all"):
        pv.generate_sbom(layout, platforms="linux/amd64")  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="not both"):
        pv.generate_sbom(layout, platforms="all", platform="linux/amd64")
    with pytest.raises(UnsupportedFormat, match="a directory is of no platform"):
        pv.generate_sbom(f"dir:{tmp_path}", platform="linux/amd64")


def test_a_layout_that_is_not_whole_is_no_root_without_packages(tmp_path: Path) -> None:
    debian().build().write_layout(tmp_path / "app", "1.0")
    (tmp_path / "app" / "oci-layout").unlink()
    for image in (str(tmp_path / "app"), tmp_path / "app"):
        with pytest.raises(UnsupportedFormat, match=r"say which: oci:.* or dir:"):
            pv.generate_sbom(image)
    assert len(pv.generate_sbom(f"dir:{tmp_path / 'app'}").packages) == 0


class TestMembers:
    """What `platforms="all"` makes of what an index lists."""

    def listed(self, folder: Path, *manifests: Descriptor) -> list[str]:
        LayoutRepository(folder).push_manifest(Index.build(manifests), tag="all")
        found = pv.generate_sbom(f"oci:{folder}:all", platforms="all", cache=None)
        assert len(found.index.others) == len(found.platforms)
        return [f"{name} {x.packages[0].name}" for name, x in found.platforms.items()]

    def image(self, folder: Path, platform: str, name: str, stated: str = "") -> Descriptor:
        record = f'{{"name": "{name}", "version": "1"}}'
        image = ImageBuilder(platform=platform).layer({f"node_modules/{name}/package.json": record})
        image.push(f"oci:{folder}:{name}")
        found = LayoutRepository(folder).resolve(name)
        named = Platform.parse(stated) if stated else None
        return Descriptor(found.media_type, found.digest, found.size, platform=named)

    def test_an_image_whose_platform_is_not_named_is_of_the_one_it_states(
        self, tmp_path: Path
    ) -> None:
        first = self.image(tmp_path, "linux/amd64", "a")
        second = self.image(tmp_path, "linux/arm64", "b")
        assert self.listed(tmp_path, first, second) == ["linux/amd64 a", "linux/arm64 b"]

    def test_those_of_an_index_within_it_are_listed(self, tmp_path: Path) -> None:
        inner = Index.build(
            [
                self.image(tmp_path, "linux/amd64", "a", "linux/amd64"),
                self.image(tmp_path, "linux/arm64", "b", "linux/arm64"),
            ]
        )
        LayoutRepository(tmp_path).push_manifest(inner, nested=True)
        last = self.image(tmp_path, "linux/s390x", "c", "linux/s390x")
        assert self.listed(tmp_path, inner.descriptor, last, inner.descriptor) == [
            "linux/amd64 a",
            "linux/arm64 b",
            "linux/s390x c",
        ]

    def test_of_two_for_one_platform_the_second_is_told_by_its_digest(self, tmp_path: Path) -> None:
        first = self.image(tmp_path, "linux/amd64", "a", "linux/amd64")
        second = self.image(tmp_path, "linux/amd64", "b", "linux/amd64")
        assert self.listed(tmp_path, first, first) == ["linux/amd64 a"]
        both = ["linux/amd64 a", f"linux/amd64@{second.digest} b"]
        assert self.listed(tmp_path, first, second, first) == both
        said = ["sbom", "generate", f"oci:{tmp_path}:all", "--platform", "all"]
        with pytest.raises(SystemExit) as ended:
            main([*said, "-o", f"cyclonedx-json={tmp_path / 'x.cdx.json'}"])
        assert ended.value.code == 0
        assert {file.name for file in tmp_path.glob("x.*")} == {
            "x.cdx.json",
            "x.linux-amd64.cdx.json",
            f"x.linux-amd64@sha256-{second.digest.hex}.cdx.json",
        }

    def test_artifacts_and_attestations_are_no_images(self, tmp_path: Path) -> None:
        artifact = Manifest.build(EMPTY_DESCRIPTOR, [], artifact_type="text/plain")
        layout = LayoutRepository(tmp_path)
        layout.push_blob(b"{}", EMPTY_DESCRIPTOR)
        layout.push_manifest(artifact, nested=True)
        layout.push_blob(b"{}", signed := Descriptor.of(b"{}", OCI_CONFIG))
        layout.push_blob(b"[]", said := Descriptor.of(b"[]", SIMPLE_SIGNING))
        layout.push_manifest(signature := Manifest.build(signed, [said]), nested=True)
        attestation = self.image(tmp_path, "unknown/unknown", "x", "unknown/unknown")
        image = self.image(tmp_path, "linux/amd64", "a", "linux/amd64")
        others = artifact.descriptor, signature.descriptor, attestation, said
        assert self.listed(tmp_path, *others, image) == ["linux/amd64 a"]
        with pytest.raises(NotFound, match="the index lists no image"):
            self.listed(tmp_path, *others)

    def test_no_more_manifests_are_looked_into_than_may_be(self, tmp_path: Path) -> None:
        inner = Index.build([self.image(tmp_path, "linux/amd64", "a", "linux/amd64")])
        LayoutRepository(tmp_path).push_manifest(inner, nested=True)
        LayoutRepository(tmp_path).push_manifest(Index.build([inner.descriptor]), tag="all")
        found = f"oci:{tmp_path}:all"
        some = pv.generate_sbom(found, platforms="all", limits=Limits(manifests=2), cache=None)
        assert list(some.platforms) == ["linux/amd64"]
        with pytest.raises(LimitExceeded, match="more than 1 manifests"):
            pv.generate_sbom(found, platforms="all", limits=Limits(manifests=1), cache=None)


def test_the_sboms_of_an_index_show_a_row_a_platform(tmp_path: Path) -> None:
    platforms = ("linux/amd64", "linux/arm64")
    build_index([debian(p).build() for p in platforms], f"oci:{tmp_path / 'both'}:1.0")
    found = pv.generate_sbom(f"oci:{tmp_path / 'both'}:1.0", platforms="all", cache=None)
    html, text = found._repr_html_(), drawn(found)
    for platform in platforms:
        row = (platform, str(len(found.platforms[platform].packages)))
        assert "".join(f"<td>{cell}</td>" for cell in row) in html
        assert platform in text
        assert platform in repr(found)
    assert "<script" not in html
    assert len(repr(found)) < 300
