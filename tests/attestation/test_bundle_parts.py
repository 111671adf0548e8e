"""The parts of a bundle: read in one way, or refused in our words."""

from __future__ import annotations

import base64
import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.attestation.bundle import Bundle
from provenance.attestation.bundle_parts import Envelope, MessageSignature, read_parts
from provenance.attestation.protobuf_json import Message, decode_base64
from provenance.errors import LimitExceeded, MalformedDocument, ProvenanceError

AAAA = base64.b64encode(b"bytes").decode()
ENTRY: dict[str, Any] = {
    "logIndex": "7",
    "logId": {"keyId": AAAA},
    "kindVersion": {"kind": "dsse", "version": "0.0.1"},
    "integratedTime": "1700000000",
    "inclusionPromise": {"signedEntryTimestamp": AAAA},
    "inclusionProof": {
        "logIndex": "5",
        "treeSize": "9",
        "rootHash": AAAA,
        "hashes": [AAAA, AAAA],
        "checkpoint": {"envelope": "text"},
    },
    "canonicalizedBody": AAAA,
}
GOOD: dict[str, Any] = {
    "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
    "verificationMaterial": {
        "certificate": {"rawBytes": AAAA},
        "tlogEntries": [ENTRY],
        "timestampVerificationData": {"rfc3161Timestamps": [{"signedTimestamp": AAAA}]},
    },
    "dsseEnvelope": {
        "payload": AAAA,
        "payloadType": "type",
        "signatures": [{"sig": AAAA, "keyid": "x"}],
    },
}
Path = tuple[str | int, ...]
MATERIAL, PROOF = "verificationMaterial", ("tlogEntries", 0, "inclusionProof")


def read(document: dict[str, Any]) -> Any:
    return read_parts(Bundle.parse(json.dumps(document).encode()))


def changed(path: Path, value: Any) -> dict[str, Any]:
    out = copy.deepcopy(GOOD)
    at: Any = out
    for step in path[:-1]:
        at = at[step]
    if value is ...:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return out


@pytest.mark.parametrize("value", [None, {}, {"signedEntryTimestamp": ""}])
def test_an_empty_promise_is_none(value: Any) -> None:
    path = (MATERIAL, "tlogEntries", 0, "inclusionPromise")
    assert read(changed(path, value)) == read(changed(path, ...))


def test_everything_is_read() -> None:
    found = read(GOOD)
    assert found.content == Envelope("type", b"bytes", (b"bytes",))
    assert found.content.signed == b"DSSEv1 4 type 5 bytes"
    assert (found.version, found.certificates, found.key_hint) == ("0.3", (b"bytes",), "")
    assert found.timestamps == (b"bytes",)
    (entry,) = found.entries
    assert (entry.index, entry.kind, entry.version, entry.body) == (7, "dsse", "0.0.1", b"bytes")
    assert (entry.integrated_time, entry.promise, entry.log_id) == (1700000000, b"bytes", b"bytes")
    assert (entry.proof.index, entry.proof.tree_size, entry.proof.hashes) == (5, 9, (b"bytes",) * 2)
    assert entry.proof.checkpoint == "text"


@pytest.mark.parametrize("spelled", ["SHA2_256", "SHA2_384", "SHA2_512", "SHA3_256"])
def test_a_message_signature_is_read(spelled: str) -> None:
    document = {k: v for k, v in GOOD.items() if k != "dsseEnvelope"}
    stated = {"algorithm": spelled, "digest": AAAA}
    document["messageSignature"] = {"signature": AAAA, "messageDigest": stated}
    name = spelled.lower().replace("sha2_", "sha")
    found = read(document)
    assert found.content == MessageSignature(b"bytes", name, b"bytes")
    assert read(json.loads(found.to_json())) == found
    stated["algorithm"] = "SHA1"
    with pytest.raises(MalformedDocument, match="must name a hash"):
        read(document)
    document["messageSignature"] = {"signature": AAAA}
    assert read(document).content == MessageSignature(b"bytes")


@pytest.mark.parametrize(
    ("path", "value", "pointer"),
    [
        ((MATERIAL, "certificate"), ..., f"/{MATERIAL}"),
        ((MATERIAL, "publicKey"), {"hint": ""}, f"/{MATERIAL}"),
        ((MATERIAL, "certificate", "rawBytes"), "", f"/{MATERIAL}/certificate/rawBytes"),
        ((MATERIAL, "tlogEntries", 0, "logIndex"), "-1", f"/{MATERIAL}/tlogEntries/0/logIndex"),
        ((MATERIAL, "tlogEntries", 0, "logIndex"), 1.5, f"/{MATERIAL}/tlogEntries/0/logIndex"),
        ((MATERIAL, "tlogEntries", 0, "logIndex"), True, f"/{MATERIAL}/tlogEntries/0/logIndex"),
        ((MATERIAL, "tlogEntries", 0, "logIndex"), "9" * 19, f"/{MATERIAL}/tlogEntries/0/logIndex"),
        ((MATERIAL, "tlogEntries", 0, "logIndex"), " 1", f"/{MATERIAL}/tlogEntries/0/logIndex"),
        ((MATERIAL, "tlogEntries", 0, "logId"), ..., f"/{MATERIAL}/tlogEntries/0/logId"),
        ((MATERIAL, *PROOF, "hashes"), {}, None),
        (
            (MATERIAL, *PROOF, "hashes"),
            {"a": 1},
            f"/{MATERIAL}/tlogEntries/0/inclusionProof/hashes",
        ),
        (
            (MATERIAL, *PROOF, "hashes", 1),
            "!",
            f"/{MATERIAL}/tlogEntries/0/inclusionProof/hashes/1",
        ),
        (
            (MATERIAL, *PROOF, "hashes"),
            [AAAA] * 65,
            f"/{MATERIAL}/tlogEntries/0/inclusionProof/hashes",
        ),
        (("dsseEnvelope", "signatures", 0, "sig"), "", "/dsseEnvelope/signatures/0/sig"),
        (("dsseEnvelope", "payload"), "=", "/dsseEnvelope/payload"),
    ],
)
def test_a_fault_is_pointed_at(path: Path, value: Any, pointer: str | None) -> None:
    if pointer is None:
        assert read(changed(path, value))
        return
    with pytest.raises(MalformedDocument) as caught:
        read(changed(path, value))
    assert caught.value.pointer == pointer


@pytest.mark.parametrize(
    ("path", "many"),
    [
        ((MATERIAL, "tlogEntries"), [ENTRY] * 33),
        (
            (MATERIAL, "timestampVerificationData", "rfc3161Timestamps"),
            [{"signedTimestamp": AAAA}] * 33,
        ),
        (("dsseEnvelope", "signatures"), [{"sig": AAAA}] * 33),
    ],
)
def test_more_than_anybody_needs_is_not_read(path: Path, many: list[Any]) -> None:
    with pytest.raises(LimitExceeded):
        read(changed(path, many))


def test_each_version_holds_certificates_in_its_own_way() -> None:
    chain = {"certificates": [{"rawBytes": AAAA}]}
    old = changed((MATERIAL, "certificate"), ...)
    old[MATERIAL]["x509CertificateChain"] = chain
    with pytest.raises(MalformedDocument, match=r"version 0\.3 has no x509CertificateChain"):
        read(old)
    old["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.2"
    assert read(old).certificates == (b"bytes",)
    chain["certificates"] *= 11
    with pytest.raises(LimitExceeded):
        read(old)
    with pytest.raises(MalformedDocument, match=r"version 0\.2 has no certificate"):
        read(GOOD | {"mediaType": old["mediaType"]})


def test_null_is_a_field_that_is_not_there() -> None:
    found = read(changed((MATERIAL, "timestampVerificationData"), None))
    assert found.timestamps == ()
    assert read(changed((MATERIAL, "tlogEntries", 0, "integratedTime"), None)).entries


def leaves(value: Any, above: Path = ()) -> list[Path]:
    if not isinstance(value, (dict, list)):
        return [above]
    items = value.items() if isinstance(value, dict) else enumerate(value)
    inner = [path for key, child in items for path in leaves(child, (*above, key))]
    return [*([above] if above else []), *inner]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)


@given(path=st.sampled_from(leaves(GOOD)), value=JSON)
def test_any_value_anywhere_is_read_or_refused_in_our_words(path: Path, value: Any) -> None:
    try:
        found = read(changed(path, value))
    except ProvenanceError:
        return
    assert read(json.loads(found.to_json())) == found


@given(value=JSON)
def test_a_message_is_an_object(value: Any) -> None:
    if isinstance(value, dict):
        assert Message.of(value, "/x").fields == value
    else:
        with pytest.raises(MalformedDocument):
            Message.of(value, "/x")


@pytest.mark.parametrize(
    "text",
    ["QUFB====", "QUFB==", "QUFB=", "QUFB=A==", "QUE", "QUE==", "Q===", "QU-_", "QU\n==", " "],
)
def test_what_is_no_base64_is_refused(text: str) -> None:
    with pytest.raises(MalformedDocument, match="must be base64"):
        decode_base64(text, "/at")
