"""Keys and certificates as the embedded Sigstore needs them. Everything is ECDSA P-256."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ed25519
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

__all__ = [
    "Authority",
    "der",
    "key_usage",
    "new_authority",
    "pem",
    "spki",
    "timestamping_certificate",
]

_TEN_YEARS = dt.timedelta(days=3650)


@dataclass(frozen=True)
class Authority:
    """A certificate authority: the issuing key, and its chain from the issuing certificate up."""

    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
    chain: tuple[x509.Certificate, ...]

    @property
    def certificate(self) -> x509.Certificate:
        """The one that issues."""
        return self.chain[0]


def new_authority(name: str, now: dt.datetime, *, intermediate: bool) -> Authority:
    """A root, and below it an issuing CA where `intermediate` says so; good ten years both ways."""
    root_key = ec.generate_private_key(ec.SECP256R1())
    root = _ca(f"{name} root", root_key, f"{name} root", root_key, now, path_length=1)
    if not intermediate:
        return Authority(root_key, (root,))
    key = ec.generate_private_key(ec.SECP256R1())
    issuing = _ca(f"{name} intermediate", key, f"{name} root", root_key, now, path_length=0)
    return Authority(key, (issuing, root))


def _ca(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    issuer_key: ec.EllipticCurvePrivateKey,
    now: dt.datetime,
    *,
    path_length: int,
) -> x509.Certificate:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _TEN_YEARS)
        .not_valid_after(now + _TEN_YEARS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(key_usage(certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
        .sign(issuer_key, hashes.SHA256())
    )


def timestamping_certificate(
    authority: Authority,
    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey,
    now: dt.datetime,
) -> x509.Certificate:
    """A certificate for signing timestamps (RFC 3161 section 2.3: that alone, critical)."""
    return (
        x509.CertificateBuilder()
        .subject_name(_name("local timestamp authority"))
        .issuer_name(authority.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _TEN_YEARS)
        .not_valid_after(now + _TEN_YEARS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage(certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()),
            critical=False,
        )
        .sign(authority.key, hashes.SHA256())
    )


def key_usage(*, certificates: bool) -> x509.KeyUsage:
    """For signing certificates, or for signing anything else."""
    return x509.KeyUsage(
        digital_signature=not certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificates,
        crl_sign=certificates,
        encipher_only=False,
        decipher_only=False,
    )


def spki(key: PublicKeyTypes) -> bytes:
    """SubjectPublicKeyInfo in DER: what logs hash into their id."""
    return key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def der(certificate: x509.Certificate) -> bytes:
    """The certificate in DER."""
    return certificate.public_bytes(serialization.Encoding.DER)


def pem(certificate: x509.Certificate) -> bytes:
    """The certificate in PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "provenance local sigstore"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )
