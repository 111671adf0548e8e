"""syft's own JSON, by the schema that it names: packages, edges, files, source."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from tests.sbom.made_documents import BY_NAME, LAYER, SYFT, in_json

from provenance.digests import Digest
from provenance.errors import UnsupportedFormat
from provenance.packages.package import ListedFile, Location
from provenance.sbom import Format, read_sbom


def test_what_syft_says_of_a_package() -> None:
    sbom = read_sbom(in_json(SYFT))
    app, lib = sbom.packages
    assert (app.type, app.cpes, app.id) == (
        "binary",
        ("cpe:2.3:a:acme:app:1.0:*:*:*:*:*:*:*",),
        "app-id",
    )
    assert lib.locations == (Location("app/node_modules/lib/package.json", Digest(LAYER)),)
    assert (lib.type, lib.licenses, lib.stated_licenses) == ("npm", ("MIT",), ("MIT license",))
    assert (lib.author, lib.homepage, lib.description) == (
        "Jane Doe",
        "https://example.org",
        "A lib",
    )
    assert lib.cataloger == "javascript-package-cataloger"
    assert sbom.dependencies.edges == {"app-id": ("lib-id",)}
    assert sbom.tools == ("syft 1.18.1",)


def test_files_and_who_owns_them() -> None:
    assert read_sbom(in_json(SYFT)).files == (
        ListedFile(
            "app/node_modules/lib/index.js",
            12,
            {"sha256": "b" * 64},
            Digest(LAYER),
            "pkg:npm/lib@2.10",
            "file-id",
        ),
    )


def test_the_image_and_its_distribution() -> None:
    subject = read_sbom(in_json(SYFT)).subject
    assert subject is not None
    assert (subject.name, subject.type) == ("registry.example.org/app", "container")
    assert str(subject.digest) == "sha256:" + "3" * 64
    assert (subject.platform, dict(subject.labels)) == ("linux/arm64", {"maintainer": "Acme"})
    assert [str(layer.digest) for layer in subject.layers] == [LAYER]
    assert subject.distribution is not None
    assert subject.distribution.distro == "debian-12"


def test_documents_of_older_syfts_are_read() -> None:
    old: dict[str, Any] = copy.deepcopy(SYFT)
    lib = old["artifacts"][1]
    lib["licenses"], lib["cpes"] = ["MIT"], ["cpe:2.3:a:lib:lib:2.10:*:*:*:*:*:*:*"]
    old["source"] = {"type": "image", "target": {"userInput": "alpine:3", "manifestDigest": LAYER}}
    old["distro"] = {"name": "alpine", "version": "3.20", "idLike": ""}
    del old["schema"]
    sbom = read_sbom(in_json(old))
    assert sbom.format is Format.SYFT_JSON
    assert sbom.findings == ()
    assert sbom.packages[1].licenses == ("MIT",)
    assert sbom.packages[1].cpes == ("cpe:2.3:a:lib:lib:2.10:*:*:*:*:*:*:*",)
    assert sbom.subject is not None
    assert (sbom.subject.name, str(sbom.subject.digest)) == ("alpine:3", LAYER)
    assert sbom.subject.distribution is not None
    assert sbom.subject.distribution.distro == "alpine-3.20"


def test_a_directory_is_a_subject_too() -> None:
    source = {"name": "/src", "version": "", "type": "directory", "metadata": {"path": "/src"}}
    subject = read_sbom(in_json(SYFT | {"source": source})).subject
    assert subject is not None
    assert (subject.name, subject.type, subject.digest) == ("/src", "application", None)


def test_what_is_attested_of_it_is_cyclonedx() -> None:
    sbom = read_sbom(in_json(SYFT))
    assert sbom.predicate_type == "https://cyclonedx.org/bom"
    again = read_sbom(sbom.predicate)
    assert again.format is Format.CYCLONEDX_1_6
    assert [p.name for p in again.packages] == ["app", "lib"]


@pytest.mark.parametrize("target", ["cyclonedx-1.6", "spdx-2.3", "spdx-2.3-tag-value", "spdx-3.0"])
def test_it_is_converted_to_what_is_written(target: str) -> None:
    converted, losses = read_sbom(in_json(SYFT)).convert(target)
    assert {p.name for p in converted.packages} == {"app", "lib"}
    assert {p.purl for p in converted.packages if p.purl} == {"pkg:npm/lib@2.10"}
    assert all(finding.rule == "not-carried" for finding in losses)


def test_an_edit_that_would_miss_is_refused() -> None:
    sbom = read_sbom(in_json(SYFT))
    with pytest.raises(UnsupportedFormat, match="convert it"):
        sbom.redact(packages=["pkg:npm/lib@2.10"])
    with pytest.raises(UnsupportedFormat, match="convert it"):
        sbom.with_metadata(name="other")


def test_what_github_exports_is_redacted() -> None:
    redacted = read_sbom(BY_NAME["github-sbom"]).redact(packages=["pkg:npm/lib@2.10"])
    assert b"lib@2.10" not in redacted.to_bytes()


def test_a_licence_is_read_by_what_syft_knows_of_it() -> None:
    """Source: `License` of syft's JSON schema since 8.0: value, spdxExpression, type."""
    document = copy.deepcopy(SYFT)
    document["artifacts"][0]["licenses"] = [
        {"value": "", "spdxExpression": "MIT", "type": "declared"},
        {"value": "GPL 3", "spdxExpression": "GPL-3.0-only", "type": "concluded"},
    ]
    sbom = read_sbom(in_json(document))
    (package,) = [p for p in sbom.packages if p.id == document["artifacts"][0]["id"]]
    assert (package.licenses, package.concluded) == (("MIT",), ("GPL-3.0-only",))
    assert not sbom.licenses.check(deny=["GPL-*"]).ok
