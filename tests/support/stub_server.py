"""A small HTTP server that answers what a test tells it to, and remembers what it was asked."""

import json
import ssl
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

KERNEL_ID = "f92b7c8b-0858-4d10-903c-b0631540fb36"


@dataclass
class Answer:
    """What to answer; a `body` that is no text is sent as JSON."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Asked:
    """A request as it came."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)


class StubServer:
    """An HTTP server on a free port.

    Parameters
    ----------
    tls
        Makes it speak https.

    Attributes
    ----------
    answers
        By method and path, as in ``"GET /api/sessions"``; a list is answered one by one. What is
        not in it is answered as Jupyter answers it: 404 with a page.
    asked
        All requests so far.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.answers: dict[str, Answer | list[Answer]] = {}
        self.asked: list[Asked] = []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def respond(self) -> None:
                stub.respond(self)

            do_GET = do_PUT = do_POST = respond

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        if tls:
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))

    def __enter__(self) -> "StubServer":
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def respond(self, request: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        address = urlsplit(request.path)
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.asked.append(Asked(request.command, address.path, address.query, headers, body))
        answer = self.answers.get(f"{request.command} {address.path}")
        if isinstance(answer, list):
            answer = answer.pop(0)
        if answer is None:
            answer = Answer("<!DOCTYPE HTML><html>404</html>", 404, {"Content-Type": "text/html"})
        text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
        request.send_response(answer.status)
        for name, value in answer.headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(text.encode())))
        request.end_headers()
        request.wfile.write(text.encode())


def session(path: str = "a.ipynb", kernel_id: str = KERNEL_ID, **more: Any) -> dict[str, Any]:
    """Return the model of something open with a kernel."""
    kernel = {"id": kernel_id, "name": "python3", "execution_state": "busy", "connections": 1}
    return {"id": "s", "path": path, "name": "", "type": "notebook", "kernel": kernel} | more


def opened(*models: dict[str, Any]) -> Answer:
    """Return what a server answers that has this open."""
    return Answer(list(models))
