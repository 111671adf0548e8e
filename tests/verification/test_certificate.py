"""What a Fulcio certificate says, and certificates that say it in two ways or not at all."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
from asn1crypto import core
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from provenance.errors import InvalidEvidence, MalformedDocument
from provenance.verification.certificate import (
    check_profile,
    load_certificate,
    read_certificate,
)

if TYPE_CHECKING:
    from provenance.testing.sigstore import LocalSigstore

WORKFLOW = "https://github.com/org/app/.github/workflows/release.yml@refs/tags/v1"
ISSUER = "https://token.actions.githubusercontent.com"
KEY = ec.generate_private_key(ec.SECP256R1())


def certificate(
    names: list[x509.GeneralName] | None, extensions: dict[str, bytes]
) -> x509.Certificate:
    begin = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(x509.Name([]))
        .public_key(KEY.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + dt.timedelta(minutes=10))
    )
    if names is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=True)
    for number, value in extensions.items():
        oid = ObjectIdentifier(f"1.3.6.1.4.1.57264.1.{number}")
        builder = builder.add_extension(x509.UnrecognizedExtension(oid, value), critical=False)
    return builder.sign(KEY, hashes.SHA256())


def text(value: str) -> bytes:
    encoded: bytes = core.UTF8String(value).dump()
    return encoded


EMAIL: list[x509.GeneralName] = [x509.RFC822Name("dev@example.com")]


def test_a_workflow_certificate_is_read_whole(local_sigstore: LocalSigstore) -> None:
    claims = {
        "repository": "org/app",
        "ref": "refs/tags/v1",
        "sha": "a" * 40,
        "event_name": "push",
        "runner_environment": "github-hosted",
    }
    issued = local_sigstore.ca.issue(KEY.public_key(), WORKFLOW, ISSUER, claims=claims)
    found = read_certificate(issued)
    assert (found.identity, found.issuer) == (WORKFLOW, ISSUER)
    assert found.extensions["source-repository-uri"] == "https://github.com/org/app"
    assert found.extensions["source-repository-ref"] == "refs/tags/v1"
    assert found.extensions["source-repository-digest"] == "a" * 40
    assert found.extensions["build-trigger"] == "push"
    assert str(found) == f"{WORKFLOW} (issuer {ISSUER})"


@pytest.mark.parametrize("identity", ["dev@example.com", WORKFLOW, "a user name"])
def test_each_kind_of_name_is_read(local_sigstore: LocalSigstore, identity: str) -> None:
    issued = local_sigstore.ca.issue(KEY.public_key(), identity, "https://i")
    assert read_certificate(issued).identity == identity


@pytest.mark.parametrize(
    "extensions",
    [{"1": b"https://i"}, {"8": text("https://i")}, {"1": b"https://i", "8": text("https://i")}],
)
def test_either_form_of_the_issuer_is_read(extensions: dict[str, bytes]) -> None:
    assert read_certificate(certificate(EMAIL, extensions)).issuer == "https://i"


def test_a_long_value_is_read() -> None:
    issuer = "https://i/" + "x" * 300
    assert read_certificate(certificate(EMAIL, {"8": text(issuer)})).issuer == issuer


def test_an_authority_that_knows_whom_it_certifies_names_no_issuer() -> None:
    found = read_certificate(certificate(EMAIL, {}))
    assert (found.identity, found.issuer) == ("dev@example.com", "")
    assert str(found) == "dev@example.com (no issuer)"


@pytest.mark.parametrize(
    ("names", "extensions", "why"),
    [
        (None, {"1": b"https://i"}, "names no identity"),
        ([*EMAIL, *EMAIL], {"1": b"https://i"}, "names 2 identities"),
        ([*EMAIL, x509.DNSName("a.b")], {"1": b"https://i"}, "names 2 identities"),
        ([x509.DNSName("a.b")], {"1": b"https://i"}, "names 1 identities"),
        (EMAIL, {"1": b""}, "an issuer without a name"),
        (EMAIL, {"8": text("")}, "an issuer without a name"),
        (EMAIL, {"1": b"https://i", "8": text("https://j")}, "two issuers"),
        (EMAIL, {"8": b"https://i"}, "no UTF8String"),
        (EMAIL, {"8": b""}, "no UTF8String"),
        (EMAIL, {"8": b"\x0c"}, "no UTF8String"),
        (EMAIL, {"8": b"\x0c\x80"}, "without a name|no UTF8String"),
        (EMAIL, {"8": text("https://i") + b"x"}, "no UTF8String"),
        (EMAIL, {"8": b"\x0c\x02\xff\xfe"}, "no UTF-8"),
        (EMAIL, {"8": b"\x0c\x84\xff\xff\xff\xff"}, "no UTF8String"),
        (EMAIL, {"1": b"https://i", "12": b"\x04\x01x"}, "no UTF8String"),
    ],
)
def test_a_certificate_that_does_not_say_one_thing_is_refused(
    names: list[x509.GeneralName] | None, extensions: dict[str, bytes], why: str
) -> None:
    with pytest.raises(InvalidEvidence, match=why) as caught:
        read_certificate(certificate(names, extensions))
    assert caught.value.step == "certificate-profile"


def signers(*extensions: x509.ExtensionType, critical: bool = False) -> x509.Certificate:
    begin = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(x509.Name([]))
        .public_key(KEY.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + dt.timedelta(minutes=10))
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return load_certificate(builder.sign(KEY, hashes.SHA256()).public_bytes(Encoding.DER))


def usage(*, signs: bool = True, certifies: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(signs, False, False, False, False, certifies, False, False, False)


CODE = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING])


def test_the_profile_of_a_signer_passes(local_sigstore: LocalSigstore) -> None:
    check_profile(signers(usage(), CODE))
    check_profile(local_sigstore.ca.issue(KEY.public_key(), "dev@example.com", "https://i"))


@pytest.mark.parametrize(
    ("extensions", "why"),
    [
        ((CODE,), "key usage"),
        ((usage(signs=False), CODE), "key usage"),
        ((usage(certifies=True), CODE), "key usage"),
        ((usage(),), "extended key usage"),
        ((usage(), x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])), "extended key"),
        ((usage(), CODE, x509.BasicConstraints(ca=True, path_length=0)), "an authority's"),
    ],
)
def test_a_certificate_for_something_else_is_refused(
    extensions: tuple[x509.ExtensionType, ...], why: str
) -> None:
    with pytest.raises(InvalidEvidence, match=why) as caught:
        check_profile(signers(*extensions))
    assert caught.value.step == "certificate-profile"


def test_a_critical_extension_that_is_not_understood_refuses() -> None:
    unknown = x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"x")
    check_profile(signers(usage(), CODE, unknown))
    with pytest.raises(InvalidEvidence, match=r"1\.2\.3\.4"):
        check_profile(signers(usage(), CODE, unknown, critical=True))


@pytest.mark.parametrize("raw", [b"", b"x", b"\x30\x00", bytes(100)])
def test_what_is_no_certificate_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedDocument):
        load_certificate(raw)
