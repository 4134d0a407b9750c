"""Limit uploads while the store is down: one at a time probes it, the others wait."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress

FIRST_DELAY = 1.0  # seconds until what failed is tried again
LONGEST_DELAY = 15.0


def retry_delays() -> Iterator[float]:
    """Yield the seconds to wait after each failure in a row; no two that wait keep in step."""
    delay = FIRST_DELAY
    while True:
        yield delay * random.uniform(0.75, 1)  # noqa: S311
        delay = min(2 * delay, LONGEST_DELAY)


class Outage:
    """Circuit breaker: while the store is down, one upload at a time probes it."""

    def __init__(self) -> None:
        self._is_on = False
        self._is_ignored = False
        self._is_probed = False  # an upload tries, or is the next to try
        self._next_probe = 0.0  # by the monotonic clock
        self._delays = retry_delays()
        self._change = asyncio.Condition()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for one's turn to upload: at once without an outage, in it as the only one."""
        async with self._change:
            await self._change.wait_for(lambda: self._is_over or not self._is_probed)
            probes = not self._is_over
            self._is_probed = self._is_probed or probes
        try:
            if probes:
                await self._until_the_next_probe()
            yield
        finally:
            if probes:
                async with self._change:
                    self._is_probed = False
                    self._change.notify_all()
                await asyncio.sleep(0)  # those who waited come before who has just tried

    def note(self) -> bool:
        """Record that the store failed in one's turn; return whether an outage begins with it."""
        begins = not self._is_on
        if begins:
            self._is_on = True
            self._delays = retry_delays()
        # Uploads that were under way when it began fail before that time: they are no probes.
        if begins or time.monotonic() >= self._next_probe:
            self._next_probe = time.monotonic() + next(self._delays)
        return begins

    async def end(self) -> None:
        """Record that the store has answered: who waits may go on."""
        if self._is_on:
            self._is_on = False
            await self._announce()

    async def ignore(self) -> None:
        """Let everybody try from now on, outage or not."""
        self._is_ignored = True
        await self._announce()

    @property
    def _is_over(self) -> bool:
        return self._is_ignored or not self._is_on

    async def _announce(self) -> None:
        async with self._change:
            self._change.notify_all()

    async def _until_the_next_probe(self) -> None:
        async def over() -> None:
            async with self._change:
                await self._change.wait_for(lambda: self._is_over)

        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(over(), max(0.0, self._next_probe - time.monotonic()))
