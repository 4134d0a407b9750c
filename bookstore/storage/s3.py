"""Versions in an S3 bucket: AWS, Ceph, MinIO and others."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import math
import os
import re
import socket
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any, BinaryIO, TypeVar

from aiobotocore.config import AioConfig
from aiobotocore.httpsession import AIOHTTPSession
from aiobotocore.session import AioSession
from aiohttp import ClientPayloadError
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)
from botocore.exceptions import ConnectionError as BotoConnectionError
from botocore.parsers import ResponseParserError

from .base import (
    NO_VERSION,
    KeyPage,
    ListedKey,
    Provenance,
    StoreCheck,
    Version,
    VersionPage,
    content_type,
    keep,
    require_intact,
    utc_now,
)
from .errors import (
    BucketNotFound,
    NotVersioned,
    StoreError,
    StoreRefused,
    StoreUnavailable,
    TooLarge,
    VersionNotFound,
)
from .index import VersionIndex
from .options import S3Options

T = TypeVar("T")

_CONNECT_TIMEOUT = 10  # seconds
_STALL_TIMEOUT = 30  # seconds without an answer, or without a byte of an upload getting through
_RENEWAL_INTERVAL = 10.0  # seconds between two lookups of credentials that the store refuses
_CHUNK = 1 << 20  # bytes
_SENT_ONCE = {"total_max_attempts": 1}
_ASKED_TWICE = {"mode": "standard", "total_max_attempts": 2}
# More than a machine's clock may differ from the store's
# (https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-auth-using-authorization-header.html).
_LARGEST_SKEW = timedelta(minutes=15)
_RECENT = 20  # versions among which a save whose answer was lost is looked for
# A request that was cut off may still be at work in the store. One that is not seen at first is
# given this many seconds to finish before it counts as lost.
_SETTLE_TIME = 2.0

_TRY_LATER = {"SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "Throttling"}
_NOT_THERE = {"NoSuchKey", "NoSuchVersion", "404", "NotFound", "MethodNotAllowed", "405"}
_QUERY = re.compile(r"\?[^\s\"']*")  # of a URL in a message: a signature may be in it
_IN_COLD_STORAGE = "InvalidObjectState"
_CREDENTIALS = {
    "AccessDenied",
    "AuthorizationHeaderMalformed",
    "ExpiredToken",
    "Forbidden",
    "InvalidAccessKeyId",
    "InvalidToken",
    "SignatureDoesNotMatch",
    "401",
    "403",
}
# The last two: an answer breaks off.
_NETWORK_ERRORS = (
    BotoConnectionError,
    HTTPClientError,
    OSError,
    asyncio.TimeoutError,
    IncompleteReadError,
    ClientPayloadError,
)


class S3Connection:
    """The clients for all buckets of an object store, with pooled connections.

    There are two, each opened when first needed: what only asks may be sent again when the store is
    busy. A PUT may not: one whose answer was lost may be a version already, and is looked for.

    Credentials that the store refuses are looked up anew, wherever botocore found them: a file may
    have been corrected, or an instance's role may answer by now.
    """

    def __init__(self, options: S3Options) -> None:
        self._options = options
        self._session = AioSession(profile=options.profile or None)
        self._stack = AsyncExitStack()
        self._retired = AsyncExitStack()  # clients that requests may still be under way with
        self._opening = asyncio.Lock()
        self._clients: dict[str, Any] = {}
        self._are_refused = False
        self._renewed_at = -math.inf

    async def asking(self) -> Any:
        """Return the client for all that may be sent twice."""
        return await self._client("asking", retries=_ASKED_TWICE, http_session_cls=_Session)

    async def putting(self) -> Any:
        """Return the client for what must be sent once."""
        return await self._client("putting", retries=_SENT_ONCE, http_session_cls=_SessionForPut)

    def refuse_credentials(self) -> None:
        """Look credentials up anew for the next request, but not too often."""
        self._are_refused = not self._options.access_key_id

    async def credentials(self) -> str:
        """Return where the credentials come from, and when they end."""
        if self._options.access_key_id:
            return "They come from s3_access_key_id and s3_secret_access_key."
        found = await self._session.get_credentials()
        if found is None:
            return ""
        expiry = getattr(found, "_expiry_time", None)
        until = (
            f" They end at {expiry:%Y-%m-%d %H:%M} UTC, and are renewed before." if expiry else ""
        )
        return f"They come from botocore's provider {found.method}.{until}"

    async def _renew(self) -> None:
        await self._retired.aclose()
        self._retired, self._stack = self._stack, AsyncExitStack()
        self._clients.clear()
        self._session = AioSession(profile=self._options.profile or None)
        self._are_refused, self._renewed_at = False, time.monotonic()

    async def _client(self, purpose: str, **config: Any) -> Any:
        async with self._opening:
            if self._are_refused and time.monotonic() - self._renewed_at > _RENEWAL_INTERVAL:
                await self._renew()
            if purpose not in self._clients:
                self._require_certificates()
                opening = self._create_client(**config)
                client = await self._stack.enter_async_context(opening)
                client.meta.events.register_first("needs-retry.s3", _refuse_redirect)
                client.meta.events.register("before-sign.s3.DeleteObjects", _add_md5)
                self._clients[purpose] = client
        return self._clients[purpose]

    def _require_certificates(self) -> None:
        """Raise `StoreRefused` where the file of certificate authorities is missing."""
        file = self._session.get_config_variable("ca_bundle")
        if file and not os.path.exists(file):
            raise StoreRefused(
                f"There is no file {file}, which AWS_CA_BUNDLE, or ca_bundle in the AWS"
                " configuration, names: correct it."
            )

    def _create_client(self, **config: Any) -> Any:
        options = self._options
        return self._session.create_client(
            "s3",
            # Without an endpoint botocore finds the bucket's own region at AWS.
            endpoint_url=None if options.is_aws else options.endpoint_url,
            region_name=options.region_name,
            aws_access_key_id=options.access_key_id or None,
            aws_secret_access_key=options.secret_access_key or None,
            aws_session_token=options.session_token or None,
            config=AioConfig(
                connect_timeout=_CONNECT_TIMEOUT,
                read_timeout=_STALL_TIMEOUT,
                max_pool_connections=options.max_connections,
                request_checksum_calculation=options.checksums,
                response_checksum_validation=options.checksums,
                **config,
            ),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._retired.aclose()
        await self._stack.aclose()


class S3Store:
    """A versioned bucket, through clients that are shared.

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
        self._index = VersionIndex(options.index_file, durable=False)
        self._checked: StoreCheck | None = None
        self._checking: asyncio.Task[StoreCheck] | None = None
        self._unremembered: list[Version] = []
        self._remembering = asyncio.Lock()

    def in_bucket(self, bucket: str) -> S3Store:
        """Reach another bucket through the same clients."""
        return S3Store(replace(self._options, bucket=bucket), self._connection)

    async def put(self, key: str, content: BinaryIO, provenance: Provenance) -> Version:
        size = content.seek(0, os.SEEK_END)
        content.seek(0)
        await self._require_versioning()
        with self._store_errors(key):
            client = await self._connection.putting()
            answer = await _unless_stalled(
                client.put_object(
                    Bucket=self.bucket,
                    Key=key,
                    Body=content,
                    ContentType=content_type(key),
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
        with self._store_errors(key, version_id):
            client = await self._connection.asking()
            answer = await client.head_object(Bucket=self.bucket, Key=key, **_version(version_id))
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
        with self._store_errors(key, version_id):
            client = await self._connection.asking()
            answer = await client.get_object(Bucket=self.bucket, Key=key, **_version(version_id))
            version = _described(key, answer, latest=version_id is None)
            body = answer["Body"]
            async with body:  # before aiobotocore 3 it enters as something else than itself
                if limit is not None and version.size > limit:
                    body.close()
                    raise TooLarge(key, size=version.size, limit=limit)
                _acknowledge(body)
                digest = hashlib.sha256()
                async for chunk in body.iter_chunks(_CHUNK):
                    digest.update(chunk)
                    keep(chunk, target)
        require_intact(version, digest.hexdigest())
        return await self._remembered(version)

    async def versions(self, key: str, *, limit: int, after: str | None = None) -> VersionPage:
        marker = (key, after) if after else None
        listed, goes_on = await self._listed(key, limit=limit, after=marker)
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
        version_id, _, key = (after or "").partition(" ")
        marker = (key, version_id) if after else None
        listed, goes_on = await self._listed(prefix, limit=limit, after=marker)
        files = [version for version in listed if _is_file(version.key)]
        return VersionPage(
            versions=await self._with_provenance(files),
            next=f"{goes_on[1]} {goes_on[0]}" if goes_on else None,
        )

    async def _listed(
        self, prefix: str, *, limit: int, after: tuple[str, str] | None
    ) -> tuple[list[Version], tuple[str, str] | None]:
        """List versions and delete markers by key, newest first, and where the list goes on.

        Both places, `after` and the one returned, are a key and a version id.
        """
        marker = {"KeyMarker": after[0], "VersionIdMarker": after[1]} if after else {}
        with self._store_errors(prefix):
            client = await self._connection.asking()
            answer = await client.list_object_versions(
                Bucket=self.bucket, Prefix=prefix, MaxKeys=limit, **marker
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
        # Versions come newest first, and so do delete markers, but the two in lists of their own.
        listed.sort(key=lambda version: (version.latest, version.stored_at), reverse=True)
        listed.sort(key=lambda version: version.key)
        if not answer.get("IsTruncated"):
            return listed, None
        return listed, (answer["NextKeyMarker"], answer["NextVersionIdMarker"])

    async def keys(self, prefix: str, *, limit: int, after: str | None = None) -> KeyPage:
        marker = {"StartAfter": after} if after else {}
        with self._store_errors():
            client = await self._connection.asking()
            answer = await client.list_objects_v2(
                Bucket=self.bucket, Prefix=prefix, MaxKeys=limit, **marker
            )
        keys = [
            ListedKey(entry["Key"], entry["LastModified"], entry["ETag"])
            for entry in answer.get("Contents", [])
        ]
        return KeyPage(
            keys=[listed for listed in keys if _is_file(listed.key)],
            next=keys[-1].key if keys and answer.get("IsTruncated") else None,
        )

    async def newest(self, listed: ListedKey) -> Version:
        with suppress(OSError, sqlite3.Error):
            known = await asyncio.to_thread(self._index.newest, listed.key, listed.etag)
            if known and _is_close(known, listed):
                return known
        return await self.describe(listed.key)

    async def delete(self, versions: Sequence[Version]) -> list[tuple[Version, StoreError]]:
        objects = [{"Key": version.key, "VersionId": version.version_id} for version in versions]
        with self._store_errors():
            client = await self._connection.asking()
            answer = await client.delete_objects(
                Bucket=self.bucket, Delete={"Objects": objects, "Quiet": True}
            )
        errors = {
            (entry["Key"], entry.get("VersionId")): ClientError({"Error": entry}, "DeleteObjects")
            for entry in answer.get("Errors", [])
        }
        refused = []
        for version in versions:
            if error := errors.get((version.key, version.version_id)):
                reason = self._client_error(error, version.key, version.version_id)
                if not isinstance(reason, VersionNotFound):
                    refused.append((version, reason))
        left = {version for version, _ in refused}
        with suppress(OSError, sqlite3.Error):
            removed = [version for version in versions if version not in left]
            await asyncio.to_thread(self._index.remove, removed)
        return refused

    async def check(self) -> StoreCheck:
        try:
            with self._store_errors():
                client = await self._connection.asking()
                answer = await client.get_bucket_versioning(Bucket=self.bucket)
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

    # The index spares requests and is nothing but a memory: where it cannot be used, we ask again.

    async def _remembered(self, version: Version) -> Version:
        """Add a version to the index, together with those that have come meanwhile."""
        if version.version_id != NO_VERSION:
            self._unremembered.append(version)
            async with self._remembering:
                versions, self._unremembered = self._unremembered, []
                with suppress(OSError, sqlite3.Error):
                    if versions:
                        await asyncio.to_thread(self._index.add, *versions)
        return version

    async def _with_provenance(self, listed: list[Version]) -> list[Version]:
        known: dict[tuple[str, str], Version] = {}
        with suppress(OSError, sqlite3.Error):
            version_ids = [version.version_id for version in listed]
            known = await asyncio.to_thread(self._index.known, version_ids)
        return [
            (
                replace(version, provenance=same.provenance)
                if (same := known.get((version.key, version.version_id)))
                else version
            )
            for version in listed
        ]

    @contextmanager
    def _store_errors(self, key: str = "", version_id: str | None = None) -> Iterator[None]:
        """Translate botocore's errors, the most specific first."""
        place = self._place
        try:
            yield
        except ClientError as error:
            if _is_page(error):
                raise _not_a_store(place) from error
            raise self._client_error(error, key, version_id) from error
        except (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError) as error:
            self._connection.refuse_credentials()
            raise StoreRefused(
                f"There are no credentials for {place}: set s3_access_key_id and"
                " s3_secret_access_key, or one of the places where botocore looks."
            ) from error
        except ProfileNotFound as error:
            self._connection.refuse_credentials()
            raise StoreRefused(
                f"There is no profile {self._options.profile!r} in the AWS configuration:"
                " correct s3_profile."
            ) from error
        except _Redirected as error:
            raise StoreRefused(
                f"{place} redirects to another address, where nothing is sent: correct"
                " s3_endpoint_url."
            ) from error
        except (ResponseParserError, KeyError) as error:
            raise _not_a_store(place) from error
        except _NETWORK_ERRORS as error:
            raise StoreUnavailable(
                f"The object store at {place} cannot be reached: {_reason(error)}."
            ) from error
        except (BotoCoreError, ValueError) as error:
            raise StoreRefused(
                f"A request to {place} cannot be made: {_reason(error)}. Check s3_endpoint_url,"
                " s3_bucket and s3_put_options."
            ) from error

    @property
    def _place(self) -> str:
        return f"{self._options.endpoint_url} (bucket {self.bucket!r})"

    def _client_error(self, error: ClientError, key: str, version_id: str | None) -> StoreError:
        place = self._place
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code == "NoSuchBucket":
            return BucketNotFound(
                f"There is no bucket {self.bucket!r} at {self._options.endpoint_url}:"
                " create it with versioning on, or correct s3_bucket."
            )
        # What is no version id at all is answered as a bad argument.
        if code in _NOT_THERE or (version_id and code == "InvalidArgument"):
            return VersionNotFound(key, version_id)
        if code in _TRY_LATER or status >= 500 or status == 429:
            return StoreUnavailable(
                f"The object store at {place} is not ready: it answered {status} {code}."
            )
        is_refused = code in _CREDENTIALS or (status in (401, 403) and code != _IN_COLD_STORAGE)
        if is_refused and code != "AccessDenied":  # which other ones would not change
            self._connection.refuse_credentials()
        if code == "RequestTimeTooSkewed":
            return StoreRefused(
                f"The clocks of this machine and of {place} differ too much: correct this one's."
            )
        if is_refused:
            return StoreRefused(
                f"{place} refused Bookstore's credentials ({code}): check s3_access_key_id,"
                " s3_secret_access_key and the permissions that come with them."
            )
        mend = "; have it restored there, then try again" if code == _IN_COLD_STORAGE else ""
        message = f"{place} would not take the request: it answered {status} {code}{mend}."
        return StoreError(message)


class _Session(AIOHTTPSession):  # type: ignore[misc]
    """An HTTP session that follows no redirects: notebooks go to the configured endpoint only.

    The redirects of S3 between regions are botocore's work, not HTTP's.
    """

    sends_again = True

    async def _get_session(self, proxy_url: str | None) -> Any:
        session = await super()._get_session(proxy_url)
        session._retry_connection = self.sends_again
        return SimpleNamespace(request=partial(session.request, allow_redirects=False))


class _SessionForPut(_Session):
    """A session that also does not send a request again when the connection breaks.

    aiohttp does so by itself for methods that HTTP calls idempotent, and PUT is one; in a versioned
    bucket a second PUT is a second version. There is no public way to turn that off
    (https://github.com/aio-libs/aiohttp/issues/10790).
    """

    sends_again = False


class _Redirected(Exception):
    """The endpoint redirects, and not to the bucket's region."""


def _refuse_redirect(response: tuple[Any, Any] | None, **_: Any) -> None:
    """Raise `_Redirected` before botocore looks for the region of a bucket that has none."""
    answer = response[0] if response else None
    if answer is None or not 300 <= answer.status_code < 400:
        return
    if "x-amz-bucket-region" not in answer.headers:
        raise _Redirected


def _add_md5(request: Any, **_: Any) -> None:
    """Add the MD5 of a body: botocore has another checksum, which older stores do not take."""
    digest = hashlib.md5(request.body, usedforsecurity=False).digest()
    request.headers["Content-MD5"] = base64.b64encode(digest).decode()


def _is_file(key: str) -> bool:
    """Return whether a key is a file's, not one by which consoles show an empty folder."""
    return not key.endswith("/")


def _is_close(version: Version, listed: ListedKey) -> bool:
    return abs(version.stored_at - listed.stored_at) < _LARGEST_SKEW


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


def _acknowledge(body: Any) -> None:
    """Acknowledge the head of an answer at once.

    Ceph sends the body when it knows that (its frontend has ``tcp_nodelay`` off by default), and
    the kernel takes 40 ms to say so by itself: several times as long as a small notebook takes.
    """
    response = getattr(body, "raw_stream", body)  # before aiobotocore 3, they look the same
    connection = getattr(response, "connection", None)  # none where the body has come, too
    if connection and connection.transport and hasattr(socket, "TCP_QUICKACK"):  # Linux
        connected: socket.socket = connection.transport.get_extra_info("socket")
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


async def _unless_stalled(request: Awaitable[T], *, progress: Callable[[], int]) -> T:
    """Await a request for as long as it makes progress.

    The client's own timeouts watch for an answer; nothing of it watches an upload that the store
    has stopped to read.

    Raises
    ------
    asyncio.TimeoutError
    """
    task = asyncio.ensure_future(request)
    reached = -1
    try:
        while not task.done() and reached != progress():
            reached = progress()
            await asyncio.wait({task}, timeout=_STALL_TIMEOUT)
        if not task.done():
            raise asyncio.TimeoutError(f"no byte of the upload went through in {_STALL_TIMEOUT} s")
        return task.result()
    finally:
        task.cancel()
        await asyncio.wait({task})


def _is_page(error: ClientError) -> bool:
    """Return whether a page was answered; botocore reports a successful one as an error 500."""
    answer = error.response.get("ResponseMetadata", {})
    media_type = str(answer.get("HTTPHeaders", {}).get("content-type", ""))
    return media_type.startswith("text/html") and answer.get("HTTPStatusCode") in (400, 403, 500)


def _not_a_store(place: str) -> StoreUnavailable:
    return StoreUnavailable(
        f"What answers at {place} is not an object store: check s3_endpoint_url, and the proxy or"
        " login page that may be on the way."
    )


def _reason(error: BaseException) -> str:
    reason = (str(error) or type(error).__name__).rstrip(".")
    return _QUERY.sub("", " ".join(reason.split()))  # botocore writes some in several lines
