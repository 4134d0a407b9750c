"""The outbox: saves that are durable on this machine and on their way to a store.

A save is one file: the notebook's bytes, then a line of JSON that says what they are. It gets its
name, the save's id, when it is whole, so a save needs no lock, no database and no other process,
and a server killed at any point leaves a whole save or none.

A row in a database would be more to wait for: its transaction takes a lock that the uploader and
other servers hold at times, and unless each is synchronised a power cut can cost all of them.
"""

from __future__ import annotations

import errno
import io
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, BinaryIO

from ..storage.base import Provenance
from ..storage.options import short_name
from ..storage.records import as_record, read_record, sync_directory
from .clock import SaveClock
from .wake_pipe import WakePipe

_UNFINISHED = ".part"
_SAVE = ".save"
_SENT = ".sent"  # beside a save that was sent to the store, and may be there already
_FORMAT = 1  # of records; raised where an older release would misread them
_FORGOTTEN = 86_400.0  # seconds after which nobody will finish a file
_COPY_PIECE = 1 << 30  # bytes
IN_MEMORY = 1 << 20  # bytes up to which a save is held in memory while it is sent


class UnreadableSave(Exception):
    """A save in the outbox cannot be read back; its message says why."""


@dataclass(frozen=True, kw_only=True)
class Save:
    """One save of a notebook.

    Attributes
    ----------
    save_id : str
        Its name in the outbox, and what the store knows it by.
    time : int
        When it was saved, in nanoseconds since the epoch; no two saves of one server are equal.
    path : str
        The notebook's API path.
    key : str
        The key it becomes a version of.
    author : str
        Who saved.
    release : str
        The release of Bookstore that took it.
    size : int
        In bytes.
    notebook_id, renamed_from, ask : str
        As in `Notebook` of `identities`.
    copied_from : str
        What it is a copy of, where it is one.
    """

    save_id: str
    time: int
    path: str
    key: str
    author: str
    release: str
    size: int
    notebook_id: str = ""
    renamed_from: str = ""
    ask: str = ""
    copied_from: str = ""

    @property
    def saved_at(self) -> datetime:
        """When it was saved, in UTC."""
        return datetime.fromtimestamp(self.time / 1e9, timezone.utc)

    @property
    def provenance(self) -> Provenance:
        """Return what it will be known by, but for what only its bytes tell."""
        return Provenance(
            save_id=self.save_id,
            saved_at=self.saved_at,
            author=self.author,
            release=self.release,
            notebook_id=self.notebook_id,
            renamed_from=self.renamed_from,
            copied_from=self.copied_from,
        )


class Outbox:
    """The saves on their way to one store.

    Each store has a folder of its own: a changed setting never sends an old save elsewhere.

    Parameters
    ----------
    local_dir : Path
        Where Bookstore keeps what belongs to this machine.
    store_url : str
        The store that the saves are for.
    """

    def __init__(self, local_dir: Path, store_url: str) -> None:
        self.store_url = store_url
        self._local_dir = local_dir
        self.directory = local_dir / "outbox" / short_name(store_url)
        self.lock_file = self.directory / "uploader.lock"
        self.set_aside_directory = self.directory / "unreadable"
        self.report_file = self.directory / "report"
        self.wake_pipe = WakePipe(self.directory / "wake")
        self._prefix = os.path.join(self.directory, "")
        self._clock = SaveClock(self._newest_time)
        self._read: dict[str, Save] = {}

    def create(self) -> None:
        """Make the folder, readable by its owner only, and say in it which store it is for."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.directory / "store").write_text(f"{self.store_url}\n", encoding="utf-8")

    def add_file(self, file: str, **record: str) -> str:
        """Take in a file as it is on disk now, by one copy in the kernel.

        Parameters
        ----------
        file : str
        **record : str
            What the `Save` tells of itself: at least ``path``, ``key``, ``author``, ``release``.

        Returns
        -------
        str
            The save's id.

        Raises
        ------
        OSError
            Nothing is left of the save then.
        """
        source = os.open(file, os.O_RDONLY)
        try:
            return self._add(lambda target: _copy(source, target), record)
        finally:
            os.close(source)

    def add_content(self, content: bytes, **record: str) -> str:
        """Take in bytes that are in no file, as `add_file` does."""
        return self._add(lambda target: _write(target, content), record)

    def ids(self) -> set[str]:
        """Return the ids of the saves that are pending."""
        try:
            names = os.listdir(self.directory)
        except (FileNotFoundError, NotADirectoryError):
            return set()
        return {name.removesuffix(_SAVE) for name in names if name.endswith(_SAVE)}

    def has(self, save_id: str) -> bool:
        """Return whether a save is still waiting."""
        return os.path.exists(self._file(save_id, _SAVE))

    def load(self, save_id: str) -> Save | None:
        """Read what a save is; return None if only a newer release can.

        Raises
        ------
        UnreadableSave
        """
        try:
            with self._open(save_id) as file:
                record = read_record(file)
        except OSError as error:
            raise UnreadableSave(f"its file cannot be read ({error.strerror})") from error
        if record is not None:
            with suppress(KeyError, TypeError):
                known = {name: record[name] for name in _RECORDED if name in record}
                return Save(save_id=save_id, **known) if record["format"] <= _FORMAT else None
        raise UnreadableSave("its file is not whole")

    def saves(self) -> list[Save]:
        """Read what saves are waiting, in no order."""
        waiting = {}
        for save_id in self.ids():
            with suppress(UnreadableSave):
                if save := self._read.get(save_id) or self.load(save_id):
                    waiting[save_id] = save
        self._read = waiting  # a save never changes: it need not be read twice
        return list(waiting.values())

    def open(self, save: Save) -> BinaryIO:
        """Open the notebook's bytes for reading. Raises `OSError`."""
        file = self._open(save.save_id)
        if save.size > IN_MEMORY:
            return io.BufferedReader(_Start(file, save.size))
        # Read at once, it is neither read twice, to be hashed and to be sent, nor piece by piece.
        with file:
            return io.BytesIO(file.read(save.size))

    def was_sent(self, save_id: str) -> bool:
        """Return whether a save was sent to the store before, so that it may be there already."""
        return os.path.exists(self._file(save_id, _SENT))

    def mark_sent(self, save_id: str) -> None:
        """Record, before a save is sent to the store, that it may be there from now on."""
        sent = self._file(save_id, _SENT)
        try:
            os.link(self._file(save_id, _SAVE), sent)  # costs a small part of what a file does
        except FileExistsError:
            pass
        except OSError:  # a disk without hard links
            os.close(os.open(sent, os.O_CREAT, 0o600))

    def unmark_sent(self, save_id: str) -> None:
        """Record that the save is not in the store: it was refused, or is for another store."""
        with suppress(FileNotFoundError):
            os.unlink(self._file(save_id, _SENT))

    def sync(self, save_ids: Iterable[str]) -> None:
        """Write saves to the disk, so that they outlive a power cut; skip those that are gone.

        Recording a save leaves this to the kernel, which would do it within half a minute.
        """
        for save_id in save_ids:
            with suppress(OSError), self._open(save_id) as file:
                os.fsync(file.fileno())
        with suppress(OSError):
            sync_directory(self.directory)

    def remove(self, save_id: str) -> None:
        """Remove a save that is in the store."""
        os.unlink(self._file(save_id, _SAVE))
        self.unmark_sent(save_id)

    def set_aside(self, save_id: str) -> None:
        """Move a save that cannot be read out of the way; nothing is deleted."""
        self.set_aside_directory.mkdir(mode=0o700, exist_ok=True)
        os.rename(self._file(save_id, _SAVE), self.set_aside_directory / save_id)
        self.unmark_sent(save_id)

    def pending(self) -> int:
        """Count the saves that are waiting."""
        return len(self.ids())

    def unreadable(self) -> int:
        """Count the saves that were set aside."""
        try:
            return len(os.listdir(self.set_aside_directory))
        except (FileNotFoundError, NotADirectoryError):
            return 0

    def others(self) -> list[Outbox]:
        """Return the outboxes of other stores, for which saves wait: a setting was changed."""
        found = []
        with suppress(OSError):
            for folder in sorted(self.directory.parent.iterdir()):
                with suppress(OSError):  # what is no outbox
                    url = (folder / "store").read_text(encoding="utf-8").removesuffix("\n")
                    other = Outbox(self._local_dir, url)
                    if other.directory == folder != self.directory and other.pending():
                        found.append(other)
        return found

    def take_over(self, other: Outbox) -> int:
        """Move the saves of another outbox, from which nobody uploads, here; count them."""
        self.create()
        save_ids = other.ids()
        for save_id in save_ids:
            os.rename(other._file(save_id, _SAVE), self._file(save_id, _SAVE))
            other.unmark_sent(save_id)
        return len(save_ids)

    def sweep(self) -> None:
        """Remove what servers and uploaders that were killed have left beside the saves."""
        saves = self.ids()
        for entry in os.scandir(self.directory):
            save_id, suffix = os.path.splitext(entry.name)
            is_left = suffix == _UNFINISHED or (suffix == _SENT and save_id not in saves)
            with suppress(OSError):
                if is_left and time.time() - entry.stat().st_mtime > _FORGOTTEN:
                    os.unlink(entry)

    def _file(self, save_id: str, suffix: str) -> str:
        return f"{self._prefix}{save_id}{suffix}"

    def _open(self, save_id: str) -> io.FileIO:
        return open(self._file(save_id, _SAVE), "rb", buffering=0)

    def _add(self, fill: Callable[[int], int], record: dict[str, Any]) -> str:
        save_id = uuid.uuid4().hex
        file = self._file(save_id, _UNFINISHED)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            record["size"] = fill(descriptor)
            record["format"] = _FORMAT
            record["time"] = self._clock.next()
            _write(descriptor, as_record(record))
            os.rename(file, self._file(save_id, _SAVE))
        except BaseException:
            # What is there of it would only fill the disk further.
            with suppress(OSError):
                os.unlink(file)
            raise
        finally:
            os.close(descriptor)
        return save_id

    def _newest_time(self) -> int:
        with suppress(OSError):
            return max((save.time for save in self.saves()), default=0)
        return 0


_RECORDED = {field.name for field in fields(Save)} - {"save_id"}


class _Start(io.RawIOBase):
    """The first bytes of a file, as a file."""

    def __init__(self, file: io.FileIO, size: int) -> None:
        self._file = file
        self._size = size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        rest = max(0, self._size - self._file.tell())
        return self._file.readinto(memoryview(buffer)[:rest]) or 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_END:
            offset, whence = self._size + offset, os.SEEK_SET
        return self._file.seek(offset, whence)

    def close(self) -> None:
        self._file.close()
        super().close()


def _copy(source: int, target: int) -> int:
    """Copy an open file to another's place, and tell how many bytes there were.

    `shutil.copyfile` would take twice as long for a small notebook: it looks at both files first.
    """
    copied = 0
    try:
        while sent := os.sendfile(target, source, None, _COPY_PIECE):
            copied += sent
        return copied
    except OSError as error:
        # macOS sends to sockets only; some file systems cannot send at all.
        if copied or error.errno not in (errno.EINVAL, errno.ENOSYS, errno.ENOTSOCK, errno.ENOTSUP):
            raise
    with open(source, "rb", closefd=False) as whole, open(target, "wb", closefd=False) as copy:
        shutil.copyfileobj(whole, copy)
        return copy.tell()


def _write(target: int, content: bytes) -> int:
    """Write all of it: a disk that fills up takes less without an error."""
    view = memoryview(content)
    while view:
        view = view[os.write(target, view) :]
    return len(content)
