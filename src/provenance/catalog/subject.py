"""What an SBOM describes: the image, as its manifest, config and labels tell of it."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from provenance.digests import Digest
from provenance.errors import InvalidDigest, NotEvaluated
from provenance.packages.purl import build_purl
from provenance.sbom.model import Subject, SubjectLayer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provenance.image import Image
    from provenance.packages.os_release import OsRelease

__all__ = ["build_time", "image_subject", "index_subject"]

_BASE_NAME = "org.opencontainers.image.base.name"
_BASE_DIGEST = "org.opencontainers.image.base.digest"


def image_subject(image: Image, distribution: OsRelease | None) -> Subject:
    """The image of one platform."""
    config, digest = image.config, image.digest
    platform = "/".join(x for x in (config.os, config.architecture, config.variant) if x)
    said = {**config.labels, **image.manifest().annotations}
    name, _ = _names(image)
    return Subject(
        name=name,
        version=str(digest or image.config_digest),
        purl=_purl(image, config.architecture),
        digest=digest,
        type="container",
        platform=platform,
        labels=dict(sorted(config.labels.items())),
        base=said.get(_BASE_NAME, ""),
        base_digest=_digest(said, _BASE_DIGEST),
        distribution=distribution,
        layers=tuple(
            SubjectLayer(x.digest, x.size, x.media_type, x.diff_id, x.created_by)
            for x in image.layers
        ),
    )


def index_subject(index: Image) -> Subject:
    """An index of images for several platforms."""
    name, _ = _names(index)
    digest = index.digest
    return Subject(
        name=name, version=str(digest or ""), purl=_purl(index, ""), digest=digest, type="container"
    )


def _names(image: Image) -> tuple[str, str]:
    """The image's name, and its last step."""
    reference = image.reference
    short = reference.repository.rstrip("/").rpartition("/")[2] or "image"
    return (short if reference.is_local else reference.name), short


def _purl(image: Image, architecture: str) -> str:
    """An OCI purl: the digest is the version; where it is from is a qualifier."""
    digest, reference = image.digest, image.reference
    if digest is None:
        return ""
    qualifiers = {"arch": architecture}
    if not reference.is_local:
        qualifiers["repository_url"] = reference.name
    return build_purl("oci", "", _names(image)[1], digest, qualifiers)


def _digest(said: Mapping[str, str], key: str) -> Digest | None:
    try:
        return Digest(said[key]) if key in said else None
    except InvalidDigest:
        return None


def build_time(otherwise: datetime | None) -> datetime | None:
    """The time a document states: SOURCE_DATE_EPOCH, or else what the image says.

    Raises:
        NotEvaluated: SOURCE_DATE_EPOCH is set to something else than seconds.
    """
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not epoch:
        return otherwise
    try:
        return datetime.fromtimestamp(int(epoch), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise NotEvaluated(
            f"SOURCE_DATE_EPOCH is {epoch[:40]!r}", hint="set it to seconds since 1970, or unset it"
        ) from error
