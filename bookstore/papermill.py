"""Notebooks in the archive as papermill reads and writes them: ``bookstore://…``.

``bookstore://published/team/report.ipynb?version_id=…`` is a version; without an id, the newest.
What papermill writes becomes a version of its own. ``workspace`` stands for what is saved.
"""

from __future__ import annotations

import hashlib
import io
import json
import tempfile
from functools import cache
from typing import NamedTuple
from urllib.parse import parse_qs, quote, unquote, urlsplit

from .commands.base import BookstoreCommand
from .inputs import notebook_path, shown, version_name
from .publishing import publish
from .service import Bookstore, Section, section_of
from .storage import StoreError

_FORM = "bookstore://published/a/notebook.ipynb, or bookstore://workspace/…"
_LISTED = 1_000  # notebooks in a list, at most


class BookstoreIOError(Exception):
    """A notebook cannot be read or written; the message says why."""


class Place(NamedTuple):
    """What a URL names."""

    section: Section
    path: str
    version_id: str | None

    @classmethod
    def from_url(cls, url: str) -> Place:
        """Read a URL. Raises `ValueError`."""
        parts = urlsplit(url)
        if parts.scheme != "bookstore" or parts.fragment:
            raise ValueError(f"{shown(url)} is not of the form {_FORM}.")
        version_id = parse_qs(parts.query).get("version_id", [""])[0]
        return cls(
            section=section_of(parts.netloc),
            path=unquote(parts.path).strip("/"),
            version_id=version_name(version_id) if version_id else None,
        )


class BookstoreHandler:
    """What papermill finds by its entry point ``papermill.io``."""

    def __init__(self) -> None:
        self._written: dict[str, str] = {}  # hashes, by URL

    def read(self, url: str) -> str:
        """Read a version. Raises `BookstoreIOError`."""
        try:
            place = Place.from_url(url)
            bookstore = _configured()
            content = io.BytesIO()
            key = bookstore.key(place.section, notebook_path(place.path))
            limit = bookstore.settings.max_clone_size
            bookstore.wait(bookstore.history.read(key, place.version_id, content, limit=limit))
            return content.getvalue().decode()
        except (StoreError, ValueError) as error:
            raise BookstoreIOError(f"{url} cannot be read: {error}") from error

    def write(self, text: str, url: str) -> None:
        """Make what papermill writes last a version.

        papermill writes after each cell, so that somebody can look on; a version is what a run has
        led to, also one that failed.

        Raises
        ------
        BookstoreIOError
            Where the store would not take it, it is kept in a file; the message says in which.
        """
        digest = hashlib.sha256(text.encode()).hexdigest()
        if _is_under_way(text) or self._written.get(url) == digest:
            return
        try:
            place = Place.from_url(url)
            path = notebook_path(place.path)
            if place.version_id:
                raise ValueError("A version never changes: leave out the version_id.")
            bookstore = _configured()
            bookstore.wait(publish(bookstore, path, text.encode(), section=place.section))
        except (StoreError, ValueError) as error:
            kept = _keep(text)
            message = f"{url} cannot be written: {error} The notebook is kept in {kept}."
            raise BookstoreIOError(message) from error
        self._written[url] = digest

    def listdir(self, url: str) -> list[str]:
        """List the notebooks below a folder, by their URLs. Raises `BookstoreIOError`."""
        try:
            place = Place.from_url(url)
            bookstore = _configured()
            folder = bookstore.key(place.section, f"{place.path}/" if place.path else "")
            page = bookstore.wait(bookstore.catalogue.page(folder, limit=_LISTED))
            if page.problem:
                raise ValueError(page.problem)
        except (StoreError, ValueError) as error:
            raise BookstoreIOError(f"{url} cannot be listed: {error}") from error
        keys = [entry.version.key for entry in page.entries]
        return [f"{url.rstrip('/')}/{quote(key.removeprefix(folder))}" for key in keys]

    def pretty_path(self, url: str) -> str:
        """Write a URL for people."""
        return url


class _Configuration(BookstoreCommand):
    """Reads the configuration as the command line does."""

    def fail(self, message: str, code: int) -> None:
        """Leave it to papermill to end the process."""
        raise ValueError(message)


@cache
def _configured() -> Bookstore:
    app = _Configuration()
    app.initialize([])
    return app.bookstore


def _is_under_way(text: str) -> bool:
    """Tell whether papermill is still running the notebook."""
    run = json.loads(text).get("metadata", {}).get("papermill", {})
    return "end_time" in run and run["end_time"] is None


def _keep(text: str) -> str:
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", suffix=".ipynb", prefix="bookstore-", delete=False
    ) as file:
        file.write(text)
        return file.name


HANDLER = BookstoreHandler()
