"""SPDX expressions taken apart: operands and operators, without recursion.

Source: SPDX 2.3 annex D. What comes in is canonical already (`licenses.normalise`).
"""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["AND", "OR", "postfix", "same_license"]

AND, OR = "AND", "OR"
_WORDS = re.compile(r"\(|\)|[^\s()]+")
_BINDS = {OR: 1, AND: 2}


@lru_cache(maxsize=8192)
def postfix(expression: str) -> tuple[str, ...]:
    """Operands (`X`, `X WITH Y`) and `AND`, `OR` in postfix order.

    >>> postfix("MIT OR GPL-2.0-only WITH Classpath-exception-2.0 AND ISC")
    ('MIT', 'GPL-2.0-only WITH Classpath-exception-2.0', 'ISC', 'AND', 'OR')
    """
    found: list[str] = []
    waiting: list[str] = []
    operand: list[str] = []

    def end_operand() -> None:
        if operand:
            found.append(" ".join(operand))
            operand.clear()

    for word in _WORDS.findall(expression):
        if word not in (AND, OR, "(", ")"):
            operand.append(word)
            continue
        end_operand()
        while waiting and word != "(" and waiting[-1] != "(":
            if word != ")" and _BINDS[waiting[-1]] < _BINDS[word]:
                break
            found.append(waiting.pop())
        if word != ")":
            waiting.append(word)
        elif waiting:
            waiting.pop()
    end_operand()
    return (*found, *reversed([word for word in waiting if word != "("]))


@lru_cache(maxsize=8192)
def _flat(expression: str) -> tuple[str, frozenset[object]]:
    """The outermost operator and its operands, whatever their order."""
    stack: list[tuple[str, frozenset[object]]] = []
    for word in postfix(expression):
        if word not in (AND, OR):
            stack.append(("", frozenset((word,))))
        elif len(stack) > 1:
            right, left = stack.pop(), stack.pop()
            operands: frozenset[object] = frozenset()
            for side in (left, right):
                operands |= side[1] if side[0] in ("", word) else frozenset((side,))
            stack.append((word, operands) if len(operands) > 1 else left)
    return stack[-1] if stack else ("", frozenset())


def same_license(a: str, b: str) -> bool:
    """Whether two canonical expressions say the same, in whatever order.

    >>> same_license("MIT AND (A OR B)", "(B OR A) AND MIT")
    True
    """
    return a == b or _flat(a) == _flat(b)
