"""What each version of CycloneDX has, and its words. Source: its schemas, 1.0 to 1.7."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = [
    "CPE",
    "HASHES",
    "HEX",
    "LOCATOR",
    "PURL",
    "REFERENCES",
    "URL",
    "UUID",
    "Version",
]

HASHES = {
    "md5": "MD5",
    "sha1": "SHA-1",
    "sha256": "SHA-256",
    "sha384": "SHA-384",
    "sha512": "SHA-512",
    "sha3256": "SHA3-256",
    "sha3384": "SHA3-384",
    "sha3512": "SHA3-512",
    "blake2b256": "BLAKE2b-256",
    "blake2b384": "BLAKE2b-384",
    "blake2b512": "BLAKE2b-512",
    "blake3": "BLAKE3",
}
"""Ours to the schema's."""
HEX = re.compile(
    r"[a-fA-F0-9]{32}|[a-fA-F0-9]{40}|[a-fA-F0-9]{64}|[a-fA-F0-9]{96}|[a-fA-F0-9]{128}", re.ASCII
)
"""The schema's own pattern for a hash."""

_TYPES_1_0 = frozenset({"application", "framework", "library", "operating-system", "device"})
_TYPES_1_1 = _TYPES_1_0 | {"file"}
_TYPES_1_4 = _TYPES_1_1 | {"container", "firmware"}
_TYPES_1_5 = _TYPES_1_4 | {"platform", "device-driver", "machine-learning-model", "data"}
_TYPES_1_6 = _TYPES_1_5 | {"cryptographic-asset"}

_REFERENCES_1_3 = frozenset(
    {
        *("advisories", "bom", "build-meta", "build-system", "chat", "distribution"),
        *("documentation", "issue-tracker", "license", "mailing-list", "other"),
        *("social", "support", "vcs", "website"),
    }
)
_REFERENCES_1_4 = _REFERENCES_1_3 | {"release-notes"}
_REFERENCES_1_5 = _REFERENCES_1_4 | {
    *("adversary-model", "attestation", "certification-report", "codified-infrastructure"),
    *("component-analysis-report", "configuration", "distribution-intake", "evidence"),
    *("dynamic-analysis-report", "exploitability-statement", "formulation", "log"),
    *("maturity-report", "model-card", "pentest-report", "poam", "quality-metrics"),
    *("risk-assessment", "runtime-analysis-report", "security-contact", "threat-model"),
    *("static-analysis-report", "vulnerability-assertion"),
}
_REFERENCES_1_6 = _REFERENCES_1_5 | {
    *("digital-signature", "electronic-signature", "rfc-9116", "source-distribution"),
}
REFERENCES = _REFERENCES_1_6 | {"citation", "patent", "patent-assertion", "patent-family"}
"""Every word for what an external reference leads to."""

# Narrower than RFC 3986, so that the JSON schema's iri-reference, and libxml2's xs:anyURI which
# is stricter, take whatever these match.
_IN_PATH = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*"
_AFTER_PATH = rf"(?:\?(?:{_IN_PATH[:-1]}|\?)*)?(?:#(?:{_IN_PATH[:-1]}|\?)*)?"
URL = re.compile(
    rf"[A-Za-z][A-Za-z0-9+.-]*://[A-Za-z0-9._~!$&'()*+,;=@-]+(?::[0-9]{{1,5}})?"
    rf"(?:/{_IN_PATH})?{_AFTER_PATH}",
    re.ASCII,
)
"""A URL that either syntax takes."""
LOCATOR = re.compile(
    rf"[A-Za-z][A-Za-z0-9+.-]*:(?!//){_IN_PATH}{_AFTER_PATH}"
    rf"|(?!//)[A-Za-z0-9._~!$&'()*+,;=@-]*(?:/{_IN_PATH})?{_AFTER_PATH}",
    re.ASCII,
)
"""Another reference by RFC 3986 that either syntax takes: relative, or of a scheme with no host."""
PURL = re.compile(rf"pkg:(?!/){_IN_PATH}{_AFTER_PATH}", re.ASCII)
"""A purl that XML takes; JSON takes any text."""
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)

_CPE_ATOM = (
    r"(?:\?*|\*?)(?:[a-zA-Z0-9\-._]|\\[\\*?!\"#$%&'()+,/:;<=>@\[\]^`{|}~])+(?:\?*|\*?)|[*\-]"
)
CPE = re.compile(
    rf"cpe:2\.3:[aho*\-](?::(?:{_CPE_ATOM})){{5}}"
    rf"(?::(?:[a-zA-Z]{{2,3}}(?:-(?:[a-zA-Z]{{2}}|[0-9]{{3}}))?|[*\-]))(?::(?:{_CPE_ATOM})){{4}}",
    re.ASCII,
)
"""A CPE 2.3 name as the XML schema takes it; JSON takes any text."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version in one syntax."""

    number: str
    xml: bool = False

    @property
    def minor(self) -> int:
        """The 6 of 1.6."""
        return int(self.number.partition(".")[2])

    @property
    def types(self) -> frozenset[str]:
        """Its words for what a component is."""
        if self.minor >= 6:
            return _TYPES_1_6
        known = {0: _TYPES_1_0, 1: _TYPES_1_1, 5: _TYPES_1_5}
        return known.get(self.minor, _TYPES_1_4)

    @property
    def references(self) -> frozenset[str]:
        """Its words for what an external reference leads to."""
        if self.minor < 4:
            return _REFERENCES_1_3
        known = {4: _REFERENCES_1_4, 5: _REFERENCES_1_5, 6: _REFERENCES_1_6}
        return known.get(self.minor, REFERENCES)

    @property
    def schema(self) -> str:
        """The value of `$schema`."""
        number = "1.2a" if self.minor == 2 else self.number
        return f"http://cyclonedx.org/schema/bom-{number}.schema.json"

    @property
    def has_occurrences(self) -> bool:
        """Whether a component says where it was seen, and a tool is a component."""
        return self.minor >= 5

    @property
    def has_authors(self) -> bool:
        """Whether authors are a list of people, not a text; and licences say who states them."""
        return self.minor >= 6

    @property
    def mixes_licenses(self) -> bool:
        """Whether expressions stand beside other licences."""
        return self.minor >= 7
