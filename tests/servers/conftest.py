"""Servers that the tests of a module share."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.object_store import ObjectStore
from tests.support.servers import JupyterServer


@pytest.fixture(scope="module", params=["ceph", pytest.param("local", marks=pytest.mark.thorough)])
def store_settings(request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    """The settings that archive into each store in turn: a bucket on Ceph, the embedded one."""
    if request.param == "local":
        # Not with the folder, which tests would have to ask for.
        yield {"store_url": "local", "workspace_prefix": "workspace"}
        return
    store: ObjectStore = request.getfixturevalue("ceph")
    bucket = store.new_bucket()
    yield bucket.settings
    bucket.remove()


@pytest.fixture(scope="module")
def server_options() -> dict[str, Any]:
    """More options of the shared server; modules have their own."""
    return {}


@pytest.fixture(scope="module")
def shared_server(
    core_kind: str,
    store_settings: dict[str, Any],
    server_options: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[JupyterServer]:
    """One server for the tests of a module, each with notebooks of its own.

    That on the embedded store has a `base_url`, as on a hub.
    """
    options = {**store_settings, **server_options}
    if "store_url" in store_settings:
        app = "NotebookApp" if core_kind == "classic" else "ServerApp"
        options["config"] = options.get("config", {}) | {app: {"base_url": "/user/ann/"}}
    with JupyterServer(core_kind, tmp_path_factory.mktemp("shared"), **options) as server:
        yield server
