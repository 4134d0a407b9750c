"""The HTTP API, and what the server calls to load Bookstore."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tornado import web
from tornado.ioloop import IOLoop
from traitlets import TraitError

from . import flavours
from .archive import archive_saves_of
from .service import Bookstore, get_bookstore


class BookstoreVersionHandler(flavours.APIHandler):  # type: ignore[misc]
    """``GET /api/bookstore``: the release, the features turned on, and how archiving goes."""

    auth_resource = "bookstore"

    def initialize(self, bookstore: Bookstore) -> None:
        """Take what the route brings."""
        self.bookstore = bookstore

    @web.authenticated
    @flavours.authorized
    async def get(self) -> None:
        """Answer with the status."""
        self.finish(json.dumps(await asyncio.to_thread(self.bookstore.status)))


def routes(bookstore: Bookstore, base_url: str) -> list[tuple[str, type, dict[str, Any]]]:
    """List Bookstore's routes.

    Parameters
    ----------
    bookstore : Bookstore
    base_url : str
        Where the server's own routes begin.
    """
    base = base_url.rstrip("/")
    return [(f"{base}/api/bookstore/?", BookstoreVersionHandler, {"bookstore": bookstore})]


def load_jupyter_server_extension(app: Any) -> None:
    """Load Bookstore into a running server: its routes, its save hook, its uploader.

    Parameters
    ----------
    app : NotebookApp or ServerApp
    """
    try:
        bookstore = get_bookstore(app)
    except TraitError as error:
        # jupyter_server would go on without an extension that fails to load, and lose saves.
        app.log.critical("Bookstore: bad configuration. %s", error)
        app.exit(1)
    app.web_app.add_handlers(".*$", routes(bookstore, app.web_app.settings["base_url"]))
    bookstore.start()
    # Other extensions may put another contents manager in the place of this one (jupytext's does):
    # the one that is there when the server starts to answer is the one that saves.
    IOLoop.current().add_callback(_archive_saves, app, bookstore)


def _archive_saves(app: Any, bookstore: Bookstore) -> None:
    if bookstore.recorder and not archive_saves_of(app.contents_manager, bookstore.recorder):
        app.log.warning(
            "Bookstore: a store is named, but saves are not archived. Set"
            " c.NotebookApp.contents_manager_class = 'bookstore.BookstoreContentsArchiver'."
        )
