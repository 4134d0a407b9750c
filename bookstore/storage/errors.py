"""What can go wrong between Bookstore and a store.

::

    StoreError               the store would not do this one thing
    ├── StoreUnavailable     it could not be reached, or did not answer in time
    ├── StoreRefused         it answers, and refuses us: credentials, permissions, bucket
    └── VersionNotFound      it has no such notebook, or no such version of it

Every message is a sentence that is safe to show: no key, no secret, no traceback.
"""

from __future__ import annotations


class StoreError(Exception):
    """The store would not do what was asked."""


class StoreUnavailable(StoreError):
    """The store could not be reached; whether it has done what was asked is not known."""


class StoreRefused(StoreError):
    """The store answered that Bookstore itself may not do this: nothing was done."""


class VersionNotFound(StoreError):
    """There is no such version in the store."""
