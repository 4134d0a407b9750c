"""An S3 object store as the tests see it: read with a client that shares no code with Bookstore."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import botocore.session
from botocore.config import Config

from .waiting import wait_for


@dataclass(frozen=True)
class ObjectStore:
    """Where an S3 server listens and who may use it."""

    endpoint_url: str
    access_key_id: str
    secret_access_key: str
    region_name: str = "us-east-1"

    @cached_property
    def client(self) -> Any:
        """A plain synchronous botocore client."""
        return botocore.session.Session().create_client(
            "s3",
            endpoint_url=self.endpoint_url,
            region_name=self.region_name,
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
            config=Config(
                s3={"addressing_style": "path"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                proxies={},
            ),
        )

    def new_bucket(self, versioned: bool = True) -> "Bucket":
        """Create a bucket with a name of its own."""
        bucket = Bucket(self, f"bookstore-{uuid.uuid4().hex[:16]}")
        self.client.create_bucket(Bucket=bucket.name)
        if versioned:
            self.client.put_bucket_versioning(
                Bucket=bucket.name, VersioningConfiguration={"Status": "Enabled"}
            )
        return bucket


@dataclass(frozen=True)
class StoredVersion:
    """One version of an object, without its body."""

    key: str
    version_id: str
    size: int
    is_latest: bool
    content_type: str
    metadata: dict[str, str]


@dataclass(frozen=True)
class Bucket:
    """A bucket of a store."""

    store: ObjectStore
    name: str

    @property
    def settings(self) -> dict[str, str]:
        """The `BookstoreSettings` that archive into this bucket."""
        return {
            "s3_bucket": self.name,
            "s3_endpoint_url": self.store.endpoint_url,
            "s3_access_key_id": self.store.access_key_id,
            "s3_secret_access_key": self.store.secret_access_key,
            "s3_region_name": self.store.region_name,
        }

    def keys(self, prefix: str = "") -> list[str]:
        """Return the keys of all objects there are now below a prefix, sorted."""
        pages = self._pages("list_objects_v2", Prefix=prefix)
        return sorted(entry["Key"] for page in pages for entry in page.get("Contents", []))

    def version_ids(self, key: str) -> list[str]:
        """Return the version ids of exactly this key, oldest first, delete markers left out."""
        return [entry["VersionId"] for entry in self._version_entries(key)]

    def versions(self, key: str) -> list[StoredVersion]:
        """Return the versions of exactly this key, oldest first, delete markers left out."""
        return [self._described(entry) for entry in self._version_entries(key)]

    def body(self, key: str, version_id: str | None = None) -> bytes:
        """Return the bytes of one version, of the newest one by default."""
        which = {"VersionId": version_id} if version_id else {}
        answer = self.store.client.get_object(Bucket=self.name, Key=key, **which)
        return bytes(answer["Body"].read())

    def bodies(self, key: str) -> list[bytes]:
        """Return the bytes of every version of this key, oldest first."""
        return [self.body(key, version_id) for version_id in self.version_ids(key)]

    def put(self, key: str, body: bytes, metadata: dict[str, str] | None = None) -> str:
        """Write a version as some other program would, and return its version id."""
        answer = self.store.client.put_object(
            Bucket=self.name, Key=key, Body=body, Metadata=metadata or {}
        )
        return str(answer["VersionId"])

    def remove(self) -> None:
        """Delete every version, then the bucket."""
        # An upload that a killed server had begun may still be at work in the store.
        wait_for(self._removed, f"the bucket {self.name} to be empty")

    def _removed(self) -> bool:
        client = self.store.client
        # All of them first: listing goes on from the last, which must be there still.
        for page in list(self._pages("list_object_versions")):
            entries = page.get("Versions", []) + page.get("DeleteMarkers", [])
            if entries:
                names = [{"Key": e["Key"], "VersionId": e["VersionId"]} for e in entries]
                client.delete_objects(Bucket=self.name, Delete={"Objects": names, "Quiet": True})
        try:
            client.delete_bucket(Bucket=self.name)
        except client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] == "BucketNotEmpty":
                return False
            raise
        return True

    def _version_entries(self, key: str) -> list[dict[str, Any]]:
        newest_first = [
            entry
            for page in self._pages("list_object_versions", Prefix=key)
            for entry in page.get("Versions", [])
            if entry["Key"] == key
        ]
        return newest_first[::-1]

    def _described(self, entry: dict[str, Any]) -> StoredVersion:
        head = self.store.client.head_object(
            Bucket=self.name, Key=entry["Key"], VersionId=entry["VersionId"]
        )
        return StoredVersion(
            key=entry["Key"],
            version_id=entry["VersionId"],
            size=entry["Size"],
            is_latest=entry["IsLatest"],
            content_type=head["ContentType"],
            metadata=head["Metadata"],
        )

    def _pages(self, operation: str, **query: str) -> Iterator[dict[str, Any]]:
        paginator = self.store.client.get_paginator(operation)
        yield from paginator.paginate(Bucket=self.name, **query)
