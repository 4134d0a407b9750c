"""The client of Bookstore in real kernels, on real servers."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import nbformat
import pytest
import requests
from nbclient import NotebookClient

from bookstore.client import BookstoreClient, BookstoreError
from tests.support.kernels import ServerKernel
from tests.support.notebooks import make_notebook, text_of
from tests.support.object_store import Bucket
from tests.support.servers import JupyterServer, contents_url
from tests.support.waiting import wait_for

StartServer = Callable[..., JupyterServer]
OpenNotebook = Callable[..., ServerKernel]

PATH = "team/report 1.ipynb"
KEY = f"published/{PATH}"
pytestmark = pytest.mark.thorough

START = "from bookstore.client import BookstoreClient\nclient = BookstoreClient({bucket!r})"


def make_folder(server: JupyterServer, path: str) -> None:
    assert server.api("PUT", contents_url(path), json={"type": "directory"}).ok


@pytest.fixture
def open_notebook() -> Any:
    """A function that opens a notebook with a kernel that the server starts."""
    with ExitStack() as kernels:

        def open_notebook(server: JupyterServer, path: str = PATH, **options: Any) -> ServerKernel:
            options.setdefault("headers", {"Authorization": f"token {server.token}"})
            return kernels.enter_context(ServerKernel(server.url, path=path, **options))

        yield open_notebook


@pytest.fixture(scope="module")
def store_settings(shared_bucket: Bucket) -> dict[str, Any]:
    """The settings that archive into it."""
    return shared_bucket.settings


@pytest.fixture
def server(shared_server: JupyterServer) -> Iterator[JupyterServer]:
    """The shared server, with the notebook as it was first."""
    shared_server.save("shared.ipynb", make_notebook("saved"))
    yield shared_server
    shared_server.wait_until("archived")


def test_a_notebook_publishes_itself_lists_its_versions_and_clones_itself_back(
    server_kind: str, start_server: StartServer, bucket: Bucket, open_notebook: OpenNotebook
) -> None:
    app = "NotebookApp" if server_kind == "classic" else "ServerApp"
    config = {app: {"base_url": "/user/ann/"}}
    server = start_server(server_kind, config=config, **bucket.settings)
    make_folder(server, "team")
    server.save(PATH, make_notebook("first"))
    saved = server.save(PATH, make_notebook("second"))
    server.wait_until("archived")
    kernel = open_notebook(server)
    kernel.run(START.format(bucket=bucket.name))

    shown = kernel.run("published = client.publish(); published")
    (version,) = bucket.versions(KEY)
    assert text_of(bucket.body(KEY)) == "second"
    assert kernel.value("[published.path, published.version_id]") == [PATH, version.version_id]
    assert kernel.value("published.s3_path") == f"s3://{bucket.name}/{KEY}"
    last_saved = saved["last_modified"][:19].replace("T", " ")
    assert f"Published {PATH} as it was last saved, {last_saved} UTC." in shown["text/plain"]
    link = re.search('href="([^"]+)"', shown["text/html"])
    assert link
    assert link[1].startswith("/user/ann/bookstore/clone?s3_bucket=")

    shown = kernel.run("versions = client.versions(); versions")
    ids = bucket.version_ids(f"workspace/{PATH}")[::-1]
    assert kernel.value("[version.version_id for version in versions]") == ids
    assert f"{PATH}: 2 versions." in shown["text/plain"]
    assert all(version_id in shown["text/html"] for version_id in ids)
    links = re.findall('href="([^"]+)"', shown["text/html"])
    shown = kernel.run("client.versions(published=True)")
    links += re.findall(f'href="([^"]+)".*>{version.version_id}<', shown["text/html"])
    assert len(links) == 3
    for href in links:
        page = server.api("GET", href.removeprefix("/user/ann").replace("&amp;", "&"))
        assert page.ok, f"{href}: {page.status_code}"

    shown = kernel.run(f"copy = client.clone(s3_key={KEY!r}); copy")
    assert kernel.value("copy.path") == "report 1.ipynb"
    assert text_of(server.get("report 1.ipynb")["content"]) == "second"
    copy = f"client.clone({bucket.name!r}, {KEY!r}, {PATH!r}, {version.version_id!r}).path"
    assert kernel.value(copy) == "team/report 1-1.ipynb"
    server.wait_until("archived")


def test_a_notebook_compares_and_restores_its_versions(
    server: JupyterServer, open_notebook: OpenNotebook
) -> None:
    for text in ("first", "second"):
        server.save("compared.ipynb", make_notebook(text))
    kernel = open_notebook(server, "compared.ipynb")
    kernel.run(START.format(bucket="") + "\nversions = client.versions()")
    shown = kernel.run("difference = client.diff(versions[1], versions[0]); difference")
    assert shown["text/plain"].startswith("compared.ipynb: 1 cell edited.\n")
    assert shown["text/plain"].endswith("- first\n+ second")
    link = re.search('href="([^"]+)"', shown["text/html"])
    assert link
    assert server.api("GET", link[1].replace("&amp;", "&")).ok

    elsewhere = "client.restore(versions[1], target_path='restored.ipynb').path"
    assert kernel.value(elsewhere) == "restored.ipynb"
    assert text_of(server.get("restored.ipynb")["content"]) == "first"
    shown = kernel.run("client.restore(versions[1].version_id)")
    assert "Reload it where it is open." in shown["text/html"]
    assert text_of(server.get("compared.ipynb")["content"]) == "first"
    assert kernel.value("len(client.versions())") == 3
    assert "saves are archived to s3://" in kernel.run("client.status()")["text/plain"]


def test_the_documented_examples_run(
    server: JupyterServer, shared_bucket: Bucket, open_notebook: OpenNotebook
) -> None:
    text = (Path(__file__).parents[2] / "docs" / "client.md").read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(examples) > 5
    server.save("report.ipynb", make_notebook())
    kernel = open_notebook(server, "report.ipynb")
    for example in examples:
        kernel.run(example.replace('"notebooks"', repr(shared_bucket.name)))
    assert "as it was.ipynb" in [file["name"] for file in server.get("")["content"]]


def test_a_notebook_is_found_after_it_was_renamed_and_not_among_two_on_one_kernel(
    server: JupyterServer, open_notebook: OpenNotebook
) -> None:
    server.save("old.ipynb", make_notebook())
    kernel = open_notebook(server, "old.ipynb")
    kernel.run(START.format(bucket=""))
    assert kernel.value("client.publish().path") == "old.ipynb"
    # as the front end does it
    assert server.api("PATCH", contents_url("old.ipynb"), json={"path": "new.ipynb"}).ok
    session = f"/api/sessions/{kernel.session['id']}"
    assert server.api("PATCH", session, json={"path": "new.ipynb", "name": ""}).ok
    assert kernel.value("client.publish().path") == "new.ipynb"

    open_notebook(server, "shared.ipynb", kernel_id=kernel.id)
    says = r"Several notebooks .*\(new.ipynb, shared.ipynb\): pass path="
    with pytest.raises(AssertionError, match=says):
        kernel.run("client.publish()")
    assert kernel.value("client.publish('shared.ipynb').path") == "shared.ipynb"
    assert kernel.value("BookstoreClient(path='new.ipynb').publish().path") == "new.ipynb"


@pytest.fixture
def two_servers(
    core_kind: str, start_server: StartServer, bucket: Bucket, tmp_path: Path
) -> list[JupyterServer]:
    """Two servers of one user, whose files are in one runtime directory."""
    runtime_dir = tmp_path / "server-1" / "runtime"
    runtime_dir.mkdir(parents=True)
    (tmp_path / "server-2").mkdir()
    (tmp_path / "server-2" / "runtime").symlink_to(runtime_dir)
    servers = []
    for number in (1, 2):
        options = {**bucket.settings, "published_prefix": f"by-{number}"}
        server = start_server(core_kind, env={"JUPYTER_RUNTIME_DIR": str(runtime_dir)}, **options)
        server.save("a.ipynb", make_notebook(f"on {number}"))
        server.wait_until("archived")
        servers.append(server)
    return servers


def cells(*sources: str) -> Any:
    """Return a notebook of code cells."""
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in sources])


@pytest.fixture
def start_beside(monkeypatch: pytest.MonkeyPatch) -> Callable[[JupyterServer], None]:
    """A function that has kernels which no server starts look where this one leaves its file."""
    for name in ("JPY_PARENT_PID", "JPY_SESSION_NAME", "JUPYTERHUB_SERVICE_PREFIX"):
        monkeypatch.delenv(name, raising=False)

    def start_beside(server: JupyterServer) -> None:
        monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(server.directory / "runtime"))

    return start_beside


def test_a_notebook_that_nbclient_runs_publishes_lists_and_clones(
    server: JupyterServer,
    shared_bucket: Bucket,
    start_beside: Callable[[JupyterServer], None],
) -> None:
    start_beside(server)
    notebook = cells(
        "from bookstore.client import BookstoreClient\n"
        f"client = BookstoreClient({shared_bucket.name!r}, path='shared.ipynb')\n"
        "client.publish()",
        "print(client.versions(limit=1)[0].state, len(client.versions(published=True)) > 0)",
        "print(client.clone(s3_key='published/shared.ipynb', target_path='copy.ipynb').path)",
    )
    NotebookClient(notebook, kernel_name="python3").execute()
    assert "Published shared.ipynb" in notebook.cells[0].outputs[0].data["text/html"]
    assert notebook.cells[1].outputs[0].text in ("archived True\n", "pending True\n")
    assert notebook.cells[2].outputs[0].text == "copy.ipynb\n"
    assert text_of(shared_bucket.body("published/shared.ipynb")) == "saved"
    assert text_of(server.get("copy.ipynb")["content"]) == "saved"


def test_each_of_two_servers_is_found_by_its_own_kernels_and_others_are_told(
    two_servers: list[JupyterServer],
    bucket: Bucket,
    open_notebook: OpenNotebook,
    start_beside: Callable[[JupyterServer], None],
) -> None:
    for server in two_servers:
        kernel = open_notebook(server, "a.ipynb")
        kernel.run(START.format(bucket="") + "; client.publish()")
        assert kernel.value("client.url") == server.url
    assert text_of(bucket.body("by-1/a.ipynb")) == "on 1"
    assert text_of(bucket.body("by-2/a.ipynb")) == "on 2"

    start_beside(two_servers[0])
    url = two_servers[1].url
    notebook = cells(
        "from bookstore.client import BookstoreClient\n"
        "BookstoreClient(path='a.ipynb').publish()",
        f"print(BookstoreClient(url={url!r}, path='a.ipynb').publish().path)",
        f"BookstoreClient(url={url!r}).publish()",
    )
    NotebookClient(notebook, kernel_name="python3", allow_errors=True).execute()
    errors = [cell.outputs[0].get("evalue", "") for cell in notebook.cells]
    assert "Several Jupyter servers run here" in errors[0]
    assert all(server.url in errors[0] for server in two_servers)
    assert "has no notebook open with this kernel: pass path=" in errors[2]
    assert len(bucket.version_ids("by-1/a.ipynb")) == 1
    assert len(bucket.version_ids("by-2/a.ipynb")) == 2


PASSWORD = "correct horse"


@pytest.fixture
def protected(core_kind: str, start_server: StartServer, bucket: Bucket) -> JupyterServer:
    """A server that takes a password and no token."""
    digest = hashlib.sha256(f"{PASSWORD}salt".encode()).hexdigest()
    config = {
        "classic": {"NotebookApp": {"password": f"sha256:salt:{digest}"}},
        "jupyter_server": {
            "PasswordIdentityProvider": {"hashed_password": f"sha256:salt:{digest}"}
        },
    }[core_kind]
    environment = {"JUPYTER_TOKEN": ""}
    return start_server(core_kind, config=config, env=environment, **bucket.settings)


def log_in(server: JupyterServer) -> dict[str, str]:
    """Log in as a browser does, and return the headers of its requests from then on."""
    browser = requests.Session()
    browser.trust_env = False
    browser.get(f"{server.url}/login", timeout=60)
    form = {"password": PASSWORD, "_xsrf": browser.cookies["_xsrf"]}
    browser.post(f"{server.url}/login", data=form, timeout=60)
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.cookies)
    return {"Cookie": cookies, "X-XSRFToken": browser.cookies["_xsrf"]}


def test_a_server_with_a_password_is_told_it(
    protected: JupyterServer, bucket: Bucket, open_notebook: OpenNotebook
) -> None:
    file = protected.root_dir / "a.ipynb"
    file.write_text(json.dumps(make_notebook("protected")))
    kernel = open_notebook(protected, "a.ipynb", headers=log_in(protected))
    with pytest.raises(AssertionError, match="wants a login: pass password= or token="):
        kernel.run(START.format(bucket="") + "; client.publish()")
    with pytest.raises(AssertionError, match=r"refused the password\.$"):
        kernel.run("BookstoreClient(password='wrong').publish()")
    with pytest.raises(AssertionError, match="refused the token"):
        kernel.run("BookstoreClient(token='wrong').publish()")
    kernel.run(f"client = BookstoreClient({bucket.name!r}, password={PASSWORD!r})")
    assert kernel.value("client.publish().path") == "a.ipynb"
    assert kernel.value("len(client.versions(published=True))") == 1
    copy = "client.clone(s3_key='published/a.ipynb', target_path='b.ipynb').path"
    assert kernel.value(copy) == "b.ipynb"
    assert text_of((protected.root_dir / "b.ipynb").read_bytes()) == "protected"
    assert PASSWORD not in kernel.run("client")["text/plain"]
    wait_for(lambda: kernel.value("client.status().archive")["pending"] == 0, "the last save")


def test_a_server_without_authentication_needs_none_and_is_told_when_gone(
    core_kind: str, start_server: StartServer, bucket: Bucket
) -> None:
    config = {
        "classic": {"NotebookApp": {"token": ""}},
        "jupyter_server": {"IdentityProvider": {"token": ""}},
    }[core_kind]
    environment = {"JUPYTER_TOKEN": ""}
    server = start_server(core_kind, config=config, env=environment, **bucket.settings)
    (server.root_dir / "a.ipynb").write_text(json.dumps(make_notebook()))
    client = BookstoreClient(url=server.url, path="a.ipynb")
    assert client.publish().path == "a.ipynb"
    server.terminate()
    with pytest.raises(BookstoreError, match=r"^The Jupyter server at \S+ cannot be reached"):
        client.status()


def test_what_the_server_refuses_is_told_in_a_sentence(
    server: JupyterServer, shared_bucket: Bucket
) -> None:
    options: dict[str, Any] = {"url": server.url, "path": "shared.ipynb"}
    client = BookstoreClient(shared_bucket.name, token=server.token, **options)
    wrong = BookstoreClient(token="wrong", **options)
    for ask in wrong.status, wrong.publish, lambda: wrong.restore("v"):
        with pytest.raises(BookstoreError, match=r"^The Jupyter server at \S+ refused the token: "):
            ask()
    for ask in (
        lambda: client.restore("unknown"),
        lambda: client.diff("unknown", "unknown"),
        lambda: client.clone(s3_key="unknown.ipynb"),
        lambda: client.clone("no-such-bucket", "unknown.ipynb"),
        lambda: client.publish("unknown.ipynb"),
    ):
        with pytest.raises(BookstoreError, match=r"^[A-Z].*\.$") as failure:
            ask()
        assert failure.value.status == 404
        assert len(str(failure.value).splitlines()) == 1
        assert re.search("unknown|no-such-bucket", str(failure.value))
    with pytest.raises(BookstoreError, match="is hidden"):
        client.clone(s3_key="a.ipynb", target_path=".a.ipynb")


NO_WRITING = """
from jupyter_server.auth import Authorizer
class Reader(Authorizer):
    def is_authorized(self, handler, user, action, resource):
        return action == "read" or resource != "bookstore"
c.ServerApp.authorizer_class = Reader
"""


def test_who_may_only_read_is_told_so(
    core_kind: str, start_server: StartServer, bucket: Bucket
) -> None:
    if core_kind == "classic":
        pytest.skip("there who may come in may do all")
    server = start_server(core_kind, python_config=NO_WRITING, **bucket.settings)
    server.save("a.ipynb", make_notebook())
    client = BookstoreClient(url=server.url, token=server.token, path="a.ipynb")
    assert len(client.versions()) == 1
    with pytest.raises(BookstoreError, match="not authorized") as failure:
        client.publish()
    assert failure.value.status == 403
    server.wait_until("archived")


def test_a_server_without_bookstore_is_told_so(core_kind: str, start_server: StartServer) -> None:
    server = start_server(core_kind, bookstore=False)
    server.save("a.ipynb", make_notebook())
    client = BookstoreClient(url=server.url, token=server.token, path="a.ipynb")
    for ask in client.status, client.publish, client.versions:
        with pytest.raises(BookstoreError, match=r"^Bookstore is not enabled on the Jupyter"):
            ask()
    nowhere = BookstoreClient(url=f"{server.url}/nowhere", token=server.token)
    with pytest.raises(BookstoreError, match=r"^There is no Jupyter server at .*/nowhere: "):
        nowhere.status()
