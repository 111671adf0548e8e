"""Documents decoded once into typed structs: the quick way to `Packages`.

Only what every document has is typed, and what a package table shows; the rest stays slices of
the bytes, or is passed over until a question touches it. A document that does not have these
shapes is left to the tolerant reader, which stays the reference for what a document means.

This is what the quick way must fill: which of the document's elements are packages, in which
order, and for each the fields of `Package` that `cyclonedx.columns.TAKERS` and
`spdx.columns.TAKERS` list; nothing else is taken from it.
"""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

import msgspec

from provenance.sbom.cyclonedx.columns import Component
from provenance.sbom.cyclonedx.columns import rows as cyclonedx_rows
from provenance.sbom.formats import Format
from provenance.sbom.spdx.columns import SpdxPackage
from provenance.sbom.spdx.columns import rows as spdx_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from provenance.packages.package import Package
    from provenance.sbom.columns import Columns

__all__ = ["Quick", "decode_typed", "quick_packages"]

_OTHERS = (Format.SPDX_3_0, Format.SYFT_JSON, Format.GITHUB_SBOM)
_FORMATS = {form.value: form for form in Format if form.syntax == "json" and form not in _OTHERS}
_MISSING = msgspec.Raw()
_CHUNK = 1 << 20


class Quick(msgspec.Struct, gc=False):
    """A document of either family, as far as the quick way reads it."""

    bom_format: str | None = msgspec.field(default=None, name="bomFormat")
    spec_version: str | None = msgspec.field(default=None, name="specVersion")
    spdx_version: str | None = msgspec.field(default=None, name="spdxVersion")
    metadata: msgspec.Raw = _MISSING
    components: list[Component] | None = None
    spdx_packages: list[SpdxPackage] | None = msgspec.field(default=None, name="packages")
    described: msgspec.Raw = msgspec.field(default=_MISSING, name="documentDescribes")
    relationships: msgspec.Raw = _MISSING
    creation: msgspec.Raw = msgspec.field(default=_MISSING, name="creationInfo")
    extracted: msgspec.Raw = msgspec.field(default=_MISSING, name="hasExtractedLicensingInfos")

    @property
    def form(self) -> Format | None:
        """Its format, if it is one of those that are read the quick way."""
        if self.bom_format == "CycloneDX" and self.spdx_version is None:
            return _FORMATS.get(f"cyclonedx-{self.spec_version}")
        if self.bom_format is None and self.spdx_version is not None:
            return _FORMATS.get(self.spdx_version.lower())
        return None


_DECODER = msgspec.json.Decoder(Quick)


def decode_typed(raw: bytes) -> Quick | None:
    """The document, if it has the typed shapes; else None."""
    if not raw.startswith((b"{", b" ", b"\n", b"\r", b"\t")):
        return None
    try:
        document = _DECODER.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None  # the tolerant reader says what is wrong, if anything is
    if document.form is None or not _is_utf8(raw):
        return None
    return document


def quick_packages(
    document: Quick, raw: bytes, tolerant: Callable[[], Sequence[Package]]
) -> Columns | None:
    """The packages it lists; None where only the tolerant reader can tell which these are."""
    if document.bom_format is not None:
        return cyclonedx_rows(document.components or (), document.metadata, raw, tolerant)
    return spdx_rows(
        document.spdx_packages or (),
        raw,
        {
            "described": document.described,
            "relationships": document.relationships,
            "creation": document.creation,
            "extracted": document.extracted,
        },
        tolerant,
    )


def _is_utf8(raw: bytes) -> bool:
    """Whether all of it is UTF-8: what is passed over is not looked at while decoding."""
    if raw.isascii():
        return True
    decoder = codecs.getincrementaldecoder("utf-8")()
    view = memoryview(raw)
    try:
        for start in range(0, len(raw), _CHUNK):
            decoder.decode(view[start : start + _CHUNK])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
