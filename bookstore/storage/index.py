"""Index the versions that are known on this machine, in SQLite.

Before a bucket it is a cache of what this machine has put there or asked for: a version never
changes, so it need not be asked for twice. The embedded store looks versions up in it, and rebuilds
it from their files.

It may lie on a network file system, as homes on a JupyterHub often do: SQLite's write-ahead log
needs shared memory and does not work there, so the default rollback journal stays.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from .base import (
    KeyPage,
    ListedKey,
    Provenance,
    Version,
    VersionPage,
    as_cursor,
    format_time,
    from_cursor,
    parse_time,
)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS versions (
    id           INTEGER PRIMARY KEY,
    key          TEXT NOT NULL,
    version_id   TEXT NOT NULL,
    stored_at    TEXT NOT NULL,  -- the order in which they came
    size         INTEGER NOT NULL,
    etag         TEXT NOT NULL,
    save_id      TEXT NOT NULL,
    saved_at     TEXT NOT NULL,
    sha256       TEXT NOT NULL,
    author       TEXT NOT NULL,
    kernel_name  TEXT NOT NULL,
    release      TEXT NOT NULL,
    notebook_id  TEXT NOT NULL,
    renamed_from TEXT NOT NULL,
    copied_from  TEXT NOT NULL,
    UNIQUE (key, version_id)
);
CREATE TABLE IF NOT EXISTS changes (
    base    TEXT NOT NULL,  -- version ids
    head    TEXT NOT NULL,
    summary TEXT NOT NULL,
    PRIMARY KEY (head, base)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS history ON versions (key, stored_at, id);
CREATE INDEX IF NOT EXISTS names ON versions (version_id);
CREATE INDEX IF NOT EXISTS saves ON versions (save_id);
CREATE INDEX IF NOT EXISTS notebooks ON versions (notebook_id, key);
"""
_SCHEMA_VERSION = 5  # raised with each change of the schema
INDEX_ERRORS = (OSError, sqlite3.Error)  # that the methods of an index raise
LOCK_TIMEOUT = 2.0  # seconds to wait for another thread's or process's transaction
_PAGE = 1_000  # rows
_TICK = timedelta(microseconds=1)
_PROVENANCE = [field.name for field in fields(Provenance) if field.name != "saved_at"]
_COLUMNS = ("key", "version_id", "stored_at", "size", "etag", "saved_at", *_PROVENANCE)
_INSERT = (
    f"INSERT OR IGNORE INTO versions ({', '.join(_COLUMNS)})"  # noqa: S608 - the names are ours
    f" VALUES ({', '.join(f':{name}' for name in _COLUMNS)})"
)


class VersionIndex:
    """Look versions up by key and by name. Safe for several threads and processes at once.

    Every method raises `INDEX_ERRORS` where the file cannot be used, and exactly
    `sqlite3.DatabaseError` where it is damaged or has another schema. A cache then begins anew.

    Parameters
    ----------
    file : Path
        Made, with its folders, when the first version is added.
    durable : bool
        Whether what was added outlives a power cut. A cache need not.
    """

    def __init__(self, file: Path, *, durable: bool) -> None:
        self._file = file
        self._durable = durable
        self._lock = threading.Lock()  # held by the thread that uses the connection
        self._connection: sqlite3.Connection | None = None
        self._connected_to: tuple[int, int] | None = None

    def __del__(self) -> None:
        self._disconnect()

    def create(self) -> None:
        """Make the file if it is not there."""
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._database() as database:
            database.executescript(f"{_SCHEMA} PRAGMA user_version = {_SCHEMA_VERSION};")

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        with self._lock:
            self._disconnect()

    def discard(self) -> None:
        """Delete the file."""
        self.close()
        self._file.unlink(missing_ok=True)

    def add(self, *versions: Version) -> None:
        """Add versions whose provenance is known; those that are there already stay."""
        self._insert(_INSERT, map(as_row, versions))

    def next_time(self, key: str, now: datetime) -> datetime:
        """Return a time for the next version of a key: `now`, or later than its newest version."""
        newest = self.get(key)
        return max(now, newest.stored_at + _TICK) if newest else now

    def pages(self) -> Iterator[list[Version]]:
        """Yield all versions, page by page, in the order in which they were added."""
        last = 0
        page = f"SELECT * FROM versions WHERE id > ? ORDER BY id LIMIT {_PAGE}"  # noqa: S608
        while rows := self._read(page, (last,)):
            yield [from_row(row) for row in rows]
            last = rows[-1]["id"]

    def remove(self, versions: Iterable[Version]) -> None:
        """Forget versions."""
        if not self._file.exists():
            return
        with self._database() as database:
            database.executemany(
                "DELETE FROM versions WHERE key = ? AND version_id = ?",
                [(version.key, version.version_id) for version in versions],
            )

    def get(self, key: str, version_id: str | None = None) -> Version | None:
        """Return one version of a key, the newest if none is named."""
        return self._first(
            "key = :key AND (:version_id IS NULL OR version_id = :version_id)"
            " ORDER BY stored_at DESC, id DESC",
            key=key,
            version_id=version_id,
        )

    def newest(self, key: str, etag: str) -> Version | None:
        """Return the version of this content among those of a key that came last.

        A store has times in whole seconds, in which a key may get several versions.
        """
        return self._first(
            "key = :key AND etag = :etag"
            " AND stored_at = (SELECT max(stored_at) FROM versions WHERE key = :key)"
            " ORDER BY id DESC",
            key=key,
            etag=etag,
        )

    def named(self, version_id: str) -> Version | None:
        """Find a version by its name in the store, or by the id of the save it was made of."""
        return self._first("version_id = :name", name=version_id) or self._first(
            "save_id = :name", name=version_id
        )

    def provenances(self, version_ids: Iterable[str]) -> dict[tuple[str, str], Provenance]:
        """Return where the versions of these ids come from, if known, by their key and id."""
        values = {f"v{number}": name for number, name in enumerate(version_ids)}
        marks = ", ".join(f":{name}" for name in values)
        versions = self._versions(f"version_id IN ({marks})", **values)
        return {(version.key, version.version_id): version.origin for version in versions}

    def add_changes(self, base: str, head: str, summary: str) -> None:
        """Remember what changed from one version to another, in words."""
        self._insert(
            "INSERT OR IGNORE INTO changes (base, head, summary) VALUES (?, ?, ?)",
            [(base, head, summary)],
        )

    def changes(self, heads: Collection[str]) -> dict[tuple[str, str], str]:
        """Return what is known to have changed up to these versions, by the ids of both."""
        marks = ", ".join("?" * len(heads))
        rows = self._read(
            f"SELECT base, head, summary FROM changes WHERE head IN ({marks})",  # noqa: S608
            tuple(heads),
        )
        return {(row["base"], row["head"]): row["summary"] for row in rows}

    def notebooks(self, key: str) -> list[Version]:
        """Return the newest version of each notebook that is known to have had this key."""
        return self._versions(
            "id IN (SELECT id FROM (SELECT id, max(stored_at) FROM versions"
            " WHERE key = :key AND notebook_id != '' GROUP BY notebook_id))"
            " ORDER BY stored_at DESC",
            key=key,
        )

    def versions(self, key: str, *, limit: int, after: str | None = None) -> VersionPage:
        """List versions of exactly this key, newest first, those after version id `after`."""
        found = self._versions(
            "key = :key AND (:after IS NULL OR (stored_at, id) <"
            " (SELECT stored_at, id FROM versions WHERE key = :key AND version_id = :after))"
            " ORDER BY stored_at DESC, id DESC LIMIT :limit",
            key=key,
            limit=limit + 1,
            after=after,
        )
        last = found[limit - 1].version_id if len(found) > limit else None
        return VersionPage(versions=found[:limit], next=last)

    def all_versions(self, prefix: str, *, limit: int, after: str | None = None) -> VersionPage:
        """List versions of all keys that begin with a prefix, by key and then newest first.

        `after` is the `next` of another page.
        """
        key, version_id = from_cursor(after)
        found = self._versions(
            "key >= :prefix AND substr(key, 1, length(:prefix)) = :prefix"
            " AND (key > :key OR (key = :key AND (stored_at, id) < (SELECT stored_at, id"
            "      FROM versions WHERE key = :key AND version_id = :version_id)))"
            " ORDER BY key, stored_at DESC, id DESC LIMIT :limit",
            prefix=prefix,
            key=key,
            version_id=version_id,
            limit=limit + 1,
        )
        last = found[limit - 1] if len(found) > limit else None
        return VersionPage(
            versions=found[:limit], next=as_cursor(last.key, last.version_id) if last else None
        )

    def keys(self, prefix: str, *, limit: int, after: str | None = None) -> KeyPage:
        """List the keys that begin with a prefix, in their order, those after key `after`."""
        rows = self._read(
            # the ETag of the row that has the maximum, as SQLite promises
            "SELECT key, max(stored_at) AS stored_at, etag FROM versions WHERE key >= :prefix"
            " AND substr(key, 1, length(:prefix)) = :prefix"
            " AND (:after IS NULL OR key > :after) GROUP BY key ORDER BY key LIMIT :limit",
            {"prefix": prefix, "after": after, "limit": limit + 1},
        )
        keys = [
            ListedKey(row["key"], parse_time(row["stored_at"]), row["etag"]) for row in rows[:limit]
        ]
        return KeyPage(keys=keys, next=keys[-1].key if len(rows) > limit else None)

    def _first(self, where: str, **values: Any) -> Version | None:
        return next(iter(self._versions(f"{where} LIMIT 1", **values)), None)

    def _versions(self, where: str, **values: Any) -> list[Version]:
        rows = self._read(
            # `where` is ours; what comes from outside is in `values`
            "SELECT *, NOT EXISTS (SELECT 1 FROM versions AS newer"  # noqa: S608
            " WHERE newer.key = versions.key"
            " AND (newer.stored_at, newer.id) > (versions.stored_at, versions.id)) AS latest"
            f" FROM versions WHERE {where}",
            values,
        )
        return [from_row(row) for row in rows]

    def _read(self, query: str, values: Mapping[str, Any] | Sequence[Any]) -> list[dict[str, Any]]:
        if not self._file.exists():
            return []
        with self._database() as database:
            return database.execute(query, values).fetchall()

    def _insert(self, statement: str, rows: Iterable[Any]) -> None:
        if not self._file.exists():
            self.create()
        with self._database() as database:
            database.executemany(statement, rows)

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        """Open the database for one transaction."""
        if not self._lock.acquire(timeout=LOCK_TIMEOUT):
            raise sqlite3.OperationalError(f"database is locked ({self._file})")
        try:
            with self._connected() as database:
                yield database
        except sqlite3.OperationalError as error:
            raise sqlite3.OperationalError(f"{error} ({self._file})") from error
        except sqlite3.DatabaseError as error:
            # Exactly this class is of a damaged file, as a power cut may leave it.
            if type(error) is sqlite3.DatabaseError:
                self._disconnect()
                if not self._durable:
                    self._file.unlink(missing_ok=True)
            raise
        finally:
            self._lock.release()

    def _connected(self) -> sqlite3.Connection:
        """Return the connection. Opening one takes longer than what is asked of it."""
        if self._connection is None or self._connected_to != identity(self._file):
            self._disconnect()
            self._connection = sqlite3.connect(
                self._file, timeout=LOCK_TIMEOUT, check_same_thread=False
            )
            # SQLite makes the file when it is first read.
            (schema,) = self._connection.execute("PRAGMA user_version").fetchone()
            (tables,) = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if tables and schema != _SCHEMA_VERSION:
                raise sqlite3.DatabaseError(f"{self._file} has another schema")
            self._connection.row_factory = _as_dict
            if not self._durable:
                self._connection.execute("PRAGMA synchronous = OFF")
            self._connected_to = identity(self._file)
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def identity(file: Path) -> tuple[int, int] | None:
    """Return what distinguishes a file from others that had its name before or after it."""
    try:
        status = os.stat(file)
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _as_dict(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> dict[str, Any]:
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}


def as_row(version: Version) -> dict[str, Any]:
    """Return a version, whose provenance is known, as a row of the index."""
    origin = version.provenance
    assert origin  # noqa: S101
    return {
        "key": version.key,
        "version_id": version.version_id,
        "stored_at": format_time(version.stored_at),
        "size": version.size,
        "etag": version.etag,
        "saved_at": format_time(origin.saved_at),
        **{name: getattr(origin, name) for name in _PROVENANCE},
    }


def from_row(row: Mapping[str, Any]) -> Version:
    """Return the version that a row of the index describes."""
    return Version(
        key=row["key"],
        version_id=row["version_id"],
        stored_at=parse_time(row["stored_at"]),
        size=row["size"],
        etag=row["etag"],
        latest=bool(row.get("latest")),
        provenance=Provenance(
            saved_at=parse_time(row["saved_at"]), **{name: row[name] for name in _PROVENANCE}
        ),
    )
