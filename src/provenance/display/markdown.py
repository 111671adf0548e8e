"""Markdown for pull requests. What strangers wrote is code: no link, no mention.

A backslash would not do: GitHub looks for mentions and issues in what has been rendered.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provenance.display.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["code", "document", "table"]

_CELL = 300
_TICKS = re.compile("`+")
_PIPES = re.compile(r"(\\*)\|")


def code(text: object) -> str:
    r"""`text` as a code span that may stand in a cell of a table; nothing for an empty one.

    >>> print(code("a|b"), code("`x`"))
    `a\|b` `` `x` ``
    """
    shown = visible(str(text))
    if len(shown) > _CELL:
        shown = f"{shown[:_CELL]}…"
    if not shown.strip():
        return ""
    # A backslash before a pipe would have to be told from ours.
    shown = _PIPES.sub(lambda m: f"{m[1]}\\x7c" if m[1] else "\\|", shown)
    ticks = "`" * (1 + max((len(run) for run in _TICKS.findall(shown)), default=0))
    pad = " " if shown[0] in "` " or shown[-1] in "` " else ""
    return f"{ticks}{pad}{shown}{pad}{ticks}"


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, total: int) -> str:
    """Rows under headings, and how many more of `total` there are. Headings are the caller's."""
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    lines += ["| " + " | ".join(code(cell) for cell in row) + " |" for row in rows]
    if total > len(rows):
        lines += ["", f"{total - len(rows):,} more of {total:,}"]
    return "\n".join(lines) + "\n"


def document(
    title: str,
    facts: Mapping[str, object],
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    total: int,
) -> str:
    """A heading, a list of facts, and a `table` if there are rows. Title and names are ours."""
    lines = [f"### {title}", "", *(f"- {name}: {code(value)}" for name, value in facts.items())]
    head = "\n".join(lines) + "\n"
    return f"{head}\n{table(columns, rows, total=total)}" if rows else head
