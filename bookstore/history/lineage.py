"""Follow the versions of one notebook, newest first, under all the keys that it had.

Each key has its versions in the store's order, and saves that are pending are newer than those. The
notebook's first version under a key names the key before: its history goes on there, and comes back
when a version there names the first key in turn. So no two clocks are compared.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections import deque
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from ..saves.outbox import Save
from ..storage import Version, VersionPage
from ..validation import BadInput, version_name

State = Literal["archived", "pending", "deleted"]

_MOST_AT_ONCE = 1_000  # versions, as S3 lists
_GROWTH = 8  # a search asks for so many times more than before
_LONGEST_CURSOR = 1 << 20  # bytes


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Hold a version in a notebook's history.

    Attributes
    ----------
    version : Version
        Of one that is pending, the version id is the save's id; it can be read by that also when
        it is in the store.
    state : "archived", "pending" or "deleted"
        Deleted is the store's own record that the key was deleted.
    name, note : str
        Those that somebody gave it; empty if none.
    """

    version: Version
    state: State
    name: str = ""
    note: str = ""


class ListVersions(Protocol):
    """List the versions of a key, with their provenances: from a store, or from an index."""

    async def __call__(self, key: str, *, limit: int, after: str | None) -> VersionPage: ...


@dataclass
class _Place:
    """Hold how far the versions of one key were read.

    Attributes
    ----------
    after : str or None
        The version id that was reached.
    shown : str
        The save id of the pending one that was reached, until `after` is set.
    owner : str
        The notebook id seen last. A version without one belongs to that notebook.
    is_listed : bool
        Whether the store has no more than what is in `versions`.
    """

    after: str | None = None
    shown: str = ""
    owner: str = ""
    is_listed: bool = False
    pending: deque[Save] = field(default_factory=deque)
    versions: deque[Version] = field(default_factory=deque)


class Trail:
    """Read a notebook's versions, key by key, and remember how far.

    Parameters
    ----------
    folder : str
        No key outside of it is gone to.
    name : str
        The key for which the history was asked.
    start : str
        The key to begin with.
    notebook_id : str
        If empty, that of the first version that has one.
    is_other : callable
        Whether a notebook id is known to be another notebook's.

    Attributes
    ----------
    others : dict of str to Version
        The newest version seen of each other notebook under `name`, by notebook id.
    became : dict of str to Version
        The versions that pending saves have become meanwhile, by save id.
    looked_at : int
        How many versions were listed.
    """

    def __init__(
        self,
        folder: str,
        name: str,
        start: str,
        notebook_id: str,
        is_other: Callable[[str], bool],
    ) -> None:
        self.start = start
        self.notebook_id = notebook_id
        self.others: dict[str, Version] = {}
        self.became: dict[str, Version] = {}
        self.looked_at = 0
        self._is_other = is_other
        self._folder = folder
        self._name = name
        self._keys = [start]  # to be gone through, the last one first
        self._places: dict[str, _Place] = {}
        self._over: set[int] = set()  # checksums of keys without further versions
        self._pending: set[str] = set()  # ids of saves that were given

    async def entries(
        self, list_versions: ListVersions, saves: list[Save], *, at_once: int
    ) -> AsyncGenerator[Entry, None]:
        """Yield the versions that come next.

        Parameters
        ----------
        list_versions : ListVersions
        saves : list of Save
            Those pending, oldest first, with real notebook ids.
        at_once : int
            How many versions to ask for at first.
        """
        newest_first = saves[::-1]
        for key, place in self._places.items():  # resumed
            waiting = [save for save in newest_first if save.key == key]
            ids = [save.save_id for save in waiting]
            if place.after is None and place.shown in ids:
                place.pending.extend(waiting[ids.index(place.shown) + 1 :])
        while self._keys:
            key = self._keys[-1]
            if key not in self._places:
                self._places[key] = _Place(
                    pending=deque(save for save in newest_first if save.key == key)
                )
            place = self._places[key]
            if place.pending:
                save = place.pending.popleft()
                place.shown = save.save_id
                if self._is_own(place, pending_entry(save).version):
                    self._pending.add(save.save_id)
                    self._go_on(key, save.renamed_from)
                    yield pending_entry(save)
            elif not place.versions and not place.is_listed:
                await self._list(list_versions, key, at_once)
                at_once = min(at_once * _GROWTH, _MOST_AT_ONCE)
            elif entry := self._next(key):
                yield entry

    async def _list(self, list_versions: ListVersions, key: str, limit: int) -> None:
        place = self._places[key]
        page = await list_versions(key, limit=limit, after=place.after)
        versions = page.versions
        self.looked_at += len(versions)
        if place.after is None and place.shown and not place.pending:
            # What a page before has shown as pending may be in the store now.
            ids = [version.save_id for version in versions]
            if place.shown in ids and place.shown not in self._pending:
                versions = versions[ids.index(place.shown) + 1 :]
        place.versions.extend(versions)
        place.is_listed = page.next is None
        if page.next and not versions:
            place.after = page.next

    def _next(self, key: str) -> Entry | None:
        """Take the next version of a key; None where it is another notebook's, or the last was."""
        place = self._places[key]
        entry = None
        former = ""
        while place.versions and entry is None:
            version = place.versions.popleft()
            place.after = version.version_id
            if not self._is_own(place, version):
                continue
            save_id = version.save_id
            if save_id and save_id in self._pending:
                self.became[save_id] = version
                continue
            former = version.origin.renamed_from
            entry = Entry(version=version, state="deleted" if version.deleted else "archived")
        if entry:
            self._pass_over_others(place)
        if not place.versions and place.is_listed:
            self._keys.remove(key)
            self._over.add(_checksum(key))
            del self._places[key]
        self._go_on(key, former)
        return entry

    def _pass_over_others(self, place: _Place) -> None:
        """Skip the versions of other notebooks that come next."""
        while place.versions:
            version = place.versions[0]
            owner = version.notebook_id or place.owner
            is_other = self._is_other(owner) if not self.notebook_id else owner != self.notebook_id
            if not owner or not is_other:
                return
            self._is_own(place, version)
            place.versions.popleft()
            place.after = version.version_id

    def _is_own(self, place: _Place, version: Version) -> bool:
        place.owner = version.notebook_id or place.owner
        if not self.notebook_id and not self._is_other(place.owner):
            self.notebook_id = place.owner
        is_own = not place.owner or place.owner == self.notebook_id
        if not is_own and version.key == self._name and not version.deleted:
            self.others.setdefault(place.owner, version)
        return is_own

    def _go_on(self, key: str, former: str) -> None:
        """Read the key next that the notebook had before."""
        if former in ("", key) or not former.startswith(self._folder):
            return
        if _checksum(former) not in self._over:
            if former in self._keys:
                self._keys.remove(former)
            self._keys.append(former)

    def owns(self, version: Version, *, surely: bool = False) -> bool:
        """Return whether a version is the notebook's, as far as its id says.

        Parameters
        ----------
        version : Version
        surely : bool
            Whether both must have an id.
        """
        if not version.key.startswith(self._folder):
            return False
        notebook_id = version.notebook_id
        if not (notebook_id and self.notebook_id):
            return not surely and not self._is_other(notebook_id)
        return notebook_id == self.notebook_id

    # Between two pages

    @property
    def cursor(self) -> str | None:
        """Return where the next page begins; None if there is no more."""
        if not self._keys:
            return None
        places = {key: [p.after, p.shown, p.owner] for key, p in self._places.items()}
        state = [self._name, self.notebook_id, self._keys, places, sorted(self._over)]
        packed = zlib.compress(json.dumps(state).encode())
        return base64.urlsafe_b64encode(packed).decode().rstrip("=")

    @classmethod
    def resumed(cls, cursor: str, folder: str, name: str, is_other: Callable[[str], bool]) -> Trail:
        """Resume from a cursor. It comes from outside: each key in it must be in the folder.

        Raises
        ------
        BadInput
        """
        try:
            return cls._resumed(_unpacked(cursor), folder, name, is_other)
        except (
            BadInput,
            ValueError,
            TypeError,
            AttributeError,
            LookupError,
            RecursionError,
            zlib.error,
        ):
            raise BadInput("after is not the next of another page of this notebook.") from None

    @classmethod
    def _resumed(cls, state: Any, folder: str, name: str, is_other: Callable[[str], bool]) -> Trail:
        of_name, notebook_id, keys, places, over = state
        for key in [*keys, *places]:
            # What cannot be UTF-8 is no key.
            if not key.startswith(folder) or not key.encode() or key not in keys:
                raise ValueError
        if of_name != name or not keys or len(set(keys)) != len(keys):
            raise ValueError
        trail = cls(folder, name, "", notebook_id + "", is_other)
        trail._keys = list(keys)
        for key, (after, shown, owner) in places.items():
            trail._places[key] = _Place(after and version_name(after), shown + "", owner + "")
        trail._over = set(map(int, over))
        return trail


def pending_entry(save: Save) -> Entry:
    """Make the entry of a save that is pending."""
    version = Version(
        key=save.key,
        version_id=save.save_id,
        stored_at=save.saved_at,
        size=save.size,
        provenance=save.provenance,
    )
    return Entry(version=version, state="pending")


def _unpacked(cursor: str) -> Any:
    packed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    return json.loads(zlib.decompressobj().decompress(packed, _LONGEST_CURSOR))


def _checksum(key: str) -> int:
    return zlib.crc32(key.encode())
