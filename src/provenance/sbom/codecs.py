"""How each format is read and written: from bytes to a value, to `Contents`, and back to bytes.

What knows a format is imported with its first document, and what reads it not by who writes it.
"""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Any

from provenance.errors import UnsupportedFormat
from provenance.sbom.formats import Format

if TYPE_CHECKING:
    from collections.abc import Callable

    from provenance.sbom.model import Contents

__all__ = ["decode", "read_contents", "write_contents"]


@cache
def _reader(form: Format) -> Callable[[Any], Contents]:
    if form.family == "cyclonedx":
        from provenance.sbom.cyclonedx.reading import read
    elif form.family == "syft":
        from provenance.sbom.syft.reading import read
    elif form is Format.SPDX_3_0:
        from provenance.sbom.spdx3.reading import read
    else:
        from provenance.sbom.spdx.reading import read
    return read


@cache
def _writer(form: Format) -> Callable[[Contents], bytes]:
    """Of a format that is written."""
    if form is Format.SPDX_3_0:
        from provenance.sbom.spdx3.writing import write

        return write
    if form.family == "cyclonedx":
        from provenance.sbom.cyclonedx import writing

        in_version = writing.write_xml if form.syntax == "xml" else writing.write
    elif form.syntax == "tag-value":
        from provenance.sbom.spdx.tag_writing import write as in_version
    elif form.syntax == "yaml":
        from provenance.sbom.spdx.yaml_writing import write as in_version
    else:
        from provenance.sbom.spdx.writing import write as in_version
    return partial(in_version, version=form.version)


def decode(raw: bytes, form: Format) -> Any:
    """The value that the bytes of a document spell, in the shape that its reader takes."""
    from provenance.sbom.decoding.syntaxes import decode_form

    return decode_form(raw, form)


def read_contents(document: Any, form: Format) -> Contents:
    """What a decoded document says."""
    return _reader(form)(document)


def write_contents(contents: Contents, form: Format) -> bytes:
    """The bytes of a document in a format that is written."""
    if not form.writable:
        known = ", ".join(f.value for f in Format if f.writable)
        raise UnsupportedFormat(
            f"documents are not written in {form.value}", hint=f"use one of {known}"
        )
    return _writer(form)(contents)
