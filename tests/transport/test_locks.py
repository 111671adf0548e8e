from __future__ import annotations

import os
import signal
import threading

import pytest

from provenance.transport.locks import Lock


def test_one_at_a_time_holds_it() -> None:
    lock, order = Lock(), list[str]()

    def second() -> None:
        with lock:
            order.append("second")

    thread = threading.Thread(target=second)
    with lock:
        thread.start()
        assert not lock.acquire(timeout=0.01)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    assert lock.acquire(timeout=0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks there")
def test_a_child_finds_it_open_and_leaves_its_parent_s_alone() -> None:
    lock = Lock()
    with lock:
        child = os.fork()
        if child == 0:
            signal.alarm(30)  # ends one that waits for ever
            lock.release()  # as the end of a `with` that the fork was in
            with lock:
                os._exit(0 if not lock.acquire(timeout=0) else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert not lock.acquire(timeout=0)
