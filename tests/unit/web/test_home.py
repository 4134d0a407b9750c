"""What the home page says of a search."""

from bookstore.web.pages import render

STATUS = {
    "description": "saves are archived.",
    "store": {"problem": None},
    "archive": {
        "pending": 0,
        "failed": 0,
        "last_archived": None,
        "last_error": None,
        "elsewhere": [],
    },
}


def searched(next_page: str | None) -> str:
    return render(
        "home.html",
        release="1",
        base_url="/",
        server="jupyter_server",
        logo="",
        theme="",
        xsrf_token="",
        status=STATUS,
        troubles=[],
        is_incomplete=False,
        is_quiet=True,
        section="workspace",
        search="report",
        notebooks=[],
        next_page=next_page,
        link=str,
    )


def test_a_search_of_all_notebooks_says_that_there_is_none() -> None:
    page = searched(None)
    assert "path contains “report”." in page
    assert "Search the next notebooks" not in page


def test_a_search_of_some_notebooks_says_so_and_goes_on() -> None:
    page = searched("/bookstore?q=report&after=a")
    assert "No path searched so far contains “report”; there are more." in page
    assert "path contains “report”." not in page
    assert "Search the next notebooks" in page
