"""Command lines are put in order before they are read."""

import pytest

from bookstore.commands.arguments import UsageError, options_first
from bookstore.commands.versions import Diff, Versions


@pytest.mark.parametrize(
    ("line", "ordered"),
    [
        ("a.ipynb", "-- a.ipynb"),
        ("a.ipynb --json", "--json -- a.ipynb"),
        ("a.ipynb --in published base", "--in=published -- a.ipynb base"),
        ("a.ipynb -0hoY7gJ head", "-- a.ipynb -0hoY7gJ head"),
        ("a.ipynb --json -- --base --head", "--json -- a.ipynb --base --head"),
        ("-h", "-h"),
    ],
)
def test_options_may_stand_anywhere_and_version_ids_begin_with_a_dash(
    line: str, ordered: str
) -> None:
    assert options_first(Diff(), line.split()) == ordered.split()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("a.ipynb --base", "There is no option --base"),
        ("a.ipynb --limit", "The option --limit needs a value, as in --limit=…."),
        ("a.ipynb --limit --json", "The option --limit needs a value"),
        ("a.ipynb --json=yes", "The option --json takes no value."),
        ("--BookstoreSettings.nothing=1", "There is no setting BookstoreSettings.nothing"),
    ],
)
def test_a_mistake_is_told(line: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        options_first(Versions(), line.split())
