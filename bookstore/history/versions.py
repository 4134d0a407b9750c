"""List, read and find the versions of a notebook: those in the store, and pending saves."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Collection, Container
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import BinaryIO

from ..saves.identities import Identities, identify
from ..saves.outbox import Outbox, Save
from ..storage import StoreError, TooLarge, Version, VersionIndex, VersionNotFound, VersionPage
from ..storage.base import sha256_of
from ..storage.index import INDEX_ERRORS
from ..storage.paging import completed
from ..storage.stores import Stores
from ..validation import BadInput
from .lineage import Entry, State, Trail, pending_entry
from .names import names_of

_SHORTEST_BEGINNING = 8  # characters of a version id that may stand for all of it
_PAGE = 200  # versions asked for at once when one is looked for
_LONGEST_SEARCH = 5_000  # versions
_MOST_LOOKED_AT = 2_000  # versions that are listed for one page


@dataclass(frozen=True, kw_only=True)
class EntryPage:
    """Hold some versions, and where the next page begins.

    Attributes
    ----------
    entries : list of Entry
    next : str or None
    error : StoreError or None
        Why the store could not be asked, so that there is only what this machine knows.
    notebook_id : str
        Of the notebook that the versions belong to.
    others : list of Version
        The newest known version of each other notebook that had the same key.
    """

    entries: list[Entry]
    next: str | None = None
    error: StoreError | None = None
    notebook_id: str = ""
    others: list[Version] = field(default_factory=list)

    @property
    def problem(self) -> str:
        """Return the error in a sentence; empty if there was none."""
        return str(self.error) if self.error else ""


class History:
    """Look up the versions of notebooks, in a store and in the outbox before it.

    Run its coroutines with `Bookstore.run`; they raise `StoreError` where the store fails.

    Parameters
    ----------
    stores : Stores
    outbox : Outbox
    index : VersionIndex
    identities : Identities
    folders : list of str
        What the keys of each section begin with. A history does not leave the folder it began in.
    """

    def __init__(
        self,
        stores: Stores,
        outbox: Outbox,
        index: VersionIndex,
        identities: Identities,
        folders: list[str],
    ) -> None:
        self._stores = stores
        self._outbox = outbox
        self._index = index
        self._identities = identities
        self._folders = folders

    async def page(
        self, key: str, *, limit: int, after: str | None = None, notebook: str = ""
    ) -> EntryPage:
        """List the versions of the notebook under a key, newest first.

        Saves that are pending come in addition to `limit`. While the store fails, the first page
        has what is known on this machine, if there is anything. A page may have fewer versions
        than `limit`, or none, and a next one: another notebook had the key for long.

        Parameters
        ----------
        key : str
        limit : int
        after : str, optional
            The `next` of another page.
        notebook : str
            The id of another notebook that had this key.

        Raises
        ------
        BadInput
            If `after` is not the `next` of another page.
        """
        page = await self._unnamed(key, limit=limit, after=after, notebook=notebook)
        if page.error:
            return page
        return replace(page, entries=await self.named(page.entries))

    async def _unnamed(
        self, key: str, *, limit: int, after: str | None = None, notebook: str = ""
    ) -> EntryPage:
        """List versions as `page` does, without asking for their names."""
        saves = await asyncio.to_thread(self._saves)
        if after:
            trail = Trail.resumed(after, self._folder(key), key, self._is_other(key))
            return await self._page(trail, saves, key, limit, has_latest=False)
        try:
            saves = await self._identified(key, saves)
            trail = await asyncio.to_thread(self._trail, key, notebook)
            return await self._page(trail, saves, key, limit, has_latest=True)
        except StoreError as error:
            known = await asyncio.to_thread(self.known, key, limit=limit, notebook=notebook)
            if not known:
                raise
            return EntryPage(entries=known, error=error)

    async def _identified(self, key: str, saves: list[Save]) -> list[Save]:
        """Ask for the id of a notebook that this machine does not know for certain."""
        known = await asyncio.to_thread(self._identities.find, key)
        if known and known.ask:
            for save in saves:
                if save.notebook_id == known.notebook_id:
                    await identify(self._identities, self._stores.home(), save)
                    return await asyncio.to_thread(self._saves)
        return saves

    async def _page(
        self, trail: Trail, saves: list[Save], key: str, limit: int, *, has_latest: bool
    ) -> EntryPage:
        entries = []
        room = limit
        async with aclosing(trail.entries(self._listed, saves, at_once=limit)) as found:
            async for entry in found:
                entries.append(entry)
                room -= entry.state != "pending"
                if not room or trail.looked_at >= _MOST_LOOKED_AT:
                    break
        others = {}
        with suppress(*INDEX_ERRORS):
            known = await asyncio.to_thread(self._index.notebooks, key)
            others = {version.notebook_id: version for version in known}
        others |= trail.others
        others.pop(trail.notebook_id, None)
        return EntryPage(
            entries=_settled(entries, trail, has_latest=has_latest),
            next=trail.cursor,
            notebook_id=trail.notebook_id,
            others=list(others.values()),
        )

    async def _listed(self, key: str, *, limit: int, after: str | None) -> VersionPage:
        """List versions, and ask the store where those come from that are not known here."""
        store = self._stores.home()
        page = await store.versions(key, limit=limit, after=after)
        versions = await asyncio.gather(*(completed(store, version) for version in page.versions))
        return replace(page, versions=[version for version in versions if version])

    async def _remembered(self, key: str, *, limit: int, after: str | None) -> VersionPage:
        return self._index.versions(key, limit=limit, after=after)

    def known(self, key: str, *, limit: int, notebook: str = "") -> list[Entry]:
        """List what is known of a notebook on this machine, newest first, without any network."""
        trail = self._trail(key, notebook)
        entries: list[Entry] = []

        async def gather() -> None:
            found = trail.entries(self._remembered, self._saves(), at_once=limit)
            async with aclosing(found):
                async for entry in found:
                    entries.append(entry)
                    if len(entries) >= limit:
                        return

        with suppress(*INDEX_ERRORS, StopIteration):
            gather().send(None)  # nothing in it waits, so that it needs no event loop
        return _settled(entries, trail, has_latest=True)

    def _folder(self, key: str) -> str:
        """Return the folder that the key's history stays in."""
        return max((folder for folder in self._folders if key.startswith(folder)), key=len)

    def _trail(self, key: str, notebook: str) -> Trail:
        known = self._identities.find(key)
        start, notebook_id = key, self._identities.real_id(notebook)
        if known and notebook_id in ("", known.notebook_id):
            start, notebook_id = known.renamed_from or key, known.notebook_id
        return Trail(self._folder(key), key, start, notebook_id, self._is_other(key))

    def _is_other(self, key: str) -> Callable[[str], bool]:
        """Return a check whether a notebook is one that this machine has under another key."""
        if self._identities.find(key) is None:  # whoever had it last
            return lambda _: False
        return partial(self._identities.has_elsewhere, key=key)

    def _saves(self) -> list[Save]:
        """Read what is pending, oldest first, with the ids that notebooks have in the store."""
        saves: list[Save] = []
        with suppress(OSError):
            saves = sorted(self._outbox.saves(), key=lambda save: save.time)
        real_id = self._identities.real_id
        return [replace(save, notebook_id=real_id(save.notebook_id)) for save in saves]

    async def read(
        self,
        key: str,
        version_id: str | None,
        target: BinaryIO,
        *,
        limit: int | None = None,
    ) -> Entry:
        """Write the bytes of a version to an open file; of the newest if none is named.

        Raises
        ------
        VersionNotFound
        TooLarge
            If there are more than `limit` bytes.
        """
        saves = await asyncio.to_thread(self._saves)
        trail = await asyncio.to_thread(self._trail, key, "")
        waiting = _waiting(saves, key, version_id, trail)
        if waiting and (entry := await asyncio.to_thread(self._copied, waiting, target, limit)):
            return entry
        download = partial(self._stores.home().download, target=target, limit=limit)
        start = target.tell()
        with suppress(VersionNotFound):
            name, named = await asyncio.to_thread(self._likely_place, key, version_id, trail)
            version = await download(name, version_id=named)
            if named or trail.owns(version):
                return Entry(version=version, state="archived")
        target.seek(start)
        target.truncate()
        found = (await self._searched(key, version_id)).version
        version = await download(found.key, version_id=found.version_id)
        return Entry(version=version, state="archived")

    async def find(self, key: str, version_id: str | None) -> Entry:
        """Describe a version of a notebook; the newest if none is named.

        Raises
        ------
        VersionNotFound
        BadInput
            If several versions have an id that begins so.
        """
        return await self._searched(key, version_id, states={"archived", "pending"})

    async def named(self, entries: list[Entry]) -> list[Entry]:
        """Complete the versions of a notebook by their names, if the store can be asked."""
        with suppress(StoreError):
            return await names_of(self._stores.home(), entries)
        return entries

    async def known_changes(self, heads: Collection[str]) -> dict[tuple[str, str], str]:
        """Return what is known here to have changed up to these versions, by the ids of both."""
        with suppress(*INDEX_ERRORS):
            return await asyncio.to_thread(self._index.changes, heads)
        return {}

    async def remember_changes(self, base: str, head: str, summary: str) -> None:
        """Keep on this machine what changed from one version to another, in words."""
        with suppress(*INDEX_ERRORS):
            await asyncio.to_thread(self._index.add_changes, base, head, summary)

    async def holds(self, key: str, file: str) -> bool:
        """Return whether the newest version has the same bytes as a file has now, for certain."""
        newest = await asyncio.to_thread(self._same_as, key, file)
        if newest and newest.state == "archived":
            try:  # others may have removed it
                await self._stores.home().describe(newest.version.key, newest.version.version_id)
            except StoreError:
                return False
        return newest is not None

    def _same_as(self, key: str, file: str) -> Entry | None:
        """Return the newest version known here, if its bytes are the file's."""
        newest = next(iter(self.known(key, limit=1)), None)
        if not newest or newest.version.size != os.path.getsize(file):
            return None
        with open(file, "rb") as content:
            return newest if self._sha256_of(newest) == sha256_of(content) else None

    def _sha256_of(self, entry: Entry) -> str:
        """Return the hash of a version, or of a save that is pending; empty if not known."""
        if entry.state == "pending":
            for save in self._saves():
                if save.save_id == entry.version.version_id:
                    with suppress(OSError), self._outbox.open(save) as content:
                        return sha256_of(content)
        return entry.version.origin.sha256

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
        self, key: str, version_id: str | None, trail: Trail
    ) -> tuple[str, str | None]:
        """Return the key under which a version most likely is kept, and its id there."""
        if version_id is None:
            return trail.start, None
        known = None
        with suppress(*INDEX_ERRORS):
            known = self._index.named(version_id)
        if known and (known.key == key or (trail.owns(known, surely=True))):
            return known.key, known.version_id
        return key, version_id

    async def _searched(
        self, key: str, version_id: str | None, states: Container[State] = ("archived",)
    ) -> Entry:
        """Find a version, the newest if none is named, under whatever key the notebook had.

        The beginning of an id will do if no other version's begins so.
        """
        after, looked_at = None, 0
        alike: list[Entry] = []
        limit = _PAGE if version_id else 1
        while looked_at < _LONGEST_SEARCH:
            page = await self._unnamed(key, limit=limit, after=after)
            for entry in page.entries:
                if entry.state not in states:
                    continue
                ids = _ids(entry.version)
                if version_id is None or version_id in ids:
                    return entry
                is_alike = any(each.startswith(version_id) for each in ids)
                if is_alike and len(version_id) >= _SHORTEST_BEGINNING:
                    alike.append(entry)
            after, looked_at = page.next, looked_at + max(_PAGE, len(page.entries))
            if after is None:
                break
        if len(alike) > 1:
            raise BadInput(f"{len(alike)} versions have an id that begins with {version_id}.")
        if not alike:
            raise VersionNotFound(key, version_id)
        return alike[0]


def _waiting(saves: list[Save], key: str, version_id: str | None, trail: Trail) -> Save | None:
    """Find the pending save that is meant."""
    for save in reversed(saves):
        version = pending_entry(save).version
        if version_id is None and save.key == trail.start and trail.owns(version):
            return save
        is_own = save.key == key or trail.owns(version, surely=True)
        if version_id == save.save_id and is_own:
            return save
    return None


def _settled(entries: list[Entry], trail: Trail, *, has_latest: bool) -> list[Entry]:
    """Show saves that have become versions meanwhile as that, and the first entry as the latest.

    The others are not the latest, though each key had one.
    """
    settled = []
    for number, entry in enumerate(entries):
        if archived := trail.became.get(entry.version.version_id):
            entry = Entry(version=archived, state="archived")  # noqa: PLW2901
        version = replace(entry.version, latest=has_latest and number == 0)
        settled.append(replace(entry, version=version))
    return settled


def _ids(version: Version) -> set[str]:
    """Return the names of a version: the store's, and that of the save it was made of."""
    return {version.version_id, version.save_id}
