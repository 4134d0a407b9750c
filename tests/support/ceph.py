"""A real Ceph RADOS gateway, for as long as the tests run."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .object_store import ObjectStore
from .ports import free_port

SCRIPT = Path(__file__).resolve().parents[2] / "ci" / "ceph.sh"
RUNNING_GATEWAY = "BOOKSTORE_TEST_CEPH"


class CephUnavailable(Exception):
    """The gateway cannot be started here; the message says what to do about it."""


@contextmanager
def ceph_gateway() -> Iterator[ObjectStore]:
    """Start a gateway, or use the one whose endpoint `BOOKSTORE_TEST_CEPH` names.

    Raises
    ------
    CephUnavailable
        When the programs are missing or the gateway does not start.
    """
    if endpoint_url := os.environ.get(RUNNING_GATEWAY):
        yield _store(endpoint_url)
        return
    # not in pytest's directory, which is kept for three runs
    with tempfile.TemporaryDirectory(prefix="ceph-") as directory:
        try:
            endpoint_url = _script("start", directory, str(free_port()))
            yield _store(endpoint_url)
        finally:
            _script("stop", directory)


def _store(endpoint_url: str) -> ObjectStore:
    return ObjectStore(endpoint_url, access_key_id="test", secret_access_key="testtest")


def _script(*arguments: str) -> str:
    result = subprocess.run(
        ["bash", str(SCRIPT), *arguments], capture_output=True, check=False, text=True
    )
    if result.returncode:
        raise CephUnavailable(
            "This test needs a Ceph RADOS gateway, which could not be started or stopped here:\n"
            f"{result.stderr}"
            f"Mend that, or let {RUNNING_GATEWAY} name the endpoint of a gateway that runs (keys "
            "test / testtest)."
        )
    return result.stdout.strip()
