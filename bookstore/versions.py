"""List, read, compare, name and restore versions: the handlers of the API."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Any, BinaryIO

from . import flavours
from .core import Bookstore, Section, section_of
from .history.lineage import Entry
from .history.models import as_model, other_as_model
from .history.versions import EntryPage
from .notebooks.changes import changed_metadata, compare_cells, in_words
from .notebooks.diff import compare
from .notebooks.json import NotANotebook, open_to_show, read_notebook
from .operations.cells import bring_cell_back
from .operations.contents import as_text, resolved, temporary_file
from .operations.naming import name_version
from .operations.restore import restore
from .storage.base import format_time
from .validation import (
    NOTEBOOK,
    BadInput,
    notebook_path,
    shown,
    text_field,
    version_label,
    version_name,
    version_note,
    whole_number,
)
from .web.base import ApiHandler, endpoint

_LIMIT = 50
_HIGHEST_LIMIT = 200
_LARGEST_DESCRIBED = 10_000_000  # bytes of a version whose changes are summed up


class HistoryRequest:
    """Read the parameters of a request about the history, and answer from it: API and pages."""

    bookstore: Bookstore
    contents_manager: Any
    get_query_argument: Callable[..., str]
    links: Callable[..., dict[str, str]]

    @property
    def section(self) -> Section:
        """Return which notebooks are meant: those saved, or those published."""
        return section_of(self.get_query_argument("in", "workspace"))

    @property
    def after(self) -> str | None:
        """Return where the page begins."""
        return self.get_query_argument("after", "") or None

    @property
    def limit(self) -> int:
        """Return how many there are on a page."""
        return _LIMIT

    @property
    def search(self) -> str:
        """Return what is looked for in the paths of notebooks; empty for all."""
        return self.get_query_argument("q", "")

    async def notebooks(self) -> EntryPage:
        """List the newest version of each notebook."""
        folder = self.bookstore.shown_folder(self.section)
        catalogue = self.bookstore.catalogue
        return await self.bookstore.run(
            catalogue.page(folder, limit=self.limit, search=self.search, after=self.after)
        )

    async def notebook_models(self, entries: Sequence[Entry]) -> list[dict[str, Any]]:
        """Return the JSON models of listed notebooks, and whether each file exists."""
        models = [as_model(self.bookstore, self.section, entry) for entry in entries]
        for model in models:
            model["exists"] = await resolved(self.contents_manager.file_exists(model["path"]))
        return models

    @property
    def notebook(self) -> str:
        """Return the id of another notebook that had the path; empty for the one that has it."""
        return self.get_query_argument("notebook", "")

    async def history(self, path: str) -> EntryPage:
        """List the versions of a notebook."""
        key = self.bookstore.key(self.section, path)
        return await self.bookstore.run(
            self.bookstore.history.page(
                key, limit=self.limit, after=self.after, notebook=self.notebook
            )
        )

    def version_model(self, entry: Entry) -> dict[str, Any]:
        """Return the JSON model of a version, with the link by which colleagues clone it."""
        clone_url = None
        if entry.state == "archived":
            version = entry.version
            links = self.links(self.bookstore.bucket, version.key, version.version_id)
            clone_url = links["clone_url"]
        return {**as_model(self.bookstore, self.section, entry), "clone_url": clone_url}

    async def version_models(self, entries: Sequence[Entry]) -> list[dict[str, Any]]:
        """Return the JSON models of listed versions, and what is known to have changed in each."""
        models = [self.version_model(entry) | {"before": "", "changes": None} for entry in entries]
        comparable = [model for model in models if is_comparable(model)]
        heads = [model["version_id"] for model in comparable]
        known = await self.bookstore.history.known_changes(heads)
        for newer, older in pairwise(comparable):
            newer["before"] = older["version_id"]
            newer["changes"] = known.get((newer["before"], newer["version_id"]))
        return models

    async def compared(
        self, path: str, *, limit: int | None = None
    ) -> tuple[list[Entry], list[Any]]:
        """Read the versions ``base`` and ``head``: what they are, and the notebooks.

        The newest is the head if none is named.
        """
        key = self.bookstore.key(self.section, path)
        base = self.get_query_argument("base", "")
        if not base:
            raise BadInput(
                "base is missing: it is the id of the version that head is compared with."
            )
        head = self.get_query_argument("head", "") or None
        entries = []
        notebooks = []
        for version_id in (version_name(base), head and version_name(head)):
            with temporary_file() as content:
                reading = self.bookstore.read(key, version_id, content, limit=limit)
                entry = await self.bookstore.run(reading)
                _require_json(entry)
                notebooks.append(await asyncio.to_thread(_notebook, content))
            entries.append(entry)
        return entries, notebooks

    async def named_models(self, entries: list[Entry]) -> list[dict[str, Any]]:
        """Return the JSON models of versions of a notebook, with their names."""
        entries = await self.bookstore.run(self.bookstore.history.named(entries))
        return [as_model(self.bookstore, self.section, entry) for entry in entries]


class _HistoryHandler(HistoryRequest, ApiHandler):
    """Answer programs about the history."""

    @property
    def limit(self) -> int:
        """Return how many there shall be on a page."""
        text = self.get_query_argument("limit", str(_LIMIT))
        limit = whole_number(text)
        if not 1 <= limit <= _HIGHEST_LIMIT:
            raise BadInput(f"limit must be from 1 to {_HIGHEST_LIMIT}, not {shown(text)}.")
        return limit


class VersionsHandler(_HistoryHandler):
    """``GET /api/bookstore/versions/{path}``: a notebook's history, or one version of it."""

    @endpoint
    async def get(self, path: str) -> None:
        """List the versions, or give the contents model of one."""
        path = notebook_path(path)
        if version_id := self.get_query_argument("version_id", ""):
            await self.answer(await self._version(path, version_name(version_id)))
            return
        page = await self.history(path)
        versions = await self.version_models(page.entries)
        await self.answer(
            {
                "path": path,
                "versions": versions,
                "others": [other_as_model(version) for version in page.others],
                "next": page.next,
                "problem": page.problem or None,
            }
        )

    async def _version(self, path: str, version_id: str) -> dict[str, Any]:
        key = self.bookstore.key(self.section, path)
        with temporary_file() as content:
            entry = await self.bookstore.run(self.bookstore.read(key, version_id, content))
            return await asyncio.to_thread(_contents_model, path, entry, content)


class NotebooksHandler(_HistoryHandler):
    """``GET /api/bookstore/notebooks``: the newest version of each notebook in the archive."""

    @endpoint
    async def get(self) -> None:
        """List notebooks, those only whose path holds ``q``."""
        page = await self.notebooks()
        notebooks = await self.notebook_models(page.entries)
        await self.answer(
            {"notebooks": notebooks, "next": page.next, "problem": page.problem or None}
        )


class RestoreHandler(_HistoryHandler):
    """``POST /api/bookstore/restore/{path}``: bring a version back, in place or elsewhere."""

    @endpoint
    async def post(self, path: str) -> None:
        """Restore; what is there is archived first."""
        path = notebook_path(path)
        model = await self.model()
        version_id = version_name(text_field(model, "version_id"))
        target = text_field(model, "target_path") or path
        saved = await restore(self.bookstore, self.contents_manager, path, version_id, target)
        await self.answer({**saved, "url": self.location_of(saved["path"])})


class CellHandler(_HistoryHandler):
    """``POST /api/bookstore/cell/{path}``: bring one cell of a version back."""

    @endpoint
    async def post(self, path: str) -> None:
        """Put the cell into the notebook as it is now; what is there is archived first."""
        path = notebook_path(path)
        model = await self.model()
        version_id = version_name(text_field(model, "version_id"))
        number = model.get("cell")
        if type(number) is not int:
            raise BadInput("cell must be the number of a cell in that version, from 1.")
        saved = await bring_cell_back(
            self.bookstore, self.contents_manager, path, version_id, number
        )
        await self.answer({**saved, "url": self.location_of(saved["path"])})


class NameHandler(_HistoryHandler):
    """``POST /api/bookstore/name/{path}``: give a version a name and a note."""

    @endpoint
    async def post(self, path: str) -> None:
        """Give both, in the place of those that the version has; an empty name takes them away."""
        path = notebook_path(path)
        model = await self.model()
        version_id = text_field(model, "version_id")
        if model.get("name") is None:
            raise BadInput("name is missing: an empty one removes the version's name.")
        name = version_label(text_field(model, "name"))
        note = version_note(text_field(model, "note"))
        naming = name_version(
            self.bookstore,
            self.section,
            path,
            version_id and version_name(version_id),
            name,
            note,
            author=flavours.current_username(),
        )
        await self.answer(self.version_model(await self.bookstore.run(naming)))


class ChangesHandler(_HistoryHandler):
    """``GET /api/bookstore/changes/{path}``: what changed from one version to another, in words."""

    @endpoint
    async def get(self, path: str) -> None:
        """Sum up the changes from ``base`` to ``head``, and remember them."""
        (base, head), notebooks = await self.compared(notebook_path(path), limit=_LARGEST_DESCRIBED)
        changes = await asyncio.to_thread(_in_words, *notebooks)
        ids = (base.version.version_id, head.version.version_id)
        await self.bookstore.history.remember_changes(*ids, changes)
        await self.answer({"base": ids[0], "head": ids[1], "changes": changes})


class DiffHandler(_HistoryHandler):
    """``GET /api/bookstore/diff/{path}``: how two versions differ, for programs."""

    @endpoint
    async def get(self, path: str) -> None:
        """Compare the versions ``base`` and ``head``; the newest is the head if none is named."""
        path = notebook_path(path)
        entries, notebooks = await self.compared(path)
        base, head = await self.named_models(entries)
        compared = await asyncio.to_thread(compare, *notebooks)
        await self.answer({"base": base, "head": head, **compared})


def _in_words(base: Any, head: Any) -> str:
    return in_words(compare_cells(base, head), changed_metadata(base, head))


def is_comparable(model: dict[str, Any]) -> bool:
    """Return whether a version is a notebook that can be compared with others."""
    return model["state"] != "deleted" and str(model["path"]).endswith(NOTEBOOK)


def _require_json(entry: Entry) -> None:
    """Refuse a notebook that jupytext keeps as a text. Raises `NotANotebook`."""
    if not entry.version.key.endswith(".ipynb"):
        name = entry.version.key.rpartition("/")[2]
        raise NotANotebook(
            f"{name} is not a notebook in JSON but a text, and only notebooks are compared here."
        )


def _notebook(content: BinaryIO) -> Any:
    return open_to_show(content.read())


def _contents_model(path: str, entry: Entry, content: BinaryIO) -> dict[str, Any]:
    version = entry.version
    saved_at = format_time(version.origin.saved_at)
    text = content.read()
    kind, (form, body) = "file", as_text(text)
    if path.endswith(".ipynb"):
        with suppress(NotANotebook):  # what cannot be answered in JSON is a text
            kind, form, body = "notebook", "json", read_notebook(text)
    return {
        "name": path.rpartition("/")[2],
        "path": path,
        "type": kind,
        "format": form,
        "content": body,
        "mimetype": None,
        "size": version.size,
        "writable": False,
        "created": saved_at,
        "last_modified": saved_at,
        "version_id": version.version_id,
    }
