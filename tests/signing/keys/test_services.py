"""What holds of every key service: its signatures are looked at, its errors have a type."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from provenance.errors import NotEvaluated, RateLimited, SigningError
from provenance.settings import Settings
from provenance.signing.keys import LocalKey, generate_key_pair, open_public_key, read_private_key
from provenance.signing.keys.services import ServiceKey, ask_json, fetch_public
from provenance.testing import LocalKms, LocalRegistry, LocalTransit
from provenance.transport.client import Client

if TYPE_CHECKING:
    from collections.abc import Callable


def _key(algorithm: str = "ecdsa-p256") -> LocalKey:
    return read_private_key(generate_key_pair("", algorithm=algorithm).private_pem, "")


def _lies() -> dict[str, Callable[[LocalKey], Callable[[bytes], bytes]]]:
    other = _key()
    return {
        "signs with another key": lambda _: other.sign_digest,
        "hashes the digest again": lambda key: key.sign,
        "signs something else": lambda key: lambda _: key.sign(b"something else"),
        "gives nothing": lambda _: lambda _digest: b"",
        "gives noise": lambda _: lambda digest: digest * 2,
        "gives two numbers side by side": lambda key: lambda d: key.sign_digest(d)[8:],
    }


@pytest.mark.parametrize("lie", _lies())
def test_a_signature_that_is_none_is_not_handed_out(lie: str) -> None:
    key = _key()
    service = ServiceKey(key.public_key, "vault", _lies()[lie](key))
    with pytest.raises(SigningError, match="no signature by key sha256:"):
        service.sign(b"data")
    honest = ServiceKey(key.public_key, "vault", key.sign_digest)
    assert honest.sign(b"data")


def test_a_refusal_while_signing_is_a_signing_error() -> None:
    def refuse(_: bytes) -> bytes:
        raise RateLimited("too much", hint="later")

    with pytest.raises(SigningError, match="vault did not sign: too much: later"):
        ServiceKey(_key().public_key, "vault", refuse).sign(b"data")


def test_a_login_does_not_travel_unencrypted() -> None:
    settings = Settings(retries=0, timeout=1)
    with Client(settings) as client, pytest.raises(NotEvaluated, match="not encrypted"):
        ask_json(client, "GET", "http://vault.example:8200/v1/sys", secret="s3cret")
    with pytest.raises(NotEvaluated, match="not encrypted"):
        fetch_public("http://keys.example/cosign.pub", settings)


def test_a_key_to_trust_is_not_fetched_offline() -> None:
    with pytest.raises(NotEvaluated, match="offline"):
        fetch_public("https://keys.example/cosign.pub", Settings(offline=True))


def test_a_login_does_not_follow_redirects() -> None:
    with LocalRegistry() as elsewhere, LocalRegistry() as service:
        service.redirect("/v2/", f"http://{elsewhere.host}/v2/")
        with (
            Client(Settings(retries=0)) as client,
            pytest.raises(NotEvaluated, match="answered 30"),
        ):
            ask_json(client, "GET", f"http://{service.host}/v2/", secret="s3cret")
        assert not elsewhere.requests


def test_securesystemslib_signs_with_the_same_key_of_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    from securesystemslib.signer._aws_signer import AWSSigner

    with LocalKms() as kms:
        for name, value in kms.environ.items():
            monkeypatch.setenv(name, value)
        for number, spec in enumerate(("ECC_NIST_P256", "ECC_NIST_P384")):
            kms.create_key(f"alias/release-{number}", spec=spec)
            uri, public = AWSSigner.import_(f"alias/release-{number}")
            public.verify_signature(AWSSigner.from_priv_key_uri(uri, public).sign(b"data"), b"data")
            ours = open_public_key(f"awskms:///alias/release-{number}")
            assert public.keyval["public"].encode() == ours.to_pem()


def test_securesystemslib_signs_with_the_same_key_of_vault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from securesystemslib.signer._vault_signer import VaultSigner

    with LocalTransit() as vault:
        for name, value in vault.environ.items():
            monkeypatch.setenv(name, value)
        vault.create_key("release", kind="ed25519")
        vault.rotate_key("release")
        uri, public = VaultSigner.import_("release")
        public.verify_signature(VaultSigner.from_priv_key_uri(uri, public).sign(b"data"), b"data")
        ours = open_public_key("hashivault://release", environ=vault.environ)
        assert bytes.fromhex(public.keyval["public"]) == ours.der[-32:]
