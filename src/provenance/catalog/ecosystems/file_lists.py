"""The files that a package installed, small enough to keep: one text of paths, one row of digests.

A `Fact` with twenty thousand paths as twenty thousand strings would outweigh the packages; as the
two long values here it is stored and loaded at once.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["MOST_FILES", "below", "pack_files", "unpack_files"]

MOST_FILES = 200_000
"""Files of one package that are kept."""
_DIGEST = 32  # bytes of a SHA-256
_UNKNOWN = bytes(_DIGEST)
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def below(folder: str, path: str) -> str:
    """`path` as seen from `folder`, cleaned lexically; empty where it is none in the image.

    >>> below("usr/lib/python3/site-packages", "../../../bin/pip")
    'usr/bin/pip'
    """
    # `isprintable` is quick, but says no to unusual spaces too.
    if not path or (not path.isprintable() and _CONTROL.search(path)):
        return ""
    if path[0] in "/." or path[-1] == "/" or "/." in path or "//" in path or not folder:
        return _cleaned("" if path.startswith("/") else folder, path)
    return f"{folder}/{path}"


def _cleaned(folder: str, path: str) -> str:
    kept = folder.split("/") if folder else []
    for step in path.split("/"):
        if step == "..":
            if not kept:
                return ""
            kept.pop()
        elif step not in {"", "."}:
            kept.append(step)
    return "/".join(kept)


def pack_files(rows: Iterable[tuple[str, bytes]]) -> dict[str, Any]:
    """The value of a `Fact`: paths in the image with their SHA-256, empty where unknown."""
    paths: list[str] = []
    digests: list[bytes] = []
    for path, digest in rows:
        if path and len(paths) < MOST_FILES:
            paths.append(path)
            digests.append(digest if len(digest) == _DIGEST else _UNKNOWN)
    return {"paths": "\n".join(paths), "sha256": b"".join(digests)}


def unpack_files(value: dict[str, Any]) -> tuple[list[str], list[str]]:
    """What `pack_files` packed: paths, and `sha256:hex` or empty for each."""
    text = value["paths"]
    paths: list[str] = text.split("\n") if text else []
    digits = bytes(value["sha256"]).hex()
    step = 2 * _DIGEST
    unknown = _UNKNOWN.hex()
    hashes = [
        "" if (one := digits[at : at + step]) == unknown else f"sha256:{one}"
        for at in range(0, len(digits), step)
    ]
    return paths, hashes
