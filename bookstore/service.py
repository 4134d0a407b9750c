"""What one server process has of Bookstore: settings, features and a recorder, each once.

The contents manager, the handlers and the extension get it from `get_bookstore`; it is closed once,
when the process ends.
"""

from __future__ import annotations

import atexit
import json
from logging import Logger
from typing import Any

from traitlets.config import Configurable

from ._version import __version__
from .bookstore_config import (
    BookstoreSettings,
    expand_prefix,
    require_working,
    validate_bookstore,
)
from .recorder import Recorder
from .s3_paths import s3_display_path
from .storage import S3Options

_NOTHING_ARCHIVED = {"pending": 0, "failed": 0, "last_archived": None, "last_error": None}

_open: dict[str, Bookstore] = {}


def get_bookstore(parent: Configurable) -> Bookstore:
    """Get the `Bookstore` for the settings that apply to a contents manager or an application.

    Raises
    ------
    TraitError
        If a setting cannot work.
    """
    settings = BookstoreSettings(parent=parent)
    require_working(settings)
    wanted = json.dumps(settings.values(), sort_keys=True)
    if wanted not in _open:
        bookstore = _open[wanted] = Bookstore(settings)
        atexit.register(bookstore.close)
        bookstore.log.info("Bookstore %s: %s", __version__, bookstore.description)
    return _open[wanted]


class Bookstore:
    """Bookstore in this process.

    Attributes
    ----------
    settings : BookstoreSettings
    features : dict of str to bool
        What they turn on, by `validate_bookstore`.
    recorder : Recorder or None
        Takes saves; None where archiving is off.
    log : Logger
        The server's.
    """

    def __init__(self, settings: BookstoreSettings) -> None:
        self.settings = settings
        self.log: Logger = settings.log
        self.features = validate_bookstore(settings)
        self._options = settings.store_options() if self.features["archive_valid"] else None
        self.recorder = Recorder(settings, self._options, self.log) if self._options else None

    @property
    def description(self) -> str:
        """Say where saves are archived, or how to have them archived."""
        if self._options is None:
            return (
                "saves are not archived. To archive them, set c.BookstoreSettings.s3_bucket, or"
                ' c.BookstoreSettings.store_url = "local", and a workspace_prefix.'
            )
        if isinstance(self._options, S3Options):
            prefix = expand_prefix(self.settings.workspace_prefix)
            return f"saves are archived to {s3_display_path(self._options.bucket, prefix)}."
        return f"saves are archived to {self._options.directory}."

    def start(self) -> None:
        """Begin to upload in the background."""
        if self.recorder:
            self.recorder.start()

    def close(self) -> None:
        """Upload what is pending, for `shutdown_timeout` seconds at most."""
        if self.recorder:
            self.recorder.close()

    def status(self) -> dict[str, Any]:
        """Tell how it goes, as ``GET /api/bookstore`` answers it; reads files."""
        return {
            "release": __version__,
            "description": self.description,
            "features": self.features,
            "store": self.recorder.store_status() if self.recorder else None,
            "archive": self.recorder.archive_status() if self.recorder else _NOTHING_ARCHIVED,
        }
