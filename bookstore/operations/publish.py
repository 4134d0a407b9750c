"""Putting notebooks into the archive that nobody has saved: published ones, and outputs of runs."""

from __future__ import annotations

import asyncio
import dataclasses
import io
from collections.abc import Callable
from contextlib import suppress

from ..bookstore_config import username
from ..core import Bookstore, Section
from ..notebooks.json import kernel_name_of
from ..storage import Provenance, Store, Version, VersionNotFound
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
    file = io.BytesIO(write())
    origin = Provenance.new(file, author=author)
    return file, dataclasses.replace(origin, kernel_name=kernel_name_of(file))


async def _require_own(store: Store, key: str, path: str, user: str) -> None:
    with suppress(VersionNotFound):
        author = (await store.describe(key)).origin.author
        if author not in ("", user):
            raise PublishedByAnother(
                f"{shown(path)} was published by {shown(author)}: give yours another name"
                " first. Or publish over theirs by `jupyter bookstore publish --replace`, or with"
                " replace=true."
            )
