"""Describe which store is used and how to reach it, without importing a client."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

AWS_ENDPOINT_URL = "https://s3.amazonaws.com"
_NOT_FOR_EVERY_PUT = {
    **dict.fromkeys(("Body", "Bucket", "ContentType", "Key", "Metadata"), "is set by Bookstore"),
    **dict.fromkeys(
        ("ContentLength", "ContentMD5", "IfMatch", "IfNoneMatch", "WriteOffsetBytes"),
        "cannot be the same for every save",
    ),
    **dict.fromkeys(
        ("SSECustomerAlgorithm", "SSECustomerKey", "SSECustomerKeyMD5"),
        "makes versions that Bookstore cannot read",
    ),
}


@dataclass(frozen=True, kw_only=True)
class LocalOptions:
    """Describe the embedded store in a directory."""

    directory: Path
    bucket: ClassVar[str] = "local"
    checksums: ClassVar[str] = ""

    @classmethod
    def from_url(cls, url: str) -> LocalOptions:
        """Read a ``file:`` URL.

        Raises
        ------
        ValueError
            If it is anything but ``file:///an/absolute/directory``.
        """
        parts = urlsplit(url)
        directory = Path(unquote(parts.path))
        is_plain = parts.scheme == "file" and not parts.netloc and not parts.query
        if not is_plain or not directory.is_absolute() or "\0" in str(directory):
            raise ValueError(f"{url!r} is not of the form file:///an/absolute/directory")
        return cls(directory=directory)

    @property
    def url(self) -> str:
        """Return the store's URL."""
        return self.directory.as_uri()

    def place(self, prefix: str) -> str:
        """Return where keys with a prefix are."""
        return str(self.directory)

    @property
    def index_file(self) -> Path:
        """Return the file of the index."""
        return self.directory / "index.sqlite"


@dataclass(frozen=True, kw_only=True)
class S3Options:
    """Describe how to reach a bucket.

    Attributes
    ----------
    bucket, endpoint_url, region_name : str
    access_key_id, secret_access_key, session_token, profile : str
        Where empty, botocore's own chain of credentials decides.
    put_options : Mapping[str, Any]
        Further arguments of every PutObject, such as ``ServerSideEncryption``.
    checksum_mode : str
        botocore's ``request_checksum_calculation``; empty chooses by the endpoint.
    allow_unversioned : bool
        Whether to upload to a bucket that does not keep versions.
    max_connections : int
    index_directory : Path
        Where it is remembered what the versions in a bucket are.
    """

    bucket: str
    index_directory: Path
    endpoint_url: str = AWS_ENDPOINT_URL
    region_name: str = "us-east-1"
    access_key_id: str = ""
    secret_access_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)
    profile: str = ""
    put_options: Mapping[str, Any] = field(default_factory=dict)
    checksum_mode: str = ""
    allow_unversioned: bool = False
    max_connections: int = 16

    @property
    def url(self) -> str:
        """Return the store's URL, without secrets."""
        return f"{self.endpoint_url.rstrip('/')}/{self.bucket}"

    def place(self, prefix: str) -> str:
        """Return where keys with a prefix are."""
        return f"s3://{self.bucket}/{prefix}"

    @property
    def index_file(self) -> Path:
        """Return the file of the index, which is a cache."""
        return self.index_directory / f"{short_name(self.url)}.sqlite"

    @property
    def checksums(self) -> str:
        """Return when uploads carry a checksum of their own.

        Recent ones travel in trailers that many S3-compatible servers do not understand.
        """
        return self.checksum_mode or ("when_supported" if self.is_aws else "when_required")

    @property
    def is_aws(self) -> bool:
        """Return whether the endpoint is AWS's own."""
        return self.endpoint_url.rstrip("/") == AWS_ENDPOINT_URL


def short_name(url: str) -> str:
    """Return a name for the files that belong to a store."""
    return hashlib.sha256(url.encode()).hexdigest()[:16]


def put_option_problems(options: Mapping[str, Any]) -> Iterator[str]:
    """Yield, for each option that cannot be an argument of every PutObject, why and what to do."""
    for name, value in options.items():
        if why := _why_not_put(name):
            yield f"{name!r} {why}: leave it out."
        elif (known := _put_object_arguments()) and name not in known:
            yield (
                f"PutObject has no {name!r}. Write the name as botocore does, such as StorageClass."
            )
        elif not isinstance(value, str | int | float):
            yield f"{name!r} is {type(value).__name__}. Use a text, a number or a boolean."


def _why_not_put(name: str) -> str:
    if name.startswith("Checksum") and name != "ChecksumAlgorithm":
        return _NOT_FOR_EVERY_PUT["ContentMD5"]
    return _NOT_FOR_EVERY_PUT.get(name, "")


@cache
def _put_object_arguments() -> frozenset[str]:
    """Return the names of PutObject's arguments; none where botocore's data cannot be read.

    They are read from botocore's own description of S3: a client, which has them too, takes longer
    to load than a server may to start.
    """
    description = files("botocore") / "data" / "s3" / "2006-03-01" / "service-2.json.gz"
    try:
        shapes = json.loads(gzip.decompress(description.read_bytes()))["shapes"]
    except OSError:
        return frozenset()
    return frozenset(shapes["PutObjectRequest"]["members"])
