"""botocore's errors become Bookstore's: one sentence, the store's failure, and no secret."""

import asyncio
import io
import json
import time
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from bookstore import __version__
from bookstore.storage import (
    Provenance,
    S3Options,
    StoreError,
    StoreRefused,
    StoreUnavailable,
    open_store,
    s3_connection,
)
from tests.support.fault_proxy import FaultProxy
from tests.support.object_store import Bucket, ObjectStore
from tests.support.ports import free_port

from .test_store_contract import s3_options

NOW = Provenance(saved_at=datetime.now(timezone.utc), save_id="1")


def options_of(server: asyncio.Server, directory: Path, **options: Any) -> S3Options:
    """Say how to reach a server that stands in for a store."""
    return S3Options(
        bucket="bucket",
        index_directory=directory,
        endpoint_url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}",
        access_key_id="key",
        secret_access_key="secret",
        **options,
    )


async def refusal(options: S3Options) -> StoreError:
    store = open_store(options)
    try:
        with pytest.raises(StoreError) as raised:
            await store.put("workspace/a.ipynb", io.BytesIO(b"{}"), NOW)
        return raised.value
    finally:
        await store.close()


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"secret_access_key": "wrong-secret"}, StoreRefused, "refused Bookstore's credentials"),
        ({"access_key_id": "nobody"}, StoreRefused, "refused Bookstore's credentials"),
        ({"bucket": "bookstore-none"}, StoreRefused, "There is no bucket 'bookstore-none'"),
        ({"profile": "nobody"}, StoreRefused, "There is no profile 'nobody'"),
        ({"bucket": "Not A Bucket"}, StoreRefused, "Check s3_endpoint_url, s3_bucket"),
        ({"put_options": {"Unknown": 1}}, StoreRefused, "s3_put_options"),
    ],
)
async def test_a_refusal_says_what_to_do(
    bucket: Bucket, tmp_path: Path, change: dict[str, Any], error: type[StoreError], says: str
) -> None:
    raised = await refusal(replace(s3_options(bucket, tmp_path), **change))
    assert isinstance(raised, error)
    assert says in str(raised)
    assert "wrong-secret" not in str(raised)


async def test_without_credentials_that_is_what_is_said(
    bucket: Bucket, no_credentials: Path, tmp_path: Path
) -> None:
    raised = await refusal(
        replace(s3_options(bucket, tmp_path), access_key_id="", secret_access_key="")
    )
    assert isinstance(raised, StoreRefused)
    assert "There are no credentials" in str(raised)


@pytest.fixture
def no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A file of credentials that does not exist yet, and no other place that has any."""
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setattr(s3_connection, "_RENEWAL_INTERVAL", 0.0)
    return tmp_path / "credentials"


def write_credentials(file: Path, secret: str) -> None:
    file.write_text(f"[default]\naws_access_key_id = test\naws_secret_access_key = {secret}\n")


@pytest.mark.parametrize("is_there", [False, True])
async def test_credentials_in_a_file_are_read_anew_when_they_are_refused(
    bucket: Bucket, tmp_path: Path, no_credentials: Path, is_there: bool
) -> None:
    options = replace(s3_options(bucket, tmp_path), access_key_id="", secret_access_key="")
    if is_there:
        write_credentials(no_credentials, "stale")
    store = open_store(options)
    for request in (
        store.put("workspace/a.ipynb", io.BytesIO(b"{}"), NOW),
        store.versions("workspace/a.ipynb", limit=1),
    ):
        with pytest.raises(StoreRefused):
            await request
    write_credentials(no_credentials, "testtest")
    await store.put("workspace/a.ipynb", io.BytesIO(b"{}"), NOW)
    assert "shared-credentials-file" in (await store.check()).credentials
    await store.close()
    assert len(bucket.version_ids("workspace/a.ipynb")) == 1


@pytest.mark.parametrize("provider", ["container", "instance"])
async def test_a_role_that_answers_only_later_is_asked_again(
    bucket: Bucket,
    tmp_path: Path,
    no_credentials: Path,
    monkeypatch: pytest.MonkeyPatch,
    provider: str,
) -> None:
    is_up = False
    role = {
        "Code": "Success",
        "Type": "AWS-HMAC",
        "AccessKeyId": "test",
        "SecretAccessKey": "testtest",
        "Token": "",
        "Expiration": "2099-01-01T00:00:00Z",
        "LastUpdated": "2026-01-01T00:00:00Z",
    }

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        body = json.dumps(role)
        if "/api/token" in head:
            body = "token"
        elif head.split()[1].endswith("/security-credentials/"):
            body = "role"
        status = "200 OK" if is_up else "503 Service Unavailable"
        writer.write(
            f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            f"{body}".encode()
        )
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1") as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        if provider == "container":
            monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)
        else:
            monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
            monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", url)
        options = replace(s3_options(bucket, tmp_path), access_key_id="", secret_access_key="")
        store = open_store(options)
        with pytest.raises(StoreRefused, match="There are no credentials"):
            await store.put("workspace/a.ipynb", io.BytesIO(b"{}"), NOW)
        is_up = True
        await store.put("workspace/a.ipynb", io.BytesIO(b"{}"), NOW)
        assert "They end at 2099-01-01 00:00 UTC" in (await store.check()).credentials
        await store.close()


async def test_a_missing_file_of_certificate_authorities_is_named(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", "/nowhere/ca.pem")
    raised = await refusal(s3_options(bucket, tmp_path))
    assert isinstance(raised, StoreRefused)
    assert "/nowhere/ca.pem, which AWS_CA_BUNDLE" in str(raised)


async def test_nobody_listens(bucket: Bucket, tmp_path: Path) -> None:
    options = replace(s3_options(bucket, tmp_path), endpoint_url=f"http://127.0.0.1:{free_port()}")
    raised = await refusal(options)
    assert isinstance(raised, StoreUnavailable)
    assert "cannot be reached" in str(raised)


async def test_a_key_that_is_too_long_is_this_saves_own_trouble(
    bucket: Bucket, tmp_path: Path
) -> None:
    store = open_store(s3_options(bucket, tmp_path))
    with pytest.raises(StoreError) as raised:
        await store.put("x" * 2000, io.BytesIO(b"{}"), NOW)
    await store.close()
    assert type(raised.value) is StoreError


@pytest.mark.parametrize(
    ("mode", "error"),
    [
        ("unavailable", StoreUnavailable),
        ("deny", StoreRefused),
        ("refuse", StoreUnavailable),
        ("cut_upload", StoreUnavailable),
        ("lose_answer", StoreUnavailable),
        ("hang", StoreUnavailable),
    ],
)
@pytest.mark.parametrize("size", [10, 5_000_000])
async def test_faults_on_the_way(
    bucket: Bucket,
    tmp_path: Path,
    fault_proxy: FaultProxy,
    mode: Any,
    error: type[StoreError],
    size: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = open_store(replace(s3_options(bucket, tmp_path), endpoint_url=fault_proxy.endpoint_url))
    fault_proxy.mode = mode
    with monkeypatch.context() as impatient, pytest.raises(error):
        if mode == "hang":
            impatient.setattr(s3_connection, "_STALL_TIMEOUT", 1)
        await store.put("workspace/a.ipynb", io.BytesIO(b"x" * size), NOW)
    fault_proxy.mode = "pass"
    # What went wrong is over: the same store works again.
    await store.put("workspace/a.ipynb", io.BytesIO(b"x" * size), NOW)
    await store.close()


async def test_a_put_whose_answer_was_lost_is_not_sent_again_unseen(
    bucket: Bucket, tmp_path: Path, fault_proxy: FaultProxy
) -> None:
    store = open_store(replace(s3_options(bucket, tmp_path), endpoint_url=fault_proxy.endpoint_url))
    await store.check()  # there is a connection that is kept open
    fault_proxy.mode = "lose_answer"
    with pytest.raises(StoreUnavailable):
        await store.put("workspace/a.ipynb", io.BytesIO(b"{}"), NOW)
    await store.close()
    assert len(bucket.version_ids("workspace/a.ipynb")) == 1


async def test_a_slow_upload_is_not_a_stalled_one(
    bucket: Bucket, tmp_path: Path, fault_proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    # long enough for the store to answer what has come
    monkeypatch.setattr(s3_connection, "_STALL_TIMEOUT", 5)
    store = open_store(replace(s3_options(bucket, tmp_path), endpoint_url=fault_proxy.endpoint_url))

    class SlowFile(io.BytesIO):
        """Takes longer in all than an upload may stand still."""

        def read(self, size: int | None = -1) -> bytes:
            time.sleep(0.3)
            return super().read(size)

    await store.put("workspace/a.ipynb", SlowFile(b"x" * 5_000_000), NOW)
    await store.close()


async def test_a_bucket_without_versions_is_recognised(ceph: ObjectStore, tmp_path: Path) -> None:
    bucket = ceph.new_bucket(versioned=False)
    store = open_store(s3_options(bucket, tmp_path))
    check = await store.check()
    await store.close()
    bucket.remove()
    assert check.versioned is False
    assert "does not keep versions" in check.problem


async def test_a_store_that_will_not_tell_is_not_taken_for_a_good_one(
    bucket: Bucket, tmp_path: Path
) -> None:
    store = open_store(replace(s3_options(bucket, tmp_path), secret_access_key="wrong"))
    check = await store.check()
    await store.close()
    assert check.versioned is None
    assert "refused Bookstore's credentials" in check.problem


async def test_delete_markers_are_shown_as_such(bucket: Bucket, tmp_path: Path) -> None:
    store = open_store(s3_options(bucket, tmp_path))
    version = await store.put("workspace/a.ipynb", io.BytesIO(b"{}"), NOW)
    bucket.store.client.delete_object(Bucket=bucket.name, Key="workspace/a.ipynb")
    page = await store.versions("workspace/a.ipynb", limit=10)
    await store.close()
    assert [v.deleted for v in page.versions] == [True, False]
    assert page.versions[1].version_id == version.version_id


HTML = b"<!DOCTYPE html><html><body>Log in<br></body></html>"


@pytest.mark.parametrize(
    ("status", "headers", "body", "error", "says"),
    [
        ("200 OK", "Content-Type: text/html\r\n", HTML, StoreUnavailable, "not an object store"),
        ("200 OK", "", b"", StoreUnavailable, "not an object store"),
        ("204 No Content", "", b"", StoreUnavailable, "not an object store"),
        ("307 Temporary Redirect", "Location: {}\r\n", b"", StoreRefused, "redirects to another"),
        ("302 Found", "Location: {}\r\n", HTML, StoreRefused, "redirects to another"),
    ],
)
async def test_what_does_not_answer_as_s3_takes_no_save(
    tmp_path: Path, status: str, headers: str, body: bytes, error: type[StoreError], says: str
) -> None:
    reached: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        reached.append(head.decode().split()[0])
        length = f"Content-Length: {len(body)}\r\n" if "204" not in status else ""
        to = headers.format(f"http://127.0.0.1:{port}/elsewhere")
        writer.write(f"HTTP/1.1 {status}\r\n{length}{to}Connection: close\r\n\r\n".encode())
        writer.write(b"" if reached[-1] == "HEAD" else body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        options = options_of(server, tmp_path, allow_unversioned=True)
        raised = await refusal(options)
        store = open_store(options)
        for request in (
            store.describe("workspace/a.ipynb"),
            store.download("workspace/a.ipynb", io.BytesIO()),
        ):
            with pytest.raises(StoreError):
                await request
        await store.close()
    assert isinstance(raised, error)
    assert says in str(raised)
    assert reached.count("PUT") == 1


@pytest.mark.parametrize(
    "body",
    [
        b"<ListVersionsResult><Version><Key>k</Key></Version></ListVersionsResult>",
        b"<ListVersionsResult><IsTruncated>true</IsTruncated></ListVersionsResult>",
        b"<ListBucketResult><Contents><Key>k</Key></Contents></ListBucketResult>",
    ],
)
async def test_a_listing_that_lacks_what_those_of_s3_have_is_an_error_of_the_store(
    tmp_path: Path, body: bytes
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1") as server:
        store = open_store(options_of(server, tmp_path))
        listing = store.versions("k", limit=1) if b"Versions" in body else store.keys("", limit=1)
        with pytest.raises(StoreUnavailable, match="is not an object store"):
            await listing
        await store.close()


@pytest.mark.parametrize(("size", "asks_first"), [(2, False), (2_000_000, True)])
async def test_a_small_body_is_sent_without_asking_first(
    tmp_path: Path, size: int, asks_first: bool
) -> None:
    heads: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        if "Expect: 100-continue" in heads[-1]:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await reader.readexactly(size)
        writer.write(b'HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: 0\r\n\r\n')
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1") as server:
        store = open_store(options_of(server, tmp_path, allow_unversioned=True))
        await store.put("workspace/a.ipynb", io.BytesIO(b"x" * size), NOW)
        await store.close()
    (head,) = heads
    assert ("Expect: 100-continue" in head) == asks_first
    assert f"User-Agent: Bookstore/{__version__}" in head


async def test_a_download_that_breaks_off_is_the_networks_failure(tmp_path: Path) -> None:
    async def answer_in_part(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n"
            b"Last-Modified: Mon, 23 Nov 2026 12:00:00 GMT\r\n\r\nin part"
        )
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer_in_part, "127.0.0.1") as server:
        store = open_store(options_of(server, tmp_path))
        with pytest.raises(StoreUnavailable, match="cannot be reached"):
            await store.download("workspace/a.ipynb", io.BytesIO())
        await store.close()


async def test_a_busy_store_is_asked_again_and_never_told_twice(
    bucket: Bucket, tmp_path: Path, fault_proxy: FaultProxy
) -> None:
    store = open_store(replace(s3_options(bucket, tmp_path), endpoint_url=fault_proxy.endpoint_url))
    await store.put("workspace/a.ipynb", io.BytesIO(b"{}"), NOW)
    fault_proxy.mode = "unavailable"
    with pytest.raises(StoreUnavailable):
        await store.put("workspace/a.ipynb", io.BytesIO(b"{}"), NOW)
    assert fault_proxy.seen["unavailable"] == 1
    with pytest.raises(StoreUnavailable):
        await store.describe("workspace/a.ipynb")
    assert fault_proxy.seen["unavailable"] == 3
    await store.close()


async def test_versions_that_may_not_be_removed_are_told_of_one_by_one(
    bucket: Bucket, tmp_path: Path
) -> None:
    denied = f"arn:aws:s3:::{bucket.name}/workspace/denied.ipynb"
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:DeleteObjectVersion",
        "Resource": denied,
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    store = open_store(s3_options(bucket, tmp_path))
    versions = [
        await store.put(f"workspace/{name}.ipynb", io.BytesIO(b"{}"), NOW)
        for name in ("a", "denied", "b")
    ]
    bucket.store.client.put_bucket_policy(Bucket=bucket.name, Policy=json.dumps(policy))
    try:
        ((version, error),) = await store.delete(versions)
        assert version == versions[1]
        assert "AccessDenied" in str(error)
        assert [listed.key for listed in (await store.keys("", limit=10)).keys] == [version.key]
    finally:
        bucket.store.client.delete_bucket_policy(Bucket=bucket.name)
        await store.close()
