"""Images made by construction: what is in them is known, so tests can say what is right.

The same steps give the same bytes: no time stamps, no order but the one given.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from provenance.digests import Digest
from provenance.oci import media_types as mt
from provenance.oci.connect import connect, writable
from provenance.oci.descriptor import Descriptor, Platform
from provenance.oci.manifest import Index, Manifest
from provenance.oci.reference import Reference
from provenance.testing.layers import (
    LAYER_TYPES,
    Directory,
    File,
    Hardlink,
    Opaque,
    Symlink,
    Whiteout,
    check_compression,
    compress,
    decompress,
    entries_of,
    tar_of,
)

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from provenance.oci.registry import Registry
    from provenance.oci.repository import Writable
    from provenance.settings import Settings
    from provenance.testing.layers import Entry

__all__ = [
    "BuiltImage",
    "Directory",
    "File",
    "Hardlink",
    "ImageBuilder",
    "Opaque",
    "Symlink",
    "Whiteout",
    "build_index",
]


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """An image in memory: its manifest and every blob it names."""

    manifest: Manifest
    blobs: Mapping[Digest, bytes] = field(repr=False)
    platform: Platform
    notes: tuple[str, ...] = field(default=(), repr=False)
    """What whoever built it had to leave out, and why."""

    @property
    def digest(self) -> Digest:
        """Of the manifest."""
        return self.manifest.descriptor.digest

    @property
    def config(self) -> bytes:
        """The config as it is stored."""
        return self.blobs[self.manifest.config.digest]

    def push(
        self,
        reference: str | Reference,
        *,
        registry: Registry | None = None,
        settings: Settings | None = None,
    ) -> Reference:
        """Push it, to a registry or an OCI layout (`oci:DIR:TAG`); returns `repository@digest`."""
        target = Reference.parse(reference)
        with connect(target, registry=registry, settings=settings) as opened:
            self._push(writable(opened), target.tag)
        return target.with_digest(self.digest)

    def write_layout(self, directory: Path | str, tag: str = "latest") -> Path:
        """Add it to an OCI layout, which is made if it is not there; returns the directory."""
        from provenance.oci.layout import LayoutRepository

        self._push(LayoutRepository(Path(directory)), tag)
        return Path(directory)

    def write_archive(self, file: Path | str, tag: str = "latest") -> Path:
        """Write it as an OCI archive, a layout in a tar; returns the file."""
        found = self.manifest.descriptor
        annotated = Descriptor(
            found.media_type,
            found.digest,
            found.size,
            annotations={"org.opencontainers.image.ref.name": tag},
            platform=self.platform,
        )
        entries: dict[str, Entry] = {
            "oci-layout": b'{"imageLayoutVersion":"1.0.0"}',
            "index.json": Index.build([annotated]).raw,
        }
        for digest, data in {found.digest: self.manifest.raw, **self.blobs}.items():
            entries[f"blobs/{digest.algorithm}/{digest.hex}"] = data
        Path(file).write_bytes(tar_of(entries))
        return Path(file)

    def _push(self, repository: Writable, tag: str | None) -> None:
        for descriptor in (self.manifest.config, *self.manifest.layers):
            repository.push_blob(self.blobs[descriptor.digest], descriptor)
        repository.push_manifest(self.manifest, tag=tag)


class ImageBuilder:
    """Builds an image layer by layer.

    >>> built = ImageBuilder().layer({"etc/motd": b"hello"}).build()
    >>> len(built.manifest.layers)
    1
    """

    def __init__(self, *, platform: str = "linux/amd64", compression: str = "gzip") -> None:
        """Start with nothing.

        Args:
            platform: what the config says it runs on.
            compression: of layers that say nothing else: `gzip`, `zstd` or `none`.

        Raises:
            ValueError: no such compression.
        """
        self._platform = Platform.parse(platform)
        self._compression = check_compression(compression)
        self._layers: list[tuple[bytes, bytes, str]] = []
        self._config: dict[str, Any] = {}
        self._history: list[dict[str, Any]] = []
        self._created = ""

    def layer(
        self,
        entries: Mapping[str, Entry],
        *,
        created_by: str = "",
        compression: str | None = None,
    ) -> Self:
        """Add a layer of these paths, in their order."""
        return self.layer_from_tar(tar_of(entries), created_by=created_by, compression=compression)

    def layer_from_tar(
        self,
        source: Path | str | bytes,
        *,
        created_by: str = "",
        compression: str | None = None,
    ) -> Self:
        """Add a layer of a tar. One that is compressed already is stored as it is."""
        stored = source if isinstance(source, bytes) else Path(source).read_bytes()
        kind, plain = decompress(stored)
        if kind == "none":
            kind = check_compression(compression or self._compression)
            stored = compress(plain, kind)
        return self._add(stored, plain, LAYER_TYPES[kind], created_by)

    def layer_from_directory(
        self, folder: Path | str, *, created_by: str = "", compression: str | None = None
    ) -> Self:
        """Add a layer of what is below a directory, sorted by path."""
        entries = dict(entries_of(Path(folder)))
        return self.layer(entries, created_by=created_by, compression=compression)

    def raw_layer(self, stored: bytes, media_type: str, *, diff_id: str | None = None) -> Self:
        """Add any bytes as a layer, for tests of what is broken or hostile."""
        self._add(stored, stored, media_type, "")
        if diff_id is not None:
            self._history[-1]["diff_id"] = diff_id
        return self

    def config(
        self,
        *,
        user: str | None = None,
        env: Sequence[str] | None = None,
        command: Sequence[str] | None = None,
        entrypoint: Sequence[str] | None = None,
        labels: Mapping[str, str] | None = None,
        working_directory: str | None = None,
        created: dt.datetime | str | None = None,
    ) -> Self:
        """Set fields of the config; those not given stay as they are."""
        fields = {
            "User": user,
            "Env": None if env is None else list(env),
            "Cmd": None if command is None else list(command),
            "Entrypoint": None if entrypoint is None else list(entrypoint),
            "Labels": None if labels is None else dict(labels),
            "WorkingDir": working_directory,
        }
        self._config |= {k: v for k, v in fields.items() if v is not None}
        if created is not None:
            text = created if isinstance(created, str) else created.isoformat()
            self._created = text.replace("+00:00", "Z")
        return self

    def build(self) -> BuiltImage:
        """The image as it is now; building goes on afterwards if one likes."""
        history = [
            {"created_by": step["created_by"]} if step["created_by"] else {}
            for step in self._history
        ]
        document: dict[str, Any] = {
            "architecture": self._platform.architecture,
            "os": self._platform.os,
            "config": self._config,
            "rootfs": {
                "type": "layers",
                "diff_ids": [
                    step.get("diff_id", str(Digest.of(plain)))
                    for step, (_, plain, _) in zip(self._history, self._layers, strict=True)
                ],
            },
            "history": history,
        }
        if self._platform.variant:
            document["variant"] = self._platform.variant
        if self._created:
            document["created"] = self._created
        config = json.dumps(document, separators=(",", ":"), sort_keys=True).encode()
        descriptor = Descriptor.of(config, mt.OCI_CONFIG)
        layers = [Descriptor.of(stored, kind) for stored, _, kind in self._layers]
        blobs = {Digest.of(stored): stored for stored, _, _ in self._layers}
        blobs[descriptor.digest] = config
        return BuiltImage(Manifest.build(descriptor, layers), blobs, self._platform)

    def push(
        self,
        reference: str | Reference,
        *,
        registry: Registry | None = None,
        settings: Settings | None = None,
    ) -> Reference:
        """Build and push; returns `repository@digest`."""
        return self.build().push(reference, registry=registry, settings=settings)

    def _add(self, stored: bytes, plain: bytes, media_type: str, created_by: str) -> Self:
        self._layers.append((stored, plain, media_type))
        self._history.append({"created_by": created_by})
        return self


def build_index(
    images: Sequence[BuiltImage],
    reference: str | Reference,
    *,
    registry: Registry | None = None,
    settings: Settings | None = None,
) -> Reference:
    """Push images and an index of them; returns the index' `repository@digest`."""
    target = Reference.parse(reference)
    listed = []
    for image in images:
        image.push(target.with_digest(image.digest), registry=registry, settings=settings)
        found = image.manifest.descriptor
        listed.append(
            Descriptor(found.media_type, found.digest, found.size, platform=image.platform)
        )
    index = Index.build(listed)
    with connect(target, registry=registry, settings=settings) as repository:
        writable(repository).push_manifest(index, tag=target.tag)
    return target.with_digest(index.descriptor.digest)
