"""Let papermill read and write notebooks in the archive, by ``bookstore://…`` URLs.

``bookstore://published/team/report.ipynb?version_id=…`` is a version; without an id, the newest.
Output becomes a version. ``bookstore://workspace/…`` names the saved notebooks.
"""

from __future__ import annotations

import hashlib
import io
import json
import tempfile
from functools import cache, partial
from typing import NamedTuple
from urllib.parse import parse_qs, quote, unquote, urlsplit

from traitlets import TraitError

from .commands.base import BookstoreCommand
from .core import Bookstore, Section, section_of
from .history.catalogue import Catalogue
from .operations.publish import publish
from .storage import StoreError
from .storage.paging import all_pages
from .validation import BadInput, notebook_path, shown, version_name

_FORM = "bookstore://published/a/notebook.ipynb, or bookstore://workspace/…"
_FORESEEN = (BadInput, StoreError, TraitError)  # their messages are safe to show


class BookstoreIOError(Exception):
    """Raise for a notebook that cannot be read or written; the message says why."""


class Place(NamedTuple):
    """Hold what a URL names."""

    section: Section
    path: str
    version_id: str | None

    @classmethod
    def from_url(cls, url: str) -> Place:
        """Parse a URL. Raises `BadInput`."""
        try:
            parts = urlsplit(url)
        except ValueError:  # such as half an IPv6 address
            raise BadInput(f"{shown(url)} is not a URL.") from None
        if parts.scheme != "bookstore" or parts.fragment:
            raise BadInput(f"{shown(url)} is not of the form {_FORM}.")
        version_id = parse_qs(parts.query).get("version_id", [""])[0]
        return cls(
            section=section_of(parts.netloc),
            path=unquote(parts.path).strip("/"),
            version_id=version_name(version_id) if version_id else None,
        )


class BookstoreHandler:
    """Read and write for papermill, which finds this by its entry point ``papermill.io``."""

    def __init__(self) -> None:
        self._written: dict[str, str] = {}  # hashes, by URL

    def read(self, url: str) -> str:
        """Read a version. Raises `BookstoreIOError`."""
        try:
            place = Place.from_url(url)
            bookstore = _configured()
            content = io.BytesIO()
            key = bookstore.key(place.section, notebook_path(place.path))
            bookstore.wait(bookstore.read(key, place.version_id, content))
            return _text_of(content.getvalue())
        except _FORESEEN as error:
            raise BookstoreIOError(f"{url} cannot be read: {error}") from error

    def write(self, text: str, url: str) -> None:
        """Archive the output of a run that has ended, also of one that failed.

        papermill writes after each cell, so that the run can be watched; these writes are ignored.

        Raises
        ------
        BookstoreIOError
            At the first write, if the URL or the configuration cannot be used. If the store does
            not accept the output, it is kept in a file that the message names.
        """
        is_under_way = _is_under_way(text)
        try:
            # Checked at the first write, before any cell runs, so that no run of hours is in vain.
            bookstore, section, path = _target(url)
            if is_under_way:
                return
            content = text.encode()
            digest = hashlib.sha256(content).hexdigest()
            if self._written.get(url) == digest:
                return
            bookstore.wait(publish(bookstore, path, lambda: content, section=section))
        except (Exception, KeyboardInterrupt) as error:
            message = f"{url} cannot be written: {_reason(error)}"
            if not is_under_way:
                message += f" The notebook is kept in {_keep(text)}."
            raise BookstoreIOError(message) from error
        self._written[url] = digest

    def listdir(self, url: str) -> list[str]:
        """List the notebooks below a folder, by their URLs. Raises `BookstoreIOError`."""
        try:
            place = Place.from_url(url)
            bookstore = _configured()
            folder = bookstore.key(place.section, f"{place.path}/" if place.path else "")
            keys = bookstore.wait(_keys(bookstore.catalogue, folder))
        except _FORESEEN as error:
            raise BookstoreIOError(f"{url} cannot be listed: {error}") from error
        return [f"{url.rstrip('/')}/{quote(key.removeprefix(folder))}" for key in sorted(keys)]

    def pretty_path(self, url: str) -> str:
        """Format a URL for people."""
        return url


class _Configuration(BookstoreCommand):
    """Read the configuration as the command line does, without ending the process."""

    def fail(self, message: str, code: int) -> None:
        """Leave it to papermill to end the process."""
        raise BadInput(message)

    def exit(self, exit_status: int | str | None = 0) -> None:
        """Leave it to papermill to end the process."""
        raise BadInput("The configuration cannot be used; the log says why.")


@cache
def _configured() -> Bookstore:
    app = _Configuration()
    app.initialize([])
    return app.bookstore


def _target(url: str) -> tuple[Bookstore, Section, str]:
    """Return the section and the path to write to. Raises `BadInput`."""
    place = Place.from_url(url)
    if place.version_id:
        raise BadInput("A version never changes: leave out the version_id.")
    path = notebook_path(place.path)
    bookstore = _configured()
    bookstore.require_store()
    bookstore.key(place.section, path)  # raises where that section is off
    return bookstore, place.section, path


async def _keys(catalogue: Catalogue, folder: str) -> list[str]:
    keys: list[str] = []
    async for page in all_pages(partial(catalogue.page, folder)):
        if page.problem:  # the list is incomplete
            raise BadInput(page.problem)
        keys += [entry.version.key for entry in page.entries]
    return keys


def _text_of(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise BadInput("The version is not UTF-8.") from None


def _is_under_way(text: str) -> bool:
    """Return whether papermill is still running the notebook."""
    run = json.loads(text).get("metadata", {}).get("papermill", {})
    return "end_time" in run and run["end_time"] is None


def _reason(error: BaseException) -> str:
    if isinstance(error, _FORESEEN):
        return str(error)
    return f"Unexpected error ({type(error).__name__})."


def _keep(text: str) -> str:
    with tempfile.NamedTemporaryFile(suffix=".ipynb", prefix="bookstore-", delete=False) as file:
        # Half a surrogate pair is written as JSON escapes it.
        file.write(text.encode(errors="backslashreplace"))
        return file.name


HANDLER = BookstoreHandler()
