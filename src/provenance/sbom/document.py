"""`Sbom`: a document as it is, and a view over it. The bytes are the truth."""

from __future__ import annotations

import secrets
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import msgspec

from provenance.display.html import ROWS
from provenance.display.html import document as html_document
from provenance.errors import UnsupportedFormat
from provenance.findings import Finding, Report
from provenance.sbom import cyclonedx
from provenance.sbom.collection import paused_collection
from provenance.sbom.conversion import losses
from provenance.sbom.formats import Format
from provenance.sbom.graph import Dependencies
from provenance.sbom.identifiers import uri_of
from provenance.sbom.model import Contents, OtherDocument, Subject
from provenance.sbom.rows import COLUMNS, Packages

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from provenance.packages.package import ListedFile, Package

__all__ = ["Sbom", "decode", "read_contents"]

_PREDICATE_TYPES = {"cyclonedx": "https://cyclonedx.org/bom", "spdx": "https://spdx.dev/Document"}


class Sbom:
    """An SBOM. Immutable; made by `read_sbom` or `generate_sbom`."""

    __slots__ = ("_findings", "_known", "_raw", "format")

    format: Format
    """Its format and version."""

    def __init__(
        self,
        raw: bytes,
        form: Format,
        contents: Contents | None,
        findings: Sequence[Finding] = (),
    ) -> None:
        """Use `read_sbom` or `Sbom.build`. Without contents they are read when asked for."""
        self._raw, self.format, self._known = raw, form, contents
        self._findings = (*findings, *(contents.findings if contents else ()))

    @property
    def _contents(self) -> Contents:
        if self._known is None:
            with paused_collection():
                self._known = read_contents(decode(self._raw, self.format), self.format)
        return self._known

    @classmethod
    def build(
        cls,
        *,
        subject: Subject | None,
        packages: Iterable[Package],
        created: dt.datetime | None = None,
        dependencies: Mapping[str, Sequence[str]] | None = None,
        contains: Mapping[str, Sequence[str]] | None = None,
        files: Iterable[ListedFile] = (),
        others: Mapping[str, OtherDocument] | None = None,
        findings: Sequence[Finding] = (),
        form: Format = Format.CYCLONEDX_1_6,
    ) -> Self:
        """A new document. The same arguments give the same bytes.

        Args:
            subject: what it describes.
            packages: in any order; they are sorted.
            created: the time it states; None: none.
            dependencies: purl (or id) of a package to those it needs.
            contains: purl (or id) of a package to those that lie inside of it.
            files: the files to list, in any order.
            others: purl (or id) of a package to the SBOM that describes it.
            findings: what was odd while the packages were found.
            form: what to write.
        """
        contents = Contents(
            subject=subject,
            packages=tuple(packages),
            edges={k: tuple(v) for k, v in (dependencies or {}).items()},
            contains={k: tuple(v) for k, v in (contains or {}).items()},
            files=tuple(files),
            others=dict(others or {}),
            created=created,
        )
        # Most are written out and never asked: reading costs more than writing.
        return cls(_write(contents, form), form, None, findings)

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
    def contains(self) -> Mapping[str, tuple[str, ...]]:
        """Identifier of a package to those of the packages that lie inside of it."""
        return self._contents.contains

    @property
    def files(self) -> tuple[ListedFile, ...]:
        """The files it lists."""
        return self._contents.files

    @property
    def others(self) -> Mapping[str, OtherDocument]:
        """SBOMs it refers to, by the identifier of what they describe."""
        return self._contents.others

    @property
    def created(self) -> dt.datetime | None:
        """When, as it states."""
        return self._contents.created

    @property
    def tools(self) -> tuple[str, ...]:
        """What made it, as it states."""
        return self._contents.tools

    @property
    def uri(self) -> str:
        """Its serial number or namespace, by which other documents refer to it; empty without."""
        return uri_of(decode(self._raw, self.format))

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
        """Itself, as JSON: what is attested. From another syntax it is written anew."""
        if self.format.syntax == "json":
            return self._raw
        return _write(self._contents, _in_json(self.format))

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
        return Sbom(raw, wanted, None), losses(decode(self._raw, self.format), self.format, wanted)

    def validate(self) -> Report:
        """Check it against the official schema, offline. Raises UnsupportedFormat without one."""
        from provenance.sbom.validation import validate

        return validate(self._raw, self.format, self._contents)

    def write(self, path: str | Path, *, format: str | Format | None = None) -> Path:  # noqa: A002 - the word users write
        """Write it to a file, whole or not at all; to a pipe or device, as it comes.

        Args:
            path: where to; `.spdx.json`, `.cdx.xml`, ... choose the format where none is said.
            format: a `Format` or its name.
        """
        target = Path(path)
        wanted = format or Format.of_path(target)
        data = self.to_bytes(wanted)
        if target.exists() and not target.is_file():
            target.write_bytes(data)  # a pipe or device: to be written to, not to be replaced
        else:
            _replace(target.resolve(), data)
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


def _replace(target: Path, data: bytes) -> None:
    """Write a file under another name first. It has the rights of the one that was there."""
    temporary = target.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(data)
        if target.exists():
            temporary.chmod(target.stat().st_mode & 0o777)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


class _Way(NamedTuple):
    """How one format is read and written."""

    decode: Callable[[bytes], Any]
    read: Callable[[Any], Contents]
    write: Callable[[Contents], bytes] | None = None


def _decode_json(raw: bytes) -> Any:
    return msgspec.json.decode(raw.removeprefix(b"\xef\xbb\xbf"))


def _cyclonedx(form: Format) -> _Way:
    write: Callable[..., bytes]
    if form.syntax == "xml":
        decode, write = cyclonedx.decode_xml, cyclonedx.write_xml
    else:
        decode, write = _decode_json, cyclonedx.write
    written = partial(write, version=form.version) if form.writable else None
    return _Way(decode, cyclonedx.read, written)


@cache
def _way(form: Format) -> _Way:
    """How a format is read and written; what knows it is imported with its first document."""
    if form.family == "cyclonedx":
        return _cyclonedx(form)
    if form is Format.SPDX_3_0:
        from provenance.sbom import spdx3

        return _Way(_decode_json, spdx3.read, spdx3.write)
    from provenance.sbom import spdx

    if form is Format.SPDX_2_3_TAG:
        return _Way(spdx.decode_tag_value, spdx.read, spdx.write_tag_value)
    return _Way(_decode_json, spdx.read, spdx.write if form.writable else None)


def decode(raw: bytes, form: Format) -> Any:
    """The value that the bytes of a document spell, in the shape that its reader takes."""
    return _way(form).decode(raw)


def read_contents(document: Any, form: Format) -> Contents:
    """What a decoded document says."""
    return _way(form).read(document)


def _write(contents: Contents, form: Format) -> bytes:
    write = _way(form).write
    if write is None:
        known = ", ".join(f.value for f in Format if f.writable)
        raise UnsupportedFormat(
            f"documents are not written in {form.value}", hint=f"use one of {known}"
        )
    return write(contents)


def _in_json(form: Format) -> Format:
    """The JSON format nearest to one in another syntax."""
    same = [f for f in Format if f.family == form.family and f.syntax == "json" and f.writable]
    return next((f for f in same if f.version == form.version), same[0])


def _restore(raw: bytes, form: str) -> Sbom:
    wanted = Format(form)
    return Sbom(raw, wanted, read_contents(decode(raw, wanted), wanted))
