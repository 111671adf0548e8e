"""Envelopes that several have signed: each signature stands or falls by its own proof."""

from __future__ import annotations

import base64
import copy
import datetime as dt
import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from tests.verification.shapes import STATEMENT, SUBJECT, public, statement

from provenance.errors import ProvenanceError
from provenance.testing.sigstore import LocalSigstore, bodies_v1
from provenance.testing.sigstore.annotations import layer_annotations
from provenance.testing.sigstore.schemes import new_key
from provenance.trust import Trust
from provenance.verification import (
    Identity,
    LayerSignature,
    SignedStatement,
    Thresholds,
    entry_body,
    verify_bundle,
    verify_layer,
)
from provenance.verification.layer_signatures import DSSE_MEDIA_TYPE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.attestation.bundle_parts import Envelope
    from provenance.attestation.public_key import PublicKey
    from provenance.testing.sigstore import Forger

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
NOTE = "the envelope has other signatures, which prove nothing of this one"
V1 = ("dsse 0.0.1", "hashedrekord 0.0.1", "intoto 0.0.2")


@pytest.fixture(scope="module")
def sigstore() -> LocalSigstore:
    with LocalSigstore(rekor=("v1", "v2"), tsas=2) as made:
        return made


@pytest.fixture
def pair(sigstore: LocalSigstore) -> tuple[Forger, Forger]:
    one = sigstore.forger(key=new_key())
    return one, replace(one, key=new_key("rsa-2048"))


def key_of(forger: Forger) -> PublicKey:
    key = public(forger)
    assert key is not None
    return key


def material(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["verificationMaterial"]
    return found


def together(*documents: dict[str, Any]) -> dict[str, Any]:
    """One envelope with the signatures of all, and the proofs of each."""
    out = copy.deepcopy(documents[0])
    stamps = material(out).setdefault("timestampVerificationData", {"rfc3161Timestamps": []})
    for other in documents[1:]:
        out["dsseEnvelope"]["signatures"] += other["dsseEnvelope"]["signatures"]
        material(out)["tlogEntries"] += material(other)["tlogEntries"]
        more = material(other).get("timestampVerificationData", {"rfc3161Timestamps": []})
        stamps["rfc3161Timestamps"] += more["rfc3161Timestamps"]
    return out


def verified(
    sigstore: LocalSigstore, document: dict[str, Any], forger: Forger, **options: Any
) -> SignedStatement:
    raw = json.dumps(document).encode()
    asked: dict[str, Any] = {"trust": sigstore.trust} | (
        {} if "key" in options else {"key": key_of(forger)}
    )
    return verify_bundle(raw, SUBJECT, **asked | options)


def step(sigstore: LocalSigstore, document: dict[str, Any], forger: Forger, **options: Any) -> str:
    with pytest.raises(ProvenanceError) as caught:
        verified(sigstore, document, forger, **options)
    return str(getattr(caught.value, "step", "") or caught.value.code)


def flipped(document: dict[str, Any], number: int) -> dict[str, Any]:
    """With another byte at the end of one signature."""
    out = copy.deepcopy(document)
    one = out["dsseEnvelope"]["signatures"][number]
    data = bytearray(base64.b64decode(one["sig"]))
    data[-1] ^= 1
    one["sig"] = base64.b64encode(data).decode()
    return out


@pytest.mark.parametrize("kind", [*V1, "v2"])
def test_each_counts_by_its_own_entry_and_timestamp(
    sigstore: LocalSigstore, pair: tuple[Forger, Forger], kind: str
) -> None:
    made = [
        replace(f, log=sigstore.logs[1]) if kind == "v2" else replace(f, kind=kind) for f in pair
    ]
    document = together(*(f.statement(STATEMENT) for f in made))
    alone = [index["logIndex"] for index in material(document)["tlogEntries"]]
    for forger, index in zip(made, alone, strict=True):
        found = verified(sigstore, document, forger, require=Thresholds(timestamps=1))
        assert [str(entry.index) for entry in found.log_entries] == [str(index)]
        assert NOTE in found.warnings
        assert found.identity == f"key {key_of(forger).key_id}"
        stamps = [time for time in found.times if time.source == "timestamp-authority"]
        assert len(stamps) == 1


def test_one_entry_may_be_of_both(sigstore: LocalSigstore, pair: tuple[Forger, Forger]) -> None:
    document = together(*(replace(f, logged=False).statement(STATEMENT) for f in pair))
    keys = [key_of(f) for f in pair]
    raw = json.dumps(document["dsseEnvelope"]).encode()
    body = bodies_v1.dsse(raw, [key.to_pem() for key in keys])
    material(document)["tlogEntries"] = [sigstore.logs[0].append(body)]
    for forger in pair:
        assert len(verified(sigstore, document, forger).log_entries) == 1


def test_entries_without_a_signature_go_by_their_key(
    sigstore: LocalSigstore, pair: tuple[Forger, Forger]
) -> None:
    document = together(*(replace(f, logged=False).statement(STATEMENT) for f in pair))
    spelled = json.dumps(document["dsseEnvelope"], separators=(",", ":")).encode()
    keys = [key_of(f) for f in pair]
    bodies = [bodies_v1.intoto_001(spelled, key.to_pem()) for key in keys]
    material(document)["tlogEntries"] = [sigstore.logs[0].append(body) for body in bodies]
    for number, forger in enumerate(pair):
        found = verified(sigstore, document, forger)
        expected = material(document)["tlogEntries"][number]["logIndex"]
        assert [str(e.index) for e in found.log_entries] == [str(expected)]


def test_a_bad_one_disturbs_no_other_and_is_covered_by_none(
    sigstore: LocalSigstore, pair: tuple[Forger, Forger]
) -> None:
    document = together(*(f.statement(STATEMENT) for f in pair))
    for bad, good in ((0, 1), (1, 0)):
        changed = flipped(document, bad)
        assert len(verified(sigstore, changed, pair[good]).log_entries) == 1
        assert step(sigstore, changed, pair[bad]) == "signature"


def test_of_unknown_ones_nothing_is_asked(
    sigstore: LocalSigstore, pair: tuple[Forger, Forger]
) -> None:
    stranger = {"sig": base64.b64encode(b"of an algorithm to come").decode(), "keyid": "?"}
    document = together(*(f.statement(STATEMENT) for f in pair))
    document["dsseEnvelope"]["signatures"].insert(0, stranger)
    for forger in pair:
        assert len(verified(sigstore, document, forger).log_entries) == 1


def test_no_proof_of_one_counts_for_the_other(
    sigstore: LocalSigstore, pair: tuple[Forger, Forger]
) -> None:
    one, other = pair
    bare = replace(other, logged=False, stamped=False)
    document = together(one.statement(STATEMENT), bare.statement(STATEMENT))
    assert step(sigstore, document, other) == "transparency-log"
    options = {"unsafe_no_log": True}
    found = verified(sigstore, document, other, **options)
    assert (found.log_entries, found.times) == ((), ())
    need = Thresholds(timestamps=1)
    assert step(sigstore, document, other, require=need, **options) == "threshold"
    assert step(sigstore, document, one, require=Thresholds(log_entries=2)) == "threshold"


def test_the_time_of_one_makes_no_certificate_valid_for_the_other(
    sigstore: LocalSigstore, pair: tuple[Forger, Forger]
) -> None:
    """A stolen key of yesterday's certificate, beside a signature that is of yesterday."""
    yesterday = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    stolen = sigstore.forger(
        "dev@example.com", log=sigstore.logs[1], certified_at=yesterday, stamped=False
    )
    honest = replace(pair[1], log=sigstore.logs[1], stamped_at=yesterday + dt.timedelta(minutes=1))
    document = together(stolen.statement(STATEMENT), honest.statement(STATEMENT))
    assert step(sigstore, document, stolen, key=None) == "time"


def test_a_certificate_beside_a_key(sigstore: LocalSigstore, pair: tuple[Forger, Forger]) -> None:
    keyless = sigstore.forger("dev@example.com")
    document = together(keyless.statement(STATEMENT), pair[0].statement(STATEMENT))
    who = Identity("dev@example.com", issuer=sigstore.issuer)
    found = verified(sigstore, document, keyless, key=None, identity=who)
    assert found.identity == "dev@example.com"
    assert len(found.log_entries) == 1
    # The bundle says that a certificate signed: a key is not to stand in for it.
    assert step(sigstore, document, pair[0]) == "key"


def test_of_two_by_one_key_the_one_that_is_proven_counts(
    sigstore: LocalSigstore, pair: tuple[Forger, Forger]
) -> None:
    bare = replace(pair[0], logged=False, stamped=False)
    document = together(bare.statement(STATEMENT), pair[0].statement(STATEMENT))
    assert len(verified(sigstore, document, pair[0]).log_entries) == 1


def test_more_by_one_key_than_anybody_needs_are_not_looked_at(
    sigstore: LocalSigstore, pair: tuple[Forger, Forger]
) -> None:
    bare = replace(pair[0], logged=False, stamped=False)
    four = [*(bare.statement(STATEMENT) for _ in range(3)), pair[0].statement(STATEMENT)]
    assert len(verified(sigstore, together(*four), pair[0]).log_entries) == 1
    five = together(bare.statement(STATEMENT), *four)
    assert step(sigstore, five, pair[0]) == "limit-exceeded"


def test_entries_that_name_more_keys_and_signatures_than_anybody_needs(
    sigstore: LocalSigstore, pair: tuple[Forger, Forger]
) -> None:
    """Each entry without a signature asks of every signature whether its key made it."""
    document = pair[0].statement(STATEMENT)
    strangers = [base64.b64encode(b"stranger %d" % n).decode() for n in range(31)]
    document["dsseEnvelope"]["signatures"] += [{"sig": s} for s in strangers]
    spelled = json.dumps(document["dsseEnvelope"], separators=(",", ":")).encode()
    keys = [key_of(sigstore.forger(key=new_key())) for _ in range(3)]
    bodies = [bodies_v1.intoto_001(spelled, key.to_pem()) for key in keys]
    material(document)["tlogEntries"] += [sigstore.logs[0].append(body) for body in bodies]
    assert step(sigstore, document, pair[0]) == "limit-exceeded"
    material(document)["tlogEntries"].pop()  # twice 32: all of them are looked at
    assert step(sigstore, document, pair[0]) == "log-entry"


def test_an_envelope_is_spelled_once_for_all_entries(
    sigstore: LocalSigstore, pair: tuple[Forger, Forger], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In every known way: of a large one that takes seconds, and each of 32 entries asks."""
    document = together(*(replace(f, logged=False).statement(STATEMENT) for f in pair))
    spelled = json.dumps(document["dsseEnvelope"], separators=(",", ":")).encode()
    keys = [key_of(pair[0]), *[key_of(pair[1])] * 7]
    bodies = [bodies_v1.intoto_001(spelled, key.to_pem()) + b" " * n for n, key in enumerate(keys)]
    material(document)["tlogEntries"] = [sigstore.logs[0].append(body) for body in bodies]
    asked = []
    known = entry_body._spellings

    def counted(envelope: Envelope) -> Iterator[bytes]:
        asked.append(envelope)
        return known(envelope)

    monkeypatch.setattr(entry_body, "_spellings", counted)
    assert len(verified(sigstore, document, pair[0]).log_entries) == 1
    assert len(asked) == 1


def test_a_twin_of_a_signature_that_cannot_be_judged_makes_it_no_bad_one(
    sigstore: LocalSigstore,
) -> None:
    """Of (r, s) anybody makes (r, n - s), which nobody has stamped."""
    root = json.loads(sigstore.trusted_root_json) | {"timestampAuthorities": []}
    trust = Trust.from_json(json.dumps(root))
    document = sigstore.forger("dev@example.com", logged=False).statement(STATEMENT)
    made = document["dsseEnvelope"]["signatures"]
    r, s = decode_dss_signature(base64.b64decode(made[0]["sig"]))
    twin = base64.b64encode(encode_dss_signature(r, P256_ORDER - s)).decode()
    options = {"key": None, "trust": trust, "unsafe_no_log": True}
    forger = sigstore.forger()
    assert step(sigstore, document, forger, **options) == "unsupported-format"
    for at in (0, 1):
        both = copy.deepcopy(document)
        both["dsseEnvelope"]["signatures"].insert(at, {"sig": twin, "keyid": ""})
        assert step(sigstore, both, forger, **options) == "unsupported-format"


FALSE = {
    "another's entry on an envelope with one signature": "log-entry",
    "an entry of another payload": "log-entry",
    "another's entry that is in no log": "transparency-log",
    "an entry that gives the signature to another key": "log-entry",
    "an entry of a signature that its key has not made": "log-entry",
    "a timestamp of something else": "time",
    "its own entry twice": "transparency-log",
}


def false_ones(sigstore: LocalSigstore, one: Forger, other: Forger) -> list[dict[str, Any]]:
    """What is refused beside a good signature with a good entry, as `FALSE` names it."""
    both = together(one.statement(STATEMENT), other.statement(STATEMENT))
    single = one.statement(STATEMENT)
    material(single)["tlogEntries"] += material(other.statement(STATEMENT))["tlogEntries"]
    elsewhere = together(one.statement(STATEMENT), other.statement(STATEMENT))
    strange = other.statement(statement(ok=False))
    material(elsewhere)["tlogEntries"][1] = material(strange)["tlogEntries"][0]
    unproven = copy.deepcopy(both)
    material(unproven)["tlogEntries"][1]["inclusionProof"]["rootHash"] = base64.b64encode(
        bytes(32)
    ).decode()
    signature = base64.b64decode(both["dsseEnvelope"]["signatures"][0]["sig"])
    theirs = key_of(other)
    digest = bodies_v1.pae("application/vnd.in-toto+json", STATEMENT)
    crossed, untrue = copy.deepcopy(both), copy.deepcopy(both)
    hashed = hashlib.sha256(digest).digest()
    for document, claimed in ((crossed, signature), (untrue, b"what nobody has signed")):
        body = bodies_v1.hashedrekord(hashed, "sha256", claimed, theirs.to_pem())
        material(document)["tlogEntries"][1] = sigstore.logs[0].append(body)
    orphan = copy.deepcopy(both)
    stamps = material(orphan)["timestampVerificationData"]["rfc3161Timestamps"]
    stamps[1] = material(strange)["timestampVerificationData"]["rfc3161Timestamps"][0]
    twice = copy.deepcopy(both)
    material(twice)["tlogEntries"] += material(both)["tlogEntries"][:1]
    return [single, elsewhere, unproven, crossed, untrue, orphan, twice]


@pytest.mark.parametrize("case", FALSE)
def test_what_is_false_beside_it_refuses_still(
    sigstore: LocalSigstore, pair: tuple[Forger, Forger], case: str
) -> None:
    document = dict(zip(FALSE, false_ones(sigstore, *pair), strict=True))[case]
    assert step(sigstore, document, pair[0]) == FALSE[case]


def test_a_layer_that_two_have_signed(sigstore: LocalSigstore, pair: tuple[Forger, Forger]) -> None:
    """cosign's older attestations hold an envelope as it is, and one entry of it."""
    keys = [key_of(f) for f in pair]
    first = replace(pair[0], kind="dsse 0.0.1", stamped=False)
    raw, _ = first.attestation_layer(STATEMENT)
    more, _ = pair[1].attestation_layer(STATEMENT)
    envelope = json.loads(raw)
    envelope["signatures"] += json.loads(more)["signatures"]
    both = json.dumps(envelope).encode()
    entry = sigstore.logs[0].append(bodies_v1.dsse(both, [key.to_pem() for key in keys]))
    said = layer_annotations(signature="", entry=entry)
    layer = LayerSignature.of(said, both, DSSE_MEDIA_TYPE)
    for key in keys:
        found = verify_layer(layer, SUBJECT, trust=sigstore.trust, key=key)
        assert found.identity == f"key {key.key_id}"
