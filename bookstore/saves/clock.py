"""Give saves increasing times, so that they keep their order."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

_SLEWING = 10_000_000  # nanoseconds by which a clock may be held back without being set back


class SaveClock:
    """Return increasing times.

    Parameters
    ----------
    newest : callable
        Return the newest time that any server has given to a save that still waits, in nanoseconds.

    Notes
    -----
    Once the machine's clock was set back, other servers give times that it has yet to reach: until
    then the newest of them is asked for.
    """

    def __init__(self, newest: Callable[[], int]) -> None:
        self._newest = newest
        self._last = 0
        self._ahead = math.inf  # nanoseconds before the monotonic clock, which is never set back
        self._lock = threading.Lock()

    def next(self) -> int:
        """Return the time of the next save, in nanoseconds since the epoch."""
        with self._lock:
            now = time.time_ns()
            ahead = now - time.monotonic_ns()
            if now <= self._last or ahead < self._ahead - _SLEWING:
                self._last = max(self._last, self._newest())
            self._ahead = ahead
            self._last = max(now, self._last + 1)
            return self._last
