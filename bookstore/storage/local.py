"""The embedded store: SQLite for what there is, a file for the bytes of each version.

It lies on a disk that may be a network file system, as homes on a JupyterHub often are: SQLite's
write-ahead log needs shared memory and does not work there, so the default rollback journal stays.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar

from .base import Provenance, StoreCheck, Version, VersionPage, format_time, parse_time, utc_now
from .errors import StoreError, StoreUnavailable, VersionNotFound

T = TypeVar("T")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS versions (
    id          INTEGER PRIMARY KEY,   -- the order in which they came
    key         TEXT NOT NULL,
    version_id  TEXT NOT NULL UNIQUE,  -- the save's id: a save put twice is one version
    stored_at   TEXT NOT NULL,
    saved_at    TEXT NOT NULL,
    size        INTEGER NOT NULL,
    sha256      TEXT NOT NULL,
    author      TEXT NOT NULL,
    kernel_name TEXT NOT NULL,
    release     TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS versions_of_a_key ON versions (key, id);
"""
_LOCK_TIMEOUT = 30.0  # seconds to wait for another process's transaction


class LocalStore:
    """A versioned store in a directory. Safe for several processes at once.

    Parameters
    ----------
    directory : Path
        Made when the first version comes.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.url = directory.as_uri()

    async def put(self, key: str, content: BinaryIO, provenance: Provenance) -> Version:
        return await self._in_thread(self._put, key, content, provenance)

    async def find(self, key: str, save_id: str, *, size: int) -> Version | None:
        try:
            return await self.describe(key, save_id)
        except VersionNotFound:
            return None

    async def describe(self, key: str, version_id: str | None = None) -> Version:
        return await self._in_thread(self._describe, key, version_id)

    async def download(self, key: str, target: BinaryIO, version_id: str | None = None) -> Version:
        return await self._in_thread(self._download, key, target, version_id)

    async def versions(self, key: str, *, limit: int, after: str | None = None) -> VersionPage:
        return await self._in_thread(self._versions, key, limit, after)

    async def check(self) -> StoreCheck:
        try:
            await self._in_thread(self._create)
        except StoreError as error:
            return StoreCheck(versioned=None, problem=str(error))
        return StoreCheck(versioned=True)

    async def close(self) -> None:
        """Do nothing: connections to the database last for one call."""

    async def _in_thread(self, work: Callable[..., T], *args: object) -> T:
        def translated() -> T:
            try:
                return work(*args)
            except (OSError, sqlite3.Error) as error:
                raise StoreUnavailable(
                    f"The embedded store in {self.directory} cannot be used: {error}."
                ) from error

        return await asyncio.to_thread(translated)

    def _create(self) -> None:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._database() as database:
            database.executescript(_SCHEMA)

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        """Open the database for one transaction."""
        database = sqlite3.connect(self.directory / "index.sqlite", timeout=_LOCK_TIMEOUT)
        try:
            database.row_factory = sqlite3.Row
            with database:
                yield database
        finally:
            database.close()

    def _put(self, key: str, content: BinaryIO, provenance: Provenance) -> Version:
        self._create()
        version_id = provenance.save_id
        size = self._keep_blob(content, self._blob(version_id))
        with self._database() as database:
            database.execute(
                "INSERT OR IGNORE INTO versions (key, version_id, stored_at, saved_at, size,"
                " sha256, author, kernel_name, release) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    key,
                    version_id,
                    format_time(utc_now()),
                    format_time(provenance.saved_at),
                    size,
                    provenance.sha256,
                    provenance.author,
                    provenance.kernel_name,
                    provenance.release,
                ),
            )
        return self._describe(key, version_id)

    def _keep_blob(self, content: BinaryIO, blob: Path) -> int:
        """Write the bytes down, safely before the database says that they are there."""
        blob.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = blob.with_suffix(".part")
        content.seek(0)
        with open(part, "wb") as file:
            shutil.copyfileobj(content, file)
            file.flush()
            os.fsync(file.fileno())
            size = file.tell()
        part.replace(blob)
        return size

    def _blob(self, version_id: str) -> Path:
        return self.directory / "blobs" / version_id[:2] / version_id

    def _describe(self, key: str, version_id: str | None) -> Version:
        page = self._versions(key, limit=1, version_id=version_id)
        if not page.versions:
            raise VersionNotFound(
                f"There is no version {version_id} of {key}."
                if version_id
                else f"There is no {key} in the store."
            )
        return page.versions[0]

    def _download(self, key: str, target: BinaryIO, version_id: str | None) -> Version:
        version = self._describe(key, version_id)
        with open(self._blob(version.version_id), "rb") as blob:
            shutil.copyfileobj(blob, target)
        return version

    def _versions(
        self, key: str, limit: int, after: str | None = None, version_id: str | None = None
    ) -> VersionPage:
        if not (self.directory / "index.sqlite").exists():
            return VersionPage(versions=[])
        with self._database() as database:
            rows = database.execute(
                "SELECT *, id = (SELECT max(id) FROM versions WHERE key = :key) AS latest"
                " FROM versions WHERE key = :key"
                " AND (:version_id IS NULL OR version_id = :version_id)"
                " AND (:after IS NULL"
                "      OR id < (SELECT id FROM versions WHERE version_id = :after))"
                " ORDER BY id DESC LIMIT :limit",
                {"key": key, "limit": limit + 1, "after": after, "version_id": version_id},
            ).fetchall()
        versions = [_version(row) for row in rows[:limit]]
        return VersionPage(
            versions=versions, next=versions[-1].version_id if len(rows) > limit else None
        )


def _version(row: sqlite3.Row) -> Version:
    return Version(
        key=row["key"],
        version_id=row["version_id"],
        stored_at=parse_time(row["stored_at"]),
        size=row["size"],
        latest=bool(row["latest"]),
        provenance=Provenance(
            save_id=row["version_id"],
            saved_at=parse_time(row["saved_at"]),
            sha256=row["sha256"],
            author=row["author"],
            kernel_name=row["kernel_name"],
            release=row["release"],
        ),
    )
