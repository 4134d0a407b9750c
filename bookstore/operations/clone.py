"""Clone a version from a bucket, if that is allowed, as a file of the user's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, BinaryIO

from ..core import Bookstore
from ..s3_paths import s3_url
from ..storage import BucketNotFound, StoreRefused, Version, VersionNotFound
from ..validation import bucket_name, object_key, shown, version_name
from .contents import put_new, temporary_file


class NotOffered(Exception):
    """There is nothing of the kind to be cloned here; the message is safe to show."""


class NotAllowed(Exception):
    """It may not be cloned here; the message is safe to show."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Name a version of an object that somebody wants to clone.

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
        """Describe the version, in `Bookstore.run`. Raises `NotOffered`."""
        with self._missing():
            store = bookstore.stores.of_bucket(self.bucket)
            return await store.describe(self.key, self.version_id or None)

    async def download(
        self, bookstore: Bookstore, target: BinaryIO, *, limit: int | None = None
    ) -> Version:
        """Fetch its bytes, at most `max_clone_size` or `limit`, in `Bookstore.run`.

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
        """Blame the link, and not the server, for what is missing."""
        try:
            yield
        except BucketNotFound as error:
            raise NotOffered(f"There is no bucket {shown(self.bucket)}.") from error
        except StoreRefused as error:
            # On a hub, most links that end here are to what others saved, and did not publish.
            hint = "If another user sent you this link, ask them to publish the notebook."
            raise StoreRefused(f"{error} {hint}") from error
        except VersionNotFound as error:
            version = f" version {self.version_id} of" if self.version_id else ""
            raise NotOffered(
                f"There is no{version} {self.key} in the bucket {shown(self.bucket)}."
            ) from error


async def clone(
    bookstore: Bookstore, contents_manager: Any, source: Source, target: str
) -> dict[str, Any]:
    """Save a version from a bucket under the next free name.

    Parameters
    ----------
    bookstore : Bookstore
    contents_manager : ContentsManager
    source : Source
    target : str
        Where it goes, checked.

    Returns
    -------
    dict
        The clone's contents model, without content, and the ``s3_path`` and ``versionID`` of its
        source.

    Raises
    ------
    NotOffered
    StoreError
    BadInput
        If nothing can be put there.
    """
    with temporary_file() as content:
        version = await bookstore.run(source.download(bookstore, content))
        origin = s3_url(source.bucket, source.key, version.version_id)
        async with bookstore.naming:
            saved = await put_new(contents_manager, target, content, source=origin)
    s3_path = s3_url(source.bucket, source.key)
    return {**saved, "s3_path": s3_path, "versionID": version.version_id}
