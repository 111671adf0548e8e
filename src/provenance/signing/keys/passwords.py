"""Where the password of a key comes from: the caller, or COSIGN_PASSWORD. Never shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Password", "resolve_password"]

Password: TypeAlias = "str | bytes | Callable[[], str | bytes] | None"  # noqa: S105 - a type
"""A password, what asks for it when it is needed, or None: COSIGN_PASSWORD."""


def resolve_password(given: Password, environ: Mapping[str, str]) -> bytes | None:
    """The password in bytes (text as UTF-8), or None where nobody has one."""
    found = given() if callable(given) else given
    if found is None:
        found = environ.get("COSIGN_PASSWORD")
    return found.encode() if isinstance(found, str) else found
