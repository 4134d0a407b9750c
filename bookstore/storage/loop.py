"""Run coroutines that use stores in a thread with an event loop of its own.

Signing, hashing and TLS of a large body must not stall the server's loop.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future, TimeoutError
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")

_PATIENCE = 5.0  # seconds for connections to be closed


class StoreLoop:
    """Run coroutines in a thread, which is started with the first one."""

    def __init__(self) -> None:
        self._starting = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Await a coroutine that runs in the thread; cancelling one cancels the other."""
        return await asyncio.wrap_future(self.submit(work))

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Start a coroutine in the thread."""
        return asyncio.run_coroutine_threadsafe(work, self._started())

    def close(self, last: Coroutine[Any, Any, None]) -> None:
        """Cancel what runs, run one last coroutine, and end the thread."""
        loop, self._loop = self._loop, None
        if loop is None or self._thread is None:
            last.close()
            return
        with suppress(TimeoutError):  # what does not end by itself ends with the process
            asyncio.run_coroutine_threadsafe(self._finish(last), loop).result(_PATIENCE)
            loop.call_soon_threadsafe(loop.stop)
            self._thread.join()
            loop.close()

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name="bookstore-stores", daemon=True
                )
                self._thread.start()
            return self._loop

    async def _finish(self, last: Coroutine[Any, Any, None]) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await last
        await asyncio.get_running_loop().shutdown_asyncgens()
