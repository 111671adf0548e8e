"""Trust roots out of PEM files: what cosign makes of the same files, and what is no part."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
from typing import TYPE_CHECKING, Any

import asn1crypto.pem
import asn1crypto.x509
import pytest
from cryptography.hazmat.primitives import serialization

import provenance as pv
from provenance.errors import MalformedDocument, NotFound, UnsupportedFormat
from provenance.testing.sigstore import LocalSigstore
from provenance.testing.sigstore.keys import pem
from provenance.testing.sigstore.schemes import new_key
from provenance.trust import Trust, TrustPart

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SINCE = dt.datetime(2024, 1, 2, 3, 4, 5, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def sigstore() -> Iterator[LocalSigstore]:
    with LocalSigstore(rekor=("v1", "v2")) as running:
        yield running


def public_pem(der: bytes) -> bytes:
    key = serialization.load_der_public_key(der)
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, form)


def key_pem(key: Any) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    found: bytes = key.public_key().public_bytes(serialization.Encoding.PEM, form)
    return found


def der_of(one: bytes) -> bytes:
    return base64.b64decode(b"".join(one.strip().splitlines()[1:-1]))


def chain(certificates: Any) -> bytes:
    return b"".join(pem(one) for one in certificates)


def parts(sigstore: LocalSigstore) -> dict[str, Any]:
    v1, v2 = sigstore.logs
    return {
        "certificate_authorities": [TrustPart(chain(sigstore.ca.authority.chain), sigstore.url)],
        "logs": [
            TrustPart(public_pem(v1.public_key), sigstore.url, start=SINCE),
            TrustPart(public_pem(v2.public_key), sigstore.url, origin="127.0.0.1"),
        ],
        "certificate_logs": [TrustPart(key_pem(sigstore.ca.ct_key), f"{sigstore.url}/ct")],
        "timestamp_authorities": [TrustPart(chain(sigstore.tsa.chain), sigstore.url)],
    }


@pytest.mark.parametrize("log", [0, 1], ids=["v1", "v2"])
def test_what_an_instance_signs_is_verified_by_its_parts(
    sigstore: LocalSigstore, log: int, tmp_path: Path
) -> None:
    trust = Trust.from_parts(**parts(sigstore))
    bundle = tmp_path / "bundle.json"
    forged = sigstore.forger(log=sigstore.logs[log]).blob(b"data")
    bundle.write_text(json.dumps(forged))
    who = pv.Identity("dev@example.com", issuer=sigstore.issuer)
    (tmp_path / "data").write_bytes(b"data")
    proven = pv.verify_blob(tmp_path / "data", bundle, who, trust=trust)
    assert proven.identity == "dev@example.com"
    assert trust.age is None
    assert trust.source == "its parts"


def test_the_parts_are_those_of_the_root(sigstore: LocalSigstore) -> None:
    made, served = Trust.from_parts(**parts(sigstore)).material, sigstore.trust.material
    assert [(log.key, log.log_id, log.key_details, log.url) for log in made.logs] == [
        (log.key, log.log_id, log.key_details, log.url) for log in served.logs
    ]
    for ours, theirs in (
        (made.certificate_authorities, served.certificate_authorities),
        (made.timestamp_authorities, served.timestamp_authorities),
    ):
        assert [one.certificates for one in ours] == [one.certificates for one in theirs]
    assert made.certificate_logs[0].log_id == served.certificate_logs[0].log_id


def test_windows_are_those_of_certificates_unless_they_are_said(sigstore: LocalSigstore) -> None:
    given = parts(sigstore)
    material = Trust.from_parts(**given).material
    root = sigstore.ca.authority.chain[-1]
    assert material.certificate_authorities[0].validity.start == root.not_valid_before_utc
    leaf = sigstore.tsa.chain[0]
    assert material.timestamp_authorities[0].validity.start == leaf.not_valid_before_utc
    assert [log.validity.start for log in material.logs] == [
        SINCE,
        dt.datetime(1970, 1, 1, tzinfo=dt.UTC),
    ]
    end = SINCE + dt.timedelta(days=1)
    ended = TrustPart(key_pem(new_key()), start=SINCE, end=end)
    (log,) = Trust.from_parts(logs=[ended]).material.logs
    assert (log.validity.start, log.validity.end) == (SINCE, end)


@pytest.mark.parametrize(
    ("algorithm", "details"),
    [
        ("ecdsa-p256", "PKIX_ECDSA_P256_SHA_256"),
        ("ecdsa-p384", "PKIX_ECDSA_P384_SHA_384"),
        ("ecdsa-p521", "PKIX_ECDSA_P521_SHA_512"),
        ("ed25519", "PKIX_ED25519"),
        ("rsa-2048", "PKIX_RSA_PKCS1V15_2048_SHA256"),
    ],
)
def test_logs_are_named_as_rekor_names_them(algorithm: str, details: str) -> None:
    key = new_key(algorithm)
    raw = key_pem(key)
    spki = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    plain, named = Trust.from_parts(
        logs=[TrustPart(raw), TrustPart(raw, origin="log.example")]
    ).material.logs
    assert plain.key_details == named.key_details == details
    assert plain.log_id == hashlib.sha256(spki).digest()
    # C2SP signed-note; rekor-tiles, pkg/note: ECDSA keeps the hash of the key alone.
    if algorithm.startswith("ecdsa"):
        assert named.log_id == plain.log_id
    elif algorithm == "ed25519":
        expected = b"log.example\n\x01" + key.public_key().public_bytes_raw()
        assert named.log_id == hashlib.sha256(expected).digest()
    else:
        expected = b"log.example\n\xffPKIX-RSA-PKCS#1v1.5" + spki
        assert named.log_id == hashlib.sha256(expected).digest()


def test_files_are_read_and_missing_ones_told(sigstore: LocalSigstore, tmp_path: Path) -> None:
    file = tmp_path / "log.pub"
    file.write_bytes(key_pem(new_key()))
    for path in (file, str(file)):
        assert Trust.from_parts(logs=[TrustPart(path)]).has_logs
    with pytest.raises(NotFound, match=r"none\.pub.*cannot be read"):
        Trust.from_parts(logs=[TrustPart(tmp_path / "none.pub")])
    with pytest.raises(NotFound, match="cannot be read"):
        Trust.from_parts(logs=[TrustPart("-----BEGIN\0")])


def test_no_part_is_no_root() -> None:
    with pytest.raises(MalformedDocument, match="neither a certificate authority nor a log"):
        Trust.from_parts()


def test_what_is_no_part_is_refused(sigstore: LocalSigstore) -> None:
    issuing, root = (pem(one) for one in sigstore.ca.authority.chain)
    stamping = chain(sigstore.tsa.chain)
    key = key_pem(new_key())
    naive = dt.datetime(2024, 1, 1)  # noqa: DTZ001 - the fault
    cases: dict[str, tuple[dict[str, Any], str]] = {
        "a key as a chain": ({"certificate_authorities": [TrustPart(key)]}, "no certificates"),
        "a chain as a key": ({"logs": [TrustPart(root)]}, "no public key"),
        "nothing": ({"logs": [TrustPart(b"")]}, "no public key"),
        "a chain out of order": (
            {"certificate_authorities": [TrustPart(root + issuing)]},
            "not issued by the next",
        ),
        "a signer among authorities": (
            {"certificate_authorities": [TrustPart(stamping)]},
            "certificate 1 of a part is not of its kind",
        ),
        "an authority that stamps": (
            {"logs": [TrustPart(key)], "timestamp_authorities": [TrustPart(issuing + root)]},
            "certificate 1 of a part is not of its kind",
        ),
        "a time without zone": ({"logs": [TrustPart(key, start=naive)]}, "no zone"),
        "an end before the start": (
            {"logs": [TrustPart(key, start=SINCE, end=SINCE - dt.timedelta(1))]},
            "ends before",
        ),
    }
    stranger = LocalSigstore().ca.authority.chain[-1]  # of the same name, with another key
    cases["a chain of names alone"] = (
        {"certificate_authorities": [TrustPart(issuing + pem(stranger))]},
        "not issued by the next",
    )
    twice = asn1crypto.x509.Certificate.load(der_of(root))
    extensions = twice["tbs_certificate"]["extensions"]
    extensions.append(extensions[0].copy())
    cases["an extension twice"] = (
        {
            "certificate_authorities": [
                TrustPart(asn1crypto.pem.armor("CERTIFICATE", twice.dump(force=True)))
            ]
        },
        "not of its kind",
    )
    east = dt.timezone(dt.timedelta(hours=5))
    cases["a time before all times"] = (
        {"logs": [TrustPart(key, start=dt.datetime.min.replace(tzinfo=east))]},
        "beyond the calendar's end",
    )
    for given, why in cases.values():
        with pytest.raises(MalformedDocument, match=why):
            Trust.from_parts(**given)


def test_a_key_that_logs_do_not_have_is_not_read() -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    with pytest.raises(UnsupportedFormat, match="no algorithm that logs sign with"):
        Trust.from_parts(logs=[TrustPart(key_pem(ec.generate_private_key(ec.SECP256K1())))])
    der = der_of(key_pem(new_key()))
    odd = der.replace(bytes.fromhex("2a8648ce3d0201"), bytes.fromhex("2a8648ce3d0209"))
    with pytest.raises(UnsupportedFormat, match="no algorithm that logs sign with"):
        Trust.from_parts(logs=[TrustPart(asn1crypto.pem.armor("PUBLIC KEY", odd))])


def test_a_root_of_logs_alone_is_one(sigstore: LocalSigstore, tmp_path: Path) -> None:
    trust = Trust.from_parts(logs=parts(sigstore)["logs"])
    assert trust.has_logs
    bundle = tmp_path / "bundle.json"
    bundle.write_text(json.dumps(sigstore.forger(stamped=False).blob(b"data")))
    (tmp_path / "data").write_bytes(b"data")
    who = pv.Identity("dev@example.com", issuer=sigstore.issuer)
    with pytest.raises(pv.InvalidEvidence) as refused:
        pv.verify_blob(tmp_path / "data", bundle, who, trust=trust)
    assert "certificate" in refused.value.step, refused.value


@pytest.mark.corpus
def test_the_public_instance_s_files_are_the_keys_of_its_root(corpus: Path) -> None:
    targets = corpus / "sigstore-roots" / "targets"
    intermediate = (targets / "fulcio_intermediate_v1.crt.pem").read_bytes()
    authority = intermediate + (targets / "fulcio_v1.crt.pem").read_bytes()
    made = Trust.from_parts(
        certificate_authorities=[TrustPart(authority)],
        logs=[TrustPart(targets / "rekor.pub")],
        certificate_logs=[TrustPart(targets / n) for n in ("ctfe.pub", "ctfe_2022.pub")],
    ).material
    published = Trust.from_file(targets / "trusted_root.json").material
    assert {log.log_id for log in made.logs} <= {log.log_id for log in published.logs}
    ids = {log.log_id for log in published.certificate_logs}
    assert {log.log_id for log in made.certificate_logs} == ids
    chains = [one.certificates for one in published.certificate_authorities]
    assert made.certificate_authorities[0].certificates in chains
    assert base64.b64encode(made.logs[0].log_id).startswith(b"wNI9")
