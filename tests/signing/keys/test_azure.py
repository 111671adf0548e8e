"""Keys of Azure Key Vault, through Azure's own clients to a small service that challenges them.

Real logins (`DefaultAzureCredential`) and managed HSMs are not tested.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.signing.keys.clouds import AzureVault, new_private
from tests.signing.keys.signing import signs_as_it_says

from provenance.errors import (
    Forbidden,
    NotEvaluated,
    NotFound,
    ProvenanceError,
    RateLimited,
    RegistryUnavailable,
    SigningError,
    UnsupportedFormat,
)
from provenance.settings import Settings
from provenance.signing.keys import open_key
from provenance.signing.keys.azure import open_azure_key
from provenance.signing.keys.references import AzureKey

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from provenance.signing.keys.services import ServiceKey

SETTINGS = Settings(timeout=10, retries=0)


class Login:
    """An Azure `TokenCredential`: the protocol that Azure's clients take."""

    def get_token(self, *scopes: str, **_: Any) -> Any:
        from azure.core.credentials import AccessToken

        assert scopes
        return AccessToken("of-no-account", int(time.time()) + 3600)


class Scene:
    def __init__(self, vault: AzureVault, folder: Path) -> None:
        self.vault, self.ca = vault, folder / "ca.pem"
        self.ca.write_bytes(vault.ca_pem)

    def open(self, name: str, version: str = "") -> ServiceKey:
        options = {"connection_verify": str(self.ca), "verify_challenge_resource": False}
        reference = AzureKey(self.vault.host, name, version)
        return open_azure_key(reference, SETTINGS, Login(), **options)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with AzureVault() as vault:
        yield Scene(vault, tmp_path)


@pytest.mark.parametrize("algorithm", ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa-2048"])
def test_a_key_signs(scene: Scene, algorithm: str) -> None:
    scene.vault.keys["release"] = [new_private(algorithm)]
    key = scene.open("release")
    assert key.public_key.algorithm == algorithm
    signs_as_it_says(key)


def test_the_newest_version_signs_and_an_open_key_keeps_its_own(scene: Scene) -> None:
    versions = scene.vault.keys["release"] = [new_private("ecdsa-p256")]
    first = scene.open("release")
    versions.append(new_private("ecdsa-p256"))
    assert scene.open("release").public_key != first.public_key
    assert scene.open("release", f"{1:032x}").public_key == first.public_key
    signs_as_it_says(first)


def test_a_key_that_is_not_there_is_not_found(scene: Scene) -> None:
    with pytest.raises(NotFound):
        scene.open("nobody")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (403, Forbidden),
        (429, RateLimited),
        (503, RegistryUnavailable),
        (400, NotEvaluated),
    ],
)
def test_who_said_no_is_told(scene: Scene, status: int, error: type[ProvenanceError]) -> None:
    scene.vault.keys["release"] = [new_private("ecdsa-p256")]
    key = scene.open("release")
    scene.vault.fail("/sign", status, "NO")
    with pytest.raises(SigningError):
        key.sign(b"data")
    scene.vault.fail("/keys/", status, "NO")
    with pytest.raises(error):
        scene.open("release")


def test_a_kind_of_key_that_is_not_used_is_refused(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.vault.keys["release"] = [new_private("ecdsa-p256")]
    answer = {"key": {"kid": f"{scene.vault.url}/keys/release/1", "kty": "EC", "crv": "P-256K"}}
    monkeypatch.setattr(scene.vault, "answer", lambda *_: answer)
    with pytest.raises(UnsupportedFormat, match="P-256K"):
        scene.open("release")


def test_a_signature_of_another_length_is_none(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.vault.keys["release"] = [new_private("ecdsa-p256")]
    key = scene.open("release")
    honest = scene.vault.answer

    def answer(request: Any, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        found = honest(request, operation, body)
        return {**found, "value": "AAAA"} if "value" in found else found

    monkeypatch.setattr(scene.vault, "answer", answer)
    with pytest.raises(SigningError, match="no signature of this curve"):
        key.sign(b"data")


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "azure.keyvault.keys", None)
    with pytest.raises(UnsupportedFormat, match=r"pip install 'oci-provenance\[azure\]'"):
        open_key("azurekms://my.vault.azure.net/release", settings=SETTINGS)
