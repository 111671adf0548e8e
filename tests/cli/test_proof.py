from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.evidence.placing import SIMPLE, payload, public, put_layers, put_sig

import provenance as pv
from provenance.cli.main import main
from provenance.cli.proof import _show
from provenance.oci.repository import digest_tag
from provenance.testing import ImageBuilder, LocalRegistry, LocalSigstore
from provenance.testing.sigstore.schemes import new_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WHO = "release@example.com"
SBOM = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": []}


@pytest.fixture(scope="module")
def sigstore() -> Iterator[LocalSigstore]:
    with LocalSigstore(rekor=("v1",)) as running:
        yield running


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[Any, str, str]]:
    def call(*arguments: str) -> tuple[Any, str, str]:
        with pytest.raises(SystemExit) as ended:
            main([*arguments])
        out, err = capsys.readouterr()
        return ended.value.code, out, err

    return call


@pytest.fixture
def image(local_registry: LocalRegistry) -> pv.Image:
    tag = local_registry.reference("team/app:1.0")
    ImageBuilder().layer({"a": b"1"}).push(tag)
    return pv.resolve(tag)


@pytest.fixture
def root(sigstore: LocalSigstore, tmp_path: Path) -> tuple[str, str]:
    return "--trusted-root", str(sigstore.write_trusted_root(tmp_path / "root.json"))


@pytest.fixture
def who(sigstore: LocalSigstore, root: tuple[str, str]) -> tuple[str, ...]:
    issuer = ("--certificate-oidc-issuer", sigstore.issuer)
    return ("--certificate-identity", WHO, *issuer, *root)


def test_a_key_verifies_what_it_signed(
    run: Any,
    image: pv.Image,
    local_registry: LocalRegistry,
    sigstore: LocalSigstore,
    root: tuple[str, str],
    who: tuple[str, ...],
    tmp_path: Path,
) -> None:
    assert image.digest is not None
    forger = sigstore.forger(key=new_key())
    put_sig(local_registry, image.digest, forger)
    key = tmp_path / "cosign.pub"
    key.write_bytes(public(forger.key).to_pem())
    place = str(image.reference)
    status, out, _ = run("verify", place, "--key", str(key), *root)
    assert status == 0
    assert public(forger.key).key_id in out
    other = tmp_path / "other.pub"
    other.write_bytes(public(new_key()).to_pem())
    assert run("verify", place, "--key", str(other), *root)[0] == 1
    assert run("verify", place, "--key", str(other), "--key", str(key), *root)[0] == 0
    assert run("verify", place, *who)[0] == 1
    assert run("verify", place, *who, "--key", str(key))[0] == 2
    assert run("examine", place, *who, "--key", str(key))[0] == 2
    assert run("examine", place, "--key", str(key), *root)[0] == 0
    assert run("examine", place, *root)[0] == 3
    assert run("verify", place, "--key", str(tmp_path / "absent"), *root)[0] == 3


def test_annotations_and_the_evidence_as_json(
    run: Any,
    image: pv.Image,
    local_registry: LocalRegistry,
    sigstore: LocalSigstore,
    who: tuple[str, ...],
) -> None:
    assert image.digest is not None
    signed = payload(image.digest, env="prod")
    layer = (signed, SIMPLE, sigstore.forger(WHO).layer(signed))
    put_layers(local_registry, [layer], tag=digest_tag(image.digest, "sig"))
    place = str(image.reference)
    status, out, _ = run("verify", place, *who, "-a", "env=prod", "-o", "json")
    assert status == 0
    document = json.loads(out)
    assert document["schema"] == "provenance/verify/v1"
    (proof,) = document["results"][0]["proofs"]
    assert proof["annotations"] == {"env": "prod"}
    assert proof["log_entries"][0]["kind"] == "hashedrekord 0.0.1"
    assert proof["docker_reference"] == "registry.example/app"
    assert proof["subject"] == image.digest
    assert run("verify", place, *who, "-a", "env=dev")[0] == 1
    assert run("verify", place, *who, "-a", "env")[0] == 2
    status, out, _ = run("examine", place, *who, "-o", "json")
    assert status == 0
    (found,) = json.loads(out)["evidence"]
    assert found["proven"]["identity"] == WHO
    status, out, _ = run("examine", place, *who)
    assert f"tag {digest_tag(image.digest, 'sig')}" in out
    assert "log entry" in out


def test_several_images_are_told_in_the_order_given(
    run: Any, local_registry: LocalRegistry, sigstore: LocalSigstore, who: tuple[str, ...]
) -> None:
    tags = []
    for number in range(4):
        tag = local_registry.reference(f"team/many:{number}")
        ImageBuilder().layer({"a": str(number).encode()}).push(tag)
        if number != 2:
            pv.sign(tag, sigstore.signer(WHO))
        tags.append(tag)
    status, out, err = run("verify", *tags, *who, "--max-workers", "3", "-o", "json")
    assert status == 1
    results = json.loads(out)["results"]
    assert [r["image"] for r in results] == tags
    assert results[2]["error"] == "no-matching-evidence"
    assert "no signature by" in err


def test_evidence_elsewhere_and_saved_layouts(
    run: Any,
    image: pv.Image,
    local_registry: LocalRegistry,
    sigstore: LocalSigstore,
    who: tuple[str, ...],
    tmp_path: Path,
) -> None:
    assert image.digest is not None
    put_sig(local_registry, image.digest, sigstore.forger(WHO), repository="team/signatures")
    place, elsewhere = str(image.reference), f"{local_registry.host}/team/signatures"
    assert run("verify", place, *who)[0] == 1
    assert run("verify", place, *who, "--evidence-repository", elsewhere)[0] == 0
    pv.sign(image, sigstore.signer(WHO))
    folder = tmp_path / "layout"
    pv.copy(place, f"oci:{folder}:1", referrers=True)
    assert run("verify", str(folder), *who, "--local-image")[0] == 0


def test_what_no_log_has_counts_where_one_says_so(
    run: Any,
    image: pv.Image,
    local_registry: LocalRegistry,
    sigstore: LocalSigstore,
    who: tuple[str, ...],
) -> None:
    assert image.digest is not None
    put_sig(local_registry, image.digest, sigstore.forger(WHO, logged=False))
    place = str(image.reference)
    assert run("verify", place, *who)[0] == 1
    status, _, err = run("verify", place, *who, "--insecure-ignore-tlog")
    assert status == 0
    assert "no transparency log has this signature" in err


def test_the_sbom_that_is_signed(
    run: Any, image: pv.Image, sigstore: LocalSigstore, who: tuple[str, ...], tmp_path: Path
) -> None:
    place = str(image.reference)
    assert run("sbom", "fetch", place, *who)[0] == 1
    assert run("sbom", "fetch", place)[0] == 2
    assert run("sbom", "fetch", place, "--unsafe-unverified")[0] == 3
    cyclonedx = "https://cyclonedx.org/bom"
    other = {**SBOM, "serialNumber": "urn:uuid:11111111-1111-4111-8111-111111111111"}
    pv.attest(image, other, sigstore.signer("mallory@example.org"), predicate_type=cyclonedx)
    assert run("sbom", "fetch", place, *who)[0] == 1
    status, out, err = run("sbom", "fetch", place, "--unsafe-unverified")
    assert (status, json.loads(out)) == (0, other)
    assert "not verified" in err
    pv.attest(image, SBOM, sigstore.signer(WHO), predicate_type=cyclonedx)
    status, out, _ = run("sbom", "fetch", place, *who)
    assert (status, json.loads(out)) == (0, SBOM)
    file = tmp_path / "app.spdx.json"
    assert run("sbom", "fetch", place, *who, "-o", f"spdx-json={file}")[0] == 0
    assert pv.read_sbom(file).format.value.startswith("spdx")
    assert run("sbom", "fetch", place, *who, "--unsafe-unverified")[0] == 2
    assert run("sbom", "fetch", place, *who[-2:], "--unsafe-unverified")[0] == 2
    assert run("sbom", "fetch", place, "-a", "a=b", "--unsafe-unverified")[0] == 2


@pytest.mark.parametrize("suffix", [None, "sbom"])
def test_an_sbom_that_nobody_signed_is_fetched_only_if_one_insists(
    run: Any,
    image: pv.Image,
    local_registry: LocalRegistry,
    who: tuple[str, ...],
    tmp_path: Path,
    suffix: str | None,
) -> None:
    assert image.digest is not None
    raw = json.dumps(SBOM).encode()
    if suffix:
        layer = (raw, "application/vnd.cyclonedx+json", dict[str, str]())
        put_layers(local_registry, [layer], tag=digest_tag(image.digest, suffix))
    else:
        (tmp_path / "app.cdx.json").write_bytes(raw)
        kind = "application/vnd.cyclonedx+json"
        pv.attach(image, tmp_path / "app.cdx.json", artifact_type=kind)
    place = str(image.reference)
    assert run("sbom", "fetch", place, *who)[0] == 1
    status, out, _ = run("sbom", "fetch", place, "--unsafe-unverified")
    assert (status, json.loads(out)) == (0, SBOM)


def test_notes_are_shown_harmlessly(
    capsys: pytest.CaptureFixture[str],
    image: pv.Image,
    sigstore: LocalSigstore,
) -> None:
    pv.sign(image, sigstore.signer(WHO))
    who = pv.Identity(WHO, issuer=sigstore.issuer)
    verified = pv.verify(image, who, trust=sigstore.trust)
    failed = replace(verified, failures=(pv.RegistryUnavailable("no\x85\u202e\nproven"),))
    _show(failed, None)
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "note: not complete: no\\x85\\u202e\\x0aproven"


def test_each_reason_has_a_line_of_its_own(
    run: Any,
    image: pv.Image,
    sigstore: LocalSigstore,
    who: tuple[str, ...],
) -> None:
    strangers = [f"{name}@example.org" for name in ("mallory", "oscar", "trudy")]
    for stranger in strangers:
        pv.sign(image, sigstore.signer(stranger))
    status, _, err = run("verify", str(image.reference), *who)
    assert status == 1
    head, *lines = err.splitlines()
    assert "and 2 more that do not count" in head
    assert len(lines) == 3
    for stranger in strangers:
        assert sum(f"signed by {stranger}" in line for line in lines) == 1
