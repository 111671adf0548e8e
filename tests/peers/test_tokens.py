"""Keys on a token of SoftHSM2; openssl and securesystemslib's own signer judge what it signs."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.peers.softhsm import PIN, Token, make_token
from tests.signing.keys.signing import signs_as_it_says

from provenance.errors import (
    NotEvaluated,
    NotFound,
    SigningError,
    Unauthorized,
)
from provenance.signing.keys import open_key, open_public_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.peer

KINDS = {
    "ecdsa-p256": b"\x01",
    "ecdsa-p384": b"\x02",
    "ecdsa-p521": b"\x03",
    "rsa-2048": b"\x04",
}


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Token]:
    import pkcs11

    folder = tmp_path_factory.mktemp("softhsm")
    with pytest.MonkeyPatch.context() as patch:
        made = make_token(folder, patch, "My Token")
        make_token(folder, patch, "twin")
        make_token(folder, patch, "twin")
        for kind, key_id in KINDS.items():
            made.add(kind, f"key {kind}", key_id)
        made.add("ecdsa-p256", "double", b"\x10")
        made.add("ecdsa-p256", "double", b"\x11")
        made.add("ecdsa-p256", "half", b"\x12", public=False)
        yield made
        pkcs11.unload(str(made.module))


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_signs(token: Token, kind: str) -> None:
    for what in (f"object=key%20{kind}", f"id=%{KINDS[kind].hex()}"):
        key = open_key(token.reference(what), environ={})
        assert key.public_key.algorithm == kind
        signs_as_it_says(key)
        assert open_public_key(token.reference(what, pin=""), environ={}) == key.public_key


@pytest.mark.parametrize("kind", KINDS)
def test_openssl_agrees(token: Token, kind: str, tmp_path: Path) -> None:
    key = open_key(token.reference(f"id=%{KINDS[kind].hex()}"), environ={})
    for name, content in (
        ("pub.pem", key.public_key.to_pem()),
        ("data", b"data"),
        ("signature", key.sign(b"data")),
    ):
        (tmp_path / name).write_bytes(content)
    digest = {"ecdsa-p384": "sha384", "ecdsa-p521": "sha512"}.get(kind, "sha256")
    verify = ("openssl", "dgst", f"-{digest}", "-verify", "pub.pem", "-signature", "signature")
    subprocess.run([*verify, "data"], check=True, cwd=tmp_path, capture_output=True)


@pytest.mark.parametrize("kind", ["ecdsa-p256", "ecdsa-p384"])
def test_securesystemslib_names_the_same_key(
    token: Token, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from securesystemslib.signer._hsm_signer import HSMSigner

    monkeypatch.setenv("PYKCS11LIB", str(token.module))
    uri, public = HSMSigner.import_(KINDS[kind][0], token.label)
    ours = open_public_key(token.reference(f"id=%{KINDS[kind].hex()}"), environ={})
    assert public.keyval["public"].encode() == ours.to_pem()
    signer = HSMSigner.from_priv_key_uri(uri, public, lambda _: PIN)
    public.verify_signature(signer.sign(b"data"), b"data")


def test_the_pin_comes_from_wherever_it_may(token: Token, tmp_path: Path) -> None:
    bare = token.reference("id=%01", pin="")
    (tmp_path / "pin").write_text(f"{PIN}\n")
    signs_as_it_says(open_key(bare, environ={"COSIGN_PKCS11_PIN": PIN}))
    signs_as_it_says(open_key(bare, password=lambda: PIN, environ={}))
    signs_as_it_says(open_key(f"{bare}&pin-source=file:{tmp_path}/pin", environ={}))
    with pytest.raises(Unauthorized, match="needs a PIN"):
        open_key(bare, environ={})
    with pytest.raises(Unauthorized, match="pin-source"):
        open_key(f"{bare}&pin-source=file:{tmp_path}/nothing", environ={})


def test_the_module_comes_from_the_environment_too(token: Token) -> None:
    reference = token.reference("id=%01").replace(f"module-path={token.module}&", "")
    environ = {"COSIGN_PKCS11_MODULE_PATH": str(token.module)}
    signs_as_it_says(open_key(reference, environ=environ))
    for module in ("", "libsofthsm2.so", "/nowhere/libsofthsm2.so"):
        with pytest.raises(NotEvaluated, match="no path of a PKCS#11 module"):
            open_key(reference, environ={"COSIGN_PKCS11_MODULE_PATH": module})


def test_a_wrong_pin_is_said_to_be_one_and_never_shown(token: Token) -> None:
    with pytest.raises(Unauthorized, match="PIN") as caught:
        open_key(token.reference("id=%01", pin="98765"), environ={})
    assert "98765" not in str(caught.value)


def test_a_pin_that_is_no_text_is_told_and_never_shown(token: Token) -> None:
    reference = token.reference("object=ecdsa-p256", pin="")
    environ = {"COSIGN_PKCS11_PIN": "hunter2\udcff"}
    for opened in (
        lambda: open_key(reference, environ=environ),
        lambda: open_public_key(reference, environ=environ),
        lambda: open_key(reference, password=b"hunter2\xff", environ={}),
    ):
        with pytest.raises(Unauthorized, match="not in UTF-8") as caught:
            opened()
        assert caught.value.__cause__ is None


def test_what_is_not_there(token: Token, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no token"):
        open_key(Token("another", token.module).reference("id=%01"), environ={})
    for what in ("id=%99", "object=nobody"):
        with pytest.raises(NotFound, match="has 0 public keys"):
            open_key(token.reference(what), environ={})
    no_module = tmp_path / "module.so"
    no_module.write_text("no library")
    with pytest.raises(NotEvaluated, match="refuses"):
        open_key(Token("t", no_module).reference("id=%01"), environ={})


def test_a_name_of_two_is_not_taken_for_one(token: Token) -> None:
    with pytest.raises(NotFound, match="has 2 p"):
        open_key(token.reference("object=double"), environ={})
    signs_as_it_says(open_key(token.reference("object=double;id=%11"), environ={}))
    with pytest.raises(NotEvaluated, match="2 tokens"):
        open_key(Token("twin", token.module).reference("id=%01"), environ={})


def test_the_slot_and_the_serial_tell_twins_apart(token: Token) -> None:
    import pkcs11

    slots = pkcs11.lib(str(token.module)).get_slots(token_present=True)
    twins = [s for s in slots if s.get_token().label == "twin"]
    assert len(twins) == 2
    ours = next(s for s in slots if s.get_token().label == "My Token")
    serial = ours.get_token().serial.decode().rstrip()
    for also in (f"slot-id={ours.slot_id}", f"serial={serial}", "model=SoftHSM%20v2"):
        signs_as_it_says(open_key(token.reference(f"{also};id=%01"), environ={}))
    with pytest.raises(NotFound, match="no token"):
        open_key(token.reference(f"slot-id={twins[0].slot_id};id=%01"), environ={})


def test_a_key_without_its_public_half_is_told(token: Token) -> None:
    with pytest.raises(NotFound, match="public"):
        open_key(token.reference("object=half"), environ={})


def test_a_token_that_is_gone_is_a_signing_error(
    token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = open_key(token.reference("id=%01"), environ={})
    from provenance.signing.keys import token as room

    monkeypatch.setattr(room._Token, "_is_meant", lambda *_: False)
    with pytest.raises(SigningError, match="no token"):
        key.sign(b"data")


def test_threads_take_turns(token: Token) -> None:
    from concurrent.futures import ThreadPoolExecutor

    key = open_key(token.reference("id=%01"), environ={})
    with ThreadPoolExecutor(8) as pool:
        assert len(list(pool.map(key.sign, [b"data"] * 40))) == 40
