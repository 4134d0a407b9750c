"""Run in the uploader's process: one uploader, and its reports to the server.

It exits when it has been idle for two minutes, or when its standard input ends, that is with its
server, also with one that was killed; it may first upload what is pending, for `shutdown_timeout`.
Of several processes on one outbox only one uploads. The others wait for its lock while saves wait,
and wake it through a named pipe.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from logging import ERROR, INFO, WARNING
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ..bookstore_config import BookstoreSettings
from ..storage import (
    OF_THE_WHOLE_STORE,
    LocalOptions,
    NotVersioned,
    S3Options,
    Store,
    StoreCheck,
    StoreError,
    Version,
    open_store,
)
from ..storage.base import format_time, utc_now
from ..storage.index import identity
from . import holders
from .identities import Identities
from .outbox import Outbox, Save, UnreadableSave
from .status import Archived, Report, Trouble
from .uploader import Uploader

_NICENESS = 10  # what people compute goes before what we upload
_LOCK_INTERVAL = 5.0  # seconds between attempts to become the one that uploads
_CHECK_INTERVAL = 15.0  # seconds until a store that was not well is asked again
_COUNT_INTERVAL = 0.2  # seconds between counts of what waits, at least
IDLE_TIME = 120.0  # seconds without a save, and with none pending, after which it exits
_BEAT_INTERVAL = 10.0  # seconds between two signs of life while saves wait


class Reporting:
    """Report what becomes of saves: as events to the server, and in a file to all that share it."""

    def __init__(self, outbox: Outbox, events: int) -> None:
        self._outbox = outbox
        self._events = events  # a descriptor
        self._told: set[str] = set()  # problems, until the store takes saves again
        self._is_outage = False
        self._last_check: StoreCheck | None = None
        self._queued: set[str] = set()  # ids of saves
        self.changed = asyncio.Event()
        self._report = self._written = Report.read(outbox.report_file)

    def queued(self, save: Save) -> None:
        self._queued.add(save.save_id)
        self.changed.set()

    def archived(self, save: Save, version: Version | None) -> None:
        now = utc_now()
        if self._is_outage:
            self._is_outage = False
            self._told.clear()
            self.log(INFO, "the store takes saves again.")
            if self._last_check and self._last_check.versioned is False:
                self._note_check(StoreCheck(versioned=True))
        if version is not None:
            self._note(
                last_archived=Archived(
                    path=save.path,
                    version_id=version.version_id,
                    saved_at=format_time(save.saved_at),
                    archived_at=format_time(now),
                )
            )
            self._emit("archived", seconds=max(0.0, (now - save.saved_at).total_seconds()))
        self._queued.discard(save.save_id)
        if not self._queued:  # of many, only now and then one is written, and the last
            self._write()
        self.changed.set()

    def failed(self, save: Save, error: Exception) -> None:
        problem = str(error) if isinstance(error, StoreError) else _unexpected(error)
        self._note_error(save.path, problem)
        self._is_outage |= isinstance(error, OF_THE_WHOLE_STORE)
        if isinstance(error, NotVersioned):
            self._note_check(StoreCheck(versioned=False, problem=problem))
        if problem not in self._told:
            self._told.add(problem)
            self.log(WARNING, f"{save.path} waits to be archived. {problem}")

    def unreadable(self, save_id: str, error: UnreadableSave) -> None:
        self._queued.discard(save_id)
        message = (
            f"The save {save_id} cannot be archived: {error}."
            f" Its file is kept in {self._outbox.set_aside_directory}."
        )
        self._note_error(None, message)
        self.log(ERROR, message)

    def checked(self, answer: StoreCheck) -> None:
        """Record the store's check."""
        if answer.problem and answer != self._last_check:
            self.log(WARNING, answer.problem)
        self._note_check(answer)

    def _note_check(self, answer: StoreCheck) -> None:
        self._last_check = answer
        self._note(versioned=answer.versioned, problem=answer.problem)
        self._write()

    @property
    def has_problem(self) -> bool:
        """Return whether something is wrong with the store, which is asked until it is not."""
        return bool(self._last_check and self._last_check.problem)

    def log(self, level: int, message: str) -> None:
        """Write to the server's log."""
        self._emit("log", level=level, message=message)

    async def keep_counting(self) -> None:
        """Report what has changed since, and how many saves wait."""
        while True:
            await self.changed.wait()
            self.changed.clear()
            self.count()
            await asyncio.sleep(_COUNT_INTERVAL)

    def count(self) -> None:
        """Report how many saves wait."""
        self._write()
        self._emit("counts", pending=self._outbox.pending(), failed=self._outbox.unreadable())

    def _note_error(self, path: str | None, message: str) -> None:
        self._note(last_error=Trouble(path=path, message=message, at=format_time(utc_now())))
        self._write()
        self.changed.set()

    def _note(self, **changes: Any) -> None:
        self._report = replace(self._report, **changes)

    def _write(self) -> None:
        """Write the report, unless it is written already."""
        if self._report is not self._written:
            self._written = self._report
            # Where there is no room for it, uploading goes on.
            with suppress(OSError):
                self._report.write(self._outbox.report_file)

    def _emit(self, event: str, **fields: Any) -> None:
        # The server may be gone already. Nothing is buffered that Python would want to write then.
        with suppress(OSError):
            os.write(self._events, json.dumps({"event": event, **fields}).encode() + b"\n")


def _unexpected(error: Exception) -> str:
    return f"Unexpectedly: {type(error).__name__}: {error}."


def main() -> None:
    """Run the uploader: settings come on standard input, and a line for each save.

    The command line names the descriptor for events; what libraries print does not get there.
    """
    with suppress(OSError):
        os.nice(_NICENESS)
    settings = BookstoreSettings(**json.loads(sys.stdin.buffer.readline()))
    if options := settings.store_options():
        asyncio.run(_work(settings, options, int(sys.argv[1])))


async def _work(
    settings: BookstoreSettings, options: LocalOptions | S3Options, events: int
) -> None:
    outbox = Outbox(settings.local_path, options.url)
    report = Reporting(outbox, events)
    life = Life()
    life.listen()
    try:
        outbox.create()
        outbox.sweep()
        async with _uploader_lock(outbox, life) as is_locked:
            if is_locked:
                await _upload(settings, options, outbox, report, life)
    except (OSError, NotImplementedError) as error:  # the latter: a disk without locks
        report.log(ERROR, f"saves cannot be uploaded from {outbox.directory}: {error}.")
        sys.exit(1)


async def _upload(
    settings: BookstoreSettings,
    options: LocalOptions | S3Options,
    outbox: Outbox,
    report: Reporting,
    life: Life,
) -> None:
    """Upload with the lock held; only now is the store's client imported."""
    identities = Identities(outbox.directory)
    identities.compact()
    store = open_store(options)
    uploader = Uploader(
        outbox,
        store,
        report,
        identities,
        max_threads=settings.max_threads,
        skip_unchanged=settings.skip_unchanged,
    )
    life.on_wake = uploader.wake
    try:
        with outbox.wake_pipe.listen(uploader.wake):
            uploader.wake()  # by saves that came before
            await _upload_until(life, outbox, uploader, store, report)
        if life.ended.is_set():
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(uploader.drain(), settings.shutdown_timeout)
        report.count()
    finally:
        await store.close()


class Life:
    """Follow how long the process is to live: with its server, and while it is needed.

    Attributes
    ----------
    ended : asyncio.Event
        Set when standard input ends, or at SIGTERM.
    on_wake : callable
        Called for each line of standard input, by which the server notifies of a save.
    """

    def __init__(self) -> None:
        self.ended = asyncio.Event()
        self.on_wake: Callable[[], None] = lambda: None
        self._needed_at = time.monotonic()

    def listen(self) -> None:
        """Read standard input in a thread."""
        loop = asyncio.get_running_loop()

        def read() -> None:
            with suppress(RuntimeError):  # the loop is closed
                while os.read(sys.stdin.fileno(), 1 << 16):
                    loop.call_soon_threadsafe(self._wake)
                loop.call_soon_threadsafe(self.ended.set)

        threading.Thread(target=read, daemon=True).start()
        signal.signal(signal.SIGTERM, lambda *_: loop.call_soon_threadsafe(self.ended.set))

    def _wake(self) -> None:
        self.needed()
        self.on_wake()

    def needed(self) -> None:
        """Record that there is work, or was a moment ago."""
        self._needed_at = time.monotonic()

    @property
    def idle_time(self) -> float:
        """Seconds since there was work."""
        return time.monotonic() - self._needed_at


@asynccontextmanager
async def _uploader_lock(outbox: Outbox, life: Life) -> AsyncIterator[bool]:
    """Acquire the outbox's lock; yield False if told to stop, or not needed any more, before.

    The kernel releases the lock of a process that was killed.
    """
    lock = FileLock(outbox.lock_file, thread_local=False)
    life.on_wake = outbox.wake_pipe.wake
    while not (lock.is_locked or life.ended.is_set() or life.idle_time > IDLE_TIME):
        try:
            lock.acquire(timeout=0)
        except Timeout:
            if outbox.pending():
                life.needed()
                outbox.wake_pipe.wake()
                holders.end_abandoned(outbox)
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(life.ended.wait(), _LOCK_INTERVAL)
    if lock.is_locked:
        holders.record(outbox)
    try:
        yield lock.is_locked
    finally:
        lock.release()


async def _watch(lock_file: Path) -> None:
    """Raise `FileNotFoundError` when our lock is in nobody's way: somebody has removed its file."""
    ours = identity(lock_file)
    while identity(lock_file) == ours:  # noqa: ASYNC110 - nobody tells us
        await asyncio.sleep(_LOCK_INTERVAL)
    raise FileNotFoundError(errno.ENOENT, "the outbox was removed", str(lock_file))


async def _be_idle(life: Life, outbox: Outbox, uploader: Uploader, report: Reporting) -> None:
    """Return when there was no work for a while; show signs of life while there is."""
    while life.idle_time < IDLE_TIME or outbox.pending() or report.has_problem:
        if uploader.is_busy:
            life.needed()
            os.utime(outbox.lock_file)
        await asyncio.sleep(_BEAT_INTERVAL)


async def _upload_until(
    life: Life, outbox: Outbox, uploader: Uploader, store: Store, report: Reporting
) -> None:
    """Upload until told to stop, or idle."""

    async def check() -> None:
        while True:
            answer = await store.check()
            report.checked(answer)
            if not answer.problem:
                return
            await asyncio.sleep(_CHECK_INTERVAL)

    working = [
        asyncio.create_task(work)
        for work in (
            uploader.run(),
            report.keep_counting(),
            _watch(outbox.lock_file),
            _be_idle(life, outbox, uploader, report),
        )
    ]
    beside = [asyncio.create_task(check()), asyncio.create_task(life.ended.wait())]
    await asyncio.wait([*working, beside[1]], return_when=asyncio.FIRST_COMPLETED)
    for task in (*working, *beside):
        task.cancel()
    for outcome in await asyncio.gather(*working, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome
