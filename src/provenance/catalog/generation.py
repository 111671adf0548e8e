"""`generate_sbom`: from an image, an index or a directory to SBOMs."""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict, Unpack, overload

from provenance.catalog.cataloging import (
    FILES,
    VERIFY,
    Cataloged,
    Choices,
    catalog_directory,
    catalog_image,
)
from provenance.catalog.ecosystems import ALL
from provenance.catalog.index import IndexSboms, images_of, index_sboms
from provenance.catalog.plugins import all_catalogers
from provenance.catalog.subject import build_time, image_subject
from provenance.errors import UnsupportedFormat
from provenance.image import Image, resolve
from provenance.oci.descriptor import Platform
from provenance.oci.reference import Reference
from provenance.packages.package import Location, Package
from provenance.sbom import Sbom, Subject
from provenance.sbom.collection import paused_collection
from provenance.settings import Limits, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from provenance.catalog.cataloger import Cataloger
    from provenance.digests import Digest
    from provenance.image import ImageLike
    from provenance.oci.registry import Registry

__all__ = ["generate_sbom"]

_Files = Literal["none", "owned", "all"]
_Verify = Literal["default", "full"]


@dataclass(frozen=True, slots=True)
class _Default:
    """Stands for the folder that the settings name."""


_DEFAULT = _Default()


class _Options(TypedDict, total=False):
    """What goes with every kind of call."""

    registry: Registry | None
    settings: Settings | None
    limits: Limits | None
    catalogers: Iterable[Cataloger] | None
    files: _Files
    verify: _Verify
    cache: Path | _Default | None
    progress: Callable[[int, int], object] | None


@overload
def generate_sbom(
    image: ImageLike,
    *,
    platform: str | Platform | None = ...,
    platforms: None = ...,
    **options: Unpack[_Options],
) -> Sbom: ...
@overload
def generate_sbom(
    image: ImageLike,
    *,
    platform: None = ...,
    platforms: Literal["all"],
    **options: Unpack[_Options],
) -> IndexSboms: ...
@overload
def generate_sbom(
    image: ImageLike,
    *,
    platform: str | Platform | None = ...,
    platforms: Literal["all"] | None = ...,
    **options: Unpack[_Options],
) -> Sbom | IndexSboms: ...
def generate_sbom(
    image: ImageLike,
    *,
    platform: str | Platform | None = None,
    platforms: Literal["all"] | None = None,
    registry: Registry | None = None,
    settings: Settings | None = None,
    limits: Limits | None = None,
    catalogers: Iterable[Cataloger] | None = None,
    files: _Files = "none",
    verify: _Verify = "default",
    cache: Path | _Default | None = _DEFAULT,
    progress: Callable[[int, int], object] | None = None,
) -> Sbom | IndexSboms:
    """List the packages installed in an image.

    The same image gives the same bytes: the document's time is SOURCE_DATE_EPOCH or else the
    image's own, its serial number is derived from the contents. Every layer is read to its proven
    end, or found in the cache under its verified digest.

    Args:
        image: a reference, a path, an image, or `dir:PATH`: an unpacked root.
        platform: which image of an index; None: the host's.
        platforms: `"all"`: one SBOM a platform, and one of the index that refers to them.
        registry: credentials and session to use.
        settings: how to fetch.
        limits: caps on what is read.
        catalogers: which to run; None: all there are, those of plugins too.
        files: which files to list with their SHA-256: `none`, those that a package owns, or `all`.
        verify: `full` computes each layer's diffID too; one that the config does not claim
            becomes a finding. Of docker archives, which have no other digests, always.
        cache: folder of the layer cache, None for none; the settings' by default.
        progress: told of bytes of layers as stored, how many were just read and how many there are
            in all (of an index, in all its images), from any thread.

    Raises:
        NotFound: no such image, or no image for the platform; lists those there are.
        UnsupportedFormat: this is an artifact, no image; a directory has no platforms, or
            may be a layout that is not whole.
        ProvenanceError: a layer could not be read to its proven end.
    """
    _check(files, FILES, "files")
    _check(verify, VERIFY, "verify")
    if platforms is not None:
        _check(platforms, ("all",), "platforms")
        if platform is not None:
            raise ValueError("say platform or platforms, not both")
    settings = settings or Settings.from_environment()
    choices = Choices(
        catalogers=tuple(all_catalogers() if catalogers is None else catalogers),
        limits=limits or Limits(),
        files=files,
        verify=verify,
        progress=progress,
    )
    if not isinstance(image, Image) and (reference := Reference.parse(image)).scheme == "dir":
        if platform is not None or platforms is not None:
            raise UnsupportedFormat(
                "a directory is of no platform, so none can be chosen",
                hint="leave the platform out",
                reference=str(reference),
            )
        root = Path(reference.repository)
        _check_root(root, said=str(image).startswith("dir:"))
        return _directory(root, choices)
    with ExitStack() as stack:
        folder = settings.cache_dir if isinstance(cache, _Default) else cache
        if folder is not None:
            from provenance.catalog.cache_file import CacheFile

            choices = replace(choices, cache=stack.enter_context(closing(CacheFile(folder))))
        if registry is None and not isinstance(image, Image):
            registry = _session(stack, Reference.parse(image), settings, limits)
        found = resolve(
            image, platform=platform, registry=registry, settings=settings, limits=limits
        )
        if platforms == "all":
            images = images_of(found, most=choices.limits.manifests)
            choices = _over_all(choices, images.values())
            return index_sboms(found, images, lambda one: _sbom(one, choices))
        if found.is_index:
            found = found.for_platform(Platform.host())
        return _sbom(found, choices)


def _check(value: str, known: tuple[str, ...], name: str) -> None:
    if value not in known:
        raise ValueError(f"{name} is one of {', '.join(known)}, not {value!r}")


def _check_root(root: Path, *, said: bool) -> None:
    """Refuse what was taken for an unpacked root without being said to be one, and may be none.

    An SBOM of a damaged layout's own files would look like that of an image without packages.
    """
    if not said and (root / "index.json").is_file():
        raise UnsupportedFormat(
            "this may be an OCI layout whose file oci-layout is missing, or an unpacked root",
            hint=f"say which: oci:{root} or dir:{root}",
            reference=str(root),
        )


def _session(
    stack: ExitStack, reference: Reference, settings: Settings | None, limits: Limits | None
) -> Registry | None:
    """One session for the whole call, so that one token serves it; local places need none."""
    if reference.scheme != "docker":
        return None
    from provenance.oci.registry import Registry

    return stack.enter_context(Registry(settings=settings, limits=limits))


def _over_all(choices: Choices, images: Iterable[Image]) -> Choices:
    """The choices, with a progress that tells of all images as one."""
    if (tell := choices.progress) is None:
        return choices
    total = sum(layer.size for image in images for layer in image.layers)
    return replace(choices, progress=lambda count, _: tell(count, total))


def _sbom(image: Image, choices: Choices) -> Sbom:
    """Of one image, or as it was kept. A docker archive's layers are only claimed: never kept."""
    file, digest = choices.cache, image.digest
    if file is None or digest is None or not _own(choices.catalogers):
        return _cataloged(image, choices)
    from provenance.catalog.document_cache import document_key, keep_document, kept_document

    reference, created = image.reference, build_time(image.config.created)
    said = reference.name, choices.files, choices.verify, repr(created)
    key = document_key(choices.layer_key, *said)
    found = kept_document(file, digest, key)
    if found is not None:
        if choices.progress is not None:
            size = sum(layer.size for layer in image.layers)
            choices.progress(size, size)
        return found
    made = _cataloged(image, choices)
    if all(f.rule != "cataloger-failed" for f in made.findings):
        keep_document(file, digest, key, made)
    return made


def _own(catalogers: Iterable[Cataloger]) -> bool:
    return all(any(one is other for other in ALL) for one in catalogers)


def _cataloged(image: Image, choices: Choices) -> Sbom:
    with paused_collection():  # many small objects, no cycles
        cataloged = catalog_image(image, choices)
        subject = image_subject(image, cataloged.inventory.releases.get(""))
        return _built(subject, cataloged, image.config.created)


def _directory(root: Path, choices: Choices) -> Sbom:
    cataloged = catalog_directory(root, choices)
    name = root.resolve().name or "/"
    release = cataloged.inventory.releases.get("")
    return _built(Subject(name=name, type="file", distribution=release), cataloged, None)


def _built(subject: Subject, cataloged: Cataloged, created: datetime | None) -> Sbom:
    inventory = cataloged.inventory
    # A layer may be there twice; what it brought is there since the first time.
    layers = reversed(subject.layers)
    steps = {layer.digest: layer.created_by for layer in layers if layer.created_by}
    return Sbom.build(
        subject=subject,
        packages=[_told(p, steps) for p in inventory.packages],
        created=build_time(created),
        dependencies=inventory.dependencies,
        contains=inventory.contains,
        files=cataloged.files,
        findings=cataloged.findings,
    )


def _told(package: Package, steps: Mapping[Digest, str]) -> Package:
    """The package, each location with the instruction that made its layer."""
    return package.changed(
        locations=tuple(
            Location(x.path, x.layer, steps.get(x.layer, "")) if x.layer is not None else x
            for x in package.locations
        )
    )
