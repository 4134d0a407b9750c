"""Define the errors of stores.

::

    StoreError               the store would not do this one thing
    ├── StoreUnavailable     it could not be reached, or did not answer in time
    ├── StoreRefused         it answers, and refuses us: credentials, permissions
    │   └── BucketNotFound   there is no such bucket
    ├── NotVersioned         its bucket does not keep versions
    ├── NoStore              the settings name none, or no place in it
    ├── VersionNotFound      it has no such notebook, or no such version of it
    └── TooLarge             there are more bytes than one wants to have

Every message is a sentence that is safe to show: no key, no secret, no traceback.
"""

from __future__ import annotations


class StoreError(Exception):
    """The store would not do what was asked."""


class StoreUnavailable(StoreError):
    """The store could not be reached; whether it has done what was asked is not known."""


class StoreRefused(StoreError):
    """The store answered that Bookstore itself may not do this: nothing was done."""


class NotVersioned(StoreError):
    """The bucket does not keep versions: each save would replace the one before."""

    def __init__(self, bucket: str) -> None:
        super().__init__(
            f"The bucket {bucket!r} does not keep versions, so saves wait. Turn versioning on in"
            " the bucket's settings, or set c.BookstoreSettings.allow_unversioned = True to have"
            " each save replace the one before."
        )


class NoStore(StoreError):
    """The settings name no store, or no place in it for what is asked for."""

    def __init__(
        self,
        message: str = (
            "No store is named: set c.BookstoreSettings.s3_bucket, or"
            ' c.BookstoreSettings.store_url = "local".'
        ),
    ) -> None:
        super().__init__(message)


class VersionNotFound(StoreError):
    """There is no such version in the store."""

    def __init__(self, key: str, version_id: str | None = None) -> None:
        super().__init__(
            f"There is no version {version_id} of {key}."
            if version_id
            else f"There is no {key} in the store."
        )


# Errors of the store as a whole: other versions would fail as well.
OF_THE_WHOLE_STORE = (StoreUnavailable, StoreRefused, NotVersioned)


class BucketNotFound(StoreRefused):
    """There is no such bucket."""


class TooLarge(StoreError):
    """A version has more bytes than were wanted."""

    def __init__(self, key: str, *, size: int, limit: int) -> None:
        super().__init__(f"{key} has {size} bytes, and at most {limit} may be read.")
