"""What a registry asks for: one credential, as a value. Secrets reach no message and no pickle."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["Credential"]


@dataclass(frozen=True, slots=True)
class Credential:
    """A name and password, an identity (refresh) token, or a ready token, for one registry."""

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    """What a token service exchanges for a token."""
    source: str = "the caller"
    """Where it was found, for people."""
    registry_token: str = field(default="", repr=False)
    """A token for the registry itself, sent as it is."""

    def __reduce__(self) -> Any:
        """Refuse: a pickle travels to places a password must not."""
        raise TypeError("credentials are not pickled; name their source on the other side")
