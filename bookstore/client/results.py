"""Define the client's results, which show themselves in a notebook and in a terminal.

Each is shown as a sentence and a table. Paths, authors and addresses come from outside, so all text
is escaped where it is shown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timezone
from html import escape
from typing import Any, ClassVar, NamedTuple, overload
from urllib.parse import quote, urlencode, urljoin, urlsplit

from ..formatting import label_in_words, printable, size_in_words, table_lines

# A link may lead to the web or to the same server, and runs no script.
_SAFE_HREF = re.compile(r"https?://|/(?![/\\])")
_LEFT = ' style="text-align: left"'  # front ends align the cells of tables to the right
_MOST_LINES = 200  # of a difference
_COLORS = {"- ": "#c9302c", "+ ": "#2a9d3a"}  # of lines in a difference, by how they begin


class Link(NamedTuple):
    """Hold a text that is a link in a notebook."""

    text: str
    href: str
    plain: str = ""  # shown in a terminal instead of the text


Cell = str | Link
Table = Sequence[Sequence[Cell]]


class Shown:
    """Show a result as a sentence and a table."""

    _header: ClassVar[Sequence[str]] = ()

    def _sentence(self) -> str:
        raise NotImplementedError

    def _table(self) -> Table:
        raise NotImplementedError

    def __repr__(self) -> str:
        table = self._table()
        if table and self._header:
            table = [self._header, *table]
        rows = [[_plain(cell) for cell in row] for row in table]
        return "\n  ".join([printable(self._sentence()), *table_lines(rows)])

    def _repr_html_(self) -> str:
        table = self._table()
        sentence = f"<p>{_html(self._sentence())}</p>"
        if not table:
            return sentence
        rows = "".join(
            f"<tr>{''.join(f'<td{_LEFT}>{_html(cell)}</td>' for cell in row)}</tr>" for row in table
        )
        header = "".join(f"<th{_LEFT}>{escape(name)}</th>" for name in self._header)
        head = f"<thead><tr>{header}</tr></thead>" if header else ""
        return f"{sentence}<table>{head}<tbody>{rows}</tbody></table>"


@dataclass(frozen=True, kw_only=True)
class Pages:
    """Build links to the server's pages.

    Attributes
    ----------
    url : str
        The server's address with its `base_url`, without a slash at the end.
    from_root : bool
        Whether links are relative to the address at which the browser has the notebook open.
    """

    url: str
    from_root: bool

    def home(self) -> Link:
        """Return a link to the page that lists the notebooks."""
        page = f"{self.url}/bookstore"
        return Link("on Bookstore's pages", self.on_server(page), page)

    def view(self, path: str, version_id: str, section: str) -> str:
        """Return the address of the page that shows a version."""
        query = urlencode({"in": section, "version_id": version_id})
        return self.on_server(f"{self.url}/bookstore/view/{quote(path)}?{query}")

    def diff(self, path: str, base: str, head: str) -> str:
        """Return the address of the page that compares two versions."""
        query = urlencode({"base": base, "head": head})
        return self.on_server(f"{self.url}/bookstore/diff/{quote(path)}?{query}")

    def on_server(self, address: str) -> str:
        """Return an address for the browser; one that begins with / is on this server."""
        origin = urlsplit(self.url)._replace(path="").geturl()
        absolute = urljoin(origin, address)
        return absolute.removeprefix(origin) if self.from_root else absolute


@dataclass(frozen=True, repr=False, kw_only=True)
class PublishResult(Shown):
    """Hold the result of publishing a notebook.

    Attributes
    ----------
    path : str
    last_saved : datetime or None
        When it was last saved; later edits are not published.
    s3_path, version_id : str
        Where it was published, and as which version.
    clone_url : str
        The link to share.
    note : str
        For whom the link works, where that is not everybody; else empty.
    model : dict
        The server's whole answer.
    """

    path: str
    last_saved: datetime | None
    s3_path: str
    version_id: str
    clone_url: str
    note: str = ""
    model: Mapping[str, Any] = field(compare=False)
    pages: Pages = field(compare=False)

    def _sentence(self) -> str:
        return f"Published {self.path} as it was last saved, {show_time(self.last_saved)}."

    def _table(self) -> Table:
        link = Link("copy this link", self.pages.on_server(self.clone_url), self.clone_url)
        rows: list[tuple[str, Cell]] = [
            ("at", self.s3_path),
            ("version", self.version_id),
            ("to share", link),
        ]
        return [*rows, ("", self.note)] if self.note else rows


@dataclass(frozen=True, repr=False, kw_only=True)
class CopyResult(Shown):
    """Hold the result of a clone or a restore.

    Attributes
    ----------
    path : str
        The path of the copy.
    source : str
        What it is a copy of.
    replaced : bool
        Whether the copy replaced the notebook's file.
    model : dict
        The server's whole answer.
    """

    path: str
    source: str
    replaced: bool
    model: Mapping[str, Any] = field(compare=False)
    pages: Pages = field(compare=False)

    def _sentence(self) -> str:
        reload = " Reload it where it is open." if self.replaced else ""
        return f"{self.path} is now a copy of {self.source}.{reload}"

    def _table(self) -> Table:
        version = str(self.model.get("versionID") or "")
        href = self.pages.on_server(str(self.model.get("url") or ""))
        rows: list[tuple[str, Cell]] = [("file", Link(self.path, href))]
        return [*rows, ("version", version)] if version else rows


@dataclass(frozen=True, kw_only=True)
class Version:
    """Hold a version of a notebook.

    Attributes
    ----------
    version_id : str
    name, note : str
        Those that somebody gave it; empty if none.
    saved_at : datetime or None
    size : int or None
        Bytes.
    sha256, author : str or None
    latest : bool
        Whether it is the newest.
    path : str
        The path that the notebook had then.
    state : str
        "archived", or "pending" while it is on its way to the store, or "deleted".
    notebook_id : str
        The same for all versions of a notebook, whatever it was called.
    """

    version_id: str
    name: str = ""
    note: str = ""
    saved_at: datetime | None = None
    size: int | None = None
    sha256: str | None = None
    author: str | None = None
    latest: bool = False
    path: str = ""
    state: str = ""
    notebook_id: str = ""

    @classmethod
    def from_model(cls, model: Mapping[str, Any]) -> Version:
        """Make a version from a server's model, without the fields that are unknown here."""
        known = {f.name: model[f.name] for f in fields(cls) if f.name in model}
        return cls(**{**known, "saved_at": read_time(model.get("saved_at"))})


@dataclass(frozen=True, repr=False, kw_only=True)
class Versions(Shown, Sequence[Version]):
    """Hold versions of a notebook, newest first.

    Attributes
    ----------
    path : str
    items : tuple of Version
    more : bool
        Whether there are older versions than these.
    section : str
        "workspace" for saved versions, or "published".
    """

    path: str
    items: tuple[Version, ...]
    more: bool
    section: str
    _header: ClassVar[Sequence[str]] = ("version", "saved", "size", "by", "name", "", "")
    pages: Pages = field(compare=False)

    @overload
    def __getitem__(self, index: int) -> Version: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Version, ...]: ...

    def __getitem__(self, index: int | slice) -> Version | tuple[Version, ...]:
        return self.items[index]

    def __len__(self) -> int:
        return len(self.items)

    def _sentence(self) -> str:
        count = len(self.items)
        if not count:
            published = "published " if self.section == "published" else ""
            return f"There are no {published}versions of {self.path}."
        versions = "version" if count == 1 else "versions"
        if self.more:
            return f"{self.path}: the {count} newest {versions}, of more."
        return f"{self.path}: {count} {versions}."

    def _table(self) -> Table:
        return [
            (
                self._link(version),
                show_time(version.saved_at),
                "" if version.size is None else size_in_words(version.size),
                version.author or "",
                label_in_words(version.name, version.note),
                "latest" if version.latest else "",
                "" if version.state == "archived" else version.state,
            )
            for version in self.items
        ]

    def _link(self, version: Version) -> Cell:
        if version.state == "deleted":  # a delete marker has no page
            return version.version_id
        href = self.pages.view(self.path, version.version_id, self.section)
        return Link(version.version_id, href)


@dataclass(frozen=True, repr=False, kw_only=True)
class DiffResult(Shown):
    """Hold the difference between two versions of a notebook.

    Attributes
    ----------
    path, base, head : str
        The notebook, and the ids of the older and the newer version.
    changes : str
        What changed, in words.
    lines : list of str
        The changes as lines of text, changed lines of cells after ``-`` and ``+``.
    diff : list of dict or None
        The difference in nbdime's format; None where the server has no nbdime.
    added, removed, edited, moved : int
        The number of cells.
    """

    path: str
    base: str
    head: str
    changes: str
    cells: Mapping[str, int]
    lines: Sequence[str]
    diff: list[dict[str, Any]] | None
    pages: Pages = field(compare=False)

    @property
    def added(self) -> int:
        """Return the number of cells that only the newer version has."""
        return self.cells["added"]

    @property
    def removed(self) -> int:
        """Return the number of cells that only the older version has."""
        return self.cells["removed"]

    @property
    def edited(self) -> int:
        """Return the number of cells that differ."""
        return self.cells["edited"]

    @property
    def moved(self) -> int:
        """Return the number of cells that stand elsewhere."""
        return self.cells["moved"]

    def __repr__(self) -> str:
        return "\n".join([super().__repr__(), *map(printable, self._lines())])

    def _repr_html_(self) -> str:
        lines = "\n".join(map(_colored, self._lines()))
        return f"{super()._repr_html_()}<pre>{lines}</pre>" if lines else super()._repr_html_()

    def _lines(self) -> list[str]:
        """Return the lines below the summary, as many as a cell has room for."""
        shown = list(self.lines[1:])
        if len(shown) > _MOST_LINES:
            left_out = len(shown) - _MOST_LINES
            shown = [*shown[:_MOST_LINES], f"… {left_out} more lines: the page has them all."]
        return shown

    def _sentence(self) -> str:
        return f"{self.path}: {self.changes}."

    def _table(self) -> Table:
        page = self.pages.diff(self.path, self.base, self.head)
        shown = Link("both beside each other", page, page)
        return [("from", self.base), ("to", self.head), ("page", shown)]


@dataclass(frozen=True, repr=False, kw_only=True)
class StatusResult(Shown):
    """Hold the state of archiving on a server.

    Attributes
    ----------
    release : str
        The release of Bookstore on the server.
    description : str
        Where saves are archived, or how to have them archived.
    features : dict of str to bool
    store : dict or None
        The store's `url`, whether it is `versioned`, and its `problem`.
    archive : dict
        The numbers of `pending` and `failed` saves, `last_archived` and `last_error`.
    model : dict
        The server's whole answer.
    """

    release: str
    description: str
    features: Mapping[str, bool]
    store: Mapping[str, Any] | None
    archive: Mapping[str, Any]
    model: Mapping[str, Any] = field(compare=False)
    pages: Pages = field(compare=False)

    def _sentence(self) -> str:
        return f"Bookstore {self.release}: {self.description}"

    def _table(self) -> Table:
        last, error = self.archive.get("last_archived"), self.archive.get("last_error")
        rows: list[tuple[str, Cell]] = [
            ("pending", str(self.archive.get("pending", ""))),
            ("failed", str(self.archive.get("failed", ""))),
        ]
        if self.store and self.store.get("problem"):
            rows.append(("store", str(self.store["problem"])))
        if last:
            when = show_time(read_time(last.get("archived_at")))
            rows.append(("last archived", f"{last.get('path')}, {when}"))
        if error:
            when = show_time(read_time(error.get("at")))
            rows.append(("last error", f"{error.get('message')} ({when})"))
        return [*rows, ("versions", self.pages.home())]


def read_time(text: Any) -> datetime | None:
    """Parse a time in ISO 8601; return None where it is none."""
    try:
        time = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except (AttributeError, ValueError):
        return None
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc)


def show_time(time: datetime | None) -> str:
    """Format a time to the second, in UTC."""
    return (
        f"{time.astimezone(timezone.utc):%Y-%m-%d %H:%M:%S} UTC" if time else "at an unknown time"
    )


def _plain(cell: Cell) -> str:
    return printable(cell.plain or cell.text if isinstance(cell, Link) else cell)


def _colored(line: str) -> str:
    text = escape(printable(line))
    color = _COLORS.get(line[:2])
    return f'<span style="color: {color}">{text}</span>' if color else text


def _html(cell: Cell) -> str:
    if not isinstance(cell, Link):
        return escape(printable(cell))
    text = escape(printable(cell.text))
    href = printable(cell.href)
    if not _SAFE_HREF.match(href):
        return text
    return f'<a href="{escape(href)}" target="_blank" rel="noopener">{text}</a>'
