"""Bookstore in the single-user servers of a real JupyterHub."""

import pytest
import requests

from tests.support.hub import HubUser, JupyterHub
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
    hub: JupyterHub, hub_bucket: Bucket, ann: HubUser
) -> None:
    ann.save("a.ipynb", make_notebook("saved on a hub"))
    hub.wait_for(lambda: hub_bucket.keys() == ["workspace/ann/a.ipynb"], "the archived save")
    assert text_of(hub_bucket.body("workspace/ann/a.ipynb")) == "saved on a hub"


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
