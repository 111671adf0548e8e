"""Predicate types, the families that people ask for by one name, and cosign's words for them.

Source: in-toto attestation predicates, SLSA, SPDX, CycloneDX and OpenVEX specifications;
cosign, `cmd/cosign/cli/options/predicate.go`. Families are matched here and nowhere else.
"""

from __future__ import annotations

import re

__all__ = [
    "COSIGN_SIGN",
    "COSIGN_TYPES",
    "CUSTOM",
    "CYCLONEDX",
    "FAMILIES",
    "REFERENCE",
    "SLSA_PROVENANCE_V02",
    "SLSA_PROVENANCE_V1",
    "SPDX",
    "check_wanted",
    "family",
    "matches",
    "resolve_predicate_type",
]

COSIGN_SIGN = "https://sigstore.dev/cosign/sign/v1"
"""What `cosign sign` writes since version 3: a signature is a statement with an empty predicate."""
CYCLONEDX = "https://cyclonedx.org/bom"
SPDX = "https://spdx.dev/Document"
SLSA_PROVENANCE_V02 = "https://slsa.dev/provenance/v0.2"
SLSA_PROVENANCE_V1 = "https://slsa.dev/provenance/v1"
CUSTOM = "https://cosign.sigstore.dev/attestation/v1"
"""What `cosign attest` wraps free text in."""
REFERENCE = "https://in-toto.io/attestation/reference/v0.1"
"""Names documents that are not in the statement itself."""
_IN_TOTO = r"https://in-toto\.io/attestation"
_V = r"/v\d+(\.\d+)*"

FAMILIES: dict[str, str] = {
    "signature": rf"https://sigstore\.dev/cosign/sign{_V}",
    "slsa-provenance": rf"https://slsa\.dev/provenance{_V}",
    "vsa": rf"https://slsa\.dev/verification_summary{_V}",
    "spdx": rf"https://spdx\.dev/Document({_V})?",
    "cyclonedx": rf"https://cyclonedx\.org/bom({_V})?",
    "openvex": rf"https://openvex\.dev/ns({_V})?",
    "vuln": rf"(https://cosign\.sigstore\.dev/attestation/vuln|{_IN_TOTO}/vulns){_V}",
    "link": rf"({_IN_TOTO}/link|https://in-toto\.io/Link){_V}",
    "test-result": rf"{_IN_TOTO}/test-result{_V}",
    "scai": rf"{_IN_TOTO}/scai(/attribute-report)?{_V}",
    "release": rf"{_IN_TOTO}/release{_V}",
    "reference": rf"{_IN_TOTO}/reference{_V}",
    "svr": rf"{_IN_TOTO}/svr{_V}",
    "runtime-trace": rf"{_IN_TOTO}/runtime-trace{_V}",
    "custom": r"https://cosign\.sigstore\.dev/attestation/v1",
}
"""Family name to the regular expression its types match in full."""

_NAMES = FAMILIES.keys() | {"any", "sbom"}

COSIGN_TYPES: dict[str, str] = {
    "custom": CUSTOM,
    "cyclonedx": CYCLONEDX,
    "link": "https://in-toto.io/Link/v1",
    "openvex": "https://openvex.dev/ns",
    "slsaprovenance": SLSA_PROVENANCE_V02,
    "slsaprovenance02": SLSA_PROVENANCE_V02,
    "slsaprovenance1": SLSA_PROVENANCE_V1,
    "spdx": SPDX,
    "spdxjson": SPDX,
    "vuln": "https://cosign.sigstore.dev/attestation/vuln/v1",
}
"""Every word of `cosign attest --type` to the type it writes."""

# What a word asks for. `slsaprovenance` asks for provenance of any version, where cosign's finds
# version 0.2 alone; the words with a version mean just that version.
_ASKS = {
    "slsaprovenance": "slsa-provenance",
    "slsaprovenance02": SLSA_PROVENANCE_V02,
    "slsaprovenance1": SLSA_PROVENANCE_V1,
    "spdxjson": "spdx",
}
# Family names that are no words of cosign's, to the newest type that is stable.
_NEW = {
    "slsa-provenance": SLSA_PROVENANCE_V1,
    "vsa": "https://slsa.dev/verification_summary/v1",
    "test-result": "https://in-toto.io/attestation/test-result/v0.1",
    "scai": "https://in-toto.io/attestation/scai/attribute-report/v0.2",
    "release": "https://in-toto.io/attestation/release/v0.1",
    "reference": REFERENCE,
    "svr": "https://in-toto.io/attestation/svr/v0.1",
    "runtime-trace": "https://in-toto.io/attestation/runtime-trace/v0.1",
}


def family(predicate_type: str) -> str:
    """The family of a predicate type, or the type itself where it belongs to none.

    A type that only spells the name of a family is none of it.

    >>> family("https://slsa.dev/provenance/v0.2")
    'slsa-provenance'
    >>> family("slsa-provenance")
    "type 'slsa-provenance'"
    """
    for name, pattern in FAMILIES.items():
        if re.fullmatch(pattern, predicate_type, re.ASCII):
            return name
    return f"type {predicate_type!r}" if predicate_type in _NAMES else predicate_type


def matches(predicate_type: str, wanted: str) -> bool:
    """Whether a type is the one wanted: a family, `sbom` (either format), `any`, or a type.

    >>> matches("https://spdx.dev/Document/v2.3", "sbom")
    True
    """
    wanted = _ASKS.get(wanted, wanted)
    if wanted == "any":
        return True
    if wanted == "sbom":
        return family(predicate_type) in {"spdx", "cyclonedx"}
    return wanted == (family(predicate_type) if wanted in FAMILIES else predicate_type)


def check_wanted(wanted: str) -> None:
    """Refuse a name that nothing could match: "no such evidence" would be said of a misspelling.

    Raises:
        ValueError: neither a family, one of cosign's words, `sbom` or `any`, nor a URI.
    """
    known = _NAMES | _ASKS.keys() | COSIGN_TYPES.keys()
    if wanted not in known and ":" not in wanted:
        raise ValueError(
            f"{wanted!r} is no predicate type: use a URI, or one of {', '.join(sorted(known))}"
        )


def resolve_predicate_type(name: str) -> str:
    """The type to write for a family name or cosign's word for it; a URI is itself.

    A word of cosign's gives the type that cosign gives it: `link` the old in-toto link,
    `slsaprovenance` version 0.2. The family name `slsa-provenance` gives version 1.

    Raises:
        ValueError: neither; the message lists the names.
    """
    known = COSIGN_TYPES | _NEW
    if name in known:
        return known[name]
    if "://" in name or name.startswith("urn:"):
        return name
    raise ValueError(
        f"{name!r} is no predicate type: use a URI, or one of {', '.join(sorted(known))}"
    )
