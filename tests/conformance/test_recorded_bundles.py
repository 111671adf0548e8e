"""The recorded bundles of the Sigstore conformance suite: right, and for the right reason."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conformance import sigstore_client

from provenance.attestation.bundle import Bundle

pytestmark = pytest.mark.corpus

IDENTITY = (
    "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/"
    ".github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main"
)
ISSUER = "https://token.actions.githubusercontent.com"

# Case to what must refuse it, by its README.
STEPS = {
    "bundle-empty-certificate-chain_fail": "malformed-document",
    "bundle-invalid-base64-signature_fail": "malformed-document",
    "bundle-negative-log-index_fail": "malformed-document",
    "bundle-with-root-cert_fail": "certificate-chain",
    "checkpoint-bad-keyhint_fail": "transparency-log",
    "dsse-invalid-sig_fail": "signature",
    "dsse-mismatch-sig_fail": "log-entry",
    "inclusion-proof-corrupted-hash_fail": "transparency-log",
    "integrated-time-in-future_fail": "certificate-chain",
    "intoto-log-entry-mismatch_fail": "log-entry",
    "intoto-set-outside-signing-cert-validity_fail": "certificate-chain",
    "invalid-ct-key_fail": "certificate-transparency",
    "managed-key-no-key_fail": "key",
    "message-digest-mismatch_fail": "message-digest",
    "rekor2-checkpoint-missing-log-signature_fail": "transparency-log",
    "rekor2-checkpoint-missing-root-hash_fail": "transparency-log",
    "rekor2-dsse-invalid-sig_fail": "signature",
    "rekor2-dsse-mismatch-sig_fail": "log-entry",
    "rekor2-no-inclusion-proof_fail": "transparency-log",
    "rekor2-timestamp-outside-trust-root-tsa-validity_fail": "time",
    "rekor2-timestamp-payload-mismatch_fail": "time",
    "rekor2-timestamp-untrusted-tsa-without-embedded-cert_fail": "time",
    "signature-mismatch_fail": "signature",
    "wrong-hashedrekord-artifact_fail": "log-entry",
    "wrong-hashedrekord-entry_fail": "log-entry",
}


@pytest.fixture
def cases(corpus: Path) -> list[Path]:
    folder = corpus / "sigstore-bundles" / "bundle-verify"
    return sorted(f for f in folder.iterdir() if f.is_dir())


def arguments(case: Path, *, by_digest: bool) -> list[str]:
    def text(name: str, default: str) -> str:
        return (case / name).read_text().strip() if (case / name).exists() else default

    out = ["verify-bundle", "--bundle", str(case / "bundle.sigstore.json")]
    if (case / "key.pub").exists():
        out += ["--key", str(case / "key.pub")]
    else:
        out += ["--certificate-identity", text("identity", IDENTITY)]
        out += ["--certificate-oidc-issuer", text("issuer", ISSUER)]
    if (case / "trusted_root.json").exists():
        out += ["--trusted-root", str(case / "trusted_root.json")]
    artifact = case / "artifact" if (case / "artifact").exists() else case.parent / "a.txt"
    digest = hashlib.sha256(artifact.read_bytes()).hexdigest()
    return [*out, f"sha256:{digest}" if by_digest else str(artifact)]


@pytest.mark.parametrize("by_digest", [False, True], ids=["by path", "by digest"])
def test_each_is_accepted_or_refused_by_the_step_of_its_readme(
    cases: list[Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    by_digest: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    monkeypatch.setenv("PROVENANCE_OFFLINE", "1")
    outcomes: dict[str, str] = {}
    for case in cases:
        status = sigstore_client.main(arguments(case, by_digest=by_digest))
        step = capsys.readouterr().err.partition(":")[0]
        outcomes[case.name] = f"{status} {step}".strip()
    expected = {c.name: f"1 {STEPS[c.name]}" if c.name.endswith("_fail") else "0" for c in cases}
    assert len(expected) == 35
    assert set(STEPS) == {name for name in expected if name.endswith("_fail")}
    assert outcomes == expected


def test_it_runs_as_a_program_without_network_or_home(cases: list[Path], tmp_path: Path) -> None:
    named = {case.name: case for case in cases}
    program = [sys.executable, str(Path(sigstore_client.__file__))]
    environment = {k: v for k, v in os.environ.items() if k in {"PATH", "PYTHONPATH"}}
    environment |= {"PROVENANCE_OFFLINE": "1", "HOME": str(tmp_path / "none")}
    for name, status in {"happy-path-v0.3": 0, "signature-mismatch_fail": 1}.items():
        done = subprocess.run(
            [*program, *arguments(named[name], by_digest=False)],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
            env=environment,
        )
        assert done.returncode == status, done.stderr
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("more", "status"),
    [
        (["--key", "cosign.pub"], 1),  # and an identity: they exclude each other
        (["--trusted-root", "there-is-none.json"], 3),
    ],
)
def test_what_cannot_be_judged_is_no_success(
    cases: list[Path], corpus: Path, monkeypatch: pytest.MonkeyPatch, more: list[str], status: int
) -> None:
    monkeypatch.setenv("PROVENANCE_OFFLINE", "1")
    monkeypatch.chdir(corpus / "cosign-legacy")
    good = next(c for c in cases if c.name == "happy-path-v0.3")
    given = arguments(good, by_digest=False)
    assert sigstore_client.main([*given[:-1], *more, given[-1]]) == status


def test_every_well_formed_bundle_parses(cases: list[Path]) -> None:
    for case in cases:
        bundle = Bundle.parse((case / "bundle.sigstore.json").read_bytes())
        assert bundle.version in {"0.1", "0.2", "0.3"}
        assert bundle.content in {"dsse", "message-signature"}
