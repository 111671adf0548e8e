"""What XML cannot carry, kept as properties of the metadata that name the place; and put back.

Source: XML 1.0 section 2.2.
"""

from __future__ import annotations

import json
import re
from typing import Any

from provenance.sbom.carried import PREFIX

__all__ = ["NO_XML_IN_JSON", "restore_exact", "with_exact"]

_EXACT = f"{PREFIX}exact:"
_WITHOUT_PROPERTIES = ("1.0", "1.1", "1.2")
# XML 1.0 section 2.2, production 2, and how JSON spells what it leaves out.
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
NO_XML_IN_JSON = re.compile(rb"\\u00[01]|\\[bf]|\xef\xbf[\xbe\xbf]")


def with_exact(document: dict[str, Any]) -> dict[str, Any]:
    """The document as XML can carry it, with what it cannot as properties of the metadata.

    Before 1.3 there are none, and what XML cannot carry is lost.
    """
    exact: list[dict[str, str]] = []

    def replaced(value: Any, pointer: str) -> Any:
        if isinstance(value, dict):
            return {key: replaced(v, f"{pointer}/{key}") for key, v in value.items()}
        if isinstance(value, list):
            return [replaced(v, f"{pointer}/{number}") for number, v in enumerate(value)]
        if isinstance(value, str) and _NO_XML.search(value):
            exact.append({"name": f"{_EXACT}{pointer}", "value": json.dumps(value)})
            return _NO_XML.sub("\ufffd", value)
        return value

    out: dict[str, Any] = replaced(document, "")
    if exact and document["specVersion"] not in _WITHOUT_PROPERTIES:
        metadata = out.setdefault("metadata", {})
        metadata["properties"] = [*metadata.get("properties", ()), *exact]
    return out


def restore_exact(document: dict[str, Any]) -> None:
    """Put back what XML could not carry, where it still stands as it was written."""
    metadata = document.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("properties"), list):
        return
    kept = []
    for prop in metadata["properties"]:
        name = prop.get("name") if isinstance(prop, dict) else None
        if isinstance(name, str) and name.startswith(_EXACT):
            _put_back(document, name.removeprefix(_EXACT), prop.get("value"))
        else:
            kept.append(prop)
    if kept or not metadata["properties"]:
        metadata["properties"] = kept
    else:
        del metadata["properties"]


def _put_back(document: dict[str, Any], pointer: str, value: Any) -> None:
    try:
        text = json.loads(value)
        at: Any = document
        *steps, last = [int(s) if s.isdigit() else s for s in pointer.split("/")[1:]]
        for step in steps:
            at = at[step]
        if isinstance(text, str) and _NO_XML.sub("\ufffd", text) == at[last]:
            at[last] = text
    except (ValueError, TypeError, LookupError, RecursionError):
        return  # not ours, or edited since
