"""Bookstore in the interfaces of Jupyter, as Chromium shows them."""

import filecmp
import json
import re
import shutil
import subprocess
from base64 import b64decode
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.frontends import FRONT_ENDS, FrontEnd, shows
from tests.support.notebooks import Notebook, make_notebook, picture, text_of
from tests.support.object_store import Bucket
from tests.support.servers import JupyterServer, installed_kinds
from tests.support.waiting import wait_for

pytestmark = pytest.mark.thorough

HOSTILE_MARKUP = "<img src=x onerror=attacked()>"
HOSTILE = f"{HOSTILE_MARKUP}.ipynb"
HOSTILE_OUTPUTS = {
    "text/html": "<b>an output</b><script>attacked()</script><img src=x onerror=attacked()>",
    "application/javascript": "attacked()",
    "image/svg+xml": "<svg xmlns='http://www.w3.org/2000/svg' onload='attacked()'/>",
}
PLOTS = [picture(200, 0, 0), picture(0, 200, 0), picture(0, 0, 200)]
# of this environment; nbclassic comes with Notebook 6.5, and has the same addresses there
NAMES = ["classic", "nbclassic"] if "classic" in installed_kinds() else ["lab", "notebook7"]
PACKAGE = Path(__file__).parents[2] / "bookstore"


@pytest.fixture(scope="module")
def servers(
    shared_bucket: Bucket, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, JupyterServer]]:
    """Start the servers of the front ends there are: of two users, on one bucket."""
    with ExitStack() as started:
        yield {
            name: started.enter_context(
                JupyterServer(
                    FRONT_ENDS[name].kind,
                    tmp_path_factory.mktemp(user),
                    front_ends=True,
                    env={"LOGNAME": user},
                    config={
                        "NotebookApp" if name == "classic" else "ServerApp": {
                            "base_url": f"/user/{user}/"
                        },
                        "LabApp": {
                            "news_url": None,
                            "check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
                        },
                    },
                    workspace_prefix="workspace/{username}",
                    published_prefix="published/{username}",
                    **shared_bucket.settings,
                )
            )
            for name, user in zip(NAMES, ("ann", "bob"), strict=True)
        }


@pytest.mark.parametrize("name", NAMES)
def test_versions_are_found_compared_restored_and_shared(
    name: str,
    servers: dict[str, JupyterServer],
    shared_bucket: Bucket,
    browser: Browser,
) -> None:
    other = next(other for other in servers if other != name)
    attacks: list[str] = []
    with browser.new_context() as mine, browser.new_context() as theirs:
        for context in (mine, theirs):
            context.expose_function("attacked", lambda: attacks.append("attacked"))
        server = servers[name]
        put_foreign_version(shared_bucket, server)
        server.save(HOSTILE, plotted("kept"))
        author = FRONT_ENDS[name](server, mine.new_page(), HOSTILE)
        link = walk(author)
        assert link.startswith(f"{server.url}/bookstore/clone?s3_bucket=")
        reader = FRONT_ENDS[other](servers[other], theirs.new_page(), f"from {name}.ipynb")
        clone_published(link.removeprefix(server.url), reader)
    assert text_of(reader.server.get(reader.path)["content"]) == "kept"
    assert not (server.root_dir / reader.path).exists()
    assert attacks == []


def plotted(text: str, *outputs: Any) -> Notebook:
    """Make a notebook that has a cell to plot in."""
    notebook = make_notebook(text)
    cell = {"cell_type": "code", "id": "plot", "metadata": {}, "execution_count": None}
    notebook["cells"].append({**cell, "source": "", "outputs": list(outputs)})
    return notebook


def put_foreign_version(bucket: Bucket, server: JupyterServer) -> None:
    """Put a version into the bucket that somebody made whose name, and outputs, are hostile."""
    outputs = [
        {"output_type": "display_data", "data": {mimetype: attack}, "metadata": {}}
        for mimetype, attack in HOSTILE_OUTPUTS.items()
    ]
    notebook = plotted(HOSTILE_MARKUP, *outputs)
    notebook["metadata"]["title"] = HOSTILE_MARKUP
    user = server.url.rpartition("/")[2]
    bucket.put(
        f"workspace/{user}/{HOSTILE}",
        json.dumps(notebook).encode(),
        metadata={"author": quote(HOSTILE_MARKUP)},
    )


def walk(author: FrontEnd) -> str:
    """Save, look at, compare, bring back, restore, name and publish; return the link."""
    server = author.server
    author.open()
    for number, plot in enumerate(PLOTS, start=3):
        (server.root_dir / f"{number}.png").write_bytes(b64decode(plot))
        author.run(f"from IPython.display import Image; Image('{number}.png')")
        author.expect_picture(plot)
        author.save()
        wait_for(lambda number=number: len(versions_of(server)) == number, "the save's version")
    author.expect_archived()
    red, green, blue = PLOTS

    listed = author.show_versions()
    expect(listed.get_by_role("heading").first).to_contain_text(HOSTILE)
    author.expect_versions(5)
    expect(
        listed.get_by_text(re.compile(f"(^|· ){re.escape(HOSTILE_MARKUP)}( ·|$)"))
    ).to_be_visible()

    viewed = author.view(4)
    expect(viewed.get_by_role("article").get_by_text("an output")).to_be_visible()
    viewed = author.view(2)
    expect(viewed.get_by_role("article").locator(shows(red))).to_be_visible()
    # Links of a page without an origin, in a frame or not.
    changes = author.compare(2)
    changes.get_by_role("link", name="Hide metadata").click()
    expect(changes.get_by_role("link", name="Show metadata")).to_be_visible()

    for plot in (red, blue):
        expect(changes.locator(".outputs").locator(shows(plot))).to_be_visible()
    expect(changes.locator("time").first).not_to_contain_text("UTC")
    changes.get_by_role("link", name="Bring this cell back").click()
    question = author.question_after(changes)
    expect(question.get_by_role("heading", name="Bring this cell back?")).to_be_visible()
    # Its script runs: it is not in the sandbox of the page that led to it.
    expect(question.locator("time")).not_to_contain_text("UTC")
    question.get_by_role("button", name="Bring it back").click()
    if isinstance(question, Page):
        author.expect_picture(red, page=question)
        author.expect_place(question)
        question.close()
    author.reload_as_told()
    author.expect_picture(red)

    author.expect_versions(6)
    author.restore(2)
    author.expect_picture(green)
    author.give_name(3, f"{HOSTILE_MARKUP} sent to Ann")
    author.save_named("as restored")
    return author.publish()


def versions_of(server: JupyterServer) -> list[dict[str, Any]]:
    """Return the versions of the notebook, the newest first."""
    server.wait_until("archived")
    return list(server.bookstore("GET", f"versions/{HOSTILE}")["versions"])


def clone_published(link: str, reader: FrontEnd) -> None:
    """Look at what a link leads to, and clone it."""
    page, server = reader.page, reader.server
    page.goto(f"{server.url}{link}&token={server.token}")
    expect(page.get_by_role("definition").get_by_text(HOSTILE)).to_be_visible()
    preview = page.frame_locator("iframe").get_by_role("article")
    expect(preview.locator(shows(PLOTS[1]))).to_be_visible()
    page.get_by_label("Copy to").fill(reader.path)
    page.get_by_role("button", name="Clone").click()
    reader.expect_picture(PLOTS[1])
    reader.expect_place(page)


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
