"""What the tests against the embedded registry share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provenance.oci.descriptor import EMPTY_DESCRIPTOR, Descriptor
from provenance.oci.manifest import Manifest
from provenance.oci.reference import Reference
from provenance.oci.registry import Registry
from provenance.settings import Limits, Settings

if TYPE_CHECKING:
    from provenance.oci.registry_repository import RegistryRepository
    from provenance.testing import LocalRegistry

QUICK = Settings(retries=0, timeout=5)
BLOB = Descriptor.of(b"content", "text/plain")
_OPEN: list[Registry] = []


def open_repository(
    local: LocalRegistry,
    *,
    name: str = "org/app:1",
    settings: Settings = QUICK,
    limits: Limits | None = None,
    **more: Any,
) -> RegistryRepository:
    """A repository of a registry that is closed when the test ends."""
    registry = Registry(settings=settings, limits=limits, **more)
    _OPEN.append(registry)
    return registry.repository(Reference.parse(local.reference(name)))


def close_all() -> None:
    while _OPEN:
        _OPEN.pop().close()


def push(repository: RegistryRepository, tag: str | None = "1", **more: Any) -> Descriptor:
    """An artifact of one blob, `BLOB`."""
    repository.push_blob(b"content", BLOB)
    repository.push_blob(b"{}", EMPTY_DESCRIPTOR)
    return repository.push_manifest(Manifest.build(EMPTY_DESCRIPTOR, [BLOB], **more), tag=tag)


def paths(local: LocalRegistry) -> list[str]:
    """What was asked of `org/app`, without the part that is always the same."""
    return [f"{r.method} {r.path.removeprefix('/v2/org/app/')}" for r in local.requests]
