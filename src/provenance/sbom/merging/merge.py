"""`merge_sboms`: one document of a product out of those of its parts.

Parts are taken as they are, in the shape of their JSON: what is said of a component stays said.
Those of another family of formats are converted first, as far as there are native fields.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
from typing import TYPE_CHECKING, Any

from provenance.errors import UnsupportedFormat
from provenance.sbom.codecs import decode, read_contents, write_contents
from provenance.sbom.collection import paused_collection
from provenance.sbom.conversion import before_conversion, converted
from provenance.sbom.converting.elements import shape_of, split
from provenance.sbom.converting.leaves import missing
from provenance.sbom.converting.pruning import pruned
from provenance.sbom.converting.syntaxes import encoded, native, unread_of
from provenance.sbom.document import Sbom
from provenance.sbom.formats import Format
from provenance.sbom.merging.cyclonedx import CycloneDxMerge
from provenance.sbom.merging.naming import named
from provenance.sbom.merging.parts import Notes, Part
from provenance.sbom.merging.places import say_places
from provenance.sbom.merging.spdx import SpdxMerge
from provenance.sbom.merging.unheld import unheld
from provenance.sbom.model import Contents, OtherDocument, Subject
from provenance.sbom.spdx.vocabulary import IMAGE

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping

__all__ = ["merge_sboms"]

_FORMS = {"cyclonedx": Format.CYCLONEDX_1_7, "spdx": Format.SPDX_2_3}
"""In which a part of another family is written again to see what of it is held."""


def merge_sboms(
    sboms: Iterable[Sbom],
    *,
    name: str,
    version: str = "",
    purl: str = "",
    hierarchical: bool = True,
    format: str | Format = Format.CYCLONEDX_1_6,  # noqa: A002 - as in write
    created: dt.datetime | None = None,
) -> Sbom:
    """The document of a product out of those of its images or other parts.

    Every part is a component with the digest of what it describes and a reference to its document
    (serial number or namespace, and SHA-256). Hierarchical, it contains its packages; flat, each
    package is there once, with all its locations. What a part says of its components comes along,
    and so do its vulnerabilities, services, compositions, formulation, annotations, snippets and
    relationships, with every reference led to where things are. The same arguments give the same
    bytes.

    Args:
        sboms: the documents of the parts, of any formats.
        name: of the product.
        version: of the product.
        purl: of the product.
        hierarchical: keep packages by part; else put those together that are the same.
        format: what to write.
        created: the time to state; by default the latest that a part states.

    Returns:
        The document. Its `findings` name what was not taken: `not-merged` (what is said of a
        part's document, what has no field in another family of formats), `merge-conflict`
        (statements that contradict those of an earlier part), `dangling-edge`, `merged-once` (a
        part that was given twice).

    Raises:
        UnsupportedFormat: there are no parts, or nothing is written in that format.
    """
    form = Format.parse(format)
    if not form.writable:
        write_contents(Contents(None, ()), form)  # says so
    base, notes = _base(form), Notes()
    with paused_collection():
        parts = list(_parts(sboms, base, notes))
        if not parts:
            raise UnsupportedFormat("there are no documents to merge", hint="name at least one")
        times = [part.created for part in parts if part.created is not None]
        product = Contents(
            Subject(name, version, purl, type="application"),
            (),
            created=created or (max(times) if times else None),
            tools=tuple(dict.fromkeys(tool for part in parts for tool in part.tools)),
        )
        kind = CycloneDxMerge if base.family == "cyclonedx" else SpdxMerge
        merged = kind(native(product, base), notes, hierarchical=hierarchical)
        for part in parts:
            merged.add(part)
        document = named(_fitting(merged.document(), base, notes))
        is_direct = form.version == base.version
        raw = encoded(document, form if is_direct else base)
        if form is not base and not (is_direct and _is_whole(document, raw, form)):
            raw, losses = converted(encoded(document, base), base, form)
            for loss in losses:
                notes.add("not-merged", loss.message, loss.pointer)
    return Sbom(raw, form, None, notes.all())


def _base(form: Format) -> Format:
    """The JSON in which the product is put together before it is written."""
    if form.family == "cyclonedx":
        return Format.parse(f"cyclonedx-{form.version}") if form.carries else Format.CYCLONEDX_1_6
    return Format.SPDX_2_2 if form.version == "2.2" else Format.SPDX_2_3


def _is_whole(document: Mapping[str, Any], raw: bytes, form: Format) -> bool:
    """Whether the syntax says all of it: XML and tags have no place for some."""
    parts, said = split(document), split(decode(raw, form))
    before = {"body": parts.body, "elements": parts.elements}
    return not missing(before, {"body": said.body, "elements": said.elements})


def _parts(sboms: Iterable[Sbom], base: Format, notes: Notes) -> Iterable[Part]:
    seen: dict[bytes, int] = {}
    for number, sbom in enumerate(sboms):
        raw = sbom.to_bytes()
        if raw in seen:
            notes.add("merged-once", f"part {number} is the document of part {seen[raw]}")
            continue
        seen[raw] = number
        yield _part(sbom, raw, base, number, notes)


def _part(sbom: Sbom, raw: bytes, base: Format, number: int, notes: Notes) -> Part:
    sha256 = hashlib.sha256(raw)
    form, document = sbom.format, dict(decode(raw, sbom.format))
    before = before_conversion(document, form) if b"provenance" in raw else None
    if before is not None and _is_held(*before, base):
        document, form = before
    is_held = _is_held(document, form, base)
    lists = ("components", "dependencies", "files", "relationships")
    head = {k: v for k, v in document.items() if k not in lists} if is_held else document
    said = read_contents(head, form)
    part = Part(
        number,
        document,
        OtherDocument(sbom.uri or _name_of(sha256.digest()), {"sha256": sha256.hexdigest()}),
        (said.subject.name if said.subject else sbom.uri) or f"part {number}",
        not is_held,
        said.tools,
        said.created,
    )
    if not is_held:
        subject = said.subject and dataclasses.replace(said.subject, id=IMAGE)
        part.document = native(dataclasses.replace(said, subject=subject), base)
        _note_unheld(document, said, form, part, notes)
    for pointer, leaves in unread_of(raw, sbom.format).items():
        notes.add("not-merged", f"{leaves} of {pointer} in {part.label}", pointer)
    return part


def _is_held(document: Mapping[str, Any], form: Format, base: Format) -> bool:
    """Whether a document can be taken as it is."""
    wanted = shape_of({"spdxVersion": ""} if base.family == "spdx" else {})
    return form.family == base.family and shape_of(document) == wanted


def _note_unheld(
    document: Mapping[str, Any], said: Contents, form: Format, part: Part, notes: Notes
) -> None:
    """What a document of another family says that no native field has."""
    again = _FORMS.get(form.family, Format.CYCLONEDX_1_6)
    if form is Format.SPDX_3_0:
        again = form
    elif form.version == "2.2":
        again = form if form.writable else Format.SPDX_2_2
    held = decode(write_contents(said, again), again)
    for pointer, leaves in unheld(document, held).items():
        notes.add("not-merged", f"{leaves} of {pointer} in {part.label}", pointer)


def _fitting(document: dict[str, Any], base: Format, notes: Notes) -> dict[str, Any]:
    """The document as its schema takes it, and a finding for all that it does not take."""
    if base.family == "cyclonedx" and base.version < "1.5":
        say_places(document)
    fitting = pruned(document, base)
    lost: dict[str, int] = {}
    for (pointer, _), count in missing(
        {"body": {}, "elements": document}, {"body": {}, "elements": fitting}
    ).items():
        at = pointer.removeprefix("/elements")
        lost[at] = lost.get(at, 0) + count
    for at, count in sorted(lost.items()):
        notes.add("not-merged", f"{count} of {at} has no place in {base.value}", at)
    return fitting


def _name_of(digest: bytes) -> str:
    """A document without a name of its own is called by its hash (RFC 6920)."""
    return f"ni:///sha-256;{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"
