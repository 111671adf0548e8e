"""SBOMs of images that were cataloged before, by the same code, with the same choices.

The same image gives the same bytes, so they may be kept. What an entry is found by is the digest of
the image's manifest and everything else that decides on the document: what decides on layers, the
choices, the name under which the image was asked for, the time the document states, and the code
itself. Catalogers of others may change without a word, so with them nothing is kept.
"""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from provenance.errors import ProvenanceError
from provenance.findings import Finding, Severity
from provenance.image import zstd
from provenance.sbom import Sbom
from provenance.sbom.formats import Format

if TYPE_CHECKING:
    from provenance.catalog.cache_file import CacheFile
    from provenance.digests import Digest

__all__ = ["document_key", "keep_document", "kept_document"]

_ROOM = Path(__file__).parents[1]


def document_key(layers: bytes, *said: str) -> bytes:
    """What, besides the image, decides on its document.

    Args:
        layers: what decides on what its layers yield.
        said: whatever else the document depends on, always in the same order.
    """
    return hashlib.sha256(
        repr((layers, said, _code())).encode("utf-8", "backslashreplace")
    ).digest()


def keep_document(file: CacheFile, image: Digest, key: bytes, sbom: Sbom) -> None:
    """Keep a document that is whole: every layer proven, no cataloger failed."""
    findings = [(f.rule, f.severity.value, f.message, f.pointer) for f in sbom.findings]
    data = msgspec.msgpack.encode((sbom.format.value, findings, sbom.to_bytes()))
    file.put(image, key, zstd.compress(data, 1))


def kept_document(file: CacheFile, image: Digest, key: bytes) -> Sbom | None:
    """The document that `keep_document` was given; None: there is none."""
    data = file.get(image, key)
    if data is None:
        return None
    try:
        form, findings, raw = msgspec.msgpack.decode(zstd.decompress(data))
        told = [Finding(rule, Severity(level), text, at) for rule, level, text, at in findings]
        return Sbom(raw, Format.parse(form), None, told)
    except (msgspec.DecodeError, zstd.ZstdError, ProvenanceError, ValueError, TypeError):
        return None


@functools.cache
def _code() -> str:
    """Changes with every change of the installed code, whose version may stay the same."""
    files = sorted(_ROOM.rglob("*.py"))
    states = [(str(f), found.st_size, found.st_mtime_ns) for f in files for found in [f.stat()]]
    return hashlib.sha256(repr(states).encode("utf-8", "backslashreplace")).hexdigest()
