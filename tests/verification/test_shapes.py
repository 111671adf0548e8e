"""Every shape of signature verifies, and the sigstore library agrees wherever it reads one."""

from __future__ import annotations

import base64
import copy
import json
from typing import Any

import pytest
from tests.verification.shapes import DATA, PAYLOAD, STATEMENT, SUBJECT, Found, Shape, build

from provenance.attestation.bundle import Bundle
from provenance.attestation.bundle_parts import Envelope, read_parts
from provenance.digests import Digest
from provenance.errors import InvalidEvidence, ProvenanceError, UnsupportedFormat
from provenance.trust import Trust
from provenance.verification import (
    Identity,
    SignedBlob,
    SignedImage,
    SignedStatement,
    Thresholds,
    second_opinion,
)
from provenance.verification.content import SignedBytes
from provenance.verification.proving import Demand, prove
from provenance.verification.signed import Certified

Document = dict[str, Any]


@pytest.fixture(scope="module")
def shapes() -> dict[str, Shape]:
    return build()


def step_of(shape: Shape, raw: bytes | Document | None = None, **changes: Any) -> str:
    with pytest.raises(ProvenanceError) as caught:
        shape.verify(raw, **changes)
    return str(getattr(caught.value, "step", "") or caught.value.code)


def test_every_shape_verifies_and_tells_what_it_proves(shapes: dict[str, Shape]) -> None:
    for name, shape in shapes.items():
        found = shape.verify()
        kind = {"blob": SignedBlob, "sig": SignedImage}.get(shape.content, SignedStatement)
        assert isinstance(found, kind), name
        if isinstance(found, SignedStatement):
            assert found.statement.raw == STATEMENT
        elif isinstance(found, SignedImage):
            assert found.payload.raw == PAYLOAD
        else:
            assert found.digest == SUBJECT
        if shape.key is None:
            assert isinstance(found.signer, Certified), name
            assert found.identity == "dev@example.com"
            assert found.time is not None
        else:
            assert found.identity == f"key {shape.key.key_id}", name
        logged = not shape.unsafe_no_log and shape.trust.has_logs
        assert bool(found.log_entries) == logged, name
        assert all(e.log.startswith("http://127.0.0.1") for e in found.log_entries)


def test_a_library_reads_what_it_can_and_agrees(shapes: dict[str, Shape]) -> None:
    read = set()
    for name, shape in shapes.items():
        if shape.content in {"statement", "blob"}:
            parts = read_parts(Bundle.parse(shape.raw))
            signed = SignedBytes.of(parts.content, DATA)
            demand = Demand(shape.trust, shape.key, shape.unsafe_no_log)
            proven = prove(parts, signed, demand)
            if second_opinion.is_read_by_library(parts, signed, demand, proven):
                read.add(name)
                second_opinion._verify(parts, signed, shape.trust)
    assert read == {
        "v1, dsse 0.0.1",
        "v1, version 0.2",
        "v1, version 0.1",
        "v1, proof and timestamp",
        "v2",
        "v2, two timestamps",
        "v1, bytes",
        "v1, bytes, version 0.1",
        "v2, bytes",
    }


def test_what_the_library_refuses_is_not_proven(
    shapes: dict[str, Shape], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("no")

    monkeypatch.setattr(second_opinion, "_verify", refuse)
    assert step_of(shapes["v2"]) == "second-opinion"
    shapes["timestamp alone"].verify()


# Digests in place of the bytes


@pytest.mark.parametrize(
    ("name", "algorithm"),
    [
        ("v2, bytes", "sha256"),
        ("v1, bytes", "sha256"),
        ("key, ecdsa-p384 , bytes", "sha384"),
        ("key, ecdsa-p521 , bytes", "sha512"),
        ("key, rsa-2048 rsa-pss, bytes", "sha256"),
        ("key, ed25519 ed25519ph, bytes", "sha512"),
    ],
)
def test_the_digest_that_is_signed_is_enough(
    shapes: dict[str, Shape], name: str, algorithm: str
) -> None:
    shape = shapes[name]
    digest = Digest.of(DATA, algorithm)
    found = shape.verify(artifact=digest)
    assert isinstance(found, SignedBlob)
    assert found.digest == digest
    assert step_of(shape, artifact=Digest.of(b"other", algorithm)) == "message-digest"
    unstated = copy.deepcopy(shape.document)
    unstated["messageSignature"].pop("messageDigest")
    assert step_of(shape, unstated, artifact=Digest.of(b"other", algorithm)) in {
        "signature",
        "unsupported-format",
    }


@pytest.mark.parametrize("name", ["key, ecdsa-p384 , bytes", "key, ed25519 ed25519ph, bytes"])
def test_another_digest_cannot_tell(shapes: dict[str, Shape], name: str) -> None:
    with pytest.raises(UnsupportedFormat, match="digest alone"):
        shapes[name].verify(artifact=SUBJECT)


def test_a_statement_about_the_artifact_signs_it(shapes: dict[str, Shape]) -> None:
    from provenance.verification import verify_blob_bundle

    shape = shapes["v2"]
    for artifact in (DATA, SUBJECT):
        found = verify_blob_bundle(shape.raw, artifact, trust=shape.trust)
        assert isinstance(found, SignedStatement)
    with pytest.raises(InvalidEvidence) as caught:
        verify_blob_bundle(shape.raw, b"other", trust=shape.trust)
    assert caught.value.step == "subject"


# Who


def test_another_key_is_refused(shapes: dict[str, Shape]) -> None:
    keys = {name: s for name, s in shapes.items() if s.key is not None}
    other = keys["key, no log"].key
    for name, shape in keys.items():
        if name != "key, no log":
            assert step_of(shape, key=other) in {"signature", "unsupported-format"}, name


def test_key_and_certificate_never_stand_in_for_each_other(shapes: dict[str, Shape]) -> None:
    key = shapes["key, no log"].key
    for name, shape in shapes.items():
        asked = key if shape.key is None else None
        assert step_of(shape, key=asked) == "key", name


def test_an_identity_is_judged_in_every_shape(shapes: dict[str, Shape]) -> None:
    for name, shape in shapes.items():
        if shape.key is None:
            issuer = shape.verify().issuer
            shape.verify(identity=Identity("dev@example.com", issuer=issuer))
            mallory = Identity("mallory@example.com", issuer=issuer)
            assert step_of(shape, identity=mallory) == "identity", name
        else:
            with pytest.raises(ValueError, match="either an identity or a key"):
                shape.verify(identity=Identity("dev@example.com", issuer="https://i"))


def test_another_subject_is_refused_in_every_shape(shapes: dict[str, Shape]) -> None:
    for name, shape in shapes.items():
        if shape.content != "blob":
            assert step_of(shape, subject=Digest.of(b"other")) == "subject", name


# Logs and times


def test_a_root_with_logs_requires_an_entry_of_keys_as_of_certificates(
    shapes: dict[str, Shape],
) -> None:
    for name in ("key, no log", "timestamp alone"):
        assert step_of(shapes[name], unsafe_no_log=False) == "transparency-log"
    for name, shape in shapes.items():
        if shape.content in {"statement", "blob"} and shape.verify().log_entries:
            without = copy.deepcopy(shape.document)
            without["verificationMaterial"]["tlogEntries"] = []
            assert step_of(shape, without) in {"transparency-log", "time"}, name


def test_a_root_without_timestamp_authorities_proves_no_time(shapes: dict[str, Shape]) -> None:
    shape = shapes["key, ecdsa-p256 , v1"]
    root = json.loads(shape.trust.raw) | {"timestampAuthorities": []}
    found = shape.verify(trust=Trust.from_json(json.dumps(root)))
    assert [t.source for t in found.times] == ["log"]


@pytest.mark.parametrize(
    ("require", "name", "enough"),
    [
        (Thresholds(log_entries=2), "v1 and v2, two timestamps", True),
        (Thresholds(timestamps=2), "v1 and v2, two timestamps", True),
        (Thresholds(timestamps=2), "v2, two timestamps", True),
        (Thresholds(certificate_timestamps=1), "v2", True),
        (Thresholds(log_entries=1), "v2", True),
        (Thresholds(log_entries=2), "v2", False),
        (Thresholds(log_entries=3), "v1 and v2, two timestamps", False),
        (Thresholds(timestamps=2), "v2", False),
        (Thresholds(timestamps=1), "v1, dsse 0.0.1", False),
        (Thresholds(log_entries=1), "timestamp alone, root without logs", False),
        (Thresholds(log_entries=1), "timestamp alone", False),
        (Thresholds(timestamps=1), "key, no log", False),
    ],
)
def test_a_policy_can_ask_for_more_witnesses(
    shapes: dict[str, Shape],
    require: Thresholds,
    name: str,
    enough: bool,  # noqa: FBT001 - a parameter
) -> None:
    if enough:
        shapes[name].verify(require=require)
    else:
        assert step_of(shapes[name], require=require) == "threshold"


def test_more_certificate_logs_than_there_are_is_refused(shapes: dict[str, Shape]) -> None:
    require = Thresholds(certificate_timestamps=2)
    assert step_of(shapes["v2"], require=require) == "certificate-transparency"


def test_a_threshold_is_a_number() -> None:
    with pytest.raises(ValueError, match="0 or more"):
        Thresholds(timestamps=-1)


# Several of everything


def test_one_false_entry_refuses_although_another_is_true(shapes: dict[str, Shape]) -> None:
    shape = shapes["v1 and v2, two timestamps"]
    for index in (0, 1):
        document = copy.deepcopy(shape.document)
        entry = document["verificationMaterial"]["tlogEntries"][index]
        body = bytearray(base64.b64decode(entry["canonicalizedBody"]))
        body[len(body) // 2] ^= 1
        entry["canonicalizedBody"] = base64.b64encode(body).decode()
        assert step_of(shape, document) == "transparency-log"


def test_an_entry_of_an_unknown_log_about_something_else_is_false(
    shapes: dict[str, Shape],
) -> None:
    shape, other = shapes["v2"], shapes["v1, dsse 0.0.1"]
    document = copy.deepcopy(shape.document)
    document["verificationMaterial"]["tlogEntries"] += other.document["verificationMaterial"][
        "tlogEntries"
    ]
    assert step_of(shape, document) == "log-entry"


def test_a_foreign_timestamp_of_something_else_is_false(shapes: dict[str, Shape]) -> None:
    shape, other = shapes["v2"], shapes["timestamp alone"]
    document = copy.deepcopy(shape.document)
    name = "timestampVerificationData"
    foreign = other.document["verificationMaterial"][name]["rfc3161Timestamps"]
    document["verificationMaterial"][name]["rfc3161Timestamps"] += foreign
    assert step_of(shape, document) == "time"


@pytest.mark.parametrize("kind", ["tlogs", "ctlogs"])
@pytest.mark.parametrize("name", ["v1, dsse 0.0.1", "v2"])
@pytest.mark.parametrize("turned", [False, True])
def test_a_log_may_be_listed_once_for_each_time_it_was_trusted(
    shapes: dict[str, Shape],
    kind: str,
    name: str,
    turned: bool,  # noqa: FBT001 - a parameter
) -> None:
    shape = shapes[name]
    root = json.loads(shape.trust.to_json())
    (log, *others) = root[kind]
    spans = ({"start": "2020-01-01T00:00:00Z", "end": "2020-06-01T00:00:00Z"}, None)
    listed = []
    for span in reversed(spans) if turned else spans:
        listed.append(copy.deepcopy(log))
        if span is not None:
            listed[-1]["publicKey"]["validFor"] = span
    root[kind] = [*listed, *others]
    assert shape.verify(trust=Trust.from_json(json.dumps(root))) == shape.verify()
    root[kind] = [one for one in listed if one["publicKey"]["validFor"] == spans[0]]
    refused_by = "transparency-log" if kind == "tlogs" else "certificate-transparency"
    assert step_of(shape, trust=Trust.from_json(json.dumps(root))) == refused_by


# What is read


@pytest.mark.parametrize("name", ["v2", "v1, version 0.1", "key, ecdsa-p256 , v1", "v1, bytes"])
def test_a_field_that_is_not_known_is_let_be_only_beside_the_parts(
    shapes: dict[str, Shape], name: str
) -> None:
    shape = shapes[name]
    assert shape.verify(shape.document | {"later": {"a": [1]}}) == shape.verify()
    for path in paths(shape.document):
        document = copy.deepcopy(shape.document)
        at: Any = document
        for step in path[:-1]:
            at = at[step]
        at["later"] = None
        expected = "" if at is document else "unsupported-format"
        assert (step_of(shape, document) if expected else "") == expected, path


def snaked(value: Any) -> Any:
    from provenance.attestation.protobuf_json import _CAPITAL

    if isinstance(value, list):
        return [snaked(item) for item in value]
    if isinstance(value, dict):
        return {_CAPITAL.sub(r"_\1", k).lower(): snaked(v) for k, v in value.items()}
    return value


@pytest.mark.parametrize("name", ["v2", "v1, version 0.1", "key, ecdsa-p256 , v1", "v1, bytes"])
def test_either_spelling_of_every_field_is_read(shapes: dict[str, Shape], name: str) -> None:
    shape = shapes[name]
    document = snaked(shape.document)
    spelled = json.dumps(document).replace("rfc3161timestamps", "rfc3161_timestamps")
    spelled = spelled.replace("x509certificate_chain", "x509_certificate_chain")
    assert shape.verify(spelled.encode()) == shape.verify()


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    out = []
    for key, child in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(key, str):
            out.append((*at, key))
        if isinstance(child, (dict, list)):
            out += paths(child, (*at, key))
    return out


@pytest.mark.parametrize("name", ["v2", "v1, version 0.1", "key, ecdsa-p256 , v1", "v1, bytes"])
def test_no_field_may_be_there_in_both_spellings(shapes: dict[str, Shape], name: str) -> None:
    shape = shapes[name]
    for path in paths(shape.document):
        document = copy.deepcopy(shape.document)
        at: Any = document
        for step in path[:-1]:
            at = at[step]
        other = next(iter(snaked({path[-1]: 0})))
        if other == path[-1]:
            continue
        other = {
            "rfc3161timestamps": "rfc3161_timestamps",
            "x509certificate_chain": "x509_certificate_chain",
        }.get(other, other)
        at[other] = at[path[-1]]
        assert step_of(shape, document) == "malformed-document", path


def test_what_is_given_to_the_library_is_what_was_read(shapes: dict[str, Shape]) -> None:
    for shape in shapes.values():
        if shape.content in {"statement", "blob"}:
            parts = read_parts(Bundle.parse(shape.raw))
            assert read_parts(Bundle.parse(parts.to_json())) == parts
            if isinstance(parts.content, Envelope):
                assert parts.content.payload == STATEMENT


def test_results_are_equal_from_run_to_run(shapes: dict[str, Shape]) -> None:
    found: dict[str, Found] = {name: shape.verify() for name, shape in shapes.items()}
    assert found == {name: shape.verify() for name, shape in shapes.items()}
