"""What every store does, tried on the embedded one and on S3, at moto's server and at Ceph."""

import hashlib
import io
import os
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest

from bookstore.storage import (
    KeyPage,
    LocalOptions,
    Provenance,
    S3Options,
    Store,
    StoreError,
    TooLarge,
    Version,
    VersionNotFound,
    open_store,
)
from bookstore.storage.paging import all_histories
from bookstore.storage.s3 import S3Store
from tests.support.object_store import Bucket, ObjectStore

KEY = "workspace/a.ipynb"


@pytest.fixture(params=["local", "moto", "ceph"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    if request.param == "local":
        store = open_store(LocalOptions(directory=tmp_path / "store"))
    else:
        fixture = {"moto": "moto_server", "ceph": "ceph"}[request.param]
        object_store: ObjectStore = request.getfixturevalue(fixture)
        bucket = object_store.new_bucket()
        request.addfinalizer(bucket.remove)
        store = open_store(s3_options(bucket, tmp_path))
    yield store
    await store.close()


def s3_options(bucket: Bucket, directory: Path) -> S3Options:
    return S3Options(
        index_directory=directory,
        bucket=bucket.name,
        endpoint_url=bucket.store.endpoint_url,
        access_key_id=bucket.store.access_key_id,
        secret_access_key=bucket.store.secret_access_key,
    )


def origin_of(content: bytes) -> Provenance:
    return Provenance(
        save_id=uuid.uuid4().hex,
        saved_at=datetime(2026, 11, 17, 9, 0, 0, 250, tzinfo=timezone.utc),
        sha256=hashlib.sha256(content).hexdigest(),
        author="José",
        kernel_name="python3",
        release="3.0.0",
    )


async def put(store: Store, content: bytes, key: str = KEY) -> Version:
    return await store.put(key, io.BytesIO(content), origin_of(content))


async def body(store: Store, key: str, version_id: str | None = None) -> bytes:
    target = io.BytesIO()
    await store.download(key, target, version_id)
    return target.getvalue()


@pytest.mark.parametrize("size", [0, 10, 3_000_000])
async def test_bytes_come_back_as_they_were(store: Store, size: int) -> None:
    content = os.urandom(size)
    version = await put(store, content)
    assert version.size == size
    assert await body(store, KEY) == content
    assert await body(store, KEY, version.version_id) == content


@pytest.mark.parametrize("size", [10, 3_000_000])
async def test_a_file_is_put_from_its_beginning(store: Store, size: int) -> None:
    content = os.urandom(size)
    file = io.BytesIO(content)
    file.seek(7)
    assert (await store.put(KEY, file, origin_of(content))).size == size
    assert await body(store, KEY) == content


async def test_every_put_is_a_version(store: Store) -> None:
    contents = [b"first", b"second", b"second", b"third"]
    put_versions = [await put(store, content) for content in contents]
    page = await store.versions(KEY, limit=10)
    assert [v.version_id for v in page.versions] == [v.version_id for v in reversed(put_versions)]
    assert [v.latest for v in page.versions] == [True, False, False, False]
    assert [v.size for v in page.versions] == [5, 6, 6, 5]
    assert page.next is None
    for content, version in zip(contents, put_versions, strict=True):
        assert await body(store, KEY, version.version_id) == content


async def test_a_version_tells_where_it_comes_from(store: Store) -> None:
    first = await put(store, b"first")
    second = await put(store, b"second")
    described = await store.describe(KEY, first.version_id)
    assert described.provenance == first.provenance
    assert described.size == 5
    assert described.stored_at.tzinfo
    newest = await store.describe(KEY)
    assert (newest.version_id, newest.latest) == (second.version_id, True)


async def test_history_is_paged(store: Store) -> None:
    expected = [(await put(store, bytes([n]))).version_id for n in range(7)][::-1]
    listed: list[str] = []
    after = None
    pages = 0
    while True:
        page = await store.versions(KEY, limit=3, after=after)
        listed += [version.version_id for version in page.versions]
        pages += 1
        after = page.next
        if after is None:
            break
    assert listed == expected
    assert pages == 3


async def test_history_is_of_exactly_one_key(store: Store) -> None:
    await put(store, b"a")
    await put(store, b"b", f"{KEY}.bak")
    await put(store, b"c", f"{KEY}/inside.ipynb")
    await put(store, b"d", "workspace/a.ipyn")
    page = await store.versions(KEY, limit=10)
    assert [version.key for version in page.versions] == [KEY]
    assert page.next is None


async def test_a_key_without_versions_has_no_history(store: Store) -> None:
    assert (await store.versions("workspace/none.ipynb", limit=10)).versions == []


@pytest.mark.parametrize(
    "path",
    [
        "with space.ipynb",
        "ünïcödé/漢字.ipynb",
        "a#b%20c+d&e=f?g.ipynb",
        "quo'te\"s<b>.ipynb",
        "/".join(["deep"] * 40) + "/a.ipynb",
    ],
)
async def test_any_name_works(store: Store, path: str) -> None:
    key = f"workspace/{path}"
    version = await put(store, b"content", key)
    assert await body(store, key, version.version_id) == b"content"
    listed = await store.versions(key, limit=10)
    assert [v.version_id for v in listed.versions] == [version.version_id]
    assert version.provenance
    assert await store.find(key, version.provenance.save_id, size=7)


async def test_a_save_is_found_by_its_id(store: Store) -> None:
    version = await put(store, b"content")
    await put(store, b"another")
    assert version.provenance
    found = await store.find(KEY, version.provenance.save_id, size=7)
    assert found
    assert found.version_id == version.version_id
    assert await store.find(KEY, uuid.uuid4().hex, size=7) is None
    assert await store.find("workspace/none.ipynb", uuid.uuid4().hex, size=7) is None


async def test_what_is_not_there_is_said_so(store: Store) -> None:
    version = await put(store, b"content")
    absent = version.version_id[::-1]
    with pytest.raises(VersionNotFound, match=r"no workspace/none\.ipynb"):
        await store.describe("workspace/none.ipynb")
    with pytest.raises(VersionNotFound):
        await store.download("workspace/none.ipynb", io.BytesIO())
    with pytest.raises(VersionNotFound):
        await store.describe("workspace/none.ipynb", version.version_id)
    with pytest.raises(VersionNotFound, match=f"no version {absent} of {KEY}"):
        await store.download(KEY, io.BytesIO(), absent)


async def test_a_version_can_be_removed_for_good(store: Store) -> None:
    first, second, third = [await put(store, content) for content in (b"1", b"2", b"3")]
    none = replace(second, key="workspace/none.ipynb")
    assert await store.delete([second, none]) == []
    assert await store.delete([second]) == []
    listed = (await store.versions(KEY, limit=10)).versions
    assert [version.version_id for version in listed] == [third.version_id, first.version_id]
    with pytest.raises(VersionNotFound):
        await store.download(KEY, io.BytesIO(), second.version_id)
    await store.delete([third])
    assert (await store.describe(KEY)).version_id == first.version_id
    assert await body(store, KEY) == b"1"


def keys_of(page: KeyPage) -> list[str]:
    return [listed.key for listed in page.keys]


async def test_the_newest_version_of_a_listed_key_is_described(store: Store) -> None:
    for key in ("w/a.ipynb", "w/b.ipynb"):
        await put(store, b"older", key)
    older, _ = (await store.keys("w/", limit=10)).keys
    newest = await put(store, b"newer", "w/a.ipynb")
    newer, other = (await store.keys("w/", limit=10)).keys
    assert older.stored_at <= newer.stored_at
    for listed in (older, newer):
        assert (await store.newest(listed)).version_id == newest.version_id
    await store.delete([await store.newest(other)])
    with pytest.raises(VersionNotFound):
        await store.newest(other)


async def test_keys_are_listed_in_their_order(store: Store) -> None:
    names = ["a b.ipynb", "b/a.ipynb", "b/ü.ipynb", "c.ipynb", "漢.ipynb"]
    for key in (*(f"w/{name}" for name in reversed(names)), "v/a.ipynb", "w.ipynb", "wa/b.ipynb"):
        await put(store, b"content", key)
        await put(store, b"again", key)
    listed: list[str] = []
    pages = 0
    after = None
    while True:
        page = await store.keys("w/", limit=2, after=after)
        listed += keys_of(page)
        pages += 1
        after = page.next
        if after is None:
            break
    assert listed == [f"w/{name}" for name in names]
    assert pages == 3
    assert keys_of(await store.keys("w/b/", limit=10)) == ["w/b/a.ipynb", "w/b/ü.ipynb"]
    assert (await store.keys("none/", limit=10)).keys == []
    assert len((await store.keys("", limit=10)).keys) == 8


async def test_keys_that_were_deleted_are_listed_where_that_is_wanted(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [f"w/{name}.ipynb" for name in "abcd"]
    for key in (*keys, *keys, *keys, "wa/b.ipynb"):
        await put(store, b"content", key)
    left = keys
    if isinstance(store, S3Store):  # the embedded store has no delete markers
        client = await store._connection.read_client()
        for key in (keys[1], keys[3]):
            await client.delete_object(Bucket=store.bucket, Key=key)
        left = [keys[0], keys[2]]
    assert keys_of(await store.keys("w/", limit=10)) == left
    monkeypatch.setattr("bookstore.storage.paging._PAGE", 2)
    histories = {key: history async for key, history in all_histories(store, "w/")}
    assert list(histories) == keys
    for key, history in histories.items():
        assert [version.deleted for version in history] == [False] * 3 or (
            key not in left and [version.deleted for version in history] == [True] + [False] * 3
        )
        assert [version.latest for version in history] == [True] + [False] * (len(history) - 1)
    assert [key async for key, _ in all_histories(store, "none/")] == []


async def test_no_more_is_downloaded_than_wanted(store: Store) -> None:
    await put(store, b"12345")
    target = io.BytesIO()
    with pytest.raises(TooLarge, match="has 5 bytes, and at most 4 may be read"):
        await store.download(KEY, target, limit=4)
    assert target.getvalue() == b""
    await store.download(KEY, target, limit=5)
    assert target.getvalue() == b"12345"


async def test_a_save_is_found_among_others_of_its_size(store: Store) -> None:
    versions = [await put(store, bytes([number])) for number in range(5)]
    await put(store, b"larger")
    for version in versions:
        assert version.provenance
        found = await store.find(KEY, version.provenance.save_id, size=1)
        assert found
        assert found.version_id == version.version_id
        assert found.provenance == version.provenance


async def test_a_good_store_says_so(store: Store) -> None:
    check = await store.check()
    assert (check.versioned, check.problem) == (True, "")


async def test_the_index_can_be_made_anew(store: Store) -> None:
    versions = [await put(store, text) for text in (b"1", b"2")]
    await store.rebuild_index()
    page = await store.versions(KEY, limit=10)
    assert [v.version_id for v in page.versions] == [v.version_id for v in reversed(versions)]
    assert [await body(store, KEY, version.version_id) for version in versions] == [b"1", b"2"]
    assert await store.verify() == []


async def test_bytes_that_are_not_those_archived_are_refused(store: Store) -> None:
    wrong = replace(origin_of(b"right"), sha256=hashlib.sha256(b"wrong").hexdigest())
    version = await store.put(KEY, io.BytesIO(b"right"), wrong)
    with pytest.raises(StoreError, match=f"Version {version.version_id} of {KEY} is damaged"):
        await body(store, KEY)


async def test_closing_twice_is_closing_once(store: Store) -> None:
    await store.check()
    await store.close()
    await store.close()
