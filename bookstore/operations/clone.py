"""What somebody wants to clone from a bucket, and whether it may be cloned."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import BinaryIO

from ..core import Bookstore
from ..storage import BucketNotFound, Version, VersionNotFound
from ..validation import bucket_name, object_key, shown, version_name


class NotOffered(Exception):
    """There is nothing of the kind to be cloned here; the message is safe to show."""


class NotAllowed(Exception):
    """It may not be cloned here; the message is safe to show."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """A version of an object that somebody wants to clone.

    Attributes
    ----------
    bucket, key : str
    version_id : str
        Empty means the newest.
    """

    bucket: str
    key: str
    version_id: str = ""

    @classmethod
    def checked(
        cls, bookstore: Bookstore, *, bucket: str, key: str, version_id: str = ""
    ) -> Source:
        """Check where it leads. Raises `BadInput`, `NotOffered` or `NotAllowed`."""
        if not bookstore.features["s3_clone_valid"]:
            raise NotOffered(
                "Cloning from buckets is off on this server: enable_s3_cloning is False."
            )
        # Paths are written with a slash at the beginning, too.
        source = cls(bucket=bucket, key=key.lstrip("/"), version_id=version_id)
        bucket_name(source.bucket)
        object_key(source.key)
        if source.version_id:
            version_name(source.version_id)
        if not any(fnmatchcase(source.bucket, name) for name in bookstore.settings.clone_buckets):
            raise NotAllowed(
                f"Cloning from the bucket {shown(source.bucket)} is not allowed on this server."
            )
        return source

    @property
    def name(self) -> str:
        """Return the file's own name."""
        return self.key.rpartition("/")[2]

    async def describe(self, bookstore: Bookstore) -> Version:
        """Ask what it is; belongs into the `run` of a `Bookstore`. Raises `NotOffered`."""
        with self._missing():
            store = bookstore.stores.of_bucket(self.bucket)
            return await store.describe(self.key, self.version_id or None)

    async def download(
        self, bookstore: Bookstore, target: BinaryIO, *, limit: int | None = None
    ) -> Version:
        """Fetch its bytes, of which there may be `max_clone_size` or fewer; belongs into `run`.

        Raises
        ------
        NotOffered
        TooLarge
        """
        largest = bookstore.settings.max_clone_size
        limit = min(limit or largest, largest)
        with self._missing():
            store = bookstore.stores.of_bucket(self.bucket)
            return await store.download(self.key, target, self.version_id or None, limit=limit)

    @contextmanager
    def _missing(self) -> Iterator[None]:
        """Take what is missing for what the link is wrong about, not for the server's trouble."""
        try:
            yield
        except BucketNotFound as error:
            raise NotOffered(f"There is no bucket {shown(self.bucket)}.") from error
        except VersionNotFound as error:
            version = f" version {self.version_id} of" if self.version_id else ""
            raise NotOffered(
                f"There is no{version} {self.key} in the bucket {shown(self.bucket)}."
            ) from error
