"""Files made ahead of the saves that will fill them.

Jupyter synchronises a notebook to disk at each save. Right after that, creating a file takes
several times as long as filling a small one that is there already, for it waits for the file
system's journal: so a thread creates them when nobody waits.
"""

from __future__ import annotations

import os
import threading
import uuid
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

CONTENT = b"blank\n"  # tells a blank from a save that something has emptied
UNFINISHED = ".blank"  # what its name ends with until it has that in it
_READY = 8


class Blank(NamedTuple):
    """A file that is open for writing at its beginning, and has `CONTENT` in it."""

    file: str
    descriptor: int


class Blanks:
    """Blanks in a directory, some of them ready to be taken.

    Parameters
    ----------
    directory : Path
    suffix : str
        What their names end with.
    """

    def __init__(self, directory: Path, suffix: str) -> None:
        self._prefix = os.path.join(directory, "")
        self._suffix = suffix
        self._ready: deque[Blank] = deque()
        self._wanted = threading.Event()
        self._closed = False
        self._starting = threading.Lock()
        self._thread = threading.Thread(target=self._make_ready, name="blanks", daemon=True)

    def take(self) -> Blank:
        """Take a blank, whose descriptor is the caller's to close. Raises `OSError`."""
        try:
            blank = self._ready.popleft()
        except IndexError:
            blank = self._create()
        if len(self._ready) <= _READY // 2:  # a thread that is woken takes time from the save
            self._want_more()
        return blank

    def _want_more(self) -> None:
        self._wanted.set()
        # Without a thread, as where there can be no more of them, each is made when it is taken.
        with self._starting, suppress(RuntimeError):
            if not self._thread.ident:
                self._thread.start()

    def discard(self) -> None:
        """Remove those that are ready, for instance since their directory is gone."""
        with suppress(IndexError):
            while True:
                blank = self._ready.popleft()
                os.close(blank.descriptor)
                with suppress(OSError):
                    os.unlink(blank.file)

    def close(self) -> None:
        """Leave no blanks behind."""
        self._closed = True
        self._wanted.set()
        if self._thread.is_alive():
            self._thread.join()
        self.discard()

    def _make_ready(self) -> None:
        while not self._closed:
            # Where there is no room for them, whoever takes one finds out.
            with suppress(OSError):
                while len(self._ready) < _READY and not self._closed:
                    self._ready.append(self._create())
            self._wanted.wait()
            self._wanted.clear()

    def _create(self) -> Blank:
        name = f"{self._prefix}{uuid.uuid4().hex}"
        unfinished, file = f"{name}{UNFINISHED}", f"{name}{self._suffix}"
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(descriptor, CONTENT)
            os.lseek(descriptor, 0, os.SEEK_SET)
            # Only now under its name: while it is empty, it would be taken for an emptied save.
            os.rename(unfinished, file)
        except BaseException:
            os.close(descriptor)
            os.unlink(unfinished)
            raise
        return Blank(file, descriptor)
