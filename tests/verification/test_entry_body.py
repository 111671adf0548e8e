"""What a log entry is for: each kind, with each field changed, by the step that must refuse it."""

from __future__ import annotations

import base64
import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
import rfc8785
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from tests.verification.shapes import DATA, STATEMENT, public

from provenance.attestation.bundle import Bundle
from provenance.attestation.bundle_parts import Envelope, LoggedEntry, read_parts
from provenance.digests import Digest
from provenance.errors import InvalidEvidence, ProvenanceError, UnsupportedFormat
from provenance.testing.sigstore import LocalSigstore
from provenance.testing.sigstore.schemes import new_key
from provenance.verification.content import SignedBytes
from provenance.verification.entry_body import Signing, check_entry

if TYPE_CHECKING:
    from provenance.attestation.public_key import PublicKey

Path = tuple[str | int, ...]


@pytest.fixture(scope="module")
def sigstore() -> LocalSigstore:
    with LocalSigstore(rekor=("v1", "v2")) as made:
        return made


def signed(document: dict[str, Any], key: PublicKey | None) -> tuple[Signing, dict[str, Any]]:
    """What was signed, and the body of the entry about it."""
    parts = read_parts(Bundle.parse(json.dumps(document).encode()))
    signing = Signing(
        parts.content,
        SignedBytes.of(parts.content, DATA),
        parts.signatures[0],
        parts.certificates[0] if parts.certificates else b"",
        key,
    )
    body: dict[str, Any] = json.loads(parts.entries[0].body)
    return signing, body


def entry(body: dict[str, Any] | bytes, **changes: Any) -> LoggedEntry:
    raw = body if isinstance(body, bytes) else rfc8785.dumps(body)
    stated = body if isinstance(body, dict) else {}
    fields = {"kind": stated.get("kind", "dsse"), "version": stated.get("apiVersion", "0.0.1")}
    return LoggedEntry(0, b"log", body=raw, **fields | changes)


def step(body: dict[str, Any] | bytes, signing: Signing, **changes: Any) -> str:
    with pytest.raises(ProvenanceError) as caught:
        check_entry(entry(body, **changes), signing)
    return str(getattr(caught.value, "step", "") or caught.value.code)


def made(sigstore: LocalSigstore, kind: str, *, keyed: bool) -> tuple[Signing, dict[str, Any]]:
    """An entry of a kind, by the forger; `dsse 0.0.2` has no maker and is written here."""
    number = 1 if kind in {"hashedrekord 0.0.2", "dsse 0.0.2"} else 0
    key = new_key() if keyed else None
    forger = sigstore.forger(key=key, log=sigstore.logs[number], kind="" if number else kind)
    signing, body = signed(forger.statement(STATEMENT), public(forger))
    if kind == "dsse 0.0.2":
        signature = body["spec"]["hashedRekordV002"]["signature"]
        digest = base64.b64encode(SignedBytes(STATEMENT).hashed("sha256") or b"").decode()
        hashed = {"algorithm": "SHA2_256", "digest": digest}
        spec = {"dsseV002": {"payloadHash": hashed, "signatures": [signature]}}
        body = {"apiVersion": "0.0.2", "kind": "dsse", "spec": spec}
    return signing, body


KINDS = (
    *("hashedrekord 0.0.1", "hashedrekord 0.0.2", "dsse 0.0.1", "dsse 0.0.2"),
    *("intoto 0.0.1", "intoto 0.0.2"),
)
# Fields that are in the entry for others to read: nothing is held against them.
IGNORED = {"envelopeHash", "keyDetails", "keyid", "hash"}


def leaves(value: Any, above: Path = ()) -> list[Path]:
    if not isinstance(value, (dict, list)):
        return [above]
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return [path for key, child in items for path in leaves(child, (*above, key))]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("keyed", [False, True], ids=["certificate", "key"])
def test_every_field_that_binds_refuses_when_changed(
    sigstore: LocalSigstore,
    kind: str,
    keyed: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    signing, body = made(sigstore, kind, keyed=keyed)
    check_entry(entry(body), signing)
    other = made(sigstore, kind, keyed=keyed)[1]
    bound = 0
    for path in leaves(body["spec"], ("spec",)):
        if set(path) & IGNORED and kind != "hashedrekord 0.0.1":
            continue
        values: tuple[Any, ...] = ("AAAA", "", None, 7, [], {}, "0" * 64, at(other, path))
        for value in values:
            if value == at(body, path):
                continue
            changed = replaced(body, path, value)
            assert step(changed, signing) in {"log-entry", "unsupported-format"}, (path, value)
            bound += 1
        removed = copy.deepcopy(body)
        del at(removed, path[:-1])[path[-1]]
        if path[-1] not in {"payload", "payloadType"}:  # Rekor leaves the payload out
            assert step(removed, signing) in {"log-entry", "unsupported-format"}, path
    assert bound > 5


def at(value: Any, path: Path) -> Any:
    for one in path:
        value = value[one]
    return value


def replaced(document: Any, path: Path, value: Any) -> Any:
    out = copy.deepcopy(document)
    at(out, path[:-1])[path[-1]] = value
    return out


def test_another_signature_or_signer_is_refused(sigstore: LocalSigstore) -> None:
    for kind in KINDS:
        signing, _ = made(sigstore, kind, keyed=False)
        _, other = made(sigstore, kind, keyed=False)
        # The same payload, signed by another certificate's key.
        assert step(other, signing) in {"log-entry", "unsupported-format"}, kind
        _, keyed = made(sigstore, kind, keyed=True)
        assert step(keyed, signing) in {"log-entry", "unsupported-format"}, kind


def test_an_entry_of_another_kind_than_stated_is_refused(sigstore: LocalSigstore) -> None:
    signing, body = made(sigstore, "dsse 0.0.1", keyed=False)
    assert step(body, signing, kind="hashedrekord") == "log-entry"
    assert step(body, signing, version="0.0.2") == "log-entry"
    unknown = body | {"kind": "rekord"}
    with pytest.raises(UnsupportedFormat, match="rekord"):
        check_entry(entry(unknown), signing)


def test_an_entry_of_an_envelope_is_none_of_bytes(sigstore: LocalSigstore) -> None:
    signing, _ = signed(sigstore.forger(log=sigstore.logs[0]).blob(DATA), None)
    for kind in ("dsse 0.0.1", "dsse 0.0.2", "intoto 0.0.1", "intoto 0.0.2"):
        _, body = made(sigstore, kind, keyed=False)
        assert step(body, signing) == "log-entry", kind


def test_bytes_of_which_only_another_digest_is_known_cannot_be_compared(
    sigstore: LocalSigstore,
) -> None:
    signing, body = signed(sigstore.forger(log=sigstore.logs[0]).blob(DATA), None)
    known = SignedBytes(None, Digest.of(DATA, "sha512"))
    changed = Signing(signing.content, known, signing.signature, signing.certificate, signing.key)
    with pytest.raises(UnsupportedFormat, match="cannot be recomputed"):
        check_entry(entry(body), changed)


def test_an_envelope_of_its_own_is_hashed_as_it_stands(sigstore: LocalSigstore) -> None:
    forger = sigstore.forger(log=sigstore.logs[0], kind="intoto 0.0.1")
    raw, annotations = forger.attestation_layer(STATEMENT)
    document = json.loads(raw)
    body = json.loads(
        base64.b64decode(json.loads(annotations["dev.sigstore.cosign/bundle"])["Payload"]["body"])
    )
    signature = base64.b64decode(document["signatures"][0]["sig"])
    pem = annotations["dev.sigstore.cosign/certificate"]
    certificate = base64.b64decode("".join(pem.split("\n")[1:-2]))
    for spelled, accepted in ((raw, True), (raw + b" ", False)):
        content = Envelope(document["payloadType"], STATEMENT, (signature,), spelled)
        signing = Signing(content, SignedBytes(content.signed), signature, certificate, None)
        if accepted:
            check_entry(entry(body), signing)
        else:
            assert step(body, signing) == "log-entry"


@pytest.mark.parametrize("kind", ["intoto 0.0.1", "intoto 0.0.2"])
@pytest.mark.parametrize(
    "content", ["payloadHash", "envelope", 1, None, [], ["payloadHash"], {"envelope": "payload"}]
)
def test_what_is_no_content_is_refused_in_our_words(
    sigstore: LocalSigstore, kind: str, content: Any
) -> None:
    signing, body = made(sigstore, kind, keyed=True)
    body["spec"]["content"] = content
    assert step(body, signing) == "log-entry"


def test_a_key_of_a_kind_that_nobody_may_name_is_another_key(sigstore: LocalSigstore) -> None:
    signing, body = made(sigstore, "dsse 0.0.1", keyed=True)
    odd = ec.generate_private_key(ec.SECP224R1()).public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = odd.public_bytes(serialization.Encoding.PEM, form)
    body["spec"]["signatures"][0]["verifier"] = base64.b64encode(pem).decode()
    assert step(body, signing) == "log-entry"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=9,
)


@given(spec=JSON, kind=st.sampled_from(KINDS))
def test_any_body_is_refused_in_our_words(spec: Any, kind: str) -> None:
    content = Envelope("t", b"p", (b"s",))
    signing = Signing(content, SignedBytes(content.signed), b"s", b"c", None)
    name, version = kind.split()
    body = json.dumps({"kind": name, "apiVersion": version, "spec": spec}).encode()
    with pytest.raises((InvalidEvidence, UnsupportedFormat)):
        check_entry(LoggedEntry(0, b"l", name, version, body), signing)


@given(raw=st.binary(max_size=100))
def test_any_bytes_are_no_body(raw: bytes) -> None:
    content = Envelope("t", b"p", (b"s",))
    signing = Signing(content, SignedBytes(content.signed), b"s", b"c", None)
    with pytest.raises(InvalidEvidence) as caught:
        check_entry(LoggedEntry(0, b"l", "dsse", "0.0.1", raw), signing)
    assert caught.value.step == "log-entry"
