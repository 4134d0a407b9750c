"""Find the Jupyter servers of this machine in files and environment variables, without requests.

A server leaves a file in Jupyter's runtime directory, ``nbserver-{pid}.json`` (classic) or
``jpserver-{pid}.json`` (jupyter_server), readable by its owner only, with its address and token.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

from ..processes import is_alive
from .errors import BookstoreError

Record = dict[str, Any]

_INFO_FILES = ("nbserver-*.json", "jpserver-*.json")
_INSTEAD_OF_ALL = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 (a client)
# what the paths of a server's pages begin with, after its base_url
_PAGES = {"bookstore", "lab", "nbclassic", "tree"}
_PAGES_OF_FILES = {"consoles", "doc", "edit", "notebooks"}
_DEFAULT_PORTS = {"http": 80, "https": 443}


def connection_file() -> str:
    """Return the path of this kernel's connection file; "" outside of an IPython kernel."""
    # Only a process that runs a kernel has this module loaded.
    kernelapp = sys.modules.get("ipykernel.kernelapp")
    if kernelapp is None or not kernelapp.IPKernelApp.initialized():
        return ""
    return str(kernelapp.IPKernelApp.instance().abs_connection_file)


def running_servers() -> list[Record]:
    """Return the records of the servers that run here, the one that started this kernel first."""
    records = [*_recorded_servers()]
    hub_url = os.environ.get("JUPYTERHUB_SERVICE_URL", "")
    hub_prefix = os.environ.get("JUPYTERHUB_SERVICE_PREFIX", "")
    if hub_url and hub_prefix and not any(_base_url(record) == hub_prefix for record in records):
        records.append({"url": _reachable(hub_url), "base_url": hub_prefix, "token": ""})
    for record in records:
        # A server of JupyterHub has no token of its own; it takes those of the Hub.
        if hub_prefix and not record.get("token") and _base_url(record) == hub_prefix:
            record["token"] = os.environ.get("JUPYTERHUB_API_TOKEN", "")
    return sorted(records, key=lambda record: not started_this_kernel(record))


def server_at(url: str) -> Record:
    """Return the record of the server at an address, with its token where one is found.

    Parameters
    ----------
    url : str
        The address that a server prints at its start, ``http://localhost:8888/lab?token=…``, or the
        one that a browser shows on one of the server's pages.

    Raises
    ------
    BookstoreError
        If `url` is not the address of a web server.
    """
    address = _split(url.strip())
    tokens = parse_qs(address.query).get("token", [""])
    # Without user and password: these would replace the token, and appear in messages.
    netloc = address.netloc.rpartition("@")[2]
    bases = _base_urls(address.path)
    plain = [address._replace(netloc=netloc, path=p, query="", fragment="") for p in bases]
    running = running_servers()
    for place in plain:
        for record in running:
            if _same_server(urlsplit(record["url"]), place):
                token = tokens[0] or record.get("token", "")
                return {**record, "url": place.geturl(), "token": token}
    return {"url": plain[0].geturl(), "base_url": bases[0], "token": tokens[0]}


def _base_urls(path: str) -> list[str]:
    """Return what may be the ``base_url`` in the path of a page, the likeliest first."""
    parts = [*path.rstrip("/").split("/"), ""]
    ends = [
        number
        for number, part in enumerate(parts)
        if (part in _PAGES or (part in _PAGES_OF_FILES and parts[number + 1]))
        # a hub has servers at /user/{name}/, and a name may be that of a page
        and parts[number - 1] != "user"
    ]
    return ["/".join(parts[:end]) + "/" for end in [*ends, len(parts) - 1]]


def started_this_kernel(record: Record) -> bool:
    """Return whether a server's process is the parent of this kernel's process."""
    return str(record.get("pid", "")) == os.environ.get("JPY_PARENT_PID")


def notebook_at_start(record: Record) -> str:
    """Return the path of the notebook that a server started this kernel for; "" if unknown.

    It comes from the kernel's environment, which a kernel inherits if another kernel started it.
    """
    file = os.environ.get("JPY_SESSION_NAME", "")
    root = record.get("root_dir") or record.get("notebook_dir")
    if not (file and root and started_this_kernel(record)):
        return ""
    path = Path(os.path.abspath(file))
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else ""


def is_this_machine(host: str) -> bool:
    """Return whether a host name or address is this machine's, without a DNS query."""
    if host in ("localhost", socket.gethostname()):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _recorded_servers() -> Iterator[Record]:
    from jupyter_core.paths import jupyter_runtime_dir

    # Servers write the connection files of their kernels beside their own.
    directories = {jupyter_runtime_dir(), os.path.dirname(connection_file())} - {""}
    files = {
        file
        for directory in directories
        for pattern in _INFO_FILES
        for file in Path(directory).glob(pattern)
    }
    for file in sorted(files):
        try:
            record = json.loads(file.read_text(encoding="utf-8"))
            if is_alive(record["pid"]):  # a dead server's port may be another's
                yield {**record, "url": _reachable(str(record["url"]))}
        except (OSError, ValueError, TypeError, KeyError, OverflowError):
            continue  # the server has just ended, or is writing its file


def _reachable(url: str) -> str:
    """Replace the "all interfaces" address by one that can be connected to."""
    address = urlsplit(url)
    host = _INSTEAD_OF_ALL.get(address.hostname or "")
    if host is None:
        return url
    return address._replace(netloc=f"{host}:{address.port}" if address.port else host).geturl()


def _split(url: str) -> SplitResult:
    try:
        address = urlsplit(url)
        if address.scheme in _DEFAULT_PORTS and address.hostname and address.port != 0:
            return address
    except ValueError:
        pass
    # The address is not repeated: it may have a token or a password in it.
    raise BookstoreError(
        "url= is not the address of a Jupyter server, which looks like http://localhost:8888/."
    ) from None


def _base_url(record: Record) -> str:
    return str(record.get("base_url") or urlsplit(record["url"]).path)


def _same_server(one: SplitResult, other: SplitResult) -> bool:
    def place(address: SplitResult) -> tuple[str, str | None, int | None, str]:
        host = address.hostname or ""
        return (
            address.scheme,
            None if is_this_machine(host) else host,
            address.port or _DEFAULT_PORTS.get(address.scheme),
            address.path.rstrip("/"),
        )

    return place(one) == place(other)
