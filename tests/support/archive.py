"""An archive put together by hand: an embedded store, an outbox and the notebooks' ids."""

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from traitlets.config import Config

from bookstore.history.catalogue import Catalogue
from bookstore.history.versions import History
from bookstore.saves.identities import Identities
from bookstore.saves.outbox import Outbox, Save, UnreadableSave
from bookstore.saves.uploader import Uploader
from bookstore.storage import (
    LocalOptions,
    Provenance,
    S3Options,
    Store,
    Version,
    VersionPage,
    open_index,
    open_store,
)
from bookstore.storage.local import LocalStore
from bookstore.storage.stores import Stores

NOON = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)
SAVE = {"author": "ann", "release": "1"}


@dataclass
class Archive:
    """What there is of notebooks, and what it is put together from."""

    directory: Path
    store_directory: Path | None = None  # that of another machine's, if they share it
    clock_offset: int = 0  # nanoseconds
    outbox: Outbox = field(init=False)
    identities: Identities = field(init=False)
    store: Store = field(init=False)
    history: History = field(init=False)
    catalogue: Catalogue = field(init=False)
    saves: int = 0

    def __post_init__(self) -> None:
        options = LocalOptions(directory=self.store_directory or self.directory / "store")
        self.store = open_store(options)
        self.outbox = Outbox(self.directory, options.url)
        self.outbox.create()
        if self.clock_offset:
            own = self.outbox._clock.next
            self.outbox._clock.next = lambda: own() + self.clock_offset  # type: ignore[method-assign]
        self.identities = Identities(self.outbox.directory)
        stores = Stores(options, S3Options(bucket="", index_directory=self.directory))
        index = open_index(options)
        self.history = History(stores, self.outbox, index, self.identities, ["w/", "p/", ""])
        self.catalogue = Catalogue(stores, self.outbox, index, self.identities)

    @property
    def config(self) -> Config:
        """What an application is configured with that works on it."""
        settings = {"store_url": "local", "local_dir": str(self.directory)}
        return Config(BookstoreSettings={**settings, "workspace_prefix": "workspace"})

    async def archive(self, key: str, text: str, **origin: Any) -> str:
        """Put a version into the store, a minute after the one before unless `origin` tells."""
        self.saves += 1
        content = text.encode()
        fields = {
            "save_id": uuid4().hex,
            "saved_at": NOON + timedelta(minutes=self.saves),
            "sha256": hashlib.sha256(content).hexdigest(),
        } | origin
        return (await self.store.put(key, io.BytesIO(content), Provenance(**fields))).version_id

    def save(self, key: str, text: str, **origin: str) -> str:
        """Put a save into the outbox."""
        return self.outbox.add_content(text.encode(), path=key, key=key, **SAVE, **origin)

    def record(self, key: str, text: str, *, is_new: bool = False) -> None:
        """Save a notebook as a server does."""
        notebook = self.identities.for_save(key, is_new=is_new)
        self.save(key, text, **notebook._asdict())
        if notebook.renamed_from:
            self.identities.saved(key)

    def rename(self, old_key: str, new_key: str) -> None:
        """Rename a notebook as a server does."""
        self.identities.renamed(old_key, new_key)

    def delete(self, key: str) -> None:
        """Delete a notebook, as the recorder does."""
        self.identities.ended(key)

    async def upload(self) -> None:
        """Make versions of all saves."""
        uploader = Uploader(
            self.outbox,
            self.store,
            _Silent(),
            self.identities,
            max_threads=1,
            skip_unchanged=False,
        )
        await uploader.drain()

    @contextmanager
    def uploading_when_listed(self) -> Iterator[None]:
        """Have saves that were seen pending become versions before the store is asked."""
        listed = LocalStore.versions

        async def uploaded_and_listed(store: LocalStore, key: str, **page: Any) -> VersionPage:
            await self.upload()
            return await listed(store, key, **page)

        with pytest.MonkeyPatch.context() as monkeypatch:
            monkeypatch.setattr(LocalStore, "versions", uploaded_and_listed)
            yield

    async def read(self, key: str, version_id: str | None = None, limit: int | None = None) -> str:
        content = io.BytesIO()
        await self.history.read(key, version_id, content, limit=limit)
        return content.getvalue().decode()

    async def texts(self, key: str) -> list[str]:
        page = await self.history.page(key, limit=100)
        return [await self.read(key, entry.version.version_id) for entry in page.entries]


class _Silent:
    """Hears what becomes of saves, and lets no failure pass."""

    def queued(self, save: Save) -> None: ...

    def archived(self, save: Save, version: Version | None) -> None: ...

    def failed(self, save: Save, error: Exception) -> None:
        raise error

    def unreadable(self, save_id: str, error: UnreadableSave) -> None:
        raise error
