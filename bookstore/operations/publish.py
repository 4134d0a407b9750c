"""Putting notebooks into the archive that nobody has saved: published ones, and outputs of runs."""

from __future__ import annotations

import hashlib
import io
import uuid

from .._version import __version__
from ..core import Bookstore, Section
from ..notebooks.json import kernel_name_of
from ..saves.recorder import author
from ..storage import Provenance, Version
from ..storage.base import utc_now


async def publish(
    bookstore: Bookstore, path: str, content: bytes, *, section: Section = "published"
) -> Version:
    """Put a notebook's bytes into the store, as a version with a link of its own.

    Parameters
    ----------
    bookstore : Bookstore
        This belongs into its `run`.
    path : str
        By which the notebook is known there.
    content : bytes
        As `write_notebook` gives them.
    section : "published" or "workspace"
        Under the prefix of which it belongs.

    Raises
    ------
    StoreError
    """
    file = io.BytesIO(content)
    origin = Provenance(
        save_id=uuid.uuid4().hex,
        saved_at=utc_now(),
        sha256=hashlib.sha256(content).hexdigest(),
        author=author(),
        kernel_name=kernel_name_of(file),
        release=__version__,
    )
    key = bookstore.key(section, path)
    return await bookstore.stores.home().put(key, file, origin)
