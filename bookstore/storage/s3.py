"""Keep versions in an S3 bucket: AWS, Ceph, MinIO and others."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any, BinaryIO

from botocore.exceptions import ClientError

from .base import (
    NO_VERSION,
    KeyPage,
    ListedKey,
    Provenance,
    StoreCheck,
    Version,
    VersionPage,
    as_cursor,
    from_cursor,
    keep,
    require_intact,
    utc_now,
)
from .errors import NotVersioned, StoreError, StoreUnavailable, TooLarge, VersionNotFound
from .index import INDEX_ERRORS, VersionIndex
from .options import S3Options
from .s3_connection import S3Connection, acknowledge, unless_stalled
from .s3_errors import S3Errors

_CHUNK = 1 << 20  # bytes
# More than a machine's clock may differ from the store's
# (https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-auth-using-authorization-header.html).
_LARGEST_SKEW = timedelta(minutes=15)
_RECENT = 20  # versions among which a save whose answer was lost is looked for
# A request that was cut off may still be at work in the store. One that is not seen at first is
# given this many seconds to finish before it counts as lost.
_SETTLE_TIME = 2.0


class S3Store:
    """Keep versions in a bucket, through clients that other buckets may share.

    What is known of its versions is remembered in a `VersionIndex` on this machine.

    Parameters
    ----------
    options : S3Options
    connection : S3Connection, optional
        That of another bucket of the same object store, to be shared.
    """

    def __init__(self, options: S3Options, connection: S3Connection | None = None) -> None:
        self._options = options
        self.url = options.url
        self.bucket = options.bucket
        self._connection = connection or S3Connection(options)
        self._errors = S3Errors(options, self._connection.refuse_credentials)
        self._index = VersionIndex(options.index_file, durable=False)
        self._checked: StoreCheck | None = None
        self._checking: asyncio.Task[StoreCheck] | None = None
        self._unremembered: list[Version] = []

    def in_bucket(self, bucket: str) -> S3Store:
        """Reach another bucket through the same clients."""
        return S3Store(replace(self._options, bucket=bucket), self._connection)

    async def put(self, key: str, content: BinaryIO, provenance: Provenance) -> Version:
        size = content.seek(0, os.SEEK_END)
        content.seek(0)
        await self._require_versioning()
        with self._errors.translated(key):
            client = await self._connection.write_client()
            answer = await unless_stalled(
                client.put_object(
                    Bucket=self.bucket,
                    Key=key,
                    Body=content,
                    ContentType=_content_type(key),
                    Metadata=provenance.as_metadata(),
                    **self._options.put_options,
                ),
                progress=content.tell,
            )
            etag = answer["ETag"]  # what another server answers has none
        version_id = answer.get("VersionId", NO_VERSION)
        if version_id == NO_VERSION and not self._options.allow_unversioned:
            self._checked = None
            await self._require_versioning()
            raise StoreUnavailable(
                f"The bucket {self.bucket!r} did not say as which version it keeps {key} ({etag})."
            )
        return await self._remembered(
            Version(
                key=key,
                version_id=version_id,
                stored_at=utc_now(),
                size=size,
                latest=True,
                etag=etag,
                provenance=provenance,
            )
        )

    async def _require_versioning(self) -> None:
        """Raise `NotVersioned` where the bucket says that it keeps no versions."""
        if self._options.allow_unversioned or (
            self._checked and self._checked.versioned is not False
        ):
            return
        if self._checking is None or self._checking.done():
            self._checking = asyncio.create_task(self.check())
        # One answer is for all uploads that begin meanwhile, also where one of them is given up.
        if (await asyncio.shield(self._checking)).versioned is False:
            raise NotVersioned(self.bucket)

    async def find(self, key: str, save_id: str, *, size: int) -> Version | None:
        found = await self._look_for(key, save_id, size)
        if found is None:
            await asyncio.sleep(_SETTLE_TIME)
            found = await self._look_for(key, save_id, size)
        return found

    async def _look_for(self, key: str, save_id: str, size: int) -> Version | None:
        page = await self.versions(key, limit=_RECENT)
        for listed in page.versions:
            if listed.deleted or listed.size != size:
                continue
            origin = listed.provenance or (await self.describe(key, listed.version_id)).provenance
            if origin and origin.save_id == save_id:
                if listed.version_id == NO_VERSION:  # while versioning is off, it may be replaced
                    await self._require_versioning()
                return replace(listed, provenance=origin)
        return None

    async def describe(self, key: str, version_id: str | None = None) -> Version:
        with self._errors.translated(key, version_id):
            answer = await self._request("head_object", Key=key, **_version(version_id))
            version = _described(key, answer, latest=version_id is None)
        return await self._remembered(version)

    async def download(
        self,
        key: str,
        target: BinaryIO,
        version_id: str | None = None,
        *,
        limit: int | None = None,
    ) -> Version:
        with self._errors.translated(key, version_id):
            answer = await self._request("get_object", Key=key, **_version(version_id))
            version = _described(key, answer, latest=version_id is None)
            body = answer["Body"]
            async with body:  # before aiobotocore 3 it enters as something else than itself
                if limit is not None and version.size > limit:
                    body.close()
                    raise TooLarge(key, size=version.size, limit=limit)
                acknowledge(body)
                digest = hashlib.sha256()
                async for chunk in body.iter_chunks(_CHUNK):
                    digest.update(chunk)
                    keep(chunk, target)
        require_intact(version, digest.hexdigest())
        return await self._remembered(version)

    async def versions(self, key: str, *, limit: int, after: str | None = None) -> VersionPage:
        listed, goes_on = await self._listed(key, limit=limit, after=(key, after or ""))
        # The prefix also matches longer keys; they sort after this one.
        own = [version for version in listed if version.key == key]
        return VersionPage(
            versions=await self._with_provenance(own),
            next=goes_on[1] if goes_on and goes_on[0] == key else None,
        )

    async def all_versions(
        self, prefix: str, *, limit: int, after: str | None = None
    ) -> VersionPage:
        # Stores do not agree on where they go on after a key without a version.
        listed, goes_on = await self._listed(prefix, limit=limit, after=from_cursor(after))
        files = [version for version in listed if _is_file(version.key)]
        return VersionPage(
            versions=await self._with_provenance(files),
            next=as_cursor(*goes_on) if goes_on else None,
        )

    async def _listed(
        self, prefix: str, *, limit: int, after: tuple[str, str]
    ) -> tuple[list[Version], tuple[str, str] | None]:
        """List versions and delete markers by key, newest first, and where the list goes on.

        Both places, `after` and the one returned, are a key and a version id. Without a version id
        the list begins at its beginning.
        """
        marker = {"KeyMarker": after[0], "VersionIdMarker": after[1]} if after[1] else {}
        with self._errors.translated(prefix):
            answer = await self._request(
                "list_object_versions", Prefix=prefix, MaxKeys=limit, **marker
            )
            listed = [
                Version(
                    key=entry["Key"],
                    version_id=entry["VersionId"],
                    stored_at=entry["LastModified"],
                    size=entry.get("Size", 0),
                    latest=entry["IsLatest"],
                    deleted="Size" not in entry,
                    etag=entry.get("ETag", ""),
                )
                for entry in answer.get("Versions", []) + answer.get("DeleteMarkers", [])
            ]
            goes_on = None
            if answer.get("IsTruncated"):
                goes_on = answer["NextKeyMarker"], answer["NextVersionIdMarker"]
        # Versions come newest first, and so do delete markers, but the two in lists of their own.
        listed.sort(key=lambda version: (version.latest, version.stored_at), reverse=True)
        listed.sort(key=lambda version: version.key)
        return listed, goes_on

    async def keys(self, prefix: str, *, limit: int, after: str | None = None) -> KeyPage:
        marker = {"StartAfter": after} if after else {}
        with self._errors.translated():
            answer = await self._request("list_objects_v2", Prefix=prefix, MaxKeys=limit, **marker)
            keys = [
                ListedKey(entry["Key"], entry["LastModified"], entry["ETag"])
                for entry in answer.get("Contents", [])
            ]
        return KeyPage(
            keys=[listed for listed in keys if _is_file(listed.key)],
            next=keys[-1].key if keys and answer.get("IsTruncated") else None,
        )

    async def newest(self, listed: ListedKey) -> Version:
        with suppress(*INDEX_ERRORS):
            known = await asyncio.to_thread(self._index.newest, listed.key, listed.etag)
            if known and abs(known.stored_at - listed.stored_at) < _LARGEST_SKEW:
                return known
        return await self.describe(listed.key)

    async def delete(self, versions: Sequence[Version]) -> list[tuple[Version, StoreError]]:
        objects = [{"Key": version.key, "VersionId": version.version_id} for version in versions]
        with self._errors.translated():
            answer = await self._request(
                "delete_objects", Delete={"Objects": objects, "Quiet": True}
            )
        refused: dict[tuple[str, str], StoreError] = {}
        for entry in answer.get("Errors", []):
            name = entry["Key"], entry.get("VersionId", "")
            reason = self._errors.of_answer(ClientError({"Error": entry}, "DeleteObjects"), *name)
            if not isinstance(reason, VersionNotFound):
                refused[name] = reason
        left = {v: refused.get((v.key, v.version_id)) for v in versions}
        with suppress(*INDEX_ERRORS):
            removed = [version for version, reason in left.items() if reason is None]
            await asyncio.to_thread(self._index.remove, removed)
        return [(version, reason) for version, reason in left.items() if reason]

    async def check(self) -> StoreCheck:
        try:
            with self._errors.translated():
                answer = await self._request("get_bucket_versioning")
        except StoreUnavailable as error:
            return StoreCheck(versioned=None, problem=str(error))
        except StoreError as error:  # it will not say, which does not keep it from taking saves
            self._checked = StoreCheck(versioned=None, problem=str(error))
            return self._checked
        versioned = answer.get("Status") == "Enabled"
        is_problem = not (versioned or self._options.allow_unversioned)
        self._checked = StoreCheck(
            versioned=versioned,
            problem=str(NotVersioned(self.bucket)) if is_problem else "",
            credentials=await self._connection.credentials(),
        )
        return self._checked

    async def verify(self) -> list[str]:
        return []  # they are kept elsewhere

    async def rebuild_index(self) -> int:
        """Forget what is known here; it is asked for again when it is needed."""
        await asyncio.to_thread(self._index.discard)
        return 0

    async def close(self) -> None:
        await self._connection.close()

    async def _request(self, operation: str, **arguments: Any) -> Any:
        """Send a request that may be sent again, by its name in botocore."""
        client = await self._connection.read_client()
        return await getattr(client, operation)(Bucket=self.bucket, **arguments)

    # The index spares requests and is nothing but a memory: where it cannot be used, we ask again.

    async def _remembered(self, version: Version) -> Version:
        """Add a version to the index, together with those that the store tells at the same time.

        To change to a thread for it and back would cost as much as the transaction.
        """
        if version.version_id != NO_VERSION:
            self._unremembered.append(version)
            await asyncio.sleep(0)
            versions, self._unremembered = self._unremembered, []
            with suppress(*INDEX_ERRORS):
                if versions:
                    self._index.add(*versions)
        return version

    async def _with_provenance(self, listed: list[Version]) -> list[Version]:
        known: dict[tuple[str, str], Provenance] = {}
        with suppress(*INDEX_ERRORS):
            version_ids = [version.version_id for version in listed]
            known = await asyncio.to_thread(self._index.provenances, version_ids)
        return [replace(v, provenance=known.get((v.key, v.version_id))) for v in listed]


def _is_file(key: str) -> bool:
    """Return whether a key is a file's, not one by which consoles show an empty folder."""
    return not key.endswith("/")


def _content_type(key: str) -> str:
    """Return the media type of a notebook by its key; jupytext's notebooks are plain text."""
    is_json = key.endswith(".ipynb")
    return "application/x-ipynb+json" if is_json else "text/plain; charset=utf-8"


def _version(version_id: str | None) -> dict[str, str]:
    return {"VersionId": version_id} if version_id else {}


def _described(key: str, answer: Mapping[str, Any], *, latest: bool) -> Version:
    stored_at = answer["LastModified"]
    return Version(
        key=key,
        version_id=answer.get("VersionId", NO_VERSION),
        stored_at=stored_at,
        size=answer["ContentLength"],
        latest=latest,
        etag=answer.get("ETag", ""),
        provenance=Provenance.from_metadata(answer.get("Metadata", {}), stored_at=stored_at),
    )
