"""What Bookstore shows of itself: GET /api/bookstore and the metrics."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from bookstore import __version__
from tests.support.notebooks import make_notebook
from tests.support.object_store import Bucket
from tests.support.servers import JupyterServer

StartServer = Callable[..., JupyterServer]


@pytest.fixture
def server(core_kind: str, start_server: StartServer, bucket: Bucket) -> JupyterServer:
    return start_server(core_kind, **bucket.settings)


def test_the_status_tells_release_features_store_and_archive(
    server: JupyterServer, bucket: Bucket
) -> None:
    status = server.wait_until(lambda s: s["store"]["versioned"] is not None)
    assert status["release"] == __version__
    assert status["features"] == {
        "bookstore_valid": True,
        "archive_valid": True,
        "publish_valid": True,
        "s3_clone_valid": True,
        "fs_clone_valid": False,
    }
    assert status["store"] == {
        "url": f"{bucket.store.endpoint_url}/{bucket.name}",
        "versioned": True,
        "problem": None,
    }
    assert status["archive"] == {
        "pending": 0,
        "failed": 0,
        "last_archived": None,
        "last_error": None,
        "elsewhere": [],
    }
    assert bucket.store.secret_access_key not in str(status)


def test_the_status_needs_authentication(server: JupyterServer) -> None:
    for headers in ({}, {"Authorization": "token wrong"}):
        answer = requests.get(f"{server.url}/api/bookstore", headers=headers, timeout=30)
        assert answer.status_code == 403
        assert "release" not in answer.text
    assert server.api("GET", "/api/bookstore").headers["Content-Type"] == "application/json"


def test_base_url_is_honoured(core_kind: str, start_server: StartServer) -> None:
    app = "NotebookApp" if core_kind == "classic" else "ServerApp"
    server = start_server(core_kind, store_url="local", config={app: {"base_url": "/user/ann/"}})
    assert server.url.endswith("/user/ann")
    server.save("a.ipynb", make_notebook())
    server.wait_until("archived")


def test_without_a_store_archiving_is_off_and_says_how_to_turn_it_on(
    core_kind: str, start_server: StartServer
) -> None:
    server = start_server(core_kind)
    server.save("a.ipynb", make_notebook())
    status = server.status()
    assert status["features"]["archive_valid"] is False
    assert status["store"] is None
    assert "set c.BookstoreSettings.s3_bucket" in status["description"]
    assert "saves are not archived. No store is named: set" in server.log
    assert not server.local_dir.exists()
    assert server.uploaders() == []


def metrics(server: JupyterServer) -> dict[str, float]:
    lines = server.api("GET", "/metrics").text.splitlines()
    return {
        name: float(value)
        for name, value in (line.rsplit(" ", 1) for line in lines if line.startswith("bookstore_"))
    }


def test_metrics_count_saves(server: JupyterServer) -> None:
    def show(expected: dict[str, float]) -> Callable[[Any], bool]:
        return lambda _: expected.items() <= metrics(server).items()

    server.wait_until(show({"bookstore_saves_pending": 0, "bookstore_saves_archived_total": 0}))
    for number in range(3):
        server.save(f"{number}.ipynb", make_notebook())
    server.wait_until(
        show(
            {
                "bookstore_saves_pending": 0,
                "bookstore_saves_failed": 0,
                "bookstore_saves_archived_total": 3,
                "bookstore_archive_seconds_count": 3,
            }
        )
    )
    assert metrics(server)["bookstore_archive_seconds_sum"] > 0
