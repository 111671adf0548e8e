"""What people and tools remarked in a document, of any format.

Source: CycloneDX 1.5 to 1.7 (`annotations`); SPDX 2.3 section 12; SPDX 3.0.1 Core, Annotation.
"""

from __future__ import annotations

import datetime as dt  # noqa: TC003 - dataclass fields are looked up
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from provenance.sbom.items import items, text
from provenance.sbom.model import parse_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Annotation", "annotations_of"]

_OURS = ("provenance ", "provenance:")
"""Begin what this library carries in annotations: fields, no remark."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """One remark on one thing."""

    subject: str
    """Identifier of what it is about (`bom-ref`, `SPDXID`); empty where it names nothing."""
    text: str
    annotator: str = ""
    """Who made it, as stated."""
    date: dt.datetime | None = None


def annotations_of(document: Mapping[str, Any]) -> tuple[Annotation, ...]:
    """Those of a decoded document, in its order; of several subjects, one for each."""
    if "bomFormat" in document:
        found = _of_cyclonedx(document)
    elif "spdxVersion" in document:
        found = _of_spdx_2(document)
    else:
        found = _of_spdx_3(document)
    return tuple(remark for remark in found if not remark.text.startswith(_OURS))


def _of_cyclonedx(document: Mapping[str, Any]) -> Iterator[Annotation]:
    for item in items(document.get("annotations"), "annotation"):
        annotator = item.get("annotator")
        names = [
            text(x, "name") for x in (annotator if isinstance(annotator, dict) else {}).values()
        ]
        for subject in _subjects(item.get("subjects")):
            yield Annotation(
                subject=subject,
                text=text(item, "text"),
                annotator="".join(names[:1]),
                date=parse_time(item.get("timestamp")),
            )


def _subjects(value: Any) -> list[str]:
    named = [x for x in value if isinstance(x, str)] if isinstance(value, list) else []
    return named or [text(x, "ref") for x in items(value, "subject")] or [""]


def _of_spdx_2(document: Mapping[str, Any]) -> Iterator[Annotation]:
    parts = (x for key in ("packages", "files", "snippets") for x in items(document.get(key)))
    for about in (document, *parts):
        for item in items(about.get("annotations")):
            yield Annotation(
                subject=text(about, "SPDXID"),
                text=text(item, "comment"),
                annotator=text(item, "annotator"),
                date=parse_time(item.get("annotationDate")),
            )


def _of_spdx_3(document: Mapping[str, Any]) -> Iterator[Annotation]:
    nodes = items(document.get("@graph")) or [dict(document)]
    named = {text(n, "spdxId") or text(n, "@id"): n for n in nodes}
    for node in nodes:
        if node.get("type") != "Annotation":
            continue
        info, subject = node.get("creationInfo"), node.get("subject")
        info = named.get(info) if isinstance(info, str) else info
        creators = info.get("createdBy") if isinstance(info, dict) else None
        agents = [x for x in creators if isinstance(x, str)] if isinstance(creators, list) else []
        yield Annotation(
            subject=subject if isinstance(subject, str) else text(subject, "spdxId"),
            text=text(node, "statement"),
            annotator=next((text(named.get(x), "name") or x for x in agents), ""),
            date=parse_time(text(info, "created")),
        )
