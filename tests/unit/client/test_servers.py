"""Finding the servers that run here."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bookstore.client import BookstoreError, servers

AddRecord = Callable[..., dict[str, Any]]

SECRET = "s3cr3t"


def urls() -> list[str]:
    return [record["url"] for record in servers.running_servers()]


def test_servers_of_both_kinds_are_found(add_record: AddRecord) -> None:
    add_record("http://localhost:1", name="nbserver-1.json")
    add_record("http://localhost:2", name="jpserver-2.json")
    add_record("http://localhost:3", name="kernel-3.json")
    assert sorted(urls()) == ["http://localhost:1/", "http://localhost:2/"]


def test_servers_beside_the_kernels_connection_file_are_found(
    add_record: AddRecord, kernel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_record("http://localhost:1")
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", "/nowhere")
    assert urls() == ["http://localhost:1/"]


def test_servers_that_have_ended_are_not(add_record: AddRecord, runtime_dir: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    add_record("http://localhost:1", pid=ended.pid)
    for number, text in enumerate(["", "{", "[]", "{}", "null", '{"pid": "x"}', '{"pid": 1e99}']):
        (runtime_dir / f"jpserver-{number}.json").write_text(text)
    assert urls() == []


@pytest.mark.parametrize(
    ("told", "url"),
    [
        ("http://0.0.0.0:8888/a/", "http://127.0.0.1:8888/a/"),
        ("http://[::]:8888/", "http://[::1]:8888/"),
        ("http://:8888/", "http://127.0.0.1:8888/"),
        ("http://[::1]:8888/", "http://[::1]:8888/"),
        ("https://0.0.0.0/", "https://127.0.0.1/"),
        ("https://machine:8888/", "https://machine:8888/"),
    ],
)
def test_all_interfaces_are_no_address(add_record: AddRecord, told: str, url: str) -> None:
    add_record("", url=told)
    assert urls() == [url]


@pytest.mark.parametrize(
    ("url", "plain", "token"),
    [
        ("http://localhost:8888", "http://localhost:8888/", "t"),
        ("http://127.0.0.1:8888/lab?token=abc#x", "http://127.0.0.1:8888/", "abc"),
        ("http://localhost:8888/tree/", "http://localhost:8888/", "t"),
        ("http://ann:pw@localhost:8888/", "http://localhost:8888/", "t"),
        ("http://localhost:8889/", "http://localhost:8889/", ""),
        ("http://example.org:8888/", "http://example.org:8888/", ""),
        ("https://localhost:8888/", "https://localhost:8888/", ""),
        ("http://localhost:8888/user/ann/lab", "http://localhost:8888/user/ann/", ""),
        ("http://localhost:8888/lab/tree/user/lab/a.ipynb", "http://localhost:8888/", "t"),
        ("http://localhost:8888/lab/workspaces/a?reset", "http://localhost:8888/", "t"),
        ("http://localhost:8888/tree/a/b", "http://localhost:8888/", "t"),
        (
            "http://localhost:8888/notebooks/a%20b.ipynb?kernel_name=x",
            "http://localhost:8888/",
            "t",
        ),
        ("http://localhost:8888/nbclassic/notebooks/a.ipynb", "http://localhost:8888/", "t"),
        ("http://localhost:8888/bookstore/versions/a.ipynb", "http://localhost:8888/", "t"),
        ("http://localhost:8889/user/lab/lab/tree/a", "http://localhost:8889/user/lab/", ""),
        ("http://localhost:8889/user/lab/", "http://localhost:8889/user/lab/", ""),
        ("http://localhost:8889/notebooks/", "http://localhost:8889/notebooks/", ""),
    ],
)
def test_a_told_address_gets_the_token_of_that_server_only(
    add_record: AddRecord, url: str, plain: str, token: str
) -> None:
    add_record("http://localhost:8888")
    record = servers.server_at(url)
    assert (record["url"], record["token"]) == (plain, token)


def test_an_address_is_cut_where_a_server_is_known_to_begin(add_record: AddRecord) -> None:
    add_record("http://localhost:8888/lab")
    for page in "/lab", "/lab/", "/lab/tree/a.ipynb", "/lab/lab/tree/a.ipynb":
        record = servers.server_at(f"http://localhost:8888{page}")
        assert (record["url"], record["token"]) == ("http://localhost:8888/lab/", "t")


@pytest.mark.parametrize(
    "url",
    ["localhost:8888", "ftp://x/", "http://", "http://[x/", "http://x:y/", f"?token={SECRET}"],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(BookstoreError, match=r"^url= is not the address of a Jupyter") as failure:
        servers.server_at(url)
    assert SECRET not in str(failure.value)


def test_a_server_of_jupyterhub_takes_the_hubs_token(
    add_record: AddRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", SECRET)
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/ann/")
    monkeypatch.setenv("JUPYTERHUB_SERVICE_URL", "http://0.0.0.0:8888/user/ann/")
    (record,) = servers.running_servers()
    assert (record["url"], record["token"]) == ("http://127.0.0.1:8888/user/ann/", SECRET)
    # the file of the same server, and of another one that is not the hub's
    add_record("http://127.0.0.1:8888/user/ann", base_url="/user/ann/", token="")
    add_record("http://127.0.0.1:8889", name="jpserver-2.json", token="")
    found = {record["url"]: record["token"] for record in servers.running_servers()}
    assert found == {"http://127.0.0.1:8888/user/ann/": SECRET, "http://127.0.0.1:8889/": ""}


def test_the_kernels_parent_comes_first(
    add_record: AddRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_record("http://localhost:1", name="jpserver-1.json", pid=1)
    add_record("http://localhost:2", name="jpserver-2.json")
    monkeypatch.setenv("JPY_PARENT_PID", str(os.getpid()))
    assert urls() == ["http://localhost:2/", "http://localhost:1/"]


def test_without_a_kernel_there_is_no_connection_file() -> None:
    assert servers.connection_file() == ""
