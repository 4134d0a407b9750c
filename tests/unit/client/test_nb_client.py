"""Clients of Jupyter servers: what they hold, what they send, and what they say when it fails."""

import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from bookstore.client import BookstoreError, servers
from bookstore.client.nb_client import (
    CurrentNotebookClient,
    KernelInfo,
    LiveNotebookRecord,
    NotebookClient,
    NotebookClientCollection,
    NotebookSession,
    extract_kernel_id,
)
from tests.support.ports import free_port
from tests.support.stub_server import KERNEL_ID, Answer, StubServer, opened, session

AddRecord = Callable[..., dict[str, Any]]

SECRET = "s3cr3t"
CLASSIC = {
    "base_url": "/",
    "hostname": "localhost",
    "notebook_dir": "/home/ann",
    "password": False,
    "pid": 96033,
    "port": 8888,
    "secure": False,
    "token": SECRET,
    "url": "http://localhost:8888/",
}
JUPYTER_SERVER = {
    **{name: value for name, value in CLASSIC.items() if name != "notebook_dir"},
    "root_dir": "/home/ann",
    "sock": "",
    "version": "2.21.1",
    "added later": True,
}


@pytest.mark.parametrize("info", [CLASSIC, JUPYTER_SERVER])
def test_a_record_holds_what_servers_of_any_age_tell(info: dict[str, Any]) -> None:
    record = LiveNotebookRecord(**info)
    assert record._asdict() == CLASSIC
    assert record == LiveNotebookRecord(**CLASSIC)
    assert SECRET not in repr(record)
    assert "port=8888" in repr(record)


def test_kernels_and_sessions_hold_what_is_told_of_them() -> None:
    told = session(notebook={"path": "a.ipynb", "name": ""}, added_later=1)
    told["kernel"] |= {"last_activity": "2026-11-24T20:00:00Z", "added_later": 1}
    opened = NotebookSession(**told)
    assert (opened.id, opened.path, opened.name, opened.type) == ("s", "a.ipynb", "", "notebook")
    assert opened.notebook == {"path": "a.ipynb", "name": ""}
    assert opened.model == told
    assert opened == NotebookSession(**told)
    assert opened != NotebookSession(**told | {"path": "b.ipynb"})
    assert "a.ipynb" in repr(opened)
    assert opened.kernel == KernelInfo(**told["kernel"])
    assert opened.kernel != opened
    assert opened.kernel.id == KERNEL_ID
    assert opened.kernel.last_activity == "2026-11-24T20:00:00Z"
    assert (opened.kernel.execution_state, opened.kernel.connections) == ("busy", 1)
    assert NotebookSession(**session(type="console")).notebook == {}


@pytest.mark.parametrize(
    ("file", "kernel_id"),
    [
        (f"/run/user/1/kernel-{KERNEL_ID}.json", KERNEL_ID),
        (f"kernel-{KERNEL_ID}.json", KERNEL_ID),
        ("", ""),
    ],
)
def test_the_connection_file_names_the_kernel(file: str, kernel_id: str) -> None:
    assert extract_kernel_id(file) == kernel_id


def test_a_client_asks_with_the_records_token(stub: StubServer) -> None:
    stub.answers["GET /user/ann/api/sessions"] = opened(session(), session(kernel_id="other"))
    stub.answers["GET /user/ann/api/kernels"] = Answer([{"id": "k"}])
    stub.answers["GET /user/ann/api/contents/a%20b/c%23.ipynb"] = Answer({"type": "notebook"})
    config = {**JUPYTER_SERVER, "url": f"{stub.url}/user/ann/"}
    client = NotebookClient(config)
    assert client.nb_config == config
    assert client.url == f"{stub.url}/user/ann"
    assert client.token == SECRET
    assert SECRET not in repr(client)
    assert stub.asked == []
    assert set(client.sessions) == {KERNEL_ID, "other"}
    assert client.get_sessions()[0]["path"] == "a.ipynb"
    assert client.kernels == client.get_kernels() == [{"id": "k"}]
    assert client.get_contents("/a b/c#.ipynb") == {"type": "notebook"}
    assert {request.headers["authorization"] for request in stub.asked} == {f"token {SECRET}"}
    assert client.req_session.headers["Authorization"] == client.headers["Authorization"]


def test_what_the_environment_says_of_other_machines_does_not_count_for_this_one(
    stub: StubServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stub.answers["GET /api/sessions"] = opened()
    (tmp_path / "netrc").write_text("default login ann password wrong\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    assert NotebookClient({"url": stub.url, "token": SECRET}).sessions == {}


def test_netrc_does_not_replace_the_token(
    stub: StubServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stub.answers["GET /api/sessions"] = opened()
    (tmp_path / "netrc").write_text("default login ann password wrong\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setattr(servers, "is_this_machine", lambda host: False)
    assert NotebookClient({"url": stub.url, "token": SECRET}).sessions == {}
    assert stub.asked[0].headers["authorization"] == f"token {SECRET}"


@pytest.fixture
def authority() -> trustme.CA:
    """A certificate authority of a company, say, which nobody else knows."""
    return trustme.CA()


@pytest.fixture
def tls_stub(start_stub: Callable[..., StubServer], authority: trustme.CA) -> StubServer:
    """A server that speaks https."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    stub = start_stub(tls=context)
    stub.answers["GET /api/sessions"] = opened()
    return stub


def test_https_with_a_private_authority(
    tls_stub: StubServer,
    authority: trustme.CA,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    trusted = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(trusted)
    with pytest.raises(BookstoreError, match="certificate that is not trusted here: name"):
        NotebookClient({"url": tls_stub.url}).get_sessions()
    assert NotebookClient({"url": tls_stub.url}, verify=str(trusted)).sessions == {}
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trusted))
    assert NotebookClient({"url": tls_stub.url}).sessions == {}
    # what is told counts more than the environment
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    with pytest.raises(BookstoreError, match="not trusted"):
        NotebookClient({"url": tls_stub.url}, verify=str(other)).get_sessions()


FORBIDDEN = Answer({"message": "Forbidden", "reason": None}, 403)


@pytest.mark.parametrize(
    ("answer", "options", "says"),
    [
        (FORBIDDEN, {"token": SECRET}, "refused the token: pass another"),
        (FORBIDDEN, {}, "wants a login: pass password= or token="),
        (
            Answer({"message": "'_xsrf' argument missing from POST"}, 403),
            {"token": SECRET},
            "refused the token",
        ),
        (Answer({"message": "Ann may not read here."}, 403), {}, "^Ann may not read here.$"),
        (
            Answer("", 302, {"Location": "https://x/"}),
            {},
            "redirects to another address: pass .* as url=",
        ),
        (Answer("<html>"), {}, "is not a Jupyter server"),
        (
            Answer({"message": "Unhandled error"}, 500),
            {},
            "answered 500 Internal Server Error; its",
        ),
        (Answer(["?"], 418), {}, "answered 418"),
    ],
)
def test_refusals_are_told_in_a_sentence(
    stub: StubServer, answer: Answer, options: dict[str, Any], says: str
) -> None:
    stub.answers["GET /api/sessions"] = answer
    with pytest.raises(BookstoreError, match=says) as failure:
        NotebookClient({"url": stub.url}, **options).get_sessions()
    assert failure.value.status == (answer.status if answer.status != 200 else None)
    assert SECRET not in str(failure.value)


def test_a_wrong_address_is_not_taken_for_a_wrong_password(stub: StubServer) -> None:
    client = NotebookClient({"url": f"{stub.url}/wrong"}, password=SECRET)
    with pytest.raises(BookstoreError, match=f"^There is no Jupyter server at {stub.url}/wrong:"):
        client.get_sessions()
    stub.answers |= {"POST /login": Answer("", 401), "GET /api": Answer({"version": "2"})}
    with pytest.raises(BookstoreError, match="refused the password"):
        NotebookClient({"url": stub.url}, password=SECRET).get_sessions()


def test_a_server_that_is_gone_is_told_in_a_sentence() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(BookstoreError, match=f"^The Jupyter server at {url} cannot be reached"):
        NotebookClient({"url": url, "token": SECRET}).get_sessions()


def test_a_server_that_hangs_is_told_in_a_sentence(
    stub: StubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bookstore.client.nb_client._SEARCH_TIMEOUT", (5, 0.01))
    never = threading.Event()
    monkeypatch.setattr(stub, "respond", lambda request: never.wait(30))
    with pytest.raises(BookstoreError, match="takes too long to answer"):
        NotebookClient({"url": stub.url}).has_kernel("k")
    never.set()


@pytest.mark.parametrize("token", [f"{SECRET}\r\nX: y", f"{SECRET}é"])
def test_a_token_that_cannot_be_one_is_not_sent_and_not_shown(stub: StubServer, token: str) -> None:
    with pytest.raises(BookstoreError, match="token= is not a token") as failure:
        NotebookClient({"url": stub.url}, token=token).get_sessions()
    assert SECRET not in str(failure.value)
    assert stub.asked == []


def test_the_current_client_finds_its_server_and_its_notebook(
    stub: StubServer, add_record: AddRecord, kernel: str
) -> None:
    client = CurrentNotebookClient()
    assert repr(client) == "CurrentNotebookClient()"
    record = add_record(stub.url, token=SECRET, added_later=True)
    console = session("a.ipynb-console-1", type="console")
    stub.answers["GET /api/sessions"] = opened(session("b.ipynb", "other"), console, session())
    assert client.session.path == client.path == "a.ipynb"
    assert client.kernel_id == kernel
    assert extract_kernel_id(client.connection_file) == kernel
    assert client.nb_config == client.nb_client.nb_config == record
    assert client.nb_record.token == client.token == SECRET
    assert repr(client) == f"CurrentNotebookClient({stub.url!r})"
    # renamed in the browser
    stub.answers["GET /api/sessions"] = opened(session("renamed.ipynb"))
    assert client.session.path == client.path == "renamed.ipynb"


def test_two_notebooks_on_one_kernel_are_ambiguous(
    stub: StubServer, add_record: AddRecord, kernel: str
) -> None:
    add_record(stub.url)
    stub.answers["GET /api/sessions"] = opened(session("b.ipynb"), session("a.ipynb"))
    says = r"Several notebooks are open with this kernel \(a.ipynb, b.ipynb\): pass path="
    with pytest.raises(BookstoreError, match=says):
        _ = CurrentNotebookClient().path
    assert CurrentNotebookClient(path="a.ipynb").path == "a.ipynb"


def test_the_kernels_environment_names_the_notebook_where_the_server_does_not(
    stub: StubServer, add_record: AddRecord, kernel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub.answers["GET /api/sessions"] = opened(session(kernel=None))
    record = add_record(stub.url, root_dir="/home/ann")
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/ann/folder/../a.ipynb")
    # a kernel that a notebook started has its environment, but another parent
    monkeypatch.setenv("JPY_PARENT_PID", "1")
    with pytest.raises(BookstoreError, match="no notebook open with this kernel: pass path="):
        _ = CurrentNotebookClient().path
    monkeypatch.setenv("JPY_PARENT_PID", str(record["pid"]))
    assert CurrentNotebookClient().path == "a.ipynb"
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/bob/a.ipynb")
    with pytest.raises(BookstoreError, match="no notebook open"):
        _ = CurrentNotebookClient().path


def test_of_several_servers_the_one_with_the_kernel_is_chosen(
    start_stub: Callable[..., StubServer], add_record: AddRecord, kernel: str
) -> None:
    stubs = [start_stub() for _ in range(3)]
    for number, stub in enumerate(stubs):
        add_record(stub.url, name=f"jpserver-{number}.json")
        stub.answers["GET /api/sessions"] = opened(session(kernel_id=f"of {number}"))
    stubs[0].answers["GET /api/sessions"] = FORBIDDEN
    with pytest.raises(BookstoreError, match="Several Jupyter servers run here") as failure:
        NotebookClientCollection.current_server()
    assert all(stub.url in str(failure.value) for stub in stubs)
    assert list(NotebookClientCollection.sessions) == [stubs[1].url, stubs[2].url]
    stubs[2].answers["GET /api/sessions"] = opened(session())
    assert NotebookClientCollection.current_server().url == stubs[2].url


def test_the_server_that_started_the_kernel_is_asked_first_and_no_other_then(
    start_stub: Callable[..., StubServer],
    add_record: AddRecord,
    kernel: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other, own = start_stub(), start_stub()
    add_record(other.url, name="jpserver-1.json", pid=1)
    pid = add_record(own.url, name="jpserver-2.json")["pid"]
    monkeypatch.setenv("JPY_PARENT_PID", str(pid))
    own.answers["GET /api/sessions"] = opened(session())
    assert CurrentNotebookClient().path == "a.ipynb"
    assert other.asked == []
    # its word counts also when it is a refusal
    other.answers["GET /api/sessions"] = opened()
    own.answers["GET /api/sessions"] = FORBIDDEN
    with pytest.raises(BookstoreError, match=f"{own.url} refused the token"):
        _ = CurrentNotebookClient().url


def test_outside_a_kernel_the_only_server_is_taken(stub: StubServer, add_record: AddRecord) -> None:
    add_record(stub.url)
    assert CurrentNotebookClient(path="a.ipynb").url == stub.url
    assert stub.asked == []


def test_no_server_is_told_in_a_sentence(kernel: str) -> None:
    with pytest.raises(BookstoreError, match=r"^No Jupyter server was found here: pass url= and"):
        _ = CurrentNotebookClient().path
