"""What others may have made of a bundle: cosign and we agree who is proven, or say where not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.evidence.placing import public, put_cosigned, put_layers, subject_of
from tests.verification.test_own_authorities import NO_ISSUER, OWN, certified_by

import provenance as pv
from provenance.attestation.bundle import BUNDLE_MEDIA_TYPE
from provenance.errors import VerificationError
from provenance.testing import ImageBuilder, LocalSigstore
from provenance.testing.sigstore.schemes import new_key
from provenance.trust import Trust
from provenance.verification import Identity, verify_blob_bundle

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.conftest import Run

    from provenance.testing import LocalRegistry

pytestmark = pytest.mark.peer

DATA, WHO = b"the bytes of a file", "dev@example.com"


@pytest.fixture(scope="module")
def sigstore() -> LocalSigstore:
    with LocalSigstore(rekor=("v1", "v2"), tsas=2) as made:
        return made


@pytest.mark.parametrize(
    ("listed", "removed", "accepted"),
    [
        ({}, {}, True),
        ({"tlogs": 0, "timestampAuthorities": 0}, {}, True),
        ({"tlogs": 1, "timestampAuthorities": 1}, {}, True),
        ({"timestampAuthorities": 1}, {"rfc3161Timestamps": 1, "tlogEntries": 0}, False),
        ({"tlogs": 1}, {"tlogEntries": 1}, False),
    ],
)
def test_whoever_knows_one_of_each(
    sigstore: LocalSigstore,
    run: Run,
    tmp_path: Path,
    listed: dict[str, int],
    removed: dict[str, int],
    accepted: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    forger = sigstore.forger(WHO, more_logs=sigstore.logs[1:], more_tsas=sigstore.tsas[1:])
    document: dict[str, Any] = forger.blob(DATA)
    material = document["verificationMaterial"]
    for name, number in removed.items():
        at = material if name in material else material["timestampVerificationData"]
        del at[name][number]
    root = json.loads(sigstore.trusted_root_json)
    for name, number in listed.items():
        root[name] = [root[name][number]]
    (tmp_path / "bundle.json").write_text(json.dumps(document))
    (tmp_path / "root.json").write_text(json.dumps(root))
    (tmp_path / "file").write_bytes(DATA)
    said = run(
        *("cosign", "verify-blob", "--bundle", str(tmp_path / "bundle.json")),
        *("--trusted-root", str(tmp_path / "root.json"), "--use-signed-timestamps"),
        *("--certificate-identity", WHO, "--certificate-oidc-issuer", sigstore.issuer),
        str(tmp_path / "file"),
        check=False,
    )
    assert (said.returncode == 0) is accepted, said.stderr
    raw, who = json.dumps(document).encode(), Identity(WHO, issuer=sigstore.issuer)
    trust = Trust.from_json(json.dumps(root))
    if not accepted:
        with pytest.raises(VerificationError):
            verify_blob_bundle(raw, DATA, trust=trust, identity=who)
        return
    found = verify_blob_bundle(raw, DATA, trust=trust, identity=who)
    assert len(found.warnings) == len(listed)


def test_a_signature_over_a_manifest_is_none_of_the_image(
    sigstore: LocalSigstore, local_registry: LocalRegistry, run: Run, tmp_path: Path
) -> None:
    tag = local_registry.reference("team/app:1.0")
    ImageBuilder().layer({"a": b"1"}).push(tag)
    image = pv.resolve(tag)
    with image.repository() as repository:
        raw = repository.manifest(image.descriptor).raw
    document = json.dumps(sigstore.forger(WHO).blob(raw)).encode()
    put_layers(
        local_registry,
        [(document, BUNDLE_MEDIA_TYPE, {})],
        subject=subject_of(image),
        artifact_type=BUNDLE_MEDIA_TYPE,
    )
    (tmp_path / "root.json").write_bytes(sigstore.trusted_root_json)
    (tmp_path / "bundle.json").write_bytes(document)
    (tmp_path / "manifest.json").write_bytes(raw)
    how = (
        *("--trusted-root", str(tmp_path / "root.json"), "--use-signed-timestamps"),
        *("--certificate-identity", WHO, "--certificate-oidc-issuer", sigstore.issuer),
    )
    blob = ("--bundle", str(tmp_path / "bundle.json"), str(tmp_path / "manifest.json"))
    run("cosign", "verify-blob", *how, *blob)  # there is nothing wrong with it, as a file's
    said = run("cosign", "verify", *how, str(image.reference), check=False)
    assert said.returncode != 0
    assert "does not contain a DSSE envelope" in said.stderr
    who = Identity(WHO, issuer=sigstore.issuer)
    with pytest.raises(pv.NoMatchingEvidence, match="states nothing of the image"):
        pv.verify(image, who, trust=sigstore.trust)


def test_an_envelope_that_two_have_signed(
    sigstore: LocalSigstore, local_registry: LocalRegistry, run: Run, tmp_path: Path
) -> None:
    """sigstore-go wants exactly one signature in a bundle; DSSE, and we, take each for itself."""
    tag = local_registry.reference("team/app:1.0")
    ImageBuilder().layer({"a": b"1"}).push(tag)
    image = pv.resolve(tag)
    forgers = [sigstore.forger(key=new_key(), stamped=False) for _ in range(2)]
    put_cosigned(local_registry, image, forgers, tagged=False)
    (tmp_path / "root.json").write_bytes(sigstore.trusted_root_json)
    keys = [public(forger.key) for forger in forgers]
    for number, key in enumerate(keys):
        file = tmp_path / f"{number}.pub"
        file.write_bytes(key.to_pem())
        root = ("--trusted-root", str(tmp_path / "root.json"))
        said = run("cosign", "verify", "--key", str(file), *root, str(image.reference), check=False)
        assert said.returncode != 0
    assert len(pv.verify(image, key=keys, trust=sigstore.trust, threshold=2).signatures) == 2


@pytest.mark.parametrize("name", OWN)
def test_whom_an_authority_of_ones_own_certifies(name: str, run: Run, tmp_path: Path) -> None:
    """What `tests.verification.test_own_authorities` expects of us, cosign does."""
    sigstore = certified_by(OWN[name]())
    (tmp_path / "root.json").write_bytes(sigstore.trusted_root_json)
    (tmp_path / "bundle.json").write_text(json.dumps(sigstore.forger(WHO).blob(DATA)))
    (tmp_path / "file").write_bytes(DATA)
    run(
        *("cosign", "verify-blob", "--bundle", str(tmp_path / "bundle.json")),
        *("--trusted-root", str(tmp_path / "root.json"), "--use-signed-timestamps"),
        *("--certificate-identity", WHO, "--certificate-oidc-issuer", sigstore.issuer),
        str(tmp_path / "file"),
    )


@pytest.mark.parametrize(("pattern", "accepted"), [("^$", True), (".*", True), ("http", False)])
def test_whom_an_authority_knows_itself(
    pattern: str,
    accepted: bool,  # noqa: FBT001 - a parameter of the test
    run: Run,
    tmp_path: Path,
) -> None:
    with LocalSigstore(rekor=()) as sigstore:
        document = sigstore.forger(NO_ISSUER, issuer="").blob(DATA)
    (tmp_path / "root.json").write_bytes(sigstore.trusted_root_json)
    (tmp_path / "bundle.json").write_text(json.dumps(document))
    (tmp_path / "file").write_bytes(DATA)
    said = run(
        *("cosign", "verify-blob", "--bundle", str(tmp_path / "bundle.json")),
        *("--trusted-root", str(tmp_path / "root.json"), "--use-signed-timestamps"),
        *("--insecure-ignore-tlog", "--certificate-identity", NO_ISSUER),
        *("--certificate-oidc-issuer-regexp", pattern, str(tmp_path / "file")),
        check=False,
    )
    assert (said.returncode == 0) is accepted, said.stderr
