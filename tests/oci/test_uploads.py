from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from tests.oci.registries import BLOB, open_repository, paths

from provenance.digests import Digest
from provenance.errors import NotFound, RegistryUnavailable
from provenance.oci.descriptor import EMPTY_DESCRIPTOR, Descriptor
from provenance.oci.manifest import Index, Manifest
from provenance.oci.registry import Registry
from provenance.oci.repository import read_blob
from provenance.oci.uploading import _with_digest
from provenance.settings import Settings
from provenance.testing import LocalRegistry

if TYPE_CHECKING:
    from pathlib import Path

PATIENT = Settings(retries=2, retry_wait=0.05, timeout=5)


def kinds(local: LocalRegistry) -> list[str]:
    return [path.partition("/uploads/")[0].partition("/sha256")[0] for path in paths(local)]


def test_an_upload_is_three_requests_and_one_when_it_is_there(
    local_registry: LocalRegistry,
) -> None:
    repository = open_repository(local_registry)
    repository.push_blob(b"content", BLOB)
    assert kinds(local_registry) == ["HEAD blobs", "POST blobs", "PUT blobs"]
    local_registry.clear_requests()
    repository.push_blob(io.BytesIO(b"content"), BLOB)
    assert kinds(local_registry) == ["HEAD blobs"]


@pytest.mark.parametrize("status", [404, 500, 503])
def test_a_broken_upload_begins_anew(local_registry: LocalRegistry, status: int) -> None:
    repository = open_repository(local_registry, settings=PATIENT)
    local_registry.fail("/blobs/uploads/", status, method="PUT", times=1)
    repository.push_blob(io.BytesIO(b"content"), BLOB)
    assert kinds(local_registry).count("POST blobs") == 2
    assert read_blob(repository, BLOB, limit=100) == b"content"


def test_a_connection_that_breaks_during_an_upload(local_registry: LocalRegistry) -> None:
    repository = open_repository(local_registry, settings=PATIENT)
    local_registry.disconnect("/blobs/uploads/", method="PUT", times=2)
    repository.push_blob(b"content", BLOB)
    assert read_blob(repository, BLOB, limit=100) == b"content"


def test_a_confirmation_that_was_lost_is_found_by_looking(local_registry: LocalRegistry) -> None:
    repository = open_repository(local_registry, settings=PATIENT)
    local_registry.disconnect("/blobs/uploads/", method="PUT", times=1, after=True)
    repository.push_blob(b"content", BLOB)
    assert kinds(local_registry)[-1] == "HEAD blobs"
    assert kinds(local_registry).count("POST blobs") == 1


def test_an_upload_that_never_succeeds_says_so(local_registry: LocalRegistry) -> None:
    repository = open_repository(local_registry, settings=PATIENT)
    local_registry.fail("/blobs/uploads/", 500, method="PUT")
    with pytest.raises(RegistryUnavailable, match="500") as refused:
        repository.push_blob(b"content", BLOB)
    assert local_registry.host in str(refused.value)
    assert kinds(local_registry).count("POST blobs") == 3


@pytest.mark.parametrize("method", ["HEAD", "PUT"])
def test_a_web_page_in_between_has_stored_nothing(
    local_registry: LocalRegistry, method: str
) -> None:
    repository = open_repository(local_registry, settings=PATIENT)
    local_registry.html("/blobs/", method=method, times=1)
    repository.push_blob(b"content", BLOB)
    assert read_blob(repository, BLOB, limit=100) == b"content"
    other = Descriptor.of(b"other", BLOB.media_type)
    page = local_registry.html("/blobs/uploads/", method="PUT")
    with pytest.raises(RegistryUnavailable, match="a web page answered"):
        repository.push_blob(b"other", other)
    page.remove()
    manifest = Manifest.build(EMPTY_DESCRIPTOR, [BLOB])
    repository.push_blob(b"{}", EMPTY_DESCRIPTOR)
    page = local_registry.html("/manifests/", method="PUT")
    with pytest.raises(RegistryUnavailable, match="a web page answered"):
        repository.push_manifest(manifest)
    page.remove()
    repository.push_manifest(manifest)


def test_the_start_of_an_upload_may_be_asked_for_twice(local_registry: LocalRegistry) -> None:
    repository = open_repository(local_registry, settings=PATIENT)
    fault = local_registry.fail("/blobs/uploads/", 503, method="POST", times=2)
    repository.push_blob(b"content", BLOB)
    assert fault.hits == 2


@pytest.mark.parametrize("lost", ["config", "layer", "child"])
def test_a_manifest_is_not_stored_without_its_parts(
    local_registry: LocalRegistry, lost: str
) -> None:
    """distribution-spec, "Pushing Manifests": MANIFEST_BLOB_UNKNOWN to a PUT is no "not found"."""
    repository = open_repository(local_registry)
    for blob in (b"{}", b"content") if lost == "child" else ():
        local_registry.put_blob(repository.reference.repository, blob)
    if lost == "layer":
        repository.push_blob(b"{}", EMPTY_DESCRIPTOR)
    manifest = Manifest.build(EMPTY_DESCRIPTOR, [BLOB])
    whole = Index.build([manifest.descriptor]) if lost == "child" else manifest
    gone = {
        "config": f"the blob {EMPTY_DESCRIPTOR.digest}",
        "layer": f"the blob {BLOB.digest}",
        "child": f"the manifest {manifest.descriptor.digest}",
    }
    with pytest.raises(RegistryUnavailable, match=f"lacks {gone[lost]}"):
        repository.push_manifest(whole, tag="1.0")


@pytest.mark.parametrize("status", [400, 404])
def test_a_part_that_is_there_after_all_is_not_named(
    local_registry: LocalRegistry, status: int
) -> None:
    repository = open_repository(local_registry)
    repository.push_blob(b"{}", EMPTY_DESCRIPTOR)
    manifest = Manifest.build(EMPTY_DESCRIPTOR, [EMPTY_DESCRIPTOR])
    local_registry.fail("/manifests/", status, method="PUT", times=1)
    expected = NotFound if status == 404 else RegistryUnavailable
    with pytest.raises(expected) as caught:
        repository.push_manifest(manifest, tag="1.0")
    assert "lacks" not in str(caught.value)


def test_a_blob_of_no_bytes(local_registry: LocalRegistry) -> None:
    repository = open_repository(local_registry)
    empty = Descriptor.of(b"", "text/plain")
    repository.push_blob(io.BytesIO(b""), empty)
    assert read_blob(repository, empty, limit=1) == b""
    put = next(r for r in local_registry.requests if r.method == "PUT")
    assert put.headers["Content-Length"] == "0"
    assert put.headers["Transfer-Encoding"] is None


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("https://r.test/v2/u/1", "https://r.test/v2/u/1?digest="),
        ("https://r.test/u?_state=a%2Bb%ff==", "https://r.test/u?_state=a%2Bb%ff==&digest="),
    ],
)
def test_the_place_of_an_upload_is_kept_to_the_letter(place: str, expected: str) -> None:
    digest = Digest.of(b"x")
    assert _with_digest(place, digest) == f"{expected}sha256%3A{digest.hex}"


@pytest.mark.parametrize("location", ["http://[", "ftp://127.0.0.1/x", "http://127.0.0.1:99999/"])
def test_a_place_that_is_no_url_is_refused(local_registry: LocalRegistry, location: str) -> None:
    repository = open_repository(local_registry)
    local_registry.set_header("/blobs/uploads/", "Location", location)
    with pytest.raises(RegistryUnavailable) as refused:
        repository.push_blob(b"content", BLOB)
    assert "org/app" in str(refused.value)


def test_nothing_is_sent_unencrypted_from_an_encrypted_registry(tmp_path: Path) -> None:
    with LocalRegistry(tls=True) as local, LocalRegistry() as plain:
        bundle = tmp_path / "ca.pem"
        bundle.write_bytes(local.ca_pem)
        settings = Settings(retries=0, ca_bundle=bundle, encrypted=(local.host,))
        local.set_header("/blobs/uploads/", "Location", f"{plain.url}/v2/org/app/blobs/uploads/x")
        with (
            Registry(settings=settings) as registry,
            pytest.raises(RegistryUnavailable, match="from https to http"),
        ):
            registry.repository(local.reference("org/app:1")).push_blob(b"content", BLOB)
        assert plain.requests == []
