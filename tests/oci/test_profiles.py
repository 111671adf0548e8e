"""The client suite over the embedded registry, as each of its profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.oci.client_suite import ClientSuite, Logins, Tokens
from tests.oci.under_test import Takes, UnderTest

from provenance.testing import LocalRegistry
from provenance.testing.registry import PROFILES, Behaviour, Door, Profile

if TYPE_CHECKING:
    from collections.abc import Iterator

# The specification itself, with every optional ability; behind each kind of door, and in small
# pages; then each registry in the wild.
KINDS = (
    Profile("specification"),
    Profile("in small pages", Behaviour(page_size=2)),
    Profile("with passwords", door=Door("basic")),
    Profile("with tokens", door=Door("bearer")),
    # Harbor 2.7 does not say whether it has referrers: tests/testing/test_registry_profiles.py.
    *(profile for profile in PROFILES if profile.name != "harbor27"),
)


def _takes(profile: Profile) -> Takes:
    does = profile.behaviour
    return Takes(
        referrers_api=does.referrers_api,
        sha512_manifests="sha512" in does.manifest_algorithms,
        redirects_blobs=does.redirects_blobs,
        referrers_lag=does.referrers_lag,
    )


@pytest.fixture
def registry(request: pytest.FixtureRequest) -> Iterator[UnderTest]:
    profile: Profile = request.param
    with LocalRegistry(profile=profile) as local:
        local.clear_faults()  # limits on how often one may ask have tests of their own
        found = UnderTest(
            local.host,
            _takes(profile),
            account=local.account if profile.door.kind else None,
            public=profile.door.anonymous_pull,
            expire=local.auth.forget_tokens,
            # An empty repository is an entry without content.
            make=local.blobs.__getitem__ if not profile.behaviour.creates_repositories else str,
        )
        yield found
        found.close()


def _each(*doors: str | None) -> pytest.MarkDecorator:
    found = [
        pytest.param(kind, id=kind.name) for kind in KINDS if not doors or kind.door.kind in doors
    ]
    return pytest.mark.parametrize("registry", found, indirect=True)


@_each()
class TestProfiles(ClientSuite):
    """Everything that needs no door, through the door."""


@_each("basic")
class TestPasswords(Logins):
    """Those that take a name and password on every request."""


@_each("bearer")
class TestTokens(Tokens):
    """Those that have a token service."""
