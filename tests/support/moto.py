"""moto's S3 server in a thread: quick, but only like S3."""

from collections.abc import Iterator
from contextlib import contextmanager

from .object_store import ObjectStore


@contextmanager
def moto_store() -> Iterator[ObjectStore]:
    """Run moto's server on a free port."""
    # here, not above: moto takes a second to import, and most tests do without it
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield ObjectStore(f"http://{host}:{port}", "test", "testtest")
    finally:
        server.stop()
