"""Saves, outages and kills at random; at the end, every save that was acknowledged is a version.

``BOOKSTORE_TEST_SOAK_SECONDS`` says how long it goes on: 600 by default.
"""

import os
import random
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import get_args

import psutil
import pytest
import requests

from tests.support.fault_proxy import FaultProxy, Mode
from tests.support.notebooks import make_notebook, text_of
from tests.support.object_store import Bucket
from tests.support.servers import JupyterServer

pytestmark = [pytest.mark.endurance, pytest.mark.timeout(3600)]

SECONDS = float(os.environ.get("BOOKSTORE_TEST_SOAK_SECONDS", "600"))
NOTEBOOKS = 200
Log = dict[str, list[str]]


def save_pair(server: JupyterServer, path: str, text: str, acknowledged: list[str]) -> None:
    """Save a notebook twice in quick succession, and log what the server acknowledged."""
    for part in ("a", "b"):
        # A save whose answer is lost with the server may be a version, or not.
        acknowledged.append(f"? {text}{part}")
        server.save(path, make_notebook(f"{text}{part}"))
        acknowledged[-1] = f"{text}{part}"


def test_every_acknowledged_save_is_archived_once_and_in_order(
    core_kind: str,
    start_server: Callable[..., JupyterServer],
    bucket: Bucket,
    fault_proxy: FaultProxy,
) -> None:
    chance = random.Random()
    settings = {**bucket.settings, "s3_endpoint_url": fault_proxy.endpoint_url}
    server = start_server(core_kind, shutdown_timeout=1.0, **settings)
    log: Log = defaultdict(list)
    kills, rounds, most_pending = 0, 0, 0
    ends = time.monotonic() + SECONDS
    with ThreadPoolExecutor(8) as pool:
        while time.monotonic() < ends:
            rounds += 1
            # Few modes last long: in most of the time saves arrive, in some thousands wait.
            fault_proxy.mode = chance.choice(("pass", "pass", *get_args(Mode)))
            paths = [f"{number}.ipynb" for number in chance.sample(range(NOTEBOOKS), 40)]
            work = [pool.submit(save_pair, server, path, f"{rounds} ", log[path]) for path in paths]
            victim = chance.random()
            if victim < 0.15:
                server.kill()
                kills += 1
            elif victim < 0.3:
                for process in server.uploaders():
                    with suppress(psutil.NoSuchProcess):
                        process.kill()
                        kills += 1
            for task in work:
                with suppress(requests.RequestException, AssertionError):
                    task.result()
            if not server.is_running:
                server.start()
            most_pending = max(most_pending, server.status()["archive"]["pending"])
    fault_proxy.mode = "pass"
    server.wait_until("archived", timeout=900)

    with ThreadPoolExecutor(16) as pool:
        bodies = pool.map(lambda path: bucket.bodies(f"workspace/{path}"), log)
    for (path, saves), of_path in zip(log.items(), bodies, strict=True):
        archived = [text_of(body) for body in of_path]
        assert len(archived) == len(set(archived)), path
        unsure = {save[2:] for save in saves if save.startswith("? ")}
        expected = [save.removeprefix("? ") for save in saves]
        expected = [save for save in expected if save in archived or save not in unsure]
        assert archived == expected, path
    total = sum(map(len, log.values()))
    print(f"{core_kind}: {total} saves, {kills} kills, {rounds} rounds, {most_pending} pending")
