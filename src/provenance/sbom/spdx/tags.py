"""The tags of SPDX's tag-value syntax, and the JSON fields they stand for.

Source: SPDX 2.3 sections 6 to 12 (tag and field of each), 5.2 (order).
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

__all__ = [
    "ANNOTATION",
    "DOCUMENT",
    "FILE",
    "FIXES",
    "INFO",
    "LICENSE",
    "PACKAGE",
    "UNSAFE",
    "Tag",
    "excluded",
]

Style = Literal["line", "text", "lines", "texts", "flag", "checksums", "code", "refs", "purpose"]


class Tag(NamedTuple):
    """A tag with its JSON field, and how the value is written."""

    tag: str
    field: str
    style: Style = "line"


DOCUMENT = (
    Tag("SPDXVersion", "spdxVersion"),
    Tag("DataLicense", "dataLicense"),
    Tag("SPDXID", "SPDXID"),
    Tag("DocumentName", "name"),
    Tag("DocumentNamespace", "documentNamespace"),
    Tag("DocumentComment", "comment", "text"),
)
INFO = (
    Tag("LicenseListVersion", "licenseListVersion"),
    Tag("Creator", "creators", "lines"),
    Tag("Created", "created"),
    Tag("CreatorComment", "comment", "text"),
)
FILE = (
    Tag("FileName", "fileName"),
    Tag("SPDXID", "SPDXID"),
    Tag("FileType", "fileTypes", "lines"),
    Tag("FileChecksum", "checksums", "checksums"),
    Tag("LicenseConcluded", "licenseConcluded"),
    Tag("LicenseInfoInFile", "licenseInfoInFiles", "lines"),
    Tag("LicenseComments", "licenseComments", "text"),
    Tag("FileCopyrightText", "copyrightText", "text"),
    Tag("FileComment", "comment", "text"),
    Tag("FileNotice", "noticeText", "text"),
    Tag("FileContributor", "fileContributors", "lines"),
    Tag("FileAttributionText", "attributionTexts", "texts"),
)
PACKAGE = (
    Tag("PackageName", "name"),
    Tag("SPDXID", "SPDXID"),
    Tag("PackageVersion", "versionInfo"),
    Tag("PackageFileName", "packageFileName"),
    Tag("PackageSupplier", "supplier"),
    Tag("PackageOriginator", "originator"),
    Tag("PackageDownloadLocation", "downloadLocation"),
    Tag("FilesAnalyzed", "filesAnalyzed", "flag"),
    Tag("PackageVerificationCode", "packageVerificationCode", "code"),
    Tag("PackageChecksum", "checksums", "checksums"),
    Tag("PackageHomePage", "homepage"),
    Tag("PackageSourceInfo", "sourceInfo", "text"),
    Tag("PackageLicenseConcluded", "licenseConcluded"),
    Tag("PackageLicenseInfoFromFiles", "licenseInfoFromFiles", "lines"),
    Tag("PackageLicenseDeclared", "licenseDeclared"),
    Tag("PackageLicenseComments", "licenseComments", "text"),
    Tag("PackageCopyrightText", "copyrightText", "text"),
    Tag("PackageSummary", "summary", "text"),
    Tag("PackageDescription", "description", "text"),
    Tag("PackageComment", "comment", "text"),
    Tag("ExternalRef", "externalRefs", "refs"),
    Tag("PackageAttributionText", "attributionTexts", "texts"),
    Tag("PrimaryPackagePurpose", "primaryPackagePurpose", "purpose"),
    Tag("ReleaseDate", "releaseDate"),
    Tag("BuiltDate", "builtDate"),
    Tag("ValidUntilDate", "validUntilDate"),
)
LICENSE = (
    Tag("LicenseID", "licenseId"),
    Tag("ExtractedText", "extractedText", "text"),
    Tag("LicenseName", "name"),
    Tag("LicenseCrossReference", "seeAlsos", "lines"),
    Tag("LicenseComment", "comment", "text"),
)
ANNOTATION = (
    Tag("Annotator", "annotator"),
    Tag("AnnotationDate", "annotationDate"),
    Tag("AnnotationType", "annotationType"),
    Tag("SPDXREF", "of"),
    Tag("AnnotationComment", "comment", "text"),
)
FIXES = "provenance tag-value "
"""Begins the annotation that holds what the syntax cannot spell: JSON field to value."""
UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]")
"""What a line or text may not hold: readers end lines at them, or drop them."""
_BETWEEN = re.compile(r",|\s(?=\./)")


def excluded(code: str) -> list[str]:
    """The files that a verification code, as its tag has it, leaves out.

    Section 7.9 shows one; writers put commas or blanks between several.
    """
    inside, closed, _ = code.partition("(")[2].rpartition(")")
    names = _BETWEEN.split(inside.strip().removeprefix("excludes:")) if closed else ()
    return [name for text in names if (name := text.strip())]
