"""Hold the records of Jupyter servers, kernels and sessions.

Newer servers send more fields; those that are unknown here are accepted, and kept in `model`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple


class _ServerRecord(NamedTuple):
    base_url: str = "/"
    hostname: str = ""
    notebook_dir: str = ""
    password: bool = False
    pid: int = 0
    port: int = 0
    secure: bool = False
    token: str = ""
    url: str = ""


class LiveNotebookRecord(_ServerRecord):
    """Hold the record that a running server writes to Jupyter's runtime directory.

    Unknown fields are dropped, so that the record of any server is accepted.

    Attributes
    ----------
    base_url, hostname, notebook_dir, token, url : str
    password, secure : bool
    pid, port : int

    Examples
    --------
    >>> LiveNotebookRecord(url="http://localhost:8888/", port=8888, sock="").port
    8888
    """

    __slots__ = ()

    def __new__(cls, *fields: Any, **info: Any) -> LiveNotebookRecord:
        if "root_dir" in info:  # as jupyter_server calls it
            info.setdefault("notebook_dir", info["root_dir"])
        known = {name: info[name] for name in cls._fields if name in info}
        return super().__new__(cls, *fields, **known)

    def __repr__(self) -> str:
        shown = self._replace(token="…") if self.token else self  # noqa: S106 (hides one)
        return super(LiveNotebookRecord, shown).__repr__()


class _Model:
    """Hold a record from a server's answer, and the whole answer as `model`."""

    model: dict[str, Any]

    def __repr__(self) -> str:
        return json.dumps(self.model, indent=2)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Model) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]


class KernelInfo(_Model):
    """Hold a kernel's record from the server's ``/api/kernels``.

    Attributes
    ----------
    id, name, last_activity, execution_state : str
    connections : int
    model : dict
        All fields that the server sent.
    """

    def __init__(self, *, id: str, **model: Any) -> None:
        self.model = {"id": id, **model}
        self.id = id
        self.name: str = model.get("name", "")
        self.last_activity: str = model.get("last_activity", "")
        self.execution_state: str = model.get("execution_state", "")
        self.connections: int = model.get("connections", 0)


class NotebookSession(_Model):
    """Hold the record of a notebook or console that is open, from the server's ``/api/sessions``.

    Attributes
    ----------
    id, path, name, type : str
    kernel : KernelInfo
    notebook : dict
        Path and name again, as old servers send them.
    model : dict
        All fields that the server sent.
    """

    def __init__(self, *, path: str, kernel: Mapping[str, Any], **model: Any) -> None:
        self.model = {"path": path, "kernel": kernel, **model}
        self.path = path
        self.kernel = KernelInfo(**kernel)
        self.id: str = model.get("id", "")
        self.name: str = model.get("name", "")
        self.type: str = model.get("type", "notebook")
        self.notebook: dict[str, Any] = model.get("notebook", {})
