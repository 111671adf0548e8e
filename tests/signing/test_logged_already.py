"""Rekor 2 has the entry already: an answer was lost, and what was logged is read from its tiles."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.signing.conftest import SUBJECT, body, make_key, stand_between, status

from provenance.errors import SigningError
from provenance.settings import Settings
from provenance.signing import Signer
from provenance.testing.registry.messages import Content, Response
from provenance.verification import verify_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.signing.conftest import Between

    from provenance.testing.sigstore import LocalSigstore
    from provenance.trust import Trust

ENTRIES, CHECKPOINT = "/api/v2/log/entries", "/api/v2/checkpoint"
QUICK = Settings(retries=1, retry_wait=0.01)


def already(answer: Response) -> Response:
    """What the real one says the second time; the first answer was lost."""
    index = json.loads(answer.body.read())["logIndex"]
    return conflict(index)


def conflict(index: str) -> Response:
    message = f"an equivalent entry already exists in the transparency log with index {index}"
    answer = Response.of_json(409, {"code": 6, "message": message, "details": []})
    return Response(409, {**answer.headers, "X-Log-Index": index}, answer.body)


@pytest.fixture
def filled(sigstore: LocalSigstore) -> LocalSigstore:
    for number in range(300):
        sigstore.log.append(b'{"apiVersion":"0.0.2","kind":"hashedrekord","n":%d}' % number)
    return sigstore


@pytest.fixture
def between(filled: LocalSigstore) -> Iterator[tuple[Between, Trust]]:
    with stand_between(filled) as (between, trust):
        between.changes[ENTRIES] = already
        yield between, trust


def signer(sigstore: LocalSigstore, trust: Trust) -> Signer:
    return Signer.keyless(trust=trust, identity_token=sigstore.token(), settings=QUICK)


def test_it_is_found_with_a_proof_that_verifies(
    filled: LocalSigstore, between: tuple[Between, Trust], statement: bytes
) -> None:
    bundle = signer(filled, between[1]).sign_statement(statement)
    found = verify_bundle(bundle, SUBJECT, trust=filled.trust, identity=None)
    assert found.log_index == 300
    assert len(filled.log.bodies) == 301


def test_a_key_that_signs_the_same_again_is_logged_once(
    filled: LocalSigstore, between: tuple[Between, Trust], statement: bytes
) -> None:
    who = Signer.of(make_key("rsa-2048"), trust=between[1], settings=QUICK)
    bundle = json.loads(who.sign_statement(statement))
    (entry,) = bundle["verificationMaterial"]["tlogEntries"]
    assert entry["kindVersion"] == {"kind": "hashedrekord", "version": "0.0.2"}


def test_the_next_checkpoint_is_waited_for(
    filled: LocalSigstore, between: tuple[Between, Trust], statement: bytes
) -> None:
    stale = [filled.log.checkpoint(300), filled.log.checkpoint(299)]

    def change(answer: Response) -> Response:
        return answer if not stale else Response(200, {}, Content(stale.pop().encode()))

    between[0].changes[CHECKPOINT] = change
    bundle = signer(filled, between[1]).sign_statement(statement)
    assert verify_bundle(bundle, SUBJECT, trust=filled.trust, identity=None).log_index == 300
    assert not stale


def note(text: str) -> Any:
    return body(text.encode())


@pytest.mark.parametrize(
    ("path", "change", "why"),
    [
        (CHECKPOINT, status(501), r"answered 501: as the test asked: it has the entry already"),
        ("/api/v2/tile/entries/001.p/45", status(404), "answered 404.*sign again"),
        ("/api/v2/tile/0/001.p/45", body(b"x"), "its tiles cannot be read: the tile has 1 bytes"),
        ("/api/v2/tile/entries/001.p/45", body(b"\0\2{}" * 45), "its tiles cannot be read: 'kind'"),
        ("/api/v2/tile/0/001.p/45", body(b"x" * 1440), "does not verify: the proof"),
        (CHECKPOINT, note("a page"), "its checkpoint is none"),
        (CHECKPOINT, note("a\nb\nc\n\n"), "its checkpoint is none"),
        (CHECKPOINT, note("a\n301\nc\n\n- a AAAAAAAA\n"), "not by a log of the trust root"),
        (CHECKPOINT, note("a\n300\nc\n\n- a AAAAAAAA\n"), "no checkpoint has entry 300"),
        (CHECKPOINT, body(b"\xff"), "its tiles cannot be read"),
        (ENTRIES, lambda _: conflict("0"), "does not verify"),
        (ENTRIES, lambda _: conflict("-1"), "does not say where"),
        (ENTRIES, lambda _: conflict(""), "does not say where"),
    ],
)
def test_what_cannot_be_read_is_an_error_that_says_what_to_do(
    filled: LocalSigstore,
    between: tuple[Between, Trust],
    statement: bytes,
    path: str,
    change: Any,
    why: str,
) -> None:
    between[0].changes[path] = change
    with pytest.raises(SigningError, match=why):
        signer(filled, between[1]).sign_statement(statement)


def test_an_answer_that_is_lost_is_asked_for_again(
    filled: LocalSigstore, between: tuple[Between, Trust], statement: bytes
) -> None:
    first = [True]

    def lose(answer: Response) -> Response:
        if first.pop() if first else False:
            return Response(200, {}, hang_up=True)
        return conflict("300")

    between[0].changes[ENTRIES] = lose
    bundle = signer(filled, between[1]).sign_statement(statement)
    assert verify_bundle(bundle, SUBJECT, trust=filled.trust, identity=None).log_index == 300
