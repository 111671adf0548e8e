"""`Format`: the kinds of documents, by the names people type."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from provenance.errors import UnsupportedFormat

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Format"]


class Format(enum.Enum):
    """A format with its version and syntax. The value is its name; JSON is not named in it."""

    CYCLONEDX_1_6 = "cyclonedx-1.6"
    SPDX_2_3 = "spdx-2.3"
    CYCLONEDX_1_2 = "cyclonedx-1.2"
    CYCLONEDX_1_3 = "cyclonedx-1.3"
    CYCLONEDX_1_4 = "cyclonedx-1.4"
    CYCLONEDX_1_5 = "cyclonedx-1.5"
    CYCLONEDX_1_7 = "cyclonedx-1.7"
    CYCLONEDX_1_0_XML = "cyclonedx-1.0-xml"
    CYCLONEDX_1_1_XML = "cyclonedx-1.1-xml"
    CYCLONEDX_1_2_XML = "cyclonedx-1.2-xml"
    CYCLONEDX_1_3_XML = "cyclonedx-1.3-xml"
    CYCLONEDX_1_4_XML = "cyclonedx-1.4-xml"
    CYCLONEDX_1_5_XML = "cyclonedx-1.5-xml"
    CYCLONEDX_1_6_XML = "cyclonedx-1.6-xml"
    CYCLONEDX_1_7_XML = "cyclonedx-1.7-xml"
    SPDX_2_2 = "spdx-2.2"
    SPDX_2_3_TAG = "spdx-2.3-tag-value"
    SPDX_3_0 = "spdx-3.0"
    SPDX_2_2_TAG = "spdx-2.2-tag-value"
    SPDX_2_2_YAML = "spdx-2.2-yaml"
    SPDX_2_3_YAML = "spdx-2.3-yaml"
    SPDX_2_2_XML = "spdx-2.2-xml"
    SPDX_2_3_XML = "spdx-2.3-xml"
    SPDX_2_2_RDF = "spdx-2.2-rdf"
    SPDX_2_3_RDF = "spdx-2.3-rdf"
    SYFT_JSON = "syft-json"
    """syft's own format, of any version of its schema."""
    GITHUB_SBOM = "github-sbom"
    """What GitHub's dependency graph exports: SPDX 2.3 in JSON, as `sbom` of an object."""

    @property
    def family(self) -> str:
        """`cyclonedx`, `spdx` or `syft`; what GitHub exports is SPDX."""
        return "spdx" if self is Format.GITHUB_SBOM else self.value.partition("-")[0]

    @property
    def version(self) -> str:
        """`1.6`, `2.3`, ...; empty for syft's, whose documents name it themselves."""
        if self in _VERSIONS:
            return _VERSIONS[self]
        return self.value.split("-")[1]

    @property
    def syntax(self) -> str:
        """`json`, `xml`, `tag-value`, `yaml` or `rdf`."""
        return self.value.partition("-")[2].partition("-")[2] or "json"

    @property
    def writable(self) -> bool:
        """Whether documents can be written in it."""
        return self in _WRITABLE

    @property
    def carries(self) -> bool:
        """Whether it has room for what it has no field for: CycloneDX since 1.3, and SPDX."""
        return self.family != "cyclonedx" or self.version not in _WITHOUT_PROPERTIES

    @classmethod
    def parse(cls, name: str | Format) -> Format:
        """The format of a name: `cyclonedx-1.6`, or syft's `cyclonedx-json`, `spdx-json@2.3`.

        Raises:
            UnsupportedFormat: no such format can be written; lists those that can.
        """
        if isinstance(name, Format):
            return name
        if name in _ALIASES:
            return _ALIASES[name]
        alias, _, version = name.partition("@")
        for known in cls:
            same_kind = alias in _ALIASES and _same_kind(known, _ALIASES[alias])
            if known.value == name or (same_kind and known.version == version):
                return known
        names = ", ".join([*(f.value for f in cls if f.writable), *_ALIASES])
        raise UnsupportedFormat(f"{name!r} is no format that is known", hint=f"use one of {names}")

    @classmethod
    def of_path(cls, path: Path) -> Format | None:
        """The format that a file's ending asks for: `.cdx.json`, `.spdx`, ...; None: any."""
        name = path.name.lower()
        for endings, form in _ENDINGS:
            if name.endswith(endings):
                return form
        return None


def _same_kind(a: Format, b: Format) -> bool:
    return a.family == b.family and a.syntax == b.syntax


_VERSIONS = {Format.SYFT_JSON: "", Format.GITHUB_SBOM: "2.3"}
_WITHOUT_PROPERTIES = ("1.0", "1.1", "1.2")
_WRITABLE = frozenset(
    form
    for form in Format
    if form.family == "cyclonedx"
    or (form.family == "spdx" and form.syntax in ("json", "tag-value", "yaml"))
) - {Format.GITHUB_SBOM}
_ALIASES = {
    "cyclonedx": Format.CYCLONEDX_1_6,
    "cyclonedx-json": Format.CYCLONEDX_1_6,
    "cyclonedx-xml": Format.CYCLONEDX_1_6_XML,
    "spdx": Format.SPDX_2_3,
    "spdx-json": Format.SPDX_2_3,
    "spdx-tag-value": Format.SPDX_2_3_TAG,
}
_ENDINGS = (
    ((".cdx.json", ".cyclonedx.json", "bom.json"), Format.CYCLONEDX_1_6),
    ((".cdx.xml", ".cyclonedx.xml", "bom.xml"), Format.CYCLONEDX_1_6_XML),
    ((".spdx3.json", ".spdx3.jsonld"), Format.SPDX_3_0),
    ((".spdx.json",), Format.SPDX_2_3),
    ((".spdx.yaml", ".spdx.yml"), Format.SPDX_2_3_YAML),
    ((".spdx", ".spdx.tv"), Format.SPDX_2_3_TAG),
    ((".spdx.rdf", ".spdx.rdf.xml"), Format.SPDX_2_3_RDF),  # read, not written: refused by name
    ((".spdx.xml",), Format.SPDX_2_3_XML),
)
