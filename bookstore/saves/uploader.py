"""The uploader: an asyncio queue, locked by path, that takes saves from the outbox to the store.

The saves of one notebook go one after the other, in their order; those of different notebooks at
the same time. A notebook whose save the store would not take waits and is tried again, while the
others go on.
"""

from __future__ import annotations

import asyncio
import time
from bisect import insort
from contextlib import suppress
from dataclasses import replace
from typing import BinaryIO, Protocol

from ..notebooks.json import kernel_name_of
from ..storage import (
    OF_THE_WHOLE_STORE,
    Provenance,
    Store,
    StoreRefused,
    Version,
    VersionNotFound,
)
from ..storage.base import sha256_of
from .circuit_breaker import Outage, retry_delays
from .identities import Identities, identify
from .outbox import IN_MEMORY, Outbox, Save, UnreadableSave

# Saves of another server that shares the outbox are found by looking, where it cannot wake us.
_LOOK_INTERVAL = 60.0  # seconds
_OVERTAKEN_INTERVAL = 5.0  # seconds until a save that came while the outbox was read is taken up
# Saves come first: an upload that begins while more of them arrive would take time from them.
CALM = 1.0  # seconds without a save after which uploading begins
_PATIENCE = 5.0  # seconds after which it begins all the same


class Reporter(Protocol):
    """Receive what becomes of saves."""

    def queued(self, save: Save) -> None:
        """Report that a save is queued."""

    def archived(self, save: Save, version: Version | None) -> None:
        """Report that a save is in the store; as no version of its own if nothing had changed."""

    def failed(self, save: Save, error: Exception) -> None:
        """Report that a save could not be archived for now; it stays pending."""

    def unreadable(self, save_id: str, error: UnreadableSave) -> None:
        """Report that a save cannot be read back; it was set aside."""


class Uploader:
    """Take saves from an outbox to a store, each once.

    Parameters
    ----------
    outbox : Outbox
    store : Store
    reporter : Reporter
    identities : Identities
        Of the notebooks whose saves these are.
    max_threads : int
        How many uploads may run at once.
    skip_unchanged : bool
        Whether a save that equals the newest version makes no version.
    """

    def __init__(
        self,
        outbox: Outbox,
        store: Store,
        reporter: Reporter,
        identities: Identities,
        *,
        max_threads: int,
        skip_unchanged: bool,
    ) -> None:
        self._outbox = outbox
        self._store = store
        self._reporter = reporter
        self._identities = identities
        self._identifying: dict[str, asyncio.Lock] = {}  # by notebook id
        self._skip_unchanged = skip_unchanged
        self._slots = asyncio.Semaphore(max_threads)
        self._taken: set[str] = set()  # ids of saves that are in a queue
        self._unsynced: list[str] = []  # ids of those that a power cut could cost
        self._syncing: asyncio.Task[None] | None = None
        self._queues: dict[str, list[Save]] = {}  # by key; its task exists while its queue does
        self._tasks: set[asyncio.Task[None]] = set()
        self._news = asyncio.Event()
        self._outage = Outage()
        self._draining = asyncio.Event()

    @property
    def is_busy(self) -> bool:
        """Return whether saves are in its queues, or it was woken and has not looked yet."""
        return bool(self._tasks) or self._news.is_set()

    def wake(self) -> None:
        """Look into the outbox, as soon as no more saves come."""
        self._news.set()

    async def run(self) -> None:
        """Upload saves as they come, until cancelled."""
        while True:
            await self._calm()
            is_complete = self._take_up()
            self._news.clear()
            self._sync()
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(
                    self._news.wait(), _LOOK_INTERVAL if is_complete else _OVERTAKEN_INTERVAL
                )

    def _sync(self) -> None:
        """Begin to write new saves to the disk, where a busy disk does not hold uploads up."""
        if self._unsynced and (self._syncing is None or self._syncing.done()):
            unsynced, self._unsynced = self._unsynced, []
            work = asyncio.to_thread(self._outbox.sync, unsynced)
            self._syncing = asyncio.create_task(work)

    async def _calm(self) -> None:
        patient_until = time.monotonic() + _PATIENCE
        while self._news.is_set() and time.monotonic() < patient_until:
            self._news.clear()
            await asyncio.sleep(CALM)

    async def drain(self) -> None:
        """Upload what is pending; a notebook that the store will not take now is left for later."""
        self._draining.set()
        await self._outage.ignore()
        self._take_up()
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _take_up(self) -> bool:
        """Queue the saves that wait, for each notebook a prefix of what was saved.

        Returns
        -------
        bool
            Whether these are all there are: none has to wait until the outbox is read again.

        Notes
        -----
        While a directory is read saves are added to it, and of two quick ones of a notebook the
        older may be missed. It was there before the newer was begun, so a second reading has it:
        of that one, what is newer than all saves of its notebook in the first one has to wait.
        """
        newest: dict[str, int] = {}
        is_complete = True
        first = self._waiting({})
        for save in first.values():
            newest[save.key] = max(save.time, newest.get(save.key, 0))
        for save in self._waiting(first).values() if first else ():
            if save.time > newest.get(save.key, 0):
                is_complete = False
                continue
            self._taken.add(save.save_id)
            self._unsynced.append(save.save_id)
            self._reporter.queued(save)
            if save.key in self._queues:
                insort(self._queues[save.key], save, key=lambda queued: queued.time)
            else:
                self._queues[save.key] = [save]
                task = asyncio.create_task(self._upload_all(save.key))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        return is_complete

    def _waiting(self, known: dict[str, Save]) -> dict[str, Save]:
        """Return by id the saves in the outbox that are in no queue; do not read those known again.

        Those that only a newer release can read are left to it.
        """
        waiting = {}
        for save_id in self._outbox.ids() - self._taken:
            try:
                if save := known.get(save_id) or self._outbox.load(save_id):
                    waiting[save_id] = save
            except UnreadableSave as error:
                self._set_aside(save_id, error)
        return waiting

    def _set_aside(self, save_id: str, error: UnreadableSave) -> None:
        try:
            self._outbox.set_aside(save_id)
        except OSError:
            self._taken.add(save_id)  # it stays where it is, and need not be read again
        self._reporter.unreadable(save_id, error)

    async def _upload_all(self, key: str) -> None:
        """Upload the saves of one notebook, until there are none."""
        queue = self._queues[key]
        delays = retry_delays()
        while queue:
            async with self._outage.turn():
                error = await self._upload_first(queue)
                is_outage = isinstance(error, OF_THE_WHOLE_STORE)
                waits_alone = not is_outage or self._outage.note()
            if error is None:
                delays = retry_delays()
            elif self._draining.is_set():
                break
            elif waits_alone:
                # Also in an outage that began with this notebook: it may be the only one to have
                # that, and must not begin another as soon as one of the others ends it.
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._draining.wait(), next(delays))
        del self._queues[key]

    async def _upload_first(self, queue: list[Save]) -> Exception | None:
        """Upload a notebook's oldest save; give what went wrong if it stays in the queue."""
        save = queue[0]
        try:
            await self._upload(save)
        except UnreadableSave as error:
            self._taken.discard(save.save_id)
            self._set_aside(save.save_id, error)
        except Exception as error:  # whatever is wrong with this one, the others go on
            self._reporter.failed(save, error)
            return error
        else:
            self._taken.discard(save.save_id)
            await self._outage.end()
        queue.remove(save)
        return None

    async def _upload(self, save: Save) -> None:
        if save.ask and not self._identities.is_identified(save.notebook_id):
            await self._identify(save)
        save = replace(save, notebook_id=self._identities.real_id(save.notebook_id))
        version = await self._sent_before(save) or await self._send(save)
        # In this order: who sees that nothing is pending also sees what became of it.
        self._reporter.archived(save, version)
        self._outbox.remove(save.save_id)

    async def _identify(self, save: Save) -> None:
        async with self._identifying.setdefault(save.notebook_id, asyncio.Lock()):
            if not self._identities.is_identified(save.notebook_id):
                async with self._slots:
                    await identify(self._identities, self._store, save)
        self._identifying.pop(save.notebook_id, None)

    async def _sent_before(self, save: Save) -> Version | None:
        """Look for a save whose answer was lost, with a connection or with a killed process."""
        if not self._outbox.was_sent(save.save_id):
            return None
        return await self._store.find(save.key, save.save_id, size=save.size)

    async def _send(self, save: Save) -> Version | None:
        async with self._slots:
            try:
                content = self._outbox.open(save)
            except OSError as error:
                raise UnreadableSave(f"its file cannot be read ({error.strerror})") from error
            with content:
                if save.size > IN_MEMORY:
                    origin = await asyncio.to_thread(_provenance, save, content)
                else:  # less time than it takes to change to a thread and back
                    origin = _provenance(save, content)
                # What records a rename is a version also without a change.
                may_skip = self._skip_unchanged and not save.renamed_from
                if may_skip and await self._is_newest(save, origin.sha256):
                    return None
                self._outbox.mark_sent(save.save_id)
                try:
                    return await self._store.put(save.key, content, origin)
                except StoreRefused:
                    self._outbox.unmark_sent(save.save_id)
                    raise

    async def _is_newest(self, save: Save, sha256: str) -> bool:
        try:
            newest = await self._store.describe(save.key)
        except VersionNotFound:
            return False
        origin = newest.provenance
        is_own = origin is not None and origin.notebook_id in ("", save.notebook_id)
        return origin is not None and is_own and origin.sha256 == sha256


def _provenance(save: Save, content: BinaryIO) -> Provenance:
    """Return a save's provenance, reading its bytes for the hash and the kernel's name."""
    sha256 = sha256_of(content)
    return replace(save.provenance, sha256=sha256, kernel_name=kernel_name_of(content))
