"""What is this image, what is in it, who built and signed it: one import that says why.

Everyday names are loaded on first use (PEP 562): `import provenance` costs nothing else.
"""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"

# Name to module: a literal table, so that reading it runs nothing.
_EXPORTS = {
    "Descriptor": "provenance.oci.descriptor",
    "Digest": "provenance.digests",
    "Evidence": "provenance.evidence",
    "Examination": "provenance.evidence",
    "Finding": "provenance.findings",
    "Format": "provenance.sbom",
    "Identity": "provenance.verification",
    "Image": "provenance.image",
    "Index": "provenance.oci.manifest",
    "Limits": "provenance.settings",
    "Manifest": "provenance.oci.manifest",
    "Outcome": "provenance.findings",
    "Package": "provenance.packages.package",
    "Packages": "provenance.sbom",
    "Platform": "provenance.oci.descriptor",
    "ProvenanceError": "provenance.errors",
    "Reference": "provenance.oci.reference",
    "Referrer": "provenance.evidence",
    "Registry": "provenance.oci.registry",
    "Report": "provenance.findings",
    "Repository": "provenance.oci.repository",
    "Sbom": "provenance.sbom",
    "Settings": "provenance.settings",
    "Signer": "provenance.signing",
    "Statement": "provenance.attestation",
    "Trust": "provenance.trust",
    "Verified": "provenance.evidence",
    "attach": "provenance.evidence",
    "attest": "provenance.evidence",
    "examine": "provenance.evidence",
    "generate_sbom": "provenance.catalog",
    "pull": "provenance.evidence",
    "read_sbom": "provenance.sbom",
    "read_statement": "provenance.attestation",
    "referrers": "provenance.evidence",
    "resolve": "provenance.image",
    "sign": "provenance.evidence",
    "tree": "provenance.evidence",
    "verify": "provenance.evidence",
    "verify_bundle": "provenance.verification",
}
# The errors a caller may catch by name.
_EXPORTS |= dict.fromkeys(
    (
        "ContentMismatch",
        "Forbidden",
        "InvalidDigest",
        "InvalidEvidence",
        "InvalidReference",
        "LimitExceeded",
        "MalformedDocument",
        "NoMatchingEvidence",
        "NotEvaluated",
        "NotFound",
        "PolicyFailed",
        "RateLimited",
        "RegistryUnavailable",
        "SigningError",
        "Unauthorized",
        "UnsupportedFormat",
        "VerificationError",
    ),
    "provenance.errors",
)

__all__ = ["__version__", *_EXPORTS]  # noqa: PLE0604 - a literal table of strings # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    module = _EXPORTS.get(name)
    if module is None:
        raise AttributeError(f"module 'provenance' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
