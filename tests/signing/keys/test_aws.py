"""Keys of AWS KMS, through boto3 and over real requests to the embedded service."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.signing.keys.signing import signs_as_it_says

from provenance.errors import (
    Forbidden,
    NotEvaluated,
    NotFound,
    ProvenanceError,
    RateLimited,
    RegistryUnavailable,
    SigningError,
    Unauthorized,
    UnsupportedFormat,
)
from provenance.settings import Settings
from provenance.signing.keys import open_key, open_public_key
from provenance.testing import LocalKms

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SETTINGS = Settings(retries=0, timeout=10)


@pytest.fixture
def kms(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalKms]:
    with LocalKms() as service:
        for name, value in service.environ.items():
            monkeypatch.setenv(name, value)
        yield service


@pytest.mark.parametrize(
    ("spec", "algorithm"),
    [
        ("ECC_NIST_P256", "ecdsa-p256"),
        ("ECC_NIST_P384", "ecdsa-p384"),
        ("ECC_NIST_P521", "ecdsa-p521"),
        ("RSA_2048", "rsa-2048"),
        ("RSA_3072", "rsa-3072"),
    ],
)
def test_a_key_signs(kms: LocalKms, spec: str, algorithm: str) -> None:
    kms.create_key("alias/release", spec=spec)
    key = open_key("awskms:///alias/release", settings=SETTINGS)
    assert key.public_key.algorithm == algorithm
    signs_as_it_says(key)
    asked = [r.headers["X-Amz-Target"].partition(".")[2] for r in kms.requests]
    assert set(asked) == {"GetPublicKey", "Sign"}


def test_by_id_and_by_arn_it_is_the_same_key(kms: LocalKms) -> None:
    arn = kms.create_key("alias/release")
    names = (
        "alias/release",
        arn,
        arn.rpartition("/")[2],
        arn.partition("key/")[0] + "alias/release",
    )
    found = {open_public_key(f"awskms:///{name}", settings=SETTINGS) for name in names}
    assert len(found) == 1


def test_an_alias_that_moves_does_not_change_an_open_key(kms: LocalKms) -> None:
    kms.create_key("alias/release")
    key = open_key("awskms:///alias/release", settings=SETTINGS)
    kms.create_key("alias/release")
    signs_as_it_says(key)


def test_the_host_in_the_reference_is_asked_by_https(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with LocalKms(tls=True) as kms:
        for name, value in kms.credentials.items():
            monkeypatch.setenv(name, value)
        kms.create_key("alias/release")
        (tmp_path / "ca.pem").write_bytes(kms.ca_pem)
        reference = f"awskms://{kms.host}/alias/release"
        key = open_key(reference, settings=replace(SETTINGS, ca_bundle=tmp_path / "ca.pem"))
        signs_as_it_says(key)
        with pytest.raises(RegistryUnavailable):  # nobody vouches for its certificate
            open_key(reference, settings=SETTINGS)


def test_a_host_is_asked_unencrypted_only_where_that_is_allowed(
    kms: LocalKms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL_KMS")
    kms.create_key("alias/release")
    reference = f"awskms://{kms.host}/alias/release"
    with pytest.raises(RegistryUnavailable):
        open_key(reference, settings=SETTINGS)
    signs_as_it_says(open_key(reference, settings=replace(SETTINGS, plain_http=(kms.host,))))


def test_a_proxy_is_gone_through_where_there_is_one(
    kms: LocalKms, monkeypatch: pytest.MonkeyPatch
) -> None:
    kms.create_key("alias/release")
    proxied = replace(SETTINGS, proxies={"http": kms.url, "https": kms.url}, no_proxy="direct.test")
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", "http://kms.test")  # which only the proxy knows
    signs_as_it_says(open_key("awskms:///alias/release", settings=proxied))
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", kms.url)  # loopback: never
    nowhere = replace(SETTINGS, proxies={"http": "http://127.0.0.1:9"})
    signs_as_it_says(open_key("awskms:///alias/release", settings=nowhere))


def test_a_curve_that_is_called_like_another_is_refused(kms: LocalKms) -> None:
    # securesystemslib 1.6 takes secp256k1 for P-256, as both sign by ECDSA_SHA_256.
    kms.create_key("alias/coin", spec="ECC_SECG_P256K1")
    with pytest.raises(UnsupportedFormat):
        open_key("awskms:///alias/coin", settings=SETTINGS)


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("AccessDeniedException", 400, Forbidden),
        ("ExpiredTokenException", 400, Unauthorized),
        ("ThrottlingException", 400, RateLimited),
        ("KMSInternalException", 500, RegistryUnavailable),
        ("KMSInvalidStateException", 400, NotEvaluated),
        ("SomethingNewException", 400, NotEvaluated),
    ],
)
def test_who_said_no_is_told(
    kms: LocalKms, code: str, status: int, error: type[ProvenanceError]
) -> None:
    kms.create_key("alias/release")
    key = open_key("awskms:///alias/release", settings=SETTINGS)
    kms.fail("Sign", status, code)
    with pytest.raises(SigningError, match=code):
        key.sign(b"data")
    kms.fail("GetPublicKey", status, code)
    with pytest.raises(error, match=code) as caught:
        open_public_key("awskms:///alias/release", settings=SETTINGS)
    assert caught.value.hint


def test_a_key_that_is_not_there_is_not_found(kms: LocalKms) -> None:
    with pytest.raises(NotFound):
        open_key("awskms:///alias/nobody", settings=SETTINGS)


def test_a_disabled_key_signs_nothing(kms: LocalKms) -> None:
    kms.create_key("alias/release")
    key = open_key("awskms:///alias/release", settings=SETTINGS)
    kms.disable_key("alias/release")
    with pytest.raises(SigningError, match="DisabledException"):
        key.sign(b"data")


def test_without_a_login_it_says_so(kms: LocalKms, monkeypatch: pytest.MonkeyPatch) -> None:
    kms.create_key("alias/release")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(Unauthorized, match="no AWS credentials"):
        open_key("awskms:///alias/release", settings=SETTINGS)


def test_without_a_region_it_says_so(kms: LocalKms, monkeypatch: pytest.MonkeyPatch) -> None:
    arn = kms.create_key()
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    with pytest.raises(NotEvaluated, match="region"):
        open_key("awskms:///alias/release", settings=SETTINGS)
    signs_as_it_says(open_key(f"awskms:///{arn}", settings=SETTINGS))  # which names it


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(UnsupportedFormat, match=r"pip install 'oci-provenance\[aws\]'"):
        open_key("awskms:///alias/release", settings=SETTINGS)


def test_its_own_environment_is_enough_for_a_session(kms: LocalKms) -> None:
    # Keys are opened in threads: nothing of boto3's global session may be made.
    import boto3

    before = boto3.DEFAULT_SESSION
    kms.create_key("alias/release")
    open_key("awskms:///alias/release", settings=SETTINGS)
    assert boto3.DEFAULT_SESSION is before
