"""Find out whether the process that holds an outbox's lock still works.

While it uploads it touches the lock file. One that does not, such as a stopped one, is reported and
killed by the next process that needs the lock if its server is gone.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path

from ..processes import is_alive
from .outbox import Outbox

_SILENCE = 45.0  # seconds without a sign of life; one is shown every 10 while saves wait
_FILE = "uploader"


def record(outbox: Outbox) -> None:
    """Write down which process has acquired the lock, and for which server, as a sign of life."""
    os.utime(outbox.lock_file)
    holder = {"host": socket.gethostname(), "pid": os.getpid(), "server": os.getppid()}
    (outbox.directory / _FILE).write_text(json.dumps(holder), encoding="utf-8")


def silent_since(outbox: Outbox) -> datetime | None:
    """Return since when saves wait without a sign of life; None if there was one lately."""
    try:
        beat = outbox.lock_file.stat().st_mtime
        if time.time() - beat < _SILENCE:
            return None
        oldest = min((save.time / 1e9 for save in outbox.saves()), default=None)
    except OSError:
        return None
    since = max(beat, oldest) if oldest is not None else time.time()
    if time.time() - since < _SILENCE:
        return None
    return datetime.fromtimestamp(since, timezone.utc)


def end_abandoned(outbox: Outbox) -> bool:
    """Kill the process that holds the lock if it is silent and its server is gone.

    The kernel releases the lock then. A process is only killed on this machine, and only if it has
    the lock file open: its id may be another's by now.

    Returns
    -------
    bool
        Whether one was killed.
    """
    if not silent_since(outbox):
        return False
    try:
        holder = json.loads((outbox.directory / _FILE).read_text(encoding="utf-8"))
        pid, server, host = int(holder["pid"]), int(holder["server"]), holder["host"]
    except (OSError, ValueError, TypeError, KeyError):
        return False
    if host != socket.gethostname() or is_alive(server) or not _has_open(pid, outbox.lock_file):
        return False
    with suppress(OSError):
        os.kill(pid, signal.SIGKILL)
        return True
    return False


def _has_open(pid: int, file: Path) -> bool:
    """Return whether a process has a file open, as Linux lists it; elsewhere False."""
    with suppress(OSError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                if os.path.samefile(entry, file):
                    return True
    return False
