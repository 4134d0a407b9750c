"""What the commands have in common."""

import pytest

from bookstore.commands import base
from bookstore.commands.status import Status


def test_the_settings_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    monkeypatch.setattr(base, "get_bookstore", read.append)
    command = Status()
    assert command.bookstore is command.bookstore
    assert read == [command]
