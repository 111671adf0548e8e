"""What is this image, what is in it, who built and signed it: one import that says why.

Everyday names are loaded on first use (PEP 562): `import provenance` costs nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the same table for type checkers and editors; a test compares the two
    from provenance.attestation import Statement as Statement
    from provenance.attestation import read_predicate as read_predicate
    from provenance.attestation import read_statement as read_statement
    from provenance.attestation import slsa_provenance as slsa_provenance
    from provenance.catalog import generate_sbom as generate_sbom
    from provenance.digests import Digest as Digest
    from provenance.errors import ContentMismatch as ContentMismatch
    from provenance.errors import Forbidden as Forbidden
    from provenance.errors import InvalidDigest as InvalidDigest
    from provenance.errors import InvalidEvidence as InvalidEvidence
    from provenance.errors import InvalidReference as InvalidReference
    from provenance.errors import LimitExceeded as LimitExceeded
    from provenance.errors import MalformedDocument as MalformedDocument
    from provenance.errors import NoMatchingEvidence as NoMatchingEvidence
    from provenance.errors import NotEvaluated as NotEvaluated
    from provenance.errors import NotFound as NotFound
    from provenance.errors import PartlyStored as PartlyStored
    from provenance.errors import PolicyFailed as PolicyFailed
    from provenance.errors import ProvenanceError as ProvenanceError
    from provenance.errors import RateLimited as RateLimited
    from provenance.errors import RegistryUnavailable as RegistryUnavailable
    from provenance.errors import SigningError as SigningError
    from provenance.errors import Unauthorized as Unauthorized
    from provenance.errors import UnsupportedFormat as UnsupportedFormat
    from provenance.errors import VerificationError as VerificationError
    from provenance.evidence import Answer as Answer
    from provenance.evidence import Evidence as Evidence
    from provenance.evidence import Examination as Examination
    from provenance.evidence import Referrer as Referrer
    from provenance.evidence import Verified as Verified
    from provenance.evidence import attach as attach
    from provenance.evidence import attest as attest
    from provenance.evidence import examine as examine
    from provenance.evidence import pull as pull
    from provenance.evidence import referrers as referrers
    from provenance.evidence import sign as sign
    from provenance.evidence import tree as tree
    from provenance.evidence import unsafe_fetch_sbom as unsafe_fetch_sbom
    from provenance.evidence import verify as verify
    from provenance.evidence import verify_all as verify_all
    from provenance.findings import Finding as Finding
    from provenance.findings import Outcome as Outcome
    from provenance.findings import Report as Report
    from provenance.image import Image as Image
    from provenance.image import resolve as resolve
    from provenance.oci.copying import Copied as Copied
    from provenance.oci.copying import copy as copy
    from provenance.oci.descriptor import Descriptor as Descriptor
    from provenance.oci.descriptor import Platform as Platform
    from provenance.oci.manifest import Index as Index
    from provenance.oci.manifest import Manifest as Manifest
    from provenance.oci.reference import Reference as Reference
    from provenance.oci.registry import Registry as Registry
    from provenance.oci.repository import Repository as Repository
    from provenance.packages.package import Package as Package
    from provenance.sbom import Change as Change
    from provenance.sbom import Diff as Diff
    from provenance.sbom import Format as Format
    from provenance.sbom import Licenses as Licenses
    from provenance.sbom import Packages as Packages
    from provenance.sbom import Sbom as Sbom
    from provenance.sbom import diff_sboms as diff_sboms
    from provenance.sbom import merge_sboms as merge_sboms
    from provenance.sbom import read_sbom as read_sbom
    from provenance.settings import Limits as Limits
    from provenance.settings import Settings as Settings
    from provenance.signing import Signer as Signer
    from provenance.signing import sign_blob as sign_blob
    from provenance.signing import verify_blob as verify_blob
    from provenance.trust import Trust as Trust
    from provenance.verification import Identity as Identity
    from provenance.verification import check_provenance as check_provenance
    from provenance.verification import verify_bundle as verify_bundle

__version__ = "0.1.0"

# Name to module: a literal table, so that reading it runs nothing.
_EXPORTS = {
    "Answer": "provenance.evidence",
    "Change": "provenance.sbom",
    "Copied": "provenance.oci.copying",
    "Descriptor": "provenance.oci.descriptor",
    "Diff": "provenance.sbom",
    "Digest": "provenance.digests",
    "Evidence": "provenance.evidence",
    "Examination": "provenance.evidence",
    "Finding": "provenance.findings",
    "Format": "provenance.sbom",
    "Identity": "provenance.verification",
    "Image": "provenance.image",
    "Index": "provenance.oci.manifest",
    "Licenses": "provenance.sbom",
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
    "check_provenance": "provenance.verification",
    "copy": "provenance.oci.copying",
    "diff_sboms": "provenance.sbom",
    "examine": "provenance.evidence",
    "generate_sbom": "provenance.catalog",
    "merge_sboms": "provenance.sbom",
    "pull": "provenance.evidence",
    "read_predicate": "provenance.attestation",
    "read_sbom": "provenance.sbom",
    "read_statement": "provenance.attestation",
    "referrers": "provenance.evidence",
    "resolve": "provenance.image",
    "sign": "provenance.evidence",
    "sign_blob": "provenance.signing",
    "slsa_provenance": "provenance.attestation",
    "tree": "provenance.evidence",
    "unsafe_fetch_sbom": "provenance.evidence",
    "verify": "provenance.evidence",
    "verify_blob": "provenance.signing",
    "verify_all": "provenance.evidence",
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
        "PartlyStored",
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

if not TYPE_CHECKING:  # or every misspelt name would have a type

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
