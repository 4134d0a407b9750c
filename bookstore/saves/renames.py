"""Renames that the archive has not been told of yet.

A rename changes nothing in the archive: the first save under the new name says where it came from.
The first save under a name that another notebook has left says that it is another one.
"""

from __future__ import annotations

import json
import os
import threading
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from ..s3_paths import DELIMITER
from ..storage.base import format_time, parse_time, utc_now


class Naming(NamedTuple):
    """How a notebook came by its name.

    Attributes
    ----------
    former : str
        The key it had before, which may be the one it has again; empty if it is a new one, under a
        name that another one has left.
    at : datetime
        When it left that key, or when the other one left this.
    """

    former: str
    at: datetime


class _Event(NamedTuple):
    """A rename of a notebook or a folder; or, without the rest, what ends the need to tell of one.

    That is a save, which has told of it, or a deletion.
    """

    key: str
    new_key: str = ""
    at: str = ""


class Renames:
    """Remembers renames until the next save, also over restarts.

    Safe for several threads, and for several servers that share the file.

    Parameters
    ----------
    file : Path
        A line of JSON for each event. Where it cannot be written, history ends at a rename that is
        followed by a restart: nothing fails for that.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._seen: tuple[int, int] | None = None  # the file's state when it was read
        self._events: list[_Event] = []
        self._found: dict[str, Naming | None] = {}  # until the next event

    def add(self, old_key: str, new_key: str) -> None:
        """Note that a notebook, or a folder, has another key from now on."""
        self._append(_Event(old_key, new_key, format_time(utc_now())))

    def settle(self, key: str) -> None:
        """Note that a save has told how a notebook came by its name, or that it was deleted."""
        self._append(_Event(key))

    def untold(self, key: str) -> Naming | None:
        """Tell how a notebook came by its name; None if no save need tell it, or one has.

        Renamed twice without a save between, it never was under the name between.
        """
        with self._lock:
            self._refresh()
            if key not in self._found:
                self._found[key] = self._traced(key)
            return self._found[key]

    def _traced(self, key: str) -> Naming | None:
        then, left_at = key, ""
        for event in reversed(self._events):
            if not event.new_key:
                if _is_inside(then, event.key):
                    break  # a save under this name has told of all before it
            elif _is_inside(then, event.new_key):
                then, left_at = event.key + then[len(event.new_key) :], event.at
            elif _is_inside(then, event.key):
                # Another one had this name until then; this one came later, and was not saved.
                return Naming("", parse_time(event.at))
        return Naming(then, parse_time(left_at)) if left_at else None

    def _refresh(self) -> None:
        """Read the file if it is not as it was, as when another server has written to it."""
        with suppress(OSError):
            status = os.stat(self._file)
            if self._seen != (status.st_size, status.st_mtime_ns):
                lines = self._file.read_bytes().splitlines()
                self._events = [event for line in lines if (event := _event(line))]
                self._found.clear()
                self._seen = status.st_size, status.st_mtime_ns

    def _append(self, event: _Event) -> None:
        with self._lock:
            self._refresh()
            if not (event.new_key or self._events):
                return  # nothing is to be told
            self._events.append(event)
            self._found.clear()
            with suppress(OSError):
                self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with open(self._file, "a", encoding="utf-8") as file:
                    file.write(json.dumps(event) + "\n")


def _event(line: bytes) -> _Event | None:
    """Read a line; None if it is not whole, as a server that was killed may leave it."""
    try:
        event = _Event(*json.loads(line))
        if event.at:
            parse_time(event.at)
        is_whole = all(isinstance(field, str) for field in event) and bool(event.key)
        return event if is_whole and bool(event.new_key) == bool(event.at) else None
    except (ValueError, TypeError, RecursionError):
        return None


def _is_inside(key: str, folder: str) -> bool:
    return key == folder or key.startswith(folder + DELIMITER)
