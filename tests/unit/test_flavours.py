"""Who asks, where a server does not tell or fails to."""

from types import SimpleNamespace
from typing import Any

import pytest

from bookstore import flavours


class Broken:
    """A handler whose identity provider does not know its own users."""

    identity_provider = SimpleNamespace()
    request = SimpleNamespace(method="PUT")

    @property
    def current_user(self) -> Any:
        raise RuntimeError("not known")


def test_nobody_asks_where_the_server_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flavours, "_context", None)
    assert flavours.current_username() == ""


def test_a_user_that_cannot_be_told_is_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    context = SimpleNamespace(JUPYTER_HANDLER="handler", get=lambda _: Broken())
    monkeypatch.setattr(flavours, "_context", context)
    assert flavours.current_username() == ""
