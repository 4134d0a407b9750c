"""Command lines are put in order before they are read."""

import pytest
from traitlets.config import Config

from bookstore.commands.arguments import UsageError, options_first, require_usable
from bookstore.commands.prune import Prune
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
        ("a.ipynb --limit 1 --limit=2", "The option --limit can be given once only."),
        ("a.ipynb --json=yes", "The option --json takes no value."),
        ("--BookstoreSettings.nothing=1", "There is no setting BookstoreSettings.nothing"),
    ],
)
def test_a_mistake_is_told(line: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        options_first(Versions(), line.split())


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("--limit=0", "--limit must be a whole number from 1, not '0'."),
        ("--limit=many", "--limit must be a whole number from 1, not 'many'."),
        ("--Versions.limit=-1", "--limit must be a whole number from 1, not '-1'."),
        ("--in=nowhere", "--in must be workspace or published, not 'nowhere'."),
        ("--BookstoreCommand.as_json=x", "--Versions.as_json must be True or False"),
    ],
)
def test_an_option_says_what_it_may_be(
    option: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        Versions().parse_command_line([option])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(told)


def test_a_configuration_says_what_it_may_be() -> None:
    too_many = Config(Prune={"days": 1_000_000})
    told = r"c\.Prune\.days must be a whole number from 0 to 36500, not '1000000'\."
    with pytest.raises(UsageError, match=told):
        require_usable(Prune(), too_many)
