"""The holder of an outbox's lock: whether it still works."""

import os
import time
from pathlib import Path

import pytest

from bookstore.saves import holders
from bookstore.saves.outbox import Outbox


def test_who_has_just_acquired_the_lock_is_not_taken_for_a_stopped_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = Outbox(tmp_path, "https://s3/bucket")
    outbox.create()
    # A server was stopped an hour ago, with a save pending.
    stopped_at = time.time() - 3600
    with monkeypatch.context() as past:
        past.setattr(time, "time_ns", lambda: int(stopped_at * 1e9))
        outbox.add_content(b"{}", path="a.ipynb", key="w/a.ipynb", author="ann", release="1")
    outbox.lock_file.touch()
    os.utime(outbox.lock_file, (stopped_at, stopped_at))
    assert holders.silent_since(outbox)
    holders.record(outbox)
    assert holders.silent_since(outbox) is None
