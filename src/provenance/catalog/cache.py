"""What layers yield, kept for the next image that has them.

A layer is found by digest and size of its blob, which the manifest, itself verified, names; never
by a diffID, which an image merely claims. An entry is written only after every byte of the blob was
read and both agreed. Entries of other catalogers, options or limits are other entries.

Files that only links across layers give a name are read once more; what that yields is an entry of
its own, found by the layer and the names that were asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from provenance import __version__
from provenance.catalog.cache_file import FORM, CacheFile
from provenance.catalog.record_codec import decode_record, encode_record
from provenance.errors import MalformedDocument

if TYPE_CHECKING:
    from collections.abc import Iterable

    from provenance.catalog.cataloger import Cataloger
    from provenance.catalog.files import Reading
    from provenance.image.record import LayerRecord
    from provenance.oci.descriptor import Descriptor
    from provenance.settings import Limits

__all__ = ["Aliases", "LayerCache", "key_of"]

Aliases: TypeAlias = Mapping[str, Sequence[str]]
"""Path in a layer to the names under which catalogers see its file."""


def key_of(
    catalogers: Iterable[Cataloger], *, limits: Limits, hashed: bool, file_lists: bool
) -> bytes:
    """Everything besides the blob that decides on what a layer yields."""
    rules = [
        (c.name, c.version, c.types, c.paths, c.file_lists if file_lists else (), c.magic)
        for c in catalogers
    ]
    text = repr((FORM, __version__, rules, repr(limits), hashed, file_lists))
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).digest()


@dataclass(frozen=True, slots=True)
class LayerCache:
    """The layers' entries of one key."""

    file: CacheFile
    key: bytes

    def get(
        self, layer: Descriptor, *, diff_id: bool = False, aliases: Aliases | None = None
    ) -> LayerRecord[Reading] | None:
        """What the layer yields; None: not known, or not with a diffID where that is wanted.

        Args:
            layer: its blob.
            diff_id: only a record that has one.
            aliases: what some of its files yield under other names, as `put` was told.
        """
        data = self.file.get(layer.digest, self._key_for(layer, aliases))
        if data is None:
            return None
        try:
            record = decode_record(data, layer.digest)
        except MalformedDocument:
            return None
        return None if diff_id and not record.diff_id else record

    def put(
        self, layer: Descriptor, record: LayerRecord[Reading], *, aliases: Aliases | None = None
    ) -> None:
        """Keep what a layer yielded whose blob was read to its proven end, if it can be kept.

        Args:
            layer: its blob.
            record: what it yielded.
            aliases: where only these files were read, under the names that each maps to.
        """
        try:
            data = encode_record(record)
        except MalformedDocument:
            return
        self.file.put(layer.digest, self._key_for(layer, aliases), data)

    def _key_for(self, layer: Descriptor, aliases: Aliases | None) -> bytes:
        names = None if aliases is None else sorted((x, list(y)) for x, y in aliases.items())
        asked = repr((layer.size, names)).encode("utf-8", "backslashreplace")
        return hashlib.sha256(self.key + asked).digest()
