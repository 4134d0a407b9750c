"""Open the stores that a process uses, each when it is first needed."""

from __future__ import annotations

from dataclasses import replace

from . import open_store
from .base import Store
from .errors import NoStore
from .options import LocalOptions, S3Options


class Stores:
    """Open the store of the saves, and the buckets that notebooks are cloned from.

    Opening one imports its client, which takes a while.

    Parameters
    ----------
    home : LocalOptions, S3Options or None
        The store of the saves; None where none is named.
    buckets : S3Options
        How to reach the other buckets; the one that it names does not matter.
    """

    def __init__(self, home: LocalOptions | S3Options | None, buckets: S3Options) -> None:
        self._home_options = home
        self._bucket_options = buckets
        self._home: Store | None = None
        self._any_bucket: Store | None = None

    def home(self) -> Store:
        """Open the store of the saves. Raises `NoStore`."""
        if self._home is None:
            if self._home_options is None:
                raise NoStore
            self._home = open_store(self._home_options)
        return self._home

    def of_bucket(self, bucket: str) -> Store:
        """Open the store of a bucket: that of the saves, or another one of the object store."""
        if self._home_options is not None and bucket == self._home_options.bucket:
            return self.home()
        from .s3 import S3Store

        shared = self.home() if isinstance(self._home_options, S3Options) else self._any_bucket
        if shared is None:
            shared = open_store(replace(self._bucket_options, bucket=bucket))
            self._any_bucket = shared
        assert isinstance(shared, S3Store)  # noqa: S101
        return shared.in_bucket(bucket)

    async def close(self) -> None:
        """Close all connections."""
        for store in (self._home, self._any_bucket):
            if store is not None:
                await store.close()
