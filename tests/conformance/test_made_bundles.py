"""What the conformance suite asks, made by construction: kinds of cases, not the recorded ones."""

from __future__ import annotations

import base64
import copy
import datetime as dt
import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
import rfc8785
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from tests.conformance import sigstore_client

from provenance.attestation.statement import ResourceDescriptor, Statement
from provenance.testing.sigstore import LocalSigstore, bundles
from provenance.testing.sigstore.schemes import new_key
from provenance.trust import Trust
from provenance.verification import Identity, verify_blob_bundle

if TYPE_CHECKING:
    from pathlib import Path

Document = dict[str, Any]
DATA = b"an artifact"
HOUR = dt.timedelta(hours=1)


@pytest.fixture(scope="module")
def v1() -> LocalSigstore:
    return closed(LocalSigstore(rekor=("v1",)))


@pytest.fixture(scope="module")
def v2() -> LocalSigstore:
    return closed(LocalSigstore(tsas=2))


def closed(sigstore: LocalSigstore) -> LocalSigstore:
    with sigstore:
        for leaf in (b"1", b"2", b"3"):
            sigstore.log.append(leaf)
    return sigstore


@pytest.fixture
def judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Any:
    """Run the client on a bundle and a trust root: its exit status and the step."""
    monkeypatch.setenv("PROVENANCE_OFFLINE", "1")

    def run(
        bundle: Document,
        root: Document | bytes,
        *,
        key: Any = None,
        identity: str = "dev@example.com",
        issuer: str = "",
    ) -> str:
        raw = root if isinstance(root, bytes) else json.dumps(root).encode()
        (tmp_path / "bundle.json").write_text(json.dumps(bundle))
        (tmp_path / "root.json").write_bytes(raw)
        (tmp_path / "artifact").write_bytes(DATA)
        if key is None:
            who = ["--certificate-identity", identity, "--certificate-oidc-issuer", issuer]
        else:
            (tmp_path / "key.pub").write_bytes(pem(key))
            who = ["--key", str(tmp_path / "key.pub")]
        shared = [
            *("verify-bundle", "--bundle", str(tmp_path / "bundle.json"), *who),
            *("--trusted-root", str(tmp_path / "root.json")),
        ]
        by_path = sigstore_client.main([*shared, str(tmp_path / "artifact")])
        told = capsys.readouterr().err.partition(":")[0]
        digest = hashlib.sha256(DATA).hexdigest()
        by_digest = sigstore_client.main([*shared, f"sha256:{digest}"])
        assert by_digest == by_path
        assert capsys.readouterr().err.partition(":")[0] == told
        return f"{by_path} {told}".strip()

    return run


def pem(key: Any) -> bytes:
    raw: bytes = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return raw


def root_of(sigstore: LocalSigstore) -> Document:
    root: Document = json.loads(sigstore.trusted_root_json)
    return root


def statement(**changes: Any) -> bytes:
    named = [ResourceDescriptor("a.txt", {"sha256": hashlib.sha256(DATA).hexdigest()})]
    document = json.loads(Statement.build(named, "https://example.com/p", {}).raw) | changes
    return json.dumps({k: v for k, v in document.items() if v is not None}).encode()


def material(document: Document) -> Document:
    found: Document = document["verificationMaterial"]
    return found


def entry(document: Document) -> Document:
    found: Document = material(document)["tlogEntries"][0]
    return found


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


# Statements


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({}, "0"),
        ({"_type": "https://in-toto.io/Statement/v0.1"}, "0"),
        ({"_type": "https://in-toto.io/Statement/v2"}, "1 statement"),
        ({"_type": None}, "1 statement"),
        ({"subject": [{"digest": {"sha256": "0" * 64}}]}, "1 subject"),
        ({"subject": []}, "1 statement"),
    ],
)
def test_statements_by_a_key(
    v2: LocalSigstore, judged: Any, changes: Document, outcome: str
) -> None:
    key = new_key()
    made = v2.forger(key=key, stamped=False).statement(statement(**changes))
    assert judged(made, v2.trusted_root_json, key=key) == outcome


def test_another_payload_type_is_no_statement(v2: LocalSigstore, judged: Any) -> None:
    made = v2.forger().statement(statement(), payload_type="text/plain")
    assert judged(made, v2.trusted_root_json, issuer=v2.issuer) == "1 payload-type"


@pytest.mark.parametrize("kind", ["hashedrekord 0.0.1", "dsse 0.0.1", "intoto 0.0.2"])
def test_an_envelope_in_an_entry_of_each_kind(v1: LocalSigstore, judged: Any, kind: str) -> None:
    forger = v1.forger(kind=kind, stamped=False)
    made, other = forger.statement(statement()), forger.statement(statement(predicate=1))
    assert judged(made, v1.trusted_root_json, issuer=v1.issuer) == "0"
    swapped = copy.deepcopy(made)
    material(swapped)["tlogEntries"] = material(other)["tlogEntries"]
    assert judged(swapped, v1.trusted_root_json, issuer=v1.issuer) == "1 log-entry"
    swapped = copy.deepcopy(made)
    swapped["dsseEnvelope"] = other["dsseEnvelope"]
    assert judged(swapped, v1.trusted_root_json, issuer=v1.issuer) == "1 signature"


def test_an_intoto_entry_without_the_payload(v1: LocalSigstore, judged: Any) -> None:
    key = new_key()
    made = v1.forger(key=key, kind="intoto 0.0.2", stamped=False).statement(statement())
    body = json.loads(base64.b64decode(entry(made)["canonicalizedBody"]))
    content = body["spec"]["content"]
    content["envelope"].pop("payload", None)
    content["payloadHash"] = {
        "algorithm": "sha256",
        "value": hashlib.sha256(statement()).hexdigest(),
    }
    material(made)["tlogEntries"] = [v1.log.append(rfc8785.dumps(body))]
    assert judged(made, v1.trusted_root_json, key=key) == "0"
    content["payloadHash"]["value"] = "0" * 64
    material(made)["tlogEntries"] = [v1.log.append(rfc8785.dumps(body))]
    assert judged(made, v1.trusted_root_json, key=key) == "1 log-entry"


# Keys


def test_keys_and_identities_at_once_are_no_question(
    v2: LocalSigstore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = new_key()
    (tmp_path / "key.pub").write_bytes(pem(key))
    (tmp_path / "bundle.json").write_text(json.dumps(v2.forger(key=key).blob(DATA)))
    (tmp_path / "root.json").write_bytes(v2.trusted_root_json)
    arguments = [
        *("verify-bundle", "--bundle", str(tmp_path / "bundle.json")),
        *("--key", str(tmp_path / "key.pub"), "--trusted-root", str(tmp_path / "root.json")),
        *("--certificate-identity", "dev@example.com", "--certificate-oidc-issuer", v2.issuer),
        str(tmp_path / "bundle.json"),
    ]
    assert sigstore_client.main(arguments) == 1
    assert "exactly one" in capsys.readouterr().err


def test_keys_in_every_wrong_way(v2: LocalSigstore, judged: Any) -> None:
    key, other = new_key(), new_key()
    made, root = v2.forger(key=key).blob(DATA), v2.trusted_root_json
    assert judged(made, root, key=key) == "0"
    assert judged(made, root, key=other) == "1 signature"
    assert judged(made, root, issuer=v2.issuer) == "1 key"
    assert judged(v2.forger().blob(DATA), root, key=key) == "1 key"
    unlogged = v2.forger(key=key, logged=False).blob(DATA)
    assert judged(unlogged, root, key=key) == "1 transparency-log"


# Trust roots


def test_both_ends_of_every_validity_belong_to_it(v1: LocalSigstore, v2: LocalSigstore) -> None:
    moment = v2.now().replace(microsecond=0)
    for sigstore, parts in ((v2, ["timestampAuthorities"]), (v1, ["tlogs"])):
        made = sigstore.forger(stamped=sigstore is v2, stamped_at=moment).blob(DATA)
        raw, who = json.dumps(made).encode(), Identity("dev@example.com", issuer=sigstore.issuer)
        trust = sigstore.trust
        time = verify_blob_bundle(raw, DATA, trust=trust, identity=who).time
        assert time is not None
        for part in parts:
            end = Trust.from_json(sigstore.trusted_root_until(time, part))
            assert verify_blob_bundle(raw, DATA, trust=end, identity=who).time == time


@pytest.mark.parametrize(
    ("part", "step"),
    [
        ("tlogs", "1 transparency-log"),
        ("ctlogs", "1 certificate-transparency"),
        ("certificateAuthorities", "1 certificate-chain"),
        ("timestampAuthorities", "1 time"),
    ],
)
def test_what_was_not_trusted_any_more(
    v2: LocalSigstore, judged: Any, part: str, step: str
) -> None:
    made = v2.forger().blob(DATA)
    assert judged(made, v2.trusted_root_until(v2.now() - HOUR, part), issuer=v2.issuer) == step


def test_a_log_without_the_start_of_its_validity(v1: LocalSigstore, judged: Any) -> None:
    root = root_of(v1)
    made = v1.forger(stamped=False).blob(DATA)
    root["tlogs"][0]["publicKey"]["validFor"] = {}
    assert judged(made, root, issuer=v1.issuer)[0] in {"1", "3"}


def test_an_authority_without_certificates_lends_its_validity_to_nobody(
    v2: LocalSigstore, judged: Any
) -> None:
    made = v2.forger().blob(DATA)
    root = json.loads(v2.trusted_root_until(v2.now() - HOUR, "timestampAuthorities"))
    lender = copy.deepcopy(root["timestampAuthorities"][0])
    lender["certChain"]["certificates"] = []
    del lender["validFor"]["end"]
    root["timestampAuthorities"].append(lender)
    assert judged(made, root, issuer=v2.issuer)[0] in {"1", "3"}


def test_an_authority_of_the_same_name_confuses_nobody(v2: LocalSigstore, judged: Any) -> None:
    root = root_of(v2)
    genuine = root["certificateAuthorities"][0]
    decoy = copy.deepcopy(genuine)
    issuing = x509.load_der_x509_certificate(
        base64.b64decode(genuine["certChain"]["certificates"][0]["rawBytes"])
    )
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(issuing.subject)
        .issuer_name(issuing.issuer)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(issuing.not_valid_before_utc)
        .not_valid_after(issuing.not_valid_after_utc)
    )
    for extension in issuing.extensions:
        builder = builder.add_extension(extension.value, critical=extension.critical)
    forged = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
    decoy["certChain"]["certificates"][0] = {"rawBytes": b64(forged)}
    root["certificateAuthorities"] = [decoy, genuine]
    assert judged(v2.forger().blob(DATA), root, issuer=v2.issuer) == "0"


# Logs and times


def test_times_in_every_wrong_way(v2: LocalSigstore, judged: Any) -> None:
    root, issuer = v2.trusted_root_json, v2.issuer
    assert judged(v2.forger(stamped=False).blob(DATA), root, issuer=issuer) == "1 time"
    late = v2.forger(stamped_at=v2.now() + HOUR).blob(DATA)
    assert judged(late, root, issuer=issuer) == "1 certificate-chain"
    key = new_key()
    to_come = v2.forger(key=key, stamped_at=v2.now() + HOUR).blob(DATA)
    assert judged(to_come, root, key=key) == "1 time"
    # Two timestamps over one signature, of which one is after the certificate's end.
    made = v2.forger().blob(DATA)
    signature = base64.b64decode(made["messageSignature"]["signature"])
    second = v2.tsas[1].stamp(hashlib.sha256(signature).digest(), at=v2.now() + HOUR)
    stamps = material(made)["timestampVerificationData"]["rfc3161Timestamps"]
    stamps.append({"signedTimestamp": b64(second)})
    assert judged(made, root, issuer=issuer) == "1 certificate-chain"


def checkpoint_of(document: Document) -> str:
    return str(entry(document)["inclusionProof"]["checkpoint"]["envelope"])


WITNESS = "\N{EM DASH} witness.example/w1 " + b64(b"abcd" + bytes(72)) + "\n"
CHECKPOINTS: dict[str, tuple[Any, str]] = {
    "as it is": (lambda c: c, "0"),
    "a witness after the log": (lambda c: c + WITNESS, "0"),
    "a witness before the log": (lambda c: c.replace("\n\n", f"\n\n{WITNESS}"), "0"),
    "no origin": (lambda c: c[c.index("\n") :], "1 transparency-log"),
    "another origin": (lambda c: c.replace("127.0.0.1\n", "127.0.0.2\n", 1), "1 transparency-log"),
    "no signature": (lambda c: c[: c.index("\n\n") + 2], "1 transparency-log"),
    "a witness alone": (lambda c: c[: c.index("\n\n") + 2] + WITNESS, "1 transparency-log"),
    "no blank line": (lambda c: c.replace("\n\n", "\n"), "1 transparency-log"),
    "a size with a zero before it": (
        lambda c: "\n".join(("127.0.0.1", "0" + c.split("\n", 1)[1])),
        "1 transparency-log",
    ),
    "a false signature of the log before the true one": (
        lambda c: c.replace("\n\n", f"\n\n{false_line(c)}"),
        "1 transparency-log",
    ),
    "a false signature of the log after the true one": (
        lambda c: c + false_line(c),
        "1 transparency-log",
    ),
    "nothing": (lambda _: "", "1 transparency-log"),
}


def false_line(checkpoint: str) -> str:
    """A signature in the name of the log, with its key's id, that its key did not make."""
    line = checkpoint.partition("\n\n")[2]
    name, _, signature = line.rstrip("\n").rpartition(" ")
    return f"{name} {b64(base64.b64decode(signature)[:4] + bytes(64))}\n"


@pytest.mark.parametrize("case", CHECKPOINTS)
def test_checkpoints(v2: LocalSigstore, judged: Any, case: str) -> None:
    change, outcome = CHECKPOINTS[case]
    made = v2.forger().blob(DATA)
    proof = entry(made)["inclusionProof"]
    proof["checkpoint"]["envelope"] = change(checkpoint_of(made))
    assert judged(made, v2.trusted_root_json, issuer=v2.issuer) == outcome


def test_a_checkpoint_of_another_tree_of_the_log(v2: LocalSigstore, judged: Any) -> None:
    made = v2.forger().blob(DATA)
    earlier = checkpoint_of(made)
    later = v2.forger().blob(DATA)
    entry(later)["inclusionProof"]["checkpoint"]["envelope"] = earlier
    assert judged(later, v2.trusted_root_json, issuer=v2.issuer) == "1 transparency-log"


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ({"logIndex": "-1"}, "1 malformed-document"),
        ({"inclusionProof": None}, "1 transparency-log"),
        ({"canonicalizedBody": ""}, "1 malformed-document"),
        ({"logId": {"keyId": b64(bytes(32))}}, "1 transparency-log"),
        ({"inclusionPromise": {"signedEntryTimestamp": b64(b"x")}}, "1 transparency-log"),
    ],
)
def test_entries_in_every_wrong_way(
    v2: LocalSigstore, judged: Any, change: Document, outcome: str
) -> None:
    made = v2.forger().blob(DATA)
    entry(made).update(change)
    assert judged(made, v2.trusted_root_json, issuer=v2.issuer) == outcome


def test_hashes_too_many_and_too_few(v2: LocalSigstore, judged: Any) -> None:
    made = v2.forger().blob(DATA)
    while not entry(made)["inclusionProof"]["hashes"]:
        made = v2.forger().blob(DATA)
    kept = entry(made)["inclusionProof"]["hashes"]
    for changed in ([], kept[:-1], [*kept, kept[0]], [b64(b"x"), *kept[1:]]):
        entry(made)["inclusionProof"]["hashes"] = changed
        assert judged(made, v2.trusted_root_json, issuer=v2.issuer) == "1 transparency-log"


# Certificates


def test_certificates_in_every_wrong_way(v2: LocalSigstore, judged: Any) -> None:
    root, issuer = v2.trusted_root_json, v2.issuer
    assert judged(v2.forger().blob(DATA), root, issuer="https://other") == "1 identity"
    assert judged(v2.forger("eve@x.org").blob(DATA), root, issuer=issuer) == "1 identity"
    unseen = v2.forger(sct=False).blob(DATA)
    assert judged(unseen, root, issuer=issuer) == "1 certificate-transparency"
    old = v2.forger(version="0.1").blob(DATA)
    material(old)["x509CertificateChain"]["certificates"] = []
    assert judged(old, root, issuer=issuer) == "1 malformed-document"
    chained = v2.forger().blob(DATA)
    certificate = material(chained).pop("certificate")
    material(chained)["x509CertificateChain"] = {"certificates": [certificate]}
    assert judged(chained, root, issuer=issuer) == "1 malformed-document"


def test_a_root_certificate_in_a_bundle_is_the_trust_roots_or_refused(
    v2: LocalSigstore, judged: Any
) -> None:
    """npm's first bundles have the whole chain; to whom it leads is for the trust root to say."""
    root, issuer = root_of(v2), v2.issuer
    with LocalSigstore() as other:
        foreign = root_of(other)
    made = v2.forger(version="0.2").blob(DATA)
    chain = material(made)["x509CertificateChain"]["certificates"]
    chain.append(None)
    for whose, outcome in ((root, "0"), (foreign, "1 certificate-chain")):
        chain[-1] = whose["certificateAuthorities"][0]["certChain"]["certificates"][-1]
        assert judged(made, root, issuer=issuer) == outcome


@pytest.mark.parametrize("kind", ["secp256k1", "brainpoolP256r1", "rsa-1024"])
def test_a_certificate_for_a_key_that_nobody_may_name_is_not_judged(
    v2: LocalSigstore, judged: Any, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    keys = {
        "secp256k1": lambda: ec.generate_private_key(ec.SECP256K1()),
        "brainpoolP256r1": lambda: ec.generate_private_key(ec.BrainpoolP256R1()),
        "rsa-1024": lambda: rsa.generate_private_key(65537, 1024),
    }
    monkeypatch.setattr(bundles, "new_key", keys[kind])
    made = v2.forger().blob(DATA)
    assert judged(made, v2.trusted_root_json, issuer=v2.issuer) == "3 unsupported-format"


# The client


def test_what_is_a_path_on_disk_is_no_digest(
    v2: LocalSigstore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The protocol: a digest is what has its form and is no path."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bundle.json").write_text(json.dumps(v2.forger().blob(DATA)))
    (tmp_path / "root.json").write_bytes(v2.trusted_root_json)
    named = f"sha256:{hashlib.sha256(b'something else').hexdigest()}"
    (tmp_path / named).write_bytes(DATA)
    who = ["--certificate-identity", "dev@example.com", "--certificate-oidc-issuer", v2.issuer]
    shared = ["verify-bundle", "--bundle", "bundle.json", *who, "--trusted-root", "root.json"]
    assert sigstore_client.main([*shared, named]) == 0


@pytest.mark.parametrize("raw", [b"", b"\0\xff", b"-----BEGIN PUBLIC KEY-----\n"])
def test_a_key_that_is_none_proves_nothing_of_the_bundle(
    v2: LocalSigstore, tmp_path: Path, raw: bytes
) -> None:
    for name, data in {"bundle": b"{}", "root": v2.trusted_root_json, "key": raw}.items():
        (tmp_path / name).write_bytes(data)
    shared = ["verify-bundle", "--bundle", str(tmp_path / "bundle")]
    rest = ["--trusted-root", str(tmp_path / "root"), str(tmp_path / "bundle")]
    assert sigstore_client.main([*shared, "--key", str(tmp_path / "key"), *rest]) == 3


# Signing


@pytest.mark.parametrize("rekor", ["v1", "v2"])
@pytest.mark.parametrize("in_toto", [False, True], ids=["bytes", "in-toto"])
def test_what_the_client_signs_it_verifies(
    tmp_path: Path,
    rekor: str,
    in_toto: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    (tmp_path / "artifact").write_bytes(DATA)
    (tmp_path / "statement.json").write_bytes(statement())
    bundle = tmp_path / "bundle.json"
    with LocalSigstore(rekor=(rekor,)) as sigstore:
        root = sigstore.write_trusted_root(tmp_path / "root.json")
        config = sigstore.write_signing_config(tmp_path / "config.json")
        shared = ["--bundle", str(bundle), "--trusted-root", str(root)]
        token = ["--identity-token", sigstore.token("dev@example.com")]
        what = ["--in-toto"] if in_toto else []
        signed = str(tmp_path / ("statement.json" if in_toto else "artifact"))
        options = [*shared, *token, "--signing-config", str(config), *what, signed]
        assert sigstore_client.main(["sign-bundle", *options]) == 0
        who = ["--certificate-identity", "dev@example.com"]
        who += ["--certificate-oidc-issuer", sigstore.issuer]
    artifact = str(tmp_path / "artifact")
    assert sigstore_client.main(["verify-bundle", *shared, *who, artifact]) == 0
    (tmp_path / "artifact").write_bytes(b"other")
    assert sigstore_client.main(["verify-bundle", *shared, *who, artifact]) == 1
