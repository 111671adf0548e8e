"""Whatever byte of a bundle is changed: it is refused, or proves exactly the same as before."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.errors import ProvenanceError
from provenance.verification import SignedStatement

if TYPE_CHECKING:
    from provenance.testing.sigstore import LocalSigstore

Verify = Callable[..., SignedStatement]
Path = tuple[str | int, ...]
_MANY = settings(max_examples=150)
_ENTRY: Path = ("verificationMaterial", "tlogEntries", 0)
_STAMP: Path = ("verificationMaterial", "timestampVerificationData", "rfc3161Timestamps", 0)

# Region to the steps that may refuse a flipped bit of it; "" where a bit may mean nothing.
BYTES: dict[str, tuple[Path, set[str]]] = {
    "payload": (("dsseEnvelope", "payload"), {"signature"}),
    "signature": (("dsseEnvelope", "signatures", 0, "sig"), {"time"}),
    "log entry": ((*_ENTRY, "canonicalizedBody"), {"transparency-log"}),
    "root hash": ((*_ENTRY, "inclusionProof", "rootHash"), {"transparency-log"}),
    "first hash": ((*_ENTRY, "inclusionProof", "hashes", 0), {"transparency-log"}),
    "log id": ((*_ENTRY, "logId", "keyId"), {"transparency-log", ""}),
    "certificate": (
        ("verificationMaterial", "certificate", "rawBytes"),
        {"certificate-chain", "unsupported-format", "malformed-document"},
    ),
    "timestamp": ((*_STAMP, "signedTimestamp"), {"time", ""}),
}
TEXTS: dict[str, tuple[Path, set[str]]] = {
    "payload type": (("dsseEnvelope", "payloadType"), {"signature"}),
    "checkpoint": (
        (*_ENTRY, "inclusionProof", "checkpoint", "envelope"),
        {"transparency-log", ""},
    ),
}


@pytest.fixture(scope="module")
def good(local_sigstore: LocalSigstore, payload: bytes) -> dict[str, Any]:
    for leaf in (b"1", b"2"):
        local_sigstore.log.append(leaf)
    document = local_sigstore.forger().statement(payload)
    while not document["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]["hashes"]:
        document = local_sigstore.forger().statement(payload)
    return document


def judge(check: Verify, document: dict[str, Any] | bytes, expected: SignedStatement) -> str:
    """The step that refused; empty where it proves what it proved before."""
    try:
        found = check(document)
    except ProvenanceError as error:
        return str(getattr(error, "step", "") or error.code)
    assert found == expected
    return ""


def value_at(document: dict[str, Any], path: Path) -> str:
    at: Any = document
    for step in path:
        at = at[step]
    return str(at)


def replaced(document: dict[str, Any], path: Path, value: str) -> dict[str, Any]:
    out = copy.deepcopy(document)
    at: Any = out
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return out


@pytest.mark.parametrize("region", BYTES)
@_MANY
@given(data=st.data())
def test_a_flipped_bit_is_refused_by_the_step_it_concerns(
    good: dict[str, Any], check: Verify, region: str, data: st.DataObject
) -> None:
    path, steps = BYTES[region]
    content = bytearray(base64.b64decode(value_at(good, path)))
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= 1 << data.draw(st.integers(0, 7))
    damaged = replaced(good, path, base64.b64encode(content).decode())
    assert judge(check, damaged, check(good)) in steps


@pytest.mark.parametrize("region", TEXTS)
@_MANY
@given(data=st.data())
def test_a_changed_character_is_refused_by_the_step_it_concerns(
    good: dict[str, Any], check: Verify, region: str, data: st.DataObject
) -> None:
    path, steps = TEXTS[region]
    text = value_at(good, path)
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(codec="utf-8", exclude_characters=text[at]))
    damaged = replaced(good, path, text[:at] + other + text[at + 1 :])
    assert judge(check, damaged, check(good)) in steps


@_MANY
@given(data=st.data())
def test_a_changed_byte_of_the_file_never_proves_anything_else(
    good: dict[str, Any], check: Verify, data: st.DataObject
) -> None:
    raw = bytearray(json.dumps(good).encode())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] = data.draw(st.integers(0, 255).filter(lambda b: b != raw[at]))
    judge(check, bytes(raw), check(good))


@_MANY
@given(cut=st.floats(0, 1))
def test_a_cut_file_is_malformed(good: dict[str, Any], check: Verify, cut: float) -> None:
    raw = json.dumps(good).encode()
    part = raw[: min(int(len(raw) * cut), len(raw) - 1)]
    assert judge(check, part, check(good)) == "malformed-document"


@_MANY
@given(raw=st.binary(max_size=300))
def test_any_bytes_are_refused_in_our_words(check: Verify, raw: bytes) -> None:
    with pytest.raises(ProvenanceError):
        check(raw)
