"""Services that work, fail, are slow or lie; and what is done where there are several."""

from __future__ import annotations

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from tests.signing.conftest import SUBJECT, body, edited, stand_between, status

from provenance.errors import SigningError
from provenance.settings import Settings
from provenance.signing import Signer
from provenance.signing.credentials import Keyless
from provenance.testing.sigstore import LocalSigstore
from provenance.verification import Identity, verify_bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.signing.conftest import Change

    from provenance.trust import Trust

ONCE = Settings(retries=0, timeout=5)
CA, V1, V2, TSA = (
    "/api/v2/signingCert",
    "/api/v1/log/entries",
    "/api/v2/log/entries",
    "/api/v1/timestamp",
)


def signer(sigstore: LocalSigstore, trust: Trust, settings: Settings = ONCE) -> Signer:
    return Signer.keyless(trust=trust, identity_token=sigstore.token(), settings=settings)


def material(bundle: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(bundle)["verificationMaterial"]
    return found


def asked(sigstore: LocalSigstore, path: str) -> int:
    return sum(request.path == path for request in sigstore.requests)


@pytest.fixture(scope="module")
def first() -> Iterator[LocalSigstore]:
    """With Rekor 1; its parts work."""
    with LocalSigstore(rekor=("v1",)) as running:
        yield running


def test_rekor_1_gives_a_promise_a_time_and_a_proof(first: LocalSigstore, statement: bytes) -> None:
    bundle = signer(first, first.trust).sign_statement(statement)
    (entry,) = material(bundle)["tlogEntries"]
    assert entry["kindVersion"] == {"kind": "dsse", "version": "0.0.1"}
    assert entry["inclusionPromise"]["signedEntryTimestamp"]
    assert entry["inclusionProof"]["checkpoint"]["envelope"]
    who = Identity("dev@example.com", issuer=first.issuer)
    found = verify_bundle(bundle, SUBJECT, trust=first.trust, identity=who)
    assert found.time is not None


def test_the_sigstore_library_verifies_what_is_signed(
    first: LocalSigstore, sigstore: LocalSigstore, statement: bytes
) -> None:
    from sigstore.models import Bundle, ClientTrustConfig
    from sigstore.verify import Verifier
    from sigstore.verify.policy import Identity as Expected

    for instance in (first, sigstore):
        bundle = signer(instance, instance.trust).sign_statement(statement)
        config = ClientTrustConfig.from_json(instance.client_trust_config_json.decode())
        who = Expected(identity="dev@example.com", issuer=instance.issuer)
        verifier = Verifier(trusted_root=config.trusted_root)
        assert verifier.verify_dsse(Bundle.from_json(bundle), who)[1] == statement


def another_key(_: Any) -> Any:
    with LocalSigstore() as other:
        return pem_chain(other)


def pem_chain(sigstore: LocalSigstore) -> dict[str, Any]:
    """What the authority would answer, about a key of somebody else's."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding

    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    leaf = sigstore.ca.issue(key, "dev@example.com", sigstore.issuer)
    pem = leaf.public_bytes(Encoding.PEM).decode()
    chain = {"certificates": [pem, *sigstore.ca.chain_pem()]}
    return {"signedCertificateEmbeddedSct": {"chain": chain}}


def without(*path: str) -> Callable[[Any], Any]:
    """The document without what is at `path`."""

    def edit(document: Any) -> Any:
        part = document
        for name in path[:-1]:
            part = part[name]
        del part[path[-1]]
        return document

    return edit


LIES: dict[str, tuple[str, Change, str]] = {
    "a certificate of another key": (CA, edited(another_key), "certified another key"),
    "no chain": (CA, edited(lambda _: {"signedCertificateEmbeddedSct": {}}), "without a chain"),
    "a chain of nothing": (
        CA,
        edited(lambda _: {"signedCertificateEmbeddedSct": {"chain": {"certificates": []}}}),
        "without a chain",
    ),
    "what is no certificate": (
        CA,
        edited(lambda _: {"signedCertificateEmbeddedSct": {"chain": {"certificates": ["x"]}}}),
        "what is no certificate",
    ),
    "a promise beside the certificate": (
        CA,
        edited(lambda _: {"signedCertificateDetachedSct": {}}),
        "does not embed the promise",
    ),
    "a page for people as a certificate": (CA, body(b"<html>hello"), "not JSON"),
    "a list as a certificate": (CA, body(b"[]"), "not JSON: must be a JSON object"),
    "an endless certificate": (CA, body(b"x" * (9 << 20)), "larger than"),
    "a token that it does not like": (CA, status(401), "the identity token was not accepted"),
    "a login page": (CA, status(302), "leads elsewhere"),
    "a page for people as a timestamp": (TSA, body(b"<html>hello"), "without a timestamp"),
    "an empty timestamp": (TSA, body(b""), "without a timestamp"),
    "a rejection": (TSA, body(bytes.fromhex("30053003020102")), "without a timestamp|refused"),
    "a page for people as an entry": (V2, body(b"<html>hello"), "not JSON"),
    "an entry of nothing": (V2, body(b"{}"), "without a log entry"),
    "an entry that is too large": (V2, status(413), "answered 413: as the test asked"),
    "an entry without a proof": (V2, edited(without("inclusionProof")), "does not verify"),
    "an entry of another log": (
        V2,
        edited(lambda entry: entry | {"logId": {"keyId": "AAAA"}}),
        "does not verify",
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_nothing_is_signed_with(sigstore: LocalSigstore, statement: bytes, lie: str) -> None:
    path, change, why = LIES[lie]
    with stand_between(sigstore) as (between, trust):
        who = signer(sigstore, trust)
        between.changes[path] = change
        with pytest.raises(SigningError, match=why):
            who.sign_statement(statement)
        between.changes.clear()
        assert who.sign_statement(statement)


def first_entry(change: Callable[[dict[str, Any]], Any]) -> Change:
    """Rekor 1's answer with its one entry changed."""

    def edit(document: dict[str, Any]) -> Any:
        return {name: change(entry) for name, entry in document.items()}

    return edited(edit)


LIES_OF_REKOR_1: dict[str, tuple[Change, str]] = {
    "a page for people": (body(b"<html>"), "not JSON"),
    "no entry": (body(b"{}"), "without a log entry"),
    "two entries": (edited(lambda d: d | {"b": next(iter(d.values()))}), "without a log entry"),
    "text as an entry": (first_entry(lambda _: "x"), "without a log entry"),
    "no verification": (first_entry(lambda e: e | {"verification": None}), "without a log entry"),
    "a body that is no JSON": (first_entry(lambda e: e | {"body": "eA=="}), "without a log entry"),
    "an index in words": (first_entry(lambda e: e | {"logIndex": "1"}), "without a log entry"),
    "a log that is not hex": (first_entry(lambda e: e | {"logID": "xy"}), "without a log entry"),
    "another time": (
        first_entry(lambda e: e | {"integratedTime": e["integratedTime"] + 1}),
        "does not verify",
    ),
    "another index": (
        first_entry(lambda e: e | {"logIndex": e["logIndex"] + 100}),
        "does not verify",
    ),
}


@pytest.mark.parametrize("lie", LIES_OF_REKOR_1)
def test_nothing_is_signed_with_rekor_1_and(
    first: LocalSigstore, statement: bytes, lie: str
) -> None:
    change, why = LIES_OF_REKOR_1[lie]
    with stand_between(first) as (between, trust):
        between.changes[V1] = change
        with pytest.raises(SigningError, match=why):
            signer(first, trust).sign_statement(statement)


def test_a_timestamp_of_another_signature_is_found_out(
    sigstore: LocalSigstore, statement: bytes
) -> None:
    with stand_between(sigstore) as (between, trust):
        between.changes[TSA] = body(sigstore.tsa.stamp(b"0" * 32))
        with pytest.raises(SigningError, match="stamped something other than what it was sent"):
            signer(sigstore, trust).sign_statement(statement)
    assert asked(sigstore, V2) == 0  # nothing is logged that has no time


def test_a_refusal_does_not_repeat_the_token(sigstore: LocalSigstore, statement: bytes) -> None:
    token = sigstore.token()
    with stand_between(sigstore) as (between, trust):
        who = Signer.keyless(trust=trust, identity_token=token, settings=ONCE)
        between.changes[CA] = lambda _: status_of(500, f"no good: {token}")
        with pytest.raises(SigningError, match=r"no good: \(token\)") as caught:
            who.sign_statement(statement)
    error: BaseException | None = caught.value
    while error is not None:
        assert token not in str(error)
        error = error.__cause__


def status_of(code: int, message: str) -> Any:
    from provenance.testing.registry.messages import Response

    return Response.of_json(code, {"message": message})


def test_a_service_that_drips_is_not_waited_for(sigstore: LocalSigstore, statement: bytes) -> None:
    from dataclasses import replace

    with stand_between(sigstore) as (between, trust):
        between.changes[V2] = lambda answer: replace(answer, pace=(1, 0.05))
        slow = signer(sigstore, trust, Settings(retries=0, deadline=1.5))
        with pytest.raises(SigningError, match=r"the transparency log.*did not finish in time"):
            slow.sign_statement(statement)


def test_a_service_that_stumbles_is_asked_again(sigstore: LocalSigstore, statement: bytes) -> None:
    left: dict[str, int] = {CA: 1, TSA: 1, V2: 1}

    def stumbling(path: str) -> Change:
        def change(answer: Any) -> Any:
            left[path] -= 1
            return status_of(503, "not now") if left[path] >= 0 else answer

        return change

    with stand_between(sigstore) as (between, trust):
        between.changes |= {path: stumbling(path) for path in left}
        settings = Settings(retries=1, retry_wait=0.01)
        assert signer(sigstore, trust, settings).sign_statement(statement)
    assert [asked(sigstore, path) for path in (CA, TSA, V2)] == [2, 2, 2]


class TestOfSeveralServices:
    @pytest.fixture
    def both(self) -> Iterator[LocalSigstore]:
        with LocalSigstore(rekor=("v2", "v1"), tsas=2) as running:
            yield running

    @pytest.fixture
    def all_(self) -> Iterator[LocalSigstore]:
        with LocalSigstore(rekor=("v2", "v1"), tsas=2, selector="ALL") as running:
            yield running

    def test_any_takes_the_newest(self, both: LocalSigstore, statement: bytes) -> None:
        found = material(signer(both, both.trust).sign_statement(statement))
        (entry,) = found["tlogEntries"]
        assert entry["kindVersion"]["version"] == "0.0.2"
        assert len(found["timestampVerificationData"]["rfc3161Timestamps"]) == 1

    def test_any_takes_the_next_where_one_fails(
        self, both: LocalSigstore, statement: bytes
    ) -> None:
        with stand_between(both) as (between, trust):
            between.changes |= {V2: status(500), TSA: status(500)}
            bundle = signer(both, trust).sign_statement(statement)
        (entry,) = material(bundle)["tlogEntries"]
        assert entry["kindVersion"]["version"] == "0.0.1"
        assert asked(both, "/tsa-2/api/v1/timestamp") == 1
        verify_bundle(bundle, SUBJECT, trust=both.trust, identity=None)

    def test_any_says_why_each_failed(self, both: LocalSigstore, statement: bytes) -> None:
        with stand_between(both) as (between, trust):
            between.changes |= {V2: status(500), V1: status(503)}
            with pytest.raises(SigningError, match=r"v2/log/entries answered 500.*; .*v1.* 503"):
                signer(both, trust).sign_statement(statement)

    def test_all_must_do_their_part(self, all_: LocalSigstore, statement: bytes) -> None:
        with stand_between(all_) as (between, trust):
            who = signer(all_, trust)
            for path in (V1, V2, TSA, "/tsa-2/api/v1/timestamp"):
                between.changes = {path: status(500)}
                with pytest.raises(SigningError, match=f"{path} answered 500"):
                    who.sign_statement(statement)


class TestOneCertificate:
    def test_is_used_for_as_long_as_it_is_valid(
        self, sigstore: LocalSigstore, statement: bytes
    ) -> None:
        who = signer(sigstore, sigstore.trust)
        bundles = [who.sign_statement(statement) for _ in range(3)]
        assert asked(sigstore, CA) == 1
        assert len({material(b)["certificate"]["rawBytes"] for b in bundles}) == 1

    def test_is_asked_for_once_by_many_threads(
        self, sigstore: LocalSigstore, statement: bytes
    ) -> None:
        who = signer(sigstore, sigstore.trust)
        with ThreadPoolExecutor(6) as pool:
            bundles = list(pool.map(who.sign_statement, [statement] * 12))
        assert asked(sigstore, CA) == 1
        for bundle in bundles:
            verify_bundle(bundle, SUBJECT, trust=sigstore.trust, identity=None)

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks there")
    @pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # Python 3.12's, of threads
    def test_is_not_waited_for_in_a_child_whose_parent_was_asking(
        self, sigstore: LocalSigstore, statement: bytes
    ) -> None:
        who = signer(sigstore, sigstore.trust)
        held = who._credentials
        assert isinstance(held, Keyless)
        with held._lock:  # as a thread has it that asks for a certificate
            child = os.fork()
            if child == 0:
                signal.alarm(30)  # ends one that waits for ever
                os._exit(0 if who.sign_statement(statement) else 1)
            assert os.waitpid(child, 0)[1] == 0

    def test_is_replaced_before_it_ends(self, statement: bytes) -> None:
        import datetime as dt

        late = dt.timedelta(minutes=9)  # its certificates live for ten
        with LocalSigstore(now=lambda: dt.datetime.now(dt.UTC) - late) as sigstore:
            who = signer(sigstore, sigstore.trust)
            bundles = [who.sign_statement(statement) for _ in range(2)]
            assert asked(sigstore, CA) == 2
            assert len({material(b)["certificate"]["rawBytes"] for b in bundles}) == 2

    def test_is_replaced_where_it_did_not_verify(
        self, sigstore: LocalSigstore, statement: bytes
    ) -> None:
        who = signer(sigstore, sigstore.trust)
        sigstore.log.omits = True
        with pytest.raises(SigningError, match="does not verify"):
            who.sign_statement(statement)
        sigstore.recover()
        who.sign_statement(statement)
        assert asked(sigstore, CA) == 2


class TestATokenThatEnds:
    """Thirty seconds before it does, the next one is fetched; a certificate needs one."""

    @staticmethod
    def tokens(sigstore: LocalSigstore, *identities: str) -> Callable[[], str]:
        import time

        made = iter(
            sigstore.token(name, exp=int(time.time()) + (20 if n == 0 else 600))
            for n, name in enumerate(identities)
        )
        return lambda: next(made)

    def test_is_followed_by_the_next(self, sigstore: LocalSigstore, statement: bytes) -> None:
        source = self.tokens(sigstore, "dev@example.com", "dev@example.com")
        who = Signer.keyless(trust=sigstore.trust, identity_token=source, settings=ONCE)
        assert who.sign_statement(statement)
        sent = [r.headers["Authorization"] for r in sigstore.requests if r.path == CA]
        assert len(sent) == 1
        with pytest.raises(StopIteration):
            source()

    def test_is_not_followed_by_anothers(self, sigstore: LocalSigstore, statement: bytes) -> None:
        source = self.tokens(sigstore, "dev@example.com", "eve@example.com")
        who = Signer.keyless(trust=sigstore.trust, identity_token=source, settings=ONCE)
        with pytest.raises(SigningError, match=r"is for eve@example\.com, not for dev@"):
            who.sign_statement(statement)
        assert sigstore.requests == []

    def test_of_the_environment_is_looked_for_again(
        self, sigstore: LocalSigstore, statement: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source = self.tokens(sigstore, "dev@example.com", "dev@example.com")
        monkeypatch.setenv("SIGSTORE_ID_TOKEN", source())
        who = Signer.keyless(trust=sigstore.trust, settings=ONCE)
        following = source()
        monkeypatch.setenv("SIGSTORE_ID_TOKEN", following)
        assert who.sign_statement(statement)
        (sent,) = (r.headers["Authorization"] for r in sigstore.requests if r.path == CA)
        assert sent == f"Bearer {following}"


def test_of_all_services_one_that_lies_is_one_too_few(statement: bytes) -> None:
    # Verifiers are content with one good entry; who asked for two has paid for two.
    with (
        LocalSigstore(rekor=("v2", "v1"), selector="ALL") as sigstore,
        stand_between(sigstore) as (between, trust),
    ):
        between.changes[V1] = first_entry(lambda e: e | {"logIndex": e["logIndex"] + 100})
        with pytest.raises(SigningError, match="does not verify"):
            signer(sigstore, trust).sign_statement(statement)
        between.changes.clear()
        bundle = signer(sigstore, trust).sign_statement(statement)
        found = verify_bundle(bundle, SUBJECT, trust=sigstore.trust, identity=None)
        assert len(found.log_entries) == 2


def test_an_instance_without_logs_dates_by_timestamps_alone(statement: bytes) -> None:
    with LocalSigstore(rekor=()) as sigstore:
        bundle = signer(sigstore, sigstore.trust).sign_statement(statement)
        assert material(bundle)["tlogEntries"] == []
        found = verify_bundle(bundle, SUBJECT, trust=sigstore.trust, identity=None)
        assert found.time is not None
