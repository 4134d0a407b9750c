"""The history of notebooks as people see it: what is in the store, and what is still pending here.

A notebook's history goes on under the names it had before: the first version after a rename says
where it came from.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import BinaryIO, Literal

from .renames import Renames
from .storage import Provenance, Store, TooLarge, Version, VersionIndex, VersionNotFound
from .storage.base import format_time, parse_time
from .storage.outbox import Outbox, Save
from .storage.stores import Stores

_PAGE = 200  # versions asked for at once when one is looked for
_LONGEST_SEARCH = 5_000  # versions
_KEYS_AT_ONCE = 1_000
_MOST_KEYS = 20_000  # looked at for one page of a search

State = Literal["archived", "pending", "deleted"]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A version in a notebook's history.

    Attributes
    ----------
    version : Version
        Of one that is pending, the version id is the save's id; it can be read by that ever after.
    state : "archived", "pending" or "deleted"
        Deleted is the store's own record that the key was deleted.
    """

    version: Version
    state: State


@dataclass(frozen=True, kw_only=True)
class HistoryPage:
    """Some versions of a notebook, newest first, and where the next page begins."""

    entries: list[Entry]
    next: str | None = None


class History:
    """What there is of notebooks, in one store and in the outbox before it.

    Its coroutines belong into a `StoreLoop`; they raise `StoreError` where the store fails.
    """

    def __init__(
        self, stores: Stores, outbox: Outbox, index: VersionIndex, renames: Renames
    ) -> None:
        self._stores = stores
        self._outbox = outbox
        self._index = index
        self._renames = renames

    async def page(self, key: str, *, limit: int, after: str | None = None) -> HistoryPage:
        """List a notebook's versions, newest first.

        Saves that are pending come in addition to `limit`, on the first page.

        Raises
        ------
        ValueError
            If `after` is not the `next` of another page.
        """
        pending = [] if after else self._pending(key)
        streams = self._streams(key, limit, after)
        entries: list[Entry] = []
        while len(entries) < limit and (stream := await _newest(streams)):
            version = stream.pop()
            state: State = "deleted" if version.deleted else "archived"
            entries.append(Entry(version=version, state=state))
            former = version.provenance.renamed_from if version.provenance else ""
            if former and all(stream.key != former for stream in streams):
                streams.append(
                    _Stream(self._stores.home(), former, limit, older_than=version.stored_at)
                )
        archived = {e.version.provenance.save_id for e in entries if e.version.provenance}
        pending = [entry for entry in pending if entry.version.version_id not in archived]
        goes_on = any(stream.has_more for stream in streams)
        return HistoryPage(
            entries=_marked(pending + entries, has_latest=not after),
            next=_cursor(streams) if goes_on else None,
        )

    def _streams(self, key: str, limit: int, after: str | None) -> list[_Stream]:
        store = self._stores.home()
        if after:
            return [_Stream(store, *state) for state in _states(after, limit)]
        streams = [_Stream(store, key, limit)]
        if former := self._renames.former(key):
            streams.append(_Stream(store, former, limit))
        return streams

    def _pending(self, key: str) -> list[Entry]:
        saves = sorted(self._outbox.saves_of(key), key=lambda save: save.time, reverse=True)
        return [_entry_of(save) for save in saves]

    def known(self, key: str, *, limit: int) -> list[Entry]:
        """List what is known of a notebook on this machine, newest first, without any network."""
        entries = self._pending(key)
        for name in self._known_names(key):
            with suppress(OSError, sqlite3.Error):
                versions = self._index.versions(name, limit=limit).versions
                entries += [Entry(version=version, state="archived") for version in versions]
        return _marked(entries[:limit], has_latest=True)

    async def read(
        self, key: str, version_id: str | None, target: BinaryIO, *, limit: int | None = None
    ) -> Entry:
        """Write the bytes of a version to an open file; of the newest if none is named.

        Raises
        ------
        VersionNotFound
        TooLarge
            If there are more than `limit` bytes.
        """
        save = await asyncio.to_thread(self._waiting, key, version_id)
        if save:
            with suppress(OSError):  # it has just become a version
                return await asyncio.to_thread(self._copy_save, save, target, limit)
        key, version_id = await self._located(key, version_id)
        version = await self._stores.home().download(key, target, version_id, limit=limit)
        return Entry(version=version, state="archived")

    async def describe(self, key: str, version_id: str | None) -> Entry:
        """Tell of one version, the newest if none is named. Raises `VersionNotFound`."""
        if save := await asyncio.to_thread(self._waiting, key, version_id):
            return _entry_of(save)
        key, version_id = await self._located(key, version_id)
        version = await self._stores.home().describe(key, version_id)
        return Entry(version=version, state="archived")

    async def newest(
        self, prefix: str, *, limit: int, search: str = "", after: str | None = None
    ) -> HistoryPage:
        """List the newest version of each notebook below a prefix, in the order of their keys.

        Parameters
        ----------
        prefix : str
            Ends with a delimiter, or is empty.
        limit : int
        search : str
            Only those whose key holds this after the prefix, in whatever case.
        after : str, optional
            The `next` of another page.
        """
        store = self._stores.home()
        keys, after = await _matching(store, prefix, limit, search.casefold(), after)
        versions = await asyncio.gather(*(_described(store, key) for key in keys))
        entries = [Entry(version=version, state="archived") for version in versions if version]
        return HistoryPage(entries=entries, next=after)

    async def holds(self, key: str, file: str) -> bool:
        """Tell whether the newest version known here has the same bytes as a file has now."""
        return await asyncio.to_thread(self._holds, key, file)

    def _holds(self, key: str, file: str) -> bool:
        newest = next(iter(self.known(key, limit=1)), None)
        if newest is None or newest.version.size != os.path.getsize(file):
            return False
        if newest.version.provenance and newest.version.provenance.sha256:
            return newest.version.provenance.sha256 == _sha256_of(file)
        return False

    def _waiting(self, key: str, version_id: str | None) -> Save | None:
        """Find the pending save that is meant."""
        saves = self._outbox.saves_of(key)
        if version_id is None:
            return max(saves, key=lambda save: save.time, default=None)
        return next((save for save in saves if save.save_id == version_id), None)

    def _copy_save(self, save: Save, target: BinaryIO, limit: int | None) -> Entry:
        if limit is not None and save.size > limit:
            raise TooLarge(save.key, size=save.size, limit=limit)
        with self._outbox.open(save) as content:
            shutil.copyfileobj(content, target)
        return _entry_of(save)

    async def _located(self, key: str, version_id: str | None) -> tuple[str, str | None]:
        """Find out the key under which a version is kept, and its name there."""
        if version_id is None:
            return key, None
        known = None
        with suppress(OSError, sqlite3.Error):
            known = self._index.named(version_id)
        if known and known.key in self._known_names(key):
            return known.key, known.version_id
        with suppress(VersionNotFound):
            await self._stores.home().describe(key, version_id)
            return key, version_id
        return await self._searched(key, version_id)

    async def _searched(self, key: str, version_id: str) -> tuple[str, str | None]:
        after, seen = None, 0
        while seen < _LONGEST_SEARCH:
            page = await self.page(key, limit=_PAGE, after=after)
            for entry in page.entries:
                origin = entry.version.provenance
                names = {entry.version.version_id, origin.save_id if origin else ""}
                if version_id in names and entry.state == "archived":
                    return entry.version.key, entry.version.version_id
            after, seen = page.next, seen + len(page.entries)
            if after is None:
                break
        raise VersionNotFound(key, version_id)

    def _known_names(self, key: str) -> list[str]:
        """List the keys that a notebook has had, as far as this machine knows, the newest first."""
        names = [key]
        for name in names:
            former = {self._renames.former(name)}
            with suppress(OSError, sqlite3.Error):
                former |= set(self._index.renamed_from(name))
            names += sorted(former - {""} - set(names))
        return names


class _Stream:
    """The versions of one key, newest first, with all that is known of each."""

    def __init__(
        self,
        store: Store,
        key: str,
        limit: int,
        after: str | None = None,
        older_than: datetime | None = None,
    ) -> None:
        self.key = key
        self.last = after  # the version given last
        self.older_than = older_than
        self._store = store
        self._limit = limit
        self._loaded: list[Version] = []
        self._next = after
        self._ended = False

    async def head(self) -> Version | None:
        """Give the next version, or None at the end."""
        while not self._loaded and not self._ended:
            page = await self._store.versions(self.key, limit=self._limit, after=self._next)
            self._next, self._ended = page.next, page.next is None
            wanted = [
                version
                for version in page.versions
                if self.older_than is None or version.stored_at <= self.older_than
            ]
            completed = await asyncio.gather(*map(self._completed, wanted))
            self._loaded = [version for version in completed if version]
        return self._loaded[0] if self._loaded else None

    @property
    def has_more(self) -> bool:
        """Whether there is more, as far as is known without asking."""
        return bool(self._loaded) or not self._ended

    def pop(self) -> Version:
        """Take that version."""
        version = self._loaded.pop(0)
        self.last = version.version_id
        return version

    async def _completed(self, version: Version) -> Version | None:
        if version.provenance or version.deleted:
            return version
        described = await _described(self._store, self.key, version.version_id)
        return described and replace(version, provenance=described.provenance)


async def _matching(
    store: Store, prefix: str, limit: int, wanted: str, after: str | None
) -> tuple[list[str], str | None]:
    """List keys that hold a text after their prefix, and after which key the search goes on."""
    keys: list[str] = []
    seen = 0
    while True:
        page = await store.keys(prefix, limit=_KEYS_AT_ONCE if wanted else limit, after=after)
        for key in page.keys:
            if wanted in key[len(prefix) :].casefold():
                keys.append(key)
            if len(keys) == limit:
                is_last = key == page.keys[-1] and page.next is None
                return keys, None if is_last else key
        seen += len(page.keys)
        after = page.next
        if after is None or seen >= _MOST_KEYS:
            return keys, after


async def _described(store: Store, key: str, version_id: str | None = None) -> Version | None:
    try:
        return await store.describe(key, version_id)
    except VersionNotFound:  # removed since it was listed
        return None


async def _newest(streams: list[_Stream]) -> _Stream | None:
    heads = [(await stream.head(), stream) for stream in streams]
    left = [(version.stored_at, stream) for version, stream in heads if version]
    return max(left, key=lambda pair: pair[0])[1] if left else None


def _sha256_of(file: str) -> str:
    digest = hashlib.sha256()
    with open(file, "rb") as opened:
        while piece := opened.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _entry_of(save: Save) -> Entry:
    origin = Provenance(
        save_id=save.save_id,
        saved_at=save.saved_at,
        author=save.author,
        release=save.release,
        renamed_from=save.renamed_from,
        copied_from=save.copied_from,
    )
    version = Version(
        key=save.key,
        version_id=save.save_id,
        stored_at=save.saved_at,
        size=save.size,
        provenance=origin,
    )
    return Entry(version=version, state="pending")


def _marked(entries: list[Entry], *, has_latest: bool) -> list[Entry]:
    """Call the first one the latest, and no other: each former name had a latest of its own."""
    return [
        replace(entry, version=replace(entry.version, latest=has_latest and number == 0))
        for number, entry in enumerate(entries)
    ]


def _cursor(streams: list[_Stream]) -> str:
    states = [
        [stream.key, stream.last, stream.older_than and format_time(stream.older_than)]
        for stream in streams
    ]
    return base64.urlsafe_b64encode(json.dumps(states).encode()).decode().rstrip("=")


def _states(cursor: str, limit: int) -> Iterator[tuple[str, int, str | None, datetime | None]]:
    try:
        states = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        for key, last, older_than in states:
            if not isinstance(key, str) or not isinstance(last, str | None):
                raise ValueError
            yield key, limit, last, older_than and parse_time(older_than)
    except (ValueError, TypeError, AttributeError, binascii.Error):
        raise ValueError("after is not what another page has named as its next.") from None
