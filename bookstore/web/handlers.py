"""The pages on which people find, look at and compare versions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import timezone, tzinfo
from itertools import groupby, repeat
from typing import Any, BinaryIO, TypeVar
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from tornado.web import StaticFileHandler

from ..clone import source_in_query
from ..core import Bookstore, Section
from ..history.lineage import Entry
from ..history.models import as_model, other_as_model
from ..notebooks.changes import CellChange, changed_metadata, compare_cells, source_of, summary
from ..notebooks.colours import coloured_source, language_of
from ..notebooks.json import NotANotebook
from ..notebooks.view import outputs_renderer, rendered
from ..operations.cells import cell_of
from ..operations.contents import resolved, temporary_file
from ..operations.rooms import windows_of
from ..storage import StoreError
from ..storage.base import format_time, parse_time
from ..validation import notebook_path, version_name, whole_number
from ..versions import HistoryRequest, is_comparable
from . import pages
from .base import PageHandler, endpoint
from .origins import Origins
from .timeline import by_day

T = TypeVar("T")

_HIDEABLE = ("outputs", "metadata")  # on the page of changes
_LARGEST_PREVIEW = 20 << 20  # bytes of a notebook that is shown before it is cloned
_MOST_OUTPUTS = 20 << 20  # characters of HTML in a comparison
_MOST_NEIGHBOURS = 2_000  # versions among which one's neighbours are looked for
_LEFT_OUT = '<p class="hint">The page would be too long with this; view the version instead.</p>'
_PIECE = 1 << 20  # bytes


class _BrowseHandler(HistoryRequest, PageHandler):
    """Show people the history, with links to go on."""

    def link(self, route: str, path: str = "", **query: str | None) -> str:
        """Return the URL of a page; what is empty is left out of its query."""
        given = {name: value for name, value in query.items() if value}
        if self.section != "workspace":
            given["in"] = self.section
        url = self.server_url(f"bookstore/{route}")
        if path:
            url += f"/{quote(path)}"
        return f"{url}?{urlencode(given)}" if given else url

    @property
    def zone(self) -> tzinfo:
        """Return the browser's time zone, which a script of the pages sets; else UTC."""
        try:
            return ZoneInfo(self.get_cookie("bookstore-time-zone", ""))
        except (LookupError, OSError, ValueError):
            return timezone.utc


class HomeHandler(_BrowseHandler):
    """``GET /bookstore``: how archiving goes, and the notebooks in the archive."""

    @endpoint
    async def get(self) -> None:
        """Show the newest version of each notebook, or of those found."""
        status = await asyncio.to_thread(self.bookstore.status)
        notebooks: list[dict[str, Any]] = []
        next_page = None
        try:
            notebooks, next_page, trouble = await self._shown()
        except StoreError as error:
            # How archiving goes is asked for most when the store is in trouble.
            trouble = str(error)
        store_problem = status.store.problem if status.store else None
        await self.page(
            "home.html",
            status=status,
            # The same outage keeps saves from the store and us from the list: it is shown once.
            troubles=list(dict.fromkeys(filter(None, [store_problem, trouble]))),
            is_incomplete=bool(trouble),
            is_quiet=status.features["archive_valid"] and status.archive.is_quiet,
            section=self.section,
            search=self.search,
            notebooks=notebooks,
            next_page=next_page,
            link=self.link,
        )

    async def _shown(self) -> tuple[list[dict[str, Any]], str | None, str]:
        page = await self.notebooks()
        notebooks = await self.notebook_models(page.entries)
        for notebook in notebooks:
            location = self.location_of(notebook["path"])
            notebook["location"] = location if notebook["exists"] else None
        next_page = page.next and self.link("", q=self.search, after=page.next)
        return notebooks, next_page, page.problem


class VersionsPageHandler(_BrowseHandler):
    """``GET /bookstore/versions/{path}``: a notebook's history."""

    @endpoint
    async def get(self, path: str) -> None:
        """Show the versions, with what can be done with each."""
        path = notebook_path(path)
        page = await self.history(path)
        versions = await self._shown(path, page.entries)
        opens = self.section == "workspace" and await resolved(
            self.contents_manager.file_exists(path)
        )
        await self.page(
            "versions.html",
            path=path,
            section=self.section,
            days=by_day(versions, self.zone),
            trouble=page.problem,
            is_later_page=bool(self.after),
            next_page=page.next
            and self.link("versions", path, after=page.next, notebook=self.notebook),
            others=[
                other_as_model(other)
                | {"href": self.link("versions", path, notebook=other.notebook_id)}
                for other in page.others
            ],
            is_other=bool(self.notebook),
            notebook=self.notebook,
            restore_url=self.server_url(f"api/bookstore/restore/{quote(path)}"),
            largest=max((version["size"] for version in versions), default=0),
            changes_url=self.server_url(f"api/bookstore/changes/{quote(path)}"),
            name_url=self.server_url(f"api/bookstore/name/{quote(path)}?in={self.section}"),
            location=self.location_of(path) if opens else None,
            windows=await windows_of(self.contents_manager, path) if opens else 0,
            link=self.link,
        )

    async def _shown(self, path: str, entries: list[Entry]) -> list[dict[str, Any]]:
        """Return the JSON models of versions, with what the page shows of them in addition."""

        def view(section: Section, path: str, version_id: str) -> str:
            return self.link("view", path, version_id=version_id, **{"in": section})

        origins = Origins(self.bookstore, path, entries, view)
        models = await self.version_models(entries)
        ids = [model["version_id"] for model in models if model["state"] != "deleted"]
        asked = self.get_query_argument("version_id", "")
        chosen = asked if asked and version_name(asked) in ids else next(iter(ids), "")
        return [
            model
            | {
                "origin": origins.of(entry),
                "share_note": self.share_note(
                    self.bookstore.bucket, entry.version.key, model["version_id"]
                ),
                "is_compared": is_comparable(model),
                "is_chosen": model["version_id"] == chosen,
            }
            for entry, model in zip(entries, models, strict=True)
        ]


class _ContentHandler(_BrowseHandler):
    """Show what is in notebooks, on a page on which nothing of it runs."""

    async def content_page(self, template: str, **parameters: Any) -> None:
        """Answer with a page that has an origin of its own, which is nobody's."""
        # Only now: what is said instead is a page like all others.
        self.set_header("Content-Security-Policy", pages.untrusted_policy())
        await self.page(
            template,
            in_words=self._in_words,
            link=self.link,
            script=pages.untrusted_script(),
            **parameters,
        )

    def _in_words(self, time: str) -> str:
        """Format a time as the script of the other pages does; on this one, none runs."""
        local = f"{parse_time(time).astimezone(self.zone):%Y-%m-%d %H:%M:%S}"
        return f"{local} UTC" if self.zone is timezone.utc else local


class DiffPageHandler(_ContentHandler):
    """``GET /bookstore/diff/{path}``: how two versions of a notebook differ."""

    @endpoint
    async def get(self, path: str) -> None:
        """Show ``base`` and ``head`` beside each other, cell by cell."""
        path = notebook_path(path)
        entries, notebooks = await self.compared(path)
        base, head = await self.named_models(entries)
        hidden = self._hidden()
        shows_outputs = "outputs" not in hidden
        parts = await _in_thread(_compared, *notebooks, shows_outputs=shows_outputs)
        query = {"base": base["version_id"], "head": self.get_query_argument("head", "")}
        await self.content_page(
            "diff.html",
            path=path,
            base=base,
            head=head,
            hidden=hidden,
            toggles=[
                (what, self.link("diff", path, **query, hide=_listed({what} ^ hidden)))
                for what in _HIDEABLE
            ],
            has_file=self.section == "workspace"
            and await resolved(self.contents_manager.file_exists(path)),
            **parts,
        )

    def _hidden(self) -> set[str]:
        """Return what is not to be shown: what the query says, else what it last said."""
        chosen = self.get_query_argument("hide", self.get_cookie("bookstore-hide", ""))
        hidden = set(_HIDEABLE).intersection(chosen.split("."))
        path = self.server_url("bookstore/diff")
        self.set_cookie("bookstore-hide", _listed(hidden), path=path, samesite="Lax")
        return hidden


class RestorePageHandler(_BrowseHandler):
    """``GET /bookstore/restore/{path}``: the page that asks whether to restore a version."""

    @endpoint
    async def get(self, path: str) -> None:
        """Show which version it is, and offer its place and one beside it."""
        path = notebook_path(path)
        version_id = version_name(self.get_query_argument("version_id", ""))
        key = self.bookstore.key("workspace", path)
        entry = await self.bookstore.run(self.bookstore.history.find(key, version_id))
        stem, _, extension = path.rpartition(".")
        await self.page(
            "restore.html",
            path=path,
            version=as_model(self.bookstore, "workspace", entry),
            copy_path=f"{stem}-restored.{extension}",
            windows=await windows_of(self.contents_manager, path),
            api_url=self.server_url(f"api/bookstore/restore/{quote(path)}"),
            link=self.link,
        )


class CellPageHandler(_BrowseHandler):
    """``GET /bookstore/cell/{path}``: the page that asks whether to bring a cell back."""

    @endpoint
    async def get(self, path: str) -> None:
        """Show the cell."""
        path = notebook_path(path)
        version_id = version_name(self.get_query_argument("version_id", ""))
        number = whole_number(self.get_query_argument("cell", ""))
        entry, _, cell = await cell_of(self.bookstore, path, version_id, number)
        await self.page(
            "cell.html",
            path=path,
            number=number,
            source=source_of(cell),
            saved_at=format_time(entry.version.origin.saved_at),
            api_url=self.server_url(f"api/bookstore/cell/{quote(path)}"),
            model={"version_id": version_id, "cell": number},
            windows=await windows_of(self.contents_manager, path),
            link=self.link,
        )


class ViewHandler(_ContentHandler):
    """``GET /bookstore/view/{path}``: a version as nbconvert renders it; nothing in it runs."""

    @endpoint
    async def get(self, path: str) -> None:
        """Show a version, the newest if none is named."""
        path = notebook_path(path)
        key = self.bookstore.key(self.section, path)
        version_id = self.get_query_argument("version_id", "") or None
        with temporary_file() as content:
            reading = self.bookstore.read(key, version_id and version_name(version_id), content)
            entry = await self.bookstore.run(reading)
            if self.get_query_argument("download", ""):
                await self._download(entry, content)
                return
            parts = await _in_thread(_rendered, entry.version.key, content)
        (version,) = await self.named_models([entry])
        older, newer = await asyncio.to_thread(self._neighbours, key, entry)
        await self.content_page(
            "view.html",
            path=path,
            version=version,
            older=older,
            newer=newer,
            is_saved=self.section == "workspace",
            **parts,
        )

    def _neighbours(self, key: str, entry: Entry) -> tuple[str, str]:
        """Return the ids of the versions before and after one, as far as this machine knows them.

        Whoever comes from the list of versions has had it learn them.
        """
        known = self.bookstore.history.known(key, limit=_MOST_NEIGHBOURS)
        ids = [other.version.version_id for other in known if other.state != "deleted"]
        if entry.version.version_id not in ids:
            return "", ""
        place = ids.index(entry.version.version_id)
        return ids[place + 1] if place + 1 < len(ids) else "", ids[place - 1] if place else ""

    async def _download(self, entry: Entry, content: BinaryIO) -> None:
        """Answer with the bytes of a version, as a file."""
        name = quote(entry.version.key.rpartition("/")[2])
        self.set_header("Content-Type", "application/octet-stream")
        self.set_header("Content-Disposition", f"attachment; filename*=UTF-8''{name}")
        while piece := await asyncio.to_thread(content.read, _PIECE):
            self.write(piece)
            await self.flush()


class ClonePreviewHandler(_ContentHandler):
    """``GET /bookstore/clone/preview``: what is in a version that somebody is asked to clone."""

    @endpoint
    async def get(self) -> None:
        """Show it, as the page of a version does."""
        source = source_in_query(self)
        with temporary_file() as content:
            downloading = source.download(self.bookstore, content, limit=_LARGEST_PREVIEW)
            await self.bookstore.run(downloading)
            content.seek(0)
            parts = await _in_thread(_rendered, source.key, content)
        await self.content_page("preview.html", name=source.name, **parts)


class StaticHandler(PageHandler, StaticFileHandler):
    """``GET /bookstore/static/…``: what the pages need."""

    def initialize(self, bookstore: Bookstore) -> None:  # type: ignore[override]
        """Keep what the route passes."""
        super().initialize(bookstore)
        self.root = str(pages.STATIC)
        self.default_filename = None

    @endpoint
    async def get(self, path: str, include_body: bool = True) -> None:  # type: ignore[override]
        """Answer with a file."""
        await StaticFileHandler.get(self, path, include_body)


def _listed(hidden: set[str]) -> str:
    return ".".join(sorted(hidden)) or "nothing"


def _compared(old: Any, new: Any, *, shows_outputs: bool) -> dict[str, Any]:
    """Compare two notebooks, and render the outputs that differ; return what their page shows."""
    changes = compare_cells(old, new)
    language = language_of(new)
    sources = (coloured_source(change, language) for change in changes)
    outputs = _outputs_that_differ(changes) if shows_outputs else repeat(None, len(changes))
    rows = zip(changes, sources, outputs, strict=True)
    return {
        # Neighbours that are equal fold into one line.
        "groups": [
            (is_same, list(group))
            for is_same, group in groupby(rows, lambda row: row[0].kind == "same")
        ],
        "summary": summary(changes),
        "metadata": changed_metadata(old, new),
        "style": pages.untrusted_style(),
    }


def _outputs_that_differ(changes: list[CellChange]) -> Iterator[tuple[str, str] | None]:
    """Render both sides' outputs for each change; None where they are equal.

    Those that a page cannot take any more are left out.
    """
    render = outputs_renderer()
    room = _MOST_OUTPUTS
    for change in changes:
        if change.outputs_are_equal:
            yield None
        elif room > 0:
            old, new = render(change.old or {}), render(change.new or {})
            room -= len(old) + len(new)
            yield old, new
        else:
            yield _LEFT_OUT, _LEFT_OUT


async def _in_thread(work: Callable[..., T], *arguments: Any, **options: Any) -> T:
    """Do in a thread what uses nbconvert, which is imported in this one, as the server does it.

    Two threads that import different modules of a package at once break each other's import.
    """
    from ..notebooks import html_exporter  # noqa: F401

    return await asyncio.to_thread(work, *arguments, **options)


def _rendered(key: str, content: BinaryIO) -> dict[str, str]:
    """Render a notebook as a piece of HTML, or return its text; and the style of the page."""
    style = pages.untrusted_style()
    text = content.read()
    problem = ""
    if key.endswith(".ipynb"):
        try:
            body, notebook_style = rendered(text)
            body = body or '<p class="hint">This version has no cells.</p>'
            return {"body": body, "text": "", "problem": "", "style": f"{notebook_style}\n{style}"}
        except NotANotebook as error:
            problem = f"{error} These are its bytes."
    # Of a notebook that no server can open, or that jupytext keeps as a text.
    shown = text.decode(errors="replace")
    return {"body": "", "text": shown, "problem": problem, "style": style}
