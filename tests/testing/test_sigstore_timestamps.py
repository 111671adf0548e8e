"""The timestamps, judged by OpenSSL's `ts` command."""

from __future__ import annotations

import datetime as dt
import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from rfc3161_client import TimestampRequestBuilder, decode_timestamp_response
from rfc3161_client.base import HashAlgorithm
from rfc3161_client.verify import VerifierBuilder

from provenance.testing.sigstore import LocalSigstore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.testing.sigstore.timestamps import TimestampAuthority


Command = list[str | Path]


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


def post(sigstore: LocalSigstore, query: bytes) -> requests.Response:
    headers = {"Content-Type": "application/timestamp-query"}
    return requests.post(
        f"{sigstore.url}/api/v1/timestamp", data=query, headers=headers, timeout=10
    )


def pem(tsa: TimestampAuthority, index: int) -> bytes:
    return tsa.chain[index].public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
@pytest.mark.parametrize("options", [["-cert"], ["-cert", "-no_nonce"], []], ids=" ".join)
def test_openssl_verifies_what_it_asked_for(
    sigstore: LocalSigstore, openssl: str, tmp_path: Path, algorithm: str, options: list[str]
) -> None:
    data, query, reply = tmp_path / "data", tmp_path / "query", tmp_path / "reply"
    root, leaf = tmp_path / "root", tmp_path / "leaf"
    data.write_bytes(b"data")
    root.write_bytes(pem(sigstore.tsa, -1))
    leaf.write_bytes(pem(sigstore.tsa, 0))
    asked: Command = [
        openssl,
        "ts",
        "-query",
        "-data",
        data,
        f"-{algorithm}",
        *options,
        "-out",
        query,
    ]
    subprocess.run(asked, check=True, capture_output=True)
    answer = post(sigstore, query.read_bytes())
    assert answer.headers["Content-Type"] == "application/timestamp-reply"
    reply.write_bytes(answer.content)
    command: Command = [
        openssl,
        "ts",
        "-verify",
        "-in",
        reply,
        "-queryfile",
        query,
        "-CAfile",
        root,
    ]
    if "-cert" not in options:
        command += ["-untrusted", leaf.name]  # of several, parted by blanks
    good = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert "Verification: OK" in good.stdout, good.stderr

    reply.write_bytes(answer.content[:-1] + bytes([answer.content[-1] ^ 1]))
    bad = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert bad.returncode != 0
    assert "signature failure" in bad.stderr


def test_openssl_refuses_another_root(
    sigstore: LocalSigstore, openssl: str, tmp_path: Path
) -> None:
    with LocalSigstore() as other:
        (tmp_path / "root").write_bytes(pem(other.tsa, -1))
    (tmp_path / "reply").write_bytes(sigstore.tsa.stamp(hashlib.sha256(b"data").digest()))
    command: Command = [
        openssl,
        "ts",
        "-verify",
        "-in",
        tmp_path / "reply",
        "-CAfile",
        tmp_path / "root",
    ]
    command += ["-digest", hashlib.sha256(b"data").hexdigest()]
    bad = subprocess.run(command, capture_output=True, text=True, check=False)
    assert bad.returncode != 0
    assert "certificate verify error" in bad.stderr


def test_the_sigstore_client_verifies_it(sigstore: LocalSigstore) -> None:
    builder = TimestampRequestBuilder().data(b"signature").hash_algorithm(HashAlgorithm.SHA256)
    request = builder.nonce(nonce=True).build()
    assert request.nonce is not None
    response = decode_timestamp_response(post(sigstore, request.as_bytes()).content)
    verifier = (
        VerifierBuilder()
        .tsa_certificate(sigstore.tsa.chain[0])
        .add_root_certificate(sigstore.tsa.chain[-1])
        .nonce(request.nonce)
        .build()
    )
    assert verifier.verify_message(response, b"signature")


def test_it_states_any_time_it_is_told(sigstore: LocalSigstore) -> None:
    moment = dt.datetime(2031, 2, 3, 4, 5, 6, tzinfo=dt.UTC)
    stamp = sigstore.tsa.stamp(b"\0" * 32, at=moment)
    assert decode_timestamp_response(stamp).tst_info.gen_time == moment


@pytest.mark.parametrize("query", [b"", b"\x30\x00", b"\x30\x80", b"x" * 100, b"\x30" * 5000])
def test_what_is_no_request_is_refused(sigstore: LocalSigstore, query: bytes) -> None:
    assert post(sigstore, query).status_code == 400


def test_weak_hashes_are_refused(sigstore: LocalSigstore, openssl: str, tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"data")
    asked: Command = [openssl, "ts", "-query", "-data", tmp_path / "data", "-sha1"]
    query = subprocess.run(asked, check=True, capture_output=True).stdout
    answer = post(sigstore, query)
    assert (answer.status_code, "sha256" in answer.text) == (400, True)
