"""A file of an image."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provenance.digests import Digest

__all__ = ["File"]


@dataclass(frozen=True, slots=True)
class File:
    """A regular file of the squashed view, with its bytes."""

    path: str
    """As it was asked for, without a leading slash; links in it are followed."""
    layer: Digest
    """The layer (as stored) that the bytes are from."""
    size: int
    """Bytes."""
    mode: int
    """Permission bits."""
    data: bytes = field(repr=False)
    real_path: str = ""
    """Where it is, all links resolved."""
    link: str = ""
    """What the last step says if it is a symbolic link, as written."""
