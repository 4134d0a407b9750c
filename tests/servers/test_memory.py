"""Large notebooks do not multiply a server's memory."""

import json
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.support.notebooks import make_notebook
from tests.support.object_store import Bucket
from tests.support.servers import JupyterServer

StartServer = Callable[..., JupyterServer]

SIZE = 50_000_000

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(not psutil.LINUX, reason="only Linux tells a process's peak"),
]


def peak(server: JupyterServer) -> int:
    """Return the most memory that the server's process has had so far, in kB."""
    assert server.process
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1])


def test_cloning_and_restoring_take_little_more_than_a_plain_save(
    core_kind: str, start_server: StartServer, bucket: Bucket
) -> None:
    notebook = make_notebook("large", size=SIZE)
    plain = start_server(core_kind, bookstore=False)
    plain.save("large.ipynb", notebook)
    saved = peak(plain)
    plain.close()

    content = json.dumps(notebook).encode()
    bucket.put("large.ipynb", content)
    version_id = bucket.put("workspace/large.ipynb", content)
    server = start_server(core_kind, **bucket.settings)
    server.bookstore("POST", "clone", json={"s3_bucket": bucket.name, "s3_key": "large.ipynb"})
    cloned = peak(server)
    server.bookstore("POST", "restore/large.ipynb", json={"version_id": version_id})
    restored = peak(server)
    assert cloned < 1.25 * saved
    assert restored < 1.25 * saved
