"""XML of a document in the JSON shape, and back. Source: bom-1.0.xsd to bom-1.7.xsd; XML 1.0.

A document type is refused, so that no entity expands and nothing is fetched. What XML cannot
carry (most control characters) is written as U+FFFD where it stands, and once more, escaped, as a
property of the metadata that names the place; reading puts it back.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from provenance.errors import MalformedDocument, UnsupportedFormat
from provenance.sbom.cyclonedx.exact import NO_XML_IN_JSON, restore_exact, with_exact
from provenance.sbom.cyclonedx.shapes import (
    BOM,
    DETAILED,
    EXPRESSION,
    TOOL,
    TOOLS,
    Child,
    Kind,
    Shape,
)

if TYPE_CHECKING:
    from xml.etree import ElementTree as ET

__all__ = ["decode_xml", "encode_xml", "parsed_xml"]

_NAMESPACE = "http://cyclonedx.org/schema/bom/"
# In attributes a reader makes spaces of blanks that are not escaped (section 3.3.3).
_ATTRIBUTE_ESCAPES = str.maketrans(
    {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        '"': "&quot;",
        "\t": "&#9;",
        "\n": "&#10;",
        "\r": "&#13;",
    }
)
_TEXTS = (Kind.TEXT, Kind.TRIMMED, Kind.NUMBER, Kind.FLAG)
_FLAGS = {"true": True, "1": True, "false": False, "0": False}
_TOOLS_1_4 = Child("tools", Kind.LIST, TOOL, "tool")
_TOOLS_1_5 = Child("tools", Kind.OBJECT, TOOLS)
_DEPTH = 120  # elements; documents seen have under 20


def encode_xml(document: dict[str, Any], in_json: bytes) -> bytes:
    """The bytes of a document in the JSON shape; its JSON tells whether it has odd characters."""
    if NO_XML_IN_JSON.search(in_json):
        document = with_exact(document)
    out = ['<?xml version="1.0" encoding="UTF-8"?>']
    _object(out, f'bom xmlns="{_NAMESPACE}{document["specVersion"]}"', document, BOM, "\n")
    out.append("\n")
    return "".join(out).encode()


def _text(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if "&" in text or "<" in text or ">" in text or "\r" in text:
        text = text.replace("&", "&amp;").replace("<", "&lt;")
        text = text.replace(">", "&gt;").replace("\r", "&#13;")
    return text


def _attribute(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # JSON says the same number by 1 and by 1.0
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if '"' in text or "&" in text or "<" in text or not text.isprintable():
        return text.translate(_ATTRIBUTE_ESCAPES)
    return text


def _object(out: list[str], element: str, value: dict[str, Any], shape: Shape, pad: str) -> None:
    if len(pad) > _DEPTH:
        raise MalformedDocument(
            f"components are nested too deeply for XML: more than {_DEPTH} elements",
            hint="write JSON",
        )
    start = f"{pad}<{element}"
    for key, attribute in shape.attributes:
        if key in value:
            start += f' {attribute}="{_attribute(value[key])}"'
    if shape.text:
        out.append(f"{start}>{_text(value.get(shape.text, ''))}</{element}>")
        return
    out.append(f"{start}>")
    inner = f"{pad} "
    for child in shape.children:
        if child.key in value:
            if child.kind in _TEXTS:
                out.append(f"{inner}<{child.element}>{_text(value[child.key])}</{child.element}>")
            else:
                _child(out, child, value[child.key], inner)
    out.append(f"{pad}</{element.partition(' ')[0]}>")


def _child(out: list[str], child: Child, value: Any, pad: str) -> None:
    if child.kind is Kind.TOOLS:
        child = _tools(value)
    if child.kind is Kind.OBJECT and child.shape is not None:
        _object(out, child.element, value, child.shape, pad)
    elif child.kind is Kind.REPEATED:
        _items(out, child.item, value, child.shape, pad)
    elif child.kind is Kind.ONE_OR_MORE:
        listed = value if isinstance(value, list) else [value]
        _items(out, child.element, listed, child.shape, pad)
    else:
        out.append(f"{pad}<{child.element}>")
        if child.kind is Kind.LICENSES:
            _licenses(out, child, value, f"{pad} ")
        elif child.kind is Kind.DEPENDENCIES:
            _dependencies(out, value, f"{pad} ")
        elif child.kind is Kind.REFS:
            out += [f'{pad} <{child.item} ref="{_attribute(ref)}"/>' for ref in value]
        else:
            _items(out, child.item, value, child.shape, f"{pad} ")
        out.append(f"{pad}</{child.element}>")


def _tools(value: Any) -> Child:
    return _TOOLS_1_4 if isinstance(value, list) else _TOOLS_1_5


def _items(out: list[str], element: str, value: list[Any], shape: Shape | None, pad: str) -> None:
    if shape is not None and shape.is_pair:
        ((key, _),), text = shape.attributes, shape.text
        start = f"{pad}<{element} {key}"
        out += [
            f'{start}="{_attribute(item.get(key, ""))}">{_text(item.get(text, ""))}</{element}>'
            for item in value
        ]
        return
    for item in value:
        if shape is None:
            out.append(f"{pad}<{element}>{_text(item)}</{element}>")
        else:
            _object(out, element, item, shape, pad)


def _licenses(out: list[str], child: Child, value: list[Any], pad: str) -> None:
    for choice in value:
        if "license" in choice and child.shape is not None:
            _object(out, "license", choice["license"], child.shape, pad)
        elif any(child.key in choice for child in DETAILED.children):
            _object(out, "expression-detailed", choice, DETAILED, pad)
        else:
            _object(out, "expression", choice, EXPRESSION, pad)


def _dependencies(out: list[str], value: list[Any], pad: str) -> None:
    for item in value:
        start = f'{pad}<dependency ref="{_attribute(item["ref"])}"'
        targets, provided = item.get("dependsOn", ()), item.get("provides", ())
        if not targets and not provided:
            out.append(f"{start}/>")
            continue
        out.append(f"{start}>")
        out += [f'{pad} <dependency ref="{_attribute(target)}"/>' for target in targets]
        out += [f'{pad} <provides ref="{_attribute(target)}"/>' for target in provided]
        out.append(f"{pad}</dependency>")


def decode_xml(raw: bytes, repeated: list[str] | None = None) -> dict[str, Any]:
    """The JSON shape of a document in XML.

    Args:
        raw: the document.
        repeated: gets the key of what is written more than once where there is room for one.

    Raises:
        MalformedDocument: no XML, or with a document type.
        UnsupportedFormat: XML, but no CycloneDX.
    """
    root = parsed_xml(raw)
    uri, _, name = root.tag.removeprefix("{").rpartition("}")
    if not uri.startswith(_NAMESPACE) or name != "bom":
        raise UnsupportedFormat(
            f"the root element is {root.tag[:200]!r}, not that of a CycloneDX document",
            hint=f"expected bom in a namespace {_NAMESPACE}1.x",
        )
    version = uri.removeprefix(_NAMESPACE)
    reader = _XmlReader(uri, repeated, lists_identity=version not in ("1.4", "1.5"))
    body = reader.object(root, BOM)
    number = body.get("version")
    if isinstance(number, str) and number.isascii() and number.isdigit() and len(number) < 10:
        body["version"] = int(number)
    document = {"bomFormat": "CycloneDX", "specVersion": version, **body}
    restore_exact(document)
    return document


class _RootSeen(Exception):
    """The first element begins."""


def _refuse_document_type(raw: bytes) -> None:
    """Parse what stands before the first element, where alone a document type may be."""
    from xml.parsers import expat

    def stop(*_: Any) -> None:
        raise _RootSeen

    def refuse(*_: Any) -> None:
        raise MalformedDocument(
            "the document has a document type (DOCTYPE)",
            hint="no SBOM needs one, and entities in it are how XML attacks its readers",
        )

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.StartDoctypeDeclHandler = stop, refuse
    with contextlib.suppress(_RootSeen):
        parser.Parse(raw, True)


def parsed_xml(raw: bytes) -> ET.Element:
    """The root element. Raises MalformedDocument for no XML, a document type or great depth."""
    from xml.etree import ElementTree as ET
    from xml.parsers import expat

    try:
        _refuse_document_type(raw)
        root = ET.fromstring(raw)  # noqa: S314 - a document type was refused
    except ET.ParseError as error:
        raise MalformedDocument(
            f"the document is no XML: {str(error)[:200]}", pointer=f"line {error.position[0]}"
        ) from error
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise MalformedDocument(f"the document is no XML: {str(error)[:200]}") from error
    level = [root]
    for _ in range(_DEPTH):
        level = [child for element in level for child in element]
        if not level:
            return root
    raise MalformedDocument(f"elements are nested more than {_DEPTH} deep")


class _XmlReader:
    """Walks elements by the table of shapes; what is not in it is kept plainly."""

    def __init__(self, uri: str, repeated: list[str] | None, *, lists_identity: bool) -> None:
        self._start, self._repeated = f"{{{uri}}}", repeated
        self._lists_identity = lists_identity

    def object(self, node: ET.Element, shape: Shape) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for name, value in node.attrib.items():
            if not name.startswith("{http://www.w3.org/2001/XMLSchema-instance}"):
                out[shape.by_attribute.get(name, name)] = value
        if shape.text:
            out[shape.text] = node.text or ""
        for child in node:
            name = child.tag.removeprefix(self._start)
            known = shape.by_element.get(name)
            if known is None:
                self._plainly(out, name, child)
            elif known.kind is Kind.TEXT:
                self._put(out, known.key, child.text or "")
            elif known.kind is Kind.TRIMMED:
                self._put(out, known.key, (child.text or "").strip())
            elif known.kind is Kind.REPEATED:
                out.setdefault(known.key, []).append(self._item(child, known.shape))
            elif known.kind is Kind.ONE_OR_MORE:
                self._one_or_more(out, known, child)
            else:
                self._put(out, known.key, self._value(child, known, out))
        return out

    def _put(self, out: dict[str, Any], key: str, value: Any) -> None:
        """A second list of the same name, which no schema allows, goes on with the first."""
        before = out.get(key)
        if isinstance(before, list) and isinstance(value, list):
            before.extend(value)
        else:
            if before is not None and self._repeated is not None:
                self._repeated.append(key)
            out[key] = value

    def _item(self, node: ET.Element, shape: Shape | None) -> Any:
        return (node.text or "") if shape is None else self.object(node, shape)

    def _one_or_more(self, out: dict[str, Any], known: Child, node: ET.Element) -> None:
        value = self._item(node, known.shape)
        if self._lists_identity:
            out.setdefault(known.key, []).append(value)
        else:
            out[known.key] = value

    def _value(self, node: ET.Element, known: Child, out: dict[str, Any]) -> Any:
        kind, shape = known.kind, known.shape
        if kind is Kind.TOOLS and any(c.tag == f"{self._start}tool" for c in node):
            return self._list(node, _TOOLS_1_4, out)
        if (plain := _READ.get(kind)) is not None:
            return plain(node)
        if kind is Kind.LICENSES and shape is not None:
            return [self._license(child, shape) for child in node]
        if kind is Kind.DEPENDENCIES:
            return [self._dependency(child) for child in node]
        if kind is Kind.LIST:
            return self._list(node, known, out)
        return self._item(node, shape)

    def _list(self, node: ET.Element, known: Child, out: dict[str, Any]) -> list[Any]:
        """The items; what else stands between them is kept beside the list."""
        shape, item = known.shape, f"{self._start}{known.item}"
        found: list[Any] = []
        for child in node:
            if child.tag != item:
                self._plainly(out, child.tag.removeprefix(self._start), child)
            elif shape is not None and shape.is_pair and not len(child):
                text = child.text or ""
                found.append(
                    {**child.attrib, shape.text: text.strip() if shape.is_trimmed else text}
                )
            else:
                found.append(self._item(child, shape))
        return found

    def _license(self, node: ET.Element, shape: Shape) -> dict[str, Any]:
        name = node.tag.removeprefix(self._start)
        if name == "expression":
            return {"expression": (node.text or ""), **node.attrib}
        if name == "expression-detailed":
            return self.object(node, DETAILED)
        return {"license": self.object(node, shape)}

    def _dependency(self, node: ET.Element) -> dict[str, Any]:
        out: dict[str, Any] = dict(node.attrib)
        for child in node:
            key = {"dependency": "dependsOn"}.get(child.tag.removeprefix(self._start), "provides")
            if (ref := child.attrib.get("ref")) is not None:
                out.setdefault(key, []).append(ref)
        return out

    def _plainly(self, out: dict[str, Any], name: str, node: ET.Element) -> None:
        value = self._plain(node)
        if name in out:
            if not isinstance(out[name], list):
                out[name] = [out[name]]
            out[name].append(value)
        else:
            out[name] = value

    def _plain(self, node: ET.Element) -> Any:
        if not len(node) and not node.attrib:
            return node.text or ""
        out: dict[str, Any] = dict(node.attrib)
        if not len(node):
            out["content"] = node.text or ""
        for child in node:
            self._plainly(out, child.tag.removeprefix(self._start), child)
        return out


def _flag(text: str) -> Any:
    return _FLAGS.get(text.strip(), text)


_READ: dict[Kind, Any] = {
    Kind.NUMBER: lambda node: _number(node.text or ""),
    Kind.FLAG: lambda node: _flag(node.text or ""),
    Kind.NUMBERS: lambda node: [_number(item.text or "") for item in node],
    Kind.REFS: lambda node: [item.attrib.get("ref", "") for item in node],
}


def _number(text: str) -> Any:
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if number.is_integer() else number
