"""Archive notebooks from contents managers: every save becomes a version."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from . import flavours
from .core import Bookstore, get_bookstore
from .saves.recorder import saving
from .storage.base import format_time, utc_now
from .validation import plain_path

_POLL_INTERVAL = 0.05  # seconds
_LONGEST_WAIT = 120.0  # seconds


class ArchiveRecord(NamedTuple):
    """Hold a notebook that is to be archived without being saved.

    Attributes
    ----------
    filepath : str
        Its API path.
    content : str
        The notebook's JSON text.
    queued_time : float
        When it was handed over, in seconds since the epoch.
    """

    filepath: str
    content: str
    queued_time: float


class ArchivingMixin:
    """Archive what a contents manager saves; goes in front of any contents manager class.

    What is archived is the file as the base class has left it, with whatever the user's own save
    hooks did to it. A save that fails archives nothing.

    Attributes
    ----------
    path_locks : mapping of str to asyncio.Lock
        The lock of each path that somebody holds or waits for. It is held while the path is saved
        by an asynchronous contents manager, or recorded by `archive`; not while it is uploaded.
    path_lock_ready : asyncio.Lock
        Held while a lock is looked up or added.
    """

    bookstore: Bookstore

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.use_bookstore(get_bookstore(self))  # type: ignore[arg-type]

    def use_bookstore(self, bookstore: Bookstore) -> None:
        """Archive with this `Bookstore` from now on."""
        self.bookstore = bookstore
        self.settings = bookstore.settings
        self.path_locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self.path_lock_ready = asyncio.Lock()

    def save(self, model: dict[str, Any], path: str = "") -> Any:
        """Save, as the base class does, and record the save of a notebook.

        Returns
        -------
        dict, or an awaitable of it where the base class is asynchronous
            The saved model, without content.
        """
        notebook = plain_path(path)
        with saving(notebook):
            saved = super().save(model, path)  # type: ignore[misc]
        if inspect.isawaitable(saved):
            return self._save_in_turn(saved, model, notebook)
        self._record(saved, model, notebook)
        return saved

    async def _save_in_turn(
        self, saving_it: Awaitable[dict[str, Any]], model: dict[str, Any], path: str
    ) -> dict[str, Any]:
        # Two saves of one notebook that overlap would write into the same file, and both be
        # recorded as what the second has written.
        async with await self._path_lock(path):
            with saving(path):
                saved = await saving_it
            self._record(saved, model, path)
        return saved

    def _record(self, saved: dict[str, Any], model: dict[str, Any], path: str) -> None:
        recorder = self.bookstore.recorder
        # The pieces of a large upload are saves too, all but the last (-1) of an unfinished file.
        if recorder and saved["type"] == "notebook" and model.get("chunk") in (None, -1):
            os_path = self._get_os_path(path)  # type: ignore[attr-defined]
            recorder.record_file(path, os_path, author=flavours.current_username())

    def rename_file(self, old_path: str, new_path: str) -> Any:
        """Rename, as the base class does; the notebook keeps its history."""

        def note() -> None:
            if self.bookstore.recorder and plain_path(old_path) != plain_path(new_path):
                self.bookstore.recorder.record_rename(old_path, new_path)

        return _followed(super().rename_file(old_path, new_path), note)  # type: ignore[misc]

    def delete_file(self, path: str) -> Any:
        """Delete, as the base class does; what comes under the path later is another notebook."""

        def note() -> None:
            if self.bookstore.recorder:
                self.bookstore.recorder.record_deletion(path)

        return _followed(super().delete_file(path), note)  # type: ignore[misc]

    def restore_checkpoint(self, checkpoint_id: str, path: str) -> Any:
        """Restore, and return what the checkpoints return, which may be an awaitable."""
        return self.checkpoints.restore_checkpoint(self, checkpoint_id, path)  # type: ignore[attr-defined]

    async def _path_lock(self, path: str) -> asyncio.Lock:
        async with self.path_lock_ready:
            return self.path_locks.setdefault(path, asyncio.Lock())

    async def archive(self, record: ArchiveRecord) -> None:
        """Archive a notebook that was not saved by this contents manager.

        Returns when it is a version in the store, or, where the store cannot take it now, when it
        is durable on this machine and will be uploaded later.

        Parameters
        ----------
        record : ArchiveRecord
        """
        recorder = self.bookstore.recorder
        if not recorder:
            self.log.warning("Bookstore: %s", self.bookstore.description)  # type: ignore[attr-defined]
            return
        path = plain_path(record.filepath)
        since = format_time(utc_now())
        async with await self._path_lock(path):
            content = record.content.encode()
            save_id = await asyncio.to_thread(recorder.record_content, path, content)
        # Saves of this path need not wait for the store. Another process uploads, perhaps another
        # server's: there is nothing to be woken by.
        patient_until = time.monotonic() + _LONGEST_WAIT
        while save_id and time.monotonic() < patient_until:
            if await asyncio.to_thread(recorder.has_settled, save_id, since):
                break
            await asyncio.sleep(_POLL_INTERVAL)


def _followed(outcome: Any, note: Callable[[], None]) -> Any:
    """Call `note` after a method of a contents manager, which may have to be awaited."""

    async def awaited() -> Any:
        done = await outcome
        note()
        return done

    if inspect.isawaitable(outcome):
        return awaited()
    note()
    return outcome


def archiving(base: type) -> type:
    """Make a contents manager class that archives, on top of any other.

    Parameters
    ----------
    base : type
        A contents manager that keeps notebooks in files, synchronous or asynchronous.

    Returns
    -------
    type
    """
    return type(f"Archiving{base.__name__}", (ArchivingMixin, base), {"__module__": __name__})


class BookstoreContentsArchiver(ArchivingMixin, flavours.LargeFileManager):  # type: ignore[misc]
    """Archive every save of a notebook; otherwise the server's own contents manager."""


def archive_saves_of(contents_manager: Any, bookstore: Bookstore) -> bool:
    """Turn a contents manager that was made without Bookstore into one that archives.

    It becomes what `archiving` would have made. The servers' hooks do not suffice: between a save
    and the hook after it another save of the notebook may write into the same file.

    Parameters
    ----------
    contents_manager : ContentsManager
    bookstore : Bookstore

    Returns
    -------
    bool
        Whether it archives now; one that keeps notebooks elsewhere than in files cannot.
    """
    if isinstance(contents_manager, ArchivingMixin):
        return True
    if not hasattr(contents_manager, "_get_os_path"):
        return False
    contents_manager.__class__ = archiving(type(contents_manager))
    contents_manager.use_bookstore(bookstore)
    return True
