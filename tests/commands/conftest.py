"""A shell for the tests of a module, on each store in turn."""

from collections.abc import Iterator

import pytest

from tests.support.object_store import ObjectStore
from tests.support.shell import Shell


@pytest.fixture(scope="module", params=["ceph", pytest.param("local", marks=pytest.mark.thorough)])
def shell(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shell]:
    """A shell whose server archives to each store in turn: to Ceph, and to the embedded one."""
    directory = tmp_path_factory.mktemp("shell")
    if request.param == "local":
        yield Shell(directory, store_url="local", workspace_prefix="workspace")
        return
    store: ObjectStore = request.getfixturevalue("ceph")
    bucket = store.new_bucket()
    yield Shell(directory, **bucket.settings)
    bucket.remove()
