"""`cyclonedx.model.bom.Bom` of cyclonedx-python-lib, and back.

What that library has no class for (formulation, annotations, model cards, ...) it passes over
without a word: its object is a view, `Sbom` the document.
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from provenance.errors import UnsupportedFormat
from provenance.sbom.decoding.characters import xml_in_utf8

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cyclonedx.model.bom import Bom

__all__ = ["dump", "load_json", "load_xml"]

# It warns for every deprecated field that a document has, and for a subject without dependencies.
_NOISE = r"(`.*` is deprecated from CycloneDX|The Component this BOM is describing)"


def load_json(document: dict[str, Any]) -> Bom:
    """The object of a decoded document; `document` is used up.

    Raises:
        UnsupportedFormat: the library does not take it; says what it stumbled over.
    """
    from cyclonedx.model.bom import Bom

    with _typed("cannot take this document"):
        bom: Bom | None = Bom.from_json(document)  # type: ignore[attr-defined]  # made by a decorator
    return _there(bom)


def load_xml(raw: bytes) -> Bom:
    """The object of a document in XML that was read before, so that it has no document type.

    Raises:
        UnsupportedFormat: the library does not take it; says what it stumbled over.
    """
    from cyclonedx.model.bom import Bom

    with _typed("cannot take this document"):
        root = ET.fromstring(xml_in_utf8(raw))  # noqa: S314 - reading has refused what expands
        bom: Bom | None = Bom.from_xml(root)  # type: ignore[attr-defined]  # made by a decorator
    return _there(bom)


def dump(bom: Bom, version: str) -> bytes:
    """The object as JSON.

    Args:
        bom: any.
        version: of CycloneDX; empty: the newest that the library writes, which loses least.

    Raises:
        UnsupportedFormat: the library cannot write it, or not in this version.
    """
    from cyclonedx.output import make_outputter
    from cyclonedx.schema import OutputFormat, SchemaVersion

    known = {each.to_version(): each for each in SchemaVersion}
    wanted = known.get(version) if version else max(SchemaVersion)
    if wanted is None:
        raise UnsupportedFormat(
            f"cyclonedx-python-lib does not write CycloneDX {version[:20]}",
            hint=f"it writes {', '.join(sorted(known))}",
        )
    with _typed("cannot write this object"):
        return make_outputter(bom, OutputFormat.JSON, wanted).output_as_string().encode()


def _there(bom: Bom | None) -> Bom:
    if bom is None:
        raise UnsupportedFormat("cyclonedx-python-lib reads nothing from this document")
    return bom


@contextmanager
def _typed(what: str) -> Iterator[None]:
    """Its errors as one of ours, its noise silenced, any other warning heard."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", _NOISE)
        try:
            yield
        except Exception as error:
            # It documents none: AttributeError, KeyError, ValueError and its own were seen.
            raise UnsupportedFormat(
                f"cyclonedx-python-lib {what}: {type(error).__name__}: {str(error)[:300]}"
            ) from error
