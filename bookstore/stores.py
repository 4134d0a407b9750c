"""The stores that this process talks to, each opened when it is first needed."""

from __future__ import annotations

from .bookstore_config import BookstoreSettings
from .storage import LocalOptions, S3Options, Store, open_store


class Stores:
    """The store of the saves, and the buckets that notebooks are cloned from.

    Opening one imports its client: this belongs in the thread of a `StoreLoop`, not in a server's.

    Parameters
    ----------
    settings : BookstoreSettings
    options : LocalOptions, S3Options or None
        The store of the saves; None where none is named.
    """

    def __init__(
        self, settings: BookstoreSettings, options: LocalOptions | S3Options | None
    ) -> None:
        self._settings = settings
        self._options = options
        self._home: Store | None = None
        self._object_store: Store | None = None

    def home(self) -> Store:
        """Open the store of the saves. Raises `LookupError` where none is named."""
        if self._home is None:
            if self._options is None:
                raise LookupError("no store is named")
            self._home = open_store(self._options)
        return self._home

    def of_bucket(self, bucket: str) -> Store:
        """Open the store of a bucket: that of the saves, or another one of the object store."""
        if self._options is not None and bucket == self._options.bucket:
            return self.home()
        from .storage.s3 import S3Store

        if isinstance(self._options, S3Options):
            self._object_store = self.home()
        if self._object_store is None:
            self._object_store = open_store(self._settings.s3_options(bucket))
        assert isinstance(self._object_store, S3Store)  # noqa: S101
        return self._object_store.in_bucket(bucket)

    async def close(self) -> None:
        """Let go of all connections."""
        for store in (self._home, self._object_store):
            if store is not None:
                await store.close()
