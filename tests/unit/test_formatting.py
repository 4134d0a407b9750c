"""Sizes are written in one way wherever people see them."""

import pytest

from bookstore.client.results import Pages, Version, Versions
from bookstore.commands.prune import Prune
from bookstore.formatting import size_in_words
from bookstore.web.pages import templates


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1_000, "1.0 kB"),
        (12_345, "12.3 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (50_000_000, "50.0 MB"),
        (2_500_000_000, "2.5 GB"),
        (5_000_000_000_000_000, "5000.0 TB"),
    ],
)
def test_a_kilobyte_has_a_thousand_bytes(size: int, words: str) -> None:
    assert size_in_words(size) == words


def test_the_pages_the_client_and_a_shell_agree(capsys: pytest.CaptureFixture[str]) -> None:
    assert templates().from_string("{{ 1500 | size_in_words }}").render() == "1.5 kB"
    for name in ("home.html", "versions.html"):
        assert "| size_in_words" in templates().loader.get_source(templates(), name)[0]

    pages = Pages(url="http://localhost", from_root=False)
    items = (Version(version_id="v1", size=1_500), Version(version_id="v2"))
    listed = Versions(path="a", items=items, more=False, section="workspace", pages=pages)
    assert "1.5 kB" in repr(listed)

    Prune().show({"versions": [{"key": "a", "size": 1_000}, {"key": "a", "size": 500}]})
    assert "1.5 kB" in capsys.readouterr().out
