"""The certificate chain: from a signer's certificate to an authority of the trust root.

Source: RFC 5280 section 6.1, of what Fulcio's certificate specification uses; the Sigstore client
specification, "Certificate": the path is judged at a verified time, never now.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from provenance.errors import InvalidEvidence

if TYPE_CHECKING:
    import datetime as dt

    from cryptography import x509

    from provenance.verification.anchors import Anchors

__all__ = ["verify_chain"]

_LONGEST = 6
_STEP = "certificate-chain"
_UNDERSTOOD = frozenset(
    {
        "2.5.29.19",  # basic constraints
        "2.5.29.15",  # key usage
        "2.5.29.37",  # extended key usage
        "2.5.29.17",  # subject alternative name
    }
)


def verify_chain(
    leaf: x509.Certificate,
    others: tuple[x509.Certificate, ...],
    moment: dt.datetime,
    anchors: Anchors,
) -> tuple[x509.Certificate, ...]:
    """The certificates above `leaf`, its issuer first, up to a root that was trusted at `moment`.

    Args:
        leaf: the signer's certificate.
        others: intermediates that came with it; they are believed for nothing but a signature.
        moment: a verified time.
        anchors: the trust root.

    Raises:
        InvalidEvidence: step `certificate-chain`: no path, or none that was valid then.
    """
    if not _is_valid(leaf, moment):
        raise InvalidEvidence(
            f"the certificate was valid from {leaf.not_valid_before_utc:%Y-%m-%d %H:%M:%S} to "
            f"{leaf.not_valid_after_utc:%H:%M:%S} UTC, and the signature was made at "
            f"{moment:%Y-%m-%d %H:%M:%S}",
            step=_STEP,
            hint="whoever signed did not have the certificate then",
        )
    late = False
    for authority in anchors.authorities:
        pool = (*authority.chain, *others)
        path = _path(leaf, pool, authority.chain[-1], moment)
        if path is not None and authority.validity.covers(moment):
            return path
        late = late or path is not None
    raise InvalidEvidence(
        "the certificate is of an authority that was not trusted at the time of the signature"
        if late
        else "the certificate does not chain to an authority of the trust root",
        step=_STEP,
        hint="it is of another Sigstore instance, or forged: check the trust root",
    )


def _path(
    leaf: x509.Certificate,
    pool: tuple[x509.Certificate, ...],
    root: x509.Certificate,
    moment: dt.datetime,
) -> tuple[x509.Certificate, ...] | None:
    """Issuers of `leaf` up to `root`. By signature, as two issuers may have one name.

    The shortest paths first, and each certificate once: circles and crowds, which anybody can
    bring along, cost no more than their number squared, and nothing is missed for a path length.
    """
    paths: list[tuple[x509.Certificate, ...]] = [()]
    reached: set[x509.Certificate] = set()
    for height in range(_LONGEST):
        longer = []
        for path in paths:
            certificate = path[-1] if path else leaf
            for issuer in pool:
                if issuer in reached or not _issued(certificate, issuer):
                    continue
                if not (_may_issue(issuer, height) and _is_valid(issuer, moment)):
                    continue
                if issuer == root:
                    return (*path, issuer)
                reached.add(issuer)
                longer.append((*path, issuer))
        paths = longer
    return None


@functools.lru_cache(maxsize=512)
def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether `certificate` names `issuer`, in the same bytes, and is signed by it.

    Kept: those above the leaf are always the same.
    """
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


@functools.lru_cache(maxsize=512)
def _may_issue(issuer: x509.Certificate, authorities_below: int) -> bool:
    """Whether it is an authority, for signing code, and so far above the leaf."""
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    try:
        extensions = issuer.extensions
        basic = extensions.get_extension_for_class(x509.BasicConstraints).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return False
    if not basic.ca or (basic.path_length is not None and basic.path_length < authorities_below):
        return False
    for extension in extensions:
        value = extension.value
        if isinstance(value, x509.KeyUsage) and not value.key_cert_sign:
            return False
        if isinstance(value, x509.ExtendedKeyUsage) and not (
            {ExtendedKeyUsageOID.CODE_SIGNING, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
            & set(value)
        ):
            return False
        # RFC 5280 section 4.2: what is critical and not understood refuses; so do limits on whom
        # it may certify, which are to be critical (section 4.2.1.10).
        if isinstance(value, x509.NameConstraints) or (
            extension.critical and extension.oid.dotted_string not in _UNDERSTOOD
        ):
            return False
    return True


def _is_valid(certificate: x509.Certificate, moment: dt.datetime) -> bool:
    """Both ends belong to it (RFC 5280 section 4.1.2.5)."""
    return certificate.not_valid_before_utc <= moment <= certificate.not_valid_after_utc
