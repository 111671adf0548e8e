"""Predicate types, and the families that people ask for by one name.

Source: in-toto attestation predicates, SLSA, SPDX, CycloneDX, OpenVEX and cosign specifications.
"""

from __future__ import annotations

import re

__all__ = ["COSIGN_SIGN", "CYCLONEDX", "FAMILIES", "SPDX", "family", "resolve_predicate_type"]

COSIGN_SIGN = "https://sigstore.dev/cosign/sign/v1"
"""What `cosign sign` writes since version 3: a signature is a statement with an empty predicate."""
CYCLONEDX = "https://cyclonedx.org/bom"
SPDX = "https://spdx.dev/Document"

FAMILIES: dict[str, str] = {
    "signature": r"https://sigstore\.dev/cosign/sign/v\d+",
    "slsa-provenance": r"https://slsa\.dev/provenance/v\d+(\.\d+)?",
    "vsa": r"https://slsa\.dev/verification_summary/v\d+(\.\d+)?",
    "spdx": r"https://spdx\.dev/Document(/v[\d.]+)?",
    "cyclonedx": r"https://cyclonedx\.org/bom(/v[\d.]+)?",
    "openvex": r"https://openvex\.dev/ns(/v[\d.]+)?",
    "vuln": r"https://(cosign\.sigstore\.dev/attestation/vuln|in-toto\.io/attestation/vulns)/v[\d.]+",
    "link": r"https://in-toto\.io/(attestation/link|Link)/v[\d.]+",
    "test-result": r"https://in-toto\.io/attestation/test-result/v[\d.]+",
    "scai": r"https://in-toto\.io/attestation/scai(/attribute-report)?/v[\d.]+",
    "release": r"https://in-toto\.io/attestation/release/v[\d.]+",
    "custom": r"https://cosign\.sigstore\.dev/attestation/v1",
}
"""Family name to the regular expression its types match in full."""

# cosign's words for --type.
_ALIASES = {
    "slsaprovenance": "slsa-provenance",
    "slsaprovenance02": "https://slsa.dev/provenance/v0.2",
    "slsaprovenance1": "https://slsa.dev/provenance/v1",
    "spdxjson": "spdx",
    "sbom": "sbom",
}
_NEW = {
    "spdx": SPDX,
    "cyclonedx": CYCLONEDX,
    "slsa-provenance": "https://slsa.dev/provenance/v1",
    "openvex": "https://openvex.dev/ns",
    "vuln": "https://cosign.sigstore.dev/attestation/vuln/v1",
    "link": "https://in-toto.io/attestation/link/v0.3",
    "custom": "https://cosign.sigstore.dev/attestation/v1",
}


def family(predicate_type: str) -> str:
    """The family of a predicate type, or the type itself where it belongs to none.

    >>> family("https://slsa.dev/provenance/v0.2")
    'slsa-provenance'
    """
    for name, pattern in FAMILIES.items():
        if re.fullmatch(pattern, predicate_type):
            return name
    return predicate_type


def matches(predicate_type: str, wanted: str) -> bool:
    """Whether a type is the one wanted: a family, `sbom` (either format), `any`, or a type."""
    wanted = _ALIASES.get(wanted, wanted)
    if wanted == "any":
        return True
    if wanted == "sbom":
        return family(predicate_type) in {"spdx", "cyclonedx"}
    return wanted in {predicate_type, family(predicate_type)}


def resolve_predicate_type(name: str) -> str:
    """The type to write for a family name or cosign's word for it; a URI is itself.

    Raises:
        ValueError: neither; the message lists the names.
    """
    wanted = _ALIASES.get(name, name)
    if wanted in _NEW:
        return _NEW[wanted]
    if "://" in wanted or wanted.startswith("urn:"):
        return wanted
    known = ", ".join(sorted(_NEW))
    raise ValueError(f"{name!r} is no predicate type: use a URI, or one of {known}")
