"""The history of a notebook as people see it: what is in the store, and what is still pending."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import BinaryIO

from ..saves.outbox import Outbox, Save
from ..saves.renames import Renames
from ..storage import (
    Store,
    StoreError,
    TooLarge,
    Version,
    VersionIndex,
    VersionNotFound,
    VersionPage,
)
from ..storage.base import sha256_of
from ..storage.paging import completed
from ..storage.stores import Stores
from .lineage import Entry, Lineage, marked, pending_entry

_PAGE = 200  # versions asked for at once when one is looked for
_LONGEST_SEARCH = 5_000  # versions


@dataclass(frozen=True, kw_only=True)
class EntryPage:
    """Some versions, and where the next page begins.

    Attributes
    ----------
    entries : list of Entry
    next : str or None
    error : StoreError or None
        Why the store could not be asked, so that there is only what this machine knows.
    """

    entries: list[Entry]
    next: str | None = None
    error: StoreError | None = None

    @property
    def problem(self) -> str:
        """The error in a sentence; empty if there was none."""
        return str(self.error) if self.error else ""


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
        """List a notebook's versions, newest first, and at last those of another of its name.

        Saves that are pending come in addition to `limit`. While the store fails, the first page
        has what is known on this machine, if there is anything.

        Raises
        ------
        BadInput
            If `after` is not the `next` of another page.
        """
        saves = await asyncio.to_thread(self._saves)
        if after:
            lineage = Lineage.resumed(after, key, saves)
            return await self._page(lineage, limit, has_latest=False)
        lineage = await asyncio.to_thread(self._lineage, key, saves)
        try:
            return await self._page(lineage, limit, has_latest=True)
        except StoreError as error:
            known = await asyncio.to_thread(self.known, key, limit=limit)
            if not known:
                raise
            return EntryPage(entries=known, error=error)

    async def _page(self, lineage: Lineage, limit: int, *, has_latest: bool) -> EntryPage:
        store = self._stores.home()
        entries = lineage.pending()
        room = limit
        while room and not lineage.is_over:
            page = await store.versions(lineage.key, limit=limit, after=lineage.after)
            taken = lineage.take(await _completed(store, page), room)
            room -= sum(entry.state != "pending" for entry in taken)
            entries += taken
        entries = marked(_each_once(entries), has_latest=has_latest)
        return EntryPage(entries=entries, next=lineage.cursor)

    def known(self, key: str, *, limit: int) -> list[Entry]:
        """List what is known of a notebook on this machine, newest first, without any network."""
        lineage = self._lineage(key, self._saves())
        entries = lineage.pending()
        with suppress(OSError, sqlite3.Error):
            while len(entries) < limit and not lineage.is_over:
                page = self._index.versions(lineage.key, limit=limit, after=lineage.after)
                entries += lineage.take(page, limit)
        return marked(_each_once(entries)[:limit], has_latest=True)

    def _lineage(self, key: str, saves: list[Save]) -> Lineage:
        return Lineage(key, saves, self._renames.untold(key))

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
        saves = await asyncio.to_thread(self._saves)
        waiting = await asyncio.to_thread(self._waiting, saves, key, version_id)
        if waiting and (entry := await asyncio.to_thread(self._copied, waiting, target, limit)):
            return entry
        download = partial(self._stores.home().download, target=target, limit=limit)
        try:
            name, named = await asyncio.to_thread(self._likely_place, saves, key, version_id)
            version = await download(name, version_id=named)
        except VersionNotFound:
            name, named = await self._searched(key, version_id)
            version = await download(name, version_id=named)
        return Entry(version=version, state="archived")

    async def holds(self, key: str, file: str) -> bool:
        """Tell whether the newest version has the same bytes as a file has now, for certain."""
        newest = await asyncio.to_thread(self._same_as, key, file)
        if newest and newest.state == "archived":
            try:  # others may have removed it
                await self._stores.home().describe(newest.version.key, newest.version.version_id)
            except StoreError:
                return False
        return newest is not None

    def _same_as(self, key: str, file: str) -> Entry | None:
        """Give the newest version known here, if its bytes are the file's."""
        newest = next(iter(self.known(key, limit=1)), None)
        if not newest or newest.of_another or newest.version.size != os.path.getsize(file):
            return None
        with open(file, "rb") as content:
            return newest if self._sha256_of(newest) == sha256_of(content) else None

    def _sha256_of(self, entry: Entry) -> str:
        """Tell the hash of a version, or of a save that is pending; empty if it is not known."""
        if entry.state == "pending":
            for save in self._saves():
                if save.save_id == entry.version.version_id:
                    with suppress(OSError), self._outbox.open(save) as content:
                        return sha256_of(content)
        return entry.version.provenance.sha256 if entry.version.provenance else ""

    def _waiting(self, saves: list[Save], key: str, version_id: str | None) -> Save | None:
        """Find the pending save that is meant."""
        if version_id is None:
            pending = self._lineage(key, saves).pending()
            if not pending:
                return None
            version_id = pending[0].version.version_id
        names = self._known_names(key, saves)
        named = (save for save in saves if save.save_id == version_id and save.key in names)
        return next(named, None)

    def _copied(self, save: Save, target: BinaryIO, limit: int | None) -> Entry | None:
        """Read a version as the save that it still is; None if it is that no more."""
        if limit is not None and save.size > limit:
            raise TooLarge(save.key, size=save.size, limit=limit)
        try:
            content = self._outbox.open(save)
        except OSError:  # it has just become a version
            return None
        with content:
            shutil.copyfileobj(content, target)
        return pending_entry(save)

    def _likely_place(
        self, saves: list[Save], key: str, version_id: str | None
    ) -> tuple[str, str | None]:
        """Give the key under which a version most likely is kept, and its name there.

        Raises
        ------
        VersionNotFound
            If there is nothing likely.
        """
        if version_id is None:
            lineage = self._lineage(key, saves)
            if not lineage.begins_with_the_newest:
                raise VersionNotFound(key)
            return lineage.key, None
        known = None
        with suppress(OSError, sqlite3.Error):
            known = self._index.named(version_id)
        if known and known.key in self._known_names(key, saves):
            return known.key, known.version_id
        return key, version_id

    async def _searched(self, key: str, version_id: str | None) -> tuple[str, str]:
        """Find a version, the newest if none is named, under whatever name the notebook had."""
        after, seen = None, 0
        of_another = None
        while seen < _LONGEST_SEARCH:
            page = await self.page(key, limit=_PAGE, after=after)
            for entry in page.entries:
                is_meant = version_id is None or version_id in _ids(entry.version)
                if is_meant and entry.state == "archived":
                    place = entry.version.key, entry.version.version_id
                    if version_id or not entry.of_another:
                        return place
                    of_another = of_another or place
            after, seen = page.next, seen + len(page.entries)
            if after is None:
                break
        if of_another:
            return of_another  # its own there is none
        raise VersionNotFound(key, version_id)

    def _known_names(self, key: str, saves: list[Save]) -> set[str]:
        """Give the names that a notebook had, as far as this machine knows."""
        names = {key}
        to_follow = [key]
        for name in to_follow:
            formers = {save.renamed_from for save in saves if save.key == name}
            if naming := self._renames.untold(name):
                formers.add(naming.former)
            with suppress(OSError, sqlite3.Error):
                formers |= self._index.former_keys(name)
            to_follow += formers - names - {""}
            names |= formers
        return names - {""}


async def _completed(store: Store, page: VersionPage) -> VersionPage:
    """Ask the store where versions come from that are not known here."""

    versions = await asyncio.gather(*(completed(store, version) for version in page.versions))
    return replace(page, versions=[version for version in versions if version])


def _each_once(entries: list[Entry]) -> list[Entry]:
    """Leave out pending saves that have just become versions."""
    archived = {
        entry.version.provenance.save_id
        for entry in entries
        if entry.state != "pending" and entry.version.provenance
    }
    return [e for e in entries if e.state != "pending" or e.version.version_id not in archived]


def _ids(version: Version) -> set[str]:
    """Give the names of a version: the store's, and that of the save it was made of."""
    return {version.version_id, version.provenance.save_id if version.provenance else ""}
