"""`Sbom`: a document as it is, and a view over it. The bytes are the truth."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import msgspec

from provenance.display.html import ROWS
from provenance.display.html import document as html_document
from provenance.errors import UnsupportedFormat
from provenance.findings import Finding, Report
from provenance.sbom import cyclonedx, spdx
from provenance.sbom.conversion import losses
from provenance.sbom.formats import Format
from provenance.sbom.graph import Dependencies
from provenance.sbom.model import Contents, Subject
from provenance.sbom.rows import COLUMNS, Packages

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping, Sequence

    from provenance.packages.package import Package

__all__ = ["Sbom"]

_WRITERS = {Format.CYCLONEDX_1_6: cyclonedx.write, Format.SPDX_2_3: spdx.write}
_PREDICATE_TYPES = {"cyclonedx": "https://cyclonedx.org/bom", "spdx": "https://spdx.dev/Document"}


class Sbom:
    """An SBOM. Immutable; made by `read_sbom` or `generate_sbom`."""

    __slots__ = ("_contents", "_findings", "_raw", "format")

    format: Format
    """Its format and version."""

    def __init__(
        self,
        raw: bytes,
        form: Format,
        contents: Contents,
        findings: Sequence[Finding] = (),
    ) -> None:
        """Use `read_sbom` or `Sbom.build` instead."""
        self._raw, self.format, self._contents = raw, form, contents
        self._findings = (*findings, *contents.findings)

    @classmethod
    def build(
        cls,
        *,
        subject: Subject | None,
        packages: Iterable[Package],
        created: dt.datetime | None = None,
        dependencies: Mapping[str, Sequence[str]] | None = None,
        findings: Sequence[Finding] = (),
        form: Format = Format.CYCLONEDX_1_6,
    ) -> Self:
        """A new document. The same arguments give the same bytes.

        Args:
            subject: what it describes.
            packages: in any order; they are sorted.
            created: the time it states; None: none.
            dependencies: purl (or id) of a package to those it needs.
            findings: what was odd while the packages were found.
            form: what to write.
        """
        edges = {k: tuple(v) for k, v in (dependencies or {}).items()}
        contents = Contents(subject, tuple(packages), edges, created)
        raw = _write(contents, form)
        return cls(raw, form, _read(_decode(raw), form), findings)

    @property
    def subject(self) -> Subject | None:
        """What it describes, with digest where it says so."""
        return self._contents.subject

    @property
    def packages(self) -> Packages:
        """What it lists, in the document's order."""
        return Packages(self._contents.packages)

    @property
    def dependencies(self) -> Dependencies:
        """Which package needs which."""
        return Dependencies(self._contents.packages, self._contents.edges)

    @property
    def created(self) -> dt.datetime | None:
        """When, as it states."""
        return self._contents.created

    @property
    def tools(self) -> tuple[str, ...]:
        """What made it, as it states."""
        return self._contents.tools

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was odd while it was read or generated."""
        return self._findings

    @property
    def predicate_type(self) -> str:
        """The type under which it is attested."""
        return _PREDICATE_TYPES[self.format.family]

    @property
    def predicate(self) -> bytes:
        """Itself, as JSON: what is attested."""
        return self._raw

    def to_bytes(self, format: str | Format | None = None) -> bytes:  # noqa: A002 - as in write
        """The document: exactly the bytes that were read, or in another format."""
        wanted = self.format if format is None else Format.parse(format)
        return self._raw if wanted is self.format else _write(self._contents, wanted)

    def convert(self, format: str | Format) -> tuple[Sbom, Report]:  # noqa: A002 - as in write
        """The document in another format, and what of it did not come along.

        Raises:
            UnsupportedFormat: nothing is written in that format.
        """
        wanted = Format.parse(format)
        if wanted is self.format:
            return self, Report()
        raw = _write(self._contents, wanted)
        converted = Sbom(raw, wanted, _read(_decode(raw), wanted))
        return converted, losses(_decode(self._raw), self.format, wanted)

    def validate(self) -> Report:
        """Check it against the official schema, offline. Raises UnsupportedFormat without one."""
        from provenance.sbom.validation import validate

        return validate(_decode(self._raw), self.format, self._contents)

    def write(self, path: str | Path, *, format: str | Format | None = None) -> Path:  # noqa: A002 - the word users write
        """Write it to a file, whole or not at all.

        Args:
            path: where to; `.spdx.json` and `.cdx.json` choose the format where none is said.
            format: a `Format` or its name.
        """
        target = Path(path)
        wanted = format or Format.of_path(target)
        data = self.to_bytes(wanted)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(temporary).chmod(0o644)
            Path(temporary).replace(target)
        finally:
            with contextlib.suppress(FileNotFoundError):
                Path(temporary).unlink()
        return target

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sbom) and self._raw == other._raw

    def __hash__(self) -> int:
        return hash(self._raw)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as bytes."""
        return _restore, (self._raw, self.format.value)

    def __repr__(self) -> str:
        of = f" of {self.subject}" if self.subject else ""
        return f"Sbom({self.format.value}{of}, {len(self._contents.packages)} packages)"

    def _repr_html_(self) -> str:
        """A summary and twenty packages, for notebooks."""
        packages = self.packages
        facts = {
            "Describes": str(self.subject or "nothing it names"),
            "Format": self.format.value,
            "Created": self.created.isoformat() if self.created else "not stated",
            "Made by": ", ".join(self.tools) or "not stated",
            "Packages": f"{len(packages):,}",
            "Findings": len(self.findings),
        }
        return html_document("SBOM", facts, COLUMNS, packages.rows(ROWS), total=len(packages))


def _write(contents: Contents, form: Format) -> bytes:
    if form not in _WRITERS:
        known = ", ".join(f.value for f in _WRITERS)
        raise UnsupportedFormat(
            f"documents are not written in {form.value}", hint=f"use one of {known}"
        )
    return _WRITERS[form](contents)


def _read(document: Mapping[str, Any], form: Format) -> Contents:
    return cyclonedx.read(document) if form.family == "cyclonedx" else spdx.read(document)


def _decode(raw: bytes) -> Any:
    return msgspec.json.decode(raw.removeprefix(b"\xef\xbb\xbf"))


def _restore(raw: bytes, form: str) -> Sbom:
    wanted = Format.parse(form)
    return Sbom(raw, wanted, _read(_decode(raw), wanted))
