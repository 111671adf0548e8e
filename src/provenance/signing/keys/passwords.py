"""Where the password of a key comes from: the caller, or COSIGN_PASSWORD. Never shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Password", "password_bytes", "resolve_password"]

Password: TypeAlias = "str | bytes | Callable[[], str | bytes] | None"  # noqa: S105 - a type
"""A password, what asks for it when it is needed, or None: COSIGN_PASSWORD."""


def resolve_password(given: Password, environ: Mapping[str, str]) -> bytes | None:
    """The password in bytes, or None where nobody has one."""
    found = given() if callable(given) else given
    if found is None:
        found = environ.get("COSIGN_PASSWORD")
    return password_bytes(found) if isinstance(found, str) else found


def password_bytes(text: str) -> bytes:
    """A password as cosign hashes it: UTF-8, and of a variable the bytes it has (PEP 383)."""
    return text.encode("utf-8", "surrogateescape")
