"""Restore a version, after what is there now was archived."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable
from typing import Any

from ..bookstore_config import username
from ..core import Bookstore
from ..s3_paths import s3_url
from ..storage import StoreUnavailable
from ..validation import shown, target_path
from .contents import os_path_of, put, require_inside, require_no_other, resolved, temporary_file
from .rooms import replacing


async def restore(
    bookstore: Bookstore, contents_manager: Any, path: str, version_id: str, target: str
) -> dict[str, Any]:
    """Save a version of a notebook in its place, or in another.

    Parameters
    ----------
    bookstore : Bookstore
    contents_manager : ContentsManager
    path : str
        The notebook's API path.
    version_id : str
    target : str
        Where it goes; the same path brings it back in place.

    Returns
    -------
    dict
        The contents model of what was saved, without content.

    Raises
    ------
    StoreError
    BadInput
        If nothing can be put there.
    """
    if target == path:  # it may be behind a link: there the user saves it, too
        await asyncio.to_thread(require_no_other, contents_manager, path)
    else:
        target = target_path(target, of=path)
        await asyncio.to_thread(require_inside, contents_manager, target)
    with temporary_file() as content:
        key = bookstore.key("workspace", path)
        entry = await bookstore.run(bookstore.read(key, version_id, content))
        await archive_what_is_there(bookstore, contents_manager, target)
        version, origin = entry.version, entry.version.origin
        source = s3_url(bookstore.bucket, version.key, version.version_id)
        # In place, the notebook goes on with the copy, unless it is another user's.
        goes_on = target == path and origin.author == username()
        restored = origin.notebook_id if goes_on else ""

        def write() -> Awaitable[Any]:
            return put(contents_manager, target, content, source=source, restored=restored)

        saved = await replacing(contents_manager, target, write)
        return dict(saved)


async def archive_what_is_there(bookstore: Bookstore, contents_manager: Any, path: str) -> None:
    """Record what is on disk, unless the newest version has the same bytes.

    Raises
    ------
    StoreUnavailable
        If it could not be recorded: it must not be replaced then.
    """
    os_path = os_path_of(contents_manager, path)
    if not (bookstore.recorder and os_path):
        return
    if not await resolved(contents_manager.file_exists(path)):
        return
    try:
        holds = bookstore.history.holds(bookstore.key("workspace", path), os_path)
        is_archived = await bookstore.run(holds)
    except FileNotFoundError:  # deleted meanwhile
        return
    if not is_archived:
        save_id = await asyncio.to_thread(bookstore.recorder.record_file, path, os_path)
        if save_id is None and await asyncio.to_thread(os.path.exists, os_path):
            raise StoreUnavailable(
                f"What is there could not be archived, so {shown(path)} stays as it is."
                " The log and /api/bookstore say why."
            )
