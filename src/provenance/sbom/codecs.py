"""How each format is read and written: from bytes to a value, to `Contents`, and back to bytes.

What knows a format is imported with its first document.
"""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

from provenance.errors import UnsupportedFormat
from provenance.sbom import cyclonedx
from provenance.sbom.decoding.syntaxes import decode_form
from provenance.sbom.formats import Format

if TYPE_CHECKING:
    from collections.abc import Callable

    from provenance.sbom.model import Contents

__all__ = ["decode", "read_contents", "write_contents"]


class _Way(NamedTuple):
    """How one format is read and written."""

    decode: Callable[[bytes], Any]
    read: Callable[[Any], Contents]
    write: Callable[[Contents], bytes] | None = None


def _cyclonedx(form: Format) -> _Way:
    write = cyclonedx.write_xml if form.syntax == "xml" else cyclonedx.write
    written = partial(write, version=form.version) if form.writable else None
    return _Way(partial(decode_form, form=form), cyclonedx.read, written)


@cache
def _way(form: Format) -> _Way:
    decode = partial(decode_form, form=form)
    if form.family == "cyclonedx":
        return _cyclonedx(form)
    if form.family == "syft":
        from provenance.sbom import syft

        return _Way(decode, syft.read)
    if form is Format.SPDX_3_0:
        from provenance.sbom import spdx3

        return _Way(decode, spdx3.read, spdx3.write)
    from provenance.sbom import spdx

    if not form.writable:
        return _Way(decode, spdx.read)
    write = spdx.write
    if form.syntax == "tag-value":
        write = spdx.write_tag_value
    elif form.syntax == "yaml":
        from provenance.sbom.spdx.yaml_writing import write
    return _Way(decode, spdx.read, partial(write, version=form.version))


def decode(raw: bytes, form: Format) -> Any:
    """The value that the bytes of a document spell, in the shape that its reader takes."""
    return _way(form).decode(raw)


def read_contents(document: Any, form: Format) -> Contents:
    """What a decoded document says."""
    return _way(form).read(document)


def write_contents(contents: Contents, form: Format) -> bytes:
    """The bytes of a document in a format that is written."""
    write = _way(form).write
    if write is None:
        known = ", ".join(f.value for f in Format if f.writable)
        raise UnsupportedFormat(
            f"documents are not written in {form.value}", hint=f"use one of {known}"
        )
    return write(contents)
