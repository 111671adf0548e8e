"""The client suite: one set of promises, kept in every registry.

A test module derives a class of `ClientSuite` (and one of `Logins` or `Tokens` where the registry
has a door), and gives it a fixture `registry`, an `UnderTest`. The embedded registry's profiles
are run in tests/oci/test_profiles.py, real registries in tests/peers/test_registries.py.
"""

from __future__ import annotations

from tests.oci.suite_content import Content
from tests.oci.suite_copies import Copies
from tests.oci.suite_listing import Listing
from tests.oci.suite_logins import Logins, Tokens

__all__ = ["ClientSuite", "Logins", "Tokens"]


class ClientSuite(Content, Listing, Copies):
    """What needs no door."""
