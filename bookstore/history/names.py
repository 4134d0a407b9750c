"""Names that people give to versions, kept beside the notebooks for all who read the bucket.

A name is an object without bytes, whose key says which version has it and since when. So one
listing finds all names of a notebook, another name or none replaces one without a right to delete,
and a lifecycle rule for replaced versions leaves names alone.
"""

from __future__ import annotations

import io
import uuid
from collections import defaultdict
from dataclasses import replace
from functools import partial
from urllib.parse import quote, unquote

from .._version import __version__
from ..s3_paths import LONGEST_KEY
from ..storage import Provenance, Store, Version
from ..storage.base import format_time, sha256_of, utc_now
from ..storage.paging import all_pages
from ..validation import BadInput
from .lineage import Entry

_HIDDEN = "/.bookstore/"  # in each folder, the one that has no notebooks in it
_NAMES = f"{_HIDDEN}names/"
_LAST = "\U0010ffff"


def is_hidden(key: str) -> bool:
    """Return whether a key is one of Bookstore's own, and no notebook's."""
    return _HIDDEN in key


def after_hidden(key: str) -> str:
    """Return after which key a listing goes on that leaves out those like this, which is hidden."""
    return key.partition(_HIDDEN)[0] + _HIDDEN + _LAST


class Names:
    """The names of versions, gathered from keys."""

    def __init__(self) -> None:
        # By the notebook's key and the version's mark: since when, and the name.
        self._given: dict[str, dict[str, tuple[str, str]]] = defaultdict(dict)

    def add(self, key: str) -> None:
        """Take in a key; one that says nothing of a name is ignored."""
        folder, _, said = key.partition(_NAMES)
        if said.count("/") != 2:
            return
        file, quoted_mark, given = said.split("/")
        mark = unquote(quoted_mark)
        since, _, name = given.partition(" ")
        of_notebook = self._given[f"{folder}/{file}"]
        of_notebook[mark] = max((since, unquote(name)), of_notebook.get(mark, ("", "")))

    def of(self, version: Version) -> str:
        """Return the name of a version; empty if it has none."""
        given = self._given.get(version.key, {})
        return given.get(_mark(version), ("", ""))[1]


async def names_of(store: Store, entries: list[Entry]) -> list[Entry]:
    """Complete versions by their names. Raises `StoreError`."""
    names = Names()
    for key in {entry.version.key for entry in entries}:
        async for page in all_pages(partial(store.keys, _prefix(key))):
            for listed in page.keys:
                names.add(listed.key)
    return [replace(entry, name=names.of(entry.version)) for entry in entries]


async def give_name(store: Store, version: Version, name: str, author: str) -> None:
    """Give a version a name, in the place of the one that it has; an empty one takes it away.

    Raises
    ------
    BadInput
        If the notebook's path and the name are too long together.
    StoreError
    """
    now = utc_now()
    mark = quote(_mark(version), safe="")
    # Only what has a meaning in a key is quoted, so that names can be read in the bucket.
    written = name.replace("%", "%25").replace("/", "%2F")
    key = f"{_prefix(version.key)}{mark}/{format_time(now)} {written}"
    if len(key.encode()) > LONGEST_KEY:
        raise BadInput("The notebook's path and this name are too long together: shorten the name.")
    content = io.BytesIO()
    origin = Provenance(
        save_id=uuid.uuid4().hex,
        saved_at=now,
        sha256=sha256_of(content),
        author=author,
        release=__version__,
    )
    await store.put(key, content, origin)


def _prefix(key: str) -> str:
    """Return what the keys of the names of a notebook's versions begin with."""
    folder, _, file = key.rpartition("/")
    return f"{folder}{_NAMES}{file}/"


def _mark(version: Version) -> str:
    """Return by what a version is known, also while it is pending: the id of its save, if any."""
    return version.save_id or version.version_id
