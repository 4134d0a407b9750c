"""Notebooks that are not as nbformat's schema has them are shown all the same."""

import pytest

from bookstore.notebooks.json import NotANotebook
from bookstore.notebooks.view import rendered
from tests.support.odd_notebooks import OPENED, TEXT, UNREADABLE


@pytest.mark.parametrize("name", OPENED)
def test_what_jupyter_opens_is_shown(name: str) -> None:
    body, style = rendered(OPENED[name])
    assert TEXT in body
    assert style
    body.encode()


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_no_server_opens_is_no_notebook(name: str) -> None:
    with pytest.raises(NotANotebook, match=r"^This is not a notebook: .*\.$"):
        rendered(UNREADABLE[name])
