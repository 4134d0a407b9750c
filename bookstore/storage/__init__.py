"""Stores: where the versions of notebooks are kept. Nothing in here knows Jupyter."""

from __future__ import annotations

from .base import Provenance, Store, StoreCheck, Version, VersionPage
from .errors import StoreError, StoreRefused, StoreUnavailable, VersionNotFound
from .options import LocalOptions, S3Options

__all__ = [
    "LocalOptions",
    "Provenance",
    "S3Options",
    "Store",
    "StoreCheck",
    "StoreError",
    "StoreRefused",
    "StoreUnavailable",
    "Version",
    "VersionNotFound",
    "VersionPage",
    "open_store",
]


def open_store(options: LocalOptions | S3Options) -> Store:
    """Open the store that options describe; nothing is asked of it yet."""
    # Either is loaded only when used: an S3 client is a large thing to import.
    if isinstance(options, LocalOptions):
        from .local import LocalStore

        return LocalStore(options.directory)
    from .s3 import S3Store

    return S3Store(options)
