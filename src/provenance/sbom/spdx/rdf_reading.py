"""SPDX 2 in RDF/XML, through `spdx-tools`, into the shape that its JSON has.

A graph says things in no order and at any distance, so its library reads it; it is strict, and
what it refuses is an error here too. Source: SPDX 2.3 annex on RDF; RDF 1.1 XML syntax.
"""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING, Any

from provenance.errors import LimitExceeded, MalformedDocument
from provenance.sbom.decoding.characters import xml_in_utf8
from provenance.sbom.decoding.xml_prolog import root_of
from provenance.sbom.spdx.tag_reading import Decoded
from provenance.settings import Limits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rdflib import Graph

__all__ = ["decode"]

_TERMS = "http://spdx.org/rdf/terms#"
_BYTES = 16 << 20
"""rdflib holds a graph in a hundred times the document's size."""


def decode(raw: bytes, *, depth: int | None = None) -> Decoded:
    """The document of these bytes.

    Raises:
        LimitExceeded: of more than 16 MiB.
        MalformedDocument: no XML, no RDF, or no SPDX document that the library takes.
    """
    text = xml_in_utf8(raw)
    if len(text) > _BYTES:
        raise LimitExceeded(
            f"the document has more than {_BYTES} bytes of RDF",
            hint="have it converted to another syntax of SPDX where it was made",
        )
    root_of(text)
    _check_depth(text, depth or Limits().document_depth)
    return _document(text)


def _check_depth(text: bytes, limit: int) -> None:
    from xml.parsers import expat

    depth = 0

    def begin(*_: Any) -> None:
        nonlocal depth
        depth += 1
        if depth > limit:
            raise MalformedDocument(
                f"elements are nested more than {limit} deep",
                hint="raise Limits.document_depth if it is honest",
            )

    def end(_: str) -> None:
        nonlocal depth
        depth -= 1

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = begin, end
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        raise MalformedDocument(
            f"the document is no XML: {str(error)[:200]}", pointer=f"line {error.lineno}"
        ) from error


def _document(text: bytes) -> Decoded:
    from rdflib import Graph
    from spdx_tools.spdx.jsonschema.document_converter import DocumentConverter
    from spdx_tools.spdx.parser.error import SPDXParsingError
    from spdx_tools.spdx.parser.rdf.rdf_parser import translate_graph_to_document

    _keep_quiet()

    try:
        graph = Graph().parse(data=text, format="xml")
        _check_document(graph)
        found = translate_graph_to_document(graph)
        converter: Any = DocumentConverter  # it has no types
        shape: dict[str, Any] = converter().convert(found)
    except MalformedDocument:
        raise
    except SPDXParsingError as error:
        raise _malformed([str(message) for message in error.messages]) from error
    except Exception as error:  # both libraries let many kinds out, of hostile graphs
        raise _malformed([f"{type(error).__name__}: {error}"]) from error
    return Decoded(shape, [])


def _check_document(graph: Graph) -> None:
    """What `spdx-tools` ends the whole process for: no document, several, or one without a name."""
    from rdflib import RDF, URIRef

    names = list(graph.subjects(RDF.type, URIRef(f"{_TERMS}SpdxDocument")))
    if len(names) != 1:
        raise _malformed([f"it holds {len(names)} documents"])
    namespace, _, fragment = str(names[0]).partition("#")
    if not namespace or not fragment:
        raise _malformed([f"{str(names[0])[:200]!r} is no namespace with an identifier behind '#'"])


@functools.cache
def _keep_quiet() -> None:
    """A logger without any handler prints; what rdflib says belongs to whoever asks for it."""
    logging.getLogger("rdflib").addHandler(logging.NullHandler())


def _malformed(messages: Sequence[str]) -> MalformedDocument:
    return MalformedDocument(
        f"the document is no SPDX in RDF that can be read: {'; '.join(messages)[:500]}",
        hint="another syntax of the same document is read more leniently",
    )
