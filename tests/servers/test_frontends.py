"""Bookstore in the classic notebook's own interface, as Chromium shows it."""

import re
from collections.abc import Callable
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.support.notebooks import make_notebook
from tests.support.object_store import Bucket
from tests.support.servers import JupyterServer, installed_kinds

pytestmark = pytest.mark.thorough

HOSTILE = "<img src=x onerror=attacked()>.ipynb"


@pytest.mark.skipif("classic" not in installed_kinds(), reason="Notebook 6.5 is not installed")
# nbclassic comes with Notebook 6.5; without Notebook 7 beside it, it has the same addresses
@pytest.mark.parametrize("kind", ["classic", "jupyter_server"], ids=["classic", "nbclassic"])
def test_classic_interface_shows_versions_and_publishes(
    kind: str,
    start_server: Callable[..., JupyterServer],
    bucket: Bucket,
    page: Page,
) -> None:
    app = "NotebookApp" if kind == "classic" else "ServerApp"
    server = start_server(kind, config={app: {"base_url": "/user/ann/"}}, **bucket.settings)
    server.save(HOSTILE, make_notebook("kept"))
    attacks: list[str] = []
    page.expose_function("attacked", lambda: attacks.append(page.url))

    page.goto(f"{server.url}/tree?token={server.token}")
    expect(page.locator("#tabs").get_by_role("link", name="Bookstore")).to_have_attribute(
        "href", "/user/ann/bookstore"
    )

    page.goto(f"{server.url}/notebooks/{quote(HOSTILE)}")
    toolbar = page.locator("#bookstore")
    expect(toolbar.get_by_role("button")).to_have_text(["Versions", "Publish"])
    page.wait_for_function("Jupyter.notebook._fully_loaded")
    page.evaluate("Jupyter.notebook.save_notebook()")
    expect(page.locator("#save_widget").get_by_role("status")).to_have_text(
        re.compile(r"\(archived \d")
    )

    with page.expect_popup() as opened:
        toolbar.get_by_role("button", name="Versions").click()
    expect(opened.value.get_by_role("heading")).to_contain_text(HOSTILE)
    opened.value.close()

    toolbar.get_by_role("button", name="Publish").click()
    link = page.get_by_role("dialog").get_by_label("Link")
    expect(link).to_have_value(re.compile(r"/user/ann/bookstore/clone\?s3_bucket="))
    expect(page.get_by_role("dialog").get_by_label("Markdown badge")).to_have_value(
        re.compile(r"^\[!\[Clone this notebook\]")
    )
    assert attacks == []
