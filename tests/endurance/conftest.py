"""Both servers are tried where both are installed."""

import pytest

from tests.support.servers import installed_kinds


@pytest.fixture(
    params=[kind for kind in ("classic", "jupyter_server") if kind in installed_kinds()]
)
def core_kind(request: pytest.FixtureRequest) -> str:
    """Each of the two servers in turn; Lab and Notebook 7 are the second one."""
    return str(request.param)
