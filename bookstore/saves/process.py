"""Run the uploader in a process of its own, while saves wait or have just come.

In a thread it would share the server's interpreter: an upload costs about as much Python as a save.
Two pipes join the two: settings go in on standard input, then a line for each save; JSON lines come
out on a descriptor of their own, with what became of the saves. The other end is
:mod:`bookstore.saves.worker`, which exits when it has been idle for a while.
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
_LAST_WAIT = 1.0  # seconds until a killed one has ended


class UploaderProcess:
    """Start the process, start it again when it is needed, and pass on its events.

    Parameters
    ----------
    settings : BookstoreSettings
    log : Logger
        Receives the process's messages.
    on_event : callable
        Called with each event, in a thread of its own.
    has_pending : callable
        Whether saves wait; may raise `OSError`.
    """

    def __init__(
        self,
        settings: BookstoreSettings,
        log: Logger,
        on_event: Callable[[Event], None],
        has_pending: Callable[[], bool],
    ) -> None:
        self._settings = settings
        self._log = log
        self._on_event = on_event
        self._has_pending = has_pending
        self._is_needed = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._to_process: IO[bytes] | None = None
        self._woken_at = -math.inf
        self._closing = threading.Event()
        self._starting = threading.Lock()
        self._thread = threading.Thread(target=self._supervise, name="bookstore", daemon=True)

    def start(self) -> None:
        """Start the process in the background, if that was not done before."""
        with self._starting:
            if self._thread.ident:
                return
            try:
                self._thread.start()
            except RuntimeError as error:  # there can be no more threads; saves wait on disk
                self._log.error("Bookstore: saves cannot be uploaded: %s.", error)

    def wake(self) -> None:
        """Notify the process of a new save, or start it anew; never waits."""
        self._is_needed.set()
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
        """End the process; it may upload what is pending for `shutdown_timeout` before."""
        self._closing.set()
        self._is_needed.set()
        if not self._thread.is_alive():
            return
        self._hang_up()
        self._thread.join(self._settings.shutdown_timeout + _GRACE)
        if self._process and self._process.poll() is None:
            self._process.kill()
            with suppress(subprocess.TimeoutExpired):  # its lock is free when it has ended
                self._process.wait(_LAST_WAIT)

    def _supervise(self) -> None:
        delays = retry_delays()
        while not self._closing.is_set():
            started = time.monotonic()
            code = self._run()
            if code == 0:  # it was idle, or is to end
                delays = retry_delays()
                self._wait_until_needed()
                continue
            if self._closing.is_set():
                return
            if code is not None:
                self._log.warning("Bookstore: the uploader ended with %s; starting it again.", code)
            if time.monotonic() - started > _LONG_LIFE:
                delays = retry_delays()
            self._closing.wait(next(delays))

    def _run(self) -> int | None:
        """Run the process until it ends; return its exit code, or None if it did not start."""
        try:
            self._process, events = self._start()
        except OSError as error:
            self._log.error("Bookstore: the uploader cannot be started: %s.", error)
            return None
        with events:
            for line in events:
                try:
                    event = json.loads(line)
                    if event["event"] == "log":
                        self._log.log(event["level"], "Bookstore: %s", event["message"])
                    else:
                        self._on_event(event)
                except Exception:  # whatever it is, the next event is passed on
                    self._log.exception("Bookstore: an event of the uploader was not understood.")
        return self._process.wait()

    def _wait_until_needed(self) -> None:
        # A save that came while the process was about to exit was not noticed by it, but is there.
        self._is_needed.clear()
        with suppress(OSError):
            if self._closing.is_set() or self._has_pending():
                return
        self._is_needed.wait()

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
        with suppress(BrokenPipeError):  # it has ended, and its exit code says so
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
