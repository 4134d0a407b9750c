"""Where one user's notebooks are in a bucket, and all users'."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from traitlets.config import Config, Configurable

from bookstore.core import Bookstore, get_bookstore
from bookstore.validation import BadInput

Make = Callable[..., Bookstore]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    monkeypatch.setenv("JUPYTERHUB_USER", "ann")
    made: list[Bookstore] = []

    def make(**settings: str) -> Bookstore:
        settings |= {"local_dir": str(tmp_path), "store_url": "local"}
        made.append(get_bookstore(Configurable(config=Config(BookstoreSettings=settings))))
        return made[-1]

    yield make
    for bookstore in made:
        bookstore.close()


def test_all_users_share_what_comes_before_their_names(make: Make) -> None:
    own = make(workspace_prefix="/team/{username}", published_prefix="published/{username}/done")
    assert own.shared_folder("workspace") == "team/"
    assert own.shown_folder("workspace") == "team/ann/"
    assert own.shown_folder("published") == "published/"
    assert own.folder("published") == "published/ann/done/"
    mixed = make(workspace_prefix="w-{username}", published_prefix="published")
    assert mixed.shared_folder("workspace") == "w-ann/"
    assert mixed.shown_folder("published") == "published/"


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("a.ipynb", "published/ann/a.ipynb"),
        ("~ben/team/a.ipynb", "published/ben/team/a.ipynb"),
        ("~ann/~ben/a.ipynb", "published/ann/~ben/a.ipynb"),
    ],
)
def test_a_path_and_a_key_lead_to_each_other(make: Make, path: str, key: str) -> None:
    bookstore = make(published_prefix="published/{username}")
    assert bookstore.key("published", path) == key
    assert bookstore.path_of("published", key) == path


@pytest.mark.parametrize("path", ["~", "~/a.ipynb", "~../workspace/ben/a.ipynb", "~ben/../a"])
def test_a_path_leads_out_of_no_folder(make: Make, path: str) -> None:
    with pytest.raises(BadInput):
        make(published_prefix="published/{username}").key("published", path)


def test_a_tilde_is_a_letter_where_all_share_a_folder(make: Make) -> None:
    bookstore = make()
    assert bookstore.key("published", "~ben/a.ipynb") == "published/~ben/a.ipynb"
    assert bookstore.path_of("published", "published/~ben/a.ipynb") == "~ben/a.ipynb"
