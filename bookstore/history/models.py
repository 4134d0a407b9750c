"""Write versions as JSON models, and as links."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from ..storage import Version
from ..storage.base import format_time
from .lineage import Entry

if TYPE_CHECKING:
    from ..core import Bookstore, Section


def as_model(bookstore: Bookstore, section: Section, entry: Entry) -> dict[str, Any]:
    """Return the JSON model of a version; its path is the one that it had then."""
    version = entry.version
    origin = version.origin
    return {
        "path": bookstore.path_of(section, version.key),
        "version_id": version.version_id,
        "name": entry.name,
        "note": entry.note,
        "notebook_id": origin.notebook_id,
        "saved_at": format_time(origin.saved_at),
        "size": version.size,
        "sha256": origin.sha256,
        "author": origin.author,
        "copied_from": origin.copied_from,
        "latest": version.latest,
        "state": entry.state,
    }


def other_as_model(version: Version) -> dict[str, Any]:
    """Return the JSON model of another notebook that had a path, from its newest version there."""
    return {
        "notebook_id": version.notebook_id,
        "saved_at": format_time(version.origin.saved_at),
        "author": version.origin.author,
    }


def clone_link(bucket: str, key: str, version_id: str = "") -> str:
    """Write a clone link, to be put behind the URL of a server; of the newest if none is named."""
    query = {"s3_bucket": bucket, "s3_key": key}
    if version_id:
        query["s3_version_id"] = version_id
    return f"bookstore/clone?{urlencode(query)}"
