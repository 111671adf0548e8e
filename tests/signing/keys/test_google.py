"""Keys of Google Cloud KMS, through Google's own client over REST to a small service.

gRPC, which the client speaks to the real one, and real logins are not tested.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from tests.signing.keys.clouds import GoogleKms, Version, new_private
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
from provenance.signing.keys import open_key
from provenance.signing.keys.google import open_google_key
from provenance.signing.keys.references import GoogleKey

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "projects/p/locations/global/keyRings/r/cryptoKeys/k"
SETTINGS = Settings(timeout=10, retries=0)
P256 = "EC_SIGN_P256_SHA256"


@pytest.fixture
def kms() -> Iterator[GoogleKms]:
    with GoogleKms() as service:
        yield service


@pytest.mark.parametrize(
    ("algorithm", "name"),
    [
        ("ecdsa-p256", P256),
        ("ecdsa-p384", "EC_SIGN_P384_SHA384"),
        ("rsa-2048", "RSA_SIGN_PKCS1_2048_SHA256"),
    ],
)
def test_a_key_signs(kms: GoogleKms, algorithm: str, name: str) -> None:
    kms.versions["1"] = Version(new_private(algorithm), name)
    key = open_google_key(GoogleKey(NAME), SETTINGS, kms.client())
    assert key.public_key.algorithm == algorithm
    signs_as_it_says(key)


def test_the_newest_enabled_version_signs(kms: GoogleKms) -> None:
    for number in range(1, 13):
        state = "DISABLED" if number == 12 else "ENABLED"
        kms.versions[str(number)] = Version(new_private("ecdsa-p256"), P256, state)
    newest = open_google_key(GoogleKey(NAME), SETTINGS, kms.client())
    eleventh = open_google_key(GoogleKey(NAME, "11"), SETTINGS, kms.client())
    assert newest.public_key == eleventh.public_key
    assert open_google_key(GoogleKey(NAME, "2"), SETTINGS, kms.client()) != newest
    with pytest.raises(NotEvaluated):  # disabled, so it says nothing of itself
        open_google_key(GoogleKey(NAME, "12"), SETTINGS, kms.client())


def test_without_an_enabled_version_there_is_no_key(kms: GoogleKms) -> None:
    with pytest.raises(NotFound, match="no enabled version"):
        open_google_key(GoogleKey(NAME), SETTINGS, kms.client())
    with pytest.raises(NotFound):
        open_google_key(GoogleKey(NAME, "1"), SETTINGS, kms.client())


@pytest.mark.parametrize(
    "name", ["RSA_SIGN_PSS_2048_SHA256", "RSA_SIGN_PKCS1_4096_SHA512", "EC_SIGN_SECP256K1_SHA256"]
)
def test_a_key_that_signs_in_another_way_is_refused(kms: GoogleKms, name: str) -> None:
    kms.versions["1"] = Version(new_private("rsa-2048"), name)
    with pytest.raises(UnsupportedFormat, match=name):
        open_google_key(GoogleKey(NAME), SETTINGS, kms.client())


def test_a_key_that_is_not_what_it_is_said_to_be_is_refused(kms: GoogleKms) -> None:
    kms.versions["1"] = Version(new_private("ecdsa-p384"), P256)
    with pytest.raises(UnsupportedFormat):
        open_google_key(GoogleKey(NAME), SETTINGS, kms.client())


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, Unauthorized),
        (403, Forbidden),
        (429, RateLimited),
        (503, RegistryUnavailable),
        (400, NotEvaluated),
    ],
)
def test_who_said_no_is_told(kms: GoogleKms, status: int, error: type[ProvenanceError]) -> None:
    kms.versions["1"] = Version(new_private("ecdsa-p256"), P256)
    key = open_google_key(GoogleKey(NAME, "1"), SETTINGS, kms.client())
    kms.fail("cryptoKeyVersions", status, "NO")
    with pytest.raises(SigningError):
        key.sign(b"data")
    with pytest.raises(error):
        open_google_key(GoogleKey(NAME, "1"), SETTINGS, kms.client())


def test_without_a_login_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", "/nowhere")
    with pytest.raises(Unauthorized, match="no Google credentials"):
        open_key(f"gcpkms://{NAME}", settings=SETTINGS)


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.cloud.kms", None)
    with pytest.raises(UnsupportedFormat, match=r"pip install 'oci-provenance\[gcp\]'"):
        open_key(f"gcpkms://{NAME}", settings=SETTINGS)
