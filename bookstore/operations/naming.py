"""Name versions, so that people find them again."""

from __future__ import annotations

from dataclasses import replace

from ..bookstore_config import username
from ..core import Bookstore, Section
from ..history.lineage import Entry
from ..history.names import give_name
from ..validation import BadInput


async def name_version(
    bookstore: Bookstore,
    section: Section,
    path: str,
    version_id: str,
    name: str,
    note: str = "",
    *,
    author: str = "",
) -> Entry:
    """Give a version a name and a note, in the place of those that it has.

    Parameters
    ----------
    bookstore : Bookstore
        This belongs into its `run`.
    section : "workspace" or "published"
    path : str
    version_id : str
        If empty, that of the newest version, which may be pending.
    name, note : str
        As `version_label` and `version_note` check them. An empty name takes both away.
    author : str
        Who gives it. Default: the process's user.

    Returns
    -------
    Entry
        The version, with the name and the note.

    Raises
    ------
    StoreError
    BadInput
        If there is a note without a name, or the path, the name and the note are too long together.
    """
    if note and not name:
        raise BadInput("A note belongs to a name: give the version a name, too.")
    entry = await bookstore.history.find(bookstore.key(section, path), version_id or None)
    store = bookstore.stores.home()
    await give_name(store, entry.version, name, note, author=author or username())
    return replace(entry, name=name, note=note)
