"""pytest fixtures: `pytest_plugins = ["provenance.testing.pytest"]`.

Nothing leaves the machine: registry and Sigstore listen on loopback, on ports of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.testing.images import ImageBuilder
    from provenance.testing.registry import LocalRegistry
    from provenance.testing.sigstore import LocalSigstore

__all__ = ["image_builder", "local_registry", "local_sigstore"]


@pytest.fixture
def local_registry() -> Iterator[LocalRegistry]:
    """An empty registry with the referrers API."""
    from provenance.testing.registry import LocalRegistry

    with LocalRegistry() as registry:
        yield registry


@pytest.fixture(scope="session")
def local_sigstore() -> Iterator[LocalSigstore]:
    """A Sigstore; one for the whole session, as its log only grows."""
    from provenance.testing.sigstore import LocalSigstore

    with LocalSigstore() as sigstore:
        yield sigstore


@pytest.fixture
def image_builder() -> ImageBuilder:
    """A builder with nothing in it."""
    from provenance.testing.images import ImageBuilder

    return ImageBuilder()
