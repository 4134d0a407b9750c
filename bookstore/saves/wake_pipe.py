"""Notify the uploader of saves, by a named pipe that any process on this machine may write to."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class WakePipe:
    """Notify another process, or be notified.

    Parameters
    ----------
    file : Path
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def wake(self) -> None:
        """Notify the process that listens, if there is one."""
        with suppress(OSError):  # nobody reads, or the pipe is full
            pipe = os.open(self._file, os.O_WRONLY | os.O_NONBLOCK)
            try:
                os.write(pipe, b"\n")
            finally:
                os.close(pipe)

    @contextmanager
    def listen(self, on_wake: Callable[[], None]) -> Iterator[None]:
        """Call a function in the event loop when a process calls `wake`.

        Parameters
        ----------
        on_wake : callable
        """
        loop = asyncio.get_running_loop()
        with suppress(OSError):  # it is there, or the file system has no named pipes
            os.mkfifo(self._file, mode=0o600)
        try:
            # Opened for writing, too, it does not end when a writer closes it.
            pipe = os.open(self._file, os.O_RDWR | os.O_NONBLOCK)
        except OSError:
            yield  # saves of others are found by looking
            return

        def read() -> None:
            with suppress(BlockingIOError):
                os.read(pipe, 1 << 16)
            on_wake()

        loop.add_reader(pipe, read)
        try:
            yield
        finally:
            loop.remove_reader(pipe)
            os.close(pipe)
