"""Giving a version a name, by which people find it again."""

from __future__ import annotations

from dataclasses import replace

from ..bookstore_config import username
from ..core import Bookstore, Section
from ..history.lineage import Entry
from ..history.names import give_name


async def name_version(
    bookstore: Bookstore,
    section: Section,
    path: str,
    version_id: str,
    name: str,
    *,
    author: str = "",
) -> Entry:
    """Give a version a name, in the place of the one that it has; an empty one takes it away.

    Parameters
    ----------
    bookstore : Bookstore
        This belongs into its `run`.
    section : "workspace" or "published"
    path : str
    version_id : str
        If empty, that of the newest version, which may be pending.
    name : str
        As `version_label` checks it.
    author : str
        Who gives it. Default: the process's user.

    Returns
    -------
    Entry
        The version, with the name.

    Raises
    ------
    StoreError
    BadInput
        If the path and the name are too long together.
    """
    entry = await bookstore.history.find(bookstore.key(section, path), version_id or None)
    await give_name(bookstore.stores.home(), entry.version, name, author or username())
    return replace(entry, name=name)
