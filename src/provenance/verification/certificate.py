"""The signer's certificate: that it is one for signing, and what Fulcio says in it.

Source: Fulcio's certificate specification and OID list, 1.3.6.1.4.1.57264.1; RFC 5280.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, TypeVar

from provenance.attestation.public_key import algorithm_of
from provenance.errors import InvalidEvidence, MalformedDocument, UnsupportedFormat
from provenance.verification.signed import Certified, read_only

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

__all__ = ["check_profile", "key_of", "load_certificate", "read_certificate"]

_FULCIO = "1.3.6.1.4.1.57264.1."
_NAMES = {
    "9": "build-signer-uri",
    "10": "build-signer-digest",
    "11": "runner-environment",
    "12": "source-repository-uri",
    "13": "source-repository-digest",
    "14": "source-repository-ref",
    "15": "source-repository-identifier",
    "16": "source-repository-owner-uri",
    "17": "source-repository-owner-identifier",
    "18": "build-config-uri",
    "19": "build-config-digest",
    "20": "build-trigger",
    "21": "run-invocation-uri",
    "22": "source-repository-visibility",
    "23": "deployment-environment",
    "24": "token-subject",
}
# Fulcio's first claims, of GitHub alone: raw text, where the later ones are DER strings.
_RAW_NAMES = {
    "2": "github-workflow-trigger",
    "3": "github-workflow-sha",
    "4": "github-workflow-name",
    "5": "github-workflow-repository",
    "6": "github-workflow-ref",
}
_OTHER_NAME = f"{_FULCIO}7"
_UTF8_STRING = 0x0C

X = TypeVar("X")


def read_certificate(certificate: x509.Certificate) -> Certified:
    """Identity, issuer and claims. Meaningful only once the chain was verified.

    Fulcio names an issuer always. An authority that certifies whom it knows itself names none:
    GitHub's for releases, or one of your own.

    Raises:
        InvalidEvidence: step `certificate-profile`: not exactly one identity, or two issuers.
    """
    from cryptography import x509

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError, x509.UnsupportedGeneralNameType) as error:
        raise _refuse("the certificate names no identity") from error
    identities = [found for name in names if (found := _identity(name))]
    if len(identities) != 1 or len(list(names)) != 1:
        raise _refuse(f"the certificate names {len(list(names))} identities where one is allowed")
    raw = {
        extension.oid.dotted_string.removeprefix(_FULCIO): extension.value.value
        for extension in certificate.extensions
        if extension.oid.dotted_string.startswith(_FULCIO)
        and isinstance(extension.value, x509.UnrecognizedExtension)
    }
    old = raw.get("1", b"").decode("utf-8", "replace")
    new = _utf8(raw["8"]) if "8" in raw else ""
    if old and new and old != new:
        raise _refuse("the certificate names two issuers")
    issuer = new or old
    if not issuer and {"1", "8"} & raw.keys():
        raise _refuse("the certificate names an issuer without a name")
    extensions = {_NAMES[n]: _utf8(value) for n, value in raw.items() if n in _NAMES}
    extensions |= {_RAW_NAMES[n]: _plain(value) for n, value in raw.items() if n in _RAW_NAMES}
    return Certified(identities[0], issuer, read_only(extensions))


def load_certificate(der: bytes) -> x509.Certificate:
    """The certificate in `der`. Raises MalformedDocument."""
    from cryptography import x509

    try:
        certificate = x509.load_der_x509_certificate(der)
        # Read only when asked for: what cannot be read is found here.
        _ = certificate.extensions, certificate.issuer, certificate.subject
        _ = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except (ValueError, TypeError, x509.DuplicateExtension, x509.InvalidVersion) as error:
        raise MalformedDocument(f"a certificate is none: {str(error)[:200]}") from error
    except x509.UnsupportedGeneralNameType as error:
        raise _refuse("the certificate names something that is no identity") from error
    return certificate


def key_of(certificate: x509.Certificate) -> PublicKeyTypes:
    """The key that is certified.

    Raises:
        MalformedDocument: it is none.
        UnsupportedFormat: of an algorithm, curve or size that nothing is signed with here.
    """
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        key = certificate.public_key()
    except UnsupportedAlgorithm as error:
        raise UnsupportedFormat(
            "the key in the certificate is of an algorithm not known here"
        ) from error
    except ValueError as error:
        raise MalformedDocument("the key in the certificate is none") from error
    algorithm_of(key)  # no weaker one than a key that is named
    return key


def check_profile(certificate: x509.Certificate) -> None:
    """Raise unless the certificate is a signer's: for signing code, and no authority's.

    Fulcio, `certificate-specification.md`: key usage digital signature, extended key usage code
    signing; RFC 5280 section 4.2: a critical extension that is not understood refuses.

    Raises:
        InvalidEvidence: step `certificate-profile`.
    """
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    for extension in certificate.extensions:
        if extension.critical and not isinstance(extension.value, _understood()):
            raise _refuse(
                f"the certificate has a critical extension, {extension.oid.dotted_string}, that "
                "is not understood"
            )
    constraints = _extension(certificate, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        raise _refuse("the certificate is an authority's, not a signer's")
    usage = _extension(certificate, x509.KeyUsage)
    if usage is None or not usage.digital_signature or usage.key_cert_sign:
        raise _refuse("the certificate is not for signatures (key usage)")
    purposes = _extension(certificate, x509.ExtendedKeyUsage)
    if purposes is None or ExtendedKeyUsageOID.CODE_SIGNING not in purposes:
        raise _refuse("the certificate is not for signing code (extended key usage)")


@functools.cache
def _understood() -> tuple[type[x509.ExtensionType], ...]:
    """Kinds of extension that are looked at here, or by `read_certificate`."""
    from cryptography import x509

    return (
        x509.KeyUsage,
        x509.ExtendedKeyUsage,
        x509.BasicConstraints,
        x509.SubjectAlternativeName,
    )


def _extension(certificate: x509.Certificate, kind: type[X]) -> X | None:
    """The one of that kind; a certificate with two was refused as it was loaded."""
    return next((e.value for e in certificate.extensions if isinstance(e.value, kind)), None)


def _identity(name: x509.GeneralName) -> str:
    from cryptography import x509

    if isinstance(name, (x509.RFC822Name, x509.UniformResourceIdentifier)):
        return str(name.value)
    if isinstance(name, x509.OtherName) and name.type_id.dotted_string == _OTHER_NAME:
        return _utf8(name.value)
    return ""


def _utf8(data: bytes) -> str:
    """A DER UTF8String. Raises InvalidEvidence for any other DER."""
    length, at = (data[1], 2) if len(data) > 1 else (-1, 0)
    if length & 0x80 and length != -1:
        count = length & 0x7F
        length, at = int.from_bytes(data[2 : 2 + count], "big"), 2 + count
    if not data or data[0] != _UTF8_STRING or len(data) != at + length:
        raise _refuse("a claim in the certificate is no UTF8String")
    try:
        return data[at:].decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refuse("a claim in the certificate is no UTF-8") from error


def _plain(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refuse("a claim in the certificate is no UTF-8") from error


def _refuse(message: str) -> InvalidEvidence:
    return InvalidEvidence(
        message, step="certificate-profile", hint="it is none of Fulcio's certificates"
    )
