"""Tables and trees for a terminal, by rich, which is loaded when the first one is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from provenance.display.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.table import Table
    from rich.text import Text
    from rich.tree import Tree

__all__ = ["Branch", "facts", "grid", "plain", "tree"]

Branch: TypeAlias = "tuple[str, Sequence[Branch]]"
"""A label, and the branches below it."""


def plain(text: object, style: str = "") -> Text:
    """Text without markup: brackets and control characters in it do nothing."""
    from rich.text import Text

    return Text(visible(str(text)), style=style)


def grid(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "") -> Table:
    """A table with headings. Long cells fold, they are not cut."""
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*(plain(cell) for cell in row))
    return made


def facts(pairs: Mapping[str, object]) -> Table:
    """Names and values, side by side."""
    from rich.table import Table

    made = Table.grid(padding=(0, 2))
    made.add_column(style="dim")
    made.add_column(overflow="fold")
    for name, value in pairs.items():
        made.add_row(plain(name), plain(value))
    return made


def tree(root: str, branches: Sequence[Branch]) -> Tree:
    """A tree of labels."""
    from rich.tree import Tree

    made = Tree(plain(root))
    _grow(made, branches)
    return made


def _grow(parent: Tree, branches: Sequence[Branch]) -> None:
    for label, below in branches:
        _grow(parent.add(plain(label)), below)
