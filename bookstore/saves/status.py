"""Define the state of archiving, as the uploader reports it and all interfaces show it.

One process uploads for all servers that share its outbox. It reports in a file beside the saves,
which they read when somebody asks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from ..storage.base import format_time, utc_now

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Archived:
    """Hold which save has become a version.

    Attributes
    ----------
    path, version_id : str
    saved_at, archived_at : str
        Times, as `format_time` writes them.
    """

    path: str
    version_id: str
    saved_at: str
    archived_at: str


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """Hold what went wrong, in a sentence.

    Attributes
    ----------
    path : str or None
        The notebook that it happened with, if it was one.
    message : str
    at : str
        A time, as `format_time` writes it. Default: now.
    """

    path: str | None = None
    message: str
    at: str = field(default_factory=lambda: format_time(utc_now()))


@dataclass(frozen=True, kw_only=True)
class Report:
    """Hold what the uploader reports.

    Attributes
    ----------
    last_archived : Archived or None
    last_error : Trouble or None
    versioned : bool or None
        Whether the store keeps every version; None as long as it has not said.
    problem : str
        What is wrong with the store, in a sentence; empty if nothing is.
    """

    last_archived: Archived | None = None
    last_error: Trouble | None = None
    versioned: bool | None = None
    problem: str = ""

    def write(self, file: Path) -> None:
        """Write the report, for every server that shares the outbox. Raises `OSError`."""
        part = file.with_suffix(".part")
        part.write_text(json.dumps(asdict(self)), encoding="utf-8")
        part.replace(file)

    @classmethod
    def read(cls, file: Path) -> Report:
        """Read the last report; an empty one where there is none, or none that is readable."""
        try:
            model = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return cls()
        report = _made(cls, model) or cls()
        return replace(
            report,
            last_archived=_made(Archived, report.last_archived),
            last_error=_made(Trouble, report.last_error),
        )


@dataclass(frozen=True, kw_only=True)
class StoreStatus:
    """Hold the outcome of the store's check.

    Attributes
    ----------
    url : str
    versioned : bool or None
    problem : str or None
        As in `Report`.
    """

    url: str
    versioned: bool | None
    problem: str | None


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """Count the saves that wait for a store which is not the configured one."""

    store: str
    pending: int


@dataclass(frozen=True, kw_only=True)
class ArchiveStatus:
    """Count the saves that wait, and hold what became of the last.

    Attributes
    ----------
    pending : int
        Saves on their way to the store.
    failed : int
        Saves that will not become versions without help.
    last_archived : Archived or None
    last_error : Trouble or None
    elsewhere : list of Elsewhere
    """

    pending: int = 0
    failed: int = 0
    last_archived: Archived | None = None
    last_error: Trouble | None = None
    elsewhere: list[Elsewhere] = field(default_factory=list)

    @property
    def is_quiet(self) -> bool:
        """Return whether all saves are archived, and nothing went wrong since the last one was."""
        last, error = self.last_archived, self.last_error
        is_past = error is None or (last is not None and last.archived_at > error.at)
        return is_past and not (self.pending or self.failed or self.elsewhere)


@dataclass(frozen=True, kw_only=True)
class Status:
    """Hold the answer of ``GET /api/bookstore``, which the pages and the shell show, too.

    Attributes
    ----------
    release : str
        Of Bookstore.
    description : str
        Where saves are archived, or how to have them archived.
    features : dict of str to bool
        As `validate_bookstore` returns them.
    store : StoreStatus or None
        None where archiving is off.
    archive : ArchiveStatus
    """

    release: str
    description: str
    features: dict[str, bool]
    store: StoreStatus | None
    archive: ArchiveStatus


def _made(cls: type[T], model: Any) -> T | None:
    """Make an object of its JSON; None if that is not readable. Unknown fields are ignored."""
    if not isinstance(model, Mapping):
        return None
    known = {each.name for each in fields(cls)}  # type: ignore[arg-type]
    try:
        return cls(**{name: value for name, value in model.items() if name in known})
    except TypeError:
        return None
