"""Define what a store does, and what a version in it is."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, BinaryIO, NamedTuple, Protocol
from urllib.parse import quote, unquote

from .._version import __version__
from .errors import StoreError

NO_VERSION = "null"  # how S3 names what it keeps without versioning

# Metadata travels in HTTP headers: ASCII, and nothing that could end a line.
_HEADER_SAFE = " !#$&'()*+,/:;=?@[]-._~"
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html: 2 KB for all of it.
_METADATA_ROOM = 2048  # bytes
# The names of a provenance's fields in object metadata, those first that matter most.
_METADATA_NAMES = {
    "notebook_id": "notebook-id",
    "save_id": "save-id",
    "saved_at": "saved-at",
    "sha256": "sha256",
    "author": "author",
    "kernel_name": "kernel-name",
    "release": "bookstore-release",
    "renamed_from": "renamed-from",
    "copied_from": "copied-from",
}


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Describe where the bytes of a version come from; kept with them in the store.

    Attributes
    ----------
    save_id : str
        Names the save, so that a save whose answer was lost can be recognised in the store.
    saved_at : datetime
        When the notebook was saved, in UTC.
    sha256 : str
        Of the bytes, in hexadecimal.
    author : str
        Who saved it.
    kernel_name : str
        The notebook's kernel, empty when it names none.
    release : str
        The release of Bookstore that took the save.
    notebook_id : str
        The same for all versions of a notebook, under whatever keys. Empty in what other software,
        or Bookstore 2, has written.
    renamed_from : str
        In the notebook's first version under a key: the key that it had before, if any.
    copied_from : str
        What a clone or a restored version is a copy of.
    """

    save_id: str = ""
    saved_at: datetime
    sha256: str = ""
    author: str = ""
    kernel_name: str = ""
    release: str = ""
    notebook_id: str = ""
    renamed_from: str = ""
    copied_from: str = ""

    @classmethod
    def new(cls, content: BinaryIO, *, author: str) -> Provenance:
        """Describe the bytes of an open file that is put into the store without a save."""
        content.seek(0)
        return cls(
            save_id=uuid.uuid4().hex,
            saved_at=utc_now(),
            sha256=sha256_of(content),
            author=author,
            release=__version__,
        )

    def as_metadata(self) -> dict[str, str]:
        """Write it as object metadata: short ASCII strings."""
        metadata: dict[str, str] = {}
        room = _METADATA_ROOM
        for field, name in _METADATA_NAMES.items():
            value = getattr(self, field)
            text = format_time(value) if field == "saved_at" else value
            written = quote(text, safe=_HEADER_SAFE)
            # A save is worth more than a note on it: what would be too much is left out.
            if text and len(name) + len(written) <= room:
                metadata[name] = written
                room -= len(name) + len(written)
        return metadata

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str], *, stored_at: datetime) -> Provenance:
        """Read it from object metadata; an object of foreign origin has at least `stored_at`."""
        fields: dict[str, Any] = {
            field: unquote(metadata.get(name, "")) for field, name in _METADATA_NAMES.items()
        }
        try:
            fields["saved_at"] = parse_time(fields["saved_at"])
        except ValueError:
            fields["saved_at"] = stored_at
        return cls(**fields)


@dataclass(frozen=True, kw_only=True)
class Version:
    """Describe one version of a notebook in a store.

    Attributes
    ----------
    key : str
        The notebook's whole key in the store.
    version_id : str
        The store's own name for this version.
    stored_at : datetime
        When the store took it, in UTC.
    size : int
        In bytes.
    latest : bool
        Whether it is the newest version of its key.
    deleted : bool
        Whether it is a delete marker: the store's record that the key was deleted.
    etag : str
        S3's name for its bytes; empty where the store has none.
    provenance : Provenance or None
        Where it comes from; None in a listing of a store that does not list it.
    """

    key: str
    version_id: str
    stored_at: datetime
    size: int
    latest: bool = False
    deleted: bool = False
    etag: str = ""
    provenance: Provenance | None = None

    @property
    def origin(self) -> Provenance:
        """Return its provenance; if that is not known, one with nothing but a time."""
        return self.provenance or Provenance(saved_at=self.stored_at)

    @property
    def notebook_id(self) -> str:
        """Return the id of its notebook; empty if it has none."""
        return self.origin.notebook_id

    @property
    def save_id(self) -> str:
        """Return the id of the save it was made of; empty if it has none."""
        return self.origin.save_id


@dataclass(frozen=True, kw_only=True)
class VersionPage:
    """Hold some versions of one key, newest first, and where the next page begins."""

    versions: list[Version]
    next: str | None = None


class ListedKey(NamedTuple):
    """Hold a key of a listing, with the time and the ETag of its newest version."""

    key: str
    stored_at: datetime
    etag: str


@dataclass(frozen=True, kw_only=True)
class KeyPage:
    """Hold some keys, in their order, and after which of them the next page begins."""

    keys: list[ListedKey]
    next: str | None = None


@dataclass(frozen=True, kw_only=True)
class StoreCheck:
    """Hold the outcome of a store's check.

    Attributes
    ----------
    versioned : bool or None
        Whether it keeps every version; None if it does not answer that.
    problem : str
        What is wrong, in a sentence; empty when nothing is.
    credentials : str
        Where the credentials come from, in a sentence; empty where none are needed.
    """

    versioned: bool | None
    problem: str = ""
    credentials: str = ""


class Store(Protocol):
    """Keep every version of a notebook. The methods raise `StoreError` and nothing else.

    Attributes
    ----------
    url : str
        Names the store, without secrets; the same for every process that means the same store.
    bucket : str
        Names it in links.
    """

    url: str
    bucket: str

    async def put(self, key: str, content: BinaryIO, provenance: Provenance) -> Version:
        """Add all bytes of an open, seekable file as the newest version of a key."""

    async def find(self, key: str, save_id: str, *, size: int) -> Version | None:
        """Look for the version that a save became, among the newest of its size in bytes."""

    async def describe(self, key: str, version_id: str | None = None) -> Version:
        """Describe one version, the newest if none is named. Raises `VersionNotFound`."""

    async def download(
        self,
        key: str,
        target: BinaryIO,
        version_id: str | None = None,
        *,
        limit: int | None = None,
    ) -> Version:
        """Write the bytes of a version to an open file.

        Raises `VersionNotFound`, and `TooLarge` where there are more bytes than the limit.
        """

    async def versions(self, key: str, *, limit: int, after: str | None = None) -> VersionPage:
        """List versions of exactly this key, newest first, those after version id `after`."""

    async def keys(self, prefix: str, *, limit: int, after: str | None = None) -> KeyPage:
        """List the keys that begin with a prefix, in their order, those after key `after`."""

    async def newest(self, listed: ListedKey) -> Version:
        """Describe the newest version of a key that was listed. Raises `VersionNotFound`."""

    async def all_versions(
        self, prefix: str, *, limit: int, after: str | None = None
    ) -> VersionPage:
        """List the versions of all keys that begin with a prefix, and their delete markers.

        They come in the order of their keys, and newest first. `after` is the `next` of another
        page, and no version id.
        """

    async def delete(self, versions: Sequence[Version]) -> list[tuple[Version, StoreError]]:
        """Remove versions for good, 1,000 at most; nothing but pruning and trials does so.

        Returns those that the store refuses to remove, and why. What is not there is none of them.
        """

    async def check(self) -> StoreCheck:
        """Ask the store whether it is there and keeps versions."""

    async def verify(self) -> list[str]:
        """Read all versions that are kept on this machine; return a sentence for each fault."""

    async def rebuild_index(self) -> int:
        """Make the index of this machine anew; return how many versions it has then."""

    async def close(self) -> None:
        """Close the connections."""


def utc_now() -> datetime:
    """Return the time now, in UTC."""
    return datetime.now(timezone.utc)


def format_time(moment: datetime) -> str:
    """Write a time as ISO 8601 in UTC, to the microsecond, ending in Z."""
    return moment.astimezone(timezone.utc).isoformat(timespec="microseconds")[:-6] + "Z"


def parse_time(text: str) -> datetime:
    """Read a time as `format_time` writes it. Raises `ValueError`."""
    return datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=timezone.utc)


def as_cursor(key: str, version_id: str) -> str:
    """Write a place in a list of all versions, which goes on after this one."""
    return f"{version_id} {key}"  # a version id has no blank


def from_cursor(cursor: str | None) -> tuple[str, str]:
    """Read the key and the version id of a place; both are empty at the beginning."""
    version_id, _, key = (cursor or "").partition(" ")
    return key, version_id


def keep(piece: bytes, target: BinaryIO) -> None:
    """Write what was read from a store, in a way that a full disk does not look like its outage.

    Raises
    ------
    StoreError
    """
    try:
        target.write(piece)
    except OSError as error:
        raise StoreError(f"What was read cannot be kept here: {error.strerror}.") from error


def require_intact(version: Version, sha256: str) -> None:
    """Require that bytes which were read have the hash that was archived with them.

    Raises
    ------
    StoreError
    """
    if version.origin.sha256 not in ("", sha256):
        raise StoreError(
            f"Version {version.version_id} of {version.key} is damaged: its bytes are not those"
            " that were archived."
        )


def sha256_of(content: BinaryIO) -> str:
    """Hash what is left to read of an open file, in hexadecimal."""
    digest = hashlib.sha256()
    while piece := content.read(1 << 20):
        digest.update(piece)
    return digest.hexdigest()
