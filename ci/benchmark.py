"""Measure Bookstore against the plain server, on a real server and a real Ceph gateway.

Run it as ``python -m ci.benchmark`` from an environment with the development requirements; it takes
some minutes. Every figure is a ratio of two things measured in turn within one run, since machines
differ and are noisy.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil
from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession

from bookstore.saves.identities import Identities
from bookstore.saves.outbox import Outbox
from bookstore.saves.uploader import Uploader
from bookstore.storage import S3Options, open_store
from tests.support.ceph import ceph_gateway
from tests.support.fault_proxy import FaultProxy
from tests.support.notebooks import Notebook, make_notebook
from tests.support.object_store import Bucket, ObjectStore
from tests.support.servers import JupyterServer, installed_kinds

PLAIN = "without"
ARCHIVING = "with"
Servers = dict[str, JupyterServer]


def main() -> None:
    """Run the measurements that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=installed_kinds(), default=installed_kinds()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("measurements", nargs="*", default=list(MEASUREMENTS))
    arguments = parser.parse_args()
    with ceph_gateway() as ceph:
        for name in arguments.measurements:
            bucket = ceph.new_bucket()
            with tempfile.TemporaryDirectory() as directory:
                for line in MEASUREMENTS[name](
                    arguments.kind, ceph, bucket, Path(directory), arguments.rounds
                ):
                    print(f"{arguments.kind}, {name}: {line}", flush=True)
            bucket.remove()


@contextmanager
def both_servers(
    kind: str, ceph: ObjectStore, bucket: Bucket, directory: Path
) -> Iterator[Servers]:
    """Start a server that archives to Ceph and a plain one."""
    with ExitStack() as stack:
        yield {
            ARCHIVING: stack.enter_context(archiving_server(kind, ceph, bucket, directory)),
            PLAIN: stack.enter_context(plain_server(kind, directory / PLAIN)),
        }


def plain_server(kind: str, directory: Path) -> JupyterServer:
    """Describe a server without Bookstore."""
    return JupyterServer(kind, directory, bookstore=False, front_ends=True)


def archiving_server(
    kind: str, ceph: ObjectStore, bucket: Bucket, directory: Path
) -> JupyterServer:
    """Describe a server that archives to Ceph."""
    return JupyterServer(kind, directory / ARCHIVING, front_ends=True, **bucket.settings)


def measure_saves(
    kind: str, ceph: ObjectStore, bucket: Bucket, directory: Path, rounds: int
) -> Iterator[str]:
    """Seconds of a save, in turns of some saves each."""
    with both_servers(kind, ceph, bucket, directory) as servers:
        for size, saves in ((10_000, 40), (1_000_000, 20), (50_000_000, 3)):
            seconds: dict[str, list[float]] = {ARCHIVING: [], PLAIN: []}
            notebook = make_notebook(size=size)
            for _ in range(rounds):
                for name in (PLAIN, ARCHIVING):
                    for number in range(saves):
                        save = partial(servers[name].save, f"{number}.ipynb", notebook)
                        seconds[name].append(timed(save))
                    servers[ARCHIVING].wait_until("archived", timeout=300)
            yield f"{size} bytes, {ratios(seconds)}"


def measure_ping(
    kind: str, ceph: ObjectStore, bucket: Bucket, directory: Path, rounds: int
) -> Iterator[str]:
    """How long ``GET /api`` takes while notebooks are saved and uploaded."""
    with both_servers(kind, ceph, bucket, directory) as servers:
        seconds: dict[str, list[float]] = {ARCHIVING: [], PLAIN: []}
        worst: dict[str, list[float]] = {ARCHIVING: [], PLAIN: []}
        notebook = make_notebook(size=1_000_000)
        for _ in range(2 * rounds):
            for name, server in servers.items():
                with pinging(server) as pings:
                    for number in range(30):
                        server.save(f"{number}.ipynb", notebook)
                seconds[name] += pings
                worst[name].append(max(pings))
                servers[ARCHIVING].wait_until("archived")
        yield f"all pings, {ratios(seconds)}; worst of a round, {ratios(worst)}"


@contextmanager
def pinging(server: JupyterServer) -> Iterator[list[float]]:
    """Ask for ``/api`` every 5 ms meanwhile."""
    pings: list[float] = []
    stop = threading.Event()

    def ping() -> None:
        while not stop.wait(0.005):
            pings.append(timed(lambda: server.api("GET", "/api")))

    thread = threading.Thread(target=ping)
    thread.start()
    yield pings
    stop.set()
    thread.join()


def measure_burst(
    kind: str, ceph: ObjectStore, bucket: Bucket, directory: Path, rounds: int
) -> Iterator[str]:
    """300 saves over 30 notebooks from 8 connections."""
    with both_servers(kind, ceph, bucket, directory) as servers:
        seconds: dict[str, list[float]] = {ARCHIVING: [], PLAIN: []}
        for _ in range(rounds):
            for name, server in servers.items():

                def save(number: int, server: JupyterServer = server) -> None:
                    server.save(f"{number % 30}.ipynb", make_notebook(size=10_000))

                with ThreadPoolExecutor(8) as connections:
                    seconds[name].append(
                        timed(lambda s=save, c=connections: list(c.map(s, range(300))))
                    )
                servers[ARCHIVING].wait_until("archived")
        keys = bucket.keys()
        versions = sum(len(bucket.version_ids(key)) for key in keys)
        yield f"{ratios(seconds)} (seconds); {versions} versions of {300 * rounds} saves"


def measure_drain(
    kind: str, ceph: ObjectStore, bucket: Bucket, directory: Path, rounds: int
) -> Iterator[str]:
    """Draining what is pending through a slow network, against bare aiobotocore with the same."""
    content = b"x" * 10_000
    with late(ceph, 0.05) as far_away:
        far_bucket = replace(bucket, store=far_away)
        for connections, count in ((1, 50), (16, 500), (64, 1_000)):
            seconds: dict[str, list[float]] = {ARCHIVING: [], PLAIN: []}
            busy: dict[str, list[float]] = {ARCHIVING: [], PLAIN: []}
            for turn in range(rounds):
                outbox = Outbox(directory / f"{connections}-{turn}", "measured")
                outbox.create()
                for number in range(count):
                    outbox.add_content(
                        content, path="x", key=f"drained/{number}", author="", release=""
                    )
                for name, work in (
                    (PLAIN, put_bare(far_bucket, content, count, connections)),
                    (ARCHIVING, drain(far_bucket, outbox, directory, connections)),
                ):
                    started = time.process_time()
                    seconds[name].append(timed(partial(asyncio.run, work)))
                    busy[name].append(time.process_time() - started)
            yield (
                f"{count} saves of 10 kB over {connections} connections, {ratios(seconds)};"
                f" processor, {ratios(busy)}"
            )


@contextmanager
def late(ceph: ObjectStore, delay: float) -> Iterator[ObjectStore]:
    """Reach an object store through a proxy, in a process of its own, that answers late."""
    here, there = multiprocessing.Pipe()
    proxy = multiprocessing.get_context("spawn").Process(
        target=serve_late, args=(ceph.endpoint_url, delay, there)
    )
    proxy.start()
    yield replace(ceph, endpoint_url=here.recv())
    proxy.terminate()
    proxy.join()


def serve_late(store_url: str, delay: float, told: Connection) -> None:
    """Serve as such a proxy, until terminated."""
    with FaultProxy(store_url, delay) as proxy:
        proxy.mode = "slow"
        told.send(proxy.endpoint_url)
        threading.Event().wait()


async def put_bare(bucket: Bucket, content: bytes, count: int, connections: int) -> None:
    """Put objects as one would without Bookstore: one client, some at once."""
    config = AioConfig(
        max_pool_connections=connections,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    slots = asyncio.Semaphore(connections)
    async with AioSession().create_client(
        "s3",
        endpoint_url=bucket.store.endpoint_url,
        region_name=bucket.store.region_name,
        aws_access_key_id=bucket.store.access_key_id,
        aws_secret_access_key=bucket.store.secret_access_key,
        config=config,
    ) as client:

        async def put(number: int) -> None:
            async with slots:
                await client.put_object(Bucket=bucket.name, Key=f"bare/{number}", Body=content)

        await asyncio.gather(*map(put, range(count)))


async def drain(bucket: Bucket, outbox: Outbox, directory: Path, connections: int) -> None:
    """Upload what is in an outbox."""
    options = S3Options(
        index_directory=directory,
        bucket=bucket.name,
        endpoint_url=bucket.store.endpoint_url,
        access_key_id=bucket.store.access_key_id,
        secret_access_key=bucket.store.secret_access_key,
        max_connections=connections,
    )
    store = open_store(options)
    await Uploader(
        outbox,
        store,
        _Silent(),
        Identities(outbox.directory),
        max_threads=connections,
        skip_unchanged=False,
    ).drain()
    await store.close()


class _Silent:
    def queued(self, save: Any) -> None: ...

    def archived(self, *_: Any) -> None: ...

    def failed(self, save: Any, error: Exception) -> None:
        raise error

    def unreadable(self, name: str, error: Exception) -> None:
        raise error


def measure_start(
    kind: str, ceph: ObjectStore, bucket: Bucket, directory: Path, rounds: int
) -> Iterator[str]:
    """Seconds until a started server answers."""
    seconds: dict[str, list[float]] = {ARCHIVING: [], PLAIN: []}
    for turn in range(2 * rounds):
        for name, server in (
            (PLAIN, plain_server(kind, directory / f"{PLAIN}{turn}")),
            (ARCHIVING, archiving_server(kind, ceph, bucket, directory / str(turn))),
        ):
            seconds[name].append(timed(server.start))
            server.close()
    yield ratios(seconds)


def measure_memory(
    kind: str, ceph: ObjectStore, bucket: Bucket, directory: Path, rounds: int
) -> Iterator[str]:
    """Memory of the server after saves of 50 MB, and of the uploader's process."""
    with both_servers(kind, ceph, bucket, directory) as servers:
        notebook = make_notebook(size=50_000_000)
        used: dict[str, list[float]] = {}
        uploaders: list[float] = []
        for name, server in servers.items():
            for _ in range(20 * rounds):
                server.save("large.ipynb", notebook)
            servers[ARCHIVING].wait_until("archived", timeout=600)
            assert server.process
            process = psutil.Process(server.process.pid)
            used[name] = [process.memory_info().rss / 1e6]
            children = process.children(recursive=True)
            uploaders += [child.memory_info().rss / 1e6 for child in children]
        yield f"{ratios(used)} (MB); the uploader's process {uploaders}"


def measure_clone(
    kind: str, ceph: ObjectStore, bucket: Bucket, directory: Path, rounds: int
) -> Iterator[str]:
    """A clone, against a bare get and a save on the plain server."""
    with both_servers(kind, ceph, bucket, directory) as servers:
        for size, times in ((10_000, 20), (1_000_000, 10), (50_000_000, 1)):
            notebook = make_notebook(size=size)
            bucket.put("published/a.ipynb", json.dumps(notebook).encode())
            model = {"s3_bucket": bucket.name, "s3_key": "published/a.ipynb"}

            def clone(number: str, model: dict[str, str] = model) -> None:
                model = {**model, "target_path": f"{number}.ipynb"}
                answer = servers[ARCHIVING].api("POST", "/api/bookstore/clone", json=model)
                assert answer.ok, answer.text

            def get_and_save(number: str) -> None:
                content = json.loads(bucket.body("published/a.ipynb"))
                servers[PLAIN].save(f"{number}.ipynb", content)

            seconds: dict[str, list[float]] = {ARCHIVING: [], PLAIN: []}
            for number in (f"{size}-{turn}" for turn in range(rounds * times)):
                seconds[ARCHIVING].append(timed(partial(clone, number)))
                seconds[PLAIN].append(timed(partial(get_and_save, number)))
            servers[ARCHIVING].wait_until("archived", timeout=300)
            yield f"{size} bytes, {ratios(seconds)}"


def measure_publish(
    kind: str, ceph: ObjectStore, bucket: Bucket, directory: Path, rounds: int
) -> Iterator[str]:
    """A publish, against a save on the plain server and a bare put."""
    with both_servers(kind, ceph, bucket, directory) as servers:
        for size, times in ((10_000, 20), (1_000_000, 10), (50_000_000, 1)):
            notebook = make_notebook(size=size)
            content = json.dumps(notebook).encode()
            model = {"type": "notebook", "content": notebook}

            def publish(model: dict[str, Any] = model) -> None:
                url = "/api/bookstore/publish/a.ipynb"
                assert servers[ARCHIVING].api("PUT", url, json=model).ok

            def save_and_put(notebook: Notebook = notebook, content: bytes = content) -> None:
                servers[PLAIN].save("a.ipynb", notebook)
                bucket.put("bare.ipynb", content)

            publish()
            seconds: dict[str, list[float]] = {ARCHIVING: [], PLAIN: []}
            for _ in range(rounds * times):
                seconds[ARCHIVING].append(timed(publish))
                seconds[PLAIN].append(timed(save_and_put))
            yield f"{size} bytes, {ratios(seconds)}"


def measure_history(
    kind: str, ceph: ObjectStore, bucket: Bucket, directory: Path, rounds: int
) -> Iterator[str]:
    """The first page of a long history, against that of a short one."""
    with both_servers(kind, ceph, bucket, directory) as servers:
        for name, count in (("long", 10_000), ("short", 10)):
            with ThreadPoolExecutor(16) as connections:
                key = f"workspace/{name}.ipynb"
                list(connections.map(lambda _, key=key: bucket.put(key, b"{}"), range(count)))
        seconds: dict[str, list[float]] = {ARCHIVING: [], PLAIN: []}
        for _ in range(10 * rounds):
            for which, name in ((ARCHIVING, "long"), (PLAIN, "short")):
                url = f"/api/bookstore/versions/{name}.ipynb?limit=10"
                seconds[which].append(timed(lambda url=url: servers[ARCHIVING].api("GET", url)))
        yield f"{ratios(seconds)}, where with means 10,000 versions and without 10"


def timed(work: Callable[[], Any]) -> float:
    """Give the seconds that work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def ratios(figures: dict[str, list[float]]) -> str:
    """Compare what was measured with Bookstore with what was measured without."""
    medians = {name: statistics.median(values) for name, values in figures.items()}
    text = f"median {medians[ARCHIVING] / medians[PLAIN]:.3f}"
    if len(figures[PLAIN]) >= 20:
        tail = {name: statistics.quantiles(values, n=20)[-1] for name, values in figures.items()}
        text += f", 95th percentile {tail[ARCHIVING] / tail[PLAIN]:.3f}"
    return f"{text} ({medians[ARCHIVING]:.4f} with, {medians[PLAIN]:.4f} without)"


MEASUREMENTS: dict[str, Callable[..., Iterator[str]]] = {
    "saves": measure_saves,
    "ping": measure_ping,
    "burst": measure_burst,
    "drain": measure_drain,
    "clone": measure_clone,
    "publish": measure_publish,
    "history": measure_history,
    "start": measure_start,
    "memory": measure_memory,
}

if __name__ == "__main__":
    main()
