"""`Turns`: who asks a server that says "too many requests" waits in one line, not each on its own.

Source: RFC 6585 section 4. Sixteen threads that each wait and come back together are refused
together again; one after the other they get through.
"""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from provenance.transport import stopping
from provenance.transport.locks import Lock

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["TurnIsFar", "TurnNeverCame", "Turns"]

_CALM = 5.0
"""Seconds without a refusal, after which everybody may ask at once again."""


class TurnNeverCame(Exception):
    """The deadline passed in the line."""


class TurnIsFar(Exception):
    """The server wants to be asked no sooner than in `seconds`, which nobody waits."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Turns:
    """The line before one origin; while it has refused nobody, there is none."""

    def __init__(self) -> None:
        """Nobody has been refused yet."""
        self._line = Lock()
        self._until = 0.0
        self._calm = 0.0

    @contextmanager
    def turn(self, deadline: float, longest: float = math.inf) -> Iterator[None]:
        """One's turn, for the time of a `with`.

        Raises:
            TurnIsFar: the server asked for a wait that has more than `longest` seconds left.
            TurnNeverCame: it would come after `deadline` (monotonic seconds).
        """
        if time.monotonic() >= self._calm:
            yield
            return
        while not self._line.acquire(timeout=stopping.LOOK):
            stopping.check()
            if time.monotonic() > deadline:
                raise TurnNeverCame
        try:
            pause = self._until - time.monotonic()
            if pause > longest:
                raise TurnIsFar(pause)
            if pause > deadline - time.monotonic():
                raise TurnNeverCame
            if pause > 0:
                stopping.pause(pause)
            yield
        finally:
            self._line.release()

    def refuse(self, wait: float) -> None:
        """Let nobody ask for `wait` seconds, and then one at a time until it is calm again."""
        now = time.monotonic()
        self._until = max(self._until, now + wait)
        self._calm = max(self._calm, now + wait + _CALM)
