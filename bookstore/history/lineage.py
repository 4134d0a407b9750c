"""A notebook's versions in their order, newest first, under all the names that it had.

The first version of a notebook under a name that was not new says so, and which name it had before:
there its versions go on, as far as they were made before the rename. Other versions of the name it
has now are another notebook's, which had it before.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from ..saves.outbox import Save
from ..saves.renames import Naming
from ..storage import Version, VersionPage
from ..storage.base import format_time, parse_time
from ..validation import BadInput, version_name

State = Literal["archived", "pending", "deleted"]
_Span = tuple[datetime | None, datetime | None]  # from when, and until when; None: no limit


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A version in a notebook's history.

    Attributes
    ----------
    version : Version
        Of one that is pending, the version id is the save's id; it can be read by that also when
        it is in the store.
    state : "archived", "pending" or "deleted"
        Deleted is the store's own record that the key was deleted.
    of_another : bool
        Whether it belongs to another notebook, which had this name before.
    """

    version: Version
    state: State
    of_another: bool = False


class Lineage:
    """Goes through the versions of a notebook.

    Whoever uses it lists versions of `key`, those after `after`, and has it `take` the page, until
    it `is_over`.

    Parameters
    ----------
    name : str
        The key that the notebook has now.
    saves : iterable of Save
        Those that are pending.
    naming : Naming or None
        How it came by its name, if no save has told.

    Attributes
    ----------
    key : str
    after : str or None
    is_over : bool
    """

    def __init__(self, name: str, saves: Iterable[Save], naming: Naming | None) -> None:
        self.key = self._name = name
        self.after: str | None = None
        self.is_over = False
        self._saves = sorted(saves, key=lambda save: save.time, reverse=True)
        self._until: datetime | None = None  # when the notebook got another name than `key`
        self._own: list[_Span] = []  # when `name` was this notebook's
        self._is_in_rest = False  # among the versions of another
        self._rest_after: str | None = None
        self._pending: list[Entry] = []
        # Until something is saved under a name that was left, the name means who has left it.
        if naming and naming.former and not self._is_told(naming):
            self._go_to(naming.former, naming.at)
        else:
            self._enter(name, None)

    def _is_told(self, naming: Naming) -> bool:
        told = self._name, naming.former, format_time(naming.at)
        return any((save.key, save.renamed_from, save.named_at) == told for save in self._saves)

    @property
    def begins_with_the_newest(self) -> bool:
        """Whether the newest version under `key` is the notebook's next; before the first page."""
        return not self._is_in_rest and self._until is None

    def pending(self) -> list[Entry]:
        """Take the saves that are newer than the next version in the store."""
        pending, self._pending = self._pending, []
        return pending

    def take(self, page: VersionPage, room: int) -> list[Entry]:
        """Take at most so many versions from a page, and the saves that come after them."""
        taken: list[Entry] = []
        for version in page.versions:
            if len(taken) == room:
                return taken
            self.after = version.version_id
            if self._is_in_rest:
                if not self._is_own(version):
                    taken.append(_entry(version, of_another=True))
            elif _is_within(version, (None, self._until)):
                taken.append(entry := _entry(version))
                if naming := _naming(version):
                    self._leave(entry, naming)
                    return taken + self.pending()
        if page.next:
            self.after = page.next
        else:
            self._end_of_key()
        return taken + self.pending()

    def _is_own(self, version: Version) -> bool:
        return any(_is_within(version, span) for span in self._own)

    def _enter(self, key: str, until: datetime | None) -> None:
        self.key, self._until, self.after = key, until, None
        for save in self._saves:
            if save.key == key and (until is None or save.saved_at < until):
                entry = pending_entry(save)
                self._pending.append(entry)
                if naming := _naming(entry.version):
                    self._leave(entry, naming)
                    return

    def _leave(self, first: Entry, naming: Naming) -> None:
        """Leave a name with the first version that the notebook had under it."""
        if self.key == self._name:
            if self._until is None and first.state != "pending":
                self._rest_after = first.version.version_id  # what is newer is its own, too
            self._own.append((time_of(first.version), self._until))
        self._go_to(naming.former, naming.at)

    def _go_to(self, former: str, until: datetime) -> None:
        if former:
            self._enter(former, until)
        else:
            self._begin_rest()

    def _end_of_key(self) -> None:
        if self.key == self._name:
            self._own.append((None, self._until))
        if self._is_in_rest or (None, None) in self._own:
            self.is_over = True
        else:
            self._begin_rest()

    def _begin_rest(self) -> None:
        self._is_in_rest = True
        self.key, self.after, self._until = self._name, self._rest_after, None
        entries = (pending_entry(save) for save in self._saves if save.key == self._name)
        self._pending += (
            replace(entry, of_another=True) for entry in entries if not self._is_own(entry.version)
        )

    # Where the next page begins

    @property
    def cursor(self) -> str | None:
        """Write down where it is; None if it is over."""
        if self.is_over:
            return None
        state = [
            self._name,
            self.key,
            self.after,
            _text(self._until),
            [[_text(since), _text(until)] for since, until in self._own],
            self._is_in_rest,
            self._rest_after,
        ]
        return base64.urlsafe_b64encode(json.dumps(state).encode()).decode().rstrip("=")

    @classmethod
    def resumed(cls, cursor: str, name: str, saves: Iterable[Save]) -> Lineage:
        """Go on from a cursor of this notebook. Raises `BadInput`."""
        lineage = cls(name, saves, None)
        try:
            state = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
            of_name, key, after, until, own, is_in_rest, rest_after = state
            if of_name != name:
                raise ValueError
            lineage.key = key.encode().decode()  # what cannot be UTF-8 is no key
            lineage.after = after and version_name(after)
            lineage._until = _time(until)
            lineage._own = [(_time(since), _time(end)) for since, end in own]
            lineage._is_in_rest = bool(is_in_rest)
            lineage._rest_after = rest_after and version_name(rest_after)
        except (BadInput, ValueError, TypeError, AttributeError, LookupError, RecursionError):
            raise BadInput("after is not what another page has named as its next.") from None
        lineage._pending.clear()  # they were on the pages before
        return lineage


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


def time_of(version: Version) -> datetime:
    """Tell when a version was saved; when it was stored, if that is not known."""
    return version.provenance.saved_at if version.provenance else version.stored_at


def marked(entries: list[Entry], *, has_latest: bool) -> list[Entry]:
    """Call the notebook's own first version the latest, and no other: each key had one."""
    own = next((entry for entry in entries if not entry.of_another), None) if has_latest else None
    return [
        replace(entry, version=replace(entry.version, latest=entry is own)) for entry in entries
    ]


def _entry(version: Version, *, of_another: bool = False) -> Entry:
    state: State = "deleted" if version.deleted else "archived"
    return Entry(version=version, state=state, of_another=of_another)


def _naming(version: Version) -> Naming | None:
    """Tell how the notebook came by the name, in its first version under it."""
    origin = version.provenance
    if not origin or not origin.tells_of_names:
        return None
    at = origin.saved_at
    with suppress(ValueError):  # also who says nothing, or something else, was renamed before
        at = min(at, parse_time(origin.named_at))
    return Naming(origin.renamed_from, at)


def _is_within(version: Version, span: _Span) -> bool:
    since, until = span
    time = time_of(version)
    return (since is None or time >= since) and (until is None or time < until)


def _text(time: datetime | None) -> str | None:
    return format_time(time) if time else None


def _time(text: str | None) -> datetime | None:
    return None if text is None else parse_time(text)
