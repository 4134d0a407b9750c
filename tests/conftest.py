"""Fixtures: object stores, a faulty network before them, and Jupyter servers."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.browser import BrowserUnavailable, chromium
from tests.support.ceph import CephUnavailable, ceph_gateway
from tests.support.fault_proxy import FaultProxy
from tests.support.hub import JupyterHub, ProxyUnavailable
from tests.support.moto import moto_store
from tests.support.object_store import Bucket, ObjectStore
from tests.support.servers import JupyterServer, installed_kinds

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that take minutes, or one worker would end long after the others."""
    items.sort(key=lambda item: item.get_closest_marker("timeout") is None)


@pytest.fixture(scope="session")
def ceph() -> Iterator[ObjectStore]:
    """A real Ceph RADOS gateway, started once a session."""
    try:
        with ceph_gateway() as store:
            yield store
    except CephUnavailable as reason:
        raise pytest.fail.Exception(str(reason), pytrace=False) from None


@pytest.fixture(scope="session")
def moto_server() -> Iterator[ObjectStore]:
    """The server of moto, started once a session."""
    with moto_store() as store:
        yield store


@pytest.fixture
def bucket(ceph: ObjectStore) -> Iterator[Bucket]:
    """A new versioned bucket on Ceph."""
    bucket = ceph.new_bucket()
    yield bucket
    bucket.remove()


@pytest.fixture
def fault_proxy(ceph: ObjectStore) -> Iterator[FaultProxy]:
    """A proxy in front of Ceph; it passes everything on until a test sets its mode."""
    with FaultProxy(ceph.endpoint_url) as proxy:
        yield proxy


def first_of(kinds: list[str]) -> list[Any]:
    """Have all but the first of several kinds tried on request only."""
    return [kinds[0], *(pytest.param(kind, marks=pytest.mark.exhaustive) for kind in kinds[1:])]


@pytest.fixture(scope="module", params=first_of(installed_kinds()))
def server_kind(request: pytest.FixtureRequest) -> str:
    """Each kind of server that is installed, in turn."""
    return str(request.param)


@pytest.fixture(scope="module", params=installed_kinds()[:1])
def core_kind(request: pytest.FixtureRequest) -> str:
    """The server that the environment is for: classic, where that is installed."""
    return str(request.param)


@pytest.fixture
def start_server(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Callable[..., JupyterServer]]:
    """A function that starts a server; all of them end with the test.

    It takes the kind, and as keywords `JupyterServer`'s options and `BookstoreSettings`.
    """
    # set up before the servers, these are there until the last server has ended
    for name in ("bucket", "fault_proxy"):
        if name in request.fixturenames:
            request.getfixturevalue(name)

    numbers = itertools.count(1)
    with ExitStack() as servers:

        def start(kind: str, **options: Any) -> JupyterServer:
            server = JupyterServer(kind, tmp_path / f"server-{next(numbers)}", **options)
            servers.callback(server.close)
            server.start()
            return server

        yield start


@pytest.fixture(scope="module")
def shared_bucket(core_kind: str, ceph: ObjectStore) -> Iterator[Bucket]:
    """A versioned bucket on Ceph for all tests of a module, one for each kind of server."""
    bucket = ceph.new_bucket()
    yield bucket
    bucket.remove()


@pytest.fixture(scope="module")
def hub(
    core_kind: str, shared_bucket: Bucket, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[JupyterHub]:
    """A JupyterHub with single-user servers of each kind in turn."""
    try:
        with JupyterHub(core_kind, tmp_path_factory.mktemp("hub"), **shared_bucket.settings) as hub:
            yield hub
    except ProxyUnavailable as reason:
        raise pytest.fail.Exception(str(reason), pytrace=False) from None


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """A Chromium, started once for the tests of a module.

    While it runs, Playwright's event loop counts as running in this thread: such a module may have
    no asynchronous tests.
    """
    try:
        with chromium() as browser:
            yield browser
    except BrowserUnavailable as reason:
        raise pytest.fail.Exception(str(reason), pytrace=False) from None


@pytest.fixture
def page(browser: "Browser") -> Iterator["Page"]:
    """A page of a browser profile of its own."""
    with browser.new_context() as context:
        yield context.new_page()
