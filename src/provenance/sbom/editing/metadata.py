"""Edits of a document: a changed field changes that leaf alone, unknown fields stay.

JSON is edited in place, byte for byte. Other syntaxes are written anew, and only where that
says all of the document.
"""

from __future__ import annotations

import codecs
from collections import Counter
from typing import TYPE_CHECKING, Any

from provenance.errors import MalformedDocument, NotFound, UnsupportedFormat
from provenance.sbom.converting.leaves import leaves
from provenance.sbom.converting.syntaxes import decoded, encoded, unread_of
from provenance.sbom.cyclonedx.writing import timestamp as cyclonedx_time
from provenance.sbom.decoding.json_oddities import examine_json
from provenance.sbom.editing.splicing import Edit, edited_text, edited_value
from provenance.sbom.formats import Format
from provenance.sbom.spdx.naming import timestamp as spdx_time
from provenance.sbom.spdx.vocabulary import split_actor, written_actor

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from provenance.sbom.model import Contents

__all__ = ["Metadata", "edited", "metadata_edits"]

_MARKS = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_PEOPLE = ("Person:", "Organization:")


class Metadata:
    """What `Sbom.with_metadata` was told to set; None: leave as it is."""

    __slots__ = ("authors", "created", "name", "supplier", "tools", "version")

    def __init__(
        self,
        *,
        name: str | None,
        version: str | None,
        supplier: str | None,
        authors: Sequence[str] | None,
        created: dt.datetime | None,
        tools: Sequence[str] | None,
    ) -> None:
        self.name, self.version, self.supplier = name, version, supplier
        self.authors, self.created, self.tools = authors, created, tools


def edited(raw: bytes, form: Format, edits: list[Edit], *, hides: bool = False) -> bytes:
    """The bytes of a document with edits applied.

    Args:
        raw: the document.
        form: its format.
        edits: what to change.
        hides: nothing that these take out may be left; JSON in which a key is there twice, where
            the edits see the last alone, is written anew.

    Raises:
        UnsupportedFormat: its syntax is not JSON, and writing it anew would lose something.
    """
    if form.family == "syft":  # what edits look for has other names there: nothing would go
        raise UnsupportedFormat(
            f"documents in {form.value} are not edited", hint="convert it, and edit that"
        )
    anew = hides and form.syntax == "json" and _repeats_keys(raw)
    if not edits and not anew:
        return raw
    changed = edited_value(decoded(raw, form), edits)
    if form.syntax == "json" and not anew:
        if (again := _in_place(raw, form, edits)) is not None and _spells(again, form, changed):
            return again
    elif form.writable:
        try:
            again = encoded(changed, form)
        except (KeyError, TypeError, AttributeError) as error:  # written are documents of any shape
            raise _not_edited(form) from error
        # JSON comes here only where what a reader passes over is to go.
        if _said(decoded(again, form)) == _said(changed) and (anew or not unread_of(raw, form)):
            return again
    raise _not_edited(form)


def _not_edited(form: Format) -> UnsupportedFormat:
    return UnsupportedFormat(
        f"this document in {form.value} cannot be edited: the result would not say all of it",
        hint="convert it to the JSON of its format, and edit that",
    )


def _repeats_keys(raw: bytes) -> bool:
    return any(finding.rule == "duplicate-key" for finding in examine_json(raw)[1])


def _said(document: Mapping[str, Any]) -> Counter[tuple[str, str]]:
    """The leaves that say something: other syntaxes have no word for an empty list."""
    found = leaves(document)
    return Counter({leaf: count for leaf, count in found.items() if leaf[1] not in ("[]", "{}")})


def _spells(raw: bytes, form: Format, wanted: object) -> bool:
    """Whether the text is that of the value; none is where an array stands for an object."""
    try:
        return decoded(raw, form) == wanted
    except MalformedDocument:
        return False


def _in_place(raw: bytes, form: Format, edits: list[Edit]) -> bytes | None:
    """The text with the edits applied; None where its encoding is neither UTF-8 nor UTF-16."""
    if form is Format.GITHUB_SBOM:
        edits = [Edit(("sbom", *edit.path), edit.value) for edit in edits]
    try:
        for mark, encoding in _MARKS:
            if raw.startswith(mark):
                text = raw.removeprefix(mark).decode(encoding).encode()
                return mark + edited_text(text, edits).decode().encode(encoding)
    except UnicodeError:
        return None
    return edited_text(raw, edits)


def metadata_edits(document: Mapping[str, Any], contents: Contents, wanted: Metadata) -> list[Edit]:
    """What `wanted` changes in a decoded document.

    Raises:
        NotFound: name, version or supplier of what is described, and no one package is.
        UnsupportedFormat: the format has no such field that can be set by itself.
    """
    if "@graph" in document:
        return _spdx_3(document, contents, wanted)
    if "spdxVersion" in document:
        return _spdx_2(document, contents, wanted)
    return _cyclonedx(document, wanted)


def _cyclonedx(document: Mapping[str, Any], wanted: Metadata) -> list[Edit]:
    edits = []
    metadata = document.get("metadata")
    held = metadata if isinstance(metadata, dict) else {}
    if wanted.name is not None or wanted.version is not None:
        at = ("metadata", "component")
        if not isinstance(held.get("component"), dict):
            if wanted.name is None:
                raise _nothing_described()
            made = {"type": "application", "name": wanted.name}
            edits.append(Edit(at, made | ({"version": wanted.version} if wanted.version else {})))
        else:
            said = (("name", wanted.name), ("version", wanted.version))
            edits += [Edit((*at, key), text) for key, text in said if text is not None]
    if wanted.supplier is not None:
        edits.append(Edit(("metadata", "supplier", "name"), wanted.supplier))
    if wanted.authors is not None:
        edits.append(Edit(("metadata", "authors"), [_person(text) for text in wanted.authors]))
    if wanted.created is not None:
        edits.append(Edit(("metadata", "timestamp"), cyclonedx_time(wanted.created)))
    if wanted.tools is not None:
        listed = [_tool(text) for text in wanted.tools]
        if str(document.get("specVersion")) < "1.5":
            edits.append(Edit(("metadata", "tools"), listed))
        else:
            made_by = [{"type": "application", **tool} for tool in listed]
            edits.append(Edit(("metadata", "tools"), {"components": made_by}))
    return edits


def _person(text: str) -> dict[str, str]:
    name, address = split_actor(text)
    return {"name": name, "email": address} if address else {"name": name}


def _tool(text: str) -> dict[str, str]:
    name, _, version = text.rpartition(" ")
    return {"name": name, "version": version} if name else {"name": version}


def _spdx_2(document: Mapping[str, Any], contents: Contents, wanted: Metadata) -> list[Edit]:
    said = {"name": wanted.name, "versionInfo": wanted.version}
    if wanted.supplier is not None:
        said["supplier"] = written_actor("Organization", wanted.supplier)
    edits = _described(document, contents, said, list_key="packages", id_key="SPDXID")
    if wanted.created is not None:
        edits.append(Edit(("creationInfo", "created"), spdx_time(wanted.created)))
    if wanted.authors is not None or wanted.tools is not None:
        info = document.get("creationInfo")
        before = info.get("creators") if isinstance(info, dict) else None
        creators = [x for x in before if isinstance(x, str)] if isinstance(before, list) else []
        people = [x for x in creators if x.startswith(_PEOPLE)]
        tools = [x for x in creators if not x.startswith(_PEOPLE)]
        if wanted.authors is not None:
            people = [written_actor("Person", text) for text in wanted.authors]
        if wanted.tools is not None:
            tools = [f"Tool: {'-'.join(text.rsplit(' ', 1))}" for text in wanted.tools]
        edits.append(Edit(("creationInfo", "creators"), people + tools))
    return edits


def _spdx_3(document: Mapping[str, Any], contents: Contents, wanted: Metadata) -> list[Edit]:
    if wanted.supplier is not None or wanted.authors is not None or wanted.tools is not None:
        raise UnsupportedFormat(
            "supplier, authors and tools of SPDX 3 are elements of their own, and are not set here",
            hint="convert the document to SPDX 2.3 or CycloneDX, and set them there",
        )
    said = {"name": wanted.name, "software_packageVersion": wanted.version}
    edits = _described(document, contents, said, list_key="@graph", id_key="spdxId")
    if wanted.created is not None:
        for number, node in enumerate(_listed(document, "@graph")):
            if isinstance(node, dict) and node.get("type") == "CreationInfo":
                edits.append(Edit(("@graph", number, "created"), spdx_time(wanted.created)))
    return edits


def _described(
    document: Mapping[str, Any],
    contents: Contents,
    said: Mapping[str, str | None],
    *,
    list_key: str,
    id_key: str,
) -> list[Edit]:
    """Edits of the one element that the document describes."""
    wanted = {key: text for key, text in said.items() if text is not None}
    if not wanted:
        return []
    described = contents.described
    name = contents.subject.id if contents.subject else "".join(described[:1])
    for number, item in enumerate(_listed(document, list_key)):
        fits = isinstance(item, dict) and item.get(id_key) == name
        if fits and (contents.subject or len(described) == 1):
            return [Edit((list_key, number, key), text) for key, text in wanted.items()]
    raise _nothing_described()


def _nothing_described() -> NotFound:
    return NotFound(
        "the document describes no one package, so that has no name, version or supplier to set",
        hint="say what it describes first: metadata.component, or one DESCRIBES relationship",
    )


def _listed(document: Mapping[str, Any], key: str) -> list[Any]:
    value = document.get(key)
    return value if isinstance(value, list) else []
