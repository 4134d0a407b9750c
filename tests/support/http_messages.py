"""Just enough HTTP/1.1 to find where a message on a connection ends, its bytes left as they are."""

from asyncio import StreamReader
from collections.abc import AsyncGenerator
from dataclasses import dataclass

PIECE = 64 * 1024


@dataclass(frozen=True)
class Head:
    """The start line and the headers of a request or an answer."""

    raw: bytes
    start_line: str
    headers: dict[str, str]

    @property
    def content_length(self) -> int | None:
        length = self.headers.get("content-length")
        return None if length is None else int(length)

    @property
    def is_chunked(self) -> bool:
        return self.headers.get("transfer-encoding", "").lower() == "chunked"

    @property
    def body_size(self) -> int:
        """The bytes of a request's payload; one that is sent in chunks names them on its own."""
        named = self.headers.get("x-amz-decoded-content-length")
        return int(named) if named else self.content_length or 0

    @property
    def method(self) -> str:
        """The method of a request."""
        return self.start_line.split(" ")[0]

    @property
    def target(self) -> str:
        """The path and query of a request."""
        return self.start_line.split(" ")[1]

    @property
    def expects_continue(self) -> bool:
        """Whether the body of this request only comes after a `100 Continue`."""
        return self.headers.get("expect", "").lower() == "100-continue"

    @property
    def status(self) -> int:
        """The status code of an answer."""
        return int(self.start_line.split(" ")[1])

    @property
    def ends_connection(self) -> bool:
        """Whether nothing follows this answer on its connection."""
        connection = self.headers.get("connection", "").lower()
        if self.start_line.startswith("HTTP/1.0"):
            return connection != "keep-alive"
        return connection == "close"


async def read_head(reader: StreamReader) -> Head | None:
    """Return the next message's head, or None where the connection ends instead."""
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except EOFError:
        return None
    start_line, *lines = raw.decode("latin-1").rstrip("\r\n").split("\r\n")
    fields = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in fields}
    return Head(raw, start_line, headers)


async def request_body(reader: StreamReader, request: Head) -> AsyncGenerator[bytes, None]:
    """Yield the body of a request, framing included, in small pieces."""
    if request.is_chunked:
        async for piece in _chunked(reader):
            yield piece
    else:
        async for piece in _exactly(reader, request.content_length or 0):
            yield piece


async def answer_body(
    reader: StreamReader, request: Head, answer: Head
) -> AsyncGenerator[bytes, None]:
    """Yield the body of an answer, framing included, in small pieces."""
    if request.method == "HEAD" or answer.status in (204, 304):
        return
    if answer.is_chunked:
        async for piece in _chunked(reader):
            yield piece
    elif answer.content_length is not None:
        async for piece in _exactly(reader, answer.content_length):
            yield piece
    else:
        while piece := await reader.read(PIECE):
            yield piece


async def _exactly(reader: StreamReader, length: int) -> AsyncGenerator[bytes, None]:
    while length:
        piece = await reader.read(min(length, PIECE))
        if not piece:
            raise ConnectionResetError("the connection ended within a body")
        length -= len(piece)
        yield piece


async def _chunked(reader: StreamReader) -> AsyncGenerator[bytes, None]:
    while True:
        size_line = await reader.readuntil(b"\r\n")
        yield size_line
        size = int(size_line.split(b";")[0], 16)
        if not size:
            break
        async for piece in _exactly(reader, size + len(b"\r\n")):
            yield piece
    trailer = b""
    while trailer != b"\r\n":
        trailer = await reader.readuntil(b"\r\n")
        yield trailer
