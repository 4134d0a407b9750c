"""The uploader in a process of its own, as the server sees it.

In a thread it would share the server's interpreter: an upload costs about as much Python as a save.
Two pipes join the two: settings go in on standard input, then a line for each save; JSON lines come
out on a descriptor of their own, with what became of the saves. What runs at the other end is
:mod:`bookstore.saves.worker`.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from logging import Logger
from typing import IO, Any, cast

from ..bookstore_config import BookstoreSettings
from .circuit_breaker import retry_delays
from .uploader import CALM

Event = dict[str, Any]

_LONG_LIFE = 60.0  # seconds after which an uploader that ends is not taken for one that cannot run
_GRACE = 5.0  # seconds beyond shutdown_timeout until an uploader that does not end is killed


class UploaderProcess:
    """The server's end: starts the process, keeps it running, hears its events.

    Parameters
    ----------
    settings : BookstoreSettings
    log : Logger
        Where its messages go.
    on_event : callable
        Called with each event, in a thread of its own.
    """

    def __init__(
        self, settings: BookstoreSettings, log: Logger, on_event: Callable[[Event], None]
    ) -> None:
        self._settings = settings
        self._log = log
        self._on_event = on_event
        self._process: subprocess.Popen[bytes] | None = None
        self._to_process: IO[bytes] | None = None
        self._woken_at = -math.inf
        self._closing = threading.Event()
        self._starting = threading.Lock()
        self._thread = threading.Thread(target=self._supervise, name="bookstore", daemon=True)

    def start(self) -> None:
        """Start the process in the background, once."""
        with self._starting:
            if self._thread.ident:
                return
            try:
                self._thread.start()
            except RuntimeError as error:  # there can be no more threads; saves wait on disk
                self._log.error("Bookstore: saves cannot be uploaded: %s.", error)

    def wake(self) -> None:
        """Say that there is a new save; never waits."""
        # Once woken it waits for CALM before it reads the outbox, so that one wake-up is enough for
        # all saves of that time.
        if time.monotonic() - self._woken_at < CALM / 2:
            return
        if self._to_process:
            # A full pipe wakes it all the same; one that just ended looks when it starts anew.
            with suppress(OSError, ValueError):
                os.write(self._to_process.fileno(), b"\n")
                self._woken_at = time.monotonic()

    def close(self) -> None:
        """Let it upload what is pending, for `shutdown_timeout` at most, and end it."""
        self._closing.set()
        if not self._thread.is_alive():
            return
        self._hang_up()
        self._thread.join(self._settings.shutdown_timeout + _GRACE)
        if self._process and self._process.poll() is None:
            self._process.kill()

    def _supervise(self) -> None:
        delays = retry_delays()
        while not self._closing.is_set():
            started = time.monotonic()
            try:
                self._process, events = self._start()
            except OSError as error:
                self._log.error("Bookstore: the uploader cannot be started: %s.", error)
            else:
                with events:
                    self._listen(events)
                code = self._process.wait()
                if self._closing.is_set():
                    return
                self._log.warning("Bookstore: the uploader ended with %s; starting it anew.", code)
            if time.monotonic() - started > _LONG_LIFE:
                delays = retry_delays()
            self._closing.wait(next(delays))

    def _start(self) -> tuple[subprocess.Popen[bytes], IO[bytes]]:
        """Start the process; give it, and where its events come out."""
        events, to_us = os.pipe()
        try:
            process = self._start_process(to_us)
        except OSError:
            os.close(events)
            raise
        finally:
            os.close(to_us)
        to_process = cast(IO[bytes], process.stdin)
        # Not on the command line and not in the environment: both can be read by others.
        to_process.write(json.dumps(self._settings.values()).encode() + b"\n")
        to_process.flush()
        os.set_blocking(to_process.fileno(), False)
        self._to_process = to_process
        if self._closing.is_set():
            self._hang_up()
        return process, open(events, "rb")

    @staticmethod
    def _start_process(events: int) -> subprocess.Popen[bytes]:
        # Its sys.path is ours. The working directory, which -m would put in front, is full of
        # people's own modules.
        code = (
            f"import sys; sys.path[:] = {sys.path!r};"
            " from bookstore.saves.worker import main; main()"
        )
        return subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", code, str(events)],
            stdin=subprocess.PIPE,
            pass_fds=(events,),
            # Not in the server's process group: Ctrl-C in its terminal must not cut uploads off.
            start_new_session=True,
        )

    def _hang_up(self) -> None:
        if self._to_process:
            with suppress(OSError):
                self._to_process.close()

    def _listen(self, events: IO[bytes]) -> None:
        for line in events:
            event = json.loads(line)
            if event["event"] == "log":
                self._log.log(event["level"], "Bookstore: %s", event["message"])
            else:
                self._on_event(event)
