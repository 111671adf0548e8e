"""From an image to an SBOM."""

from __future__ import annotations

import os
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from provenance.catalog.inventory import take_inventory
from provenance.errors import NotEvaluated
from provenance.image import Image, resolve
from provenance.oci.descriptor import Platform
from provenance.oci.reference import Reference
from provenance.packages.purl import build_purl
from provenance.sbom import Sbom, Subject

if TYPE_CHECKING:
    from collections.abc import Iterable

    from provenance.catalog.cataloger import Cataloger
    from provenance.image import ImageLike
    from provenance.oci.registry import Registry
    from provenance.settings import Limits, Settings

__all__ = ["generate_sbom"]


def generate_sbom(
    image: ImageLike,
    *,
    platform: str | Platform | None = None,
    registry: Registry | None = None,
    settings: Settings | None = None,
    limits: Limits | None = None,
    catalogers: Iterable[Cataloger] | None = None,
) -> Sbom:
    """List the packages installed in an image.

    The same image gives the same bytes: the document's time is SOURCE_DATE_EPOCH or else the
    image's own, its serial number is derived from the image.

    Args:
        image: a reference, a path, or an image.
        platform: which image of an index; None: the host's.
        registry: credentials and session to use.
        settings: how to fetch.
        limits: caps on what is read.
        catalogers: which to run; None: all there are.

    Raises:
        NotFound: no such image, or no image for the platform; lists those there are.
        UnsupportedFormat: this is an artifact, no image.
        ProvenanceError: a layer could not be read to its proven end.
    """
    with ExitStack() as stack:
        if registry is None and not isinstance(image, Image):
            registry = _session(stack, Reference.parse(image), settings, limits)
        found = resolve(
            image, platform=platform, registry=registry, settings=settings, limits=limits
        )
        return _generate(found, catalogers)


def _session(
    stack: ExitStack, reference: Reference, settings: Settings | None, limits: Limits | None
) -> Registry | None:
    """One session for the whole call, so that one token serves it; local places need none."""
    if reference.scheme != "docker":
        return None
    from provenance.oci.registry import Registry

    return stack.enter_context(Registry(settings=settings, limits=limits))


def _generate(found: Image, catalogers: Iterable[Cataloger] | None) -> Sbom:
    if found.is_index:
        found = found.for_platform(Platform.host())
    from provenance.catalog import ALL  # which imports this module

    runs = tuple(ALL if catalogers is None else catalogers)
    globs = [glob for run in runs for glob in (*run.paths, *run.context)]
    collected = found.collect(*globs)
    inventory = take_inventory(collected.files, collected.history, runs)
    return Sbom.build(
        subject=_subject(found),
        packages=inventory.packages,
        created=_created(found),
        dependencies=inventory.dependencies,
        findings=(*collected.findings, *inventory.findings),
    )


def _subject(image: Image) -> Subject:
    reference, digest = image.reference, image.digest
    short = reference.repository.rstrip("/").rpartition("/")[2] or "image"
    purl = ""
    if digest is not None:
        qualifiers = {"arch": image.config.architecture}
        if not reference.is_local:
            qualifiers["repository_url"] = reference.name
        purl = build_purl("oci", "", short, digest, qualifiers)
    return Subject(
        name=short if reference.is_local else reference.name,
        version=str(digest or image.config_digest),
        purl=purl,
        digest=digest,
        type="container",
    )


def _created(image: Image) -> datetime | None:
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not epoch:
        return image.config.created
    try:
        return datetime.fromtimestamp(int(epoch), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise NotEvaluated(
            f"SOURCE_DATE_EPOCH is {epoch[:40]!r}", hint="set it to seconds since 1970, or unset it"
        ) from error
