"""Whose turn it is: engines that share the processor compute one at a time."""

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from syscard.engine import Engine

NEVER = threading.Event()


def engine_that(does: Callable[[], None]) -> Engine:
    """An engine without weights, whose every request does this."""

    class Scripted(Engine):
        def __init__(self) -> None:
            self._closing = False

        def _stream(self, request: Mapping[str, Any], cancelled: threading.Event) -> list[bytes]:
            does()
            return [b"done"]

    return Scripted()


def test_two_engines_never_compute_at_once_and_one_batches_its_own_requests() -> None:
    lock, there, met = threading.Lock(), {"a": 0, "b": 0}, {"both": 0, "batch": 0}

    def computing(name: str) -> None:
        with lock:
            there[name] += 1
            met["both"] += min(there.values()) > 0
            met["batch"] = max(met["batch"], *there.values())
        time.sleep(0.02)
        with lock:
            there[name] -= 1

    engines = [engine_that(lambda name=name: computing(name)) for name in there]  # type: ignore[misc]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: engines[n % 4 == 3].complete({}, NEVER), range(24)))

    assert found == [[b"done"]] * 24
    assert met["both"] == 0
    assert met["batch"] > 1


def test_who_waits_gets_a_turn_although_the_other_is_always_busy() -> None:
    stop, turns = threading.Event(), threading.Event()
    busy, other = engine_that(lambda: time.sleep(0.01)), engine_that(turns.set)

    def keep_busy() -> None:
        while not stop.is_set():
            busy.complete({}, NEVER)

    with ThreadPoolExecutor(5) as pool:
        for _ in range(4):
            pool.submit(keep_busy)
        time.sleep(0.05)
        pool.submit(other.complete, {}, NEVER)
        waited = turns.wait(10)
        stop.set()

    assert waited


def test_a_request_that_is_cancelled_while_it_waits_ends_without_computing() -> None:
    release, computed = threading.Event(), []
    busy = engine_that(lambda: bool(release.wait(10)) and None)
    other = engine_that(lambda: computed.append(1))
    cancelled = threading.Event()

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(busy.complete, {}, NEVER)
        time.sleep(0.05)
        second = pool.submit(other.complete, {}, cancelled)
        cancelled.set()
        assert second.result(5) == []
        release.set()
        assert first.result(5) == [b"done"]

    assert not computed
