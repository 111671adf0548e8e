"""The Node clients' verifier, written by others in another language, on what we write."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.peers.key_handles import Pair

import provenance as pv
from provenance.attestation.statement import ResourceDescriptor, Statement
from provenance.digests import Digest
from provenance.testing.sigstore import LocalSigstore
from provenance.verification import verify_bundle

if TYPE_CHECKING:
    from tests.peers.conftest import Run

pytestmark = pytest.mark.peer

WHO = "release@example.com"
SUBJECT = Digest.of(b"an image")
SCRIPT = str(Path(__file__).with_name("npm_verify.js"))
Node = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def node(run: Run, local_sigstore: LocalSigstore, tmp_path: Path) -> Node:
    """Verify bundles under the trust root of the local Sigstore; an answer for each."""
    root = str(local_sigstore.write_trusted_root(tmp_path / "trusted_root.json"))

    def verify(*bundles: bytes, **options: str) -> list[dict[str, Any]]:
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        paths = [tmp_path / f"{number}.sigstore.json" for number in range(len(bundles))]
        for path, bundle in zip(paths, bundles, strict=True):
            path.write_bytes(bundle)
        done = run("npm-sigstore", SCRIPT, root, *words, *map(str, paths))
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found

    return verify


def statement(text: str) -> bytes:
    named = ResourceDescriptor("ghcr.io/org/app", {"sha256": SUBJECT.hex})
    return Statement.build([named], f"https://example.com/{text}", {"a": text}).raw


def test_it_verifies_the_statements_we_sign(node: Node, local_sigstore: LocalSigstore) -> None:
    bundle = local_sigstore.signer(WHO).sign_statement(statement("ü"))
    (found,) = node(bundle, identity=WHO, issuer=local_sigstore.issuer)
    assert found == {"identity": WHO, "issuer": local_sigstore.issuer}


def test_it_verifies_the_bytes_we_sign(
    node: Node, local_sigstore: LocalSigstore, tmp_path: Path
) -> None:
    (tmp_path / "artifact").write_bytes(b"an artifact")
    (tmp_path / "other").write_bytes(b"another artifact")
    bundle = local_sigstore.signer(WHO).sign_payload(b"an artifact")
    who = {"identity": WHO, "issuer": local_sigstore.issuer}
    assert node(bundle, artifact=str(tmp_path / "artifact"), **who) == [who]
    (found,) = node(bundle, artifact=str(tmp_path / "other"), **who)
    assert found["refused"] == "SIGNATURE_ERROR"


@pytest.mark.parametrize("kind", ["ecdsa-p256", "rsa-2048"])
def test_it_verifies_what_we_sign_with_a_key(
    node: Node, local_sigstore: LocalSigstore, tmp_path: Path, kind: str
) -> None:
    """It takes SHA-256 for every key, so that those on larger curves are no question to it."""
    pair = Pair.generate(kind)
    signer = pv.Signer.of(pair, trust=local_sigstore.trust)
    said, signed = signer.sign_statement(statement("a")), signer.sign_payload(b"an artifact")
    (tmp_path / "artifact").write_bytes(b"an artifact")
    (tmp_path / "key.pub").write_bytes(pair.public_key.to_pem())
    (tmp_path / "other.pub").write_bytes(Pair.generate(kind).public_key.to_pem())
    hint = json.loads(said)["verificationMaterial"]["publicKey"]["hint"]
    options = {"hint": hint, "artifact": str(tmp_path / "artifact")}
    assert node(said, signed, key=str(tmp_path / "key.pub"), **options) == [{}, {}]
    found = node(said, signed, key=str(tmp_path / "other.pub"), **options)
    assert [f["refused"] for f in found] == ["SIGNATURE_ERROR"] * 2


def test_it_reads_a_workflow_in_our_certificates(node: Node, local_sigstore: LocalSigstore) -> None:
    issuer = "https://token.actions.githubusercontent.com"
    workflow = "org/app/.github/workflows/release.yml@refs/tags/v1"
    claims = {"iss": issuer, "job_workflow_ref": workflow, "repository": "org/app"}
    bundle = local_sigstore.signer("repo:org/app", **claims).sign_statement(statement("a"))
    assert node(bundle) == [{"identity": f"https://github.com/{workflow}", "issuer": issuer}]


def test_it_refuses_another_name_or_issuer(node: Node, local_sigstore: LocalSigstore) -> None:
    bundle = local_sigstore.signer("mallory@example.org").sign_statement(statement("a"))
    (found,) = node(bundle, identity=WHO, issuer=local_sigstore.issuer)
    assert found["refused"] == "UNTRUSTED_SIGNER_ERROR"
    (found,) = node(bundle, identity="mallory@example.org", issuer="https://example.com")
    assert found["refused"] == "UNTRUSTED_SIGNER_ERROR"


PARTS = (
    "dsseEnvelope",
    "dsseEnvelope/payload",
    "dsseEnvelope/payloadType",
    "dsseEnvelope/signatures",
    "verificationMaterial",
    "verificationMaterial/certificate",
    "verificationMaterial/tlogEntries",
    "verificationMaterial/tlogEntries/0/canonicalizedBody",
    "verificationMaterial/tlogEntries/0/inclusionProof",
    "verificationMaterial/tlogEntries/0/inclusionProof/hashes",
    "verificationMaterial/tlogEntries/0/inclusionProof/rootHash",
    "verificationMaterial/tlogEntries/0/logId",
    "verificationMaterial/timestampVerificationData",
)
UNREAD = {"verificationMaterial/tlogEntries/0/inclusionProof/rootHash"}
"""It takes the root from the checkpoint alone; we also refuse a proof that names another."""


def test_it_and_we_refuse_a_bundle_with_any_part_of_another(
    node: Node, local_sigstore: LocalSigstore
) -> None:
    """Both bundles are good, by one signer; what is mixed of them is not."""
    signer = local_sigstore.signer(WHO)
    for _ in range(3):  # so that the proofs have hashes
        signer.sign_statement(statement("earlier"))
    good = json.loads(signer.sign_statement(statement("one")))
    other = json.loads(local_sigstore.signer(WHO).sign_statement(statement("two")))
    set_part(other, "dsseEnvelope/payloadType", "application/json")
    set_part(other, "verificationMaterial/tlogEntries/0/logId", {"keyId": "AAAA"})
    mixed = []
    for part in PARTS:
        document = copy.deepcopy(good)
        set_part(document, part, get_part(other, part))
        assert document != good, part
        mixed.append(json.dumps(document).encode())
    accepted, *refused = node(json.dumps(good).encode(), *mixed)
    assert accepted["identity"] == WHO
    passed = {part for part, found in zip(PARTS, refused, strict=True) if "refused" not in found}
    assert passed == UNREAD
    trust = local_sigstore.trust
    assert [part for part, bundle in zip(PARTS, mixed, strict=True) if accepts(trust, bundle)] == []


def accepts(trust: pv.Trust, bundle: bytes) -> bool:
    try:
        verify_bundle(bundle, SUBJECT, trust=trust, identity=None)
    except pv.InvalidEvidence:
        return False
    return True


def get_part(document: Any, path: str) -> Any:
    return reduce(lambda at, key: at[int(key) if key.isdigit() else key], path.split("/"), document)


def set_part(document: Any, path: str, value: object) -> None:
    folder, _, key = path.rpartition("/")
    (get_part(document, folder) if folder else document)[key] = copy.deepcopy(value)


def test_a_listed_root_in_an_older_bundle_stops_neither(node: Node, tmp_path: Path) -> None:
    """The first bundles of the Node clients have the whole chain, the root included."""
    with LocalSigstore(rekor=("v1",)) as sigstore:
        made = sigstore.forger(WHO, version="0.1", stamped=False).statement(statement("a"))
        root = json.loads(sigstore.trusted_root_json)["certificateAuthorities"][0]["certChain"]
        chain = made["verificationMaterial"]["x509CertificateChain"]["certificates"]
        chain.append(root["certificates"][-1])
        bundle = json.dumps(made).encode()
        sigstore.write_trusted_root(tmp_path / "trusted_root.json")
        (found,) = node(bundle, identity=WHO, issuer=sigstore.issuer)
        assert found == {"identity": WHO, "issuer": sigstore.issuer}
        assert verify_bundle(bundle, SUBJECT, trust=sigstore.trust).identity == WHO
