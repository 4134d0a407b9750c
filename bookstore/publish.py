"""Publishing: a notebook becomes a version that colleagues can clone by a link."""

from __future__ import annotations

from functools import partial

from tornado.web import HTTPError

from . import flavours
from .notebooks.json import write_notebook
from .operations.publish import publish
from .validation import BadInput, notebook_path, shown
from .web.base import ApiHandler, endpoint


class BookstorePublishHandler(ApiHandler):
    """``PUT /api/bookstore/publish/{path}``: the notebook in the body becomes a version."""

    @endpoint
    async def put(self, path: str) -> None:
        """Publish a contents model of a notebook."""
        self.bookstore.require_store()
        self.require_feature("publish_valid", "Publishing is off: set a published_prefix.")
        path = notebook_path(path)
        if not path.endswith(".ipynb"):
            raise HTTPError(415, f"{shown(path)} cannot be published: its name must end in .ipynb.")
        model = await self.model()
        if model.get("type") != "notebook":
            raise HTTPError(
                415, 'Only notebooks can be published: the model\'s type is "notebook".'
            )
        replace = self.get_query_argument("replace", "false")
        if replace not in ("true", "false"):
            raise BadInput(f"replace must be true or false, not {shown(replace)}.")
        write = partial(write_notebook, model.get("content"))
        author = flavours.current_username()
        version = await self.bookstore.run(
            publish(self.bookstore, path, write, replace=replace == "true", author=author)
        )
        place = (self.bookstore.bucket, version.key, version.version_id)
        await self.answer({**self.links(*place), "note": self.share_note(*place)})
