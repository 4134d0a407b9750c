"""Keep the names and notes that people give to versions, beside the notebooks, for all readers.

A name is an object without bytes, whose key says which version has it and since when, and the note
that goes with it. So one listing finds all names of a notebook, another name or none replaces one
without a right to delete, and a lifecycle rule for replaced versions leaves names alone.
"""

from __future__ import annotations

import io
from collections import defaultdict
from dataclasses import replace
from functools import partial
from urllib.parse import quote, unquote

from ..s3_paths import LONGEST_KEY
from ..storage import Provenance, Store, Version
from ..storage.base import format_time
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
    """Gather the names of versions from keys."""

    def __init__(self) -> None:
        # By the notebook's key and the version's mark: since when, the name and the note.
        self._given: dict[str, dict[str, tuple[str, str, str]]] = defaultdict(dict)

    def add(self, key: str) -> None:
        """Take in a key; one that says nothing of a name is ignored."""
        folder, _, said = key.partition(_NAMES)
        if said.count("/") not in (2, 3):
            return
        file, quoted_mark, given, *noted = said.split("/")
        mark = unquote(quoted_mark)
        since, _, name = given.partition(" ")
        of_notebook = self._given[f"{folder}/{file}"]
        label = (since, unquote(name), unquote("".join(noted)))
        of_notebook[mark] = max(label, of_notebook.get(mark, ("", "", "")))

    def completed(self, entry: Entry) -> Entry:
        """Complete a version by its name and the note with it."""
        name, note = self._of(entry.version)
        return replace(entry, name=name, note=note)

    def has(self, version: Version) -> bool:
        """Return whether somebody has given a version a name."""
        return self._of(version) != ("", "")

    def _of(self, version: Version) -> tuple[str, str]:
        given = self._given.get(version.key, {})
        _, name, note = given.get(_mark(version), ("", "", ""))
        return name, note


async def names_of(store: Store, entries: list[Entry]) -> list[Entry]:
    """Complete versions by their names and notes. Raises `StoreError`."""
    names = Names()
    for key in {entry.version.key for entry in entries}:
        async for page in all_pages(partial(store.keys, _prefix(key))):
            for listed in page.keys:
                names.add(listed.key)
    return [names.completed(entry) for entry in entries]


async def give_name(
    store: Store, version: Version, name: str, note: str = "", *, author: str
) -> None:
    """Give a version a name and a note, in the place of those that it has.

    An empty name takes both away.

    Raises
    ------
    BadInput
        If the notebook's path, the name and the note are too long together.
    StoreError
    """
    content = io.BytesIO()
    origin = Provenance.new(content, author=author)
    mark = quote(_mark(version), safe="")
    key = f"{_prefix(version.key)}{mark}/{format_time(origin.saved_at)} {_written(name)}"
    if note:
        key += f"/{_written(note)}"
    if len(key.encode()) > LONGEST_KEY:
        what = "note" if note else "name"
        raise BadInput(
            f"The notebook's path and this {what} are too long together: shorten the {what}."
        )
    await store.put(key, content, origin)


def _prefix(key: str) -> str:
    """Return what the keys of the names of a notebook's versions begin with."""
    folder, _, file = key.rpartition("/")
    return f"{folder}{_NAMES}{file}/"


def _written(text: str) -> str:
    """Quote what has a meaning in a key, and no more, so that names can be read in the bucket."""
    return text.replace("%", "%25").replace("/", "%2F")


def _mark(version: Version) -> str:
    """Return by what a version is known, also while it is pending: the id of its save, if any."""
    return version.save_id or version.version_id
