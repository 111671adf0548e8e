"""Keys, certificates, logs and annotations: what must hold of whoever signed."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.evidence.placing import (
    SIMPLE,
    payload,
    public,
    put_cosigned,
    put_layers,
    put_sig,
)

import provenance as pv
from provenance.oci.repository import digest_tag
from provenance.testing.sigstore.schemes import new_key

if TYPE_CHECKING:
    from provenance.digests import Digest
    from provenance.testing import LocalRegistry, LocalSigstore


WHO = "release@example.com"


def test_annotations_are_there_with_their_values_or_it_does_not_count(
    local_registry: LocalRegistry,
    sigstore: LocalSigstore,
    image: pv.Image,
    digest: Digest,
    asked: dict[str, Any],
) -> None:
    signed = payload(digest, env="prod")
    put_layers(
        local_registry,
        [(signed, SIMPLE, sigstore.forger(WHO).layer(signed))],
        tag=digest_tag(digest, "sig"),
    )
    (proof,) = pv.verify(image, annotations={"env": "prod"}, **asked).signatures
    assert proof.annotations == {"env": "prod"}
    for wrong in ({"env": "dev"}, {"env": "prod", "more": "1"}):
        with pytest.raises(pv.NoMatchingEvidence, match="expected"):
            pv.verify(image, annotations=wrong, **asked)


def test_annotations_of_a_bundle_are_those_of_its_subject(
    sigstore: LocalSigstore, image: pv.Image, asked: dict[str, Any]
) -> None:
    pv.sign(image, sigstore.signer(WHO), annotations={"env": "prod"})
    assert pv.verify(image, annotations={"env": "prod"}, **asked).signatures
    with pytest.raises(pv.NoMatchingEvidence, match="env='prod', expected 'dev'"):
        pv.verify(image, annotations={"env": "dev"}, **asked)


def test_true_is_not_one(
    local_registry: LocalRegistry,
    sigstore: LocalSigstore,
    image: pv.Image,
    digest: Digest,
    asked: dict[str, Any],
) -> None:
    signed = payload(digest, reviewed=1, by=[1])
    layer = (signed, SIMPLE, sigstore.forger(WHO).layer(signed))
    put_layers(local_registry, [layer], tag=digest_tag(digest, "sig"))
    assert pv.verify(image, annotations={"reviewed": 1, "by": [1]}, **asked).signatures
    for wrong in ({"reviewed": True}, {"by": [True]}):
        with pytest.raises(pv.NoMatchingEvidence, match="expected"):
            pv.verify(image, annotations=wrong, **asked)


def test_a_key_and_a_certificate_never_stand_in_for_each_other(
    local_registry: LocalRegistry,
    sigstore: LocalSigstore,
    image: pv.Image,
    digest: Digest,
    asked: dict[str, Any],
) -> None:
    forger = sigstore.forger(key=new_key())
    key = public(forger.key)
    put_sig(local_registry, digest, forger)
    with pytest.raises(pv.NoMatchingEvidence, match="an identity was asked for"):
        pv.verify(image, **asked)
    assert pv.verify(image, key=key, trust=sigstore.trust).signatures[0].identity == str(
        f"key {key.key_id}"
    )
    examined = pv.examine(image, trust=sigstore.trust)
    assert examined.outcome is pv.Outcome.UNKNOWN  # by whom, is not asked: name the key
    put_sig(local_registry, digest, sigstore.forger(WHO))
    with pytest.raises(pv.NoMatchingEvidence, match="a key was asked for"):
        pv.verify(image, key=key, trust=sigstore.trust)


def test_any_of_several_keys(
    local_registry: LocalRegistry, sigstore: LocalSigstore, image: pv.Image, digest: Digest
) -> None:
    first, second, third = (sigstore.forger(key=new_key()) for _ in range(3))
    put_sig(local_registry, digest, second, third)
    keys = [public(f.key) for f in (first, second, third)]
    verified = pv.verify(image, key=keys, trust=sigstore.trust, threshold=2)
    assert len(verified.signatures) == 2
    with pytest.raises(pv.NoMatchingEvidence, match="3 signers but by 2") as told:
        pv.verify(image, key=keys, trust=sigstore.trust, threshold=3)
    assert all("): signed by key sha256:" in reason for reason in told.value.reasons)
    with pytest.raises(pv.NoMatchingEvidence, match=keys[0].key_id):
        pv.verify(image, key=keys[0], trust=sigstore.trust)
    with pytest.raises(ValueError, match="empty"):
        pv.verify(image, key=[], trust=sigstore.trust)
    with pytest.raises(ValueError, match="threshold"):
        pv.verify(image, key=keys, trust=sigstore.trust, threshold=0)


@pytest.mark.parametrize("placed", ["referrer", "tag"])
def test_two_signatures_on_one_envelope_are_two_signers(
    local_registry: LocalRegistry,
    sigstore: LocalSigstore,
    image: pv.Image,
    digest: Digest,
    placed: str,
) -> None:
    first, second, third = (sigstore.forger(key=new_key(), stamped=False) for _ in range(3))
    keys = [public(f.key) for f in (first, second, third)]
    put_cosigned(local_registry, image, (first, second), tagged=placed == "tag")
    verified = pv.verify(image, key=[keys[2], *keys], trust=sigstore.trust, threshold=2)
    assert {p.identity for p in verified.signatures} == {f"key {k.key_id}" for k in keys[:2]}
    with pytest.raises(pv.NoMatchingEvidence, match="3 signers but by 2"):
        pv.verify(image, key=keys, trust=sigstore.trust, threshold=3)
    for key in keys[:2]:  # one of them, twice, is one
        assert len(pv.verify(image, key=key, trust=sigstore.trust).signatures) == 1
        with pytest.raises(pv.NoMatchingEvidence, match="2 signers but by 1"):
            pv.verify(image, key=[key, keys[2], key], trust=sigstore.trust, threshold=2)
    with pytest.raises(pv.NoMatchingEvidence):
        pv.verify(image, key=keys[2], trust=sigstore.trust)


@pytest.mark.parametrize("placed", ["referrer", "tag"])
def test_of_two_on_one_envelope_the_one_that_cannot_be_judged_is_not_absent(
    local_registry: LocalRegistry,
    sigstore: LocalSigstore,
    image: pv.Image,
    monkeypatch: pytest.MonkeyPatch,
    placed: str,
) -> None:
    first, second = (
        sigstore.forger(key=new_key(kind), stamped=False) for kind in ("ecdsa-p256", "ed25519")
    )
    keys = [public(f.key) for f in (first, second)]
    put_cosigned(local_registry, image, (first, second), tagged=placed == "tag")
    assert len(pv.verify(image, key=keys, trust=sigstore.trust, threshold=2).signatures) == 2
    monkeypatch.setitem(sys.modules, "nacl", None)  # which Ed25519ph needs
    for order in (keys, keys[::-1]):
        with pytest.raises(pv.NotEvaluated, match="cannot be imported"):
            pv.verify(image, key=order, trust=sigstore.trust, threshold=2)
        found = pv.verify(image, key=order, trust=sigstore.trust, everywhere=True)
        assert [p.identity for p in found.signatures] == [f"key {keys[0].key_id}"]
        assert not found.everywhere  # one could not be judged


def test_a_signature_in_no_log_counts_only_where_one_says_so(
    local_registry: LocalRegistry,
    sigstore: LocalSigstore,
    image: pv.Image,
    digest: Digest,
    asked: dict[str, Any],
) -> None:
    put_sig(local_registry, digest, replace(sigstore.forger(WHO), logged=False))
    with pytest.raises(pv.NoMatchingEvidence, match="log"):
        pv.verify(image, **asked)
    verified = pv.verify(image, unsafe_no_log=True, **asked)
    assert verified.signatures[0].log_entries == ()
    assert verified.signatures[0].time is not None


def test_of_several_keys_the_one_that_signed_tells_what_is_missing(
    local_registry: LocalRegistry, sigstore: LocalSigstore, image: pv.Image, digest: Digest
) -> None:
    signer = replace(sigstore.forger(key=new_key()), logged=False)
    put_sig(local_registry, digest, signer)
    own, other = public(signer.key), public(new_key())
    for keys in ([own, other], [other, own]):
        with pytest.raises(pv.NoMatchingEvidence, match="log"):
            pv.verify(image, key=keys, trust=sigstore.trust)
        (found,) = pv.examine(image, key=keys, trust=sigstore.trust)
        assert found.step == "transparency-log"
