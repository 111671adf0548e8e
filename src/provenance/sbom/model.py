"""`Contents`: what every format says, in one shape. The formats read into it and write from it."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from provenance.digests import Digest
from provenance.errors import InvalidDigest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provenance.findings import Finding
    from provenance.packages.os_release import OsRelease
    from provenance.packages.package import ListedFile, Package

__all__ = [
    "NAMESPACE",
    "Contents",
    "OtherDocument",
    "Subject",
    "SubjectLayer",
    "clean",
    "digest_or_none",
    "parse_time",
]

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://in-toto.io/oci-provenance/sbom")
"""Of the version 5 UUIDs in documents: the same contents get the same identifiers."""
_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class SubjectLayer:
    """One layer of the image that a document describes."""

    digest: Digest
    """Of the blob as stored."""
    size: int = -1
    """Bytes as stored; -1 where unknown."""
    media_type: str = ""
    diff_id: Digest | None = None
    """Of the tar, decompressed."""
    created_by: str = ""
    """The instruction that made it, as the image's history says."""


@dataclass(frozen=True, slots=True)
class OtherDocument:
    """An SBOM that a document refers to."""

    uri: str
    """Its serial number (`urn:uuid:...`) or namespace."""
    hashes: Mapping[str, str] = field(default_factory=dict)
    """Of its bytes, as in `Package.hashes`."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a document describes."""

    name: str
    version: str = ""
    purl: str = ""
    digest: Digest | None = None
    """Of the image's manifest, where the document says so."""
    type: str = ""
    """CycloneDX's word: `container`, `application`, ..."""
    platform: str = ""
    """`linux/arm64/v8`; empty where unknown or for an index."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """The image's labels."""
    base: str = ""
    """Reference of the image it was built on, where known."""
    base_digest: Digest | None = None
    distribution: OsRelease | None = None
    """What os-release says."""
    layers: tuple[SubjectLayer, ...] = ()
    """Bottom first."""
    id: str = field(default="", compare=False)
    """Its identifier in the document it was read from."""
    about: Package | None = field(default=None, compare=False)
    """What the document says of it as of any package."""

    def __str__(self) -> str:
        if self.digest is not None:
            return f"{self.name}@{self.digest}"
        return f"{self.name} {self.version}".strip()


@dataclass(frozen=True, slots=True)
class Contents:
    """Subject, packages and edges of one document."""

    subject: Subject | None
    packages: tuple[Package, ...]
    edges: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Identifier of a package to those of the packages it depends on."""
    contains: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Identifier of a package to those of the packages that lie inside of it."""
    files: tuple[ListedFile, ...] = ()
    others: Mapping[str, OtherDocument] = field(default_factory=dict)
    """Identifier of a package to the SBOM that describes it (of an index: of each platform)."""
    created: dt.datetime | None = None
    tools: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict, compare=False)
    """As `contains`, with the subject and the files."""
    described: tuple[str, ...] = field(default=(), compare=False)
    """Identifiers of what the document says it describes, where that is no one `subject`."""
    license_texts: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Name of a licence to its text, where the document has it."""
    release: Package | None = field(default=None, compare=False)
    """What the document lists as the subject's `distribution`."""
    is_named: bool = field(default=False, compare=False)
    """Whether identifiers and order are kept as they are: of a document that is converted."""
    namespace: str = field(default="", compare=False)
    """What precedes identifiers of SPDX 3 that are made; by default a name of the contents."""


def clean(text: str) -> str:
    """`text` as UTF-8 can carry it: a lone surrogate becomes U+FFFD."""
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)


def digest_or_none(text: object) -> Digest | None:
    """The digest that `text` spells, if it is one."""
    try:
        return Digest(text) if isinstance(text, str) else None
    except InvalidDigest:
        return None


def parse_time(text: object) -> dt.datetime | None:
    """An RFC 3339 time, aware; None where there is none that can be read."""
    if not isinstance(text, str):
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
