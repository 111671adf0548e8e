"""Authorities of one's own: what RFC 5280 leaves open, and cosign takes, is no reason to refuse."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from provenance.errors import InvalidEvidence
from provenance.testing.sigstore import LocalSigstore
from provenance.testing.sigstore.keys import Authority, key_usage
from provenance.verification import Identity, verify_blob_bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

DATA, WHO = b"the bytes of a file", "dev@example.com"
DAY = dt.timedelta(days=1)
CODE = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING])
Extension = tuple[x509.ExtensionType, bool]
Key = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def authority(key: Key, extensions: Iterable[Extension]) -> Authority:
    """A root with just these extensions, which issues itself."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority of one's own")])
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return Authority(key, (builder.sign(key, algorithm),))


def extensions(
    key: Key,
    *,
    basic: bool = True,
    usage: bool = True,
    named: bool = True,
    purpose: bool | None = False,
) -> list[Extension]:
    """What an authority's certificate usually has; `basic` and `purpose`: whether critical."""
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return [
        (x509.BasicConstraints(ca=True, path_length=None), basic),
        *([(key_usage(certificates=True), True)] if usage else []),
        *([(identifier, False)] if named else []),
        *([(CODE, purpose)] if purpose is not None else []),
    ]


def ecdsa(**options: Any) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    return authority(key, extensions(key, **options))


def eddsa() -> Authority:
    key = ed25519.Ed25519PrivateKey.generate()
    return authority(key, extensions(key))


OWN: dict[str, Callable[[], Authority]] = {
    "as Fulcio's own": ecdsa,
    "of an Ed25519 key": eddsa,
    "without key usage": lambda: ecdsa(usage=False),
    "with basic constraints that are not critical": lambda: ecdsa(basic=False),
    "with a purpose that is critical": lambda: ecdsa(purpose=True),
    "without a purpose": lambda: ecdsa(purpose=None),
    "that does not name its key": lambda: ecdsa(named=False),
}


def certified_by(own: Authority) -> LocalSigstore:
    with LocalSigstore(rekor=("v1", "v2")) as sigstore:
        sigstore.ca.authority = own
        return sigstore


@pytest.mark.parametrize("name", OWN)
def test_whom_an_authority_of_ones_own_certifies_is_verified(name: str) -> None:
    sigstore = certified_by(OWN[name]())
    raw = json.dumps(sigstore.forger(WHO).blob(DATA)).encode()
    who = Identity(WHO, issuer=sigstore.issuer)
    assert verify_blob_bundle(raw, DATA, trust=sigstore.trust, identity=who).identity == WHO


@pytest.mark.parametrize("name", OWN)
def test_whom_another_of_that_kind_certifies_is_not(name: str) -> None:
    sigstore, other = certified_by(OWN[name]()), certified_by(OWN[name]())
    raw = json.dumps(sigstore.forger(WHO, ca=other.ca).blob(DATA)).encode()
    with pytest.raises(InvalidEvidence) as caught:
        verify_blob_bundle(raw, DATA, trust=sigstore.trust)
    assert caught.value.step == "certificate-chain"


NO_ISSUER = "https://releases.example"
"""Certified as GitHub certifies who attests its releases: for a year, and nobody vouches."""


def test_whom_an_authority_knows_itself_is_asked_for_without_an_issuer() -> None:
    with LocalSigstore(rekor=()) as sigstore:
        raw = json.dumps(sigstore.forger(NO_ISSUER, issuer="").blob(DATA)).encode()
    for pattern, accepted in (("^$", True), (".*", True), ("http.*", False)):
        who = Identity(NO_ISSUER, issuer=pattern, issuer_is_pattern=True)
        if accepted:
            found = verify_blob_bundle(raw, DATA, trust=sigstore.trust, identity=who)
            assert (found.identity, found.issuer) == (NO_ISSUER, "")
            continue
        with pytest.raises(InvalidEvidence, match="by no issuer") as caught:
            verify_blob_bundle(raw, DATA, trust=sigstore.trust, identity=who)
        assert caught.value.step == "identity"
    with pytest.raises(InvalidEvidence, match="by no issuer"):
        verify_blob_bundle(
            raw, DATA, trust=sigstore.trust, identity=Identity(NO_ISSUER, issuer=sigstore.issuer)
        )
