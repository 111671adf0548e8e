from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.oci.registries import close_all, open_repository

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.oci.registry_repository import RegistryRepository
    from provenance.testing import LocalRegistry

# They hold asserts, though they are no test modules.
pytest.register_assert_rewrite(
    "tests.oci.suite_content",
    "tests.oci.suite_copies",
    "tests.oci.suite_listing",
    "tests.oci.suite_logins",
)


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    close_all()


@pytest.fixture
def repository(local_registry: LocalRegistry) -> RegistryRepository:
    return open_repository(local_registry)
