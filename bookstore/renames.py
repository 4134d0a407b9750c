"""Renames that the archive has not been told of yet.

A rename changes nothing in the archive: the first save under the new name says where it came from.
"""

from __future__ import annotations

import json
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
        self._loaded = False
        self._old_keys: dict[str, str] = {}  # by new key, of notebooks and of folders
        self._told: set[str] = set()

    def add(self, old_key: str, new_key: str) -> None:
        """Note that a notebook, or a folder, has another key from now on."""
        self._load()
        # Renamed twice without a save between, it never was under the name between.
        old_key = self.former(old_key) or old_key
        self._apply(old_key, new_key)
        self._append([old_key, new_key])

    def take(self, key: str) -> str:
        """Tell the former key of a notebook, once; empty if it was not renamed."""
        self._load()
        former = self.former(key)
        if former:
            self._told.add(key)
            self._append([key])
        return former

    def former(self, key: str) -> str:
        """Tell the former key of a notebook for as long as no save has told it."""
        self._load()
        if key not in self._told:
            for new_key, old_key in reversed(self._old_keys.items()):
                if _is_inside(key, new_key):
                    return old_key + key[len(new_key) :]
        return ""

    def _apply(self, old_key: str, new_key: str) -> None:
        self._old_keys.pop(new_key, None)  # so that it comes last
        self._old_keys[new_key] = old_key
        self._told = {key for key in self._told if not _is_inside(key, new_key)}

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        with suppress(OSError, ValueError):
            for line in self._file.read_text(encoding="utf-8").splitlines():
                *old_key, key = json.loads(line)
                if old_key:
                    self._apply(old_key[0], key)
                else:
                    self._told.add(key)

    def _append(self, line: list[str]) -> None:
        with suppress(OSError):
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open(self._file, "a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")


def _is_inside(key: str, folder: str) -> bool:
    return key == folder or key.startswith(folder + DELIMITER)
