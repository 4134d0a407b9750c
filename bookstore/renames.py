"""Renames that the archive has not been told of yet.

A rename changes nothing in the archive: the first save under the new name says where it came from.
"""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from pathlib import Path

from .s3_paths import DELIMITER


class Renames:
    """Remembers renames until the next save, also over restarts.

    Parameters
    ----------
    file : Path
        A line of JSON for each rename, and for each save that told of one. Where it cannot be
        written, history ends at a rename that is followed by a restart: nothing fails for that.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()  # renames come from the server, questions from threads too
        self._loaded = False
        # What has happened, in its order: renames of notebooks and of folders, as an old and a new
        # key, and saves that told of one, as a key.
        self._events: list[tuple[str, ...]] = []
        self._found: dict[str, str] = {}  # former keys, until the next event

    def add(self, old_key: str, new_key: str) -> None:
        """Note that a notebook, or a folder, has another key from now on."""
        self._append(old_key, new_key)

    def told(self, key: str) -> None:
        """Note that a save has told the former key of a notebook."""
        self._append(key)

    def former(self, key: str) -> str:
        """Tell the former key of a notebook; empty if it was not renamed since a save told that.

        Renamed twice without a save between, it never was under the name between.
        """
        with self._lock:
            former = self._found.get(key)
            if former is None:
                former = self._found[key] = self._traced(key)
            return former

    def _traced(self, key: str) -> str:
        self._load()
        then = key
        for *old_key, new_key in reversed(self._events):
            if not old_key:
                if then == new_key:
                    break  # this save has told of all renames before it
            elif _is_inside(then, new_key):
                then = old_key[0] + then[len(new_key) :]
            elif _is_inside(then, old_key[0]):
                break  # what had this name was moved away: this notebook came later
        return then if then != key else ""

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        with suppress(OSError):
            for line in self._file.read_bytes().splitlines():
                if event := _event(line):
                    self._events.append(event)

    def _append(self, *event: str) -> None:
        with self._lock:
            self._load()
            self._events.append(event)
            self._found.clear()
            with suppress(OSError):
                self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with open(self._file, "a", encoding="utf-8") as file:
                    file.write(json.dumps(event) + "\n")


def _event(line: bytes) -> tuple[str, ...] | None:
    """Read a line; None if it is not whole, as a server that was killed may leave it."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    is_whole = isinstance(event, list) and len(event) in (1, 2)
    return tuple(event) if is_whole and all(isinstance(key, str) for key in event) else None


def _is_inside(key: str, folder: str) -> bool:
    return key == folder or key.startswith(folder + DELIMITER)
