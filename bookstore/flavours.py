"""Import the base classes of the running server: classic Notebook 6, or jupyter_server 2.

Both are often installed together (notebook 6.5 depends on jupyter_server 2), so the running
application decides, and not what can be imported. No other module names either package.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeVar
from urllib.parse import quote

from traitlets.config import Application

CLASSIC = "notebook"
JUPYTER_SERVER = "jupyter_server"

_Method = TypeVar("_Method", bound=Callable[..., Awaitable[None]])


def running() -> str:
    """Return the package name of the server we run in.

    The application already exists when a config file or an extension is loaded. Where none runs
    (in a kernel, in tests, while docs are built) it is classic if that is installed.

    Returns
    -------
    str
        `CLASSIC` or `JUPYTER_SERVER`.
    """
    if Application.initialized():
        modules = {cls.__module__ for cls in type(Application.instance()).__mro__}
        # Notebook 7 lives in a package named `notebook` too, on top of jupyter_server.
        if any(module.partition(".")[0] == JUPYTER_SERVER for module in modules):
            return JUPYTER_SERVER
        if "notebook.notebookapp" in modules:
            return CLASSIC
    is_installed = find_spec(CLASSIC) and find_spec(f"{CLASSIC}.notebookapp")
    return CLASSIC if is_installed else JUPYTER_SERVER


SERVER = running()

_contents = import_module(f"{SERVER}.services.contents.largefilemanager")
_managers = import_module(f"{SERVER}.services.contents.manager")
_checkpoints = import_module(f"{SERVER}.services.contents.filecheckpoints")
_handlers = import_module(f"{SERVER}.base.handlers")

# The plain FileContentsManager ignores `chunk` and would keep only the last piece of a large
# upload. jupyter_server's own default is the asynchronous one.
LargeFileManager: Any = getattr(_contents, "AsyncLargeFileManager", _contents.LargeFileManager)
SyncFileCheckpoints: Any = _checkpoints.FileCheckpoints
FileCheckpoints: Any = getattr(_checkpoints, "AsyncFileCheckpoints", SyncFileCheckpoints)
APIHandler: Any = _handlers.APIHandler
JupyterHandler: Any = getattr(_handlers, "JupyterHandler", None) or _handlers.IPythonHandler
# Each user of classic may do all.
authorized: Callable[[_Method], _Method] = lambda method: method  # noqa: E731
_context: Any = None  # the request that is answered now, since jupyter_server 2.6
if SERVER == JUPYTER_SERVER:
    authorized = import_module("jupyter_server.auth.decorator").authorized
    with suppress(ImportError):
        _context = import_module("jupyter_server.base.call_context").CallContext


def is_asynchronous(contents_manager: Any) -> bool:
    """Return whether a contents manager awaits its checkpoints; none of classic does."""
    return isinstance(contents_manager, getattr(_managers, "AsyncContentsManager", ()))


def current_username() -> str:
    """Return the name of the user whose request is answered now; empty if that is not known.

    The stock identity providers know a token or a password, and make names up. A room of
    jupyter-collaboration saves by itself, within the GET request of whoever opened it.
    """
    handler = _context.get(_context.JUPYTER_HANDLER) if _context else None
    provider = type(getattr(handler, "identity_provider", None))
    if handler is None or provider.__module__.startswith(JUPYTER_SERVER):
        return ""
    if handler.request.method in ("GET", "HEAD"):
        return ""
    # Providers are other people's code, and no save may fail because of them.
    with suppress(Exception):
        return str(getattr(handler.current_user, "username", ""))
    return ""


def location_of(path: str, settings: Mapping[str, Any]) -> str:
    """Return where the running server's own interface shows a file.

    Parameters
    ----------
    path : str
        The file's API path.
    settings : Mapping[str, Any]
        The tornado application's.

    Returns
    -------
    str
        A URL path below the server's ``base_url``, without a leading slash.
    """
    notebook_view = "notebooks" if path.endswith(".ipynb") else "edit"
    if SERVER == CLASSIC:
        return f"{notebook_view}/{quote(path)}"
    interface = str(settings.get("default_url", ""))[len(settings["base_url"]) :].strip("/")
    installed = getattr(settings.get("serverapp"), "extension_manager", None)
    loaded = installed.extension_apps if installed else {}
    if interface.startswith("lab") or (not interface and "jupyterlab" in loaded):
        return f"lab/tree/{quote(path)}"
    if interface.startswith("nbclassic"):
        return f"nbclassic/{notebook_view}/{quote(path)}"
    # nbclassic without Notebook 7 beside it takes the places that classic has
    if interface.startswith("tree") or (not interface and "nbclassic" in loaded):
        return f"{notebook_view}/{quote(path)}"
    return f"files/{quote(path)}"  # a server without an interface
