"""The client suite over the embedded registry, in each of its kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.oci.client_suite import ClientSuite, Logins, Tokens
from tests.oci.under_test import PATIENT, Takes, UnderTest

from provenance.testing import LocalRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCOUNT = ("alice", "open sesame")
KINDS: dict[str, tuple[dict[str, Any], Takes]] = {
    "plain": ({}, Takes()),
    "without the referrers API": ({"referrers_api": False}, Takes(referrers_api=False)),
    "in small pages": ({"page_size": 2}, Takes()),
    "without filters or single posts": (
        {"filters_referrers": False, "single_post": False},
        Takes(),
    ),
}


@pytest.fixture(params=KINDS)
def registry(request: pytest.FixtureRequest) -> Iterator[UnderTest]:
    options, takes = KINDS[request.param]
    with LocalRegistry(**options) as local:
        found = UnderTest(local.host, takes)
        yield found
        found.close()


class TestKinds(ClientSuite):
    """Open to everybody."""


@pytest.fixture
def bearer() -> Iterator[LocalRegistry]:
    with LocalRegistry(auth="bearer", username=ACCOUNT[0], password=ACCOUNT[1]) as local:
        yield local


class TestBasic(Logins):
    """With a name and password on every request."""

    @pytest.fixture
    def registry(self) -> Iterator[UnderTest]:
        with LocalRegistry(auth="basic", username=ACCOUNT[0], password=ACCOUNT[1]) as local:
            found = UnderTest(local.host, account=ACCOUNT)
            yield found
            found.close()


class TestBearer(Tokens):
    """With tokens of a token service."""

    @pytest.fixture
    def registry(self, bearer: LocalRegistry) -> Iterator[UnderTest]:
        found = UnderTest(bearer.host, account=ACCOUNT, expire=bearer.auth.forget_tokens)
        yield found
        found.close()
