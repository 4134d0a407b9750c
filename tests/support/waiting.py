"""Waiting for a condition instead of for a time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(
    condition: Callable[[], T | None], what: str, timeout: float = 30, interval: float = 0.02
) -> T:
    """Call `condition` until it answers something true, and return that.

    Parameters
    ----------
    condition
        Called without arguments. What it raises is not caught.
    what
        The thing waited for, as in "waited 30 s in vain for `what`".
    timeout, interval
        Seconds in all, and between two calls.

    Raises
    ------
    AssertionError
        When the time is over; the message holds the condition's last answer.
    """
    deadline = time.monotonic() + timeout
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout} s in vain for {what} (last: {answer!r})")
        time.sleep(interval)
