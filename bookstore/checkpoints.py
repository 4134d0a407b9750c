"""Show versions as checkpoints, in Jupyter's own "Revert to checkpoint" menu."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory, mkstemp
from typing import Any, BinaryIO

from tornado.web import HTTPError

from . import flavours
from .archive import ArchivingMixin
from .core import Bookstore, get_bookstore
from .operations.contents import os_path_of
from .operations.restore import restore
from .saves.recorder import is_being_saved
from .storage.base import utc_now
from .validation import NOTEBOOK, plain_path
from .web.base import http_errors

_MOST = 50  # versions in a menu
_COPY_LIFE = 300.0  # seconds after which a copy of a version may be removed


class BookstoreCheckpoints(flavours.FileCheckpoints):  # type: ignore[misc]
    """Show a notebook's versions as its checkpoints; those of other files stay files.

    The versions that this machine knows are listed, and pending saves; the store is not contacted.
    A checkpoint's id is the id of the save.
    """

    def create_checkpoint(self, contents_mgr: Any, path: str) -> Any:
        """Return the newest version, which the save before has made; make one if there is none."""
        bookstore = self._bookstore_for(path)
        if not bookstore:
            return self._in_files.create_checkpoint(contents_mgr, path)
        # The front ends make a checkpoint right after a save: no file need be read for it.
        if last := bookstore.recorder and bookstore.recorder.last_save(plain_path(path)):
            return self._ready({"id": last.save_id, "last_modified": last.at})
        return self._answered(_newest_or_new, bookstore, contents_mgr, plain_path(path))

    def restore_checkpoint(self, contents_mgr: Any, checkpoint_id: str, path: str) -> Any:
        """Bring a version back; what is there is archived first. Returns an awaitable."""
        bookstore = self._bookstore_for(path)
        if not bookstore:
            return self._in_files.restore_checkpoint(contents_mgr, checkpoint_id, path)
        return self._restored(bookstore, contents_mgr, checkpoint_id, plain_path(path))

    async def _restored(
        self, bookstore: Bookstore, contents_mgr: Any, checkpoint_id: str, path: str
    ) -> None:
        with http_errors():  # the server's own handlers know nothing of stores
            await restore(bookstore, contents_mgr, path, checkpoint_id, path)

    def list_checkpoints(self, path: str) -> Any:
        """List versions, the newest last."""
        bookstore = self._bookstore_for(path)
        if not bookstore:
            return self._in_files.list_checkpoints(path)
        if is_being_saved(plain_path(path)):
            # Within each save the server asks whether there is one, and makes one if not.
            return self._ready([{"id": "", "last_modified": utc_now()}])
        return self._answered(_models, bookstore, plain_path(path))

    def checkpoint_path(self, checkpoint_id: str, path: str) -> Any:
        """Return the path of a file with a checkpoint's content, as nbdime reads it.

        Returns
        -------
        str or awaitable of str
            For a version, the path of a copy that lasts some minutes.
        """
        bookstore = self._bookstore_for(path)
        if not bookstore:
            return self._in_files.checkpoint_path(checkpoint_id, path)
        return self._copied(bookstore, checkpoint_id, plain_path(path))

    async def _copied(self, bookstore: Bookstore, checkpoint_id: str, path: str) -> str:
        key = bookstore.key("workspace", path)
        with http_errors(), await asyncio.to_thread(self._new_copy) as copy:
            await bookstore.run(bookstore.read(key, checkpoint_id, copy))
            return copy.name

    def _new_copy(self) -> BinaryIO:
        """Create a file for a copy of a version, and remove old ones."""
        for copy in Path(self._copies.name).iterdir():
            if time.time() - copy.stat().st_mtime > _COPY_LIFE:
                copy.unlink(missing_ok=True)
        descriptor, name = mkstemp(dir=self._copies.name, suffix=NOTEBOOK)
        os.close(descriptor)
        return open(name, "w+b")

    def delete_checkpoint(self, checkpoint_id: str, path: str) -> Any:
        """Refuse: the archive is only ever added to."""
        if self._bookstore_for(path):
            raise HTTPError(403, "Versions in the archive are not deleted.")
        return self._in_files.delete_checkpoint(checkpoint_id, path)

    def delete_all_checkpoints(self, path: str) -> Any:
        """Keep the versions of a notebook that is deleted."""
        if self._bookstore_for(path):
            return self._ready(None)
        return self._in_files.delete_all_checkpoints(path)

    def rename_all_checkpoints(self, old_path: str, new_path: str) -> Any:
        """Do nothing for a notebook: its history follows it."""
        if self._bookstore_for(old_path):
            return self._ready(None)
        return self._in_files.rename_all_checkpoints(old_path, new_path)

    def _bookstore_for(self, path: str) -> Bookstore | None:
        bookstore = self._bookstore
        # Reverting is asynchronous. Where nobody would wait for it, checkpoints stay files.
        is_awaited = self._is_asynchronous or isinstance(self.parent, ArchivingMixin)
        return bookstore if bookstore.recorder and is_awaited and path.endswith(NOTEBOOK) else None

    @cached_property
    def _bookstore(self) -> Bookstore:
        return get_bookstore(self.parent or self)

    @property
    def _is_asynchronous(self) -> bool:
        return flavours.is_asynchronous(self.parent)

    @cached_property
    def _copies(self) -> TemporaryDirectory[str]:
        """Return the directory for copies of versions that are read as files."""
        return TemporaryDirectory(prefix="bookstore-checkpoints-")

    @cached_property
    def _in_files(self) -> Any:
        """Return the server's own checkpoints, as this contents manager needs them."""
        if self._is_asynchronous:
            return super()
        return flavours.SyncFileCheckpoints(parent=self.parent)

    def _answered(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function; return its value, or an awaitable if this contents manager wants one."""
        if self._is_asynchronous:
            return asyncio.to_thread(work, *arguments)
        return work(*arguments)

    def _ready(self, value: Any) -> Any:
        """Return a value, or an awaitable of it if this contents manager wants one."""

        async def ready() -> Any:
            return value

        return ready() if self._is_asynchronous else value


def use_versions_as_checkpoints(contents_manager: Any) -> None:
    """Give versions to a contents manager whose checkpoints nobody has chosen.

    Parameters
    ----------
    contents_manager : ContentsManager
        One that archives.
    """
    configured = (
        contents_manager.config.get(cls.__name__) for cls in type(contents_manager).__mro__
    )
    if any(section and "checkpoints_class" in section for section in configured):
        return
    stock = (flavours.FileCheckpoints, flavours.SyncFileCheckpoints)
    if type(contents_manager.checkpoints) in stock:
        contents_manager.checkpoints_class = BookstoreCheckpoints
        contents_manager.checkpoints = BookstoreCheckpoints(**contents_manager.checkpoints_kwargs)


def _newest_or_new(bookstore: Bookstore, contents_manager: Any, path: str) -> dict[str, Any]:
    models = _models(bookstore, path, limit=1)
    os_path = os_path_of(contents_manager, path)
    if not models and bookstore.recorder and os_path:
        save_id = bookstore.recorder.record_checkpoint(path, os_path)
        models = [{"id": save_id or "", "last_modified": utc_now()}]
    return models[-1]


def _models(bookstore: Bookstore, path: str, limit: int = _MOST) -> list[dict[str, Any]]:
    entries = bookstore.history.known(bookstore.key("workspace", path), limit=limit)
    origins = [entry.version.origin for entry in reversed(entries)]
    return [{"id": o.save_id, "last_modified": o.saved_at} for o in origins if o.save_id]
