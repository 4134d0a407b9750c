"""The scripts of `ci/` that use a live server, with the configuration beside them."""

import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

from tests.support.object_store import ObjectStore
from tests.support.servers import JupyterServer

ROOT = Path(__file__).resolve().parents[2]


def test_a_live_server_is_used_from_save_to_clone(
    core_kind: str, ceph: ObjectStore, start_server: Callable[..., JupyterServer]
) -> None:
    environment = {
        "JPYNB_S3_BUCKET": f"bookstore-ci-{uuid.uuid4().hex[:8]}",
        "JPYNB_S3_ENDPOINT_URL": ceph.endpoint_url,
    }

    def run(script: str, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", f"ci.{script}", *arguments],
            cwd=ROOT,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "keeps versions" in run("bucket")
    config = (ROOT / "ci" / "jupyter_server_config.py").read_text()
    server = start_server(core_kind, python_config=config, env=environment)
    lines = run("end_to_end", server.url, server.token).splitlines()
    assert lines[0] == "3 saves are archived."
    assert lines[-1].startswith("Cloned to ")
