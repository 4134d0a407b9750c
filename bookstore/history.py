"""The history of notebooks as people see it: what is in the store, and what is still pending here.

A notebook's history goes on under the names it had before: the first version after a rename says
where it came from.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from heapq import merge
from typing import BinaryIO, Literal

from .inputs import version_name
from .renames import Renames
from .storage import (
    Provenance,
    Store,
    StoreError,
    TooLarge,
    Version,
    VersionIndex,
    VersionNotFound,
)
from .storage.base import format_time, parse_time, sha256_of
from .storage.outbox import Outbox, Save
from .storage.stores import Stores

_PAGE = 200  # versions asked for at once when one is looked for
_LONGEST_SEARCH = 5_000  # versions

State = Literal["archived", "pending", "deleted"]
_Name = tuple[str, datetime | None]  # a key that a notebook had, and until when, if that is known


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
class EntryPage:
    """Some versions, and where the next page begins.

    Attributes
    ----------
    entries : list of Entry
    next : str or None
    problem : str
        Why the store could not be asked, so that there is only what this machine knows; else empty.
    """

    entries: list[Entry]
    next: str | None = None
    problem: str = ""


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

    async def page(self, key: str, *, limit: int, after: str | None = None) -> EntryPage:
        """List a notebook's versions, newest first.

        Saves that are pending come in addition to `limit`, on the first page. While the store fails
        that page has what is known on this machine, if there is anything.

        Raises
        ------
        ValueError
            If `after` is not the `next` of another page.
        """
        if after:
            streams = [_Stream(self._stores.home(), *state) for state in _states(after, key, limit)]
            entries = await self._merged(streams, limit)
            return EntryPage(entries=_marked(entries, has_latest=False), next=_cursor(streams))
        try:
            return await self._first_page(key, limit)
        except StoreError as error:
            known = await asyncio.to_thread(self.known, key, limit=limit)
            if not known:
                raise
            return EntryPage(entries=known, problem=str(error))

    async def _first_page(self, key: str, limit: int) -> EntryPage:
        saves = await asyncio.to_thread(self._saves)
        names = _chain(key, lambda name: self._untold_names(name, saves))
        store = self._stores.home()
        streams = [_Stream(store, name, limit, until=until) for name, until in names.items()]
        entries = await self._merged(streams, limit)
        archived = {e.version.provenance.save_id for e in entries if e.version.provenance}
        pending = [
            entry
            for entry in _pending(saves, names)
            if entry.version.version_id not in archived  # it has just become a version
        ]
        together = list(merge(pending, entries, key=_entry_time, reverse=True))
        return EntryPage(entries=_marked(together, has_latest=True), next=_cursor(streams))

    async def _merged(self, streams: list[_Stream], limit: int) -> list[Entry]:
        """Take versions from streams, and from those of the names that are told on the way."""
        entries: list[Entry] = []
        while len(entries) < limit and (stream := await _newest(streams)):
            version = stream.pop()
            state: State = "deleted" if version.deleted else "archived"
            entries.append(Entry(version=version, state=state))
            former = version.provenance.renamed_from if version.provenance else ""
            if former and all(stream.key != former for stream in streams):
                until = _time_of(version)
                streams.append(_Stream(self._stores.home(), former, limit, until=until))
        return entries

    def known(self, key: str, *, limit: int) -> list[Entry]:
        """List what is known of a notebook on this machine, newest first, without any network."""
        saves = self._saves()
        names = self._known_names(key, saves)
        pending = _pending(saves, names)
        waiting = {entry.version.version_id for entry in pending}
        lists = [pending]
        for name, until in names.items():
            with suppress(OSError, sqlite3.Error):
                versions = self._index.versions(name, limit=limit).versions
                lists.append(
                    [
                        Entry(version=version, state="archived")
                        for version in versions
                        if _is_until(version, until) and not _is_one_of(version, waiting)
                    ]
                )
        together = list(merge(*lists, key=_entry_time, reverse=True))
        return _marked(together[:limit], has_latest=True)

    def _saves(self) -> list[Save]:
        with suppress(OSError):
            return self._outbox.saves()
        return []

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
        if entry := await asyncio.to_thread(self._read_pending, key, version_id, target, limit):
            return entry
        download = partial(self._stores.home().download, target=target, limit=limit)
        name, named = await asyncio.to_thread(self._likely_place, key, version_id)
        try:
            version = await download(name, version_id=named)
        except VersionNotFound:
            name, named = await self._searched(key, version_id)
            version = await download(name, version_id=named)
        return Entry(version=version, state="archived")

    async def holds(self, key: str, file: str) -> bool:
        """Tell whether the newest version known here has the same bytes as a file has now."""
        return await asyncio.to_thread(self._holds, key, file)

    def _holds(self, key: str, file: str) -> bool:
        newest = next(iter(self.known(key, limit=1)), None)
        if newest is None or newest.version.size != os.path.getsize(file):
            return False
        with open(file, "rb") as content:
            return self._sha256_of(newest) == sha256_of(content)

    def _sha256_of(self, entry: Entry) -> str:
        """Tell the hash of a version, or of a save that is pending; empty if it is not known."""
        if entry.state == "pending":
            for save in self._saves():
                if save.save_id == entry.version.version_id:
                    with suppress(OSError), self._outbox.open(save) as content:
                        return sha256_of(content)
        return entry.version.provenance.sha256 if entry.version.provenance else ""

    def _waiting(self, key: str, version_id: str | None) -> Save | None:
        """Find the pending save that is meant."""
        saves = self._saves()
        if version_id is None:
            own = [save for save in saves if save.key == key]
            return max(own, key=lambda save: save.time, default=None)
        names = self._known_names(key, saves)
        named = (save for save in saves if save.save_id == version_id and save.key in names)
        return next(named, None)

    def _read_pending(
        self, key: str, version_id: str | None, target: BinaryIO, limit: int | None
    ) -> Entry | None:
        """Read a version as the save that it still is; None if it is none, or no more."""
        save = self._waiting(key, version_id)
        if save is None:
            return None
        if limit is not None and save.size > limit:
            raise TooLarge(save.key, size=save.size, limit=limit)
        try:
            content = self._outbox.open(save)
        except OSError:  # it has just become a version
            return None
        with content:
            shutil.copyfileobj(content, target)
        return pending_entry(save)

    def _likely_place(self, key: str, version_id: str | None) -> tuple[str, str | None]:
        """Give the key under which a version most likely is kept, and its name there."""
        known = None
        with suppress(OSError, sqlite3.Error):
            known = self._index.named(version_id) if version_id else None
        if known and known.key in self._known_names(key, self._saves()):
            return known.key, known.version_id
        return key, version_id

    async def _searched(self, key: str, version_id: str | None) -> tuple[str, str]:
        """Find a version, the newest if none is named, under whatever name the notebook had."""
        after, seen = None, 0
        while seen < _LONGEST_SEARCH:
            page = await self.page(key, limit=_PAGE, after=after)
            for entry in page.entries:
                is_meant = version_id is None or version_id in _ids(entry.version)
                if is_meant and entry.state == "archived":
                    return entry.version.key, entry.version.version_id
            after, seen = page.next, seen + len(page.entries)
            if after is None:
                break
        raise VersionNotFound(key, version_id)

    def _untold_names(self, key: str, saves: list[Save]) -> Iterator[_Name]:
        """Tell how a notebook was called before, as far as the store has not been told yet."""
        if former := self._renames.former(key):
            yield former, None
        for save in saves:
            if save.key == key and save.renamed_from:
                yield save.renamed_from, save.saved_at

    def _known_names(self, key: str, saves: list[Save]) -> dict[str, datetime | None]:
        """Tell how a notebook was called, and until when, as far as this machine knows."""

        def formers(name: str) -> Iterator[_Name]:
            yield from self._untold_names(name, saves)
            with suppress(OSError, sqlite3.Error):
                yield from self._index.renamed_from(name).items()

        return _chain(key, formers)


def pending_entry(save: Save) -> Entry:
    """Make the entry of a save that is pending."""
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


class _Stream:
    """The versions of one key, newest first, with all that is known of each."""

    def __init__(
        self,
        store: Store,
        key: str,
        limit: int,
        after: str | None = None,
        until: datetime | None = None,
    ) -> None:
        self.key = key
        self.last = after  # the version given last
        self.until = until  # when the notebook got another name; later versions are not its own
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
            completed = await asyncio.gather(*map(self._completed, page.versions))
            self._loaded = [v for v in completed if v and _is_until(v, self.until)]
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


async def _described(store: Store, key: str, version_id: str | None = None) -> Version | None:
    try:
        return await store.describe(key, version_id)
    except VersionNotFound:  # removed since it was listed
        return None


async def _newest(streams: list[_Stream]) -> _Stream | None:
    heads = [(await stream.head(), stream) for stream in streams]
    left = [(_time_of(version), stream) for version, stream in heads if version]
    return max(left, key=lambda pair: pair[0])[1] if left else None


def _chain(key: str, formers: Callable[[str], Iterator[_Name]]) -> dict[str, datetime | None]:
    """Follow a notebook through its former names, each with the time until which it had that."""
    names: dict[str, datetime | None] = {key: None}
    to_follow = [key]
    for name in to_follow:
        for former, until in formers(name):
            if former not in names:
                names[former] = until
                to_follow.append(former)
    return names


def _pending(saves: list[Save], names: Mapping[str, datetime | None]) -> list[Entry]:
    """Give those saves that were made under some names, the newest first."""
    entries = [pending_entry(save) for save in saves if save.key in names]
    entries = [entry for entry in entries if _is_until(entry.version, names[entry.version.key])]
    return sorted(entries, key=_entry_time, reverse=True)


def _time_of(version: Version) -> datetime:
    """Tell when a version was saved.

    Not when it was stored: saves of notebooks that have other names overtake each other.
    """
    return version.provenance.saved_at if version.provenance else version.stored_at


def _entry_time(entry: Entry) -> datetime:
    return _time_of(entry.version)


def _is_until(version: Version, until: datetime | None) -> bool:
    return until is None or _time_of(version) <= until


def _ids(version: Version) -> set[str]:
    """Give the names of a version: the store's, and that of the save it was made of."""
    return {version.version_id, version.provenance.save_id if version.provenance else ""}


def _is_one_of(version: Version, save_ids: set[str]) -> bool:
    return not save_ids.isdisjoint(_ids(version))


def _marked(entries: list[Entry], *, has_latest: bool) -> list[Entry]:
    """Call the first one the latest, and no other: each former name had a latest of its own."""
    return [
        replace(entry, version=replace(entry.version, latest=has_latest and number == 0))
        for number, entry in enumerate(entries)
    ]


def _cursor(streams: list[_Stream]) -> str | None:
    """Write down where the next page begins; None if there is none."""
    if not any(stream.has_more for stream in streams):
        return None
    states = [
        [stream.key, stream.last, stream.until and format_time(stream.until)] for stream in streams
    ]
    return base64.urlsafe_b64encode(json.dumps(states).encode()).decode().rstrip("=")


def _states(
    cursor: str, key: str, limit: int
) -> list[tuple[str, int, str | None, datetime | None]]:
    """Read what `_cursor` has written for a notebook. Raises `ValueError`."""
    try:
        states = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if states[0][0] != key:
            raise ValueError
        return [
            (_text(name), limit, last and version_name(last), until and parse_time(until))
            for name, last, until in states
        ]
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
        raise ValueError("after is not what another page has named as its next.") from None


def _text(value: str) -> str:
    """Require a text that can be written as UTF-8. Raises `ValueError` or `AttributeError`."""
    return value.encode().decode()
