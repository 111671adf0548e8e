"""The SBOMs of an index: one a platform, and one that says what there is and refers to them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from provenance.catalog.subject import build_time, image_subject, index_subject
from provenance.errors import LimitExceeded, NotFound, UnsupportedFormat
from provenance.oci.manifest import Manifest
from provenance.oci.media_types import DOCKER_SCHEMA1, IMAGE_CONFIGS, MANIFESTS
from provenance.packages.package import Package
from provenance.sbom import Format, Sbom, Subject
from provenance.sbom.model import OtherDocument

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator, Mapping

    from rich.table import Table

    from provenance.digests import Digest
    from provenance.image import Image
    from provenance.oci.descriptor import Platform

__all__ = ["IndexSboms", "images_of", "index_sboms"]

_READ = MANIFESTS | DOCKER_SCHEMA1
"""What may be an image; the second is refused by whoever reads it."""

_COLUMNS = ("platform", "packages", "findings", "describes")


@dataclass(frozen=True, slots=True, repr=False)
class IndexSboms:
    """What `generate_sbom(image, platforms="all")` returns."""

    index: Sbom
    """Lists the images, each with a reference to its own SBOM by identifier and hash."""
    platforms: Mapping[str, Sbom]
    """Platform (`linux/arm64/v8`) to the SBOM of its image, in the index's order.

    Of several for one platform, compressed in other ways say, all after the first have their
    digest behind it, as in `linux/amd64@sha256:...`: runtimes run the first, or whichever they
    like best.
    """
    _images: Mapping[str, Package] = field(default_factory=dict)
    _created: dt.datetime | None = None

    @classmethod
    def build(
        cls,
        subject: Subject | None,
        images: Mapping[str, Package],
        platforms: Mapping[str, Sbom],
        created: dt.datetime | None,
        form: Format = Format.CYCLONEDX_1_6,
    ) -> Self:
        """Refer from a new document of the index to those of `platforms`, which are in `form`."""
        others = {images[name].purl: _other(sbom) for name, sbom in platforms.items()}
        index = Sbom.build(
            subject=subject, packages=images.values(), created=created, others=others, form=form
        )
        return cls(index, platforms, images, created)

    def convert(self, format: str | Format) -> Self:  # noqa: A002 - as in Sbom.convert
        """All of them in another format, so that the index refers to documents of that format.

        Raises:
            UnsupportedFormat: nothing is written in that format.
        """
        form = Format.parse(format)
        platforms = {name: sbom.convert(form)[0] for name, sbom in self.platforms.items()}
        return self.build(self.index.subject, self._images, platforms, self._created, form)

    def __repr__(self) -> str:
        of = f" of {self.index.subject}" if self.index.subject else ""
        return f"IndexSboms({self.index.format.value}{of}, {', '.join(self.platforms)})"

    def _repr_html_(self) -> str:
        """A row a platform, for notebooks."""
        facts = {
            "Describes": str(self.index.subject or "nothing it names"),
            "Format": self.index.format.value,
            "Platforms": len(self.platforms),
        }
        rows = self._rows()
        from provenance.display.html import document as html_document

        return html_document("SBOMs of an index", facts, _COLUMNS, rows, limit=None)

    def __rich__(self) -> Table:
        """A row a platform, for terminals."""
        from provenance.display.terminal import grid

        return grid(_COLUMNS, self._rows(), title=f"SBOMs of {self.index.subject or 'an index'}")

    def _rows(self) -> list[tuple[str, ...]]:
        return [
            (name, f"{len(s.packages):,}", f"{len(s.findings):,}", str(s.subject or ""))
            for name, s in self.platforms.items()
        ]


def _other(sbom: Sbom) -> OtherDocument:
    data = sbom.to_bytes()
    hashes = {
        "sha1": hashlib.sha1(data, usedforsecurity=False).hexdigest(),  # SPDX 2 asks for it
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    return OtherDocument(sbom.uri, hashes)


def images_of(index: Image, *, most: int) -> dict[str, Image]:
    """Platform to the image for it, in the index's order; also those of an index within it.

    An image whose platform the index does not name is for the one that its config states. For
    names where a platform has several, see `IndexSboms`.

    Args:
        index: the index.
        most: how many different manifests it and those within it may list.

    Raises:
        NotFound: it lists none.
        UnsupportedFormat: it is no index.
        LimitExceeded: it lists more than `most`.
    """
    if not index.is_index:
        raise UnsupportedFormat(
            "the reference leads to one image, not to an index of several",
            hint="leave platforms out",
            reference=str(index.reference),
        )
    images: dict[str, Image] = {}
    for image in _images(index, set(), most):
        platform = image.platform or next(iter(image.platforms), None)
        name = str(platform or "unknown")
        images[name if name not in images else f"{name}@{image.digest}"] = image
    if not images:
        raise NotFound("the index lists no image", reference=str(index.reference))
    return images


def _images(
    index: Image, seen: set[tuple[Digest | None, Platform | None]], most: int
) -> Iterator[Image]:
    """The images of an index and of those within it, each once."""
    for member in index.members():
        if (key := (member.digest, member.platform)) in seen:
            continue
        seen.add(key)
        if len(seen) > most:
            raise LimitExceeded(
                f"the index and those within it list more than {most} manifests",
                hint="name the image itself, by digest",
                reference=str(index.reference),
            )
        if member.is_index:
            yield from _images(member, seen, most)
        elif member.platform is not None or _is_image(member):
            yield member


def _is_image(member: Image) -> bool:
    """Not an artifact, a signature as cosign stores it, or what is no manifest at all.

    Unknown media types are no error by the specification of indexes.
    """
    if member.media_type not in _READ:
        return False
    manifest = member.manifest()
    if not isinstance(manifest, Manifest) or manifest.config.media_type not in IMAGE_CONFIGS:
        return False
    layers = manifest.layers
    return not layers or any("tar" in layer.media_type for layer in layers)


def index_sboms(
    index: Image, images: Mapping[str, Image], generate: Callable[[Image], Sbom]
) -> IndexSboms:
    """One SBOM for each of its images, made by `generate`, and the one of the index."""
    made = {name: generate(image) for name, image in images.items()}
    listed = {name: _package(image) for name, image in images.items()}
    return IndexSboms.build(index_subject(index), listed, made, build_time(None))


def _package(image: Image) -> Package:
    subject = image_subject(image, None)
    digest = subject.digest
    return Package(
        name=subject.name,
        version=subject.version,
        type="oci",
        purl=subject.purl,
        kind="container",
        architecture=image.platform.architecture if image.platform is not None else "",
        hashes={digest.algorithm: digest.hex} if digest is not None else {},
    )
