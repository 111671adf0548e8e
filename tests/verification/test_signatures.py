"""Signatures by keys of every kind, with every hash they may have signed with, and no other."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, padding
from hypothesis import given
from hypothesis import strategies as st

from provenance.digests import Digest
from provenance.errors import InvalidEvidence, UnsupportedFormat
from provenance.testing.sigstore.schemes import new_key, sign
from provenance.verification.content import SignedBytes
from provenance.verification.signatures import check_signature, is_log_signature, signs

DATA = b"what is signed"
WHOLE = SignedBytes(DATA)
HASHES = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}

# RFC 8032 section 7.3: Ed25519ph of "abc".
PH_KEY = bytes.fromhex("ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf")
PH_SIGNATURE = bytes.fromhex(
    "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41"
    "31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406"
)


@pytest.fixture(scope="module")
def keys() -> dict[str, Any]:
    names = ("ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa-2048", "ed25519")
    return {name: new_key(name) for name in names}


@pytest.mark.parametrize("name", ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521"])
@pytest.mark.parametrize("hashed", HASHES)
def test_ecdsa_with_any_of_the_hashes(keys: dict[str, Any], name: str, hashed: str) -> None:
    signature = keys[name].sign(DATA, ec.ECDSA(HASHES[hashed]))
    key = keys[name].public_key()
    assert signs(key, signature, WHOLE)
    assert signs(key, signature, SignedBytes(None, Digest.of(DATA, hashed)))
    assert not signs(key, signature, SignedBytes(b"other"))


@pytest.mark.parametrize("hashed", HASHES)
@pytest.mark.parametrize("kind", ["pkcs1", "pss", "pss with the longest salt"])
def test_rsa_by_either_padding(keys: dict[str, Any], hashed: str, kind: str) -> None:
    algorithm = HASHES[hashed]
    salt = padding.PSS.MAX_LENGTH if "longest" in kind else padding.PSS.DIGEST_LENGTH
    pss = padding.PSS(padding.MGF1(algorithm), salt)
    pad: Any = padding.PKCS1v15() if kind == "pkcs1" else pss
    signature = keys["rsa-2048"].sign(DATA, pad, algorithm)
    key = keys["rsa-2048"].public_key()
    assert signs(key, signature, WHOLE)
    assert signs(key, signature, SignedBytes(None, Digest.of(DATA, hashed)))
    assert not signs(key, signature, SignedBytes(b"other"))


def test_hashes_that_are_broken_do_not_count(keys: dict[str, Any]) -> None:
    rsa = keys["rsa-2048"]
    for weak in (hashes.SHA1(), hashes.MD5()):  # what they are tested for
        try:
            signature = rsa.sign(DATA, padding.PKCS1v15(), weak)
        except Exception:  # noqa: BLE001 - this OpenSSL does not even sign with it
            continue
        assert not signs(rsa.public_key(), signature, WHOLE)


def test_ed25519_plain_and_prehashed(keys: dict[str, Any]) -> None:
    key = keys["ed25519"].public_key()
    for scheme in ("ed25519", "ed25519ph"):
        assert signs(key, sign(keys["ed25519"], DATA, scheme), WHOLE)
        assert not signs(key, sign(keys["ed25519"], b"other", scheme), WHOLE)
    prehash = SignedBytes(None, Digest.of(DATA, "sha512"))
    assert signs(key, sign(keys["ed25519"], DATA, "ed25519ph"), prehash)
    assert not signs(key, sign(keys["ed25519"], DATA, "ed25519"), prehash)


def test_the_vector_of_rfc_8032() -> None:
    key = ed25519.Ed25519PublicKey.from_public_bytes(PH_KEY)
    assert signs(key, PH_SIGNATURE, SignedBytes(b"abc"))
    digest = Digest.of(b"abc", "sha512")
    assert signs(key, PH_SIGNATURE, SignedBytes(None, digest))
    assert not signs(key, PH_SIGNATURE, SignedBytes(b"abd"))


@given(at=st.integers(0, 63), flip=st.integers(1, 255))
def test_no_other_prehashed_signature_passes(at: int, flip: int) -> None:
    changed = bytearray(PH_SIGNATURE)
    changed[at] ^= flip
    key = ed25519.Ed25519PublicKey.from_public_bytes(PH_KEY)
    assert not signs(key, bytes(changed), SignedBytes(b"abc"))


def test_an_s_beyond_the_order_is_another_spelling_and_refused() -> None:
    order = 2**252 + 27742317777372353535851937790883648493
    s = int.from_bytes(PH_SIGNATURE[32:], "little") + order
    key = ed25519.Ed25519PublicKey.from_public_bytes(PH_KEY)
    forged = PH_SIGNATURE[:32] + s.to_bytes(32, "little")
    assert not signs(key, forged, SignedBytes(b"abc"))


@pytest.mark.parametrize(
    "point", [bytes([1]) + bytes(31), bytes(32), b"\xec" + b"\xff" * 30 + b"\x7f"]
)
def test_keys_of_small_order_sign_nothing(point: bytes) -> None:
    # With the neutral element as key, R = B·s fits any message.
    key = ed25519.Ed25519PublicKey.from_public_bytes(point)
    for signature in (bytes([1]) + bytes(63), bytes(64), PH_SIGNATURE):
        digest = Digest.of(DATA, "sha512")
        assert not signs(key, signature, SignedBytes(None, digest))


@given(raw=st.binary(max_size=200))
def test_any_bytes_are_no_signature(raw: bytes) -> None:
    for name in ("ecdsa-p256", "ed25519"):
        assert not signs(new_key(name).public_key(), raw, WHOLE)


def test_a_digest_that_cannot_tell_is_no_refusal(keys: dict[str, Any]) -> None:
    other = SignedBytes(None, Digest.of(b"other"))
    for name in ("ecdsa-p384", "ecdsa-p521", "ed25519"):
        with pytest.raises(UnsupportedFormat, match="digest alone"):
            check_signature(keys[name].public_key(), b"x", other)
    for name in ("ecdsa-p256", "rsa-2048"):
        with pytest.raises(InvalidEvidence) as caught:
            check_signature(keys[name].public_key(), b"x", other)
        assert caught.value.step == "signature"


def test_a_key_of_another_algorithm_is_not_judged() -> None:
    key = dsa.generate_private_key(2048).public_key()
    with pytest.raises(UnsupportedFormat, match="algorithm"):
        signs(key, b"x", WHOLE)


@pytest.mark.parametrize(
    ("name", "accepted"),
    [
        ("ecdsa-p256", {"sha256"}),
        ("ecdsa-p384", {"sha256", "sha384"}),
        ("ecdsa-p521", {"sha256", "sha512"}),
    ],
)
def test_a_log_signs_with_its_curves_hash_or_with_sha_256(
    keys: dict[str, Any], name: str, accepted: set[str]
) -> None:
    """As Rekor 1 does on any curve: its `pkg/signer`; sigstore-go's `VerifySET`."""
    private = keys[name]
    made = {
        one.name: private.sign(DATA, ec.ECDSA(one))
        for one in (hashes.SHA256(), hashes.SHA384(), hashes.SHA512())
    }
    public = private.public_key()
    assert {n for n, one in made.items() if is_log_signature(public, "", one, DATA)} == accepted
    assert not any(is_log_signature(public, "", one, b"other") for one in made.values())


def test_a_log_signs_with_one_scheme_alone(keys: dict[str, Any]) -> None:
    rsa = keys["rsa-2048"]
    one = rsa.sign(DATA, padding.PKCS1v15(), hashes.SHA256())
    two = rsa.sign(DATA, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    for details, good, bad in (
        ("PKIX_RSA_PKCS1V15_2048_SHA256", one, two),
        ("PKIX_RSA_PSS_2048_SHA256", two, one),
    ):
        assert is_log_signature(rsa.public_key(), details, good, DATA)
        assert not is_log_signature(rsa.public_key(), details, bad, DATA)
    plain = keys["ed25519"]
    assert is_log_signature(plain.public_key(), "", plain.sign(DATA), DATA)
    assert not is_log_signature(plain.public_key(), "", sign(plain, DATA, "ed25519ph"), DATA)


@pytest.mark.parametrize("algorithm", ["sha1", "md5", "", "SHA256", "sha3_256"])
def test_no_other_hash_is_computed(algorithm: str) -> None:
    assert WHOLE.hashed(algorithm) is None


def test_hashes_are_those_of_the_bytes() -> None:
    assert WHOLE.hashed("sha384") == hashlib.sha384(DATA).digest()
    assert SignedBytes(None, Digest.of(DATA)).hashed("sha512") is None
