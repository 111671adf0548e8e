"""Keys that change, and roots that end: old signatures stay good, by sigstore-python."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from sigstore.errors import VerificationError
from sigstore.models import Bundle, ClientTrustConfig
from sigstore.oidc import IdentityToken
from sigstore.sign import SigningContext
from sigstore.verify import Verifier, policy

from provenance.testing.sigstore import LocalSigstore

NOW = dt.datetime(2024, 5, 6, 7, 8, 9, 500_000, tzinfo=dt.UTC)


class Clock:
    """Stands still until it is told."""

    def __init__(self) -> None:
        self.moment = NOW

    def __call__(self) -> dt.datetime:
        return self.moment

    def later(self, **span: float) -> None:
        self.moment += dt.timedelta(**span)


def check(sigstore: LocalSigstore, bundle: dict[str, Any], root: bytes | None = None) -> None:
    document = json.loads(sigstore.client_trust_config_json)
    if root is not None:
        document["trustedRoot"] = json.loads(root)
    config = ClientTrustConfig.from_json(json.dumps(document))
    who = policy.Identity(identity="dev@example.com", issuer=sigstore.issuer)
    parsed = Bundle.from_json(json.dumps(bundle))
    Verifier(trusted_root=config.trusted_root).verify_artifact(b"data", parsed, who)


@pytest.mark.parametrize("rekor", [("v1",), ("v2",)])
@pytest.mark.parametrize("part", ["ca", "ct", "log", "tsa"])
def test_old_signatures_stay_good_after_a_rotation(part: str, rekor: tuple[str, ...]) -> None:
    clock = Clock()
    with LocalSigstore(now=clock, rekor=rekor) as sigstore:
        old = sigstore.forger()
        before = old.blob(b"data")
        sigstore.rotate(part)
        check(sigstore, before)
        clock.later(hours=1)
        after = sigstore.forger().blob(b"data")
        check(sigstore, before)
        check(sigstore, after)


def test_an_old_key_signs_nothing_more() -> None:
    # Of a timestamp's authority alone does this verifier ask when it was believed.
    clock = Clock()
    with LocalSigstore(now=clock) as sigstore:
        old = sigstore.forger()
        sigstore.rotate("tsa")
        clock.later(hours=1)
        with pytest.raises(VerificationError, match="sources of verified time"):
            check(sigstore, old.blob(b"data"))


def test_the_root_lists_both_with_their_windows() -> None:
    clock = Clock()
    with LocalSigstore(now=clock) as sigstore:
        for part in ("ca", "ct", "log", "tsa"):
            sigstore.rotate(part)
        root = json.loads(sigstore.trusted_root_json)
        for name in ("tlogs", "ctlogs", "certificateAuthorities", "timestampAuthorities"):
            old, new = (one.get("publicKey", one)["validFor"] for one in root[name])
            assert old["end"] == "2024-05-06T07:08:10Z"
            assert new == {"start": "2024-05-06T07:08:09Z"}
        config = json.loads(sigstore.signing_config_json)
        assert [s["url"] for s in config["rekorTlogUrls"]] == [f"{sigstore.url}/log-2"]
        assert [s["url"] for s in config["tsaUrls"]] == [f"{sigstore.url}/tsa-2/api/v1/timestamp"]


def test_clients_sign_with_the_new_keys() -> None:
    with LocalSigstore() as sigstore:
        for part in ("ca", "ct", "log", "tsa"):
            sigstore.rotate(part)
        config = ClientTrustConfig.from_json(sigstore.client_trust_config_json.decode())
        context = SigningContext.from_trust_config(config)
        with context.signer(IdentityToken(sigstore.token())) as signer:
            bundle = signer.sign_artifact(b"data")
        check(sigstore, json.loads(bundle.to_json()))


def test_an_unknown_part_is_refused() -> None:
    with LocalSigstore() as sigstore, pytest.raises(ValueError, match="one of ca, ct, log, tsa"):
        sigstore.rotate("oidc")


def test_a_root_that_ended_proves_nothing_later() -> None:
    with LocalSigstore(now=Clock()) as sigstore:
        bundle = sigstore.forger().blob(b"data")
        part = "timestampAuthorities"
        check(sigstore, bundle, sigstore.trusted_root_until(NOW + dt.timedelta(hours=1), part))
        ended = sigstore.trusted_root_until(NOW - dt.timedelta(hours=1), part)
        with pytest.raises(VerificationError, match="sources of verified time"):
            check(sigstore, bundle, ended)


def test_every_window_of_an_ended_root_ends() -> None:
    with LocalSigstore() as sigstore:
        root = json.loads(sigstore.trusted_root_until(NOW))
        for name in ("tlogs", "ctlogs", "certificateAuthorities", "timestampAuthorities"):
            for one in root[name]:
                assert one.get("publicKey", one)["validFor"]["end"] == "2024-05-06T07:08:09Z"
