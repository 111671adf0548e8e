"""cosign's encrypted key file: what cosign wrote opens, what could harm does not."""

from __future__ import annotations

import base64
import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.signing.keys.made_by_cosign import PASSWORD, PRIVATE, PUBLIC

from provenance.attestation.public_key import PublicKey
from provenance.errors import MalformedDocument, ProvenanceError, SigningError, UnsupportedFormat
from provenance.signing.keys import cosign_file, read_private_key
from provenance.signing.keys.pem import read_private_block, write_block
from provenance.signing.keys.schemes import check_signature, to_be_signed

if TYPE_CHECKING:
    from collections.abc import Callable


def _document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(read_private_block(PRIVATE)[1])
    return document


def test_a_key_of_cosign_opens_and_signs() -> None:
    key = read_private_key(PRIVATE, PASSWORD)
    assert key.public_key == PublicKey.parse(PUBLIC)
    check_signature(
        PublicKey.parse(PUBLIC), to_be_signed(PublicKey.parse(PUBLIC), b"data"), key.sign(b"data")
    )


def test_the_label_of_cosign_1_is_read_too() -> None:
    old = PRIVATE.replace(b"ENCRYPTED SIGSTORE", b"ENCRYPTED COSIGN")
    assert read_private_key(old, PASSWORD).public_key == PublicKey.parse(PUBLIC)


@pytest.mark.parametrize("password", ["wrong", "", "correct-horse "])
def test_another_password_is_refused(password: str) -> None:
    with pytest.raises(SigningError, match="password does not open"):
        read_private_key(PRIVATE, password, environ={})


def test_the_file_has_what_cosign_writes_and_nothing_else() -> None:
    ours = json.loads(cosign_file.encrypt(b"content", b"secret"))
    theirs = _document()

    def shape(value: Any) -> Any:
        return {k: shape(v) for k, v in value.items()} if isinstance(value, dict) else type(value)

    assert shape(ours) == shape(theirs)
    assert ours["kdf"]["params"] == theirs["kdf"]["params"]
    for part, name in (("kdf", "salt"), ("cipher", "nonce")):
        lengths = {len(base64.b64decode(d[part][name])) for d in (ours, theirs)}
        assert len(lengths) == 1


def test_salt_and_nonce_are_new_each_time() -> None:
    first, second = (json.loads(cosign_file.encrypt(b"content", b"secret")) for _ in range(2))
    assert first["kdf"]["salt"] != second["kdf"]["salt"]
    assert first["cipher"]["nonce"] != second["cipher"]["nonce"]


@pytest.mark.parametrize("cost", [32_768, 65_536, 131_072])
def test_the_costs_that_were_ever_written_are_read(
    cost: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cosign_file, "_WRITTEN", cost)
    raw = cosign_file.encrypt(b"content", b"secret")
    assert json.loads(raw)["kdf"]["params"]["N"] == cost
    assert cosign_file.decrypt(raw, b"secret") == b"content"


def _set(*path: str, to: Any) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        for name in path[:-1]:
            document = document[name]
        document[path[-1]] = to

    return change


HARMFUL = {
    "a memory bomb by N": (_set("kdf", "params", "N", to=1 << 30), UnsupportedFormat),
    "a memory bomb by r": (_set("kdf", "params", "r", to=1 << 20), UnsupportedFormat),
    "endless work by p": (_set("kdf", "params", "p", to=1 << 20), UnsupportedFormat),
    "no work at all": (_set("kdf", "params", "N", to=2), UnsupportedFormat),
    "a number that is a truth": (_set("kdf", "params", "p", to=True), UnsupportedFormat),
    "a number with a fraction": (_set("kdf", "params", "N", to=65536.0), UnsupportedFormat),
    "a cost that is text": (_set("kdf", "params", "N", to="65536"), UnsupportedFormat),
    "another derivation": (_set("kdf", "name", to="none"), UnsupportedFormat),
    "another cipher": (_set("cipher", "name", to="none"), UnsupportedFormat),
    "a short nonce": (_set("cipher", "nonce", to="AAAA"), MalformedDocument),
    "no salt": (_set("kdf", "salt", to=""), MalformedDocument),
    "salt that is no base64": (_set("kdf", "salt", to="!"), MalformedDocument),
    "salt that is no text": (_set("kdf", "salt", to=[]), MalformedDocument),
    "parameters that are a list": (_set("kdf", "params", to=[]), MalformedDocument),
    "no ciphertext": (_set("ciphertext", to=""), SigningError),
    "another ciphertext": (_set("ciphertext", to="AAAA" * 30), SigningError),
}


@pytest.mark.parametrize("name", HARMFUL)
def test_a_harmful_file_is_refused(name: str) -> None:
    change, error = HARMFUL[name]
    document = copy.deepcopy(_document())
    change(document)
    with pytest.raises(error):
        cosign_file.decrypt(json.dumps(document).encode(), PASSWORD.encode())


def test_a_name_twice_is_refused() -> None:
    raw = read_private_block(PRIVATE)[1]
    twice = raw.replace(b'{"kdf":', b'{"ciphertext":"AAAA","kdf":')
    with pytest.raises(MalformedDocument, match="twice"):
        cosign_file.decrypt(twice, PASSWORD.encode())


@given(st.binary(max_size=300))
@settings(max_examples=200)
def test_no_bytes_break_the_reader(data: bytes) -> None:
    for raw in (data, write_block("ENCRYPTED SIGSTORE PRIVATE KEY", data)):
        with pytest.raises(ProvenanceError):
            read_private_key(raw, "", environ={})


@given(st.dictionaries(st.sampled_from(["kdf", "cipher", "ciphertext"]), st.text() | st.none()))
def test_no_document_breaks_the_reader(document: dict[str, Any]) -> None:
    with pytest.raises(ProvenanceError):
        cosign_file.decrypt(json.dumps(document).encode(), b"")


@given(st.binary(max_size=200))
def test_a_block_is_read_as_it_was_written(content: bytes) -> None:
    label, read, _ = read_private_block(write_block("PRIVATE KEY", content))
    assert (label, read) == ("PRIVATE KEY", content)
