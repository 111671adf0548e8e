"""Conversion between formats, and an honest list of what did not come along.

1. What both formats have a field for is written there: through `Contents`, or, within one
   family, by copying the document and taking out what the other version has not.
2. The way back is really gone: what the new document says, in the format of the old one. Where
   the two differ, a patch that makes the old one of it is kept in the new one (`converting.rest`).
3. The way back is gone again, with the patches, from the bytes that were made. The report names
   every leaf of the old document that is not in the result.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import uuid
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from provenance.findings import Finding, Report, Severity
from provenance.sbom.codecs import read_contents, write_contents
from provenance.sbom.collection import paused_collection
from provenance.sbom.converting.elements import PLACE, Parts, join, shape_of, split
from provenance.sbom.converting.identifiers import names, renamed
from provenance.sbom.converting.leaves import leaves, missing
from provenance.sbom.converting.patches import SAME, applied, difference
from provenance.sbom.converting.rest import Rest, placed, plain, taken, without_empty
from provenance.sbom.converting.syntaxes import decoded, encoded, native, unread_of, within
from provenance.sbom.model import NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provenance.sbom.formats import Format
    from provenance.sbom.model import Contents

__all__ = ["Converted", "before_conversion", "converted"]

_MAX_FACTOR = 2
"""How many times as large as a document its conversion may be, because of what it carries."""
_FRAME = 5120
"""Bytes that a document may have besides, whatever it was made of: small ones have to."""
_OWN_NAMES = ("serialNumber", "documentNamespace")
"""What a document calls itself: a hash of the rest."""
_NAMESPACE = re.compile(r"https?://[!\"$-~]{1,72}", re.ASCII)
"""One that may precede every identifier: with no fragment, and not so long that these fill it."""
_MAX_FINDINGS = 1000
_NO_TELLING = frozenset(map(repr, ("", True, False, None)))
"""Values that are not known to have moved where a field has one: older versions demand some."""
_FAMILIES = ("cyclonedx", "spdx")
"""Those that are written."""
_IDS = {"cyclonedx": "bom-ref", "spdx2": "SPDXID", "spdx3": "spdxId"}


class Converted(NamedTuple):
    """A document in another format."""

    raw: bytes
    losses: Report


def converted(raw: bytes, source: Format, target: Format) -> Converted:
    """The document in another format, and what of it did not come along.

    A document that was converted before becomes what it was, unless it was edited since: then
    what was edited is carried too.

    Args:
        raw: the document.
        source: its format.
        target: the format to write.

    Raises:
        UnsupportedFormat: nothing is written in that format.
    """
    with paused_collection():
        made = _as_decoded(raw, source, target)
        if unread := unread_of(raw, source):
            return Converted(made.raw, Report((*made.losses, *_report(unread, target))))
        return made


def before_conversion(
    document: Mapping[str, Any], source: Format
) -> tuple[dict[str, Any], Format] | None:
    """What a decoded document was converted from, and its format; None where it was edited since.

    Also None where nothing of the kind is kept in it.
    """
    if source.family not in _FAMILIES:
        return None
    before = _original(document, source)
    if before is None or _is_edited(before, source):
        return None
    return before.document, before.form


def _as_decoded(raw: bytes, source: Format, target: Format) -> Converted:
    document = decoded(raw, source)
    if source.family not in _FAMILIES:
        return _read_only(document, source, target)
    before = _original(document, source)
    if before is None or not _is_within(before.form, target) or _is_edited(before, source):
        return _converted(raw, document, source, target)
    data = encoded(before.document, before.form)
    if before.form is target and _says(data, before):
        return Converted(data, Report())
    return _converted(data, before.document, before.form, target)


class _Original(NamedTuple):
    """What a document was converted from."""

    document: dict[str, Any]
    form: Format
    rest: Rest
    clean: dict[str, Any]
    """The document that it became, without the rest."""


def _original(document: Mapping[str, Any], source: Format) -> _Original | None:
    clean, rest = taken(document)
    form = next((f for f in type(source) if f.value == rest.format), None)
    if form is None:
        return None
    return _Original(_way_back(clean, source, form, rest), form, rest, clean)


def _says(data: bytes, before: _Original) -> bool:
    """Whether the bytes of the original say all of it: not every syntax is fully written."""
    if before.form.syntax == "json":
        return True
    return not missing(_parted(before.document), _parted(decoded(data, before.form)))


def _is_edited(before: _Original, source: Format) -> bool:
    """Whether a document does not say all and nothing else that its original becomes by itself.

    What it says no more was taken out of it, or never was in it: none of it comes back.
    """
    rest = Rest(before.form.value, before.rest.namespace, is_plain=before.rest.is_plain)
    made = _made(before.document, before.form, source, rest)
    return _differ(_parted(before.clean), _parted(made))


def _differ(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether either document, in parts, says what the other does not, but for their own names."""
    leaves_of_one = (*missing(one, other), *missing(other, one))
    return not all(map(_is_own_name, leaves_of_one))


def _made(
    document: Mapping[str, Any], source: Format, target: Format, rest: Rest
) -> dict[str, Any]:
    made = _forward(document, source, target, rest)
    # What the syntax cannot say shows on the way back alone.
    return made if target.syntax == "json" else _again(made, target)


def _converted(
    raw: bytes, document: Mapping[str, Any], source: Format, target: Format
) -> Converted:
    if b"provenance" in raw and (own := _own(document, source, target)) is not None:
        return Converted(own, Report())
    rest = Rest(source.value, _name_of(raw), is_plain=b"provenance:" not in raw)
    made = _made(document, source, target, rest)
    returned = _way_back(made, target, source, rest, is_patched=False)
    if not target.carries:
        losses = _uncarried(_parted(document), _parted(returned), source, target)
        return Converted(encoded(made, target), losses)
    _keep_difference(rest, split(document), split(returned))
    data = _written(made, rest, target, len(raw))
    return Converted(data, _losses(document, data, source, target))


def _read_only(document: Mapping[str, Any], source: Format, target: Format) -> Converted:
    """Of a format that is not written there is no way back: lost is what stands nowhere."""
    data = write_contents(read_contents(document, source), target)
    said = {text for _, text in leaves(decoded(data, target))}
    lost = leaves(document)
    counts: Counter[str] = Counter()
    for (pointer, text), count in lost.items():
        if text not in said:
            counts[pointer] += count
    return Converted(data, _report(counts, target))


def _own(document: Mapping[str, Any], source: Format, target: Format) -> bytes | None:
    """A document of ours, written as ours in the other format: the view says all of it.

    None where it is not: where writing it back does not give the same.
    """
    contents = read_contents(document, source)
    if not any(tool.startswith("provenance") for tool in contents.tools):
        return None
    made = write_contents(contents, target)
    again = write_contents(read_contents(decoded(made, target), target), source)
    return None if _differ(_parted(document), _parted(decoded(again, source))) else made


def _is_own_name(leaf: tuple[str, str]) -> bool:
    return leaf[0].rpartition("/")[2] in _OWN_NAMES


def _written(made: dict[str, Any], rest: Rest, target: Format, size: int) -> bytes:
    """The document with the rest in it, readable as far as it may be as long."""
    ways = ((False, True), (False, False), (True, True), (True, False))
    found = []
    for whole, indented in ways:
        found.append(encoded(placed(made, rest, whole=whole), target, indented=indented))
        if len(found[-1]) <= _MAX_FACTOR * size:
            return found[-1]
    fitting = (data for data in found if len(data) <= _MAX_FACTOR * size + _FRAME)
    return next(fitting, min(found, key=len))


def _forward(
    document: Mapping[str, Any], source: Format, target: Format, rest: Rest
) -> dict[str, Any]:
    if _is_within(source, target):
        made = within(document, target, is_pruned=True)
        return without_empty(made) if target.carries else made
    keyed = _keyed(document)
    contents = dataclasses.replace(
        read_contents(keyed, source), is_named=True, namespace=_namespace(keyed, rest)
    )
    if rest.is_plain:
        contents = _with_release(contents)
    known = names(contents, _shape(target))
    rest.names = {new: old for old, new in known.items() if new != old}
    return native(renamed(contents, known), target)


def _with_release(contents: Contents) -> Contents:
    """Of a document that is not ours, an operating system is a package like others."""
    subject, release = contents.subject, contents.release
    if subject is None or release is None:
        return contents
    return dataclasses.replace(
        contents,
        subject=dataclasses.replace(subject, distribution=None),
        packages=(release, *contents.packages),
    )


def _way_back(
    document: Mapping[str, Any],
    source: Format,
    target: Format,
    rest: Rest,
    *,
    is_patched: bool = True,
) -> dict[str, Any]:
    """What a document says, in the format of the one that it was made of."""
    if _is_within(source, target):
        returned = within(document, target, is_pruned=False)
    else:
        contents = dataclasses.replace(
            read_contents(document, source), is_named=True, namespace=rest.namespace
        )
        if rest.is_plain:
            contents = _with_release(contents)
        contents = renamed(contents, rest.names)
        old = set(rest.names.values())
        known = {k: v for k, v in names(contents, _shape(target)).items() if k not in old}
        returned = native(renamed(contents, known), target)
    if rest.is_plain:
        returned = plain(returned)
    return _patched(returned, rest) if is_patched else returned


def _patched(returned: dict[str, Any], rest: Rest) -> dict[str, Any]:
    parts, shape = split(returned), shape_of(returned)
    for key in rest.gone:
        parts.elements.pop(f"{rest.namespace}{key}" if key[:1] == "#" else key, None)
    for name, patch in rest.patches.items():
        key = rest.names.get(name, name)
        if key in parts.elements:
            parts.elements[key] = applied(parts.elements[key], patch)
    parts.elements |= rest.more
    body = applied(parts.body, rest.body)
    return join(Parts(parts.elements, body if isinstance(body, dict) else parts.body), shape)


def _keep_difference(rest: Rest, before: Parts, returned: Parts) -> None:
    here = {old: new for new, old in rest.names.items()}
    for key, item in before.elements.items():
        if key not in returned.elements:
            rest.more[key] = item
        elif (patch := difference(item, returned.elements[key])) != SAME:
            rest.patches[here.get(key, key)] = patch
    rest.gone = [
        key.removeprefix(rest.namespace) for key in returned.elements if key not in before.elements
    ]
    rest.body = difference(before.body, returned.body)


def _losses(document: Mapping[str, Any], data: bytes, source: Format, target: Format) -> Report:
    """What the way back from the bytes that were made does not give."""
    original = _original(decoded(data, target), target)
    returned = _parted({} if original is None else original.document)
    counts: Counter[str] = Counter()
    for (pointer, _), count in missing(_parted(document), returned).items():
        counts[_place(pointer, _shape(source))] += count
    return _report(counts, target)


def _uncarried(
    before: dict[str, Any], returned: Mapping[str, Any], source: Format, target: Format
) -> Report:
    """What of a document is lost where nothing is carried.

    A value that the way back has in another field of the same element has come along.
    """
    elsewhere: Counter[tuple[str, str]] = Counter()
    for (pointer, value), count in missing(returned, before).items():
        if value not in _NO_TELLING:
            elsewhere[_element(pointer), value] += count
    shape = _shape(source)
    counts: Counter[str] = Counter()
    for (pointer, value), count in missing(before, returned).items():
        moved = min(count, elsewhere[_element(pointer), value])
        elsewhere[_element(pointer), value] -= moved
        if count > moved:
            counts[_place_lost(pointer, value, shape)] += count - moved
    if target.version == "1.0":
        held = sum(_IDS[shape] in item for item in before["elements"].values())
        if held:
            counts[_place(f"/elements/x/{_IDS[shape]}", shape)] += held
    return _report(counts, target)


def _place_lost(pointer: str, value: str, shape: str) -> str:
    """A pointer into the document, also where what is lost is the place of an element alone."""
    if not pointer.endswith(f"/{PLACE}"):
        return _place(pointer, shape)
    if value == repr("files"):
        return "/files"
    return "/metadata/component" if "metadata" in value else "/components/*/components"


def _element(pointer: str) -> str:
    """The part of a leaf's pointer that names its element; empty in the body."""
    return pointer.split("/", 3)[2] if pointer.startswith("/elements/") else ""


def _report(counts: Mapping[str, int], target: Format) -> Report:
    return Report(
        tuple(
            Finding(
                "not-carried",
                Severity.WARNING,
                f"{count} of {pointer} did not come along to {target.value}",
                pointer,
            )
            for pointer, count in sorted(counts.items())[:_MAX_FINDINGS]
        )
    )


def _parted(document: Mapping[str, Any]) -> dict[str, Any]:
    parts = split(document)
    return {"body": parts.body, "elements": parts.elements}


def _place(pointer: str, shape: str) -> str:
    """A pointer into the document, with `*` for every element."""
    if pointer.startswith("/body"):
        return pointer.removeprefix("/body")
    rest = "".join(f"/{x}" for x in pointer.split("/")[3:] if x != PLACE)
    start = {"cyclonedx": "/components", "spdx2": "/packages", "spdx3": "/@graph"}[shape]
    return f"{start}/*{rest}"


def _keyed(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with an identifier for every element: those of `split`."""
    parts, shape = split(document), shape_of(document)
    name = _IDS[shape]
    for key, item in parts.elements.items():
        if item.get(name) != key and item.get("@id") != key:
            item[name] = key
    return join(parts, shape)


def _again(document: dict[str, Any], form: Format) -> dict[str, Any]:
    return dict(decoded(encoded(document, form, keeps_refs=True), form))


def _name_of(raw: bytes) -> str:
    digest = hashlib.sha256(raw).hexdigest()
    return f"urn:uuid:{uuid.uuid5(NAMESPACE, digest)}"


def _namespace(document: Mapping[str, Any], rest: Rest) -> str:
    """What precedes identifiers in SPDX 3: the namespace that the document has in SPDX 2."""
    stated = document.get("documentNamespace")
    if not isinstance(stated, str) or not _NAMESPACE.fullmatch(stated):
        return rest.namespace
    return stated


def _shape(form: Format) -> str:
    if form.family == "cyclonedx":
        return "cyclonedx"
    return "spdx3" if form.version.startswith("3") else "spdx2"


def _is_within(source: Format, target: Format) -> bool:
    return _shape(source) == _shape(target)
