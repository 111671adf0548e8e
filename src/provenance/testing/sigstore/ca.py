"""The certificate authority, as Fulcio is one: short-lived certificates for OIDC identities.

Source: Fulcio's certificate specification; RFC 6962 for the embedded SCT.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import struct
from typing import TYPE_CHECKING, Any

from asn1crypto import core
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from provenance.testing.sigstore.extensions import (
    certificate_issuer,
    extensions,
    general_name,
    subject,
)
from provenance.testing.sigstore.keys import key_usage, new_authority, pem, spki

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["CertificateAuthority"]

_SCT_LIST = ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
_HASHES = {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}
_LIFETIME = dt.timedelta(minutes=10)


class CertificateAuthority:
    """Issues code-signing certificates with an SCT of its own CT log."""

    def __init__(self, now: Callable[[], dt.datetime]) -> None:
        """Make a root, an issuing CA and a CT log key."""
        self._now = now
        self.authority = new_authority("fulcio", now(), intermediate=True)
        self.ct_key = ec.generate_private_key(ec.SECP256R1())

    @property
    def ct_log_id(self) -> bytes:
        """RFC 6962: the hash of the log's key."""
        return hashlib.sha256(spki(self.ct_key.public_key())).digest()

    def sign(self, request: Mapping[str, Any], claims: Mapping[str, Any]) -> list[str]:
        """Answer a request of Fulcio's v2 API with a chain in PEM, leaf first.

        Raises ValueError, LookupError, TypeError or AttributeError when the request is none, or
        does not prove that the caller has the key.
        """
        key = _requested_key(request, claims)
        leaf = self.issue(key, subject(claims), certificate_issuer(claims), claims=claims)
        return [pem(leaf).decode(), *self.chain_pem()]

    def chain_pem(self) -> list[str]:
        """The authority's certificates in PEM, the root last."""
        return [pem(certificate).decode() for certificate in self.authority.chain]

    def issue(
        self,
        key: ec.EllipticCurvePublicKey,
        identity: str,
        issuer: str,
        *,
        claims: Mapping[str, Any] | None = None,
        start: dt.datetime | None = None,
        lifetime: dt.timedelta = _LIFETIME,
        sct: bool = True,
        ct_key: ec.EllipticCurvePrivateKey | None = None,
        usage: ObjectIdentifier = ExtendedKeyUsageOID.CODE_SIGNING,
    ) -> x509.Certificate:
        """A certificate for anybody, without asking anybody.

        Args:
            key: the key to certify.
            identity: the subject alternative name: URI, e-mail address or user name.
            issuer: the OIDC issuer's URL.
            claims: of the token, for Fulcio's extensions (GitHub's names).
            start: beginning of validity; None: now. Seconds are the finest.
            lifetime: how long it is valid.
            sct: whether the CT log has seen it.
            ct_key: sign the SCT with this key, in the name of the log.
            usage: the extended key usage.
        """
        begin = (start or self._now()).replace(microsecond=0)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self.authority.certificate.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + lifetime)
            .add_extension(key_usage(certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.SubjectAlternativeName([general_name(identity)]), critical=True)
        )
        for extension in (*self._issuer_key(), *extensions(identity, issuer, claims or {})):
            builder = builder.add_extension(extension, critical=False)
        certificate = self._signed(builder)
        if not sct:
            return certificate
        # The precertificate's TBS is the certificate's without the SCT list, which comes last.
        listed = self._sct_list(certificate.tbs_certificate_bytes, begin, ct_key or self.ct_key)
        scts = x509.UnrecognizedExtension(_SCT_LIST, core.OctetString(listed).dump())
        return self._signed(builder.add_extension(scts, critical=False))

    def _issuer_key(self) -> Iterator[x509.AuthorityKeyIdentifier]:
        """Its name, where the authority's certificate has one: Go, and so Fulcio, does the same."""
        for one in self.authority.certificate.extensions:
            if isinstance(one.value, x509.SubjectKeyIdentifier):
                yield x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(one.value)

    def _signed(self, builder: x509.CertificateBuilder) -> x509.Certificate:
        key = self.authority.key
        return builder.sign(
            key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
        )

    def _sct_list(self, tbs: bytes, at: dt.datetime, key: ec.EllipticCurvePrivateKey) -> bytes:
        """RFC 6962 section 3.2 and 3.3: one signed certificate timestamp, in a list."""
        milliseconds = int(at.timestamp() * 1000)
        issuer_hash = hashlib.sha256(spki(self.authority.key.public_key())).digest()
        entry = issuer_hash + len(tbs).to_bytes(3, "big") + tbs
        signed = struct.pack("!BBQH", 0, 0, milliseconds, 1) + entry + b"\0\0"
        signature = key.sign(signed, ec.ECDSA(hashes.SHA256()))
        sct = struct.pack("!B32sQH", 0, self.ct_log_id, milliseconds, 0)
        sct += struct.pack("!BBH", 4, 3, len(signature)) + signature
        return struct.pack("!HH", len(sct) + 2, len(sct)) + sct


def _requested_key(
    request: Mapping[str, Any], claims: Mapping[str, Any]
) -> ec.EllipticCurvePublicKey:
    """The key to certify, once its owner is proven: by a CSR, or by signing the identity."""
    if asked_by := request.get("certificateSigningRequest"):
        csr = x509.load_pem_x509_csr(base64.b64decode(asked_by))
        if not csr.is_signature_valid:
            raise ValueError("the certificate signing request is not signed by its key")
        return _ecdsa(csr.public_key())
    asked = request["publicKeyRequest"]
    key = _ecdsa(serialization.load_pem_public_key(asked["publicKey"]["content"].encode()))
    proof = base64.b64decode(asked["proofOfPossession"])
    signed = str(claims.get("email") or claims["sub"]).encode()
    try:
        key.verify(proof, signed, ec.ECDSA(_HASHES[key.key_size]))
    except InvalidSignature as error:
        raise ValueError("the proof of possession is not a signature of the identity") from error
    return key


def _ecdsa(key: object) -> ec.EllipticCurvePublicKey:
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.key_size not in _HASHES:
        raise TypeError("only ECDSA keys on P-256, P-384 and P-521 are certified here")
    return key
