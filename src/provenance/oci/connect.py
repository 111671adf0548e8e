"""`connect`: from a reference to the repository it names, open for the time of a `with`."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from provenance.errors import UnsupportedFormat
from provenance.oci.repository import Writable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.oci.reference import Reference
    from provenance.oci.registry import Registry
    from provenance.oci.repository import Repository
    from provenance.settings import Limits, Settings

__all__ = ["connect", "writable"]


@contextmanager
def connect(
    reference: Reference,
    *,
    registry: Registry | None = None,
    settings: Settings | None = None,
    limits: Limits | None = None,
) -> Iterator[Repository]:
    """The repository that `reference` is in.

    A registry the caller gives stays open; one made here closes with the `with`. Local places
    open no socket, but for that of a Docker daemon. What is pushed into an archive or a daemon
    gets there when the `with` ends without an exception.

    Raises:
        MalformedDocument: a file that is no archive.
        UnsupportedFormat: a place this version does not read.
        RegistryUnavailable: what was pushed could not be written, at the end of the `with`.
    """
    if reference.scheme == "docker":
        from provenance.oci.registry import Registry

        if registry is not None:
            yield registry.repository(reference)
            return
        with Registry(settings=settings, limits=limits) as own:
            yield own.repository(reference)
    elif reference.scheme == "oci":
        from provenance.oci.layout import LayoutRepository

        yield LayoutRepository(Path(reference.repository), limits=limits)
    elif reference.scheme == "oci-archive":
        from provenance.oci.archive import ArchiveRepository

        with ArchiveRepository(Path(reference.repository), limits=limits) as archive:
            yield archive
    elif reference.scheme == "docker-archive":
        from provenance.oci.docker_archive import DockerArchiveRepository

        with DockerArchiveRepository(Path(reference.repository), limits=limits) as docker:
            yield docker
    elif reference.scheme == "docker-daemon":
        from provenance.oci.docker_daemon import DaemonRepository

        with DaemonRepository(reference, settings=settings, limits=limits) as daemon:
            yield daemon
    else:
        raise UnsupportedFormat(
            f"{reference.scheme}: is not read yet",
            reference=str(reference),
            hint="push it to a registry, or save it with docker save and name docker-archive:FILE",
        )


def writable(repository: Repository) -> Writable:
    """`repository`, if one can push to it. Raises UnsupportedFormat."""
    if isinstance(repository, Writable):
        return repository
    raise UnsupportedFormat(
        "this place cannot be written to",
        reference=repository.name,
        hint="copy the image to a registry or an OCI layout first",
    )
