"""Putting notebooks into the archive that nobody has saved: published ones, and outputs of runs."""

from __future__ import annotations

import asyncio
import hashlib
import io
import uuid
from collections.abc import Callable
from contextlib import suppress

from .._version import __version__
from ..bookstore_config import username
from ..core import Bookstore, Section
from ..notebooks.json import kernel_name_of
from ..storage import Provenance, Store, Version, VersionNotFound
from ..storage.base import utc_now
from ..validation import shown


class PublishedByAnother(Exception):
    """A path has a notebook that another user published; the message names them."""


async def publish(
    bookstore: Bookstore,
    path: str,
    write: Callable[[], bytes],
    *,
    section: Section = "published",
    replace: bool = False,
    author: str = "",
) -> Version:
    """Put a notebook's bytes into the store, as a version with a link of its own.

    Parameters
    ----------
    bookstore : Bookstore
        This belongs into its `run`.
    path : str
        By which the notebook is known there.
    write : callable
        Returns them, as `write_notebook` does; called in a thread.
    section : "published" or "workspace"
        Under the prefix of which it belongs.
    replace : bool
        Whether to publish over a notebook that another user published.
    author : str
        Who publishes. Default: the process's user.

    Raises
    ------
    PublishedByAnother
    StoreError
    """
    key = bookstore.folder(section) + path
    store = bookstore.stores.home()
    author = author or username()
    written = asyncio.create_task(asyncio.to_thread(_written, write, author))
    try:
        if section == "published" and not replace:  # the store answers meanwhile
            await _require_own(store, key, path, author)
    finally:
        file, origin = await written  # what is wrong with the notebook is told first
    return await store.put(key, file, origin)


def _written(write: Callable[[], bytes], author: str) -> tuple[io.BytesIO, Provenance]:
    """Write a notebook, and return where its bytes come from."""
    content = write()
    file = io.BytesIO(content)
    return file, Provenance(
        save_id=uuid.uuid4().hex,
        saved_at=utc_now(),
        sha256=hashlib.sha256(content).hexdigest(),
        author=author,
        kernel_name=kernel_name_of(file),
        release=__version__,
    )


async def _require_own(store: Store, key: str, path: str, user: str) -> None:
    with suppress(VersionNotFound):
        origin = (await store.describe(key)).provenance
        if origin and origin.author not in ("", user):
            raise PublishedByAnother(
                f"{shown(path)} was published by {shown(origin.author)}: give yours another name"
                " first. Or publish over theirs by `jupyter bookstore publish --replace`, or with"
                " replace=true."
            )
