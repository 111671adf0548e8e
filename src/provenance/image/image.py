"""`Image`: what a reference pins down, read piece by piece when it is asked for."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from provenance.errors import LimitExceeded, UnsupportedFormat
from provenance.image.config import Config
from provenance.image.layer import Layer, layers_of
from provenance.image.layers import Collected, LayerReader
from provenance.oci.manifest import Index, Manifest
from provenance.oci.media_types import IMAGE_CONFIGS, INDEXES
from provenance.oci.platforms import Platform, choose, no_such_platform, platforms_of
from provenance.oci.reference import Reference
from provenance.oci.repository import read_blob
from provenance.settings import Limits, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from rich.table import Table

    from provenance.digests import Digest
    from provenance.image.file import File
    from provenance.image.tree import Tree
    from provenance.oci.descriptor import Descriptor
    from provenance.oci.registry import Registry
    from provenance.oci.repository import Repository

__all__ = ["Image"]

_NESTING = 8  # indexes within indexes; builders write one, rarely two
_WITHOUT_DIGEST = frozenset({"docker-archive", "docker-daemon"})


class Image:
    """An image or an index of images, pinned by digest.

    Made by `resolve`. Knows its reference; everything else is fetched on first use and kept.
    Holds no connection; `repr`, `==`, `hash` and pickling do no I/O. Of an index, everything
    but `platforms`, `for_platform`, `digest` and the like is answered for the host's platform.
    """

    __slots__ = (
        "_config",
        "_descriptor",
        "_host",
        "_index",
        "_limits",
        "_manifest",
        "_platform",
        "_registry",
        "_settings",
        "reference",
        "tag",
    )

    reference: Reference
    """Repository and digest; of a docker archive, the archive."""
    tag: str | None
    """The tag it was asked for by, for display only."""

    def __init__(
        self,
        reference: Reference,
        *,
        tag: str | None = None,
        descriptor: Descriptor | None = None,
        platform: Platform | None = None,
        manifest: Manifest | Index | None = None,
        index: Image | None = None,
        registry: Registry | None = None,
        settings: Settings | None = None,
        limits: Limits | None = None,
    ) -> None:
        """Use `resolve` instead."""
        self.reference = reference
        self.tag = tag
        self._descriptor = descriptor
        self._platform = platform
        self._index = index
        self._registry = registry
        self._settings = settings
        self._limits = limits or Limits()
        self._manifest = manifest
        self._config: Config | None = None
        self._host: Image | None = None

    def reading_with(
        self,
        *,
        registry: Registry | None = None,
        settings: Settings | None = None,
        limits: Limits | None = None,
    ) -> Image:
        """The same image, read by another session; what is None stays as it is."""
        index = self._index
        if index is not None:
            index = index.reading_with(registry=registry, settings=settings, limits=limits)
        return Image(
            self.reference,
            tag=self.tag,
            descriptor=self._descriptor,
            platform=self._platform,
            index=index,
            registry=registry or self._registry,
            settings=settings or self._settings,
            limits=limits or self._limits,
        )

    # ---- identity

    @property
    def digest(self) -> Digest | None:
        """Digest of the manifest or index; None for what never was in a registry."""
        if self.reference.scheme in _WITHOUT_DIGEST:
            return None
        return self.reference.digest

    @property
    def index(self) -> Image | None:
        """The index that this image was chosen from, None if it was named directly."""
        return self._index

    @property
    def descriptor(self) -> Descriptor:
        """Media type, digest and size; fetched if not known yet."""
        if self._descriptor is None:
            self._descriptor = self.manifest().descriptor
        return self._descriptor

    @property
    def media_type(self) -> str:
        """Media type of the manifest or index."""
        return self.descriptor.media_type

    @property
    def size(self) -> int:
        """Bytes of the manifest or index itself."""
        return self.descriptor.size

    @property
    def is_index(self) -> bool:
        """Whether it stands for several platforms."""
        if self._manifest is not None:
            return isinstance(self._manifest, Index)
        return self.media_type in INDEXES

    # ---- platforms

    @property
    def platforms(self) -> tuple[Platform, ...]:
        """The platforms there are; of a single image its own."""
        manifest = self.manifest()
        if isinstance(manifest, Index):
            return platforms_of(manifest)
        config = self.config
        if not config.os and not config.architecture:
            return ()
        return (Platform(config.os, config.architecture, config.variant),)

    @property
    def platform(self) -> Platform | None:
        """The platform it was chosen by or states, without fetching anything."""
        return self._platform

    def for_platform(self, platform: str | Platform) -> Image:
        """The image for one platform, or the best that runs on it; see `oci.platforms.choose`.

        Raises:
            NotFound: no such platform; lists those there are.
        """
        wanted = Platform.parse(platform) if isinstance(platform, str) else platform
        manifest = self.manifest()
        where = str(self.reference)
        if not isinstance(manifest, Index):
            if not self.platforms or any(p.matches(wanted) for p in self.platforms):
                return self
            digest = self.digest or ""
            raise no_such_platform(wanted, self.platforms, where=where, digest=digest)
        chosen = choose(manifest, wanted, where=where)
        image = self._child(chosen, chosen.platform or wanted)
        return image.for_platform(wanted) if image.is_index else image

    def members(self) -> Iterator[Image]:
        """Of an index, what it lists, in its order: images, indexes and artifacts.

        Not what says of itself that it is for no platform, as attestations do (`unknown`).
        """
        manifest = self.manifest()
        for descriptor in manifest.manifests if isinstance(manifest, Index) else ():
            platform = descriptor.platform
            if platform is None or platform.os != "unknown":
                yield self._child(descriptor, platform)

    def _child(self, descriptor: Descriptor, platform: Platform | None) -> Image:
        depth, above = 0, self._index
        while above is not None:
            depth, above = depth + 1, above.index
        if depth >= _NESTING:
            raise LimitExceeded(
                f"indexes are nested more than {_NESTING} deep",
                hint="name the image itself, by digest",
                reference=str(self.reference),
            )
        return Image(
            self.reference.with_digest(descriptor.digest),
            tag=self.tag,
            descriptor=descriptor,
            platform=platform,
            index=self,
            registry=self._registry,
            settings=self._settings,
            limits=self._limits,
        )

    def beside(self, digest: Digest) -> Image:
        """Another image or index of the same repository, read by the same session."""
        return Image(
            self.reference.with_digest(digest),
            registry=self._registry,
            settings=self._settings,
            limits=self._limits,
        )

    def _for_host(self) -> Image:
        """Of an index, the image for the host."""
        if self._host is None:
            self._host = self.for_platform(Platform.host())
        return self._host

    # ---- reading

    @property
    def registry(self) -> Registry | None:
        """The session that it was resolved with; None: every call opens one of its own."""
        return self._registry

    @contextmanager
    def repository(self) -> Iterator[Repository]:
        """The repository it lives in, open inside the `with`."""
        from provenance.oci.connect import connect

        with connect(
            self.reference, registry=self._registry, settings=self._settings, limits=self._limits
        ) as repository:
            yield repository

    def manifest(self) -> Manifest | Index:
        """The manifest or index, verified against the digest."""
        if self._manifest is None:
            with self.repository() as repository:
                target = self._descriptor or self.reference.digest or self.reference.tag or ""
                self._manifest = repository.manifest(target)
        return self._manifest

    def _image_manifest(self) -> Manifest:
        manifest = self.manifest()
        if isinstance(manifest, Index):
            raise UnsupportedFormat(
                "an index has no config and no layers of its own",
                hint="choose an image with for_platform()",
                reference=str(self.reference),
            )
        config_type = manifest.config.media_type
        if config_type not in IMAGE_CONFIGS:
            kind = manifest.artifact_type or config_type
            raise UnsupportedFormat(
                f"not a container image but an artifact of type {kind!r}",
                hint="name an image; artifacts are fetched with pull()",
                reference=str(self.reference),
                digest=self.digest or "",
            )
        return manifest

    @property
    def config_digest(self) -> Digest:
        """Digest of the config: what Docker calls the image id."""
        if self.is_index:
            return self._for_host().config_digest
        return self._image_manifest().config.digest

    @property
    def config(self) -> Config:
        """The config.

        Raises:
            UnsupportedFormat: this is an artifact, no image.
        """
        if self.is_index:
            return self._for_host().config
        if self._config is None:
            manifest = self._image_manifest()
            with self.repository() as repository:
                self._config = self._read_config(manifest, repository)
        return self._config

    def _read_config(self, manifest: Manifest, repository: Repository) -> Config:
        descriptor = manifest.config
        raw = read_blob(repository, descriptor, limit=self._limits.config_bytes)
        return Config.parse(raw, where=str(self.reference), digest=descriptor.digest)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers, bottom first."""
        if self.is_index:
            return self._for_host().layers
        return layers_of(self._image_manifest(), self.config)

    def file(self, path: str) -> File:
        """One file of the squashed view, links followed.

        Raises:
            NotFound: there is none, or it is a directory or device.
            LimitExceeded: too large, or a loop of links.
        """
        if self.is_index:
            return self._for_host().file(path)
        with self._reader() as reader:
            return reader.file(path)

    def files(self, *globs: str) -> dict[str, File]:
        """The files that match, in one pass over the layers: path to file, sorted.

        `*`, `?`, `[...]` match within a step of the path, `**` any number of steps.
        """
        return self.collect(*globs).files

    def collect(self, *globs: str) -> Collected:
        """As `files`, with the squashed tree, older versions of the files, and findings."""
        if self.is_index:
            return self._for_host().collect(*globs)
        with self._reader() as reader:
            return reader.collect(globs)

    def tree(self) -> Tree:
        """The squashed view: every path with its kind, size, mode and layer, without bodies."""
        if self.is_index:
            return self._for_host().tree()
        with self._reader() as reader:
            return reader.tree()

    @contextmanager
    def _reader(self) -> Iterator[LayerReader]:
        manifest = self._image_manifest()
        with self.repository() as repository:
            if self._config is None:  # whoever wants the files mostly wants it too
                self._config = self._read_config(manifest, repository)
            yield LayerReader(repository, manifest.layers, self._limits, str(self.reference))

    # ---- as a value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Image):
            return NotImplemented
        return (self.reference, self._platform) == (other.reference, other._platform)

    def __hash__(self) -> int:
        return hash((self.reference, self._platform))

    def __repr__(self) -> str:
        tag = f", tag={self.tag!r}" if self.tag else ""
        platform = f", platform={str(self._platform)!r}" if self._platform else ""
        return f"Image({str(self.reference)!r}{tag}{platform})"

    def _repr_html_(self) -> str:
        """Summary for notebooks, of what is known already."""
        from provenance.display.html import summary

        return summary("Image", dict(self._facts()))

    def __rich__(self) -> Table:
        """The same, for terminals."""
        from provenance.display.terminal import facts

        return facts(dict(self._facts()))

    def _facts(self) -> Iterable[tuple[str, str]]:
        yield "Reference", str(self.reference)
        if self.tag:
            yield "Tag", self.tag
        if self._platform:
            yield "Platform", str(self._platform)
        if self._descriptor:
            yield "Media type", self._descriptor.media_type
        if isinstance(self._manifest, Index):
            yield "Platforms", ", ".join(str(p) for p in self.platforms)
        elif self._manifest is not None:
            size = sum(d.size for d in self._manifest.layers)
            yield "Layers", f"{len(self._manifest.layers)} ({size:,} bytes)"
        if self._config is not None:
            yield "Platform of the config", f"{self._config.os}/{self._config.architecture}"
            if created := self._config.created:
                yield "Created", created.isoformat()
            yield "User", self._config.user or "root (none set)"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as reference and platform: no session, no credentials, no content."""
        index = str(self._index.reference) if self._index is not None else ""
        platform = str(self._platform) if self._platform else ""
        return _restore, (str(self.reference), self.tag, platform, index)


def _restore(reference: str, tag: str | None, platform: str, index: str) -> Image:
    return Image(
        Reference.parse(reference),
        tag=tag,
        platform=Platform.parse(platform) if platform else None,
        index=Image(Reference.parse(index), tag=tag) if index else None,
    )
