"""What is by somebody whom the root does not list, beside what is proven: told, or refused."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.verification.shapes import PARTLY, Shape, build

from provenance.errors import InvalidEvidence, ProvenanceError
from provenance.trust import Trust
from provenance.verification import Thresholds

LOG = "a log entry is of a log that the trust root does not list"
STAMP = "a timestamp is by an authority that the trust root does not list"


@pytest.fixture(scope="module")
def shapes() -> dict[str, Shape]:
    return build()


@pytest.fixture(scope="module")
def partly(shapes: dict[str, Shape]) -> Shape:
    return shapes[PARTLY]


def step_of(shape: Shape, document: dict[str, Any] | None = None, **changes: Any) -> str:
    with pytest.raises(ProvenanceError) as caught:
        shape.verify(document, **changes)
    return str(getattr(caught.value, "step", "") or caught.value.code)


def entries(document: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = document["verificationMaterial"]["tlogEntries"]
    return found


def only(shape: Shape, **numbers: int) -> Trust:
    """Whoever knows one of each list alone."""
    root = json.loads(shape.trust.to_json())
    return Trust.from_json(
        json.dumps(
            {k: [root[k][n]] for k, n in numbers.items()}
            | {k: v for k, v in root.items() if k not in numbers}
        )
    )


def test_whoever_knows_one_of_each_verifies_and_is_told(partly: Shape) -> None:
    found = partly.verify()
    assert len(found.log_entries) == 1
    assert [time.source for time in found.times] == ["log", "timestamp-authority"]
    assert found.warnings == (LOG, STAMP)


@pytest.mark.parametrize("log", [0, 1])
@pytest.mark.parametrize("authority", [0, 1])
def test_whichever_is_known(shapes: dict[str, Shape], log: int, authority: int) -> None:
    shape = shapes["v1 and v2, two timestamps"]
    found = shape.verify(trust=only(shape, tlogs=log, timestampAuthorities=authority))
    whole = shape.verify()
    assert found.log_entries == (whole.log_entries[log],)
    assert found.warnings == (LOG, STAMP)


def test_a_root_without_authorities_leaves_the_time_to_the_log(shapes: dict[str, Shape]) -> None:
    shape = shapes["v1 and v2, two timestamps"]
    root = json.loads(shape.trust.to_json()) | {"timestampAuthorities": []}
    found = shape.verify(trust=Trust.from_json(json.dumps(root)))
    assert [time.source for time in found.times] == ["log"]
    assert found.warnings == (
        "the timestamps do not count: the trust root lists no timestamp authority",
    )


def test_they_are_no_witnesses(partly: Shape) -> None:
    assert step_of(partly, require=Thresholds(log_entries=2)) == "threshold"
    assert step_of(partly, require=Thresholds(timestamps=2)) == "threshold"


def test_alone_they_prove_nothing(partly: Shape) -> None:
    document = copy.deepcopy(partly.document)
    del entries(document)[0]
    assert step_of(partly, document) == "transparency-log"
    stamps = document["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"]
    del stamps[0]
    assert step_of(partly, document, unsafe_no_log=True) == "time"


@pytest.mark.parametrize("unsafe", [False, True])
@pytest.mark.parametrize("byte", [0, 3, 4, 31])
@pytest.mark.parametrize("index", [0, 1])
def test_a_listed_log_under_another_name_is_refused(
    shapes: dict[str, Shape],
    index: int,
    byte: int,
    unsafe: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    shape = shapes["v1 and v2, two timestamps"]
    document = copy.deepcopy(shape.document)
    name = bytearray(base64.b64decode(entries(document)[index]["logId"]["keyId"]))
    name[byte] ^= 1
    entries(document)[index]["logId"]["keyId"] = base64.b64encode(name).decode()
    assert step_of(shape, document, unsafe_no_log=unsafe) == "transparency-log"


def test_a_promise_of_a_listed_log_under_another_name_is_refused(
    shapes: dict[str, Shape],
) -> None:
    shape = shapes["v1, promise alone"]
    document = copy.deepcopy(shape.document)
    name = bytearray(base64.b64decode(entries(document)[0]["logId"]["keyId"]))
    name[-1] ^= 1
    entries(document)[0]["logId"]["keyId"] = base64.b64encode(name).decode()
    with pytest.raises(InvalidEvidence, match="names another"):
        shape.verify(document)


def test_a_listed_log_that_is_not_verified_here_disturbs_nobody(
    shapes: dict[str, Shape],
) -> None:
    shape = shapes["v1 and v2, two timestamps"]
    root = json.loads(shape.trust.to_json())
    key = ec.generate_private_key(ec.SECP224R1()).public_key()
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    other = copy.deepcopy(root["tlogs"][0])
    other["publicKey"]["rawBytes"] = base64.b64encode(spki).decode()
    other["logId"]["keyId"] = base64.b64encode(hashlib.sha256(spki).digest()).decode()
    root["tlogs"] = [root["tlogs"][1], other]
    found = shape.verify(trust=Trust.from_json(json.dumps(root)))
    assert found.log_entries == shape.verify().log_entries[1:]


FALSE: dict[str, tuple[Any, str]] = {
    "another body": (lambda e: e.update(canonicalizedBody=base64.b64encode(b"{}").decode()), ""),
    "another root": (
        lambda e: e["inclusionProof"].update(rootHash=base64.b64encode(bytes(32)).decode()),
        "",
    ),
    "another size": (
        lambda e: e["inclusionProof"].update(treeSize=int(e["inclusionProof"]["treeSize"]) + 1),
        "",
    ),
    "no proof": (lambda e: e.pop("inclusionProof"), ""),
    "another kind": (lambda e: e["kindVersion"].update(kind="dsse"), "log-entry"),
}


@pytest.mark.parametrize("case", FALSE)
def test_a_false_one_refuses(partly: Shape, case: str) -> None:
    change, step = FALSE[case]
    document = copy.deepcopy(partly.document)
    change(entries(document)[1])
    assert step_of(partly, document) == (step or "transparency-log")


def test_one_of_another_signature_refuses(partly: Shape) -> None:
    other = build()[PARTLY]
    document = copy.deepcopy(partly.document)
    entries(document)[1] = entries(other.document)[1]
    assert step_of(partly, document) == "log-entry"
