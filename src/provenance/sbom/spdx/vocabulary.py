"""The words of SPDX for what the model says: checksums, actors, purposes, licences.

Source: SPDX 2.3 sections 6.8 (creators), 7.10 (checksums), 7.24 (purposes), annexes D and F;
SPDX 3.0.1, vocabularies `HashAlgorithm` and `SoftwarePurpose`.
"""

from __future__ import annotations

import functools
import hashlib
import re
from typing import TYPE_CHECKING, NamedTuple

from provenance import __version__
from provenance.sbom.cyclonedx.versions import REFERENCES
from provenance.sbom.licensing import is_expression

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "ALGORITHMS",
    "CATEGORIES",
    "DOCUMENT",
    "EPOCH",
    "IDENTIFIERS",
    "IMAGE",
    "NOTHING",
    "NO_TIME",
    "OF_CYCLONEDX",
    "PURPOSES",
    "PURPOSES_3",
    "REFERENCES",
    "TOOL",
    "UNKNOWN_SHA1",
    "ZERO_SHA1",
    "algorithm_name",
    "checksums",
    "declared",
    "is_cpe",
    "is_download",
    "is_locator",
    "is_url",
    "joined_actor",
    "license_ref",
    "license_words",
    "makers",
    "purpose_kind",
    "read_actor",
    "returns_actor",
    "split_actor",
    "written_actor",
]


class Algorithm(NamedTuple):
    """A checksum algorithm: its names in both generations, and how many hex digits it gives."""

    spdx2: str
    spdx3: str
    digits: int


ALGORITHMS = {
    "adler32": Algorithm("ADLER32", "adler32", 8),
    "blake2b256": Algorithm("BLAKE2b-256", "blake2b256", 64),
    "blake2b384": Algorithm("BLAKE2b-384", "blake2b384", 96),
    "blake2b512": Algorithm("BLAKE2b-512", "blake2b512", 128),
    "blake3": Algorithm("BLAKE3", "blake3", 64),
    "md2": Algorithm("MD2", "md2", 32),
    "md4": Algorithm("MD4", "md4", 32),
    "md5": Algorithm("MD5", "md5", 32),
    "sha1": Algorithm("SHA1", "sha1", 40),
    "sha224": Algorithm("SHA224", "sha224", 56),
    "sha256": Algorithm("SHA256", "sha256", 64),
    "sha3256": Algorithm("SHA3-256", "sha3_256", 64),
    "sha3384": Algorithm("SHA3-384", "sha3_384", 96),
    "sha3512": Algorithm("SHA3-512", "sha3_512", 128),
    "sha384": Algorithm("SHA384", "sha384", 96),
    "sha512": Algorithm("SHA512", "sha512", 128),
}
"""By the model's name of it."""
PURPOSES = {
    "application": "APPLICATION",
    "container": "CONTAINER",
    "device": "DEVICE",
    "file": "FILE",
    "firmware": "FIRMWARE",
    "framework": "FRAMEWORK",
    "library": "LIBRARY",
    "operating-system": "OPERATING_SYSTEM",
}
"""CycloneDX's word for what a thing is to SPDX 2.3's, as JSON writes it."""
PURPOSES_3 = {
    **{word: word for word in PURPOSES if word != "operating-system"},
    "operating-system": "operatingSystem",
    "device-driver": "deviceDriver",
    "data": "data",
    "machine-learning-model": "model",
    "platform": "platform",
}
"""The same, to SPDX 3's."""
CATEGORIES = ("OTHER", "PACKAGE-MANAGER", "PERSISTENT-ID", "SECURITY")
"""SPDX 2.3's categories of external references (section 7.21)."""
IDENTIFIERS = {
    "cpe22": ("SECURITY", "cpe22Type"),
    "gitoid": ("PERSISTENT-ID", "gitoid"),
    "swhid": ("PERSISTENT-ID", "swh"),
    "swid": ("SECURITY", "swid"),
}
"""SPDX 3's words for an identifier to category and type of SPDX 2."""
OF_CYCLONEDX = {
    "buildMeta": "build-meta",
    "buildSystem": "build-system",
    "certificationReport": "certification-report",
    "chat": "chat",
    "componentAnalysisReport": "component-analysis-report",
    "documentation": "documentation",
    "dynamicAnalysisReport": "dynamic-analysis-report",
    "issueTracker": "issue-tracker",
    "license": "license",
    "mailingList": "mailing-list",
    "qualityAssessmentReport": "quality-metrics",
    "releaseNotes": "release-notes",
    "riskAssessment": "risk-assessment",
    "runtimeAnalysisReport": "runtime-analysis-report",
    "securityAdvisory": "advisories",
    "securityAdversaryModel": "adversary-model",
    "securityPenTestReport": "pentest-report",
    "securityThreatModel": "threat-model",
    "socialMedia": "social",
    "sourceArtifact": "source-distribution",
    "staticAnalysisReport": "static-analysis-report",
    "support": "support",
    "vcs": "vcs",
    "vulnerabilityExploitabilityAssessment": "exploitability-statement",
}
"""SPDX 3's words for an external reference to those of CycloneDX that mean the same."""
DOCUMENT = "SPDXRef-DOCUMENT"
IMAGE = "SPDXRef-Image"
"""What is described, in documents of ours."""
TOOL = f"provenance-{__version__}"
EPOCH = "1970-01-01T00:00:00Z"
NO_TIME = "The time of creation is not stated; the specification demands one."
ZERO_SHA1 = "0" * 40
UNKNOWN_SHA1 = {"algorithm": "SHA1", "checksumValue": ZERO_SHA1}
NOTHING = ("NOASSERTION", "NONE")  # compared, not hashed: a document may have any value there

_KINDS = {
    spdx.lower().replace("_", "-"): kind
    for kind, spdx in (*PURPOSES.items(), *PURPOSES_3.items())
    if kind != "library"
}
_HEX = re.compile(r"[0-9a-f]+", re.ASCII)
_OPERATOR = re.compile(r"\s(AND|OR|WITH)\s")
_NAMED_ADDRESS = re.compile(r"([^<>()]*[^<>()\s]) <([^<>()\s@]+@[^<>()\s@]+)>")
_ACTOR = re.compile(r"(?:Organization|Person): *(.*)", re.DOTALL)
_ACTOR_ADDRESS = re.compile(r"([^()]*[^()\s]) ?\(([^()\s@]+@[^()\s@]+|)\)")
_CPE = re.compile(r"cpe:2\.3:[aho*-](?::(?:[A-Za-z0-9._*?-]|\\[!-/:-@\[-`{-~])+){10}", re.ASCII)
_LOCATOR = re.compile(r"[!-~]{1,8192}", re.ASCII)
_DOWNLOAD = re.compile(
    r"(?:(?:git|hg|svn|bzr)\+)?(?:https?|ftp|git|svn|ssh|sftp)://[A-Za-z0-9\[][!-~]*", re.ASCII
)
_URL = re.compile(r"(?:https?|ftp|git|svn|ssh|sftp)://[A-Za-z0-9\[][!-~]*", re.ASCII)


def checksums(
    hashes: Mapping[str, str], missing: frozenset[str] = frozenset()
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """The hashes that SPDX can say, in lower case, and those to carry so that none changes.

    Args:
        hashes: algorithm to value.
        missing: algorithms that the version has no word for.
    """
    known, carried = [], []
    for name, value in sorted(hashes.items()) if len(hashes) > 1 else hashes.items():
        algorithm, lower = ALGORITHMS.get(name), value.lower()
        fits = algorithm and name not in missing and len(lower) == algorithm.digits
        if fits and _HEX.fullmatch(lower):
            known.append((name, lower))
            if lower == value:
                continue
        carried.append((name, value))
    return known, carried


def algorithm_name(text: object) -> str:
    """The model's name of an algorithm that a document names: `SHA3-256` is `sha3256`."""
    return str(text or "").lower().replace("-", "").replace("_", "")


@functools.lru_cache(maxsize=4096)
def is_cpe(text: str) -> bool:
    """Whether it is a CPE 2.3 name."""
    return _CPE.fullmatch(text) is not None


@functools.lru_cache(maxsize=4096)
def is_download(text: str) -> bool:
    """Whether it can stand as a download location: a URL, or one of a version control system."""
    return _DOWNLOAD.fullmatch(text) is not None


@functools.lru_cache(maxsize=4096)
def is_locator(text: str) -> bool:
    """Whether an external reference takes it: no blanks."""
    return _LOCATOR.fullmatch(text) is not None


@functools.lru_cache(maxsize=4096)
def is_url(text: str) -> bool:
    """Whether it can stand as a homepage."""
    return _URL.fullmatch(text) is not None


def purpose_kind(purpose: object) -> str:
    """CycloneDX's word for a purpose of either generation; empty for a library and the unknown."""
    return _KINDS.get(purpose.lower().replace("_", "-"), "") if isinstance(purpose, str) else ""


def makers(tools: Iterable[str]) -> list[str]:
    """What made a document, we first; formats differ in how they join name and version."""
    return list(dict.fromkeys((TOOL, *(t for t in tools if t.replace(" ", "-", 1) != TOOL))))


@functools.lru_cache(maxsize=4096)
def split_actor(text: str) -> tuple[str, str]:
    """Name and e-mail address of `Name <address>`; no address where it has another form."""
    match = _NAMED_ADDRESS.fullmatch(text)
    return (match[1], match[2]) if match else (text, "")


def joined_actor(name: str, address: str) -> str:
    """`Name <address>`, or the name alone."""
    return f"{name} <{address}>" if address else name


@functools.lru_cache(maxsize=4096)
def written_actor(kind: str, text: str) -> str:
    """`Organization: Name (address)`."""
    name, address = split_actor(text)
    return f"{kind}: {name} ({address})" if address else f"{kind}: {name}"


@functools.lru_cache(maxsize=4096)
def read_actor(text: str) -> str:
    """What such a field names; empty for NOASSERTION and anything that names no actor."""
    match = _ACTOR.fullmatch(text)
    if match is None:
        return ""
    address = _ACTOR_ADDRESS.fullmatch(match[1])
    return joined_actor(address[1], address[2]) if address else match[1]


@functools.lru_cache(maxsize=4096)
def returns_actor(text: str) -> bool:
    """Whether an actor that is written is read to the letter."""
    return read_actor(written_actor("Person", text)) == text


def declared(licenses: Iterable[str], extracted: dict[str, str]) -> str:
    """As `licenseDeclared`; what is no expression becomes a LicenseRef, entered in `extracted`."""
    parts = []
    for text in licenses:
        if is_expression(text):
            parts.append(text)
            continue
        name = license_ref(text)
        extracted[name] = text
        parts.append(name)
    if len(parts) > 1:
        return " AND ".join(f"({p})" if _OPERATOR.search(p) else p for p in parts)
    return parts[0] if parts else "NOASSERTION"


@functools.lru_cache(maxsize=4096)
def license_ref(text: str) -> str:
    """The identifier under which a document defines a licence in words."""
    return f"LicenseRef-{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:16]}"


def license_words(identifier: str, title: object, text: str) -> str:
    """What to call a licence that a document defines: its name, else its text.

    Under an identifier of ours the words are the text, and the name is them once more.
    """
    if isinstance(title, str) and title not in ("", *NOTHING) and identifier != license_ref(text):
        return title
    return text
