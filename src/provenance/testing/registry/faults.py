"""Faults in force: which requests each one strikes, and when. What they do is misbehaviour.py's."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from provenance.testing.registry.messages import Request, Response

if TYPE_CHECKING:
    from typing import Unpack

__all__ = ["After", "Before", "Fault", "Faults", "When"]

Before = Callable[[Request], Request | Response]
"""Before the registry does anything: the request to go on with, or the answer instead."""
After = Callable[[Request, Response], "Response | None"]
"""When it is done: the answer in the place of its own; None leaves it."""


class When(TypedDict, total=False):
    """Which of the requests that match are struck."""

    method: str | None
    """HTTP method; None: every one."""
    skip: int
    """Of those that match, let so many pass first."""
    times: int | None
    """Then strike so many; None: all that follow."""


@dataclass(eq=False)
class Fault:
    """One way to misbehave. `hits` counts; `remove()` takes it back."""

    owner: Faults
    pattern: re.Pattern[str]
    before: Before | None = None
    after: After | None = None
    digest: str = ""
    """Only for answers that carry this blob or manifest."""
    method: str | None = None
    skip: int = 0
    times: int | None = None
    passed: int = 0
    """Matches that were let pass."""
    hits: int = 0

    def strikes(self, request: Request, response: Response | None) -> bool:
        """Whether this request is one to strike; counts it. Call it under the owner's lock."""
        if self.times is not None and self.hits >= self.times:
            return False
        if self.method not in {None, request.method} or not self.pattern.search(request.path):
            return False
        if self.digest and (response is None or response.digest != self.digest):
            return False
        if self.passed < self.skip:
            self.passed += 1
            return False
        self.hits += 1
        return True

    def remove(self) -> None:
        """Behave again."""
        self.owner.remove(self)


class Faults:
    """The faults in force, in the order they were added."""

    def __init__(self) -> None:
        """Start well behaved."""
        self._faults: list[Fault] = []
        self._fault_lock = threading.Lock()

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Those in force."""
        return tuple(self._faults)

    def clear_faults(self) -> None:
        """Behave again."""
        with self._fault_lock:
            self._faults.clear()

    def remove(self, fault: Fault) -> None:
        """Take one fault back; no complaint if it is gone."""
        with self._fault_lock:
            if fault in self._faults:
                self._faults.remove(fault)

    def _arriving(self, request: Request) -> Request | Response:
        """What the faults make of a request: another one, or an answer at once."""
        for fault in self.faults:
            if fault.before is None or not self._struck(fault, request, None):
                continue
            outcome = fault.before(request)
            if isinstance(outcome, Response):
                return outcome
            request = outcome
        return request

    def _leaving(self, request: Request, response: Response) -> Response:
        """What the faults make of an answer."""
        for fault in self.faults:
            if fault.after is not None and self._struck(fault, request, response):
                response = fault.after(request, response) or response
        return response

    def _struck(self, fault: Fault, request: Request, response: Response | None) -> bool:
        with self._fault_lock:
            return fault.strikes(request, response)

    def _add(
        self,
        pattern: str,
        after: After | None = None,
        *,
        before: Before | None = None,
        digest: str = "",
        **when: Unpack[When],
    ) -> Fault:
        fault = Fault(self, re.compile(pattern), before, after, digest, **when)
        with self._fault_lock:
            self._faults.append(fault)
        return fault
