"""Versions in Jupyter's own "Revert to checkpoint", as classic's menu and Lab's dialog do it."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.fault_proxy import FaultProxy
from tests.support.notebooks import make_notebook, text_of
from tests.support.object_store import Bucket
from tests.support.servers import JupyterServer, contents_url

StartServer = Callable[..., JupyterServer]
Model = dict[str, Any]

USER_HOOK = """
def after(model, os_path, contents_manager, **kwargs):
    if model["name"] == "hooked.ipynb":
        with open(os_path, "a") as file:
            file.write("  \\n")

c.FileContentsManager.post_save_hook = after
"""


@pytest.fixture(scope="module")
def server_options() -> Model:
    return {"python_config": USER_HOOK, "front_ends": True}  # nbdime's button, too


def checkpoints_url(path: str) -> str:
    return contents_url(path) + "/checkpoints"


def save(server: JupyterServer, path: str, text: str) -> str:
    """Save as the front ends do, which make a checkpoint after it; return that one's id."""
    server.save(path, make_notebook(text))
    answer = server.api("POST", checkpoints_url(path))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def checkpoints(server: JupyterServer, path: str) -> list[Model]:
    answer = server.api("GET", checkpoints_url(path))
    assert answer.status_code == 200, answer.text
    return list(answer.json())


def ids(server: JupyterServer, path: str) -> list[str]:
    return [checkpoint["id"] for checkpoint in checkpoints(server, path)]


def revert(server: JupyterServer, path: str, checkpoint_id: str) -> None:
    answer = server.api("POST", f"{checkpoints_url(path)}/{checkpoint_id}")
    assert answer.status_code == 204, answer.text


def texts(server: JupyterServer, path: str) -> list[str]:
    """Return what the versions of a notebook say, oldest first."""
    listed = server.bookstore("GET", f"versions/{path}")["versions"]
    read = [
        server.bookstore("GET", f"versions/{path}", params={"version_id": version["version_id"]})
        for version in reversed(listed)
    ]
    return [text_of(model["content"]) for model in read]


def file_text(server: JupyterServer, path: str) -> str:
    return text_of((server.root_dir / path).read_bytes())


def test_versions_are_checkpoints_the_newest_last(shared_server: JupyterServer) -> None:
    made = [save(shared_server, "listed.ipynb", text) for text in ("first", "second", "third")]
    for _ in range(2):  # while they are pending, and when they are archived
        listed = checkpoints(shared_server, "listed.ipynb")
        assert [checkpoint["id"] for checkpoint in listed] == made
        assert all(re.fullmatch(r"[\w-]+", checkpoint["id"]) for checkpoint in listed)
        times = [checkpoint["last_modified"] for checkpoint in listed]
        assert times == sorted(times)
        shared_server.wait_until("archived")
    assert texts(shared_server, "listed.ipynb") == ["first", "second", "third"]
    assert not list(shared_server.root_dir.glob(".ipynb_checkpoints/listed*"))
    # a server takes this for the same path
    assert ids(shared_server, "./listed.ipynb") == ids(shared_server, "listed.ipynb")


@pytest.mark.parametrize("name", ["first save.ipynb", "hooked.ipynb"])
def test_the_first_save_is_one_version(shared_server: JupyterServer, name: str) -> None:
    save(shared_server, name, "first")
    shared_server.wait_until("archived")
    (version,) = shared_server.bookstore("GET", f"versions/{name}")["versions"]
    assert version["size"] == (shared_server.root_dir / name).stat().st_size
    assert len(ids(shared_server, name)) == 1


def test_a_notebook_that_was_never_saved_here_gets_its_first_version(
    shared_server: JupyterServer,
) -> None:
    (shared_server.root_dir / "copied.ipynb").write_text(json.dumps(make_notebook("copied")))
    assert checkpoints(shared_server, "copied.ipynb") == []
    assert shared_server.api("POST", checkpoints_url("copied.ipynb")).status_code == 201
    assert len(ids(shared_server, "copied.ipynb")) == 1
    save(shared_server, "copied.ipynb", "saved")
    assert texts(shared_server, "copied.ipynb") == ["copied", "saved"]


def test_nbdime_shows_the_changes_since_a_checkpoint(shared_server: JupyterServer) -> None:
    """Its button in JupyterLab asks this."""
    if shared_server.kind == "classic":
        pytest.skip("nbdime's extension is for jupyter_server")
    for text in ("then", "now"):
        save(shared_server, "changed.ipynb", text)
    answer = shared_server.api(
        "POST", "/nbdime/api/diff", json={"base": "checkpoint:changed.ipynb"}
    )
    assert answer.status_code == 200, answer.text
    assert text_of(json.dumps(answer.json()["base"]).encode()) == "then"
    assert answer.json()["diff"]


def test_reverting_archives_what_was_there(shared_server: JupyterServer) -> None:
    first = save(shared_server, "back.ipynb", "first")
    save(shared_server, "back.ipynb", "second")
    revert(shared_server, "back.ipynb", first)
    assert file_text(shared_server, "back.ipynb") == "first"
    changed = json.dumps(make_notebook("changed on disk"))
    (shared_server.root_dir / "back.ipynb").write_text(changed)
    shared_server.wait_until("archived")
    revert(shared_server, "back.ipynb", first)
    assert file_text(shared_server, "back.ipynb") == "first"
    expected = ["first", "second", "first", "changed on disk", "first"]
    assert texts(shared_server, "back.ipynb") == expected
    assert len(ids(shared_server, "back.ipynb")) == 5


def test_what_is_no_checkpoint_cannot_be_reverted_to(shared_server: JupyterServer) -> None:
    other = save(shared_server, "another.ipynb", "another")
    save(shared_server, "unknown.ipynb", "text")
    for checkpoint_id in ("none", other, "checkpoint"):
        answer = shared_server.api("POST", f"{checkpoints_url('unknown.ipynb')}/{checkpoint_id}")
        assert answer.status_code == 404
        assert f"There is no version {checkpoint_id}" in answer.json()["message"]
    assert file_text(shared_server, "unknown.ipynb") == "text"
    assert "Traceback" not in shared_server.log


def test_versions_are_not_deleted(shared_server: JupyterServer) -> None:
    made = save(shared_server, "kept.ipynb", "kept")
    answer = shared_server.api("DELETE", f"{checkpoints_url('kept.ipynb')}/{made}")
    assert answer.status_code == 403
    assert "are not deleted" in answer.json()["message"]
    assert shared_server.api("DELETE", contents_url("kept.ipynb")).status_code == 204
    assert ids(shared_server, "kept.ipynb") == [made]
    revert(shared_server, "kept.ipynb", made)
    assert file_text(shared_server, "kept.ipynb") == "kept"


def test_versions_follow_a_rename(shared_server: JupyterServer) -> None:
    (shared_server.root_dir / "folder").mkdir()
    first = save(shared_server, "folder/old.ipynb", "first")
    renamed = {"path": "folder/new.ipynb"}
    answer = shared_server.api("PATCH", contents_url("folder/old.ipynb"), json=renamed)
    assert answer.status_code == 200
    renamed = {"path": "moved"}
    assert shared_server.api("PATCH", contents_url("folder"), json=renamed).status_code == 200
    assert ids(shared_server, "moved/new.ipynb") == [first]
    second = save(shared_server, "moved/new.ipynb", "second")
    for _ in range(2):
        assert ids(shared_server, "moved/new.ipynb") == [first, second]
        shared_server.wait_until("archived")
    revert(shared_server, "moved/new.ipynb", first)
    assert file_text(shared_server, "moved/new.ipynb") == "first"


def test_other_files_keep_the_checkpoints_they_have(shared_server: JupyterServer) -> None:
    def write(text: str) -> None:
        model = {"type": "file", "format": "text", "content": text}
        assert shared_server.api("PUT", contents_url("notes.txt"), json=model).ok

    write("first")
    made = shared_server.api("POST", checkpoints_url("notes.txt")).json()
    write("second")
    assert checkpoints(shared_server, "notes.txt") == [made]
    assert (shared_server.root_dir / ".ipynb_checkpoints/notes-checkpoint.txt").exists()
    revert(shared_server, "notes.txt", made["id"])
    assert (shared_server.root_dir / "notes.txt").read_text() == "first"
    answer = shared_server.api("PATCH", contents_url("notes.txt"), json={"path": "renamed.txt"})
    assert answer.status_code == 200
    assert ids(shared_server, "renamed.txt") == [made["id"]]
    url = f"{checkpoints_url('renamed.txt')}/{made['id']}"
    assert shared_server.api("DELETE", url).status_code == 204
    assert checkpoints(shared_server, "renamed.txt") == []


SYNCHRONOUS = """
from jupyter_server.services.contents.largefilemanager import LargeFileManager
from bookstore import archiving
c.ServerApp.contents_manager_class = {}
"""


@pytest.mark.thorough
@pytest.mark.parametrize("manager", ["archiving(LargeFileManager)", "LargeFileManager"])
def test_synchronous_contents_managers_revert_too(start_server: StartServer, manager: str) -> None:
    server = start_server(
        "jupyter_server",
        contents_manager=None,
        python_config=SYNCHRONOUS.format(manager),
        store_url="local",
    )
    first = save(server, "a.ipynb", "first")
    server.save("a.ipynb", make_notebook("second"))
    revert(server, "a.ipynb", first)
    assert file_text(server, "a.ipynb") == "first"
    assert first != "checkpoint"
    model = {"type": "file", "format": "text", "content": "text"}
    assert server.api("PUT", contents_url("a.txt"), json=model).ok
    made = server.api("POST", checkpoints_url("a.txt")).json()["id"]
    assert server.api("PATCH", contents_url("a.txt"), json={"path": "b.txt"}).ok
    assert ids(server, "b.txt") == [made]
    assert "never awaited" not in server.log


OURS = "bookstore.checkpoints.BookstoreCheckpoints"
IN_FILES = "{}.services.contents.filecheckpoints.{}FileCheckpoints"


@pytest.mark.thorough
@pytest.mark.parametrize("is_chosen", [True, False], ids=["chosen", "without-a-store"])
def test_checkpoints_stay_files_where_that_is_chosen_or_there_is_no_store(
    core_kind: str, start_server: StartServer, is_chosen: bool
) -> None:
    names = ("notebook", "") if core_kind == "classic" else ("jupyter_server", "Async")
    chosen = IN_FILES.format(*names) if is_chosen else OURS
    server = start_server(
        core_kind,
        config={"ContentsManager": {"checkpoints_class": chosen}},
        **({"store_url": "local"} if is_chosen else {}),
    )
    made = save(server, "a.ipynb", "first")
    server.save("a.ipynb", make_notebook("second"))
    assert ids(server, "a.ipynb") == [made] == ["checkpoint"]
    revert(server, "a.ipynb", made)
    assert file_text(server, "a.ipynb") == "first"


@pytest.mark.thorough
def test_the_store_is_not_asked_for_a_list_and_its_failure_is_told(
    core_kind: str, start_server: StartServer, bucket: Bucket, fault_proxy: FaultProxy
) -> None:
    through_proxy = {**bucket.settings, "s3_endpoint_url": fault_proxy.endpoint_url}
    server = start_server(core_kind, **through_proxy)
    archived = save(server, "a.ipynb", "archived")
    server.wait_until("archived")
    fault_proxy.mode = "refuse"
    pending = save(server, "a.ipynb", "pending")
    last = save(server, "a.ipynb", "last")
    assert ids(server, "a.ipynb") == [archived, pending, last]
    revert(server, "a.ipynb", pending)
    assert file_text(server, "a.ipynb") == "pending"
    answer = server.api("POST", f"{checkpoints_url('a.ipynb')}/{archived}")
    assert answer.status_code == 503
    assert "cannot be reached" in answer.json()["message"]
    assert "Traceback" not in server.log
