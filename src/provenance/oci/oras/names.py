"""What ORAS writes about a layer, and the names of files that are safe to write.

Source: the annotations of oras-go v2, `content/file`. Names come from whoever pushed the artifact.
"""

from __future__ import annotations

import re
from typing import TypeAlias

from provenance.errors import LimitExceeded, MalformedDocument

__all__ = ["CONTENT", "TITLE", "UNPACK", "Steps", "check_name"]

TITLE = "org.opencontainers.image.title"
"""Annotation: the file's or folder's name, a path with `/`."""
UNPACK = "io.deis.oras.content.unpack"
"""Annotation: `true` for a folder, packed as a gzipped tar."""
CONTENT = "io.deis.oras.content.digest"
"""Annotation: digest of the tar before it was compressed."""

Steps: TypeAlias = tuple[str, ...]
"""A path below some folder, step by step; empty: the folder itself."""

# A colon is a drive or a second stream on Windows and a backslash a step: what is pulled here
# is the same file everywhere. Half a surrogate pair is how Python spells a byte that is no UTF-8.
_DEEPEST = 255
_STEP = re.compile("[^\x00-\x1f\x7f-\x9f\\\\:\ud800-\udfff]+")


def check_name(name: str, where: str) -> Steps:
    """The steps of a relative name, `.` and empty ones left out.

    >>> check_name("docs/./page.md", "")
    ('docs', 'page.md')

    Raises:
        MalformedDocument: it is empty or absolute, has a `..`, a control character, a colon or a
            backslash, or is no text.
        LimitExceeded: it is more than 255 folders deep.
    """
    steps = tuple(step for step in name.split("/") if step not in {"", "."})
    if len(steps) > _DEEPEST:
        raise LimitExceeded(
            f"the name {name[:100]!r} has {len(steps)} steps, more than {_DEEPEST}",
            reference=where,
            hint="no tool writes that; the artifact may be an attack",
        )
    good = all(step != ".." and _STEP.fullmatch(step) for step in steps)
    if not name or name.startswith("/") or not good:
        raise MalformedDocument(
            f"the name {name[:100]!r} leads out of the folder, or is no name on every system",
            reference=where,
            hint="use relative names without '..', ':', '\\' and control characters; "
            "an artifact with others may be an attack",
        )
    return steps
