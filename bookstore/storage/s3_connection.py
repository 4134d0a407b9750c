"""Connect to an object store: botocore's clients, their credentials and their HTTP sessions."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import math
import os
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from types import SimpleNamespace
from typing import Any, TypeVar

from aiobotocore.config import AioConfig
from aiobotocore.httpsession import AIOHTTPSession
from aiobotocore.session import AioSession
from botocore.utils import determine_content_length

from .._version import __version__
from .errors import StoreRefused
from .options import S3Options

T = TypeVar("T")

_CONNECT_TIMEOUT = 10  # seconds
_STALL_TIMEOUT = 30  # seconds without an answer, or without a byte of an upload getting through
_RENEWAL_INTERVAL = 10.0  # seconds between two lookups of credentials that the store refuses
_SENT_AT_ONCE = 1 << 20  # bytes that may be sent in vain, to a store that refuses them
_NO_RETRY = {"total_max_attempts": 1}
_RETRY_ONCE = {"mode": "standard", "total_max_attempts": 2}


class Redirected(Exception):
    """The endpoint redirects, and not to the bucket's region."""


class S3Connection:
    """Open the clients for all buckets of an object store, with pooled connections.

    There are two, each opened when first needed: a request that only reads is sent again when the
    store is busy. A PUT is not: one whose answer was lost may be a version already.

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

    async def read_client(self) -> Any:
        """Return the client for requests that may be sent twice."""
        return await self._client("read", retries=_RETRY_ONCE, http_session_cls=_Session)

    async def write_client(self) -> Any:
        """Return the client for requests that must be sent once."""
        return await self._client("write", retries=_NO_RETRY, http_session_cls=_SessionWithoutRetry)

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
                client.meta.events.register_last("before-call.s3", _send_at_once)
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
                # botocore puts its own together anew for each request, from twenty parts.
                user_agent=f"Bookstore/{__version__}",
                request_checksum_calculation=options.checksums,
                response_checksum_validation=options.checksums,
                **config,
            ),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._retired.aclose()
        await self._stack.aclose()


class _Session(AIOHTTPSession):  # type: ignore[misc]
    """An HTTP session that follows no redirects: notebooks go to the configured endpoint only.

    The redirects of S3 between regions are botocore's work, not HTTP's.
    """

    retries_connection = True

    async def _get_session(self, proxy_url: str | None) -> Any:
        session = await super()._get_session(proxy_url)
        session._retry_connection = self.retries_connection
        return SimpleNamespace(request=partial(session.request, allow_redirects=False))


class _SessionWithoutRetry(_Session):
    """A session that also does not send a request again when the connection breaks.

    aiohttp does so by itself for methods that HTTP calls idempotent, and PUT is one; in a versioned
    bucket a second PUT is a second version. There is no public way to turn that off
    (https://github.com/aio-libs/aiohttp/issues/10790).
    """

    retries_connection = False


def _refuse_redirect(response: tuple[Any, Any] | None, **_: Any) -> None:
    """Raise `Redirected` before botocore looks for the region of a bucket that has none."""
    answer = response[0] if response else None
    if answer is None or not 300 <= answer.status_code < 400:
        return
    if "x-amz-bucket-region" not in answer.headers:
        raise Redirected


def _send_at_once(params: Mapping[str, Any], **_: Any) -> None:
    """Send a small body without asking first whether it may come: that costs a round trip."""
    headers = params["headers"]
    if "Expect" in headers and determine_content_length(params["body"]) <= _SENT_AT_ONCE:
        del headers["Expect"]


def _add_md5(request: Any, **_: Any) -> None:
    """Add the MD5 of a body: botocore has another checksum, which older stores do not take."""
    digest = hashlib.md5(request.body, usedforsecurity=False).digest()
    request.headers["Content-MD5"] = base64.b64encode(digest).decode()


def acknowledge(body: Any) -> None:
    """Acknowledge the head of an answer at once.

    Ceph sends the body when it knows that (its frontend has ``tcp_nodelay`` off by default), and
    the kernel takes 40 ms to say so by itself: several times as long as a small notebook takes.
    """
    response = getattr(body, "raw_stream", body)  # before aiobotocore 3, they look the same
    connection = getattr(response, "connection", None)  # none where the body has come, too
    if connection and connection.transport and hasattr(socket, "TCP_QUICKACK"):  # Linux
        connected: socket.socket = connection.transport.get_extra_info("socket")
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


async def unless_stalled(request: Awaitable[T], *, progress: Callable[[], int]) -> T:
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
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
