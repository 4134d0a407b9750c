"""Publishing: a notebook becomes a version that colleagues can clone by a link."""

from __future__ import annotations

import asyncio
import hashlib
import io
import uuid

from tornado.web import HTTPError

from ._version import __version__
from .inputs import notebook_path, shown
from .notebook_json import write_notebook
from .recorder import author
from .service import Bookstore
from .storage import Provenance, Version
from .storage.base import utc_now
from .web import ApiHandler, endpoint


class BookstorePublishHandler(ApiHandler):
    """``PUT /api/bookstore/publish/{path}``: the notebook in the body becomes a version."""

    @endpoint
    async def put(self, path: str) -> None:
        """Publish a contents model of a notebook."""
        self.require_store()
        self.require_feature("publish_valid", "Publishing is off: set a published_prefix.")
        path = notebook_path(path)
        if not path.endswith(".ipynb"):
            raise HTTPError(415, f"{shown(path)} cannot be published: its name must end in .ipynb.")
        model = await self.model()
        if model.get("type") != "notebook":
            raise HTTPError(
                415, 'Only notebooks can be published: the model\'s type is "notebook".'
            )
        content = await asyncio.to_thread(write_notebook, model.get("content"))
        version = await self.bookstore.run(publish(self.bookstore, path, content))
        await self.answer(self.links(self.bookstore.bucket, version.key, version.version_id))


async def publish(bookstore: Bookstore, path: str, content: bytes) -> Version:
    """Put a notebook's bytes under the prefix of what is published.

    Parameters
    ----------
    bookstore : Bookstore
        This belongs into its `run`.
    path : str
        By which the notebook is published.
    content : bytes
        As `write_notebook` gives them.

    Raises
    ------
    StoreError
    """
    origin = Provenance(
        save_id=uuid.uuid4().hex,
        saved_at=utc_now(),
        sha256=hashlib.sha256(content).hexdigest(),
        author=author(),
        release=__version__,
    )
    key = bookstore.key("published", path)
    return await bookstore.stores.home().put(key, io.BytesIO(content), origin)
