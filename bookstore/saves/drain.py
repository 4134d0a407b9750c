"""Wait until saves are in the store, whichever process uploads them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from ..storage.base import format_time, utc_now
from .recorder import Recorder
from .status import ArchiveStatus

_POLL_INTERVAL = 0.1  # seconds
_PATIENCE = 5.0  # seconds without progress after which we give up because of an error
_LONGEST_WAIT = 120.0  # seconds without progress, nor an error


async def drained(
    recorder: Recorder, *, down_to: int = 0, on_pending: Callable[[int], None] = lambda _: None
) -> ArchiveStatus:
    """Upload pending saves, or wait for the server that does.

    Parameters
    ----------
    recorder : Recorder
    down_to : int
        How many saves may be left.
    on_pending : callable
        Called with how many are left, whenever that has changed.

    Returns
    -------
    ArchiveStatus
        The last of the recorder. More than `down_to` are pending if the store takes no more for
        now.

    Raises
    ------
    OSError
        If the outbox cannot be read.
    """
    pending = -1
    while True:
        left = await asyncio.to_thread(recorder.pending)
        error = await asyncio.to_thread(recorder.last_error)
        if left != pending:
            pending = left
            moved, moved_at = time.monotonic(), format_time(utc_now())
            on_pending(pending)
        waited = time.monotonic() - moved
        has_failed = error is not None and error.at >= moved_at and waited > _PATIENCE
        if pending <= down_to or has_failed or waited > _LONGEST_WAIT:
            return await asyncio.to_thread(recorder.archive_status)
        recorder.start()
        await asyncio.sleep(_POLL_INTERVAL)
