"""Databases in text: blocks of lines between empty ones, and how many a file may have."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provenance.catalog.cataloger import Problem
from provenance.packages.package import Package

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from provenance.catalog.cataloger import Item

__all__ = ["blocks", "bounded"]

_GAP = re.compile(r"\n[ \t\r\n]*\n")
_MAX_PROBLEMS = 100  # told of one file
_MAX_RECORDS = 200_000  # of one file; the largest archives have a third of that


def blocks(text: str) -> Iterator[tuple[int, str]]:
    r"""Blocks of lines between empty ones, each with the number of its first line, from 1.

    A line of blanks is empty, and only `\n` ends one.
    """
    line, position = 1, 0
    for gap in _GAP.finditer(text):
        yield from _block(text[position : gap.start()], line)
        line += text.count("\n", position, gap.end())
        position = gap.end()
    yield from _block(text[position:], line)


def _block(text: str, line: int) -> Iterator[tuple[int, str]]:
    block = text.lstrip("\r\n")
    if block and not block.isspace():
        yield line + text.count("\n", 0, len(text) - len(block)), block.rstrip("\n")


def bounded(items: Iterable[Item], path: str) -> Iterator[Item]:
    """The items of one file, as many as a file of good will can have."""
    problems = read = 0
    for item in items:
        read += isinstance(item, Package | Problem)
        if read > _MAX_RECORDS:
            yield Problem(path, f"more than {_MAX_RECORDS} records: the rest is not read")
            return
        if isinstance(item, Problem):
            problems += 1
            if problems == _MAX_PROBLEMS + 1:
                yield Problem(path, f"more than {_MAX_PROBLEMS} records cannot be read")
            if problems > _MAX_PROBLEMS:
                continue
        yield item
