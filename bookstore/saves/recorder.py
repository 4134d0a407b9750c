"""Record saves in the outbox, on this machine's disk, before the request returns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from datetime import datetime
from logging import Logger
from typing import NamedTuple, TypeVar

from filelock import FileLock, Timeout

from .._version import __version__
from ..bookstore_config import BookstoreSettings, username
from ..s3_paths import LONGEST_KEY, s3_key
from ..storage.base import format_time, utc_now
from ..validation import BadInput, plain_path, shown
from . import holders, metrics
from .identities import Identities
from .outbox import Outbox
from .process import UploaderProcess
from .status import ArchiveStatus, Elsewhere, Report, StoreStatus, Trouble

T = TypeVar("T")

# Seconds that the uploader of a server that was just stopped may take to exit.
_UPLOADER_EXITS = 5


class _Copy(NamedTuple):
    source: str = ""
    restored: str = ""
    is_new: bool = False


_copy: ContextVar[_Copy] = ContextVar("copy", default=_Copy())  # noqa: B039 - it is immutable
_being_saved: ContextVar[str] = ContextVar("being_saved", default="")


def copying(
    source: str, *, restored: str = "", is_new: bool = False
) -> AbstractContextManager[None]:
    """Record with the saves within what they are copies of.

    Parameters
    ----------
    source : str
    restored : str
        The id of the notebook that goes on with the copy; for one whose path has no notebook.
    is_new : bool
        Whether the copy is a notebook of its own.
    """
    return _within(_copy, _Copy(source, restored, is_new))


def saving(path: str) -> AbstractContextManager[None]:
    """Record no checkpoints of this notebook: its save, which is running, is recorded.

    The servers make a checkpoint within the first save of a notebook.
    """
    return _within(_being_saved, path)


@contextmanager
def _within(variable: ContextVar[T], value: T) -> Iterator[None]:
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)


def is_being_saved(path: str) -> bool:
    """Return whether this is within a save of the notebook."""
    return _being_saved.get() == path


class LastSave(NamedTuple):
    """Hold which notebook was saved last, the save's id, and when it was recorded."""

    path: str
    save_id: str
    at: datetime


class NotRecordable(Exception):
    """A save cannot become a version; the message says why."""


class Recorder:
    """Put saves into the outbox and have them uploaded.

    Parameters
    ----------
    settings : BookstoreSettings
    prefix : str
        What the keys of the saves begin with.
    outbox : Outbox
        Of the store that the saves are for.
    identities : Identities
    log : Logger
    """

    def __init__(
        self,
        settings: BookstoreSettings,
        prefix: str,
        outbox: Outbox,
        identities: Identities,
        log: Logger,
    ) -> None:
        self._log = log
        self._prefix = prefix
        self._author = username()
        self._outbox = outbox
        self._identities = identities
        self._uploader = UploaderProcess(
            settings,
            log,
            on_event=lambda event: metrics.observe(event, lost=self._lost),
            has_pending=lambda: outbox.pending() > 0,
        )
        self._last_save: LastSave | None = None
        self._lost = 0
        self._last_loss: Trouble | None = None

    def start(self) -> None:
        """Upload what an earlier server has left, and what comes, in the background."""
        self._uploader.start()

    def close(self) -> None:
        """Upload what is pending, for `shutdown_timeout` seconds at most."""
        self._uploader.close()

    def record_file(self, path: str, os_path: str, *, author: str = "") -> str | None:
        """Record a save that is on disk.

        It never fails: a save must not fail because it cannot be archived.

        Parameters
        ----------
        path : str
            The notebook's API path.
        os_path : str
            The file, as the contents manager has just written it.
        author : str
            Who has saved it. Default: the server's user.

        Returns
        -------
        str or None
            The save's id; None where it could not be recorded.
        """
        return self._record(path, lambda **record: self._outbox.add_file(os_path, **record), author)

    def record_checkpoint(self, path: str, os_path: str) -> str | None:
        """Record a file as `record_file` does, unless it is being saved, which records it."""
        return None if is_being_saved(path) else self.record_file(path, os_path)

    def record_content(self, path: str, content: bytes) -> str | None:
        """Record bytes that are in no file, as `record_file` does."""
        return self._record(path, lambda **record: self._outbox.add_content(content, **record))

    def record_rename(self, old_path: str, new_path: str) -> None:
        """Record that a notebook, or a folder, has another path: it keeps its id."""
        self._identities.renamed(self._key(old_path), self._key(new_path))

    def record_deletion(self, path: str) -> None:
        """Record that a notebook, or a folder, was deleted: what gets its path is another."""
        self._identities.ended(self._key(path))

    def _key(self, path: str) -> str:
        return s3_key(self._prefix, plain_path(path))

    def _record(self, path: str, add: Callable[..., str], author: str = "") -> str | None:
        try:
            save_id = self._added(path, add, author or self._author)
        except Exception as error:  # whatever it is, it must not fail the save
            self._note_loss(path, error)
            return None
        self._last_save = LastSave(path, save_id, utc_now())
        self.start()
        self._uploader.wake()
        return save_id

    def last_save(self, path: str) -> LastSave | None:
        """Return the last save of this server, if it was this notebook's."""
        last = self._last_save
        return last if last and last.path == path else None

    def _added(self, path: str, add: Callable[..., str], author: str) -> str:
        key = self._key(path)
        if len(key.encode()) > LONGEST_KEY:
            raise NotRecordable(f"its key would have more than the {LONGEST_KEY} bytes of S3")
        copy = _copy.get()
        notebook = self._identities.for_save(key, is_new=copy.is_new, restored=copy.restored)
        record = {
            "path": path,
            "key": key,
            "author": author,
            "release": __version__,
            "copied_from": copy.source,
            **notebook._asdict(),
        }
        try:
            save_id = add(**record)
        except FileNotFoundError:  # the first save, or somebody has tidied up
            self._outbox.create()
            save_id = add(**record)
        if notebook.renamed_from:
            self._identities.saved(key)
        return save_id

    def _note_loss(self, path: str, error: Exception) -> None:
        if isinstance(error, NotRecordable):
            reason = str(error)
        elif isinstance(error, OSError):
            place = error.filename or self._outbox.directory
            reason = f"{error.strerror or error} ({place})"
        else:
            reason = f"{type(error).__name__}: {error}"
        message = (
            f"{path} was saved and cannot be archived: {reason}. Its next save is a new attempt."
        )
        self._lost += 1
        metrics.FAILED.inc()
        self._last_loss = Trouble(path=path, message=message)
        self._log.error("Bookstore: %s", message)

    def has_settled(self, save_id: str, since: str) -> bool:
        """Return whether a save has left the outbox, or some upload has failed since a time."""
        error = Report.read(self._outbox.report_file).last_error
        return not self.is_pending(save_id) or (error is not None and error.at >= since)

    def last_error(self) -> Trouble | None:
        """Return what went wrong last: with an upload, or with recording."""
        return self._newest_error(Report.read(self._outbox.report_file))

    def _newest_error(self, report: Report) -> Trouble | None:
        since = holders.silent_since(self._outbox)
        if since and self.another_uploads():
            message = (
                f"The uploader has shown no sign of life since {format_time(since)}, so saves wait"
                " on this machine: see whether its process is stopped, or the disk hangs."
            )
            return Trouble(message=message)
        errors = [error for error in (report.last_error, self._last_loss) if error]
        return max(errors, key=lambda error: error.at, default=None)

    def is_pending(self, save_id: str) -> bool:
        """Return whether a save is still in the outbox."""
        return self._outbox.has(save_id)

    def another_uploads(self) -> bool:
        """Return whether a process uploads these saves now; asked before `start`, another one."""
        try:
            with FileLock(self._outbox.lock_file, timeout=0):
                return False
        except Timeout:
            return True

    def take_over(self, store_url: str) -> int:
        """Move the saves that wait for another store to this one's outbox.

        Returns
        -------
        int
            How many they are.

        Raises
        ------
        BadInput
            If there are none, or a server uploads them to the other store.
        """
        others = {other.store_url: other for other in self._outbox.others()}
        if store_url not in others:
            known = ", ".join(others) or "any other store"
            raise BadInput(f"No saves wait for {shown(store_url)}; some do for: {known}.")
        try:
            with FileLock(others[store_url].lock_file, timeout=_UPLOADER_EXITS):
                return self._outbox.take_over(others[store_url])
        except Timeout:
            raise BadInput(
                f"A server uploads to {store_url} now: stop it before its saves go elsewhere."
            ) from None

    def warn_of_others(self) -> None:
        """Log which saves wait for a store that is not the configured one."""
        for other in self._elsewhere():
            self._log.warning(
                "Bookstore: %d saves wait for %s, which is not the store that is configured now."
                " `jupyter bookstore drain --from %s` uploads them to this one.",
                other.pending,
                other.store,
                other.store,
            )

    def _elsewhere(self) -> list[Elsewhere]:
        return [
            Elsewhere(store=other.store_url, pending=other.pending())
            for other in self._outbox.others()
        ]

    def pending(self) -> int:
        """Count the saves that wait. Raises `OSError` where the outbox cannot be read."""
        return self._outbox.pending()

    def store_status(self) -> StoreStatus:
        """Return what the store has said of itself."""
        report = Report.read(self._outbox.report_file)
        return StoreStatus(
            url=self._outbox.store_url, versioned=report.versioned, problem=report.problem or None
        )

    def archive_status(self) -> ArchiveStatus:
        """Return how many saves wait, and what became of the last."""
        report = Report.read(self._outbox.report_file)
        last_error = self._newest_error(report)
        try:
            pending, failed = self._outbox.pending(), self._outbox.unreadable()
        except OSError as error:
            pending, failed = 0, 0
            message = f"The outbox cannot be read: {error.strerror} ({error.filename})."
            last_error = Trouble(message=message)
        return ArchiveStatus(
            pending=pending,
            failed=failed + self._lost,
            last_archived=report.last_archived,
            last_error=last_error,
            elsewhere=self._elsewhere(),
        )
