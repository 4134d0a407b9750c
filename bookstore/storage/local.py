"""The embedded store: an index of what there is, and a file for the bytes of each version."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, TypeVar

from .base import KeyPage, Provenance, StoreCheck, Version, VersionPage, keep, utc_now
from .errors import StoreError, StoreUnavailable, TooLarge, VersionNotFound
from .index import VersionIndex
from .options import LocalOptions

T = TypeVar("T")

_PIECE = 1 << 20  # bytes


class LocalStore:
    """A versioned store in a directory. Safe for several processes at once.

    Parameters
    ----------
    options : LocalOptions
        Its directory is made when the first version comes.
    """

    def __init__(self, options: LocalOptions) -> None:
        self.directory = options.directory
        self.url = options.url
        self.bucket = options.bucket
        self._index = VersionIndex(options.index_file, durable=True)

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
        return await self._in_thread(lambda: self._index.versions(key, limit=limit, after=after))

    async def keys(self, prefix: str, *, limit: int, after: str | None = None) -> KeyPage:
        return await self._in_thread(lambda: self._index.keys(prefix, limit=limit, after=after))

    keys_with_deleted = keys  # there are no delete markers here

    async def delete(self, key: str, version_id: str) -> None:
        await self._in_thread(self._delete, key, version_id)

    async def check(self) -> StoreCheck:
        try:
            await self._in_thread(self._index.create)
        except StoreError as error:
            return StoreCheck(versioned=None, problem=str(error))
        return StoreCheck(versioned=True)

    async def close(self) -> None:
        """Do nothing: there are no connections but the index's, which ends with it."""

    async def _in_thread(self, work: Callable[..., T], *args: object) -> T:
        def translated() -> T:
            try:
                return work(*args)
            except (OSError, sqlite3.Error) as error:
                raise StoreUnavailable(
                    f"The embedded store in {self.directory} cannot be used: {error}."
                ) from error

        return await asyncio.to_thread(translated)

    def _put(self, key: str, content: BinaryIO, provenance: Provenance) -> Version:
        version_id = provenance.save_id
        size = self._keep_blob(content, self._blob(version_id))
        return self._index.add_next(
            Version(
                key=key,
                version_id=version_id,
                stored_at=utc_now(),
                size=size,
                provenance=provenance,
            )
        )

    def _keep_blob(self, content: BinaryIO, blob: Path) -> int:
        """Write the bytes down, safely before the index says that they are there."""
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
        try:
            with open(self._blob(version.version_id), "rb") as blob:
                while piece := blob.read(_PIECE):
                    keep(piece, target)
        except FileNotFoundError:
            self._describe(key, version_id)  # raises if it has just been removed
            message = f"The bytes of version {version.version_id} of {key} are lost."
            raise StoreError(message) from None
        return version

    def _delete(self, key: str, version_id: str) -> None:
        if self._index.get(key, version_id):
            # In this order: a blob that nobody knows of does no harm.
            self._index.remove(key, version_id)
            self._blob(version_id).unlink(missing_ok=True)
