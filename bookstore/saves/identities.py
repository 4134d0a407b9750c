"""Map keys to the ids of this machine's notebooks.

A notebook keeps its id when it, or a folder around it, is renamed. What comes under a key that a
notebook has left, by a rename or a deletion, is another notebook with another id.

The file is a log of events, one line of JSON each, so that a save appends one line at most, and
servers that share it read only what is new. `compact` replaces it by its outcome.
"""

from __future__ import annotations

import json
import os
import threading
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock

from ..s3_paths import DELIMITER
from ..storage import Store, Version, VersionNotFound
from ..storage.paging import completed
from .outbox import Save

_LOCK_TIMEOUT = 1.0  # seconds; a save does not wait longer for a process that was stopped
_SPARE_LINES = 1_000  # that the log may have beyond its outcome
_MOST_ASKED = 200  # versions in which a notebook is looked for whose key another has taken
_MOST_LEFT_KEYS = 5_000  # keys without a notebook that are remembered


class Notebook(NamedTuple):
    """Hold what a save says of its notebook.

    Attributes
    ----------
    notebook_id : str
        Empty if it was renamed before it had an id on this machine.
    renamed_from : str
        The key of its versions so far, until one under the key it has now names that.
    ask : str
        The key whose newest version may have this notebook's real id: that of another machine, or
        of this one before its disk was emptied. Empty once the uploader has asked.
    """

    notebook_id: str
    renamed_from: str = ""
    ask: str = ""


class Identities:
    """Map keys to notebook ids. Safe for several threads, and for processes that share the file.

    Parameters
    ----------
    directory : Path
        Where the file is, that of an outbox. If it cannot be written, the map lasts as long as
        this process, and the uploader finds the ids again in the store.
    """

    def __init__(self, directory: Path) -> None:
        self._file = directory / "identities"
        self._process_lock = FileLock(directory / "identities.lock", timeout=_LOCK_TIMEOUT)
        self._lock = threading.RLock()
        self._read: tuple[int, int] | None = None  # inode, and bytes that were read
        self._lines = 0
        self._state = _State()

    def find(self, key: str) -> Notebook | None:
        """Return what is known of the notebook under a key; None if none was seen there."""
        with self._lock:
            return self._current().find(key)

    def for_save(self, key: str, *, is_new: bool = False, restored: str = "") -> Notebook:
        """Return what a save has to say of its notebook, which gets an id if it has none.

        Parameters
        ----------
        key : str
        is_new : bool
            Whether the notebook was just created, so that it is none that was there before.
        restored : str
            The id of the notebook of which a version is restored.
        """
        with self._lock:
            if is_new and self._current().origin(key) != "":
                self.ended(key)
            found = self._current().find(key)
            if found and found.notebook_id:
                return found
            if restored and not self._state.key_of(restored):
                notebook = Notebook(restored)
            elif found:
                notebook = found._replace(notebook_id=uuid.uuid4().hex)
            else:
                has_ended = self._state.origin(key) == ""
                notebook = Notebook(uuid.uuid4().hex, ask="" if has_ended else key)
            self._append(_named(key, notebook))
            return notebook

    def saved(self, key: str) -> None:
        """Record that a save under this key says which key its notebook had before."""
        self._append({"event": "saved", "key": key})

    def renamed(self, old_key: str, new_key: str) -> None:
        """Record that a notebook, or a folder, has another key."""
        self._append({"event": "renamed", "key": old_key, "to": new_key})

    def ended(self, key: str) -> None:
        """Record that a notebook, or a folder, was deleted."""
        self._append({"event": "ended", "key": key})

    def identify(self, notebook_id: str, real_id: str) -> None:
        """Record which id a notebook has in the store; often the same."""
        self._append({"event": "identified", "id": notebook_id, "as": real_id})

    def is_identified(self, notebook_id: str) -> bool:
        """Return whether the store was asked about an id, or need not be."""
        with self._lock:
            state = self._current()
            key = state.key_of(notebook_id)
            asked = key is not None and not state.notebooks[key].ask
            return asked or notebook_id in state.real_ids

    def real_id(self, notebook_id: str) -> str:
        """Return the id that takes the place of one; itself if none does."""
        with self._lock:
            return self._current().real_ids.get(notebook_id, notebook_id)

    def has_elsewhere(self, notebook_id: str, key: str) -> bool:
        """Return whether this machine has a notebook under another key."""
        with self._lock:
            return self._current().key_of(notebook_id) not in (None, key)

    def key_of(self, notebook_id: str) -> str | None:
        """Return the key that a notebook has on this machine; None if it has none here."""
        with self._lock:
            self._refresh()
            return self._state.key_of(notebook_id)

    def saved_key(self, notebook_id: str) -> str | None:
        """Return the key under which this machine has saved a notebook since its last rename.

        None if it has no such notebook, or has not saved it under the key that it has now.
        """
        with self._lock:
            state = self._current()
            key = state.key_of(notebook_id)
            is_saved = key is not None and not state.notebooks[key].renamed_from
            return key if is_saved else None

    def compact(self) -> None:
        """Replace a log that has grown by its outcome. Raises `OSError`."""
        with self._lock, self._alone() as is_alone:
            self._refresh()
            lines = self._state.as_events()
            if not is_alone or self._lines <= 2 * len(lines) + _SPARE_LINES:
                return
            part = self._file.with_suffix(".part")
            part.write_text("".join(map(_line, lines)), encoding="utf-8")
            part.replace(self._file)

    def _current(self) -> _State:
        """Return the outcome of all that was appended so far; needs the lock."""
        self._refresh()
        return self._state

    def _refresh(self) -> None:
        """Read what others have appended; all of it if the file is another one."""
        try:
            status = os.stat(self._file)
        except OSError:
            return
        inode, size = self._read or (0, 0)
        if (status.st_ino, status.st_size) == (inode, size):
            return
        with suppress(OSError), open(self._file, "rb") as file:
            if status.st_ino == inode and status.st_size > size:
                file.seek(size)
            else:
                size, self._lines, self._state = 0, 0, _State()
            whole, end, _ = file.read().rpartition(b"\n")
            for line in whole.splitlines():
                self._lines += 1
                self._state.apply(_event(line))
            self._read = status.st_ino, size + len(whole) + len(end)

    def _append(self, event: dict[str, str]) -> None:
        with self._lock, self._alone():
            self._refresh()
            try:
                # Where somebody removed the file, the other servers need what was in it.
                known = [] if self._file.exists() else self._state.as_events()
                self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with open(self._file, "ab", buffering=0) as file:
                    # The line before may not be whole: a disk was full.
                    file.write(("\n" + "".join(map(_line, [*known, event]))).encode())
            except OSError:
                self._state.apply(event)
            else:
                self._refresh()

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        """Keep other processes from the file; do without where that is not possible."""
        with ExitStack() as held:
            # A timeout is an OSError; a file system without locks raises NotImplementedError.
            with suppress(OSError, NotImplementedError):
                held.enter_context(self._process_lock)
            yield self._process_lock.is_locked


async def identify(identities: Identities, store: Store, save: Save) -> None:
    """Ask the store whether a notebook with a new id goes on with one that is there.

    So it does on a second machine, or where the disk was emptied; not after somebody else's
    notebook, nor after one that this machine has under another key.

    Raises
    ------
    StoreError
    """
    newest = None
    with suppress(VersionNotFound):
        newest = await store.describe(save.ask)
    if newest and identities.has_elsewhere(newest.notebook_id, save.key):
        # One that was renamed had its former key before whoever has it now.
        newest = await _before_it(identities, store, save) if save.ask != save.key else None
    real_id = save.notebook_id
    if newest and newest.origin.author == save.author:
        real_id = newest.notebook_id or save.notebook_id
    identities.identify(save.notebook_id, real_id)


async def _before_it(identities: Identities, store: Store, save: Save) -> Version | None:
    """Find the notebook that had a key before one of this machine took it."""
    page = await store.versions(save.ask, limit=_MOST_ASKED)
    for listed in page.versions:
        version = await completed(store, listed)
        if version and not identities.has_elsewhere(version.notebook_id, save.key):
            return version
    return None


class _State:
    """Hold the outcome of a log of events."""

    def __init__(self) -> None:
        self.notebooks: dict[str, Notebook] = {}
        self.real_ids: dict[str, str] = {}
        self._keys: dict[str, str] = {}  # by id
        # Where what is under a key, or in a folder, was before; empty if it was left or deleted.
        self._origins: dict[str, str] = {}

    def find(self, key: str) -> Notebook | None:
        if notebook := self.notebooks.get(key):
            return notebook
        if former := self.origin(key):
            return Notebook("", former if former != key else "", former)
        return None

    def key_of(self, notebook_id: str) -> str | None:
        return self._keys.get(self.real_ids.get(notebook_id, notebook_id))

    def origin(self, key: str) -> str | None:
        """Return the key that was renamed to this one; empty if it was left; None if neither."""
        folder = key
        while folder:
            if (former := self._origins.get(folder)) is not None:
                return former and former + key[len(folder) :]
            folder = folder.rpartition(DELIMITER)[0]
        return None

    def apply(self, event: dict[str, str]) -> None:
        key = event.get("key", "")
        match event.get("event"):
            case "named" if key and event.get("id"):
                ask = event.get("ask", "")
                self._name(key, Notebook(event["id"], event.get("renamed_from", ""), ask))
            case "saved" if key in self.notebooks:
                self.notebooks[key] = self.notebooks[key]._replace(renamed_from="")
            case "renamed" if key and event.get("to"):
                self._rename(key, event["to"])
            case "ended" if key:
                self._drop(key)
                self._origins[key] = ""
            case "identified" if event.get("id") and event.get("as"):
                self._identify(event["id"], event["as"])
            case "moved" if key:
                self._origins[key] = event.get("from", "")
            case _:
                pass  # of a newer release, or damaged

    def _name(self, key: str, notebook: Notebook) -> None:
        if key in self.notebooks:  # two servers gave it an id at the same time
            self._identify(notebook.notebook_id, self.notebooks[key].notebook_id)
            return
        self.notebooks[key] = notebook
        self._keys[notebook.notebook_id] = key

    def _identify(self, notebook_id: str, real_id: str) -> None:
        if notebook_id in self.real_ids:
            return  # two processes have asked: the first answer counts
        real_id = self.real_ids.get(real_id, real_id)
        self.real_ids[notebook_id] = real_id
        if (key := self._keys.pop(notebook_id, None)) is not None:
            self._keys[real_id] = key
            self.notebooks[key] = self.notebooks[key]._replace(notebook_id=real_id, ask="")

    def _rename(self, old: str, new: str) -> None:
        origin = self.origin(old)
        moved = self._drop(old)
        origins = {
            new + key[len(old) :]: former
            for key, former in self._origins.items()
            if key.startswith(old + DELIMITER)
        }
        self._drop(new)
        for key in [key for key in self._origins if _is_inside(key, old) or _is_inside(key, new)]:
            del self._origins[key]
        for key, notebook in moved.items():
            new_key = new + key[len(old) :]
            former = notebook.renamed_from or key
            former = "" if former == new_key else former
            self._name(new_key, notebook._replace(renamed_from=former))
        self._origins |= origins
        if old not in moved:
            self._origins[new] = old if origin is None else origin
        self._origins[old] = ""

    def _drop(self, key: str) -> dict[str, Notebook]:
        """Forget the notebook under a key, or those in a folder; return them."""
        if key in self.notebooks:
            keys = [key]
        else:
            keys = [inner for inner in self.notebooks if inner.startswith(key + DELIMITER)]
        dropped = {inner: self.notebooks.pop(inner) for inner in keys}
        for inner, notebook in dropped.items():
            if self._keys.get(notebook.notebook_id) == inner:
                del self._keys[notebook.notebook_id]
        return dropped

    def as_events(self) -> list[dict[str, str]]:
        """Write it as the shortest log that leads to it."""
        moved = list(self._origins.items())[-_MOST_LEFT_KEYS:]
        return [
            *({"event": "moved", "key": key, "from": former} for key, former in moved),
            *(_named(key, notebook) for key, notebook in self.notebooks.items()),
            *(
                {"event": "identified", "id": notebook_id, "as": real_id}
                for notebook_id, real_id in self.real_ids.items()
                if notebook_id not in self._keys  # of one that has a key, it is known
            ),
        ]


def _named(key: str, notebook: Notebook) -> dict[str, str]:
    event = {"event": "named", "key": key, "id": notebook.notebook_id}
    if notebook.renamed_from:
        event["renamed_from"] = notebook.renamed_from
    if notebook.ask:
        event["ask"] = notebook.ask
    return event


def _line(event: dict[str, str]) -> str:
    return json.dumps(event) + "\n"


def _event(line: bytes) -> dict[str, str]:
    """Read a line; empty if it is damaged."""
    try:
        event: Any = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    is_event = isinstance(event, dict) and all(isinstance(value, str) for value in event.values())
    return event if is_event else {}


def _is_inside(key: str, folder: str) -> bool:
    return key == folder or key.startswith(folder + DELIMITER)
