"""`merge_sboms`: one document of a product out of those of its parts."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Any

from provenance.errors import UnsupportedFormat
from provenance.findings import Finding, Severity
from provenance.packages.package import Package
from provenance.sbom.codecs import decode, read_contents, write_contents
from provenance.sbom.collection import paused_collection
from provenance.sbom.converting.syntaxes import unread_of
from provenance.sbom.document import Sbom
from provenance.sbom.formats import Format
from provenance.sbom.identifiers import purl_type
from provenance.sbom.merging.nesting import nested
from provenance.sbom.merging.unheld import unheld
from provenance.sbom.merging.unifying import Unified, identity
from provenance.sbom.model import Contents, OtherDocument, Subject

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping

    from provenance.packages.package import ListedFile

__all__ = ["merge_sboms"]

_MARK = "\0part "
"""Begins every identifier here, and no purl, name or `bom-ref` that is written."""
_ALTERNATIVES = 16
"""Packages of one purl with different bytes that a further one is compared with."""
_FORMS = {"cyclonedx": Format.CYCLONEDX_1_7, "spdx": Format.SPDX_2_3}
"""In which a part is written again to see what of it is held."""
# What a part's subject has and a component has not.
_OF_SUBJECTS = ("platform", "labels", "base", "base_digest", "distribution", "layers")


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
    package is there once, with all its locations. The same arguments give the same bytes.

    Args:
        sboms: the documents of the parts, of any formats.
        name: of the product.
        version: of the product.
        purl: of the product.
        hierarchical: keep packages by part; else put those together that are the same.
        format: what to write.
        created: the time to state; by default the latest that a part states.

    Returns:
        The document. Its `findings` name what was not taken: `not-merged` (fields the view does
        not hold, facts of a part's subject), `merge-conflict` (statements that contradict those of
        an earlier part), `dangling-edge`, `merged-once` (a part that was given twice).

    Raises:
        UnsupportedFormat: there are no parts, or nothing is written in that format.
    """
    form = Format.parse(format)
    merger = _Merger(hierarchical=hierarchical)
    seen: dict[bytes, int] = {}
    with paused_collection():
        for number, sbom in enumerate(sboms):
            raw = sbom.to_bytes()
            if raw in seen:
                merger.note("merged-once", f"part {number} is the document of part {seen[raw]}")
            else:
                seen[raw] = number
                merger.add(sbom, number)
    if not seen:
        raise UnsupportedFormat("there are no documents to merge", hint="name at least one")
    contents = merger.contents(
        Subject(name, version, purl, type="application"),
        created or (max(merger.created) if merger.created else None),
    )
    raw = write_contents(contents, form)
    if hierarchical and form.family == "cyclonedx" and form.syntax == "json":
        raw = nested(raw)
    return Sbom(raw, form, None, merger.findings())


class _Merger:
    """Collects the parts. Identifiers are its own: no two parts share one."""

    def __init__(self, *, hierarchical: bool) -> None:
        self.created: list[dt.datetime] = []
        self._hierarchical = hierarchical
        self._packages: dict[str, Unified] = {}
        self._edges: dict[str, list[str]] = {}
        self._contains: dict[str, list[str]] = {}
        self._others: dict[str, OtherDocument] = {}
        self._files: dict[object, ListedFile] = {}
        self._texts: dict[str, str] = {}
        self._tools: list[str] = []
        self._found: list[Finding] = []
        self._same: dict[tuple[str, ...], list[str]] = {}
        self._conflicts: Counter[tuple[str, str]] = Counter()

    def contents(self, subject: Subject, created: dt.datetime | None) -> Contents:
        """Everything that was taken."""
        return Contents(
            subject=subject,
            packages=tuple(unified.package(own) for own, unified in self._packages.items()),
            edges={source: tuple(targets) for source, targets in self._edges.items()},
            contains={source: tuple(targets) for source, targets in self._contains.items()},
            files=tuple(self._files.values()),
            others=self._others,
            created=created,
            tools=tuple(dict.fromkeys(self._tools)),
            license_texts=self._texts,
        )

    def note(self, rule: str, message: str, pointer: str = "") -> None:
        """Keep a finding."""
        severity = Severity.INFO if rule == "merged-once" else Severity.WARNING
        self._found.append(Finding(rule, severity, message, pointer))

    def findings(self) -> list[Finding]:
        """What was not taken."""
        return self._found + [
            Finding(
                "merge-conflict",
                Severity.WARNING,
                f"{field} of {count} packages in {part} contradicts what was taken before",
            )
            for (part, field), count in self._conflicts.items()
        ]

    def add(self, sbom: Sbom, number: int) -> None:
        """Take over one part."""
        raw = sbom.to_bytes()
        document = decode(raw, sbom.format)
        said = read_contents(document, sbom.format)
        part = _component(said.subject, sbom.uri, number)
        label = f"part {number} ({part.name[:100]})"
        self._packages[part.id] = Unified(part)
        sha256 = hashlib.sha256(raw)
        self._others[part.id] = OtherDocument(
            sbom.uri or _name_of(sha256.digest()), {"sha256": sha256.hexdigest()}
        )
        names: dict[str, str] = {}
        mine: dict[str, None] = {}
        for position, package in enumerate(said.packages):
            own = self._put(package, f"{part.id}.{position}", label)
            mine[own] = None
            for called in (package.id, package.purl):
                if called:
                    names.setdefault(called, own)
        self._join(said, part.id, mine, names, label)
        for file in said.files:
            same = (file.path, file.size, str(file.layer), file.owner, *sorted(file.hashes.items()))
            self._files.setdefault(same, file)
        for name, text in said.license_texts.items():
            if self._texts.setdefault(name, text) != text:
                self._conflicts[label, "text of a licence"] += 1
        self._tools += said.tools
        if said.created is not None:
            self.created.append(said.created)
        self._untaken(raw, document, said, sbom.format, label)

    def _put(self, package: Package, own: str, label: str) -> str:
        """Keep a package, and say under which identifier."""
        if not self._hierarchical:
            same = self._same.setdefault(identity(package), [])
            for known in same[:_ALTERNATIVES]:
                if not self._packages[known].contradicts(package):
                    left = self._packages[known].add(package)
                    self._conflicts.update((label, field) for field in left)
                    return known
            same.append(own)
        self._packages[own] = Unified(package)
        return own

    def _join(
        self,
        said: Contents,
        part: str,
        mine: Iterable[str],
        names: Mapping[str, str],
        label: str,
    ) -> None:
        """Take over edges; what the part's subject needs or contains, the part does."""
        inner: set[str] = set()
        held: set[str] = set()
        for stated, table in ((said.edges, self._edges), (said.contains, self._contains)):
            dangling: Counter[str] = Counter()
            for source, targets in stated.items():
                own = [names[t] for t in targets if t in names]
                if source in names:
                    dangling["to"] += len(targets) - len(own)
                    inner.update(own)
                    if table is self._contains:
                        held.update(own)
                    table.setdefault(names[source], []).extend(own)
                elif not _is_of_subject(source, said):
                    dangling["from"] += len(targets)
                elif table is self._edges:
                    table.setdefault(part, []).extend(own)
            for way, count in (+dangling).items():
                what = f"{count} edges of {label} lead {way} what is no package"
                self.note("dangling-edge", what)
        self._edges.setdefault(part, []).extend(own for own in mine if own not in inner)
        self._refer(said, names)
        if self._hierarchical:
            self._contains[part] = [own for own in mine if own not in held]

    def _refer(self, said: Contents, names: Mapping[str, str]) -> None:
        """Take over which packages have a document of their own."""
        for name, other in said.others.items():
            if name in names:
                self._others.setdefault(names[name], other)

    def _untaken(
        self, raw: bytes, document: Mapping[str, Any], said: Contents, form: Format, label: str
    ) -> None:
        """Note what a document says and the merged one does not."""
        for field in _OF_SUBJECTS:
            if value := getattr(said.subject, field, None):
                count = f"{len(value)} " if isinstance(value, (tuple, dict)) else ""
                self.note("not-merged", f"{count}{field} of the subject of {label}")
        again = _FORMS.get(form.family, Format.CYCLONEDX_1_6)
        if form is Format.SPDX_3_0:
            again = form
        elif form.version == "2.2":
            again = form if form.writable else Format.SPDX_2_2
        held = decode(write_contents(said, again), again)
        untold = unread_of(raw, form)
        for pointer, leaves in (*unheld(document, held).items(), *untold.items()):
            self.note("not-merged", f"{leaves} of {pointer} in {label}", pointer)


def _is_of_subject(source: str, said: Contents) -> bool:
    """Whether an edge begins at what a document describes, as far as it says what that is."""
    return said.subject is None or source in ("", said.subject.id)


def _component(subject: Subject | None, uri: str, number: int) -> Package:
    """What a part's document describes, as a component of the product."""
    own = f"{_MARK}{number}"
    if subject is None:
        return Package(uri or f"part {number}", kind="application", id=own)
    said = subject.about or Package("")
    digest = {subject.digest.algorithm: subject.digest.hex} if subject.digest else {}
    return dataclasses.replace(
        said,
        id=own,
        name=subject.name or f"part {number}",
        version=subject.version,
        type=purl_type(subject.purl),
        purl=subject.purl,
        hashes={**said.hashes, **digest},
        kind=subject.type or "application",
    )


def _name_of(digest: bytes) -> str:
    """A document without a name of its own is called by its hash (RFC 6920)."""
    return f"ni:///sha-256;{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"
