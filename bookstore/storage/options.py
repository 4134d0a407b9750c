"""Which store, and how to reach it: cheap to import, so that a server need not load a store."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

AWS_ENDPOINT_URL = "https://s3.amazonaws.com"


@dataclass(frozen=True, kw_only=True)
class LocalOptions:
    """The embedded store in a directory."""

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
        if parts.scheme != "file" or parts.netloc or parts.query or not directory.is_absolute():
            raise ValueError(f"{url!r} is not of the form file:///an/absolute/directory")
        return cls(directory=directory)

    @property
    def url(self) -> str:
        """Name the store."""
        return self.directory.as_uri()

    @property
    def index_file(self) -> Path:
        """Where it is written what versions there are."""
        return self.directory / "index.sqlite"


@dataclass(frozen=True, kw_only=True)
class S3Options:
    """How to reach a bucket.

    Attributes
    ----------
    bucket, endpoint_url, region_name : str
    access_key_id, secret_access_key, session_token, profile : str
        Where empty, botocore's own chain of credentials decides.
    put_options : Mapping[str, Any]
        Further arguments of every PutObject, such as ``ServerSideEncryption``.
    checksum_mode : str
        botocore's ``request_checksum_calculation``; empty chooses by the endpoint.
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
    max_connections: int = 16

    @property
    def url(self) -> str:
        """Name the store, without secrets."""
        return f"{self.endpoint_url.rstrip('/')}/{self.bucket}"

    @property
    def index_file(self) -> Path:
        """Where it is remembered what the versions in this bucket are."""
        return self.index_directory / f"{short_name(self.url)}.sqlite"

    @property
    def checksums(self) -> str:
        """When uploads carry a checksum of their own.

        Recent ones travel in trailers that many S3-compatible servers do not understand.
        """
        return self.checksum_mode or ("when_supported" if self.is_aws else "when_required")

    @property
    def is_aws(self) -> bool:
        """Whether the endpoint is AWS's own."""
        return self.endpoint_url.rstrip("/") == AWS_ENDPOINT_URL


def short_name(url: str) -> str:
    """Name files after a store."""
    return hashlib.sha256(url.encode()).hexdigest()[:16]
