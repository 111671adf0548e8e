"""Certificate chains: by signature, at a time, through authorities for signing code alone."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from provenance.errors import InvalidEvidence
from provenance.trust.material import Validity
from provenance.verification.anchors import Anchors, TrustedAuthority
from provenance.verification.chain import verify_chain

BEGIN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
END = BEGIN + dt.timedelta(days=100)
NOW = BEGIN + dt.timedelta(days=50)
DAY = dt.timedelta(days=1)
CODE = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING])


class Issuer:
    """An authority with a key of its own."""

    def __init__(self, name: str, above: Issuer | None = None, **options: Any) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = certificate(self, above or self, **options)


def certificate(
    subject: Issuer | None,
    issuer: Issuer,
    *,
    ca: bool | None = True,
    path_length: int | None = None,
    begin: dt.datetime = BEGIN,
    end: dt.datetime = END,
    more: tuple[x509.ExtensionType, ...] = (),
    critical: bool = False,
) -> x509.Certificate:
    key = subject.key if subject else ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject.name if subject else x509.Name([]))
        .issuer_name(issuer.name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
    )
    if ca is not None:
        builder = builder.add_extension(
            x509.BasicConstraints(ca=ca, path_length=path_length), critical=True
        )
    for extension in more:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(issuer.key, hashes.SHA256())


def leaf(issuer: Issuer, **options: Any) -> x509.Certificate:
    return certificate(None, issuer, ca=None, **options)


def anchors(*chains: tuple[Issuer, ...], validity: Validity | None = None) -> Anchors:
    trusted = (
        TrustedAuthority("https://ca", tuple(i.certificate for i in c), validity or Validity())
        for c in chains
    )
    return Anchors((), (), tuple(trusted), ())


def refused(*arguments: Any) -> str:
    with pytest.raises(InvalidEvidence) as caught:
        verify_chain(*arguments)
    assert caught.value.step == "certificate-chain"
    return str(caught.value)


ROOT = Issuer("root")
MIDDLE = Issuer("middle", ROOT, path_length=0, more=(CODE,))


def test_it_leads_to_the_root_through_what_the_root_lists_or_the_bundle_brings() -> None:
    one = leaf(MIDDLE)
    expected = (MIDDLE.certificate, ROOT.certificate)
    assert verify_chain(one, (), NOW, anchors((MIDDLE, ROOT))) == expected
    assert verify_chain(one, (MIDDLE.certificate,), NOW, anchors((ROOT,))) == expected
    assert verify_chain(leaf(ROOT), (), NOW, anchors((ROOT,))) == (ROOT.certificate,)
    # An authority that is trusted by itself needs nothing above it.
    assert verify_chain(one, (), NOW, anchors((MIDDLE,))) == (MIDDLE.certificate,)
    assert "does not chain" in refused(one, (), NOW, anchors((ROOT,)))
    assert "does not chain" in refused(one, (), NOW, anchors())


def test_a_name_is_no_signature() -> None:
    decoy = Issuer("middle", ROOT)
    trusted = anchors((decoy, ROOT), (MIDDLE, ROOT))
    assert verify_chain(leaf(MIDDLE), (), NOW, trusted)[0] == MIDDLE.certificate
    refused(leaf(MIDDLE), (decoy.certificate,), NOW, anchors((ROOT,)))
    other = Issuer("root")
    refused(leaf(ROOT), (), NOW, anchors((other,)))
    # Brought along, a root of the same name is believed for nothing.
    refused(leaf(other), (other.certificate,), NOW, anchors((ROOT,)))


@pytest.mark.parametrize("moment", [BEGIN, NOW, END])
def test_both_ends_of_a_validity_belong_to_it(moment: dt.datetime) -> None:
    trusted = anchors((MIDDLE, ROOT), validity=Validity(moment, moment))
    verify_chain(leaf(MIDDLE, begin=moment, end=moment), (), moment, trusted)


@pytest.mark.parametrize("moment", [BEGIN - DAY, END + DAY])
def test_a_time_outside_of_any_validity_is_refused(moment: dt.datetime) -> None:
    wide: dict[str, Any] = {"begin": BEGIN - 9 * DAY, "end": END + 9 * DAY}
    root = Issuer("root", **wide)
    middle = Issuer("middle", root)
    assert "was valid from" in refused(leaf(MIDDLE), (), moment, anchors((MIDDLE, ROOT)))
    assert "does not chain" in refused(leaf(middle, **wide), (), moment, anchors((middle, root)))
    window = anchors((root,), validity=Validity(BEGIN, END))
    assert "not trusted at the time" in refused(leaf(root, **wide), (), moment, window)


@pytest.mark.parametrize(
    "options",
    [
        {"ca": False},
        {"ca": None},
        {"more": (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),)},
        {"more": (x509.KeyUsage(True, False, False, False, False, False, False, False, False),)},
        {
            "more": (x509.UnrecognizedExtension(ObjectIdentifier("1.2.3"), b"x"),),
            "critical": True,
        },
        {
            "more": (x509.NameConstraints([x509.DNSName("example.org")], None),),
            "critical": True,
        },
        {"more": (x509.NameConstraints(None, [x509.RFC822Name("example.com")]),)},
    ],
)
def test_what_may_not_certify_signers_does_not(options: dict[str, Any]) -> None:
    issuer = Issuer("middle", ROOT, **options)
    refused(leaf(issuer), (), NOW, anchors((issuer, ROOT)))
    refused(leaf(issuer), (issuer.certificate,), NOW, anchors((ROOT,)))


def test_a_path_no_longer_than_the_authority_allows() -> None:
    below = Issuer("below", MIDDLE)  # MIDDLE allows no authority below it
    refused(leaf(below), (), NOW, anchors((below, MIDDLE, ROOT)))
    wider = Issuer("wider", ROOT, path_length=1)
    below = Issuer("below", wider, path_length=0)
    verify_chain(leaf(below), (), NOW, anchors((below, wider, ROOT)))


def test_circles_and_crowds_end() -> None:
    one, two = Issuer("one"), Issuer("two")
    crossed = (certificate(one, two), certificate(two, one))
    refused(leaf(one), crossed, NOW, anchors((ROOT,)))
    crowd = tuple(certificate(one, one) for _ in range(9))
    refused(leaf(one), crowd, NOW, anchors((ROOT,)))
