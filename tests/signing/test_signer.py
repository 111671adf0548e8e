"""Signing: a bundle that verifies, or a SigningError that says what to do."""

from __future__ import annotations

import json
import pickle
import socket
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from provenance.attestation.statement import ResourceDescriptor, Statement
from provenance.digests import Digest
from provenance.errors import NotEvaluated, SigningError
from provenance.settings import Settings
from provenance.signing import Signer
from provenance.testing.sigstore import LocalSigstore
from provenance.trust import Trust
from provenance.verification import Identity, verify_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator

SUBJECT = Digest.of(b"an image")
WORKFLOW = "org/app/.github/workflows/release.yml@refs/tags/v1"
GITHUB = "https://token.actions.githubusercontent.com"


@pytest.fixture
def sigstore() -> Iterator[LocalSigstore]:
    """One of its own: its parts are broken here."""
    with LocalSigstore() as running:
        yield running


def at_once(sigstore: LocalSigstore, **claims: Any) -> Signer:
    """A signer that asks once."""
    return Signer.keyless(
        trust=sigstore.trust,
        identity_token=sigstore.token(**claims),
        settings=Settings(retries=0),
    )


@pytest.fixture
def statement() -> bytes:
    named = ResourceDescriptor("ghcr.io/org/app", {"sha256": SUBJECT.hex})
    return Statement.build([named], "https://example.com/p", {"a": [1.0, "ü"]}).raw


def test_what_is_signed_verifies_and_is_the_very_bytes(
    local_sigstore: LocalSigstore, statement: bytes
) -> None:
    signer = local_sigstore.signer("ann@example.com")
    bundle = signer.sign_statement(statement)
    who = Identity("ann@example.com", issuer=local_sigstore.issuer)
    found = verify_bundle(bundle, SUBJECT, trust=local_sigstore.trust, identity=who)
    assert found.statement.raw == statement
    assert (signer.identity, signer.issuer) == (found.identity, found.issuer)
    assert json.loads(bundle)["mediaType"] == "application/vnd.dev.sigstore.bundle.v0.3+json"


def test_one_signer_signs_several_times(local_sigstore: LocalSigstore, statement: bytes) -> None:
    signer = local_sigstore.signer()
    first, second = signer.sign_statement(statement), signer.sign_statement(statement)
    for bundle in (first, second):
        verify_bundle(bundle, SUBJECT, trust=local_sigstore.trust, identity=None)
    assert first != second


def test_a_workflow_is_expected_under_the_name_its_certificate_gets(
    local_sigstore: LocalSigstore, statement: bytes
) -> None:
    signer = local_sigstore.signer(
        "repo:org/app:ref:refs/tags/v1", iss=GITHUB, job_workflow_ref=WORKFLOW, repository="org/app"
    )
    bundle = signer.sign_statement(statement)
    who = Identity.github(repository="org/app")
    found = verify_bundle(bundle, SUBJECT, trust=local_sigstore.trust, identity=who)
    assert (signer.identity, signer.issuer) == (found.identity, found.issuer)
    assert signer.identity == f"https://github.com/{WORKFLOW}"


@pytest.mark.parametrize(
    ("part", "why"),
    [
        ("ca", "the certificate authority at .* answered 503: as the test asked"),
        ("log", "the transparency log at .* answered 503"),
        ("tsa", "the timestamp authority at .* answered 503"),
    ],
)
def test_a_service_that_fails_leaves_no_signature(
    sigstore: LocalSigstore, statement: bytes, part: str, why: str
) -> None:
    signer = at_once(sigstore)
    sigstore.fail(part)
    with pytest.raises(SigningError, match=why):
        signer.sign_statement(statement)
    sigstore.recover()
    signer.sign_statement(statement)


def test_a_log_that_lies_is_found_out(sigstore: LocalSigstore, statement: bytes) -> None:
    signer = sigstore.signer()
    sigstore.log.omits = True
    with pytest.raises(SigningError, match="does not verify: the proof"):
        signer.sign_statement(statement)


def test_services_of_another_instance_are_found_out(
    sigstore: LocalSigstore, local_sigstore: LocalSigstore, statement: bytes
) -> None:
    mixed = Trust.from_json(
        local_sigstore.trusted_root_json, signing_config=sigstore.signing_config_json
    )
    signer = Signer.keyless(trust=mixed, identity_token=sigstore.token())
    with pytest.raises(SigningError, match="does not verify"):
        signer.sign_statement(statement)


def test_an_instance_that_is_gone_leaves_no_signature(statement: bytes) -> None:
    with LocalSigstore() as sigstore:
        signer = at_once(sigstore)
    with pytest.raises(SigningError, match="cannot be reached"):
        signer.sign_statement(statement)


def test_a_service_that_never_answers_is_not_waited_for(
    local_sigstore: LocalSigstore, statement: bytes
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        config = local_sigstore.signing_config_json.replace(
            local_sigstore.url.encode(), url.encode()
        )
        trust = Trust.from_json(local_sigstore.trusted_root_json, signing_config=config)
        signer = Signer.keyless(
            trust=trust, identity_token=local_sigstore.token(), settings=Settings(deadline=0.3)
        )
        started = time.monotonic()
        with pytest.raises(SigningError, match=r"did not answer within 0\.3 s"):
            signer.sign_statement(statement)
        assert time.monotonic() - started < 20


@pytest.mark.parametrize(
    "changes",
    [
        {"_type": "https://in-toto.io/Statement/v9"},
        {"subject": "nobody"},
        {"predicateType": 1},
    ],
)
def test_a_statement_of_a_form_that_is_not_signed_is_refused_before_anything_is_asked(
    sigstore: LocalSigstore, statement: bytes, changes: dict[str, Any]
) -> None:
    signer = sigstore.signer()
    with pytest.raises(SigningError, match="not of a form that is signed"):
        signer.sign_statement(json.dumps(json.loads(statement) | changes).encode())
    assert sigstore.requests == []


@pytest.mark.parametrize(
    "changes",
    [
        {"_type": "https://in-toto.io/Statement/v0.1"},
        {"subject": [{"digest": {"sha256": SUBJECT.hex}}]},
        {"subject": [{"name": "a", "digest": {"gitCommit": "00", "sha256": SUBJECT.hex}}]},
        {"predicate": "text"},
    ],
)
def test_statements_as_cosign_writes_them_are_signed(
    local_sigstore: LocalSigstore, statement: bytes, changes: dict[str, Any]
) -> None:
    written = json.dumps(json.loads(statement) | changes).encode()
    bundle = local_sigstore.signer().sign_statement(written)
    found = verify_bundle(bundle, SUBJECT, trust=local_sigstore.trust, identity=None)
    assert found.statement.raw == written


def test_an_expired_token_is_told_so(local_sigstore: LocalSigstore) -> None:
    with pytest.raises(SigningError, match="get a new one"):
        local_sigstore.signer(exp=int(time.time()) - 60)


def test_a_token_that_expires_meanwhile_is_told_so(
    local_sigstore: LocalSigstore, statement: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = int(time.time()) + 300
    signer = local_sigstore.signer(exp=end)
    later = SimpleNamespace(time=lambda: end + 0.1, monotonic=time.monotonic)
    monkeypatch.setattr("provenance.signing.credentials.time", later)
    with pytest.raises(SigningError, match=r"has expired.*get a new one"):
        signer.sign_statement(statement)


def test_a_trust_that_only_verifies_cannot_sign(local_sigstore: LocalSigstore) -> None:
    trust = Trust.from_json(local_sigstore.trusted_root_json)
    with pytest.raises(NotEvaluated, match="nothing of where to sign"):
        Signer.keyless(trust=trust, identity_token=local_sigstore.token())


def test_offline_forbids_what_is_elsewhere_and_not_what_is_on_this_machine(
    local_sigstore: LocalSigstore,
) -> None:
    settings = Settings(offline=True)
    token = local_sigstore.token()
    Signer.keyless(trust=local_sigstore.trust, identity_token=token, settings=settings)
    config = local_sigstore.signing_config_json.replace(b"127.0.0.1", b"sigstore.example")
    with pytest.raises(SigningError, match=r"public instance needs.*offline forbids"):
        Signer.keyless(identity_token=token, settings=settings)
    elsewhere = Trust.from_json(local_sigstore.trusted_root_json, signing_config=config)
    with pytest.raises(SigningError, match="offline forbids"):
        Signer.keyless(trust=elsewhere, identity_token=token, settings=settings)


def test_a_signing_configuration_in_a_file_is_used(
    local_sigstore: LocalSigstore, tmp_path: Any, statement: bytes
) -> None:
    trust = Trust.from_json(local_sigstore.trusted_root_json)
    path = local_sigstore.write_signing_config(tmp_path / "signing.json")
    signer = Signer.keyless(trust=trust, signing_config=path, identity_token=local_sigstore.token())
    assert signer.sign_statement(statement)


def test_the_token_is_neither_shown_nor_pickled(local_sigstore: LocalSigstore) -> None:
    token = local_sigstore.token()
    signer = Signer.keyless(trust=local_sigstore.trust, identity_token=token)
    assert token not in repr(signer)
    assert token.split(".")[2] not in repr(signer)
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(signer)


def test_errors_do_not_hold_the_token(sigstore: LocalSigstore, statement: bytes) -> None:
    token = sigstore.token()
    signer = Signer.keyless(trust=sigstore.trust, identity_token=token)
    sigstore.fail("ca", 400)
    with pytest.raises(SigningError) as caught:
        signer.sign_statement(statement)
    error: BaseException | None = caught.value
    while error is not None:
        assert token.split(".")[2] not in str(error)
        error = error.__cause__
