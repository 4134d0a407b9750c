"""Bookstore in the single-user servers of a real JupyterHub."""

import json

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.support.hub import HubUser, JupyterHub
from tests.support.kernels import ServerKernel
from tests.support.notebooks import make_notebook, text_of
from tests.support.object_store import Bucket

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def ann(hub: JupyterHub) -> HubUser:
    """Give a user whose server runs."""
    ann = hub.user("ann")
    ann.start_server()
    return ann


def test_saves_are_archived_under_the_users_name(
    hub: JupyterHub, shared_bucket: Bucket, ann: HubUser
) -> None:
    ann.save("a.ipynb", make_notebook("saved on a hub"))
    hub.wait_for(lambda: shared_bucket.keys() == ["workspace/ann/a.ipynb"], "the archived save")
    assert text_of(shared_bucket.body("workspace/ann/a.ipynb")) == "saved on a hub"


def test_the_status_is_for_those_the_hub_lets_in(hub: JupyterHub, ann: HubUser) -> None:
    url = f"{ann.url}/api/bookstore"
    nobody = requests.get(url, timeout=60)
    bob = {"Authorization": f"token {hub.user('bob').token}"}
    stranger = requests.get(url, headers=bob, timeout=60)
    for answer in nobody, stranger:
        assert answer.status_code == 403
        assert "release" not in answer.text
    assert ann.api("GET", "/api/bookstore").json()["features"]["archive_valid"]
    # a browser gets its login for this server on one of the server's pages
    ann.log_in("/user/ann/tree")
    assert ann.browse("GET", "/api/bookstore").json()["features"]["archive_valid"]


def test_looking_at_the_status_is_no_activity_that_keeps_a_server_from_being_culled(
    ann: HubUser,
) -> None:
    def last_activity() -> str:
        return str(ann.api("GET", "/api/status").json()["last_activity"])

    ann.api("GET", "/api/contents")
    before = last_activity()
    ann.status()
    assert last_activity() == before


def test_a_link_brings_each_user_to_a_server_of_their_own(
    hub: JupyterHub, ann: HubUser, page: Page
) -> None:
    notebook = {"type": "notebook", "content": make_notebook("shared by ann")}
    published = ann.api("PUT", "/api/bookstore/publish/shared.ipynb", json=notebook)
    link = hub.expect_ok(published).json()["clone_url"]
    assert link.startswith(f"{hub.url}/hub/user-redirect/bookstore/clone?s3_bucket=")

    carl = hub.user("carl")
    page.goto(link)
    sign_in(page, "carl")
    # his server starts only now
    clone = page.get_by_role("button", name="Clone")
    expect(clone).to_be_visible()
    assert page.url.startswith(f"{carl.url}/bookstore/clone?")
    clone.click()
    expect(page.get_by_role("paragraph").get_by_text("shared by ann")).to_be_visible()
    assert text_of((carl.home / "shared.ipynb").read_bytes()) == "shared by ann"


def test_a_page_tells_what_changed(hub: JupyterHub, ann: HubUser, page: Page) -> None:
    for text in "before", "after":
        ann.save("changed.ipynb", make_notebook(text))
    hub.wait_for(lambda: ann.status()["archive"]["pending"] == 0, "the archived saves")
    page.goto(f"{ann.url}/bookstore/versions/changed.ipynb")
    sign_in(page, "ann")
    expect(page.get_by_text("1 cell edited")).to_be_visible()


def test_the_author_is_who_saved_on_a_shared_server(
    hub: JupyterHub, shared_bucket: Bucket, ann: HubUser
) -> None:
    if hub.kind == "classic":
        pytest.skip("Notebook 6 does not tell whose request it is")
    dora = hub.user("dora")
    hub.api("POST", "/shares/ann/", json={"user": "dora"})
    dora.url = ann.url
    for user in ann, dora:
        user.save("together.ipynb", make_notebook(f"by {user.name}"))
    key = "workspace/ann/together.ipynb"
    hub.wait_for(lambda: len(shared_bucket.version_ids(key)) == 2, "the archived saves")
    assert [v.metadata["author"] for v in shared_bucket.versions(key)] == ["ann", "dora"]


def test_clones_need_a_token_or_xsrf(hub: JupyterHub, shared_bucket: Bucket, ann: HubUser) -> None:
    shared_bucket.put("published/b.ipynb", json.dumps(make_notebook("cloned")).encode())
    model = {"s3_bucket": shared_bucket.name, "s3_key": "published/b.ipynb"}
    route = "/api/bookstore/clone"
    assert requests.post(ann.url + route, json=model, timeout=60).status_code == 403
    ann.log_in("/hub/user-redirect/bookstore")
    assert ann.browse("POST", route, json=model, xsrf=False).status_code == 403
    assert not (ann.home / "b.ipynb").exists()
    for answer in ann.browse("POST", route, json=model), ann.api("POST", route, json=model):
        path = hub.expect_ok(answer).json()["path"]
        assert text_of((ann.home / path).read_bytes()) == "cloned"


def test_a_notebooks_kernel_finds_the_users_server(
    hub: JupyterHub, shared_bucket: Bucket, ann: HubUser
) -> None:
    ann.save("own.ipynb", make_notebook("published by its kernel"))
    headers = {"Authorization": f"token {ann.token}"}
    with ServerKernel(ann.url, headers, "own.ipynb") as kernel:
        kernel.run("from bookstore.client import BookstoreClient; client = BookstoreClient()")
        shown = kernel.run("published = client.publish(); published")
        clone_url = kernel.value("published.clone_url")
        assert kernel.value("client.path") == "own.ipynb"
    assert text_of(shared_bucket.body("published/own.ipynb")) == "published by its kernel"
    assert clone_url.startswith(f"{hub.url}/hub/user-redirect/bookstore/clone?")
    assert f'href="{hub.url}/hub/user-redirect/bookstore/clone?' in shown["text/html"]


def sign_in(page: Page, name: str) -> None:
    """Fill in the hub's login page."""
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill("any")
    page.get_by_role("button", name="Sign in").click()
