"""List and search the notebooks in the archive, each by its newest version."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace

from ..saves.identities import Identities
from ..saves.outbox import Outbox, Save
from ..storage import KeyPage, ListedKey, Store, StoreError, Version, VersionIndex, VersionNotFound
from ..storage.base import format_time
from ..storage.index import INDEX_ERRORS
from ..storage.stores import Stores
from .lineage import Entry, pending_entry
from .names import after_hidden, is_hidden
from .versions import EntryPage

_KEYS_AT_ONCE = 1_000
_MOST_KEYS = 20_000  # looked at for one page of a search
_MOST_SORTED = 2_000  # notebooks that are sorted by time: of more, all would have to be listed
_BY_TIME = "/"  # what the next page of those begins with: no key does


class Catalogue:
    """List the notebooks in a store, and those whose first save is still in the outbox before it.

    Run its coroutines with `Bookstore.run`.
    """

    def __init__(
        self, stores: Stores, outbox: Outbox, index: VersionIndex, identities: Identities
    ) -> None:
        self._identities = identities
        self._stores = stores
        self._outbox = outbox
        self._index = index

    async def page(
        self, prefix: str, *, limit: int, search: str = "", after: str | None = None
    ) -> EntryPage:
        """List the newest version of each notebook below a prefix, the newest first.

        Where there are more than 2,000 they come in the order of their keys; those whose newest
        save is pending and that are not in the store yet come in addition to `limit` then. A
        notebook that this machine has renamed is listed under its new key only.
        While the store fails, there are those that this machine knows, if any.

        Parameters
        ----------
        prefix : str
            Ends with a delimiter, or is empty.
        limit : int
        search : str
            Only those whose key holds this after the prefix, in whatever case.
        after : str, optional
            The `next` of another page.

        Raises
        ------
        StoreError
        """
        wanted = _Wanted(prefix, search)
        pending = await asyncio.to_thread(self._pending, wanted)
        try:
            page = await _page(self._stores.home(), wanted, pending, limit, after)
            return await asyncio.to_thread(self._under_their_names, page)
        except StoreError as error:
            known = await _page(_Remembered(self._index), wanted, pending, limit, after)
            known = await asyncio.to_thread(self._under_their_names, known)
            if not known.entries:
                raise
            return replace(known, error=error)

    def _under_their_names(self, page: EntryPage) -> EntryPage:
        """List each notebook once, under the key that it has now, where this machine knows that.

        One that was renamed and not saved since has no version under its new key yet. Of one that
        was deleted after a rename, there is the key under which it was saved last.
        """
        newest: dict[str, Entry] = {}
        for entry in page.entries:
            version = entry.version
            saved = self._identities.saved_key(version.notebook_id)
            if saved not in (None, version.key):
                continue
            known = newest.setdefault(version.notebook_id or version.key, entry)
            if version.origin.saved_at > known.version.origin.saved_at:
                newest[version.notebook_id] = entry
        entries = []
        for entry in newest.values():
            version = entry.version
            key = self._identities.key_of(version.notebook_id) or version.key
            entries.append(replace(entry, version=replace(version, key=key)))
        return replace(page, entries=entries)

    def _pending(self, wanted: _Wanted) -> dict[str, Save]:
        """Return the newest pending save of each key."""
        saves: list[Save] = []
        with suppress(OSError):
            saves = sorted(self._outbox.saves(), key=lambda save: save.time)
        return {save.key: save for save in saves if save.key in wanted}


class _Wanted:
    """Tell the keys that are looked for from others."""

    def __init__(self, prefix: str, search: str) -> None:
        self.prefix = prefix
        self.is_search = bool(search)
        self._search = search.casefold()

    def __contains__(self, key: str) -> bool:
        if not key.startswith(self.prefix) or is_hidden(key):
            return False
        return self._search in key[len(self.prefix) :].casefold()


class _Remembered:
    """Take a store's place with what this machine knows of it."""

    def __init__(self, index: VersionIndex) -> None:
        self._index = index

    async def keys(self, prefix: str, *, limit: int, after: str | None = None) -> KeyPage:
        with suppress(*INDEX_ERRORS):
            return await asyncio.to_thread(self._index.keys, prefix, limit=limit, after=after)
        return KeyPage(keys=[])

    async def newest(self, listed: ListedKey) -> Version:
        with suppress(*INDEX_ERRORS):
            if version := await asyncio.to_thread(self._index.get, listed.key):
                return version
        raise VersionNotFound(listed.key)


_Listed = Store | _Remembered


async def _page(
    store: _Listed, wanted: _Wanted, pending: dict[str, Save], limit: int, after: str | None
) -> EntryPage:
    by_time = after is None or after.startswith(_BY_TIME)
    if by_time:
        found, end = await _matching(store, wanted, _MOST_SORTED, None)
        if end is None:
            return await _newest_first(store, found, pending, limit, after)
        if len(found) > limit:
            found, end = found[:limit], found[limit - 1].key
    else:
        found, end = await _matching(store, wanted, limit, after)
    # The page reaches from after one key to another; what is pending has its place there.
    start = "" if by_time else after or ""
    waiting = {key for key in pending if start < key and (end is None or key <= end)}
    keys = sorted(waiting.union(listed.key for listed in found))
    return EntryPage(entries=await _entries(store, keys, found, pending), next=end)


async def _newest_first(
    store: _Listed,
    found: list[ListedKey],
    pending: dict[str, Save],
    limit: int,
    after: str | None,
) -> EntryPage:
    times = {listed.key: listed.stored_at for listed in found}
    times |= {key: save.saved_at for key, save in pending.items()}
    # As ISO 8601, times sort as texts.
    places = {f"{_BY_TIME}{format_time(time)} {key}": key for key, time in times.items()}
    order = [place for place in sorted(places, reverse=True) if after is None or place < after]
    keys = [places[place] for place in order[:limit]]
    return EntryPage(
        entries=await _entries(store, keys, found, pending),
        next=order[limit - 1] if len(order) > limit else None,
    )


async def _matching(
    store: _Listed, wanted: _Wanted, enough: int, after: str | None
) -> tuple[list[ListedKey], str | None]:
    """List keys that are wanted, and after which key the search goes on."""
    found: list[ListedKey] = []
    seen = 0
    at_once = _KEYS_AT_ONCE if wanted.is_search else min(enough, _KEYS_AT_ONCE)
    while True:
        page = await store.keys(wanted.prefix, limit=at_once, after=after)
        for listed in page.keys:
            if listed.key in wanted:
                found.append(listed)
            if len(found) == enough:
                is_last = listed == page.keys[-1] and page.next is None
                return found, None if is_last else listed.key
        seen += len(page.keys)
        after = page.next
        if after and is_hidden(after):
            after = after_hidden(after)
        if after is None or seen >= _MOST_KEYS:
            return found, after


async def _entries(
    store: _Listed, keys: list[str], found: list[ListedKey], pending: dict[str, Save]
) -> list[Entry]:
    """Return the newest version of each key, but for those removed since they were listed."""
    archived = {listed.key: listed for listed in found}

    async def entry(key: str) -> Entry | None:
        if save := pending.get(key):
            waiting = pending_entry(save)
            return replace(waiting, version=replace(waiting.version, latest=True))
        with suppress(VersionNotFound):
            return Entry(version=await store.newest(archived[key]), state="archived")
        return None

    return [each for each in await asyncio.gather(*map(entry, keys)) if each]
