"""Python's order, by `packaging`. Source: the version specifiers specification (PEP 440)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from packaging.version import Version

__all__ = ["key"]


def key(version: str) -> Version | None:
    """The version. None where it is none by the specification."""
    from packaging.version import InvalidVersion, Version

    try:
        return Version(version)
    except InvalidVersion:
        return None
