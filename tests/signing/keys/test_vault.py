"""Keys of the transit engine, over real requests to the embedded one."""

from __future__ import annotations

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
from provenance.testing import LocalTransit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SETTINGS = Settings(retries=0, timeout=10)
KINDS = ("ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa-2048", "ed25519")


@pytest.fixture
def vault() -> Iterator[LocalTransit]:
    with LocalTransit() as service:
        yield service


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_signs(vault: LocalTransit, kind: str) -> None:
    vault.create_key("release", kind=kind)
    key = open_key("hashivault://release", settings=SETTINGS, environ=vault.environ)
    assert key.public_key.algorithm == kind
    signs_as_it_says(key)


def test_the_newest_version_signs_and_an_open_key_keeps_its_own(vault: LocalTransit) -> None:
    vault.create_key("release")
    first = open_key("hashivault://release", settings=SETTINGS, environ=vault.environ)
    for _ in range(10):
        vault.rotate_key("release")
    newest = open_key("hashivault://release", settings=SETTINGS, environ=vault.environ)
    assert newest.public_key != first.public_key
    signs_as_it_says(newest)
    signs_as_it_says(first)


def test_openbao_is_asked_by_its_own_names_first(vault: LocalTransit) -> None:
    vault.create_key("release")
    environ = {
        **{k.replace("VAULT_", "BAO_"): v for k, v in vault.environ.items()},
        "VAULT_ADDR": "http://127.0.0.1:9",
        "VAULT_TOKEN": "of another",
    }
    signs_as_it_says(open_key("openbao://release", settings=SETTINGS, environ=environ))
    # It takes Vault's where it has none of its own, as its clients do.
    signs_as_it_says(open_key("openbao://release", settings=SETTINGS, environ=vault.environ))


def test_namespace_and_mount_are_honoured() -> None:
    with LocalTransit(mount="team/transit", namespace="org/team") as vault:
        vault.create_key("release")
        signs_as_it_says(open_key("hashivault://release", settings=SETTINGS, environ=vault.environ))
        without = {k: v for k, v in vault.environ.items() if k != "VAULT_NAMESPACE"}
        with pytest.raises(Forbidden):
            open_key("hashivault://release", settings=SETTINGS, environ=without)


def test_the_token_of_a_login_is_found(vault: LocalTransit, tmp_path: Path) -> None:
    vault.create_key("release")
    environ = vault.environ
    (tmp_path / ".vault-token").write_text(environ.pop("VAULT_TOKEN"))
    with pytest.raises(Unauthorized, match="no token"):
        open_key("hashivault://release", settings=SETTINGS, environ=environ)
    environ["HOME"] = str(tmp_path)
    found = open_public_key("hashivault://release", settings=SETTINGS, environ=environ)
    assert found.algorithm == "ecdsa-p256"


def test_its_authority_is_honoured(tmp_path: Path) -> None:
    with LocalTransit(tls=True) as vault:
        vault.create_key("release")
        with pytest.raises(RegistryUnavailable, match="certificate"):
            open_key("hashivault://release", settings=SETTINGS, environ=vault.environ)
        (tmp_path / "ca.pem").write_bytes(vault.ca_pem)
        environ = {**vault.environ, "VAULT_CACERT": str(tmp_path / "ca.pem")}
        signs_as_it_says(open_key("hashivault://release", settings=SETTINGS, environ=environ))


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (403, Forbidden),
        (429, RateLimited),
        (500, RegistryUnavailable),
        (503, RegistryUnavailable),
        (400, NotEvaluated),
    ],
)
def test_who_said_no_is_told(
    vault: LocalTransit, status: int, error: type[ProvenanceError]
) -> None:
    vault.create_key("release")
    key = open_key("hashivault://release", settings=SETTINGS, environ=vault.environ)
    vault.fail("/sign/", status, "no")
    with pytest.raises(SigningError):
        key.sign(b"data")
    vault.fail("/keys/", status, "no")
    with pytest.raises(error) as caught:
        open_key("hashivault://release", settings=SETTINGS, environ=vault.environ)
    assert caught.value.hint
    assert vault.environ["VAULT_TOKEN"] not in str(caught.value)


def test_what_is_not_there_and_what_signs_nothing(vault: LocalTransit) -> None:
    with pytest.raises(NotFound):
        open_key("hashivault://nobody", settings=SETTINGS, environ=vault.environ)
    vault.create_key("secret", kind="aes256-gcm96")
    with pytest.raises(UnsupportedFormat, match="signs nothing"):
        open_key("hashivault://secret", settings=SETTINGS, environ=vault.environ)


def test_without_an_address_it_says_so() -> None:
    for product, name in (("hashivault", "VAULT_ADDR"), ("openbao", "BAO_ADDR")):
        with pytest.raises(NotEvaluated, match=name):
            open_key(f"{product}://release", settings=SETTINGS, environ={})
    with pytest.raises(NotEvaluated, match="TRANSIT_SECRET_ENGINE_PATH"):
        open_key(
            "hashivault://release",
            settings=SETTINGS,
            environ={
                "VAULT_ADDR": "http://127.0.0.1:9",
                "VAULT_TOKEN": "t",
                "TRANSIT_SECRET_ENGINE_PATH": "../sys",
            },
        )


ODD = {
    "no data": {},
    "data of another kind": {"data": []},
    "no versions": {"data": {"latest_version": 1}},
    "a version that is not there": {"data": {"latest_version": 2, "keys": {"1": {}}}},
    "a version that is a truth": {"data": {"latest_version": True, "keys": {"True": {}}}},
    "no public key": {"data": {"latest_version": 1, "keys": {"1": {}}}},
    "a public key of noise": {"data": {"latest_version": 1, "keys": {"1": {"public_key": "x"}}}},
    "a private key": {
        "data": {
            "latest_version": 1,
            "keys": {"1": {"public_key": "-----BEGIN PRIVATE KEY-----\n"}},
        }
    },
}


@pytest.mark.parametrize("name", ODD)
def test_an_answer_that_means_nothing_is_an_error_of_ours(
    name: str, vault: LocalTransit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vault, "answer", lambda *_: ODD[name])
    with pytest.raises(ProvenanceError):
        open_key("hashivault://release", settings=SETTINGS, environ=vault.environ)


@pytest.mark.parametrize("signature", [None, "", "vault:v1:", "vault:v1:!!", "v1:AAAA", 7])
def test_what_is_no_signature_is_not_taken_for_one(
    signature: object, vault: LocalTransit, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.create_key("release")
    key = open_key("hashivault://release", settings=SETTINGS, environ=vault.environ)
    monkeypatch.setattr(vault, "answer", lambda *_: {"data": {"signature": signature}})
    with pytest.raises(SigningError):
        key.sign(b"data")
