"""How many requests run and wait at once, and the end of taking any."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic

from syscard.serve.problem import draining, full

USUAL = 5.0  # seconds that a request takes, until one has been seen
MEMORY = 0.8  # share of what was known that stays when a request has ended


class Gate:
    """Lets `running` requests through at once and `waiting` more wait; refuses others at once."""

    def __init__(self, running: int, waiting: int) -> None:
        self._free = asyncio.Semaphore(running)
        self._running, self._waiting = running, waiting
        self._usual = USUAL
        self._emptied: Callable[[], None] | None = None
        self.inside = 0  # running and waiting

    @property
    def draining(self) -> bool:
        """Whether no more requests are taken."""
        return self._emptied is not None

    def drain(self, emptied: Callable[[], None]) -> None:
        """Take no more, and call `emptied` when the last one that was taken has left."""
        self._emptied = emptied
        if not self.inside:
            emptied()

    def check(self) -> None:
        """Refuse a request that could not enter now.

        Raises:
            Problem: the server is stopping (503), or too many are waiting (429).
        """
        if self.draining:
            raise draining()
        if self.inside >= self._running + self._waiting:
            turns = math.ceil((self._waiting + 1) / self._running)
            raise full(self.inside - self._running, max(1, round(turns * self._usual)))

    @asynccontextmanager
    async def enter(self) -> AsyncIterator[None]:
        """A place inside, held until the work has ended or was cancelled.

        Raises:
            Problem: as `check` does.
        """
        self.check()
        self.inside += 1
        try:
            async with self._free:
                started = monotonic()
                yield
                took = monotonic() - started
                self._usual = MEMORY * self._usual + (1 - MEMORY) * took
        finally:
            self.inside -= 1
            if self._emptied is not None and not self.inside:
                self._emptied()
