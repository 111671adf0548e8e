"""`spdx_tools.spdx.model.Document` of spdx-tools, and back, by way of the shape of its JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from provenance.errors import UnsupportedFormat

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spdx_tools.spdx.model.document import Document

__all__ = ["dump", "load"]

_SHOWN = 3  # of its messages


def load(document: Mapping[str, Any]) -> Document:
    """The object of a decoded SPDX 2 document, from whatever syntax.

    Raises:
        UnsupportedFormat: the library does not take it; says what it stumbled over.
    """
    from spdx_tools.spdx.parser.error import SPDXParsingError
    from spdx_tools.spdx.parser.jsonlikedict.json_like_dict_parser import JsonLikeDictParser

    try:
        parser: Any = JsonLikeDictParser
        parsed: Document = parser().parse(dict(document))
    except SPDXParsingError as error:
        raise _refused("cannot take this document", error.messages) from error
    except Exception as error:
        # Where it expects other types it fails as Python does: AttributeError, TypeError, ...
        said = f"{type(error).__name__}: {error}"
        raise _refused("cannot take this document", [said]) from error
    return parsed


def dump(document: Document) -> bytes:
    """The object as JSON, as the library writes it, unvalidated: that takes it minutes.

    Raises:
        UnsupportedFormat: the library cannot write it.
    """
    from spdx_tools.spdx.jsonschema.document_converter import DocumentConverter

    converter: Any = DocumentConverter
    try:
        written: dict[str, Any] = converter().convert(document)
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        raise _refused("cannot write this object", [said]) from error
    if written.get("spdxVersion") != "SPDX-2.2":
        _correct(written)
    return json.dumps(written).encode()


def _correct(written: dict[str, Any]) -> None:
    """It writes two categories with the underscore of 2.2, which the schema of 2.3 refuses."""
    for package in written.get("packages", ()):
        for reference in package.get("externalRefs", ()):
            category = str(reference.get("referenceCategory"))
            reference["referenceCategory"] = category.replace("_", "-")


def _refused(what: str, messages: list[str]) -> UnsupportedFormat:
    shown = "; ".join(" ".join(message.split())[:200] for message in messages[:_SHOWN])
    more = f"; and {len(messages) - _SHOWN} more" if len(messages) > _SHOWN else ""
    return UnsupportedFormat(f"spdx-tools {what}: {shown}{more}")
