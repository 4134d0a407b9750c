"""What runs in the uploader's process: one uploader, and its reports to the server.

It ends when its standard input does, that is with its server, also with one that was killed; it may
first upload what is pending, for `shutdown_timeout`. Of several processes on one outbox only one
uploads; when it ends another takes over.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
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
from .identities import Identities
from .outbox import Outbox, Save, UnreadableSave
from .uploader import Uploader

_NICENESS = 10  # what people compute goes before what we upload
_LOCK_INTERVAL = 5.0  # seconds between attempts to become the one that uploads
_CHECK_INTERVAL = 15.0  # seconds until a store that was not well is asked again
_COUNT_INTERVAL = 0.2  # seconds between counts of what waits, at least


class Report:
    """Tells the server what becomes of saves, and everybody in a file beside the outbox.

    The file is there for servers that share the outbox with the one whose uploader it is.
    """

    def __init__(self, outbox: Outbox, events: int) -> None:
        self._outbox = outbox
        self._events = events  # a descriptor
        self._told: set[str] = set()  # problems, until the store takes saves again
        self._is_outage = False
        self._last_check: StoreCheck | None = None
        self.changed = asyncio.Event()
        self.state: dict[str, Any] = {"last_archived": None, "last_error": None, "store": None}
        self.state.update(outbox.read_state())

    def queued(self, save: Save) -> None:
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
            self.state["last_archived"] = {
                "path": save.path,
                "version_id": version.version_id,
                "saved_at": format_time(save.saved_at),
                "archived_at": format_time(now),
            }
            self._write_down()
            self._emit("archived", seconds=max(0.0, (now - save.saved_at).total_seconds()))
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
        message = (
            f"The save {save_id} cannot be archived: {error}."
            f" Its file is kept in {self._outbox.set_aside_directory}."
        )
        self._note_error(None, message)
        self.log(ERROR, message)

    def checked(self, answer: StoreCheck) -> None:
        """Note what the store said of itself."""
        if answer.problem and answer != self._last_check:
            self.log(WARNING, answer.problem)
        self._note_check(answer)

    def _note_check(self, answer: StoreCheck) -> None:
        self._last_check = answer
        self.state["store"] = {"versioned": answer.versioned, "problem": answer.problem}
        self._write_down()

    def log(self, level: int, message: str) -> None:
        """Write to the server's log."""
        self._emit("log", level=level, message=message)

    async def keep_counting(self) -> None:
        """Tell how many saves wait, whenever that has changed."""
        while True:
            await self.changed.wait()
            self.changed.clear()
            self.count()
            await asyncio.sleep(_COUNT_INTERVAL)

    def count(self) -> None:
        """Tell how many saves wait."""
        self._emit("counts", pending=self._outbox.pending(), failed=self._outbox.unreadable())

    def _write_down(self) -> None:
        # Where there is no room for it, uploading goes on.
        with suppress(OSError):
            self._outbox.write_state(self.state)

    def _note_error(self, path: str | None, message: str) -> None:
        self.state["last_error"] = {
            "path": path,
            "message": message,
            "at": format_time(utc_now()),
        }
        self._write_down()
        self.changed.set()

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
    report = Report(outbox, events)
    identities = Identities(outbox.directory)
    store = open_store(options)
    uploader = Uploader(
        outbox,
        store,
        report,
        identities,
        max_threads=settings.max_threads,
        skip_unchanged=settings.skip_unchanged,
    )
    ended = _ending(uploader.wake)
    try:
        outbox.create()
        outbox.sweep()
        async with _the_only_one(outbox, ended) as chosen:
            if chosen:
                identities.compact()
                await _upload_until(ended, outbox, uploader, store, report)
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(uploader.drain(), settings.shutdown_timeout)
                report.count()
    except (OSError, NotImplementedError) as error:  # the latter: a disk without locks
        report.log(ERROR, f"saves cannot be uploaded from {outbox.directory}: {error}.")
        sys.exit(1)
    finally:
        await store.close()


def _ending(on_line: Callable[[], None]) -> asyncio.Event:
    """Hear standard input: call for each line; the event is set at its end, or at SIGTERM."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()

    def listen() -> None:
        with suppress(RuntimeError):  # the loop is closed
            while os.read(sys.stdin.fileno(), 1 << 16):
                loop.call_soon_threadsafe(on_line)
            loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=listen, daemon=True).start()
    signal.signal(signal.SIGTERM, lambda *_: loop.call_soon_threadsafe(ended.set))
    return ended


@asynccontextmanager
async def _the_only_one(outbox: Outbox, ended: asyncio.Event) -> AsyncIterator[bool]:
    """Wait until no other process uploads from this outbox; false if we are to end before.

    The kernel lets go of the lock of a process that was killed.
    """
    lock = FileLock(outbox.lock_file, thread_local=False)
    while not lock.is_locked and not ended.is_set():
        try:
            lock.acquire(timeout=0)
        except Timeout:
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(ended.wait(), _LOCK_INTERVAL)
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


async def _upload_until(
    ended: asyncio.Event, outbox: Outbox, uploader: Uploader, store: Store, report: Report
) -> None:
    async def check() -> None:
        while True:
            answer = await store.check()
            report.checked(answer)
            if not answer.problem:
                return
            await asyncio.sleep(_CHECK_INTERVAL)

    working = [
        asyncio.create_task(work)
        for work in (uploader.run(), report.keep_counting(), _watch(outbox.lock_file))
    ]
    beside = [asyncio.create_task(check()), asyncio.create_task(ended.wait())]
    await asyncio.wait([*working, beside[1]], return_when=asyncio.FIRST_COMPLETED)
    for task in (*working, *beside):
        task.cancel()
    for outcome in await asyncio.gather(*working, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome
