"""How many requests each thing costs: the budget, step by step, counted by the registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import provenance as pv
from provenance.oci.descriptor import EMPTY_DESCRIPTOR, Descriptor
from provenance.oci.manifest import Manifest
from provenance.oci.repository import read_blob
from provenance.testing import ImageBuilder, LocalRegistry, build_index

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from provenance.testing.sigstore import LocalSigstore

WHO = "release@example.com"


def asked(local: LocalRegistry) -> list[str]:
    """Method and the kind of what was asked, since the last `clear_requests`."""
    kinds = ("manifests", "referrers", "uploads", "blobs", "token")
    return [
        f"{r.method} {next((k for k in kinds if f'/{k}' in r.path), r.path)}"
        for r in local.requests
    ]


@pytest.fixture(params=["api", "fallback"])
def local(request: pytest.FixtureRequest) -> Iterator[LocalRegistry]:
    with LocalRegistry(referrers_api=request.param == "api") as registry:
        yield registry


@pytest.fixture
def tag(local: LocalRegistry) -> str:
    name = local.reference("team/app:1.0")
    ImageBuilder().layer({"a": b"a"}).push(name)
    return name


class TestResolving:
    def test_a_tag_is_one_head(self, local: LocalRegistry, tag: str) -> None:
        local.clear_requests()
        pv.resolve(tag)
        assert asked(local) == ["HEAD manifests"]

    def test_a_digest_that_is_not_told_is_one_get_more(
        self, local: LocalRegistry, tag: str
    ) -> None:
        local.drop_header("/manifests/", "Docker-Content-Digest")
        local.clear_requests()
        pv.resolve(tag)
        assert asked(local) == ["HEAD manifests", "GET manifests"]

    def test_a_digest_costs_nothing(self, local: LocalRegistry, tag: str) -> None:
        pinned = str(pv.resolve(tag).reference)
        local.clear_requests()
        pv.resolve(pinned)
        assert asked(local) == []

    def test_a_platform_is_one_get_of_the_index(self, local: LocalRegistry) -> None:
        images = [
            ImageBuilder(platform=f"linux/{name}").layer({"a": name.encode()}).build()
            for name in ("amd64", "arm64")
        ]
        name = local.reference("team/app:1.0")
        build_index(images, name)
        local.clear_requests()
        pv.resolve(name, platform="linux/arm64")
        assert asked(local) == ["GET manifests"]

    def test_a_cold_start_is_a_refusal_and_a_token_more(self) -> None:
        with LocalRegistry(auth="bearer", username="u", password="p") as local:
            with pv.Registry(credentials={local.host: ("u", "p")}) as registry:
                repository = registry.repository(local.reference("team/app"))
                repository.push_blob(b"{}", EMPTY_DESCRIPTOR)
                manifest = Manifest.build(EMPTY_DESCRIPTOR, [EMPTY_DESCRIPTOR])
                repository.push_manifest(manifest, tag="1.0")
            local.clear_requests()
            with pv.Registry(credentials={local.host: ("u", "p")}) as registry:
                for _ in range(3):
                    pv.resolve(local.reference("team/app:1.0"), registry=registry)
            first = ["HEAD manifests", "GET token", "HEAD manifests"]
            assert asked(local) == [*first, "HEAD manifests", "HEAD manifests"]


class TestReferrers:
    @pytest.mark.parametrize(
        ("api", "expected"),
        [
            (True, ["GET referrers", "GET referrers"]),
            (False, ["GET referrers", "GET manifests", "GET manifests"]),
        ],
        ids=["api", "fallback, once found out"],
    )
    def test_a_listing_is_one_request(self, *, api: bool, expected: list[str]) -> None:
        with LocalRegistry(referrers_api=api) as local, pv.Registry() as registry:
            name = local.reference("team/app:1.0")
            ImageBuilder().layer({"a": b"a"}).push(name)
            pv.attach(name, __file__, artifact_type="text/x")
            repository = registry.repository(name)
            digest = repository.resolve("1.0").digest
            local.clear_requests()
            for _ in range(2):
                assert len(repository.referrers(digest)) == 1
            assert asked(local) == expected

    def test_content_in_its_descriptor_is_not_fetched(self, local: LocalRegistry, tag: str) -> None:
        with pv.Registry() as registry:
            repository = registry.repository(tag)
            local.clear_requests()
            blob = Descriptor.of(b"content", "text/plain", data=b"content")
            assert read_blob(repository, blob, limit=100) == b"content"
            assert asked(local) == []

    @pytest.mark.parametrize(
        ("api", "more"),
        [(True, []), (False, ["GET manifests", "PUT manifests", "GET manifests"])],
        ids=["api", "fallback: read, write, read again"],
    )
    def test_attaching_is_seven_and_then_four(
        self, tmp_path: Path, *, api: bool, more: list[str]
    ) -> None:
        blob = ["HEAD blobs", "POST uploads", "PUT uploads"]
        with LocalRegistry(referrers_api=api) as local, pv.Registry() as registry:
            name = local.reference("team/app:1.0")
            ImageBuilder().layer({"a": b"a"}).push(name)
            image = pv.resolve(name, registry=registry)
            assert image.size
            for number, expected in enumerate([[*blob, *blob], blob]):
                file = tmp_path / f"{number}.txt"
                file.write_text(f"{number}")
                local.clear_requests()
                pv.attach(image, file, artifact_type="text/plain")
                assert asked(local) == [*expected, "PUT manifests", *more]


class TestVerifying:
    @pytest.mark.parametrize(("by", "count"), [("tag", 4), ("digest", 3)])
    def test_a_signature_is_proven_with(
        self,
        local_registry: LocalRegistry,
        local_sigstore: LocalSigstore,
        *,
        by: str,
        count: int,
    ) -> None:
        name = local_registry.reference("team/app:1.0")
        ImageBuilder().layer({"a": b"a"}).push(name)
        image = pv.resolve(name)
        pv.sign(image, local_sigstore.signer(WHO))
        who = pv.Identity(WHO, issuer=local_sigstore.issuer)
        local_registry.clear_requests()
        pv.verify(name if by == "tag" else str(image.reference), who, trust=local_sigstore.trust)
        steps = ["GET referrers", "GET manifests", "GET blobs"]
        assert asked(local_registry) == (["HEAD manifests", *steps] if by == "tag" else steps)
        assert len(asked(local_registry)) == count
