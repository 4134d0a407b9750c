"""The server we run in, classic Notebook 6 or jupyter_server 2, and the bases each of them wants.

Both are often installed together (notebook 6.5 brings jupyter_server 2 along), so what can be
imported says nothing: the running application decides. Everything else in Bookstore is written
once, on the names that this module resolves.
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
    return CLASSIC if _classic_is_installed() else JUPYTER_SERVER


def _classic_is_installed() -> bool:
    return find_spec(CLASSIC) is not None and find_spec(f"{CLASSIC}.notebookapp") is not None


def _no_authorizer(method: _Method) -> _Method:
    """Stand in for jupyter_server's ``@authorized``: classic has only users who may do all."""
    return method


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
authorized: Callable[[_Method], _Method] = (
    import_module("jupyter_server.auth.decorator").authorized
    if SERVER == JUPYTER_SERVER
    else _no_authorizer
)


# Which request is answered now; jupyter_server tells it since 2.6.
_context: Any = None
if SERVER == JUPYTER_SERVER:
    with suppress(ImportError):
        _context = import_module("jupyter_server.base.call_context").CallContext


def is_asynchronous(contents_manager: Any) -> bool:
    """Return whether a contents manager awaits what its checkpoints return; classic's never do."""
    return isinstance(contents_manager, getattr(_managers, "AsyncContentsManager", ()))


def current_username() -> str:
    """Return who asks for what is done now; empty where nobody does, or the server can't tell.

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
        Those of the tornado application.

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
