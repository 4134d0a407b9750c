"""List the routes, and load Bookstore into a running server."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

from tornado.ioloop import IOLoop
from traitlets import TraitError

from .archive import archive_saves_of
from .checkpoints import use_versions_as_checkpoints
from .clone import (
    BookstoreCloneAPIHandler,
    BookstoreCloneHandler,
    BookstoreFSCloneAPIHandler,
    BookstoreFSCloneHandler,
)
from .core import Bookstore, get_bookstore
from .publish import BookstorePublishHandler
from .versions import (
    CellHandler,
    ChangesHandler,
    DiffHandler,
    NameHandler,
    NotebooksHandler,
    RestoreHandler,
    VersionsHandler,
)
from .web.base import ApiHandler, endpoint
from .web.handlers import (
    CellPageHandler,
    ClonePreviewHandler,
    DiffPageHandler,
    HomeHandler,
    RestorePageHandler,
    StaticHandler,
    VersionsPageHandler,
    ViewHandler,
)

_PATH = r"(?P<path>(?:/.*)?)"


class BookstoreVersionHandler(ApiHandler):
    """``GET /api/bookstore``: the release, the features turned on, and how archiving goes."""

    # Monitors ask, and so do front ends by themselves: an idle server stays idle, and is culled.
    _track_activity = False

    @endpoint
    async def get(self) -> None:
        """Answer with the status."""
        await self.answer(asdict(await asyncio.to_thread(self.bookstore.status)))


ROUTES: list[tuple[str, type]] = [
    (r"/api/bookstore/?", BookstoreVersionHandler),
    (r"/api/bookstore/clone/?", BookstoreCloneAPIHandler),
    (r"/api/bookstore/fs-clone/?", BookstoreFSCloneAPIHandler),
    (rf"/api/bookstore/publish{_PATH}", BookstorePublishHandler),
    (rf"/api/bookstore/versions{_PATH}", VersionsHandler),
    (rf"/api/bookstore/restore{_PATH}", RestoreHandler),
    (rf"/api/bookstore/changes{_PATH}", ChangesHandler),
    (rf"/api/bookstore/name{_PATH}", NameHandler),
    (rf"/api/bookstore/cell{_PATH}", CellHandler),
    (rf"/api/bookstore/diff{_PATH}", DiffHandler),
    (r"/api/bookstore/notebooks/?", NotebooksHandler),
    (r"/bookstore/?", HomeHandler),
    (r"/bookstore/clone/?", BookstoreCloneHandler),
    (r"/bookstore/clone/preview/?", ClonePreviewHandler),
    (r"/bookstore/fs-clone/?", BookstoreFSCloneHandler),
    (rf"/bookstore/versions{_PATH}", VersionsPageHandler),
    (rf"/bookstore/diff{_PATH}", DiffPageHandler),
    (rf"/bookstore/cell{_PATH}", CellPageHandler),
    (rf"/bookstore/view{_PATH}", ViewHandler),
    (rf"/bookstore/restore{_PATH}", RestorePageHandler),
    (r"/bookstore/static/(?P<path>[a-z.]+)", StaticHandler),
]


def routes(bookstore: Bookstore, base_url: str) -> list[tuple[str, type, dict[str, Any]]]:
    """List Bookstore's routes.

    Parameters
    ----------
    bookstore : Bookstore
    base_url : str
        Where the server's own routes begin.
    """
    base = base_url.rstrip("/")
    return [(base + route, handler, {"bookstore": bookstore}) for route, handler in ROUTES]


def load_jupyter_server_extension(app: Any) -> None:
    """Load Bookstore into a running server: its routes, its uploader, and the archiving of saves.

    Parameters
    ----------
    app : NotebookApp or ServerApp
    """
    try:
        # It may serve another folder than the application says.
        bookstore = get_bookstore(app.contents_manager)
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
    if not bookstore.recorder:
        return
    if archive_saves_of(app.contents_manager, bookstore):
        use_versions_as_checkpoints(app.contents_manager)
        return
    app.log.warning(
        "Bookstore: a store is named, but saves are not archived: %s keeps notebooks elsewhere"
        " than in files.",
        type(app.contents_manager).__name__,
    )
