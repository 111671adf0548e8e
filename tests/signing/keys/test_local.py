"""Private keys in PEM, of every kind and encoding that openssl and cosign write."""

from __future__ import annotations

import copy
import pickle
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from asn1crypto.keys import RSAPrivateKey
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa, x25519
from hypothesis import given
from hypothesis import strategies as st
from tests.signing.keys.made_by_cosign import PASSWORD, PRIVATE

from provenance.errors import (
    MalformedDocument,
    ProvenanceError,
    SigningError,
    UnsupportedFormat,
)
from provenance.signing.handle import DigestHandle, KeyHandle
from provenance.signing.keys import LocalKey, read_private_key
from provenance.signing.keys.pem import write_block
from provenance.signing.keys.schemes import check_signature, to_be_signed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PEM, PKCS8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
TRADITIONAL = serialization.PrivateFormat.TraditionalOpenSSL
PLAIN = serialization.NoEncryption()

KEYS: dict[str, Callable[[], Any]] = {
    "ecdsa-p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ecdsa-p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ecdsa-p521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "rsa-2048": lambda: rsa.generate_private_key(65537, 2048),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}
UNUSED: dict[str, Callable[[], Any]] = {
    "secp256k1": lambda: ec.generate_private_key(ec.SECP256K1()),
    "RSA of 1024 bits": lambda: rsa.generate_private_key(65537, 1024),
    "DSA": lambda: dsa.generate_private_key(2048),
    "X25519": x25519.X25519PrivateKey.generate,
}


@pytest.mark.parametrize("algorithm", KEYS)
def test_pkcs8_signs(algorithm: str) -> None:
    key = read_private_key(KEYS[algorithm]().private_bytes(PEM, PKCS8, PLAIN))
    assert key.public_key.algorithm == algorithm
    assert isinstance(key, KeyHandle)
    check_signature(key.public_key, to_be_signed(key.public_key, b"data"), key.sign(b"data"))
    with pytest.raises(SigningError, match="no signature"):
        check_signature(
            key.public_key, to_be_signed(key.public_key, b"other data"), key.sign(b"data")
        )


@pytest.mark.parametrize("algorithm", KEYS)
def test_a_digest_is_signed_like_what_it_is_of(algorithm: str) -> None:
    key = read_private_key(KEYS[algorithm]().private_bytes(PEM, PKCS8, PLAIN))
    assert isinstance(key, DigestHandle)
    digest = to_be_signed(key.public_key, b"data")
    if algorithm == "ed25519":
        with pytest.raises(SigningError, match="not its digest"):
            key.sign_digest(digest)
        return
    check_signature(key.public_key, digest, key.sign_digest(digest))
    with pytest.raises(SigningError, match="not 3 bytes"):
        key.sign_digest(b"abc")


@pytest.mark.parametrize("algorithm", ["ecdsa-p256", "rsa-2048"])
def test_the_older_encodings_sign(algorithm: str) -> None:
    key = read_private_key(KEYS[algorithm]().private_bytes(PEM, TRADITIONAL, PLAIN))
    assert key.public_key.algorithm == algorithm


@pytest.mark.parametrize("form", [PKCS8, TRADITIONAL], ids=["pkcs8", "traditional"])
def test_an_encrypted_key_opens_with_its_password_alone(
    form: serialization.PrivateFormat,
) -> None:
    raw = KEYS["ecdsa-p256"]().private_bytes(
        PEM, form, serialization.BestAvailableEncryption(b"secret")
    )
    assert read_private_key(raw, b"secret").public_key.algorithm == "ecdsa-p256"
    assert read_private_key(raw, environ={"COSIGN_PASSWORD": "secret"}).sign(b"")
    with pytest.raises(SigningError, match="does not open"):
        read_private_key(raw, "wrong")
    with pytest.raises(SigningError, match="no password was given"):
        read_private_key(raw, environ={})


@pytest.mark.parametrize(
    "options",
    [("-iter", "600000"), ("-scrypt",), ("-v1", "PBE-SHA1-3DES", "-iter", "1000")],
    ids=" ".join,
)
def test_every_encryption_of_openssl_opens(options: tuple[str, ...], tmp_path: Path) -> None:
    plain, target = tmp_path / "plain.pem", tmp_path / "encrypted.pem"
    plain.write_bytes(KEYS["ecdsa-p256"]().private_bytes(PEM, PKCS8, PLAIN))
    subprocess.run(
        [
            *("openssl", "pkcs8", "-topk8", "-in", str(plain), "-out", str(target)),
            *("-passout", "pass:secret", *options),
        ],
        check=True,
        capture_output=True,
    )
    key = read_private_key(target.read_bytes(), "secret")
    assert key.public_key == read_private_key(plain.read_bytes()).public_key


def _sequence(*parts: bytes) -> bytes:
    content = b"".join(parts)
    return b"\x30\x82" + len(content).to_bytes(2, "big") + content


def _integer(value: int) -> bytes:
    content = value.to_bytes(value.bit_length() // 8 + 1, "big")
    return bytes((2, len(content))) + content


SALT = b"\x04\x08" + bytes(8)
PBES2, PBKDF2, SCRYPT, PBES1, AES = (
    bytes.fromhex(oid)
    for oid in (
        "06092a864886f70d01050d",
        "06092a864886f70d01050c",
        "06092b06010401da47040b",
        "060a2a864886f70d010c0103",
        "060960864801650304012a",
    )
)


def _encrypted(derivation: bytes) -> bytes:
    """RFC 5958 and RFC 8018, appendix A.4: PBES2 with AES-256."""
    scheme = _sequence(AES, b"\x04\x10" + bytes(16))
    return _sequence(_sequence(PBES2, _sequence(derivation, scheme)), b"\x04\x20" + bytes(32))


ENDLESS = {
    "PBKDF2": _encrypted(_sequence(PBKDF2, _sequence(SALT, _integer(2**40)))),
    "PBES1": _sequence(_sequence(PBES1, _sequence(SALT, _integer(2**30))), b"\x04\x20" + bytes(32)),
    "scrypt's cost": _encrypted(
        _sequence(SCRYPT, _sequence(SALT, _integer(2**30), _integer(8), _integer(1)))
    ),
    "scrypt's block": _encrypted(
        _sequence(SCRYPT, _sequence(SALT, _integer(2**14), _integer(2**20), _integer(1)))
    ),
    "scrypt's repetition": _encrypted(
        _sequence(SCRYPT, _sequence(SALT, _integer(2**14), _integer(8), _integer(2**20)))
    ),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_a_file_that_asks_for_endless_work_is_not_begun(name: str) -> None:
    with pytest.raises(UnsupportedFormat, match="more time or memory"):
        read_private_key(write_block("ENCRYPTED PRIVATE KEY", ENDLESS[name]), "secret")


def test_the_same_file_with_little_work_is_begun() -> None:
    for derivation in (
        _sequence(PBKDF2, _sequence(SALT, _integer(1000))),
        _sequence(SCRYPT, _sequence(SALT, _integer(2**10), _integer(8), _integer(1))),
    ):
        with pytest.raises(SigningError, match="does not open"):
            read_private_key(write_block("ENCRYPTED PRIVATE KEY", _encrypted(derivation)), "secret")


def test_an_encrypted_block_of_noise_is_none() -> None:
    for noise in (b"", b"x", b"\x30\x00", b"\x30\x80", b"\x30\x03\x02\x01\x00"):
        with pytest.raises(MalformedDocument, match="PKCS#8"):
            read_private_key(write_block("ENCRYPTED PRIVATE KEY", noise), "secret")


@given(st.binary(max_size=60), st.integers(min_value=0, max_value=200))
def test_no_encrypted_block_breaks_the_reader(noise: bytes, at: int) -> None:
    honest = _encrypted(_sequence(PBKDF2, _sequence(SALT, _integer(1000))))
    for raw in (noise, honest[:at] + noise + honest[at + len(noise) :]):
        with pytest.raises(ProvenanceError):
            read_private_key(write_block("ENCRYPTED PRIVATE KEY", raw), "secret")


def test_a_password_is_asked_for_only_where_there_is_need() -> None:
    asked = []

    def ask() -> str:
        asked.append(True)
        return PASSWORD

    plain = KEYS["ecdsa-p256"]().private_bytes(PEM, PKCS8, PLAIN)
    read_private_key(plain, ask)
    assert not asked
    read_private_key(PRIVATE, ask, environ={"COSIGN_PASSWORD": "wrong"})
    assert asked == [True]


@pytest.mark.parametrize("name", UNUSED)
def test_a_key_that_nobody_would_verify_is_refused(name: str) -> None:
    with pytest.raises(UnsupportedFormat):
        read_private_key(UNUSED[name]().private_bytes(PEM, PKCS8, PLAIN))


def test_what_is_no_private_key_is_told_apart() -> None:
    key = KEYS["ecdsa-p256"]()
    plain = key.private_bytes(PEM, PKCS8, PLAIN)
    public = key.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    ssh = key.private_bytes(PEM, serialization.PrivateFormat.OpenSSH, PLAIN)
    for raw, error, words in (
        (public, MalformedDocument, "public key"),
        (b"", MalformedDocument, "no private key"),
        (plain + plain, MalformedDocument, "more than one"),
        (plain.replace(b"M", b"!"), MalformedDocument, "base64"),
        (b"x" * 70_000, MalformedDocument, "70000"),
        (ssh, UnsupportedFormat, "OpenSSH"),
    ):
        with pytest.raises(error, match=words):
            read_private_key(raw, environ={})


def test_what_stands_around_the_key_does_not_matter() -> None:
    plain = KEYS["ecdsa-p256"]().private_bytes(PEM, TRADITIONAL, PLAIN)
    curve = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    around = b"a comment\r\n" + curve + plain.replace(b"\n", b"\r\n") + b"\r\nthe end"
    assert read_private_key(around).public_key == read_private_key(plain).public_key


def test_a_key_is_not_shown_and_not_taken_along() -> None:
    key = read_private_key(PRIVATE, PASSWORD)
    assert "_private" not in repr(key)
    for take in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled"):
            take(key)


@pytest.mark.parametrize(
    "options",
    [
        ("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"),
        ("genpkey", "-algorithm", "ed25519"),
        ("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"),
        ("genpkey", "-algorithm", "ed25519", "-aes-256-cbc", "-pass", "pass:secret"),
        ("ecparam", "-name", "prime256v1", "-genkey"),
        ("genrsa", "-traditional", "2048"),
    ],
    ids=" ".join,
)
def test_what_openssl_makes_signs_and_openssl_agrees(
    options: tuple[str, ...], tmp_path: Path
) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not on this machine")
    path = tmp_path / "key.pem"
    first, *rest = options
    subprocess.run([openssl, first, "-out", str(path), *rest], check=True, capture_output=True)
    key = read_private_key(path.read_bytes(), "secret")
    _agree(openssl, key, tmp_path)


def _agree(openssl: str, key: LocalKey, folder: Path) -> None:
    for name, content in (
        ("pub.pem", key.public_key.to_pem()),
        ("data", b"data"),
        ("signature", key.sign(b"data")),
    ):
        (folder / name).write_bytes(content)
    scheme = {"ed25519": ["-rawin"], "ecdsa-p384": ["-rawin", "-digest", "sha384"]}
    subprocess.run(
        [
            *(openssl, "pkeyutl", "-verify", "-pubin", "-inkey", str(folder / "pub.pem")),
            *("-in", str(folder / "data"), "-sigfile", str(folder / "signature")),
            *scheme.get(key.public_key.algorithm, ["-rawin", "-digest", "sha256"]),
        ],
        check=True,
        capture_output=True,
    )


def test_an_rsa_key_too_large_to_be_checked_is_not() -> None:
    """Two large primes that everybody knows (Mersenne's) fill a key file, and hours to check."""
    p, q, e = 2**21_701 - 1, 2**44_497 - 1, 65_537
    d = pow(e, -1, (p - 1) * (q - 1))
    numbers = RSAPrivateKey(
        {
            "version": 0,
            "modulus": p * q,
            "public_exponent": e,
            "private_exponent": d,
            "prime1": p,
            "prime2": q,
            "exponent1": d % (p - 1),
            "exponent2": d % (q - 1),
            "coefficient": pow(q, -1, p),
        }
    )
    raw = write_block("RSA PRIVATE KEY", numbers.dump())
    with pytest.raises(UnsupportedFormat, match="66198 bits"):
        read_private_key(raw)


def test_an_rsa_key_whose_numbers_do_not_belong_together_is_none() -> None:
    der = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.DER, TRADITIONAL, PLAIN
    )
    numbers = RSAPrivateKey.load(der)
    numbers["exponent1"] = 5
    with pytest.raises(MalformedDocument):
        read_private_key(write_block("RSA PRIVATE KEY", numbers.dump(force=True)))
