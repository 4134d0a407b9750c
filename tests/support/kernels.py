"""Kernels that a real server started, driven as the front end does it, over a websocket."""

import ast
import json
import uuid
from typing import Any

import requests
import websocket


class ServerKernel:
    """A kernel for a notebook that is open in the server.

    Parameters
    ----------
    url
        Of the server, without a slash at the end.
    headers
        Those that authenticate requests to it.
    path
        Of the notebook.
    kernel_id
        One that runs already, for a second notebook on it.

    Attributes
    ----------
    session
        The server's model of it.
    """

    def __init__(
        self, url: str, headers: dict[str, str], path: str, kernel_id: str | None = None
    ) -> None:
        kernel = {"id": kernel_id} if kernel_id else {"name": "python3"}
        model = {"path": path, "name": "", "type": "notebook", "kernel": kernel}
        answer = requests.post(f"{url}/api/sessions", json=model, headers=headers, timeout=120)
        assert answer.status_code == 201, f"{answer.status_code} {answer.text}"
        self.session: dict[str, Any] = answer.json()
        self.id: str = self.session["kernel"]["id"]
        channels = f"{url}/api/kernels/{self.id}/channels".replace("http", "ws", 1)
        self._socket = websocket.create_connection(channels, header=headers, timeout=120)

    def __enter__(self) -> "ServerKernel":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._socket.close()

    def run(self, code: str) -> dict[str, str]:
        """Run a cell, and return what its last line shows, by MIME type.

        Raises
        ------
        AssertionError
            If it fails; the message is the error's name and text.
        """
        request = uuid.uuid4().hex
        header = {"msg_id": request, "msg_type": "execute_request", "session": self.id}
        header |= {"username": "", "date": "2026-01-01T00:00:00Z", "version": "5.3"}
        # Without stop_on_error=False, a cell run soon after one that failed can be aborted with it.
        content = {"code": code, "silent": False, "allow_stdin": False, "stop_on_error": False}
        message = {"channel": "shell", "header": header, "content": content}
        self._socket.send(json.dumps({**message, "parent_header": {}, "metadata": {}}))
        shown: dict[str, str] = {}
        done = set()
        # The reply and the outputs come by different channels, in any order.
        while done != {"replied", "idle"}:
            answer = json.loads(self._socket.recv())
            content = answer["content"]
            if answer["parent_header"].get("msg_id") != request:
                continue
            if answer["msg_type"] == "execute_reply":
                assert content["status"] == "ok", f"{content['ename']}: {content['evalue']}"
                done.add("replied")
            elif content.get("execution_state") == "idle":
                done.add("idle")
            shown.update(content.get("data", {}))
        return shown

    def value(self, code: str) -> Any:
        """Run a cell, and return the value of an expression, which JSON must be able to tell."""
        shown = self.run(f"__import__('json').dumps({code})")["text/plain"]
        return json.loads(ast.literal_eval(shown))
