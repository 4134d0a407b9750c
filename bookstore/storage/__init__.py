"""Store versions of notebooks, in a bucket or in a directory. Nothing in here knows Jupyter."""

from __future__ import annotations

from .base import KeyPage, ListedKey, Provenance, Store, StoreCheck, Version, VersionPage
from .errors import (
    OF_THE_WHOLE_STORE,
    BucketNotFound,
    NoStore,
    NotVersioned,
    StoreError,
    StoreRefused,
    StoreUnavailable,
    TooLarge,
    VersionNotFound,
)
from .index import VersionIndex
from .options import LocalOptions, S3Options

__all__ = [
    "OF_THE_WHOLE_STORE",
    "BucketNotFound",
    "KeyPage",
    "ListedKey",
    "LocalOptions",
    "NoStore",
    "NotVersioned",
    "Provenance",
    "S3Options",
    "Store",
    "StoreCheck",
    "StoreError",
    "StoreRefused",
    "StoreUnavailable",
    "TooLarge",
    "Version",
    "VersionIndex",
    "VersionNotFound",
    "VersionPage",
    "open_index",
    "open_store",
]


def open_store(options: LocalOptions | S3Options) -> Store:
    """Open the store that options describe; nothing is asked of it yet."""
    # Either is loaded only when used: an S3 client is a large thing to import.
    if isinstance(options, LocalOptions):
        from .local import LocalStore

        return LocalStore(options)
    from .s3 import S3Store

    return S3Store(options)


def open_index(options: LocalOptions | S3Options) -> VersionIndex:
    """Open what is known of a store's versions on this machine, without the store."""
    return VersionIndex(options.index_file, durable=isinstance(options, LocalOptions))
