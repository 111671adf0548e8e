"""Whatever services answer, a bundle is made of it or an error of ours is raised."""

from __future__ import annotations

import base64
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.signing.conftest import make_key

from provenance.errors import ProvenanceError
from provenance.signing import fulcio, rekor_v1, rekor_v2
from provenance.signing.algorithms import scheme_of
from provenance.signing.exchange import Answer, ServiceError
from provenance.signing.record import Record

KEY = make_key("ecdsa-p256")
RECORD = Record(b"signature", scheme_of("ecdsa-p256"), bytes(32), KEY.public_key)
NAMES = st.sampled_from(
    (
        *("body", "integratedTime", "logID", "logIndex", "verification", "inclusionProof"),
        *("checkpoint", "hashes", "rootHash", "treeSize", "signedEntryTimestamp", "logId"),
        *("signedCertificateEmbeddedSct", "chain", "certificates", "canonicalizedBody", "message"),
    )
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["00", "AA==", base64.b64encode(b'{"kind":"a","apiVersion":1}').decode()])
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=7),
    max_leaves=20,
)


class Answering:
    """An exchange in which everything is answered with the same."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def post(self, *_: Any, **__: Any) -> Answer:
        return self.answer

    def get(self, *_: Any, **__: Any) -> Answer:
        return self.answer

    def wait(self, attempt: int) -> None:
        """At once."""


def answered(status: int, raw: bytes, headers: dict[str, str]) -> Any:
    return Answering(Answer("the service", status, raw, headers))


BODIES = st.one_of(st.binary(max_size=40), TREES.map(lambda tree: json.dumps(tree).encode()))
STATUSES = st.sampled_from([200, 201, 302, 400, 401, 409, 500])
HEADERS = st.sampled_from(
    [{}, {"Location": "/a/" + "0" * 80}, {"X-Log-Index": "0"}, {"X-Log-Index": "9" * 400}]
)


@given(STATUSES, BODIES, HEADERS)
def test_of_a_log_an_entry_or_an_error(status: int, raw: bytes, headers: dict[str, str]) -> None:
    for log in (rekor_v1, rekor_v2):
        try:
            entry = log.log_entry(answered(status, raw, headers), "https://log", RECORD)
        except ServiceError:
            continue
        assert isinstance(entry["canonicalizedBody"], str)
        json.dumps(entry).encode()


@given(st.binary(max_size=60), st.integers(0, 3), st.integers(0, 70))
def test_of_a_note_a_checkpoint_or_an_error(raw: bytes, index: int, size: int) -> None:
    note = b"log\n%d\nroot\n\n- log " % size + base64.b64encode(raw) + b"\n"
    headers = {"X-Log-Index": str(index)}

    class Notes(Answering):
        def get(self, *_: Any, **__: Any) -> Answer:
            return Answer("the service", 200, note)

    exchange: Any = Notes(Answer("the service", 409, b"{}", headers))
    try:
        rekor_v2.log_entry(exchange, "https://log", RECORD)
    except ServiceError:
        return
    raise AssertionError("an entry was made of nothing")


@given(STATUSES, BODIES)
def test_of_an_authority_a_chain_or_an_error(status: int, raw: bytes) -> None:
    from provenance.signing.ephemeral import EphemeralKey

    try:
        fulcio.certify(
            answered(status, raw, {}), "https://ca", token="t", key=EphemeralKey.generate()
        )
    except ProvenanceError:
        return
    raise AssertionError("a certificate was made of nothing")
