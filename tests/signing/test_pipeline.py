"""From a message and a key to a bundle: what is in it, and what is logged of it."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.signing.conftest import MemoryKey, make_key

from provenance.errors import LimitExceeded, NotFound, SigningError
from provenance.settings import Settings
from provenance.signing.exchange import Exchange
from provenance.signing.message import Bytes, File
from provenance.signing.pipeline import Credential, make_bundle
from provenance.signing.record import Envelope
from provenance.signing.signing_config import Choice, Service
from provenance.testing.sigstore import LocalSigstore
from provenance.transport.client import Client
from provenance.trust.material import Validity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from provenance.signing.message import Message

NONE = Choice((), 0)
KINDS = ("ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa-2048", "ed25519")
HASHES = {"ecdsa-p384": "sha384", "ecdsa-p521": "sha512"}


@pytest.fixture(scope="module")
def services() -> Iterator[LocalSigstore]:
    with LocalSigstore(rekor=("v1", "v2")) as running:
        yield running


@pytest.fixture(scope="module")
def keys() -> dict[str, MemoryKey]:
    return {kind: make_key(kind) for kind in KINDS}


def log(services: LocalSigstore, version: int) -> Choice:
    return Choice((Service(services.url, version, "local", Validity()),), 1)


def made(what: Message | Envelope, key: MemoryKey, logs: Choice = NONE) -> dict[str, Any]:
    with Client(Settings(retries=0)) as client:
        bundle = make_bundle(
            what, Credential(key), exchange=Exchange(client), logs=logs, clocks=NONE
        )
    found: dict[str, Any] = json.loads(bundle)
    return found


def logged(bundle: dict[str, Any]) -> dict[str, Any]:
    (entry,) = bundle["verificationMaterial"]["tlogEntries"]
    found: dict[str, Any] = json.loads(base64.b64decode(entry["canonicalizedBody"]))
    return found


ENVELOPE = Envelope("application/vnd.in-toto+json", b'{"a": "b"}')
MESSAGE = Bytes(b"a message")


def test_what_an_envelope_signs_is_the_specifications_example() -> None:
    # DSSE 1.0, protocol.md, "Test vectors".
    example = Envelope("http://example.com/HelloWorld", b"hello world")
    assert example.signed == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("what", [ENVELOPE, MESSAGE])
def test_a_key_is_named_by_the_hint_that_cosign_gives_it(
    keys: dict[str, MemoryKey], kind: str, what: Envelope | Bytes
) -> None:
    bundle = made(what, keys[kind])
    hint = hashlib.sha256(keys[kind].public_key.der).digest()
    assert bundle["verificationMaterial"] == {
        "publicKey": {"hint": base64.b64encode(hint).decode()},
        "tlogEntries": [],
    }


@pytest.mark.parametrize("kind", KINDS)
def test_bytes_are_signed_with_the_hash_of_the_key(keys: dict[str, MemoryKey], kind: str) -> None:
    signed = made(MESSAGE, keys[kind])["messageSignature"]
    name = HASHES.get(kind, "sha256")
    assert signed["messageDigest"] == {
        "algorithm": name.upper().replace("SHA", "SHA2_"),
        "digest": base64.b64encode(hashlib.new(name, MESSAGE.data).digest()).decode(),
    }


@pytest.mark.parametrize("kind", [k for k in KINDS if k != "ed25519"])
def test_rekor_1_logs_bytes_by_their_hash_and_the_key_in_pem(
    services: LocalSigstore, keys: dict[str, MemoryKey], kind: str
) -> None:
    bundle = made(MESSAGE, keys[kind], log(services, 1))
    body, name = logged(bundle), HASHES.get(kind, "sha256")
    assert (body["kind"], body["apiVersion"]) == ("hashedrekord", "0.0.1")
    digest = hashlib.new(name, MESSAGE.data).hexdigest()
    assert body["spec"]["data"] == {"hash": {"algorithm": name, "value": digest}}
    signature = body["spec"]["signature"]
    assert signature["content"] == bundle["messageSignature"]["signature"]
    pem = base64.b64decode(signature["publicKey"]["content"])
    assert pem == keys[kind].public_key.to_pem()


@pytest.mark.parametrize("kind", ["ecdsa-p256", "rsa-2048", "ed25519"])
def test_rekor_1_logs_envelopes_as_dsse(
    services: LocalSigstore, keys: dict[str, MemoryKey], kind: str
) -> None:
    body = logged(made(ENVELOPE, keys[kind], log(services, 1)))
    assert (body["kind"], body["apiVersion"]) == ("dsse", "0.0.1")
    digest = hashlib.sha256(ENVELOPE.payload).hexdigest()
    assert body["spec"]["payloadHash"] == {"algorithm": "sha256", "value": digest}


@pytest.mark.parametrize("kind", ["rsa-2048", "ed25519"])
def test_what_rekor_1_has_already_is_fetched(
    services: LocalSigstore, keys: dict[str, MemoryKey], kind: str
) -> None:
    # These sign the same the same way: the second time Rekor answers 409.
    again = Envelope("application/vnd.in-toto+json", b'{"again": "%s"}' % kind.encode())
    first, second = (made(again, keys[kind], log(services, 1)) for _ in range(2))
    index = [b["verificationMaterial"]["tlogEntries"][0]["logIndex"] for b in (first, second)]
    assert index[0] == index[1]
    assert services.requests[-2].status == 409


@pytest.mark.parametrize("kind", ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521"])
@pytest.mark.parametrize("what", [ENVELOPE, MESSAGE])
def test_rekor_2_logs_everything_by_its_hash(
    services: LocalSigstore, keys: dict[str, MemoryKey], kind: str, what: Envelope | Bytes
) -> None:
    body = logged(made(what, keys[kind], log(services, 2)))
    assert (body["kind"], body["apiVersion"]) == ("hashedrekord", "0.0.2")
    data = body["spec"]["hashedRekordV002"]["data"]
    signed = what.signed if isinstance(what, Envelope) else what.data
    digest = hashlib.new(HASHES.get(kind, "sha256"), signed).digest()
    assert data["digest"] == base64.b64encode(digest).decode()
    key = body["spec"]["hashedRekordV002"]["signature"]["verifier"]
    assert base64.b64decode(key["publicKey"]["rawBytes"]) == keys[kind].public_key.der


@pytest.mark.parametrize(("version", "what"), [(1, MESSAGE), (2, MESSAGE), (2, ENVELOPE)])
def test_no_log_is_asked_for_an_entry_that_it_does_not_take(
    services: LocalSigstore, keys: dict[str, MemoryKey], version: int, what: Envelope | Bytes
) -> None:
    before = len(services.requests)
    with pytest.raises(SigningError, match=r"takes no .*sign with an ECDSA"):
        made(what, keys["ed25519"], log(services, version))
    assert len(services.requests) == before


class TestAHandleThat:
    def test_signs_with_another_key_is_found_out_before_anybody_is_asked(
        self, services: LocalSigstore
    ) -> None:
        key = make_key("ecdsa-p256")
        key.public_key = make_key("ecdsa-p256").public_key
        before = len(services.requests)
        with pytest.raises(SigningError, match="no signature by key sha256:"):
            made(MESSAGE, key, log(services, 1))
        assert len(services.requests) == before

    def test_breaks_is_told_so(self) -> None:
        class Broken(MemoryKey):
            def sign(self, data: bytes, /) -> bytes:
                raise OSError("secret detail of " + data.decode())

        key = Broken(make_key("ecdsa-p256").key)
        with pytest.raises(SigningError, match=r"did not sign: OSError: see its cause$"):
            made(MESSAGE, key)

    def test_signs_hashes_never_sees_the_file(self, tmp_path: Path) -> None:
        from provenance.signing.ephemeral import EphemeralKey

        path = tmp_path / "large"
        path.write_bytes(b"x" * 1000)
        key = EphemeralKey.generate()
        with Client(Settings(retries=0)) as client:
            exchange = Exchange(client)
            raw = make_bundle(
                File(path, limit=10), Credential(key), exchange=exchange, logs=NONE, clocks=NONE
            )
        signed = json.loads(raw)["messageSignature"]
        assert base64.b64decode(signed["messageDigest"]["digest"]) == (
            hashlib.sha256(b"x" * 1000).digest()
        )

    def test_must_see_all_of_a_file_has_a_limit(self, tmp_path: Path) -> None:
        path = tmp_path / "large"
        path.write_bytes(b"x" * 1000)
        with pytest.raises(LimitExceeded, match="all of which this key must see"):
            made(File(path, limit=10), make_key("ed25519"))
        with pytest.raises(NotFound, match="cannot be read"):
            made(File(tmp_path / "none", limit=10), make_key("ed25519"))
