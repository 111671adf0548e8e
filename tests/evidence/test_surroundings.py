"""What lies beside an image as listed, and what is told where the list cannot be had."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.evidence.placing import put_layers, subject_of

import provenance as pv
from provenance.attestation.bundle import BUNDLE_MEDIA_TYPE
from provenance.cli.main import main
from provenance.oci import media_types as mt
from provenance.oci.descriptor import Descriptor
from provenance.oci.manifest import Index
from provenance.oci.repository import digest_tag

if TYPE_CHECKING:
    from pathlib import Path

    from provenance.testing import LocalRegistry, LocalSigstore

LAYER: tuple[bytes, str, dict[str, str]] = (b"{}", BUNDLE_MEDIA_TYPE, {})


@pytest.mark.parametrize("way", ["web page", "redirect"])
def test_a_page_in_the_place_of_the_list_is_not_none(
    image: pv.Image, local_registry: LocalRegistry, way: str
) -> None:
    put_layers(local_registry, [LAYER], subject=subject_of(image), artifact_type=BUNDLE_MEDIA_TYPE)
    assert pv.referrers(image).complete
    _stand_in(local_registry, way)
    with pytest.raises(pv.RegistryUnavailable, match="the list of referrers is answered by"):
        pv.referrers(image)
    with pytest.raises(pv.RegistryUnavailable, match="the list of referrers is answered by"):
        pv.tree(image)


def test_what_is_found_all_the_same_is_not_all(
    image: pv.Image, local_registry: LocalRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    assert image.digest is not None
    put_layers(local_registry, [LAYER], tag=digest_tag(image.digest, "sig"))
    _stand_in(local_registry, "web page")
    for found in (pv.referrers(image), pv.tree(image)):
        assert len(found) == 1
        assert not found.complete
        assert isinstance(found.doubt, pv.RegistryUnavailable)
    with pytest.raises(SystemExit) as ended:
        main(["tree", str(image.reference), "-o", "json"])
    out, err = capsys.readouterr()
    assert ended.value.code == 0
    assert json.loads(out)["complete"] is False
    assert err.startswith("note: not complete: the list of referrers is answered by")


def test_a_copy_says_that_it_may_not_be_all(
    image: pv.Image,
    local_registry: LocalRegistry,
    local_sigstore: LocalSigstore,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pv.sign(image, local_sigstore.signer("release@example.com"))
    whole = pv.copy(image, f"oci:{tmp_path}/whole:1", referrers=True)
    assert (whole.manifests, whole.complete) == (2, True)
    _stand_in(local_registry, "redirect")
    part = pv.copy(image, f"oci:{tmp_path}/part:1", referrers=True)
    assert (part.manifests, part.complete) == (1, False)
    assert isinstance(part.doubt, pv.RegistryUnavailable)
    assert pv.copy(image, f"oci:{tmp_path}/alone:1").complete
    with pytest.raises(SystemExit):
        main(["copy", "-q", "--referrers", str(image.reference), f"oci:{tmp_path}/told:1"])
    assert "note: not complete: the list of referrers" in capsys.readouterr().err


def test_a_mislabelled_referrer_is_found_by_its_own_type(
    image: pv.Image, local_registry: LocalRegistry
) -> None:
    digest = put_layers(local_registry, [LAYER], artifact_type="", subject=subject_of(image))
    _list(local_registry, image, Descriptor(mt.OCI_MANIFEST, digest, _size(local_registry, digest)))
    (found,) = pv.referrers(image, artifact_type=BUNDLE_MEDIA_TYPE)
    assert found.descriptor.digest == digest
    assert found.artifact_type == BUNDLE_MEDIA_TYPE
    assert pv.referrers(image, artifact_type="text/x-other") == ()


def test_what_is_listed_but_not_there_hides_nothing(
    image: pv.Image, local_registry: LocalRegistry
) -> None:
    gone = Descriptor.of(b"gone", mt.OCI_MANIFEST)
    there = put_layers(local_registry, [LAYER], artifact_type=BUNDLE_MEDIA_TYPE)
    size = _size(local_registry, there)
    _list(local_registry, image, gone, Descriptor(mt.OCI_MANIFEST, there, size))
    assert [r.descriptor.digest for r in pv.referrers(image)] == [gone.digest, there]


def _stand_in(registry: LocalRegistry, way: str) -> None:
    if way == "web page":
        registry.html("/referrers/")
    else:
        registry.redirect("/referrers/", "https://login.example/", status=303)


def _list(registry: LocalRegistry, image: pv.Image, *entries: Descriptor) -> None:
    """A fallback index, as clients write them where there is no API."""
    assert image.digest is not None
    registry.fail("/referrers/", 404)
    index: Any = Index.build(entries)
    tag = digest_tag(image.digest)
    registry.put_manifest("team/app", index.raw, media_type=mt.OCI_INDEX, tag=tag)


def _size(registry: LocalRegistry, digest: Any) -> int:
    return len(registry.manifests["team/app"][digest].data)
