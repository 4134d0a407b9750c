"""How Bookstore gets into a server, and what a server says that it cannot run with."""

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.notebooks import make_notebook, text_of
from tests.support.object_store import Bucket
from tests.support.servers import JupyterServer

StartServer = Callable[..., JupyterServer]


@pytest.mark.thorough
@pytest.mark.parametrize("contents_manager", ["bookstore.BookstoreContentsArchiver", None])
@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"max_threads": 0}, "c.BookstoreSettings.max_threads: 0 uploads at once are none."),
        (
            {"fs_cloning_basedir": "books"},
            "c.BookstoreSettings.fs_cloning_basedir: 'books' is relative.",
        ),
        ({"store_url": "somewhere"}, "c.BookstoreSettings.store_url: 'somewhere' is not"),
        (
            {"workspace_prefix": "{group}", "store_url": "local"},
            "c.BookstoreSettings.workspace_prefix: In '{group}', only {username} and {folder} can",
        ),
        ({"max_threads": "many"}, "max_threads"),
    ],
)
def test_a_setting_that_cannot_work_is_named_at_start(
    core_kind: str,
    start_server: StartServer,
    settings: dict[str, Any],
    says: str,
    contents_manager: str | None,
) -> None:
    with pytest.raises(AssertionError) as failure:
        start_server(core_kind, contents_manager=contents_manager, **settings)
    assert "ended with code 1" in str(failure.value)
    assert says in str(failure.value)
    assert "Traceback" not in str(failure.value)


def test_the_environment_names_the_bucket(
    core_kind: str, start_server: StartServer, bucket: Bucket
) -> None:
    variables = {f"JPYNB_{name.upper()}": value for name, value in bucket.settings.items()}
    server = start_server(core_kind, env=variables)
    server.save("a.ipynb", make_notebook())
    server.wait_until("archived")
    assert bucket.keys() == ["workspace/a.ipynb"]


def test_botocores_own_credentials_are_used_where_none_are_set(
    core_kind: str, start_server: StartServer, bucket: Bucket
) -> None:
    settings = bucket.settings
    credentials = {
        "AWS_ACCESS_KEY_ID": settings.pop("s3_access_key_id"),
        "AWS_SECRET_ACCESS_KEY": settings.pop("s3_secret_access_key"),
    }
    server = start_server(core_kind, env=credentials, **settings)
    server.save("a.ipynb", make_notebook())
    server.wait_until("archived")


@pytest.mark.parametrize("contents_manager", [None, "bookstore.BookstoreContentsArchiver"])
def test_naming_a_store_is_enough_and_saves_are_archived_once(
    core_kind: str, start_server: StartServer, bucket: Bucket, contents_manager: str | None
) -> None:
    server = start_server(core_kind, contents_manager=contents_manager, **bucket.settings)
    numbers = [f"{number}" for number in range(20)]
    with ThreadPoolExecutor(4) as connections:  # saves that overlap, of one notebook
        list(connections.map(lambda text: server.save("a.ipynb", make_notebook(text)), numbers))
    answer = server.api(
        "PUT", "/api/contents/a.txt", json={"type": "file", "format": "text", "content": ""}
    )
    assert answer.ok
    server.wait_until("archived")
    assert bucket.keys() == ["workspace/a.ipynb"]
    texts = [text_of(body) for body in bucket.bodies("workspace/a.ipynb")]
    assert sorted(texts) == sorted(numbers)
    assert bucket.body("workspace/a.ipynb") == (server.root_dir / "a.ipynb").read_bytes()


ELSEWHERE = """
from jupyter_server.services.contents.manager import ContentsManager

class InMemory(ContentsManager):
    def dir_exists(self, path):
        return True

c.ServerApp.contents_manager_class = InMemory
"""


def test_a_contents_manager_without_files_is_told_of(start_server: StartServer) -> None:
    server = start_server(
        "jupyter_server", contents_manager=None, python_config=ELSEWHERE, store_url="local"
    )
    server.wait_for_log("InMemory keeps notebooks elsewhere than in files")


JUPYTEXT = """
from bookstore import archiving
from jupytext.sync_contentsmanager import build_sync_jupytext_contents_manager_class
from {package}.services.contents.largefilemanager import LargeFileManager

c.{app}.contents_manager_class = archiving(
    build_sync_jupytext_contents_manager_class(LargeFileManager)
)
"""


def test_jupytexts_contents_manager_archives(
    core_kind: str, start_server: StartServer, bucket: Bucket
) -> None:
    classic = core_kind == "classic"
    config = JUPYTEXT.format(
        app="NotebookApp" if classic else "ServerApp",
        package="notebook" if classic else "jupyter_server",
    )
    server = start_server(core_kind, contents_manager=None, python_config=config, **bucket.settings)
    notebook = make_notebook("paired")
    notebook["metadata"]["jupytext"] = {"formats": "ipynb,py:percent"}
    server.save("a.ipynb", notebook)
    server.save("only.py", make_notebook("text"))
    server.wait_until("archived")
    assert (server.root_dir / "a.py").exists()
    assert bucket.keys() == ["workspace/a.ipynb", "workspace/only.py"]
    for path in ("a.ipynb", "only.py"):
        (version,) = bucket.versions(f"workspace/{path}")
        assert bucket.body(version.key) == (server.root_dir / path).read_bytes()
    assert version.content_type == "text/plain; charset=utf-8"


def test_jupytexts_extension_may_take_the_contents_managers_place(
    core_kind: str, start_server: StartServer, bucket: Bucket
) -> None:
    extensions = "nbserver_extensions" if core_kind == "classic" else "jpserver_extensions"
    app = "NotebookApp" if core_kind == "classic" else "ServerApp"
    name = "jupytext" if core_kind == "classic" else "jupyterlab_jupytext"
    config = {app: {extensions: {name: True, "bookstore": True}}}
    archiver = "bookstore.BookstoreContentsArchiver" if core_kind == "classic" else None
    server = start_server(core_kind, contents_manager=archiver, config=config, **bucket.settings)
    server.wait_for_log("Deriving")
    server.save("a.ipynb", make_notebook())
    server.wait_until("archived")
    assert len(bucket.version_ids("workspace/a.ipynb")) == 1


def run_python(code: str) -> str:
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    ).stdout


HEAVY = ("aiobotocore", "botocore", "aiohttp", "nbformat", "notebook", "jupyter_server", "tornado")


def test_importing_bookstore_is_cheap() -> None:
    loaded = run_python("import bookstore, sys; print(*sys.modules)").split()
    assert not set(HEAVY) & set(loaded)
    assert "traitlets" not in loaded


def test_a_server_process_loads_no_s3_client() -> None:
    loaded = run_python("import bookstore.archive, bookstore.handlers, sys; print(*sys.modules)")
    assert not {"aiobotocore", "botocore", "aiohttp"} & set(loaded.split())


@pytest.mark.parametrize(
    "name", ["notebook.notebookapp:NotebookApp", "jupyter_server.serverapp:ServerApp"]
)
def test_the_running_server_decides_not_what_is_installed(name: str) -> None:
    module, _, cls = name.partition(":")
    pytest.importorskip(module)
    code = (
        f"from {module} import {cls}; {cls}.instance(); import bookstore.flavours as f;"
        " print(f.SERVER, f.LargeFileManager.__module__, f.APIHandler.__module__)"
    )
    package = module.partition(".")[0]
    assert run_python(code).split() == [
        package,
        f"{package}.services.contents.largefilemanager",
        f"{package}.base.handlers",
    ]


def test_contents_managers_work_without_a_server(tmp_path: Any) -> None:
    code = f"""
import asyncio, inspect
from traitlets.config import Config
from bookstore import BookstoreContentsArchiver
loop = asyncio.new_event_loop()
settings = {{"store_url": "local", "local_dir": {str(tmp_path / "local")!r}}}
config = Config(BookstoreSettings=settings)
manager = BookstoreContentsArchiver(root_dir={str(tmp_path)!r}, config=config)
for number in range(3):
    saved = manager.save({{"type": "notebook", "content": {make_notebook()!r}}}, "a.ipynb")
    if inspect.isawaitable(saved):
        saved = loop.run_until_complete(saved)
print(saved["path"])
"""
    assert run_python(code).strip() == "a.ipynb"
    blobs = [file for file in tmp_path.glob("local/store/blobs/*/*") if file.is_file()]
    assert len(blobs) == 3
    saved = (tmp_path / "a.ipynb").read_bytes()
    assert any(blob.read_bytes().startswith(saved + b"\n") for blob in blobs)
