"""Describe where a version that is a copy comes from."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..core import Bookstore, Section
from ..history.lineage import Entry
from ..s3_paths import s3_url
from ..storage.base import NO_VERSION, format_time
from ..storage.options import LocalOptions

# as restoring and cloning write it down
_STORED = re.compile(r"s3://([^/]*)/(.+)\?versionId=([^?]*)", re.DOTALL)
_SHORT = 8  # characters of a version id, enough to recognise it as a rule


class Origin(NamedTuple):
    """Hold where a copy comes from.

    Attributes
    ----------
    how, what : str
        Such as "restored from" and "the version of", which a time follows if one is given.
    saved_at : str
        When that was saved; empty if it is not known.
    href : str
        Where it is shown; empty where no page of this server shows it.
    """

    how: str
    what: str
    saved_at: str = ""
    href: str = ""


class Origins:
    """Find the origins of the copies among some versions of a notebook.

    Parameters
    ----------
    bookstore : Bookstore
    path : str
        The notebook's.
    entries : sequence of Entry
        Its versions, as far as they are on the same page.
    view : callable
        Gives the URL of the page of a version, by section, path and version id.
    """

    def __init__(
        self,
        bookstore: Bookstore,
        path: str,
        entries: Sequence[Entry],
        view: Callable[[Section, str, str], str],
    ) -> None:
        self._bookstore = bookstore
        self._path = path
        self._view = view
        self._versions = [entry.version for entry in entries]
        self._keys = {version.key for version in self._versions}

    def of(self, entry: Entry) -> Origin | None:
        """Return where a version comes from; None if it is no copy."""
        copied_from = entry.version.origin.copied_from
        if not copied_from:
            return None
        found = _STORED.fullmatch(copied_from)
        if not found:
            return Origin("cloned from", f"the file {copied_from.removeprefix('file:')}")
        bucket, key, version_id = found.groups()
        if bucket == self._bookstore.bucket:
            if key in self._keys:
                return self._restored(version_id)
            for section in self._bookstore.sections:
                if key.startswith(self._bookstore.shown_folder(section)):
                    path = self._bookstore.path_of(section, key)
                    return self._of_another(section, path, version_id)
        return _cloned(bucket, key, version_id)

    def _restored(self, version_id: str) -> Origin:
        href = self._view("workspace", self._path, version_id)
        for version in self._versions:
            if version_id in (version.version_id, version.save_id):
                saved_at = format_time(version.origin.saved_at)
                return Origin("restored from", "the version of", saved_at, href)
        return Origin("restored from", "an older version", href=href)

    def _of_another(self, section: Section, path: str, version_id: str) -> Origin:
        href = self._view(section, path, version_id)
        if section == "published":
            return Origin("cloned from", f"the published {path}", href=href)
        return Origin("copied from", f"a version of {path}", href=href)


def _cloned(bucket: str, key: str, version_id: str) -> Origin:
    # The embedded store has no address of that form that would lead anywhere.
    what = f"{key} in the embedded store" if bucket == LocalOptions.bucket else s3_url(bucket, key)
    if version_id and version_id != NO_VERSION:
        short = version_id if len(version_id) <= _SHORT else f"{version_id[:_SHORT]}…"
        what += f", version {short}"
    return Origin("cloned from", what)
