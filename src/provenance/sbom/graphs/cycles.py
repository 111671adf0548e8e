"""Strongly connected components, by Tarjan's algorithm with a stack of its own.

Source: R. Tarjan, "Depth-first search and linear graph algorithms", 1972.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["strong_components"]


def strong_components(table: Sequence[Sequence[int]]) -> list[list[int]]:
    """Groups of nodes that all reach each other; a node in no cycle is a group of its own.

    >>> strong_components([[1], [0], [0]])
    [[1, 0], [2]]

    Args:
        table: for each node, those it points to.
    """
    count = len(table)
    order = [-1] * count  # when a node was first met
    lowest = [0] * count  # the earliest node on the stack that it reaches
    waiting = bytearray(count)  # whether it is on the stack
    stack: list[int] = []
    groups: list[list[int]] = []
    met = 0
    for start in range(count):
        if order[start] >= 0:
            continue
        path = [(start, 0)]
        while path:
            node, position = path.pop()
            if position == 0:
                order[node] = lowest[node] = met
                met += 1
                stack.append(node)
                waiting[node] = 1
            else:  # back from the target before this position
                lowest[node] = min(lowest[node], lowest[table[node][position - 1]])
            targets = table[node]
            while position < len(targets):
                target = targets[position]
                position += 1
                if order[target] < 0:
                    path += [(node, position), (target, 0)]
                    break
                if waiting[target]:
                    lowest[node] = min(lowest[node], order[target])
            else:
                if lowest[node] == order[node]:
                    groups.append(_taken(stack, waiting, node))
    return groups


def _taken(stack: list[int], waiting: bytearray, last: int) -> list[int]:
    """What lies on the stack down to `last`."""
    group = []
    while True:
        node = stack.pop()
        waiting[node] = 0
        group.append(node)
        if node == last:
            return group
