"""`Sbom`: a document as it is, and a view over it. The bytes are the truth."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from provenance.findings import Finding, Report
from provenance.sbom.codecs import decode, read_contents, write_contents
from provenance.sbom.collection import paused_collection
from provenance.sbom.formats import Format
from provenance.sbom.identifiers import uri_of
from provenance.sbom.model import Contents, OtherDocument, Subject, SubjectLayer
from provenance.sbom.predicates import json_of, predicate_of, predicate_type_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from cyclonedx.model.bom import Bom
    from rich.console import Group
    from spdx_tools.spdx.model.document import Document

    from provenance.packages.package import ListedFile, Package
    from provenance.sbom.files import Files
    from provenance.sbom.graphs.graph import Dependencies
    from provenance.sbom.license_view import Licenses
    from provenance.sbom.quality import Quality
    from provenance.sbom.remarks import Annotation
    from provenance.sbom.rows import Packages
    from provenance.sbom.typed import Quick
    from provenance.sbom.vulnerabilities import StatedVulnerability

__all__ = ["Sbom"]

_OURS = b"provenance:"


class Sbom:
    """An SBOM. Immutable; made by `read_sbom` or `generate_sbom`."""

    __slots__ = (
        *("_examined", "_findings", "_known", "_noticed", "_packages", "_quick", "_raw", "_whole"),
        "format",
    )

    format: Format
    """Its format and version."""
    _noticed: tuple[Finding, ...] | None

    def __init__(
        self,
        raw: bytes,
        form: Format,
        contents: Contents | None,
        findings: Sequence[Finding] = (),
        *,
        examined: bool = False,
        quick: Quick | None = None,
        whole: Callable[[], Sbom] | None = None,
    ) -> None:
        """Use `read_sbom` or `Sbom.build`. Without contents they are read when asked for.

        Args:
            raw: its bytes.
            form: their format.
            contents: what they say, as far as it is known.
            findings: besides those of `contents`.
            examined: it is somebody else's, and looked through for oddities when its findings are
                asked for.
            quick: the same bytes in typed structs, out of which packages are taken first.
            whole: reads the bytes for everything else, findings too, when that is asked for.
        """
        self._raw, self.format, self._known = raw, form, contents
        self._findings = tuple(findings)
        self._examined, self._noticed = examined, None
        self._packages: Packages | None = None
        self._quick, self._whole = quick, whole

    @property
    def _contents(self) -> Contents:
        if self._whole is not None:
            whole, self._whole = self._whole(), None
            self._known, self._findings = whole._contents, whole._findings  # noqa: SLF001 - the same class
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
        return cls(write_contents(contents, form), form, None, findings)

    @property
    def subject(self) -> Subject | None:
        """What it describes, with digest where it says so."""
        return self._contents.subject

    @property
    def layers(self) -> tuple[SubjectLayer, ...]:
        """The layers of the image that it describes, bottom first, where it states them."""
        # Of CycloneDX and SPDX only documents of ours do: others need not be read whole for it.
        is_ours = _OURS in self._raw or self.format.family == "syft"
        if self._whole is not None and not is_ours:
            return ()
        return self.subject.layers if self.subject is not None else ()

    @property
    def packages(self) -> Packages:
        """What it lists, in the document's order."""
        if self._packages is None:
            from provenance.sbom.rows import Packages

            quick, self._quick = self._quick, None
            columns = None
            if quick is not None:
                from provenance.sbom.typed import quick_packages

                with paused_collection():
                    columns = quick_packages(quick, self._raw, self._listed)
            if columns is None:
                self._packages = Packages(self._contents.packages)
            else:
                self._packages = Packages.over(columns)
        return self._packages

    def _listed(self) -> tuple[Package, ...]:
        return self._contents.packages

    @property
    def dependencies(self) -> Dependencies:
        """Which package needs which, and which lies inside of which."""
        from provenance.sbom.graphs.graph import Dependencies

        contents = self._contents
        return Dependencies(contents.packages, contents.edges, contents.contains)

    @property
    def licenses(self) -> Licenses:
        """What its packages may be used under."""
        from provenance.sbom.license_view import Licenses

        return Licenses(self.packages)

    @property
    def contains(self) -> Mapping[str, tuple[str, ...]]:
        """Identifier of a package to those of the packages that lie inside of it."""
        return self._contents.contains

    @property
    def files(self) -> Files:
        """The files it lists."""
        from provenance.sbom.files import Files

        return Files(self._contents.files)

    @property
    def others(self) -> Mapping[str, OtherDocument]:
        """SBOMs it refers to, by the identifier of what they describe."""
        return self._contents.others

    @property
    def vulnerabilities(self) -> tuple[StatedVulnerability, ...]:
        """Those that a CycloneDX document states, checked against nothing."""
        from provenance.sbom.vulnerabilities import vulnerabilities_of

        if self.format.family != "cyclonedx":
            return ()
        return vulnerabilities_of(decode(self._raw, self.format))

    @property
    def annotations(self) -> tuple[Annotation, ...]:
        """What people and tools remarked in it."""
        from provenance.sbom.remarks import annotations_of

        if self.format.family == "syft":
            return ()
        return annotations_of(decode(self._raw, self.format))

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
        """What was odd while it was read or generated.

        Of a document that was read this looks through it once more, when first asked.
        """
        if self._noticed is None:
            odd: Sequence[Finding] = ()
            if self._examined:
                from provenance.sbom.oddities import oddities

                noticed = self._contents.findings
                odd = oddities(self._raw, self.format, noticed)
            self._noticed = (*self._findings, *odd)
        return self._noticed

    @property
    def predicate_type(self) -> str:
        """The type under which it is attested; syft's own documents are, as CycloneDX."""
        return predicate_type_of(self.format)

    @property
    def predicate(self) -> bytes:
        """Itself, as JSON: what is attested. From another syntax it is converted."""
        found = predicate_of(self._raw, self.format)
        return self.convert(json_of(self.format))[0].to_bytes() if found is None else found

    def to_bytes(self, format: str | Format | None = None) -> bytes:  # noqa: A002 - as in write
        """The document: exactly the bytes that were read, or in another format."""
        wanted = self.format if format is None else Format.parse(format)
        return self._raw if wanted is self.format else self.convert(wanted)[0].to_bytes()

    def convert(self, format: str | Format) -> tuple[Sbom, Report]:  # noqa: A002 - as in write
        """The document in another format, and what of it did not come along.

        Raises:
            UnsupportedFormat: nothing is written in that format.
        """
        wanted = Format.parse(format)
        if wanted is self.format:
            return self, Report()
        if not wanted.writable:
            write_contents(self._contents, wanted)  # says so
        from provenance.sbom.conversion import converted

        raw, losses = converted(self._raw, self.format, wanted)
        return Sbom(raw, wanted, None), losses

    def with_metadata(
        self,
        *,
        name: str | None = None,
        version: str | None = None,
        supplier: str | None = None,
        authors: Sequence[str] | None = None,
        created: dt.datetime | None = None,
        tools: Sequence[str] | None = None,
    ) -> Sbom:
        """The document with other facts about it; what is None stays, to the byte in JSON.

        Args:
            name: of what it describes.
            version: of what it describes.
            supplier: CycloneDX: of the document; SPDX: of what it describes.
            authors: of the document, `Name <address>` each; SPDX keeps no other creators.
            created: when.
            tools: what made it, `name version` each.

        Raises:
            NotFound: it describes no one thing whose name, version or supplier could be set.
            UnsupportedFormat: its syntax or format has no way to set this alone.
        """
        from provenance.sbom.editing.metadata import Metadata, edited, metadata_edits

        wanted = Metadata(
            name=name,
            version=version,
            supplier=supplier,
            authors=authors,
            created=created,
            tools=tools,
        )
        edits = metadata_edits(decode(self._raw, self.format), self._contents, wanted)
        return Sbom(edited(self._raw, self.format, edits), self.format, None)

    def redact(
        self,
        *,
        packages: Callable[[Package], bool] | Iterable[str] = (),
        fields: Sequence[str] = (),
        paths: str | Sequence[str] = (),
        properties: str | Sequence[str] = (),
    ) -> Sbom:
        """The document without what is not to be handed on; the rest stays, to the byte in JSON.

        What is carried from another format goes too, as it may repeat what is redacted.

        Args:
            packages: purls or identifiers, or what says of a package whether it goes; it goes
                with every edge from or to it.
            fields: of all packages: `supplier`, `author`, `licenses`, `hashes`, ...
            paths: of files and of where packages were seen, as in `glob`: `root/**`.
            properties: names, as in `fnmatch`: `internal:*`.

        Raises:
            ValueError: no such field.
            UnsupportedFormat: its syntax has no way to take this alone out.
        """
        from provenance.sbom.editing.metadata import edited
        from provenance.sbom.editing.redacting import FIELDS, Redaction, redaction_edits

        if unknown := [field for field in fields if field not in FIELDS]:
            raise ValueError(f"{unknown[0]!r} is no field: use some of {', '.join(FIELDS)}")
        wanted = Redaction(
            self._contents,
            packages=packages,
            fields=fields,
            paths=[paths] if isinstance(paths, str) else paths,
            properties=[properties] if isinstance(properties, str) else properties,
        )
        edits = redaction_edits(decode(self._raw, self.format), wanted)
        return Sbom(edited(self._raw, self.format, edits, hides=True), self.format, None)

    def validate(self) -> Report:
        """Check it against the official schema, offline. Raises UnsupportedFormat without one."""
        from provenance.sbom.validating.validation import validate

        return validate(self._raw, self.format, lambda: decode(self._raw, self.format))

    def quality(self, rules: str) -> Quality:
        """How far it says what a text asks for: `ntia-2021`, `cisa-2025` or `bsi-tr-03183-2`.

        Raises:
            UnsupportedFormat: no rules of that name, or a format that they are not asked of.
        """
        from provenance.sbom.quality.engine import assess, find_rules

        return assess(decode(self._raw, self.format), self.format, find_rules(rules))

    def to_cyclonedx(self) -> Bom:
        """The `Bom` of cyclonedx-python-lib, which passes over what it has no class for.

        Raises:
            UnsupportedFormat: that library does not take it; says why.
        """
        from provenance.sbom.adapters import cyclonedx_lib

        if self.format.family != "cyclonedx":
            return self.convert(Format.CYCLONEDX_1_6)[0].to_cyclonedx()
        if self.format.syntax == "xml":
            return cyclonedx_lib.load_xml(self._raw)
        return cyclonedx_lib.load_json(decode(self._raw, self.format))

    @classmethod
    def from_cyclonedx(cls, bom: Bom, *, version: str = "") -> Sbom:
        """The document that cyclonedx-python-lib writes of its `Bom`.

        Args:
            bom: any.
            version: of CycloneDX, `1.6` say; empty: the newest it writes, which loses least.

        Raises:
            UnsupportedFormat: that library cannot write it; says why.
        """
        from provenance.sbom.adapters import cyclonedx_lib
        from provenance.sbom.reading import read_sbom

        return read_sbom(cyclonedx_lib.dump(bom, version))

    def to_spdx_tools(self) -> Document:
        """The `Document` of spdx-tools.

        Raises:
            UnsupportedFormat: that library does not take it; says why.
        """
        from provenance.sbom.adapters import spdx_tools

        if self.format.family != "spdx" or self.format.version.startswith("3"):
            return self.convert(Format.SPDX_2_3)[0].to_spdx_tools()
        return spdx_tools.load(decode(self._raw, self.format))

    @classmethod
    def from_spdx_tools(cls, document: Document) -> Sbom:
        """The document that spdx-tools writes of its object, in JSON.

        Raises:
            UnsupportedFormat: that library cannot write it; says why.
        """
        from provenance.sbom.adapters import spdx_tools
        from provenance.sbom.reading import read_sbom

        return read_sbom(spdx_tools.dump(document))

    def write(self, path: str | Path, *, format: str | Format | None = None) -> Path:  # noqa: A002 - the word users write
        """Write it to a file, whole or not at all; to a pipe or device, as it comes.

        Args:
            path: where to; `.spdx.json`, `.cdx.xml`, ... choose the format where none is said,
                any other ending that of the document.
            format: a `Format` or its name.

        Raises:
            UnsupportedFormat: nothing is written in that format, `.spdx.rdf` say.
            OSError: the file cannot be written.
        """
        target = Path(path)
        wanted = format or Format.of_path(target)
        if isinstance(wanted, Format) and not format and not wanted.writable:
            same = (wanted.family, wanted.syntax) == (self.format.family, self.format.syntax)
            wanted = None if same else wanted  # as it was read, whatever its version
        data = self.to_bytes(wanted)
        if target.exists() and not target.is_file():
            target.write_bytes(data)  # a pipe or device: to be written to, not to be replaced
        else:
            _replace(Path(os.path.realpath(target)), data)
        return target

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sbom) and self._raw == other._raw

    def __hash__(self) -> int:
        return hash(self._raw)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as bytes."""
        return _restore, (self._raw, self.format.value, self._findings, self._examined)

    def __repr__(self) -> str:
        of = f" of {self.subject}" if self.subject else ""
        return f"Sbom({self.format.value}{of}, {len(self.packages)} packages)"

    def _repr_html_(self) -> str:
        """A summary and twenty packages, for notebooks."""
        from provenance.sbom.showing import as_html

        return as_html(self)

    def __rich__(self) -> Group:
        """The same, for terminals."""
        from provenance.sbom.showing import as_group

        return as_group(self)


def _replace(target: Path, data: bytes) -> None:
    """Write a file under another name first. It has the rights of the one that was there."""
    temporary = target.with_name(f".{os.urandom(8).hex()}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(data)
        if target.exists():
            temporary.chmod(target.stat().st_mode & 0o777)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _restore(raw: bytes, form: str, findings: tuple[Finding, ...], examined: bool) -> Sbom:  # noqa: FBT001 - of a pickle
    return Sbom(raw, Format(form), None, findings, examined=examined)
