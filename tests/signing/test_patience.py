"""A time limit for calls that have none."""

from __future__ import annotations

import threading

import pytest

from provenance.signing.patience import within


def test_what_the_call_returns_is_returned() -> None:
    assert within(10, lambda: None) is None
    assert within(10, lambda: 7) == 7


def test_what_the_call_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        within(10, lambda: 1 // 0)


def test_a_call_that_takes_longer_is_given_up() -> None:
    release = threading.Event()
    with pytest.raises(TimeoutError):
        within(0.05, release.wait)
    release.set()
