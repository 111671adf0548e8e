"""Names in a layer: decoded, cleaned, kept below the root; and globs over them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from provenance.image.place import Place

__all__ = ["Globs", "clean", "cleaned", "glob_pattern", "steps"]


_AMBIGUOUS = re.compile(rb"(\\+)(?=x[89a-f][0-9a-f]|[\x80-\xff])")


def clean(raw: bytes, place: Place) -> str:
    r"""The path that an entry's name stands for: no leading `/`, no `.`, `..` or empty step.

    Cleaned lexically, as the runtimes do before they join it to the root. Bytes that are no
    UTF-8 become `\xNN`; backslashes of names that could be mistaken for it are doubled, so that no
    two names are one. The root itself is empty.

    Raises:
        MalformedDocument: the name leads out of the root.
    """
    if b"\\" in raw:
        raw = _AMBIGUOUS.sub(rb"\1\1", raw)
    return cleaned(raw.decode("utf-8", "backslashreplace"), place)


def cleaned(name: str, place: Place) -> str:
    """`clean` of a name that is decoded."""
    name = name.removeprefix("./").rstrip("/")
    if "/." not in name and "//" not in name and not name.startswith((".", "/")):
        return name
    kept: list[str] = []
    for step in name.split("/"):
        if step == "..":
            if not kept:
                raise place.malformed(
                    f"entry {name[:200]!r} leads out of the root",
                    "no image builder writes that; do not unpack it",
                )
            kept.pop()
        elif step not in {"", "."}:
            kept.append(step)
    return "/".join(kept)


def steps(path: str) -> list[str]:
    """The steps of a path that a caller or a link names, `..` and all."""
    return [s for s in path.split("/") if s not in {"", "."}]


@lru_cache(maxsize=1024)
def glob_pattern(glob: str) -> re.Pattern[str]:
    """`glob` as a pattern to `fullmatch`: `*`, `?`, `[...]` within a step, `**` over any steps.

    What stands between two wildcards of a kind matches at its first place, for all that a later
    one could be is what the second wildcard takes: with every place tried, hostile names would cost
    the square of their length.
    """
    wanted = steps(glob)
    stars = [index for index, step in enumerate(wanted) if step == "**"]
    pattern = ""
    for index, step in enumerate(wanted):
        last = index == len(wanted) - 1
        if step != "**":
            pattern += _step_pattern(step) + ("" if last else "/")
            continue
        if stars[0] < index:
            pattern += ")"  # of the one before
        if last:
            pattern += ".*"
        else:
            pattern += "(?:[^/]+/)*" if index == stars[-1] else "(?>(?:[^/]+/)*?"
    return re.compile(pattern, re.DOTALL)


def _step_pattern(step: str) -> str:
    pieces, position = [""], 0
    while position < len(step):
        char = step[position]
        position += 1
        if char == "*":
            if pieces[-1] or len(pieces) == 1:  # two stars in a row are one
                pieces.append("")
        elif char == "?":
            pieces[-1] += "[^/]"
        elif char == "[" and (end := step.find("]", position + 1)) > 0:
            pieces[-1] += _set_pattern(step[position:end])
            position = end + 1
        else:
            pieces[-1] += re.escape(char)
    first, *rest = pieces
    if not rest:
        return first
    return first + "".join(f"(?>[^/]*?{piece})" for piece in rest[:-1]) + f"[^/]*{rest[-1]}"


def _set_pattern(inside: str) -> str:
    """`[inside]`; by its letters where it is no set, as a range that runs backwards."""
    negated = "^/" if inside[0] in "!^" else ""
    # Ends of ranges are escaped one by one: bare, two signs in a row may mean set operations.
    body = re.sub(
        r"(.)-(.)|(.)",
        lambda m: re.escape(m[3]) if m[3] else f"{re.escape(m[1])}-{re.escape(m[2])}",
        inside[1:] if negated else inside,
        flags=re.DOTALL,
    )
    try:
        return f"(?!/){re.compile(f'[{negated}{body}]').pattern}"
    except re.error:
        return re.escape(f"[{inside}]")


class Globs:
    """Several globs at once, asked of every name of a layer, so sorted by their last step."""

    def __init__(self, globs: Iterable[str]) -> None:
        """Compile `globs`."""
        self.globs = tuple(dict.fromkeys("/".join(steps(g)) for g in globs))
        by_name: dict[str, list[str]] = {}
        others: list[str] = []
        for glob in self.globs:
            last = glob.rpartition("/")[2]
            group = others if set(last) & set("*?[") else by_name.setdefault(last, [])
            group.append(glob_pattern(glob).pattern)
        self._by_name = {name: _any_of(patterns) for name, patterns in by_name.items()}
        self._others = _any_of(others) if others else None

    def __call__(self, path: str) -> bool:
        """Whether a glob matches `path`."""
        pattern = self._by_name.get(path[path.rfind("/") + 1 :])
        if pattern is not None and pattern.fullmatch(path):
            return True
        return self._others is not None and self._others.fullmatch(path) is not None


def _any_of(patterns: list[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{p})" for p in patterns), re.DOTALL)
