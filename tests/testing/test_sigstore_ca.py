"""The certificates, judged by OpenSSL and by cryptography's own SCT and extension parsers."""

from __future__ import annotations

import base64
import datetime as dt
import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ObjectIdentifier

from provenance.testing.sigstore import LocalSigstore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WORKFLOW = "https://github.com/org/app/.github/workflows/release.yml@refs/tags/v1"
GITHUB = "https://token.actions.githubusercontent.com"


@pytest.fixture(scope="module")
def sigstore() -> Iterator[LocalSigstore]:
    with LocalSigstore() as running:
        yield running


@pytest.fixture(scope="module")
def openssl() -> str:
    found = shutil.which("openssl")
    if found is None:
        pytest.skip("no openssl on this machine")
    return found


def key_request(key: ec.EllipticCurvePrivateKey, signed: str) -> dict[str, Any]:
    """What cosign sends."""
    pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    hashed = {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}[key.key_size]
    proof = base64.b64encode(key.sign(signed.encode(), ec.ECDSA(hashed))).decode()
    public = {"algorithm": "ECDSA", "content": pem.decode()}
    return {"publicKeyRequest": {"publicKey": public, "proofOfPossession": proof}}


def csr_request(csr: x509.CertificateSigningRequest) -> dict[str, Any]:
    """What sigstore-python sends."""
    pem = csr.public_bytes(serialization.Encoding.PEM)
    return {"certificateSigningRequest": base64.b64encode(pem).decode()}


def ask(sigstore: LocalSigstore, body: dict[str, Any], token: str | None) -> requests.Response:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    url = f"{sigstore.url}/api/v2/signingCert"
    return requests.post(url, data=json.dumps(body), headers=headers, timeout=10)


def leaf(sigstore: LocalSigstore, identity: str = "dev@example.com", **claims: Any) -> list[str]:
    key = ec.generate_private_key(ec.SECP256R1())
    answer = ask(sigstore, key_request(key, identity), sigstore.token(identity, **claims))
    assert answer.status_code == 200
    chain: list[str] = answer.json()["signedCertificateEmbeddedSct"]["chain"]["certificates"]
    certificate = x509.load_pem_x509_certificate(chain[0].encode())
    assert certificate.public_key() == key.public_key()
    return chain


def fulcio(certificate: x509.Certificate, number: int) -> str | None:
    try:
        value = certificate.extensions.get_extension_for_oid(
            ObjectIdentifier(f"1.3.6.1.4.1.57264.1.{number}")
        ).value
    except x509.ExtensionNotFound:
        return None
    assert isinstance(value, x509.UnrecognizedExtension)
    if number < 8:
        return value.value.decode()
    assert value.value[0] == 0x0C  # UTF8String
    assert value.value[1] == len(value.value) - 2
    return value.value[2:].decode()


def test_openssl_verifies_the_chain(sigstore: LocalSigstore, openssl: str, tmp_path: Path) -> None:
    with LocalSigstore() as other:
        roots = {"ours": sigstore.ca.chain_pem()[1], "theirs": other.ca.chain_pem()[1]}
    certificate, intermediate, root = leaf(sigstore)
    assert root == roots["ours"]
    (tmp_path / "leaf").write_text(certificate)
    (tmp_path / "intermediate").write_text(intermediate)
    verdicts = {}
    for name, pem in roots.items():
        (tmp_path / "root").write_text(pem)
        command = [openssl, "verify", "-x509_strict", "-CAfile", str(tmp_path / "root")]
        command += ["-untrusted", str(tmp_path / "intermediate"), str(tmp_path / "leaf")]
        verdicts[name] = subprocess.run(command, capture_output=True, text=True, check=False)
    assert verdicts["ours"].stdout.endswith("leaf: OK\n"), verdicts["ours"].stderr
    assert verdicts["theirs"].returncode != 0
    shown = subprocess.run(
        [openssl, "x509", "-noout", "-text", "-in", str(tmp_path / "leaf")],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    log_id = ":".join(f"{byte:02X}" for byte in sigstore.ca.ct_log_id[:8])
    assert "X509v3 Subject Alternative Name: critical\n                email:dev@ex" in shown
    assert f"Log ID    : {log_id}" in shown
    assert "Code Signing" in shown


def test_the_certificate_is_good_for_ten_minutes_and_names_nobody_else(
    sigstore: LocalSigstore,
) -> None:
    certificate = x509.load_pem_x509_certificate(leaf(sigstore)[0].encode())
    lifetime = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert lifetime == dt.timedelta(minutes=10)
    assert certificate.subject == x509.Name([])
    assert fulcio(certificate, 1) == fulcio(certificate, 8) == sigstore.issuer
    assert [fulcio(certificate, n) for n in range(9, 24)] == [None] * 15


def test_its_sct_is_of_its_log_and_now(sigstore: LocalSigstore) -> None:
    certificate = x509.load_pem_x509_certificate(leaf(sigstore)[0].encode())
    (sct,) = certificate.extensions.get_extension_for_class(
        x509.PrecertificateSignedCertificateTimestamps
    ).value
    assert sct.log_id == sigstore.ca.ct_log_id
    assert sct.timestamp == certificate.not_valid_before_utc.replace(tzinfo=None)


def test_a_workflow_gets_githubs_extensions(sigstore: LocalSigstore) -> None:
    claims = {
        "iss": GITHUB,
        "repository": "org/app",
        "repository_id": "11",
        "repository_owner_id": "12",
        "repository_visibility": "public",
        "ref": "refs/tags/v1",
        "sha": "a" * 40,
        "workflow": "release",
        "workflow_ref": "org/app/.github/workflows/main.yml@refs/tags/v1",
        "workflow_sha": "b" * 40,
        "job_workflow_sha": "c" * 40,
        "event_name": "push",
        "runner_environment": "github-hosted",
        "run_id": "77",
        "run_attempt": "2",
        "environment": "production",
    }
    certificate = x509.load_pem_x509_certificate(leaf(sigstore, WORKFLOW, **claims)[0].encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [WORKFLOW]
    # The mapping of Fulcio's docs/oid-info.md.
    assert {n: fulcio(certificate, n) for n in range(1, 24) if n != 7} == {
        1: GITHUB,
        2: "push",
        3: "a" * 40,
        4: "release",
        5: "org/app",
        6: "refs/tags/v1",
        8: GITHUB,
        9: WORKFLOW,
        10: "c" * 40,
        11: "github-hosted",
        12: "https://github.com/org/app",
        13: "a" * 40,
        14: "refs/tags/v1",
        15: "11",
        16: "https://github.com/org",
        17: "12",
        18: "https://github.com/org/app/.github/workflows/main.yml@refs/tags/v1",
        19: "b" * 40,
        20: "push",
        21: "https://github.com/org/app/actions/runs/77/attempts/2",
        22: "public",
        23: "production",
    }


def test_github_s_own_subject_leads_to_the_workflow_too(sigstore: LocalSigstore) -> None:
    subject = "repo:org/app:ref:refs/tags/v1"
    job = WORKFLOW.removeprefix("https://github.com/")
    pem = leaf(sigstore, subject, job_workflow_ref=job)[0]
    certificate = x509.load_pem_x509_certificate(pem.encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [WORKFLOW]


def test_a_user_name_becomes_fulcio_s_other_name(sigstore: LocalSigstore) -> None:
    certificate = x509.load_pem_x509_certificate(leaf(sigstore, "robot")[0].encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    (name,) = names.get_values_for_type(x509.OtherName)
    assert (name.type_id.dotted_string, name.value) == ("1.3.6.1.4.1.57264.1.7", b"\x0c\x05robot")


def test_a_federated_issuer_is_the_one_named(sigstore: LocalSigstore) -> None:
    pem = leaf(sigstore, federated_claims={"connector_id": "https://accounts.example.com"})[0]
    certificate = x509.load_pem_x509_certificate(pem.encode())
    assert fulcio(certificate, 8) == "https://accounts.example.com"


@pytest.mark.parametrize("curve", [ec.SECP384R1(), ec.SECP521R1()], ids=lambda curve: curve.name)
def test_larger_curves_are_certified(sigstore: LocalSigstore, curve: ec.EllipticCurve) -> None:
    key = ec.generate_private_key(curve)
    request = key_request(key, "dev@example.com")
    assert ask(sigstore, request, sigstore.token()).status_code == 200


def test_a_token_in_the_body_counts(sigstore: LocalSigstore) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    request = key_request(key, "dev@example.com")
    request["credentials"] = {"oidcIdentityToken": sigstore.token()}
    assert ask(sigstore, request, None).status_code == 200


def test_bad_tokens_are_refused(sigstore: LocalSigstore) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    request = key_request(key, "dev@example.com")
    now = int(sigstore.now().timestamp())
    with LocalSigstore() as other:
        foreign = other.token(iss=sigstore.issuer)
    good = sigstore.token()
    tokens = {
        "foreign": (foreign, "not one of ours: Signature"),
        "altered": (f"{good[:-12]}{'A' * 12}", "not one of ours: Signature"),
        "expired": (sigstore.token(exp=now - 1), "not valid now"),
        "early": (sigstore.token(nbf=now + 60), "not valid now"),
        "audience": (sigstore.token(aud="others"), "not one of ours: Audience"),
        "unverified": (sigstore.token(email_verified=False), "not verified"),
        "no token": ("x", "not one of ours"),
    }
    for name, (token, why) in tokens.items():
        answer = ask(sigstore, request, token)
        assert (answer.status_code, why in answer.json()["message"]) == (401, True), name


def test_keys_that_are_not_the_caller_s_are_refused(sigstore: LocalSigstore) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    thief = key_request(ec.generate_private_key(ec.SECP256R1()), "dev@example.com")
    stolen = key_request(key, "dev@example.com")
    stolen["publicKeyRequest"]["publicKey"] = thief["publicKeyRequest"]["publicKey"]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    csr = builder.sign(key, hashes.SHA256())
    der = csr.public_bytes(serialization.Encoding.DER)
    altered = x509.load_der_x509_csr(der[:-1] + bytes([der[-1] ^ 1]))
    edwards = builder.sign(ed25519.Ed25519PrivateKey.generate(), None)
    assert ask(sigstore, csr_request(csr), sigstore.token()).status_code == 200
    refused = {
        "a proof over another identity": (key_request(key, "x@example.com"), "possession"),
        "another's key": (stolen, "possession"),
        "an altered CSR": (csr_request(altered), "not signed by its key"),
        "a key of another kind": (csr_request(edwards), "only ECDSA"),
        "no key": ({}, "publicKeyRequest"),
        "no base64": ({"certificateSigningRequest": "\u00fc"}, "ValueError"),
    }
    for name, (request, why) in refused.items():
        answer = ask(sigstore, request, sigstore.token())
        assert (answer.status_code, why in answer.json()["message"]) == (400, True), name
