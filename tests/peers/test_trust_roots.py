"""Trust roots and TUF, by cosign: what it makes of the same files, takes and refuses."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization

import provenance as pv
from provenance.testing import ImageBuilder, LocalSigstore
from provenance.testing.sigstore.keys import pem, spki
from provenance.trust import Trust, TrustPart

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.peers.conftest import RealRegistry, Run

pytestmark = pytest.mark.peer

WHO = "release@example.com"


@pytest.fixture
def sigstore() -> Iterator[LocalSigstore]:
    with LocalSigstore(rekor=("v1", "v2"), tsas=2, selector="ALL") as running:
        yield running


@pytest.fixture
def image(real_registry: RealRegistry) -> str:
    tag = f"{real_registry.host}/team/app:1.0"
    ImageBuilder().layer({"bin/app": b"#!/bin/sh\n"}).push(tag)
    return str(pv.resolve(tag).reference)


def token(sigstore: LocalSigstore, tmp_path: Path) -> tuple[str, ...]:
    file = tmp_path / "token"
    file.write_text(sigstore.token(WHO))
    return ("--yes", "--allow-http-registry", "--identity-token", str(file))


def who(sigstore: LocalSigstore) -> tuple[str, ...]:
    expected = ("--certificate-identity", WHO, "--certificate-oidc-issuer", sigstore.issuer)
    return (*expected, "--allow-http-registry")


def test_cosign_makes_the_same_root_of_the_same_files(
    sigstore: LocalSigstore, run: Run, tmp_path: Path
) -> None:
    def key(name: str, der: bytes) -> Path:
        loaded = serialization.load_der_public_key(der)
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        file = tmp_path / name
        file.write_bytes(loaded.public_bytes(serialization.Encoding.PEM, form))
        return file

    v1, v2 = (key(f"rekor{n}", log.public_key) for n, log in enumerate(sigstore.logs, 1))
    ct = key("ct", spki(sigstore.ca.ct_key.public_key()))
    fulcio, tsa = tmp_path / "fulcio", tmp_path / "tsa"
    fulcio.write_text("".join(sigstore.ca.chain_pem()))
    tsa.write_bytes(b"".join(map(pem, sigstore.tsa.chain)))
    url, out = sigstore.url, tmp_path / "made.json"
    since, until, ever = "2024-01-02T03:04:05Z", "2030-01-01T00:00:00Z", "1970-01-01T00:00:00Z"
    run(
        *("cosign", "trusted-root", "create", "--out", str(out)),
        *("--fulcio", f"url={url},certificate-chain={fulcio}"),
        *("--rekor", f"url={url},public-key={v1},start-time={since}"),
        *("--rekor", f"url={url},public-key={v2},start-time={ever},origin=127.0.0.1"),
        *("--ctfe", f"url={url}/ct,public-key={ct},start-time={since},end-time={until}"),
        *("--tsa", f"url={url},certificate-chain={tsa}"),
    )
    start, end = (dt.datetime.fromisoformat(moment) for moment in (since, until))
    ours = Trust.from_parts(
        certificate_authorities=[TrustPart(fulcio, url)],
        logs=[TrustPart(v1, url, start=start), TrustPart(v2, url, origin="127.0.0.1")],
        certificate_logs=[TrustPart(ct, f"{url}/ct", start=start, end=end)],
        timestamp_authorities=[TrustPart(tsa, url)],
    )
    assert in_order(json.loads(ours.to_json())) == in_order(json.loads(out.read_bytes()))


def test_it_leaves_out_what_a_deployment_has_not(
    sigstore: LocalSigstore, run: Run, tmp_path: Path
) -> None:
    fulcio, out = tmp_path / "fulcio", tmp_path / "made.json"
    fulcio.write_text("".join(sigstore.ca.chain_pem()))
    chain = f"url={sigstore.url},certificate-chain={fulcio}"
    run("cosign", "trusted-root", "create", "--out", str(out), "--fulcio", chain)
    assert json.loads(out.read_bytes()).keys() == {"mediaType", "certificateAuthorities"}
    ours = Trust.from_parts(certificate_authorities=[TrustPart(fulcio, sigstore.url)])
    assert Trust.from_file(out).material == ours.material


def in_order(root: dict[str, Any]) -> dict[str, Any]:
    """Logs by their ids: cosign lists them in no order of its own."""
    for name in ("tlogs", "ctlogs"):
        root[name].sort(key=lambda log: str(log["logId"]["keyId"]))
    return root


def test_cosign_begins_with_the_tuf_repository_and_follows_rotations(
    sigstore: LocalSigstore, image: str, run: Run, tmp_path: Path
) -> None:
    root = str(sigstore.write_tuf_root(tmp_path / "tuf-root.json"))
    begin = ("cosign", "initialize", "--mirror", sigstore.tuf_url, "--root", root)
    run(*begin)
    run("cosign", "sign", *token(sigstore, tmp_path), image)
    run("cosign", "verify", *who(sigstore), image)
    for part in ("ca", "ct", "log", "tsa"):
        sigstore.rotate(part)
    sigstore.tuf.rotate_root()
    run(*begin)
    run("cosign", "verify", *who(sigstore), image)
    run("cosign", "sign", *token(sigstore, tmp_path), image)
    run("cosign", "verify", *who(sigstore), image)
    posts = [r.path for r in sigstore.requests if r.path.endswith("/timestamp")]
    assert {"/tsa-2/api/v1/timestamp", "/tsa-3/api/v1/timestamp"} <= set(posts)


def test_cosign_refuses_what_tuf_refuses(sigstore: LocalSigstore, run: Run, tmp_path: Path) -> None:
    root = str(sigstore.write_tuf_root(tmp_path / "tuf-root.json"))
    begin = ("cosign", "initialize", "--mirror", sigstore.tuf_url, "--root", root)
    sigstore.tuf.expire("timestamp")
    refused = run(*begin, check=False)
    assert (refused.returncode, "timestamp.json is expired" in refused.stderr) == (1, True)
    sigstore.tuf.renew()
    sigstore.tuf.rotate_root(signed_by_the_old=False)
    refused = run(*begin, check=False)
    assert (refused.returncode, "not enough signatures" in refused.stderr) == (1, True)


def test_cosign_signs_and_verifies_without_a_log(image: str, run: Run, tmp_path: Path) -> None:
    with LocalSigstore(rekor=()) as sigstore:
        root = ("--trusted-root", str(sigstore.write_trusted_root(tmp_path / "root.json")))
        config = str(sigstore.write_signing_config(tmp_path / "signing.json"))
        signing = (*token(sigstore, tmp_path), *root, "--signing-config", config)
        run("cosign", "sign", *signing, image)
        how = (*who(sigstore), *root, "--use-signed-timestamps", "--insecure-ignore-tlog")
        run("cosign", "verify", *how, image)
        expected = pv.Identity(WHO, issuer=sigstore.issuer)
        assert (
            pv.verify(image, expected, trust=sigstore.trust).reference
            == pv.resolve(image).reference
        )
