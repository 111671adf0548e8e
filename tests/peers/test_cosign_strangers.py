"""Two logs and two authorities, of which the root lists one: cosign and we agree who is proven."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from provenance.errors import VerificationError
from provenance.testing import LocalSigstore
from provenance.trust import Trust
from provenance.verification import Identity, verify_blob_bundle

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.conftest import Run

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
