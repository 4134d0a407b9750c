"""Bookstore in the interfaces of Jupyter, as Chromium shows them."""

import filecmp
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.support.notebooks import make_notebook
from tests.support.object_store import Bucket
from tests.support.servers import JupyterServer, installed_kinds

pytestmark = pytest.mark.thorough

HOSTILE = "<img src=x onerror=attacked()>.ipynb"
HOSTILE_NAME = "<img src=x onerror=attacked()>"
PACKAGE = Path(__file__).parents[2] / "bookstore"


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

    page.evaluate("Jupyter.actions.call('bookstore:save-named-version')")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name of this version").fill(HOSTILE_NAME)
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()

    with page.expect_popup() as opened:
        toolbar.get_by_role("button", name="Versions").click()
    expect(opened.value.get_by_role("heading")).to_contain_text(HOSTILE)
    expect(opened.value.get_by_text(HOSTILE_NAME)).to_be_visible()
    opened.value.close()

    toolbar.get_by_role("button", name="Publish").click()
    link = page.get_by_role("dialog").get_by_label("Link")
    expect(link).to_have_value(re.compile(r"/user/ann/bookstore/clone\?s3_bucket="))
    expect(page.get_by_role("dialog").get_by_label("Markdown badge")).to_have_value(
        re.compile(r"^\[!\[Clone this notebook\]")
    )
    assert attacks == []


@pytest.mark.skipif("notebook7" not in installed_kinds(), reason="JupyterLab 4 is not installed")
@pytest.mark.parametrize("view", ["lab/tree", "notebooks"], ids=["lab", "notebook7"])
def test_lab_and_notebook_7_show_versions_restore_and_publish(
    view: str,
    start_server: Callable[..., JupyterServer],
    bucket: Bucket,
    page: Page,
) -> None:
    config = {
        "ServerApp": {"base_url": "/user/ann/"},
        "LabApp": {"news_url": None, "check_for_updates_class": "jupyterlab.NeverCheckForUpdate"},
    }
    server = start_server("notebook7", config=config, **bucket.settings)
    for text in ("first", "second", "third"):
        notebook = make_notebook(text)
        notebook["metadata"]["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
        server.save(HOSTILE, notebook)
    server.wait_until("archived")
    attacks: list[str] = []
    page.expose_function("attacked", lambda: attacks.append(page.url))

    page.goto(f"{server.url}/{view}/{quote(HOSTILE)}?token={server.token}")
    page.get_by_title("Show the versions of this notebook").first.click()
    panel = page.locator("#bookstore-versions")
    versions = panel.locator("li > button")
    expect(versions).to_have_count(3)
    expect(panel.get_by_role("heading", level=2)).to_have_text(HOSTILE)

    versions.last.click()
    expect_changes(page, in_frame=view == "lab/tree")

    panel.get_by_role("button", name="Name…").click()
    answer_with_name(page, HOSTILE_NAME)
    expect(versions.last).to_contain_text(HOSTILE_NAME)

    panel.get_by_role("button", name="Restore").click()
    page.get_by_role("dialog").get_by_role("button", name="Restore").click()
    expect(page.locator(".jp-MarkdownOutput").get_by_text("first")).to_be_visible()
    expect(versions.nth(3)).to_be_visible()
    expect(page.locator(".jp-BookstoreState")).to_contain_text(re.compile("archived"))

    page.get_by_role("menuitem", name="File").click()
    page.get_by_role("menuitem", name="Save Named Version…").click()
    answer_with_name(page, "as restored")
    expect(panel.get_by_text("as restored")).to_be_visible()

    page.get_by_title("Publish this notebook and get a link to it").first.click()
    expect(page.get_by_role("dialog").get_by_label("Link")).to_have_value(
        re.compile(r"/user/ann/bookstore/clone\?s3_bucket=")
    )
    assert attacks == []


def expect_changes(page: Page, *, in_frame: bool) -> None:
    """Compare the version that is chosen with the newest, and ask for a cell of it."""
    compare = page.get_by_role("button", name="Compare with now")
    if not in_frame:
        with page.expect_popup() as opened:
            compare.click()
        expect(opened.value.get_by_text("third")).to_be_visible()
        opened.value.close()
        return
    compare.click()
    changes = page.frame_locator("iframe")
    expect(changes.locator(":root")).to_have_attribute("data-theme", "light")
    expect(changes.locator("time").first).not_to_contain_text("UTC")
    expect(changes.get_by_text("third")).to_be_visible()
    with page.expect_popup() as opened:
        changes.get_by_role("link", name="Bring this cell back").click()
    expect(opened.value.get_by_role("button", name="Bring it back")).to_be_enabled()
    # Its script runs: it is not in the sandbox of the page that it was opened from.
    expect(opened.value.locator("time")).not_to_contain_text("UTC")
    opened.value.close()


def answer_with_name(page: Page, name: str) -> None:
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill(name)
    dialog.get_by_role("button", name="Save").click()


def test_the_lab_extension_that_is_shipped_is_what_its_sources_make(tmp_path: Path) -> None:
    npm, builder = shutil.which("npm"), shutil.which("jupyter-builder")
    if not (npm and builder):
        pytest.skip("npm or jupyter-builder is not installed")
    sources = tmp_path / "bookstore" / "frontend" / "lab"
    ignored = shutil.ignore_patterns("node_modules", "lib", "*.tsbuildinfo")
    shutil.copytree(PACKAGE / "frontend" / "lab", sources, ignore=ignored)
    for command in (["ci", "--ignore-scripts", "--no-audit", "--no-fund"], ["run", "build"]):
        subprocess.run([npm, *command], cwd=sources, check=True, timeout=600)
    compared = filecmp.dircmp(PACKAGE / "labextension", tmp_path / "bookstore" / "labextension")
    assert not difference(compared), compared.report_full_closure()


def difference(compared: "filecmp.dircmp[str]") -> list[str]:
    """Return the names of files that are in one folder only, or differ."""
    names = [*compared.left_only, *compared.right_only, *compared.diff_files]
    for folder in compared.subdirs.values():
        names += difference(folder)
    # The first has a number that depends on the folder it was built in; the second, its name.
    return [name for name in names if not name.startswith(("remoteEntry", "package.json"))]
