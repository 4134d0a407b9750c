"""Putting notebooks where colleagues clone them from."""

from __future__ import annotations

import hashlib
import io
import uuid

from ._version import __version__
from .recorder import author
from .service import Bookstore
from .storage import Provenance, Version
from .storage.base import utc_now


async def publish(bookstore: Bookstore, path: str, content: bytes) -> Version:
    """Put a notebook's bytes under the prefix of what is published.

    Parameters
    ----------
    bookstore : Bookstore
        This belongs into its `run`.
    path : str
        By which the notebook is published.
    content : bytes
        As `write_notebook` gives them.

    Raises
    ------
    StoreError
    """
    origin = Provenance(
        save_id=uuid.uuid4().hex,
        saved_at=utc_now(),
        sha256=hashlib.sha256(content).hexdigest(),
        author=author(),
        release=__version__,
    )
    key = bookstore.key("published", path)
    return await bookstore.stores.home().put(key, io.BytesIO(content), origin)
