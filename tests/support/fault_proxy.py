"""A TCP proxy in front of an object store that fails in the ways networks and stores do."""

import asyncio
import math
import socket
import struct
import threading
from asyncio import StreamReader, StreamWriter
from collections import Counter
from contextlib import aclosing
from typing import Literal, get_args
from urllib.parse import urlsplit

from .http_messages import PIECE, Head, answer_body, read_head, request_body

Mode = Literal["pass", "refuse", "slow", "unavailable", "deny", "hang", "cut_upload", "lose_answer"]
UPLOAD_FAULTS = ("cut_upload", "lose_answer")
HOST = "127.0.0.1"
HEAD_LIMIT = 1024 * 1024
OWN_ANSWERS = {
    "unavailable": ("503 Service Unavailable", "ServiceUnavailable", "Please try again later."),
    "deny": ("403 Forbidden", "SignatureDoesNotMatch", "Check your secret access key."),
}


class FaultProxy:
    """Passes requests on to an object store, or fails them, as `mode` says.

    ``pass``
        Nothing is wrong.
    ``refuse``
        Nobody listens; connections that were open are reset.
    ``slow``
        The store's answer is passed on `delay` seconds late.
    ``unavailable``, ``deny``
        The proxy reads the whole request and answers 503, or 403 as for a wrong secret key. The
        store hears nothing of it.
    ``hang``
        What the client sends is read and comes to nothing: no answer, no end. A connection caught
        in this stays so when the mode changes, as one whose other end has vanished does.
    ``cut_upload``
        Half of an object's bytes go to the store, then both connections break. Requests that
        upload no object pass.
    ``lose_answer``
        The store gets the whole object and answers, but the client's connection breaks before the
        answer comes through. Requests that upload no object pass.

    A new mode is in force when the assignment returns. It counts for each request that begins
    after that, also on connections that were open; requests under way end as they began, unless
    the mode is ``refuse``.

    Requests go through byte for byte, since the signature covers their headers. The store must
    not mind that `Host` names the proxy; Ceph and moto do not.

    Attributes
    ----------
    endpoint_url
        Where the proxy listens, for as long as it lives: the port is kept while it refuses.
    delay
        Seconds, for ``slow``. May be changed at any time.
    seen
        How many requests met each mode, counted once the fault has happened (``slow``, ``hang``
        and ``pass``: has begun). Connections refused cannot be counted: for ``refuse`` this is the
        number of open connections that were reset.
    """

    def __init__(self, store_url: str, delay: float = 3.0) -> None:
        store = urlsplit(store_url)
        self.store_address = (str(store.hostname), store.port or 80)
        self.delay = delay
        self.seen: Counter[Mode] = Counter()
        self._mode: Mode = "pass"
        self._connections: set[_Connection] = set()
        self._listener: asyncio.Server | None = None
        # Bound but never listening, it keeps the port ours while nobody listens.
        self._reservation = socket.socket()
        self._reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._reservation.bind((HOST, 0))
        self._port = self._reservation.getsockname()[1]
        self.endpoint_url = f"http://{HOST}:{self._port}"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="fault-proxy", daemon=True
        )

    def __enter__(self) -> "FaultProxy":
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listen, in a thread of its own."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._enter("pass"), self._loop).result()

    def stop(self) -> None:
        """Break all connections and end the thread."""
        asyncio.run_coroutine_threadsafe(self._refuse(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._reservation.close()

    @property
    def mode(self) -> Mode:
        """What happens to requests now."""
        return self._mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        if mode not in get_args(Mode):
            raise ValueError(f"{mode!r} is none of {', '.join(get_args(Mode))}")
        asyncio.run_coroutine_threadsafe(self._enter(mode), self._loop).result()

    async def _enter(self, mode: Mode) -> None:
        self._mode = mode
        if mode == "refuse":
            self.seen["refuse"] += await self._refuse()
        elif not self._listener:
            self._listener = await asyncio.start_server(
                self._serve, HOST, self._port, reuse_port=True, limit=HEAD_LIMIT
            )

    async def _refuse(self) -> int:
        if self._listener:
            self._listener.close()
            self._listener = None
            await asyncio.sleep(0)  # one that was just accepted begins to be served
        open_ones = list(self._connections)
        await asyncio.gather(*(connection.reset() for connection in open_ones))
        return len(open_ones)

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        connection = _Connection(self, reader, writer)
        self._connections.add(connection)
        try:
            await connection.serve()
        finally:
            self._connections.remove(connection)


class _Connection:
    """One client's connection, and the one to the store that goes with it."""

    def __init__(self, proxy: FaultProxy, reader: StreamReader, writer: StreamWriter) -> None:
        self._proxy = proxy
        self._reader = reader
        self._writer = writer
        self._store: tuple[StreamReader, StreamWriter] | None = None
        self._task = asyncio.current_task()

    async def serve(self) -> None:
        """Handle requests until a side, or a fault, ends the connection."""
        try:
            while request := await read_head(self._reader):
                if not await self._handle(request):
                    break
            self._writer.close()
        except (ConnectionError, EOFError, asyncio.CancelledError):
            self._break_off()
        finally:
            self._leave_store()

    async def reset(self) -> None:
        """Break the connection, whatever is going on there."""
        assert self._task
        self._task.cancel()
        await asyncio.wait({self._task})

    async def _handle(self, request: Head) -> bool:
        """Handle one request, and tell whether another one can follow."""
        mode = self._proxy.mode
        if mode in UPLOAD_FAULTS and not _uploads_object(request):
            mode = "pass"
        if mode == "hang":
            self._proxy.seen[mode] += 1
            while await self._reader.read(PIECE):
                pass
            return False
        if mode in OWN_ANSWERS:
            self._proxy.seen[mode] += 1  # first: whoever has the answer may look at once
            await self._answer(request, *OWN_ANSWERS[mode])
            return True
        if mode == "refuse":  # accepted just before the listener closed
            self._break_off()
            goes_on = False
        elif mode == "cut_upload":
            await self._cut(request)
            goes_on = False
        else:
            if mode == "pass":
                self._proxy.seen[mode] += 1
            goes_on = await self._pass_on(request, mode)
        if mode not in ("pass", "slow"):
            self._proxy.seen[mode] += 1
        return goes_on

    async def _answer(self, request: Head, status: str, code: str, message: str) -> None:
        if request.expects_continue:
            self._writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        async for _ in request_body(self._reader, request):
            pass
        body = (
            '<?xml version="1.0" encoding="UTF-8"?>'
            f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        )
        head = (
            f"HTTP/1.1 {status}\r\nContent-Type: application/xml\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self._writer.write((head if request.method == "HEAD" else head + body).encode())
        await self._writer.drain()

    async def _pass_on(self, request: Head, mode: Mode) -> bool:
        store_reader, store_writer = await self._open_store()
        sending = asyncio.create_task(self._send(request, store_writer))
        try:
            answer = await self._final_answer(store_reader)
            if mode == "slow":
                self._proxy.seen[mode] += 1
                await asyncio.sleep(self._proxy.delay)
            if mode == "lose_answer":
                self._break_off()
                return False
            self._writer.write(answer.raw)
            async for piece in answer_body(store_reader, request, answer):
                self._writer.write(piece)
                await self._writer.drain()
            # the rest of a request that was answered early would be taken for the next request
            return sending.done() and not answer.ends_connection
        finally:
            sending.cancel()

    async def _cut(self, request: Head) -> None:
        store_reader, store_writer = await self._open_store()
        half = request.body_size // 2
        sending = asyncio.create_task(self._send(request, store_writer, half))
        answering = asyncio.create_task(self._final_answer(store_reader))
        # the store may answer first, if it refuses the request for its head alone
        await asyncio.wait({sending, answering}, return_when=asyncio.FIRST_COMPLETED)
        sending.cancel()
        answering.cancel()
        await asyncio.gather(sending, answering, return_exceptions=True)
        self._leave_store()
        self._break_off()

    async def _send(
        self, request: Head, store_writer: StreamWriter, limit: float = math.inf
    ) -> None:
        """Send a request to the store, but at most `limit` bytes of its body."""
        store_writer.write(request.raw)
        left = limit
        try:
            async with aclosing(request_body(self._reader, request)) as pieces:
                async for piece in pieces:
                    wanted = piece if len(piece) <= left else piece[: int(left)]
                    left -= len(wanted)
                    store_writer.write(wanted)
                    await store_writer.drain()
                    if not left:
                        break
        except (ConnectionError, EOFError):
            # one side left in the middle of the body; without this, the other would wait for ever
            store_writer.close()

    async def _final_answer(self, store_reader: StreamReader) -> Head:
        """Return the head of the store's answer, having passed on a `100 Continue` before it."""
        while True:
            answer = await read_head(store_reader)
            if not answer:
                raise ConnectionResetError("the store left without an answer")
            if answer.status >= 200:
                return answer
            self._writer.write(answer.raw)

    async def _open_store(self) -> tuple[StreamReader, StreamWriter]:
        """Return this client's connection to the store, a new one if the store ended the last."""
        if self._store and self._store[0].at_eof():
            self._leave_store()
        if not self._store:
            self._store = await asyncio.open_connection(
                *self._proxy.store_address, limit=HEAD_LIMIT
            )
        return self._store

    def _leave_store(self) -> None:
        if self._store:
            self._store[1].close()
            self._store = None

    def _break_off(self) -> None:
        """Reset the client's connection: nothing that was not yet sent will be."""
        if self._writer.is_closing():
            return
        connection = self._writer.get_extra_info("socket")
        no_linger = struct.pack("ii", 1, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_linger)
        self._writer.transport.abort()


def _uploads_object(request: Head) -> bool:
    """Whether this is a PUT of an object's bytes: in path style, a key after the bucket."""
    bucket, _, key = urlsplit(request.target).path.lstrip("/").partition("/")
    return request.method == "PUT" and bool(bucket and key)
