"""Keep versions in a directory: a file for each, and an index of what there is.

Each file has the version's bytes and a record of what they are. The index, in which versions are
looked up, can be rebuilt from these files, and is where it is missing or damaged.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO, ParamSpec, TypeVar

from filelock import FileLock

from .base import (
    KeyPage,
    ListedKey,
    Provenance,
    StoreCheck,
    Version,
    VersionPage,
    keep,
    require_intact,
    utc_now,
)
from .errors import StoreError, StoreUnavailable, TooLarge, VersionNotFound
from .index import LOCK_TIMEOUT, VersionIndex, as_row, from_row
from .options import LocalOptions
from .records import as_record, read_record, sync_directory

P = ParamSpec("P")
T = TypeVar("T")

_PIECE = 1 << 20  # bytes


class LocalStore:
    """Keep versions in a directory. Safe for several processes at once.

    Parameters
    ----------
    options : LocalOptions
        Its directory is made when the first version comes.
    """

    def __init__(self, options: LocalOptions) -> None:
        self.directory = options.directory
        self.url = options.url
        self.bucket = options.bucket
        self._blobs = options.directory / "blobs"
        self._index = VersionIndex(options.index_file, durable=True)
        self._index_file = options.index_file
        self._thread_lock = threading.Lock()
        self._file_lock = FileLock(
            options.directory / "lock", timeout=LOCK_TIMEOUT, thread_local=False
        )

    async def put(self, key: str, content: BinaryIO, provenance: Provenance) -> Version:
        return await self._in_thread(self._put, key, content, provenance)

    async def find(self, key: str, save_id: str, *, size: int) -> Version | None:
        return await self._in_thread(self._index.get, key, save_id)

    async def describe(self, key: str, version_id: str | None = None) -> Version:
        return await self._in_thread(self._describe, key, version_id)

    async def download(
        self,
        key: str,
        target: BinaryIO,
        version_id: str | None = None,
        *,
        limit: int | None = None,
    ) -> Version:
        return await self._in_thread(self._download, key, target, version_id, limit)

    async def versions(self, key: str, *, limit: int, after: str | None = None) -> VersionPage:
        return await self._in_thread(self._index.versions, key, limit=limit, after=after)

    async def keys(self, prefix: str, *, limit: int, after: str | None = None) -> KeyPage:
        return await self._in_thread(self._index.keys, prefix, limit=limit, after=after)

    async def newest(self, listed: ListedKey) -> Version:
        return await self.describe(listed.key)

    async def all_versions(
        self, prefix: str, *, limit: int, after: str | None = None
    ) -> VersionPage:
        return await self._in_thread(self._index.all_versions, prefix, limit=limit, after=after)

    async def delete(self, versions: Sequence[Version]) -> list[tuple[Version, StoreError]]:
        await self._in_thread(self._delete, versions)
        return []

    async def check(self) -> StoreCheck:
        try:
            await self._in_thread(self._index.create)
        except StoreError as error:
            return StoreCheck(versioned=None, problem=str(error))
        return StoreCheck(versioned=True)

    async def verify(self) -> list[str]:
        return await self._in_thread(lambda: list(self._faults()))

    async def rebuild_index(self) -> int:
        return await self._in_thread(self._rebuild_index)

    async def close(self) -> None:
        """Do nothing: there are no connections but the index's, which ends with it."""

    async def _in_thread(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.to_thread(self._done, partial(work, *args, **kwargs))

    def _done(self, work: Callable[[], T]) -> T:
        """Do what needs the index, which is rebuilt before where it is missing or damaged."""
        try:
            if not self._index_file.exists() and self._blobs.exists():
                self._rebuild_index(if_missing=True)
            try:
                return work()
            except sqlite3.DatabaseError as error:
                if type(error) is not sqlite3.DatabaseError:  # not damaged
                    raise
                self._rebuild_index()
                return work()
        except (OSError, sqlite3.Error) as error:
            raise StoreUnavailable(
                f"The embedded store in {self.directory} cannot be used: {error}."
            ) from error

    def _put(self, key: str, content: BinaryIO, provenance: Provenance) -> Version:
        size = content.seek(0, os.SEEK_END)
        if not self._index_file.exists():
            self._index.create()
        blob = self._blob(provenance.save_id)
        blob.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        content.seek(0)
        try:
            with open(blob, "wb") as file:
                while piece := content.read(_PIECE):
                    file.write(piece)
                with self._exclusive():
                    version = Version(
                        key=key,
                        version_id=provenance.save_id,
                        stored_at=self._index.next_time(key, utc_now()),
                        size=size,
                        latest=True,
                        provenance=provenance,
                    )
                    file.write(as_record(as_row(version)))
                    file.flush()
                    os.fsync(file.fileno())
                    sync_directory(blob.parent)
                    self._index.add(version)
        except BaseException:  # what is there of it would only fill the disk further
            blob.unlink(missing_ok=True)
            raise
        return version

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        """Hold the store's lock while a version is added or removed, or the index rebuilt.

        So a rebuilt index misses none. The lock of the file keeps out other processes only.
        """
        with self._thread_lock, self._file_lock:
            yield

    def _blob(self, version_id: str) -> Path:
        return self._blobs / version_id[:2] / version_id

    def _describe(self, key: str, version_id: str | None) -> Version:
        version = self._index.get(key, version_id)
        if version is None:
            raise VersionNotFound(key, version_id)
        return version

    def _download(
        self, key: str, target: BinaryIO, version_id: str | None, limit: int | None
    ) -> Version:
        version = self._describe(key, version_id)
        if limit is not None and version.size > limit:
            raise TooLarge(key, size=version.size, limit=limit)
        digest = hashlib.sha256()
        try:
            with open(self._blob(version.version_id), "rb") as blob:
                left = version.size
                while left and (piece := blob.read(min(left, _PIECE))):
                    digest.update(piece)
                    keep(piece, target)
                    left -= len(piece)
        except FileNotFoundError:
            self._describe(key, version_id)  # raises if it has just been removed
            message = f"The bytes of version {version.version_id} of {key} are lost."
            raise StoreError(message) from None
        require_intact(version, digest.hexdigest())
        return version

    def _delete(self, versions: Sequence[Version]) -> None:
        with self._exclusive():
            for version in versions:
                if self._index.get(version.key, version.version_id):
                    self._blob(version.version_id).unlink(missing_ok=True)
            self._index.remove(versions)

    def _rebuild_index(self, *, if_missing: bool = False) -> int:
        """Replace the index by a new one of all versions whose files are whole; count them."""
        part = self._index_file.with_suffix(".part")
        with self._exclusive():
            if if_missing and self._index_file.exists():
                return 0
            part.unlink(missing_ok=True)
            index = VersionIndex(part, durable=True)
            versions = sorted(self._kept(), key=lambda version: version.stored_at)
            index.create()
            index.add(*versions)
            index.close()
            self._index.close()
            part.replace(self._index_file)
        return len(versions)

    def _kept(self) -> Iterator[Version]:
        for file in self._blobs.glob("??/*"):
            with open(file, "rb") as blob:
                record = read_record(blob)
            if record and record.get("version_id") == file.name:
                yield from_row(record)

    def _faults(self) -> Iterator[str]:
        """Yield a sentence for each version that cannot be read as it was archived."""
        for page in self._index.pages():
            for version in page:
                with open(os.devnull, "wb") as nowhere:
                    try:
                        self._download(version.key, nowhere, version.version_id, None)
                    except VersionNotFound:
                        continue  # removed meanwhile
                    except StoreError as error:
                        yield str(error)
