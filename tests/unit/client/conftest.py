"""Fixtures: a server that answers as told, and a machine where no other server is found."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bookstore.client import servers
from tests.support.stub_server import KERNEL_ID, StubServer

VARIABLES = (
    "ALL_PROXY",
    "CURL_CA_BUNDLE",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "JPY_PARENT_PID",
    "JPY_SESSION_NAME",
    "JUPYTERHUB_API_TOKEN",
    "JUPYTERHUB_SERVICE_PREFIX",
    "JUPYTERHUB_SERVICE_URL",
    "NETRC",
    "NO_PROXY",
    "REQUESTS_CA_BUNDLE",
)

AddRecord = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def runtime_dir(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Jupyter's runtime directory, empty; nothing in the environment leads elsewhere."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    (tmp_path / "runtime").mkdir()
    return tmp_path / "runtime"


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch, runtime_dir: Path) -> str:
    """Run in a kernel, and return its id."""
    file = str(runtime_dir / f"kernel-{KERNEL_ID}.json")
    monkeypatch.setattr(servers, "connection_file", lambda: file)
    return KERNEL_ID


@pytest.fixture
def start_stub() -> Iterator[Callable[..., StubServer]]:
    """A function that starts a stub; all of them end with the test."""
    stubs: list[StubServer] = []

    def start(**options: Any) -> StubServer:
        stubs.append(StubServer(**options).__enter__())
        return stubs[-1]

    yield start
    for stub in stubs:
        stub.__exit__()


@pytest.fixture
def stub(start_stub: Callable[..., StubServer]) -> StubServer:
    """A server that answers as told."""
    return start_stub()


@pytest.fixture
def add_record(runtime_dir: Path) -> AddRecord:
    """A function that leaves the file of a running server, with what a test wants in it."""

    def add(address: str, name: str = "jpserver-1.json", **info: Any) -> dict[str, Any]:
        record = {"url": f"{address}/", "token": "t", "pid": os.getpid(), "base_url": "/"} | info
        (runtime_dir / name).write_text(json.dumps(record))
        return record

    return add
