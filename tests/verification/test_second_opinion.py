"""The sigstore library and our own algorithm held against each other, on raw bytes."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from sigstore.errors import Error
from sigstore.hashes import Hashed
from sigstore.models import Bundle as SigstoreBundle
from sigstore.verify import Verifier
from sigstore_models.common.v1 import HashAlgorithm
from tests.verification.shapes import DATA, Shape, pairs
from tests.verification.test_mutations import exchanged, flips, leaves

from provenance.attestation.bundle import Bundle
from provenance.attestation.bundle_parts import MessageSignature, read_parts
from provenance.digests import Digest
from provenance.errors import ProvenanceError
from provenance.trust import Trust
from provenance.verification.blobs import _check_stated
from provenance.verification.content import SignedBytes
from provenance.verification.proving import Demand, prove
from provenance.verification.second_opinion import _AnyIdentity

if TYPE_CHECKING:
    from pathlib import Path

READ = ("v1, dsse 0.0.1", "v1, version 0.1", "v2", "v2, two timestamps", "v1, bytes", "v2, bytes")
FLIPS = 150


@pytest.fixture(scope="module")
def both() -> dict[str, tuple[Shape, Shape]]:
    found = pairs()
    return {name: found[name] for name in READ}


def library_accepts(raw: bytes, trust: Trust, artifact: Digest) -> bool:
    try:
        bundle = SigstoreBundle.from_json(raw)
        verifier = Verifier(trusted_root=trust.trusted_root())
        if bundle._dsse_envelope is not None:
            verifier.verify_dsse(bundle, _AnyIdentity())
            return True
        hashed = Hashed(algorithm=HashAlgorithm.SHA2_256, digest=bytes.fromhex(artifact.hex))
        verifier.verify_artifact(hashed, bundle, _AnyIdentity())
    except (Error, ValueError, TypeError, LookupError, AttributeError, OverflowError):
        return False
    return True


def why_we_refuse(raw: bytes, trust: Trust, artifact: Digest, key: Any = None) -> str:
    """The step, or the code of the error; empty: we do not."""
    try:
        parts = read_parts(Bundle.parse(raw))
        signed = SignedBytes.of(parts.content, artifact)
        if isinstance(parts.content, MessageSignature):
            _check_stated(parts.content, signed)
        prove(parts, signed, Demand(trust, key))
    except ProvenanceError as error:
        return str(getattr(error, "step", "") or error.code)
    except Exception as error:  # noqa: BLE001 - told as step `bundle`, by whoever calls `prove`
        return f"bundle {error!r}"
    return ""


@pytest.mark.parametrize("name", READ)
def test_they_agree_on_whatever_is_changed(both: dict[str, tuple[Shape, Shape]], name: str) -> None:
    shape, other = both[name]
    documents = list(flips(shape, FLIPS, random.Random(name)))
    for path in leaves(shape.document):
        changed = exchanged(shape.document, other.document, [path])
        if changed is not None:
            documents.append(json.dumps(changed).encode())
    stricter: Counter[str] = Counter()
    artifact = Digest.of(DATA)
    for raw in documents:
        theirs, ours = (
            library_accepts(raw, shape.trust, artifact),
            why_we_refuse(raw, shape.trust, artifact),
        )
        assert theirs or ours, f"accepted by us alone: {raw!r}"
        if theirs and ours:
            stricter[ours] += 1
    # Of a proof's index and size (`transparency-log`), a second timestamp that is false (`time`),
    # and what only looks like one of our fields (`unsupported-format`): decision 12.
    assert set(stricter) <= {"transparency-log", "time", "malformed-document"}, stricter


# Which of the recorded cases the library cannot read, and why.
UNREAD = {
    "managed-key-and-trusted-root": "it verifies no keys",
    "intoto-with-custom-trust-root": "it reads no `intoto` entries",
}


@pytest.mark.corpus
def test_they_agree_on_what_was_recorded(corpus: Path) -> None:
    from provenance.attestation.public_key import PublicKey

    folder = corpus / "sigstore-bundles" / "bundle-verify"
    differ = set()
    for case in sorted(f for f in folder.iterdir() if f.is_dir()):
        custom, key = case / "trusted_root.json", case / "key.pub"
        default = corpus / "sigstore-roots" / "targets" / "trusted_root.json"
        trust = Trust.from_file(custom if custom.exists() else default)
        artifact = case / "artifact" if (case / "artifact").exists() else folder / "a.txt"
        digest = Digest.of(artifact.read_bytes())
        raw = (case / "bundle.sigstore.json").read_bytes()
        public = PublicKey.parse(key.read_bytes()) if key.exists() else None
        theirs = library_accepts(raw, trust, digest)
        ours = why_we_refuse(raw, trust, digest, public)
        if theirs != (not ours):
            differ.add(case.name)
    assert differ == set(UNREAD)
