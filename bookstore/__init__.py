"""Turn every save of a Jupyter notebook into a version, in a bucket or on the local disk.

Importing this package is cheap: the public names below are loaded when they are first used, so that
a kernel that imports :mod:`bookstore` loads neither a Jupyter server nor an S3 client.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ._version import __version__

__all__ = [
    "ArchiveRecord",
    "BookstoreContentsArchiver",
    "BookstoreSettings",
    "__version__",
    "archiving",
    "load_jupyter_server_extension",
    "validate_bookstore",
]

_HOMES = {
    "ArchiveRecord": "bookstore.archive",
    "BookstoreContentsArchiver": "bookstore.archive",
    "archiving": "bookstore.archive",
    "BookstoreSettings": "bookstore.bookstore_config",
    "validate_bookstore": "bookstore.bookstore_config",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    """Return the module that ``jupyter server extension enable bookstore`` enables."""
    return [{"module": "bookstore"}]


def _jupyter_server_extension_paths() -> list[dict[str, str]]:
    """Return the module that ``jupyter serverextension enable --py bookstore`` enables."""
    return [{"module": "bookstore"}]


def load_jupyter_server_extension(app: Any) -> None:
    """Load Bookstore into a running classic notebook server."""
    from .handlers import load_jupyter_server_extension as load

    load(app)


_load_jupyter_server_extension = load_jupyter_server_extension
