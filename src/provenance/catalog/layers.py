"""From an image's layers to their records: in parallel, out of the cache where they are in it.

1. One pass over each layer that the cache lacks, a thread a layer, the largest first.
2. A second pass over the same layer where a cataloger has to see whole files after all, or a
   hard link gives a file of another name one that is read. It becomes part of the record.
3. Where links of other layers lead to files that nobody read, those layers once more.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from provenance.catalog.files import CatalogReader, Reading
from provenance.errors import ContentMismatch
from provenance.findings import Finding, Severity
from provenance.image.layer_stream import check_layer, open_layer, place_of
from provenance.image.record import LayerRecord
from provenance.image.replay import record_layer
from provenance.oci.crew import Crew
from provenance.oci.repository import Claims

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from provenance.catalog.cache import LayerCache
    from provenance.catalog.routing import Router
    from provenance.digests import Digest
    from provenance.image.place import Place
    from provenance.oci.descriptor import Descriptor
    from provenance.oci.repository import Repository
    from provenance.settings import Limits

__all__ = ["CatalogedLayers", "Record"]

Record: TypeAlias = LayerRecord[Reading]
_WORKERS = 8


@dataclass(frozen=True, slots=True)
class CatalogedLayers:
    """The layers of one image, and how they are read."""

    repository: Repository
    layers: Sequence[Descriptor]
    """Bottom first."""
    router: Router
    limits: Limits
    where: str = ""
    """The image, for messages."""
    hashed: bool = False
    """Take the SHA-256 of every file."""
    diff_ids: Sequence[Digest | None] = ()
    """What the config claims of each layer; empty: not compared."""
    cache: LayerCache | None = None
    progress: Callable[[int], object] | None = None
    """Told of the layers' bytes as they are read, from any thread."""
    _claimed: set[Digest] = field(default_factory=set)
    """The layers' digests that are not known, but claimed."""
    _diff_ids: dict[Digest, str] = field(default_factory=dict)
    """What each layer was, when it was read first."""

    def records(self) -> list[Record]:
        """One a layer, bottom first.

        Raises:
            ProvenanceError: a layer that cannot be read to its proven end.
        """
        count, limit = len(self.layers), self.limits.layers
        if count > limit:
            raise self._place(0).exceeded("layers", limit, f"the image has {count} layers")
        if isinstance(self.repository, Claims):  # asked once, before there are threads
            self._claimed.update(d.digest for d in self.layers if self.repository.is_claimed(d))
        for index, layer in enumerate(self.layers):
            check_layer(layer, place=self._place(index), limits=self.limits)
        found: dict[tuple[Digest, int], Record] = {}
        for index, layer in enumerate(self.layers):
            if layer.digest in self._claimed:  # what is kept of the digest is of other bytes, maybe
                continue
            if self.cache is not None and _blob(layer) not in found:
                record = self.cache.get(layer, diff_id=bool(self.diff_ids))
                if record is not None:
                    found[_blob(layer)] = record
                    self._tell(self.layers[index].size)
        missing = {_blob(d): i for i, d in enumerate(self.layers) if _blob(d) not in found}
        largest = sorted(missing.values(), key=lambda i: -self.layers[i].size)
        for index, record in zip(largest, self._read_all(largest), strict=True):
            found[_blob(self.layers[index])] = record
        records = [found[_blob(layer)] for layer in self.layers]
        for index, record in enumerate(records):
            self._compare(index, record)
        return records

    def _read_all(self, indexes: Sequence[int]) -> list[Record]:
        workers = min(_WORKERS, os.cpu_count() or 1, len(indexes))
        if workers < 2:
            return [self._read(index) for index in indexes]
        with Crew(workers) as crew:
            return crew.each(self._read, indexes)

    def _read(self, index: int) -> Record:
        """Read one layer to its proven end, and keep what it yields. Runs in a thread."""
        layer, place = self.layers[index], self._place(index)
        reader = CatalogReader(self.router, layer.digest, limits=self.limits, hashed=self.hashed)
        with open_layer(
            self.repository,
            layer,
            place=place,
            limits=self.limits,
            hashed=bool(self.diff_ids),
            claimed=self._is_compared(index),
            progress=self.progress,
        ) as stream:
            record = record_layer(stream, reader, place=place, limits=self.limits)
            record.diff_id = str(stream.finish() or "")  # a plain one: a record is stored
        self._diff_ids[layer.digest] = record.diff_id
        failed = self._second_pass(index, record, reader.again) or reader.failed
        # What is kept is found by this digest: bytes that have another are not it.
        if self.cache is not None and not failed and stream.proven:
            self.cache.put(layer, record)
        return record

    def _second_pass(self, index: int, record: Record, again: Mapping[str, Sequence[str]]) -> bool:
        """Say whether a cataloger failed."""
        aliases: dict[str, list[str]] = {path: [path] for path in again if path in record.items}
        for alias, target in record.hardlinks.items():
            if self.router.by_name(alias):
                aliases.setdefault(target, []).append(alias)
        if not aliases:
            return False
        reader = self._reread(index, aliases)
        for path, reading in reader.aliased.items():
            if path in again:  # the others have read it in the first pass
                late = tuple(item for item in reading.items if item[0] in again[path])
                first = record.items[path]
                record.items[path] = first._replace(items=first.items + late)
            else:
                record.items[path] = reading
                del record.hardlinks[path]
        for alias, target in record.hardlinks.items():
            if "\0" in target and target not in record.items:  # it was a lower layer's file
                record.hardlinks[alias] = target.partition("\0")[0]
        return reader.failed

    def reread(self, index: int, aliases: Mapping[str, Sequence[str]]) -> dict[str, Reading]:
        """Read some files of a layer once more, whole; each name to what was found under it.

        Args:
            index: which layer.
            aliases: path in the layer to the names under which catalogers see it.
        """
        layer = self.layers[index]
        cache = None if layer.digest in self._claimed else self.cache
        kept = cache.get(layer, aliases=aliases) if cache is not None else None
        if kept is not None:
            return kept.items
        reader = self._reread(index, aliases)
        if cache is not None and not reader.failed:
            cache.put(layer, LayerRecord(items=reader.aliased), aliases=aliases)
        return reader.aliased

    def _reread(self, index: int, aliases: Mapping[str, Sequence[str]]) -> CatalogReader:
        place = self._place(index)
        reader = CatalogReader(
            self.router,
            self.layers[index].digest,
            limits=self.limits,
            hashed=self.hashed,
            aliases=aliases,
        )
        layer, compared = self.layers[index], self._is_compared(index)
        with open_layer(
            self.repository,
            layer,
            place=place,
            limits=self.limits,
            hashed=compared,
            claimed=compared,
        ) as stream:
            record_layer(stream, reader, place=place, limits=self.limits)
            if compared and stream.finish() != self._diff_ids[layer.digest]:
                raise ContentMismatch(
                    "the layer changed while it was read",
                    reference=self.where,
                    digest=layer.digest,
                    hint="try again, when nobody writes to it",
                )
        return reader

    def _is_compared(self, index: int) -> bool:
        """Whether the layer is claimed to be what the config says, and so `_compare` finds out."""
        layer = self.layers[index]
        claimed = self.diff_ids[index] if index < len(self.diff_ids) else None
        return claimed == layer.digest and claimed in self._claimed

    def _compare(self, index: int, record: Record) -> None:
        if not self.diff_ids:
            return
        claimed = self.diff_ids[index]
        if claimed is None:
            record.note(
                "diff-id-unknown",
                f"the config claims no diffID of layer {index + 1}, or not one of each layer: a "
                "runtime refuses this image",
                str(self.layers[index].digest),
            )
        elif record.diff_id and claimed != record.diff_id:
            record.findings.append(
                Finding(
                    "diff-id-mismatch",
                    Severity.ERROR,
                    f"layer {index + 1} is {record.diff_id} when decompressed, the config claims "
                    f"{claimed}: a runtime refuses this image",
                    str(self.layers[index].digest),
                )
            )

    def _place(self, index: int) -> Place:
        return place_of(self.layers[index], index, len(self.layers), self.where)

    def _tell(self, size: int) -> None:
        if self.progress is not None:
            self.progress(size)


def _blob(layer: Descriptor) -> tuple[Digest, int]:
    """What says whether layers are one; of a false size, the blob is to be read and refused."""
    return layer.digest, layer.size
