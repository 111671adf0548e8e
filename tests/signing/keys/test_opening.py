"""From a reference to what signs and what verifies: files, variables, the web."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.signing.keys.made_by_cosign import PASSWORD, PRIVATE, PUBLIC
from tests.signing.keys.signing import signs_as_it_says

from provenance.attestation.public_key import PublicKey
from provenance.errors import (
    InvalidReference,
    LimitExceeded,
    MalformedDocument,
    NotEvaluated,
    NotFound,
    SigningError,
    UnsupportedFormat,
)
from provenance.settings import Settings
from provenance.signing.keys import open_key, open_public_key
from provenance.testing import LocalRegistry

THE_KEY = PublicKey.parse(PUBLIC)


def test_a_file_by_path_and_by_text(tmp_path: Path) -> None:
    (tmp_path / "a.key").write_bytes(PRIVATE)
    (tmp_path / "a.pub").write_bytes(PUBLIC)
    for make in (str, Path):
        key = open_key(make(tmp_path / "a.key"), password=PASSWORD)
        signs_as_it_says(key)
        assert open_public_key(make(tmp_path / "a.pub")) == key.public_key == THE_KEY


def test_a_variable() -> None:
    environ = {"KEY": PRIVATE.decode(), "COSIGN_PASSWORD": PASSWORD, "PUB": PUBLIC.decode()}
    assert open_key("env://KEY", environ=environ).public_key == THE_KEY
    assert open_public_key("env://PUB", environ=environ) == THE_KEY
    with pytest.raises(NotFound, match="OTHER is not set"):
        open_key("env://OTHER", environ=environ)


def test_a_public_key_as_it_is() -> None:
    for given in (THE_KEY, PUBLIC, THE_KEY.der, PUBLIC.decode(), f"\n{PUBLIC.decode()}"):
        assert open_public_key(given) == THE_KEY


def test_halves_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "a.key").write_bytes(PRIVATE)
    (tmp_path / "a.pub").write_bytes(PUBLIC)
    with pytest.raises(MalformedDocument, match="private key, not a public key"):
        open_public_key(tmp_path / "a.key")
    with pytest.raises(MalformedDocument, match="this is a public key"):
        open_key(tmp_path / "a.pub")


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no file"):
        open_key(tmp_path)
    with pytest.raises(NotFound, match="awskms:///alias/A"):
        open_key(tmp_path / "nothing")
    (tmp_path / "large").write_bytes(b"x" * 1_000_000)
    with pytest.raises(MalformedDocument):
        open_public_key(tmp_path / "large")
    with pytest.raises((NotFound, NotEvaluated)):
        open_key("a" * 5000)
    for no_path in (Path("a\0b"), "a\ud800b", Path("a\ud800b")):
        for opened in (open_key, open_public_key):
            with pytest.raises(InvalidReference, match="is no path"):
                opened(no_path)
    with pytest.raises(InvalidReference):
        open_key("s3://bucket/key")


def test_a_variable_that_is_no_utf_8_holds_no_key() -> None:
    for opened in (open_key, open_public_key):
        with pytest.raises(MalformedDocument):
            opened("env://KEY", environ={"KEY": "\udcff"})


def test_a_device_is_not_read() -> None:
    with pytest.raises(NotFound):
        open_key("/dev/zero")


def test_a_wrong_password_names_no_password(tmp_path: Path) -> None:
    (tmp_path / "a.key").write_bytes(PRIVATE)
    with pytest.raises(SigningError) as caught:
        open_key(tmp_path / "a.key", password="hunter2")
    assert "hunter2" not in str(caught.value)


def test_a_public_key_on_the_web(tmp_path: Path) -> None:
    with LocalRegistry(tls=True) as server:
        digest = server.put_blob("keys", PUBLIC)
        large = server.put_blob("keys", b"x" * 100_000)
        (tmp_path / "ca.pem").write_bytes(server.ca_pem or b"")
        settings = Settings(ca_bundle=tmp_path / "ca.pem", retries=0)
        base = f"https://{server.host}/v2/keys/blobs"
        assert open_public_key(f"{base}/{digest}", settings=settings) == THE_KEY
        with pytest.raises(LimitExceeded):
            open_public_key(f"{base}/{large}", settings=settings)
        with pytest.raises(NotFound):
            open_public_key(f"{base}/sha256:{'0' * 64}", settings=settings)
        with pytest.raises(UnsupportedFormat, match="no private key"):
            open_key(f"{base}/{digest}", settings=settings)
        # Loopback is not the network.
        offline = replace(settings, offline=True)
        assert open_public_key(f"{base}/{digest}", settings=offline) == THE_KEY
