"""Whichever request of a signing fails, nothing of others is lost, and a second run finishes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import provenance as pv
from provenance.digests import Digest
from provenance.evidence.legacy_layout import store_layer
from provenance.evidence.storing import Shelf
from provenance.oci.manifest import Manifest
from provenance.oci.repository import digest_tag
from provenance.testing import ImageBuilder, LocalRegistry
from provenance.testing.sigstore import LocalSigstore
from provenance.verification import LayerSignature

if TYPE_CHECKING:
    from collections.abc import Iterator

HOW = ["refused", "unavailable", "a page", "cut", "answer lost"]
STRIDE = 9
"""Every ninth request is struck, other ones in each way: all of them together take minutes."""
WHO = "release@example.com"
SETTINGS = pv.Settings(retries=0)
THEIRS = LayerSignature(b"of somebody else", signature="c2ln")


@pytest.fixture(scope="module")
def sigstore() -> Iterator[LocalSigstore]:
    with LocalSigstore(rekor=("v1",)) as running:
        yield running


def write(tag: str, sigstore: LocalSigstore, **more: Any) -> None:
    signer = sigstore.signer(WHO)
    pv.sign(tag, signer, layout="both", settings=SETTINGS, **more)
    small = pv.Settings(retries=0, inline_predicate=10)
    more |= {"layout": "both", "settings": small, "predicate_type": "urn:x:y"}
    pv.attest(tag, b'{"a":"12345678"}', signer, **more)


def prepared(local: LocalRegistry, number: int) -> str:
    """An image that somebody else has signed."""
    tag = local.reference(f"team/app{number}:1.0")
    ImageBuilder().layer({"a": b"1"}).push(tag)
    image = pv.resolve(tag)
    store_layer(Shelf.of(image), image.descriptor.digest, THEIRS, kind="signature")
    return tag


def layers(image: pv.Image, suffix: str) -> list[Digest]:
    with image.repository() as repository:
        found = repository.manifest(digest_tag(image.descriptor.digest, suffix))
    assert isinstance(found, Manifest)
    return [layer.digest for layer in found.layers]


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("referrers_api", [True, False])
def test_whichever_request_fails(sigstore: LocalSigstore, how: str, *, referrers_api: bool) -> None:
    with LocalRegistry(referrers_api=referrers_api) as local:
        tag = prepared(local, 0)
        local.clear_requests()
        write(tag, sigstore, reuse=True)
        count = len(local.requests)
        assert count > 20
        first = 1 + 2 * HOW.index(how) % STRIDE + (not referrers_api)
        for number in range(first, count + 1, STRIDE):
            tag = prepared(local, number)
            when: dict[str, Any] = {"skip": number - 1, "times": 1}
            if how == "cut":
                fault = local.cut(".", 0, **when)
            elif how == "answer lost":
                fault = local.disconnect(".", after=True, **when)
            elif how == "a page":
                headers = {"Content-Type": "text/html"}
                fault = local.fail(".", 200, headers=headers, body=b"<html>", **when)
            else:
                fault = local.fail(".", 403 if how == "refused" else 503, **when)
            try:
                write(tag, sigstore, reuse=True)
            except pv.ProvenanceError as error:
                assert not isinstance(error, pv.VerificationError)  # noqa: PT017
            fault.remove()
            write(tag, sigstore, reuse=True)
            image = pv.resolve(tag)
            theirs, *ours = layers(image, "sig")
            assert theirs == Digest.of(THEIRS.payload)
            assert len(ours) == len(layers(image, "att")) == 1
            who = pv.Identity(WHO, issuer=sigstore.issuer)
            found = pv.examine(image, who, trust=sigstore.trust)
            assert sorted(item.kind for item in found if item.outcome) == [
                *("reference", "reference", "signature", "signature")
            ]
