"""An image, and a Sigstore whose log makes the promise that a layer can carry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import provenance as pv
from provenance.testing import ImageBuilder, LocalRegistry, LocalSigstore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.digests import Digest

WHO = "release@example.com"


@pytest.fixture(scope="module")
def sigstore() -> Iterator[LocalSigstore]:
    """With a log of the first kind, whose promise is all that a layer can carry."""
    with LocalSigstore(rekor=("v1",)) as running:
        yield running


@pytest.fixture
def image(local_registry: LocalRegistry) -> pv.Image:
    tag = local_registry.reference("team/app:1.0")
    ImageBuilder().layer({"a": b"1"}).push(tag)
    return pv.resolve(tag)


@pytest.fixture
def digest(image: pv.Image) -> Digest:
    assert image.digest is not None
    return image.digest


@pytest.fixture
def asked(sigstore: LocalSigstore) -> dict[str, Any]:
    return {"identity": pv.Identity(WHO, issuer=sigstore.issuer), "trust": sigstore.trust}
