"""Cloning from a bucket and from the file system."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.notebooks import make_notebook, text_of
from tests.support.object_store import Bucket, ObjectStore
from tests.support.servers import JupyterServer

StartServer = Callable[..., JupyterServer]
Model = dict[str, Any]

LIMIT = 200_000
FILES = {
    "text.txt": "grüße\r\n\n漢字".encode(),
    "data.csv": b"a,b\n1,2",
    "image.png": bytes(range(256)) * 10,
    "latin-1.txt": "grüße".encode("latin-1"),
    "archive.tar.gz": os.urandom(1000),
    "empty.txt": b"",
    "no-ending": b"text",
}


@pytest.fixture(scope="module")
def basedir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("basedir")


@pytest.fixture(scope="module")
def server_options(ceph: ObjectStore, basedir: Path) -> Model:
    """Both servers may clone from the object store, also the one whose saves are not kept there."""
    return {
        "fs_cloning_basedir": str(basedir),
        "max_clone_size": LIMIT,
        "clone_buckets": ["bookstore-*", "local", "no-such-bucket"],
        "s3_endpoint_url": ceph.endpoint_url,
        "s3_access_key_id": ceph.access_key_id,
        "s3_secret_access_key": ceph.secret_access_key,
    }


@pytest.fixture(scope="module")
def foreign_bucket(ceph: ObjectStore) -> Iterator[Bucket]:
    """A bucket that is nobody's store."""
    bucket = ceph.new_bucket()
    yield bucket
    bucket.remove()


def clone(server: JupyterServer, status: int = 200, **model: str) -> Model:
    return server.bookstore("POST", "clone", json=model, status=status)


def fs_clone(server: JupyterServer, status: int = 200, **model: str) -> Model:
    return server.bookstore("POST", "fs-clone", json=model, status=status)


def publish(server: JupyterServer, path: str, text: str, size: int = 0) -> dict[str, str]:
    """Publish a notebook, and return what names it to clone it."""
    model = {"type": "notebook", "content": make_notebook(text, size=size)}
    answer = server.bookstore("PUT", f"publish/{path}", json=model)
    bucket, _, key = answer["s3_path"].removeprefix("s3://").partition("/")
    return {"s3_bucket": bucket, "s3_key": key, "s3_version_id": answer["versionID"]}


def file_text(server: JupyterServer, path: str) -> str:
    return text_of((server.root_dir / path).read_bytes())


def test_the_answer_is_the_contents_model_and_says_where_it_comes_from(
    shared_server: JupyterServer,
) -> None:
    source = publish(shared_server, "answer.ipynb", "text")
    answer = clone(shared_server, **source)
    assert set(answer) >= {"name", "path", "type", "format", "content", "created", "last_modified"}
    assert (answer["name"], answer["path"]) == ("answer.ipynb", "answer.ipynb")
    assert (answer["type"], answer["content"]) == ("notebook", None)
    assert answer["s3_path"] == f"s3://{source['s3_bucket']}/{source['s3_key']}"
    assert answer["versionID"] == source["s3_version_id"]
    base_url = shared_server.url.removeprefix("http://").partition("/")[2]
    assert answer["url"].startswith(f"/{base_url}")
    assert answer["url"].endswith("/answer.ipynb")
    assert file_text(shared_server, "answer.ipynb") == "text"
    (version,) = shared_server.bookstore("GET", "versions/answer.ipynb")["versions"]
    assert version["copied_from"] == f"{answer['s3_path']}?versionId={answer['versionID']}"


def test_the_newest_version_or_the_one_named_is_cloned(shared_server: JupyterServer) -> None:
    first = publish(shared_server, "which.ipynb", "first")
    second = publish(shared_server, "which.ipynb", "second")
    answer = clone(shared_server, **{**second, "s3_version_id": ""})
    assert answer["versionID"] == second["s3_version_id"]
    assert file_text(shared_server, answer["path"]) == "second"
    assert file_text(shared_server, clone(shared_server, **first)["path"]) == "first"


def test_an_existing_target_gets_the_next_free_name(shared_server: JupyterServer) -> None:
    source = publish(shared_server, "taken.ipynb", "published")
    shared_server.save("taken.ipynb", make_notebook("own"))
    paths = [clone(shared_server, **source)["path"] for _ in range(3)]
    assert paths == ["taken-1.ipynb", "taken-2.ipynb", "taken-3.ipynb"]
    assert file_text(shared_server, "taken.ipynb") == "own"


def test_a_clone_goes_into_a_folder_that_is_there(
    shared_server: JupyterServer, basedir: Path
) -> None:
    source = publish(shared_server, "in a folder.ipynb", "text")
    (shared_server.root_dir / "folder").mkdir()
    paths = [clone(shared_server, **source, target_path=to)["path"] for to in ("folder", "folder/")]
    assert paths == ["folder/in a folder.ipynb", "folder/in a folder-1.ipynb"]
    (basedir / "table.csv").write_bytes(b"")
    answer = fs_clone(shared_server, relpath="table.csv", target_path="folder")
    assert answer["path"] == "folder/table.csv"


def test_a_target_can_be_chosen_and_missing_folders_are_made(shared_server: JupyterServer) -> None:
    source = publish(shared_server, "chosen.ipynb", "text")
    answer = clone(shared_server, **source, target_path="new/förder/my copy.ipynb")
    assert answer["path"] == "new/förder/my copy.ipynb"
    assert file_text(shared_server, "new/förder/my copy.ipynb") == "text"
    assert not (shared_server.root_dir / "chosen.ipynb").exists()
    (shared_server.root_dir / "a file").write_text("")
    for target, said in {
        "a file/copy.ipynb": "is not a folder, so nothing can be put into it",
        "/copy.ipynb": "begins with /",
        "copies/": "ends with /",
        "../copy.ipynb": "is not a plain path",
        ".hidden/copy.ipynb": "is hidden",
        "d" * 300: "too long for a file's name",
        "  ": "is blank",
        "copy": "does not end with .ipynb",
    }.items():
        assert said in clone(shared_server, 400, **source, target_path=target)["message"]


@pytest.mark.parametrize("name", FILES)
def test_any_file_is_cloned_byte_for_byte(
    shared_server: JupyterServer, foreign_bucket: Bucket, name: str
) -> None:
    version_id = foreign_bucket.put(f"shared/{name}", FILES[name])
    answer = clone(
        shared_server,
        s3_bucket=foreign_bucket.name,
        s3_key=f"shared/{name}",
        target_path=f"from bucket/{name}",
    )
    assert (answer["type"], answer["versionID"]) == ("file", version_id)
    assert (shared_server.root_dir / "from bucket" / name).read_bytes() == FILES[name]


@pytest.mark.parametrize("name", FILES)
def test_any_file_of_the_file_system_is_cloned_byte_for_byte(
    shared_server: JupyterServer, basedir: Path, name: str
) -> None:
    (basedir / "deep").mkdir(exist_ok=True)
    (basedir / "deep" / name).write_bytes(FILES[name])
    answer = fs_clone(shared_server, relpath=f"deep/{name}", target_path=f"from disk/{name}")
    assert answer["path"] == f"from disk/{name}"
    assert answer["url"].endswith(f"/from%20disk/{name}")
    assert (shared_server.root_dir / "from disk" / name).read_bytes() == FILES[name]


def test_a_notebook_of_the_file_system_gets_a_free_name(
    shared_server: JupyterServer, basedir: Path
) -> None:
    (basedir / "example.ipynb").write_text(json.dumps(make_notebook("example")))
    (basedir / "latest.ipynb").unlink(missing_ok=True)
    (basedir / "latest.ipynb").symlink_to("example.ipynb")
    paths = [fs_clone(shared_server, relpath=f"{name}.ipynb")["path"] for name in ("example",) * 2]
    assert paths == ["example.ipynb", "example-1.ipynb"]
    assert fs_clone(shared_server, relpath="latest.ipynb")["path"] == "latest.ipynb"
    assert file_text(shared_server, "latest.ipynb") == "example"
    assert not (shared_server.root_dir / "latest.ipynb").is_symlink()


def test_only_files_inside_the_basedir_are_cloned(
    shared_server: JupyterServer, basedir: Path, tmp_path: Path
) -> None:
    with ExitStack() as links:

        def link(name: str, target: Path) -> None:
            (basedir / name).symlink_to(target)
            links.callback((basedir / name).unlink)

        (tmp_path / "secret.ipynb").write_text(json.dumps(make_notebook("secret")))
        link("out.ipynb", tmp_path / "secret.ipynb")
        link("out", tmp_path)
        link("loop.ipynb", basedir / "loop.ipynb")
        link("dangling.ipynb", basedir / "none.ipynb")
        os.mkfifo(basedir / "fifo.ipynb")
        links.callback((basedir / "fifo.ipynb").unlink)
        (basedir / "folder.ipynb").mkdir(exist_ok=True)
        for relpath in (
            "out.ipynb",
            "out/secret.ipynb",
            "loop.ipynb",
            "dangling.ipynb",
            "fifo.ipynb",
            "folder.ipynb",
            "none.ipynb",
            str(tmp_path / "secret.ipynb"),
        ):
            error = fs_clone(shared_server, 404, relpath=relpath)
            assert "There is no file" in error["message"]
        for relpath in ("", "../secret.ipynb", "deep/../../secret.ipynb"):
            fs_clone(shared_server, 400, relpath=relpath)
    assert "Traceback" not in shared_server.log


def test_what_is_larger_than_the_limit_is_not_brought_in(
    shared_server: JupyterServer, foreign_bucket: Bucket, basedir: Path
) -> None:
    source = publish(shared_server, "large.ipynb", "large", size=LIMIT)
    foreign_bucket.put("large.bin", bytes(LIMIT + 1))
    (basedir / "large.bin").write_bytes(bytes(LIMIT + 1))
    shared_server.save("too large.ipynb", make_notebook("large", size=LIMIT))
    (version,) = shared_server.bookstore("GET", "versions/too large.ipynb")["versions"]
    named = {"version_id": version["version_id"]}
    refusals = [
        clone(shared_server, 413, **source),
        clone(shared_server, 413, s3_bucket=foreign_bucket.name, s3_key="large.bin"),
        fs_clone(shared_server, 413, relpath="large.bin"),
        shared_server.bookstore("POST", "restore/too large.ipynb", json=named, status=413),
        shared_server.bookstore("GET", "versions/too large.ipynb", params=named, status=413),
    ]
    assert all(f"at most {LIMIT} may be read" in refusal["message"] for refusal in refusals)
    assert not (shared_server.root_dir / "large.bin").exists()
    foreign_bucket.put("just so.bin", bytes(LIMIT))
    clone(shared_server, s3_bucket=foreign_bucket.name, s3_key="just so.bin")
    assert (shared_server.root_dir / "just so.bin").stat().st_size == LIMIT


def test_what_is_not_there_or_not_allowed_is_said_in_a_sentence(
    shared_server: JupyterServer, store_settings: Model, foreign_bucket: Bucket
) -> None:
    home = store_settings.get("s3_bucket", "local")
    foreign_bucket.put("broken.ipynb", b"{}")
    for source, status, said in (
        ({}, 400, "A bucket is needed"),
        ({"s3_bucket": home}, 400, "A key is needed"),
        ({"s3_bucket": home, "s3_key": "folder/"}, 400, "ends with /"),
        ({"s3_bucket": home, "s3_key": 3}, 400, "s3_key must be a text, not a number"),
        ({"s3_bucket": home, "s3_key": "none.ipynb"}, 404, "There is no none.ipynb in the bucket"),
        (
            {"s3_bucket": home, "s3_key": "none.ipynb", "s3_version_id": "none"},
            404,
            "There is no version none of none.ipynb",
        ),
        ({"s3_bucket": "no-such-bucket", "s3_key": "a.ipynb"}, 404, "no bucket 'no-such-bucket'"),
        ({"s3_bucket": "forbidden", "s3_key": "a.ipynb"}, 403, "'forbidden' is not allowed"),
        ({"s3_bucket": foreign_bucket.name, "s3_key": "broken.ipynb"}, 422, "not a notebook"),
    ):
        error = clone(shared_server, status, **source)
        assert set(error) == {"message", "reason"}
        assert said in error["message"]
    assert not (shared_server.root_dir / "broken.ipynb").exists()


@pytest.mark.thorough
def test_without_a_store_cloning_from_buckets_works_where_it_is_on(
    core_kind: str, start_server: StartServer, bucket: Bucket
) -> None:
    settings = {name: value for name, value in bucket.settings.items() if name != "s3_bucket"}
    server = start_server(core_kind, **settings)
    bucket.put("a.ipynb", json.dumps(make_notebook("text")).encode())
    source = {"s3_bucket": bucket.name, "s3_key": "a.ipynb"}
    assert file_text(server, clone(server, **source)["path"]) == "text"
    error = fs_clone(server, 404, relpath="a.ipynb")
    assert "Cloning from the file system is off on this server" in error["message"]
    server.restart(enable_s3_cloning=False)
    error = clone(server, 404, **source)
    assert "off on this server: enable_s3_cloning is False" in error["message"]
