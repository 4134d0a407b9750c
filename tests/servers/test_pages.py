"""The pages, as Chromium shows them, and the interface of the server they lead to."""

import json
import re
from collections.abc import Callable, Iterator
from urllib.parse import quote, urlencode

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.fault_proxy import FaultProxy
from tests.support.notebooks import make_notebook, text_of
from tests.support.object_store import Bucket
from tests.support.servers import JupyterServer, installed_kinds

pytestmark = pytest.mark.thorough

Visit = Callable[..., None]

# each would run a script where it is not escaped for the place it is put in
HOSTILE = [
    "<img src=x onerror=attacked()>",
    "\" autofocus onfocus=attacked() x=\"' autofocus onfocus=attacked() x='",
    "</script><script>attacked()</script>",
    "\\\";attacked();'+attacked()+'${attacked()}{{ 7*7 }}",
]


@pytest.fixture(scope="module")
def server(
    core_kind: str, shared_bucket: Bucket, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[JupyterServer]:
    """Start a server of each kind in turn, for all tests here."""
    directory = tmp_path_factory.mktemp("server")
    with JupyterServer(core_kind, directory, front_ends=True, **shared_bucket.settings) as server:
        yield server


@pytest.fixture
def visit(server: JupyterServer, page: Page) -> Visit:
    """Log the page in, and give a function that opens a page of Bookstore's."""
    return _logged_in(server, page)


def _logged_in(server: JupyterServer, page: Page) -> Visit:
    page.goto(f"{server.url}/bookstore?token={server.token}")

    def visit(path: str, **query: str) -> None:
        page.goto(f"{server.url}/bookstore{path}?{urlencode(query)}")

    return visit


def put_notebook(bucket: Bucket, key: str, text: str) -> str:
    """Put a notebook into a bucket as another server would, and return its version id."""
    return bucket.put(key, json.dumps(make_notebook(text)).encode())


def save_versions(server: JupyterServer, path: str, *texts: str) -> None:
    for text in texts:
        server.save(path, make_notebook(text))
    server.wait_until("archived")


def expect_opened(page: Page, text: str) -> None:
    """Wait until the server's interface shows a notebook that says `text`."""
    expect(page.get_by_role("paragraph").get_by_text(text)).to_be_visible()


def test_a_clone_is_chosen_on_a_page_and_opens_in_the_servers_interface(
    server: JupyterServer, shared_bucket: Bucket, page: Page, visit: Visit
) -> None:
    key = "published/ann/shared.ipynb"
    version_id = put_notebook(shared_bucket, key, "older, but meant")
    put_notebook(shared_bucket, key, "the newest")
    visit("/clone", s3_bucket=shared_bucket.name, s3_key=key, s3_version_id=version_id)
    for detail in (shared_bucket.name, key, version_id):
        expect(page.get_by_role("definition").get_by_text(detail, exact=True)).to_be_visible()
    expect(page.frame_locator("iframe").get_by_text("older, but meant")).to_be_visible()
    newer = page.get_by_role("link", name="clone that instead")
    expect(newer).to_have_attribute("href", re.compile(r"s3_key=published%2Fann%2Fshared.ipynb$"))
    target = page.get_by_label("Copy to")
    expect(target).to_have_value("shared.ipynb")
    target.fill("my copy.ipynb")
    assert not (server.root_dir / "my copy.ipynb").exists()
    page.get_by_role("button", name="Clone").click()
    expect_opened(page, "older, but meant")
    assert page.url.endswith("/my%20copy.ipynb")
    assert text_of(server.get("my copy.ipynb")["content"]) == "older, but meant"


@pytest.mark.skipif("lab" not in installed_kinds(), reason="JupyterLab is not installed")
def test_a_copy_opens_in_jupyterlab_where_a_plain_server_was_started(
    start_server: Callable[..., JupyterServer], page: Page
) -> None:
    # The walks of test_frontends.py see where the other servers lead to.
    config = {"ServerApp": {"base_url": "/user/ann/"}}
    server = start_server("jupyter_server", front_ends=True, store_url="local", config=config)
    save_versions(server, "a b.ipynb", "opened here")
    [version] = server.bookstore("GET", "versions/a b.ipynb")["versions"]
    copy = {"version_id": version["version_id"], "target_path": "copies/a b.ipynb"}
    url = server.bookstore("POST", "restore/a b.ipynb", json=copy)["url"]
    assert url == "/user/ann/lab/tree/copies/a%20b.ipynb"
    page.goto(f"{server.url.removesuffix('/user/ann')}{url}?token={server.token}")
    expect_opened(page, "opened here")


def test_a_bucket_that_is_not_the_servers_own_is_warned_of(
    shared_bucket: Bucket, page: Page, visit: Visit
) -> None:
    foreign = shared_bucket.store.new_bucket()
    try:
        put_notebook(foreign, "a.ipynb", "from elsewhere")
        visit("/clone", s3_bucket=foreign.name, s3_key="a.ipynb")
        expect(page.get_by_text("This bucket is not the one")).to_be_visible()
        expect(page.get_by_role("button", name="Clone")).to_be_enabled()
    finally:
        foreign.remove()


def test_what_cannot_be_cloned_is_said_on_the_page(
    shared_bucket: Bucket, page: Page, visit: Visit
) -> None:
    visit("/clone", s3_bucket=shared_bucket.name, s3_key="missing.ipynb")
    expect(page.get_by_role("alert")).to_contain_text("missing.ipynb")
    expect(page.get_by_role("button")).to_have_count(0)

    key = "published/fleeting.ipynb"
    version_id = put_notebook(shared_bucket, key, "gone in a moment")
    visit("/clone", s3_bucket=shared_bucket.name, s3_key=key)
    page.get_by_label("Copy to").fill("../outside.ipynb")
    clone = page.get_by_role("button", name="Clone")
    clone.click()
    expect(page.get_by_role("alert")).to_contain_text("../outside.ipynb")
    shared_bucket.store.client.delete_object(
        Bucket=shared_bucket.name, Key=key, VersionId=version_id
    )
    page.get_by_label("Copy to").fill("inside.ipynb")
    clone.click()
    expect(page.get_by_role("alert")).to_contain_text("fleeting.ipynb")
    expect(clone).to_be_enabled()


def test_an_older_version_is_found_compared_and_restored(
    server: JupyterServer, page: Page, visit: Visit
) -> None:
    save_versions(server, "report.ipynb", "the first", "the second", "the third")
    visit("/versions/report.ipynb")
    versions, beside = page.locator("label.version"), page.frame_locator("[name=shown]")
    expect(beside.get_by_text("the third")).to_be_visible()
    versions.nth(1).click()
    expect(beside.get_by_text("the second")).to_be_visible()
    page.get_by_label("Show what changed").check()
    expect(beside.locator("td:has(del)", has_text="the first")).to_be_visible()
    expect(beside.locator("td:has(ins)", has_text="the second")).to_be_visible()
    # What a page without an origin links to needs the cookies of the page around it.
    beside.get_by_role("link", name="Hide outputs").click()
    expect(beside.get_by_role("link", name="Show outputs")).to_be_visible()
    versions.last.click()
    page.get_by_role("button", name="Compare others with this").click()
    versions.first.click()
    expect(beside.locator("td:has(del)", has_text="the first")).to_be_visible()
    expect(beside.locator("td:has(ins)", has_text="the third")).to_be_visible()
    page.get_by_role("button", name="Compare with the version before").click()
    expect(beside.locator("td:has(del)", has_text="the second")).to_be_visible()
    versions.nth(1).click()
    page.keyboard.press("ArrowDown")
    page.reload()
    expect(versions.last.get_by_role("radio")).to_be_checked()
    page.get_by_role("button", name="Restore").click()
    expect_opened(page, "the first")
    assert text_of(server.get("report.ipynb")["content"]) == "the first"
    server.wait_until("archived")
    visit("/versions/report.ipynb")
    expect(versions).to_have_count(4)
    saved = page.locator("time").last.inner_text()
    page.get_by_role("link", name="the version of").click()
    expect(page.get_by_text("the first")).to_be_visible()
    # written as on the other pages, though no script runs here
    expect(page.locator("time")).to_have_text(re.compile(rf"^\d{{4}}-\d\d-\d\d {saved}"))


def test_any_two_of_many_versions_are_compared_and_a_link_is_copied(
    server: JupyterServer, browser: Browser
) -> None:
    save_versions(server, "many.ipynb", *map(str, range(102)))
    with browser.new_context(permissions=["clipboard-read", "clipboard-write"]) as context:
        page = context.new_page()
        visit = _logged_in(server, page)
        visit("/versions/many.ipynb")
        beside = page.frame_locator("[name=shown]")
        page.get_by_role("button", name="Compare others with this").click()
        for count in 100, 102:
            page.get_by_role("link", name="Older versions").click()
            expect(page.locator("label.version")).to_have_count(count)
        page.locator("label.version").last.click()
        expect(beside.locator("td:has(del)", has_text="101")).to_be_visible()
        expect(beside.locator("td:has(ins)", has_text="0")).to_be_visible()
        expect(page.get_by_role("link", name="Older versions")).to_have_count(0)
        page.get_by_role("link", name="Copy link").click()
        expect(page.get_by_role("status").get_by_text("Others cannot reach this")).to_be_visible()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied.startswith(f"{server.url}/bookstore/clone?")


def test_a_version_is_named_and_many_quick_saves_are_one_line(
    server: JupyterServer, page: Page, visit: Visit
) -> None:
    save_versions(server, "named.ipynb", *map(str, range(7)))
    visit("/versions/named.ipynb")
    expect(page.get_by_text("Today", exact=True)).to_be_visible()
    versions = page.locator("label.version").filter(visible=True)
    versions.nth(1).click()
    page.get_by_text("Name…").filter(visible=True).click()
    page.get_by_label("Name", exact=True).filter(visible=True).fill("sent to <i>Ann</i>")
    page.get_by_role("button", name="Save name").click()
    expect(page.get_by_text("sent to <i>Ann</i>")).to_be_visible()
    expect(page.get_by_role("radio", name="sent to <i>Ann</i>")).to_be_checked()
    expect(versions).to_have_count(2)
    page.get_by_text("5 saves").click()
    expect(versions).to_have_count(7)
    versions.last.click()
    page.get_by_role("button", name="Restore", exact=True).click()
    expect_opened(page, "0")


def test_versions_are_viewed_one_after_the_other_and_restored_as_a_copy(
    server: JupyterServer, page: Page, visit: Visit
) -> None:
    save_versions(server, "maths.ipynb", "one $x^1$", "two $x^2$", "three $x^3$")
    visit("/view/maths.ipynb")
    expect(page.locator("article math")).to_be_visible()
    page.keyboard.press("p")
    expect(page.get_by_text("two")).to_be_visible()
    page.get_by_role("link", name="Older").click()
    expect(page.get_by_text("one")).to_be_visible()
    with page.expect_download() as downloaded:
        page.get_by_role("link", name="Download").click()
    assert text_of(downloaded.value.path().read_bytes()) == "one $x^1$"
    expect(page.get_by_role("link", name="Older")).to_have_count(0)
    page.keyboard.press("n")
    expect(page.get_by_text("two")).to_be_visible()
    page.get_by_role("link", name="What changed here").click()
    expect(page.locator("td:has(del)", has_text="one")).to_be_visible()
    page.go_back()
    page.get_by_role("link", name="Restore").click()
    expect(page.get_by_label("Or as a copy, named")).to_have_value("maths-restored.ipynb")
    page.get_by_label("Or as a copy, named").fill("brought back.ipynb")
    page.get_by_role("button", name="Restore as a copy").click()
    expect_opened(page, "two")
    assert text_of(server.get("brought back.ipynb")["content"]) == "two $x^2$"
    assert text_of(server.get("maths.ipynb")["content"]) == "three $x^3$"


def test_changes_are_gone_through_by_key_and_pictures_lie_over_each_other(
    server: JupyterServer, page: Page, visit: Visit
) -> None:
    older, newer = make_notebook("top", size=1), make_notebook("top", size=1)
    for notebook, colour in ((older, "red"), (newer, "blue")):
        svg = f'<svg xmlns="http://www.w3.org/2000/svg" height="1500"><rect fill="{colour}"/></svg>'
        notebook["cells"][1]["outputs"][0]["data"] = {"image/svg+xml": svg}
        notebook["cells"].append({**notebook["cells"][0], "id": "end", "source": colour})
        server.save("plots.ipynb", notebook)
    server.wait_until("archived")
    oldest = server.bookstore("GET", "versions/plots.ipynb")["versions"][-1]["version_id"]
    visit("/diff/plots.ipynb", base=oldest)
    outputs, changes = page.locator(".outputs"), page.locator("section.cells")
    expect(changes.nth(1)).not_to_be_in_viewport()
    page.keyboard.press("n")
    page.keyboard.press("n")
    expect(changes.nth(1)).to_be_in_viewport()
    page.keyboard.press("p")
    expect(changes.first.get_by_role("heading")).to_be_in_viewport()

    page.get_by_label("One over the other").check()
    page.get_by_label("How much of the older one is seen").fill("70")
    newer_picture = outputs.locator("article").last.locator("img")
    expect(newer_picture).to_have_css("clip-path", "inset(0px 0px 0px 70%)")
    older_place, newer_place = (
        outputs.locator("article").nth(side).bounding_box() for side in range(2)
    )
    assert older_place == newer_place

    page.get_by_role("link", name="Hide outputs").click()
    expect(outputs).to_have_count(0)
    visit("/diff/plots.ipynb", base=oldest)
    expect(changes).to_have_count(2)
    expect(outputs).to_have_count(0)
    page.get_by_role("link", name="Show outputs").click()
    expect(outputs).to_be_visible()


def test_one_cell_is_brought_back(server: JupyterServer, page: Page, visit: Visit) -> None:
    notebook = make_notebook("kept")
    removed = {"cell_type": "raw", "id": "raw", "metadata": {}, "source": "<b>removed</b>"}
    server.save("cells.ipynb", {**notebook, "cells": [removed, *notebook["cells"]]})
    server.save("cells.ipynb", make_notebook("edited since"))
    server.wait_until("archived")
    visit("/versions/cells.ipynb")
    page.get_by_label("Show what changed").check()
    beside = page.frame_locator("[name=shown]")
    beside.get_by_role("link", name="Bring this cell back").first.click()
    expect(page.get_by_text("<b>removed</b>")).to_be_visible()
    page.get_by_role("button", name="Bring it back").click()
    expect_opened(page, "edited since")
    cells = server.get("cells.ipynb")["content"]["cells"]
    assert [cell["source"] for cell in cells] == ["<b>removed</b>", "edited since"]
    server.wait_until("archived")
    versions = server.bookstore("GET", "versions/cells.ipynb")["versions"]
    assert len(versions) == 3
    wrong = {"version_id": versions[2]["version_id"], "cell": 9}
    answer = server.api("POST", "/api/bookstore/cell/cells.ipynb", json=wrong)
    assert (answer.status_code, answer.json()["message"]) == (
        400,
        "That version has 2 cells, so there is no cell 9.",
    )


def test_pages_can_be_read_on_a_narrow_screen_and_in_the_dark(
    server: JupyterServer, page: Page, visit: Visit
) -> None:
    path = f"a folder/{'name' * 20}.ipynb"
    (server.root_dir / "a folder").mkdir()
    save_versions(server, path, "one", "two")
    page.set_viewport_size({"width": 400, "height": 800})
    page.emulate_media(color_scheme="dark")
    for route in "", f"/versions/{quote(path)}", f"/view/{quote(path)}":
        visit(route)
        expect(page.locator("body")).to_have_css("background-color", "rgb(17, 17, 17)")
        expect(page.get_by_role("heading").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") == 400
    notebook = page.get_by_role("article")
    expect(notebook).to_have_css("background-color", "rgb(255, 255, 255)")
    expect(notebook).to_have_css("color", "rgb(34, 34, 34)")
    visit("")
    expect(page.get_by_text("All saves are archived")).to_be_visible()
    # JupyterLab's theme is told by a cookie, and comes before the browser's.
    page.context.add_cookies([{"name": "bookstore-theme", "value": "light", "url": server.url}])
    visit("")
    expect(page.locator("body")).to_have_css("background-color", "rgb(255, 255, 255)")


def test_a_notebook_that_is_a_text_is_shown_as_one(
    shared_bucket: Bucket, page: Page, visit: Visit
) -> None:
    older, _ = (shared_bucket.put("workspace/text.md", b"# <b>" + text) for text in (b"1", b"2"))
    visit("/versions/text.md")
    page.get_by_label("Show what changed").check()
    beside = page.frame_locator("[name=shown]")
    expect(beside.get_by_text("# <b>2")).to_be_visible()
    expect(page.get_by_role("button", name="Compare")).to_have_count(0)
    visit("/diff/text.md", base=older)
    expect(page.get_by_role("heading")).to_have_text("This cannot be read as a notebook")
    expect(page.get_by_role("alert")).to_contain_text("text.md is not a notebook in JSON")


def test_a_deleted_notebook_is_found_and_brought_back(
    server: JupyterServer, page: Page, visit: Visit
) -> None:
    save_versions(server, "lost and found.ipynb", "not lost")
    server.api("DELETE", "/api/contents/lost%20and%20found.ipynb")
    visit("")
    page.get_by_role("searchbox").fill("lost and")
    page.get_by_role("button", name="Search").click()
    row = page.get_by_role("row", name="lost and found.ipynb")
    expect(row.get_by_role("link", name="Open")).to_have_count(0)
    row.get_by_role("link", name="lost and found.ipynb").click()
    # nothing is there that could be opened
    expect(page.get_by_role("heading").get_by_role("link")).to_have_count(0)
    expect(page.get_by_role("button", name="Restore", exact=True)).to_be_visible()
    page.go_back()
    row.get_by_role("link", name="Bring back").click()
    page.get_by_role("button", name="Restore in its place").click()
    expect_opened(page, "not lost")
    assert (server.root_dir / "lost and found.ipynb").exists()


def test_a_missing_version_is_told_of_in_a_page_like_all_others(page: Page, visit: Visit) -> None:
    for route in "view", "diff":
        visit(f"/{route}/nowhere.ipynb", base="none")
        expect(page.get_by_role("alert")).to_contain_text("nowhere.ipynb")
        expect(page.get_by_role("alert")).to_have_css("border-left-style", "solid")
    visit("/diff/nowhere.ipynb")
    expect(page.get_by_role("alert")).to_contain_text("base is missing")


def test_what_is_pending_shows_while_the_store_is_away(
    core_kind: str,
    start_server: Callable[..., JupyterServer],
    bucket: Bucket,
    fault_proxy: FaultProxy,
    page: Page,
) -> None:
    settings = bucket.settings | {"s3_endpoint_url": fault_proxy.endpoint_url}
    server = start_server(core_kind, **settings)
    fault_proxy.mode = "refuse"
    server.save("waiting.ipynb", make_notebook())
    server.wait_until(lambda status: status["archive"]["last_error"])
    visit = _logged_in(server, page)
    visit("")
    expect(page.get_by_text("1 save waits to be archived")).to_be_visible()
    expect(page.get_by_role("alert")).to_contain_text("cannot be reached")  # told once
    visit("/versions/waiting.ipynb")
    expect(page.get_by_role("radio", name="pending")).to_be_checked()
    expect(page.frame_locator("[name=shown]").get_by_role("article")).to_be_visible()


@pytest.mark.once
@pytest.mark.parametrize("hostile", HOSTILE, ids=["html", "attribute", "script", "template"])
def test_names_show_literally_and_run_no_script(
    hostile: str, server: JupyterServer, shared_bucket: Bucket, browser: Browser
) -> None:
    # The pages' Content-Security-Policy would stop such scripts too; here escaping alone must.
    with browser.new_context(bypass_csp=True) as context:
        page = context.new_page()
        attacks: list[str] = []
        page.expose_function("attacked", lambda: attacks.append(page.url))
        visit = _logged_in(server, page)

        key = f"published/{hostile}.ipynb"
        version_id = put_notebook(shared_bucket, key, "harmless")
        visit("/clone", s3_bucket=shared_bucket.name, s3_key=key, target_path=hostile)
        expect(page.get_by_role("definition").get_by_text(key, exact=True)).to_be_visible()
        expect(page.get_by_label("Copy to")).to_have_value(hostile)
        page.get_by_label("Copy to").fill(f"../{hostile}")
        page.get_by_role("button", name="Clone").click()
        expect(page.get_by_role("alert")).to_contain_text(repr(f"../{hostile}"))

        for query in (
            {"s3_bucket": hostile, "s3_key": key},
            {"s3_bucket": shared_bucket.name, "s3_key": f"{hostile}/"},
            {"s3_bucket": shared_bucket.name, "s3_key": key, "s3_version_id": hostile + " "},
        ):
            visit("/clone", **query)
            expect(page.get_by_role("alert")).to_contain_text(_core(hostile))

        path = f"{hostile}.ipynb"
        (server.root_dir / path).parent.mkdir(parents=True, exist_ok=True)
        save_versions(server, path, f"# {hostile}", "another")
        visit("", q=hostile)
        expect(page.get_by_role("searchbox")).to_have_value(hostile)
        page.get_by_role("link", name=path, exact=True).click()
        expect(page.get_by_role("heading").first).to_contain_text(path)
        page.get_by_label("Show what changed").check()
        beside = page.frame_locator("[name=shown]")
        expect(beside.locator("td:has(del)", has_text=hostile)).to_be_visible()
        for route in "versions", "view", "diff":
            visit(f"/{route}/{quote(path)}", base=version_id, head=hostile, version_id=hostile)
            expect(page.locator("body")).to_contain_text(_core(hostile))
        assert attacks == []
        page.evaluate("attacked()")
        assert attacks  # it would have been noticed


def _core(hostile: str) -> str:
    """Give the part of a hostile text that Python's repr, which errors show it in, leaves alone."""
    return max(re.split(r"['\"\\]", hostile), key=len)


def test_nothing_of_a_notebook_runs_where_it_is_viewed(
    server: JupyterServer, shared_bucket: Bucket, page: Page, visit: Visit
) -> None:
    notebook = make_notebook(
        "looked at <script>attacked()</script><img src=x onerror=attacked()>"
        "<svg onload=attacked()></svg><iframe srcdoc='<script>parent.attacked()</script>'></iframe>"
    )
    outputs = [
        {"text/html": "<b>an output</b><script>attacked()</script>"},
        {"application/javascript": "attacked()"},
        {"image/svg+xml": "<svg xmlns='http://www.w3.org/2000/svg' onload='attacked()'/>"},
    ]
    notebook["cells"].append(
        {
            "cell_type": "code",
            "id": "attack",
            "metadata": {},
            "execution_count": 1,
            "source": "",
            "outputs": [
                {"output_type": "display_data", "data": data, "metadata": {}} for data in outputs
            ],
        }
    )
    server.save("attack.ipynb", notebook)
    server.wait_until("archived")
    attacks: list[str] = []
    page.expose_function("attacked", lambda: attacks.append(page.url))
    visit("/view/attack.ipynb")
    expect(page.get_by_text("looked at")).to_be_visible()
    expect(page.get_by_text("an output")).to_be_visible()
    visit("/clone", s3_bucket=shared_bucket.name, s3_key="workspace/attack.ipynb")
    expect(page.frame_locator("iframe").get_by_text("an output")).to_be_visible()
    server.save("attack.ipynb", make_notebook("harmless"))
    server.wait_until("archived")
    visit("/versions/attack.ipynb")
    page.get_by_label("Show what changed").check()
    expect(page.frame_locator("[name=shown]").get_by_text("an output")).to_be_visible()
    assert attacks == []
