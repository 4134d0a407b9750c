"""Every save of a notebook becomes a version: real servers, a real object store."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support.notebooks import make_notebook, text_of
from tests.support.object_store import Bucket, ObjectStore
from tests.support.servers import JupyterServer, contents_url, installed_kinds

StartServer = Callable[..., JupyterServer]


@pytest.fixture(scope="module")
def bucket(server_kind: str, ceph: ObjectStore) -> Iterator[Bucket]:
    """A bucket for all tests of a kind of server, each with notebooks of its own."""
    bucket = ceph.new_bucket()
    yield bucket
    bucket.remove()


@pytest.fixture(scope="module")
def server(
    server_kind: str, bucket: Bucket, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[JupyterServer]:
    """A server that archives into it, for all tests that need no other settings."""
    directory = tmp_path_factory.mktemp("server")
    with JupyterServer(server_kind, directory, **bucket.settings) as server:
        yield server


def test_a_save_is_byte_for_byte_in_the_bucket(server: JupyterServer, bucket: Bucket) -> None:
    server.save("bytes.ipynb", make_notebook("first"))
    server.wait_until("archived")
    (version,) = bucket.versions("workspace/bytes.ipynb")
    body = bucket.body("workspace/bytes.ipynb", version.version_id)
    assert body == (server.root_dir / "bytes.ipynb").read_bytes()
    assert version.content_type == "application/x-ipynb+json"
    assert version.metadata["sha256"] == hashlib.sha256(body).hexdigest()
    assert version.metadata["kernel-name"] == "python3"
    assert set(version.metadata) >= {"save-id", "saved-at", "author", "bookstore-release"}
    last = server.status()["archive"]["last_archived"]
    assert (last["path"], last["version_id"]) == ("bytes.ipynb", version.version_id)


def test_fifty_saves_back_to_back_are_fifty_versions_in_order(
    server: JupyterServer, bucket: Bucket
) -> None:
    for number in range(50):
        server.save("fifty.ipynb", make_notebook(f"{number}"))
    server.wait_until("archived")
    texts = [text_of(body) for body in bucket.bodies("workspace/fifty.ipynb")]
    assert texts == [f"{number}" for number in range(50)]


def test_300_saves_of_30_notebooks_from_8_connections(
    server: JupyterServer, bucket: Bucket
) -> None:
    saved = {f"{name}.ipynb": [f"{name} {number}" for number in range(10)] for name in range(30)}

    def save_all(path: str) -> None:
        for text in saved[path]:
            server.save(path, make_notebook(text))

    with ThreadPoolExecutor(8) as connections:
        list(connections.map(save_all, saved))
    server.wait_until("archived")
    archived = {
        path: [text_of(body) for body in bucket.bodies(f"workspace/{path}")] for path in saved
    }
    assert archived == saved


def test_overlapping_saves_of_one_notebook_are_each_what_was_sent(
    server: JupyterServer, bucket: Bucket
) -> None:
    texts = [f"{number}" for number in range(40)]
    with ThreadPoolExecutor(8) as connections:
        list(
            connections.map(
                lambda text: server.save("overlapping.ipynb", make_notebook(text)), texts
            )
        )
    server.wait_until("archived")
    archived = [text_of(body) for body in bucket.bodies("workspace/overlapping.ipynb")]
    assert sorted(archived) == sorted(texts)
    assert archived[-1] == text_of((server.root_dir / "overlapping.ipynb").read_bytes())


@pytest.mark.parametrize(
    "path",
    [
        "with space.ipynb",
        "ünïcödé 漢字 😀.ipynb",
        "a#b%20c+d&e.ipynb",
        "/".join(["deep"] * 20) + "/a.ipynb",
        'apo\'strophe "quote".ipynb',
    ],
)
def test_any_name_works(server: JupyterServer, bucket: Bucket, path: str) -> None:
    (server.root_dir / path).parent.mkdir(parents=True, exist_ok=True)
    server.save(path, make_notebook("text"))
    server.wait_until("archived")
    assert bucket.bodies(f"workspace/{path}") == [(server.root_dir / path).read_bytes()]


def test_a_notebook_of_50_mb(server: JupyterServer, bucket: Bucket) -> None:
    server.save("large.ipynb", make_notebook("large", size=50_000_000))
    server.wait_until("archived", timeout=120)
    assert bucket.bodies("workspace/large.ipynb") == [
        (server.root_dir / "large.ipynb").read_bytes()
    ]


def test_only_notebooks_are_archived(server: JupyterServer, bucket: Bucket) -> None:
    def put(path: str, **model: Any) -> None:
        assert server.api("PUT", contents_url(path), json=model).status_code == 201

    put("folder", type="directory")
    put("folder/a.txt", type="file", format="text", content="text")
    encoded = base64.b64encode(b"\x00\xff").decode()
    put("folder/a.bin", type="file", format="base64", content=encoded)
    server.save("folder/a.ipynb", make_notebook())
    server.wait_until("archived")
    assert bucket.keys("workspace/folder/") == ["workspace/folder/a.ipynb"]
    assert (server.root_dir / "folder/a.txt").read_text() == "text"
    assert (server.root_dir / "folder/a.bin").read_bytes() == b"\x00\xff"


def upload_in_chunks(server: JupyterServer, path: str, pieces: list[bytes]) -> None:
    for number, piece in enumerate(pieces, start=1):
        chunk = -1 if number == len(pieces) else number
        content = base64.b64encode(piece).decode()
        model = {"type": "file", "format": "base64", "content": content, "chunk": chunk}
        assert server.api("PUT", contents_url(path), json=model).ok


def test_large_uploads_in_chunks_stay_whole(server: JupyterServer, bucket: Bucket) -> None:
    pieces = [bytes([number]) * 1_000_000 for number in range(5)]
    upload_in_chunks(server, "chunks.bin", pieces)
    assert (server.root_dir / "chunks.bin").read_bytes() == b"".join(pieces)
    notebook = json.dumps(make_notebook("uploaded", size=100_000)).encode()
    upload_in_chunks(server, "uploaded.ipynb", [notebook[:50_000], notebook[50_000:]])
    server.wait_until("archived")
    assert bucket.keys("workspace/chunks") == []
    assert bucket.bodies("workspace/uploaded.ipynb") == [notebook]


def test_a_save_that_fails_archives_nothing(server: JupyterServer, bucket: Bucket) -> None:
    for path, model in {
        "none/failed.ipynb": {"type": "notebook", "content": make_notebook()},
        ".hidden/failed.ipynb": {"type": "notebook", "content": make_notebook()},
        "failed.ipynb": {"type": "notebook", "content": "no notebook"},
    }.items():
        assert server.api("PUT", contents_url(path), json=model).status_code >= 400
    server.save("good.ipynb", make_notebook())
    server.wait_until("archived")
    assert bucket.bodies("workspace/good.ipynb")
    assert not any(key.endswith("failed.ipynb") for key in bucket.keys("workspace/"))


USER_HOOKS = """
def before(model, path, contents_manager, **kwargs):
    if model["type"] == "notebook":
        model["content"]["metadata"]["hooked"] = "before"

def after(model, os_path, contents_manager, **kwargs):
    if model["type"] == "notebook":
        with open(os_path, "a") as file:
            file.write("  \\n")

c.FileContentsManager.pre_save_hook = before
c.FileContentsManager.post_save_hook = after
"""


def test_the_users_own_save_hooks_run_before_the_archive(
    server_kind: str, start_server: StartServer, bucket: Bucket
) -> None:
    server = start_server(server_kind, python_config=USER_HOOKS, **bucket.settings)
    server.save("hooked.ipynb", make_notebook())
    server.wait_until("archived")
    (body,) = bucket.bodies("workspace/hooked.ipynb")
    assert body == (server.root_dir / "hooked.ipynb").read_bytes()
    assert json.loads(body)["metadata"]["hooked"] == "before"
    assert body.endswith(b"  \n")


def test_copies_and_new_notebooks_are_saves_too(server: JupyterServer, bucket: Bucket) -> None:
    server.save("original.ipynb", make_notebook("original"))
    copy = server.api("POST", "/api/contents", json={"copy_from": "original.ipynb"}).json()["path"]
    new = server.api("POST", "/api/contents", json={"type": "notebook"}).json()["path"]
    server.wait_until("archived")
    for path in ("original.ipynb", copy, new):
        assert len(bucket.bodies(f"workspace/{path}")) == 1


def test_unchanged_saves_can_be_skipped(
    server_kind: str, start_server: StartServer, bucket: Bucket
) -> None:
    server = start_server(server_kind, skip_unchanged=True, **bucket.settings)
    notebook = make_notebook("same")
    for _ in range(3):
        server.save("unchanged.ipynb", notebook)
    server.save("unchanged.ipynb", make_notebook("other"))
    server.wait_until("archived")
    assert len(bucket.version_ids("workspace/unchanged.ipynb")) == 2


def test_put_options_and_prefix_reach_the_bucket(
    server_kind: str, start_server: StartServer, bucket: Bucket
) -> None:
    server = start_server(
        server_kind,
        env={"JUPYTERHUB_USER": "ann"},
        workspace_prefix="users/{username}",
        s3_put_options={"Tagging": "team=a"},
        **bucket.settings,
    )
    server.save("a.ipynb", make_notebook())
    server.wait_until("archived")
    (version,) = bucket.versions("users/ann/a.ipynb")
    assert version.metadata["author"] == "ann"
    tags = bucket.store.client.get_object_tagging(Bucket=bucket.name, Key="users/ann/a.ipynb")
    assert tags["TagSet"] == [{"Key": "team", "Value": "a"}]


def test_the_embedded_store_needs_nothing_else(
    server_kind: str, start_server: StartServer, tmp_path: Path
) -> None:
    server = start_server(server_kind, store_url="local")
    for number in range(3):
        server.save("a.ipynb", make_notebook(f"{number}"))
    status = server.wait_until("archived")
    assert status["archive"]["last_archived"]["path"] == "a.ipynb"
    assert status["store"]["versioned"] is True
    elsewhere = start_server(server_kind, store_url=(tmp_path / "shared store").as_uri())
    elsewhere.save("b.ipynb", make_notebook())
    elsewhere.wait_until("archived")
    assert (tmp_path / "shared store" / "index.sqlite").exists()


KNOWN_USERS = """
from jupyter_server.auth import IdentityProvider, User

class KnownUsers(IdentityProvider):
    async def get_user(self, handler):
        user = await super()._get_user(handler)
        name = handler.request.headers.get("X-User")
        return User(name) if user and name else user

c.ServerApp.identity_provider_class = KnownUsers
"""


@pytest.mark.skipif("jupyter_server" not in installed_kinds(), reason="classic knows no users")
def test_the_author_is_who_saved_and_published(start_server: StartServer, bucket: Bucket) -> None:
    server = start_server("jupyter_server", python_config=KNOWN_USERS, **bucket.settings)
    model = {"type": "notebook", "content": make_notebook()}
    for user in ("ann", "bob"):
        headers = {"X-User": user}
        server.api("PUT", contents_url("authors.ipynb"), json=model, headers=headers)
        url = f"/api/bookstore/publish/{user}.ipynb"
        assert server.api("PUT", url, json=model, headers=headers).ok
    server.wait_until("archived")
    versions = bucket.versions("workspace/authors.ipynb")
    assert [version.metadata["author"] for version in versions] == ["ann", "bob"]
    assert bucket.versions("published/bob.ipynb")[0].metadata["author"] == "bob"
    refused = server.api(
        "PUT", "/api/bookstore/publish/bob.ipynb", json=model, headers={"X-User": "ann"}
    )
    assert refused.status_code == 409
    assert "was published by 'bob'" in refused.json()["message"]
