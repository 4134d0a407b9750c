"""What the embedded store does about files that are damaged, lost or locked."""

import asyncio
import io
import os
import sqlite3
import uuid
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path

import pytest

from bookstore.storage import LocalOptions, Provenance, StoreError, StoreUnavailable
from bookstore.storage import index as index_module
from bookstore.storage.base import sha256_of
from bookstore.storage.local import LocalStore

KEY = "workspace/a.ipynb"
NOON = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(LocalOptions(directory=tmp_path / "store"))


async def put(store: LocalStore, content: bytes, key: str = KEY) -> str:
    origin = Provenance(
        save_id=uuid.uuid4().hex,
        saved_at=NOON,
        sha256=sha256_of(io.BytesIO(content)),
        author="ann",
        notebook_id="n",
        renamed_from="workspace/b.ipynb",
    )
    return (await store.put(key, io.BytesIO(content), origin)).version_id


def index_of(store: LocalStore) -> Path:
    return store.directory / "index.sqlite"


def of_another_schema(file: Path) -> None:
    file.unlink()
    with closing(sqlite3.connect(file)) as old:
        old.execute("CREATE TABLE versions (key TEXT)")


@pytest.mark.parametrize(
    "harm",
    [
        Path.unlink,
        lambda file: file.write_bytes(b"damaged" * 1000),
        of_another_schema,
    ],
)
async def test_the_index_is_rebuilt_from_the_files(
    store: LocalStore, harm: Callable[[Path], None]
) -> None:
    for number in range(3):
        await put(store, b"%d" % number)
        await put(store, b"b", "workspace/b.ipynb")
    before = [await store.versions(key, limit=10) for key in (KEY, "workspace/b.ipynb")]
    harm(index_of(store))
    for other in (store, LocalStore(LocalOptions(directory=store.directory))):
        after = [await other.versions(key, limit=10) for key in (KEY, "workspace/b.ipynb")]
        assert after == before


async def test_a_put_after_the_index_was_lost_is_the_newest(store: LocalStore) -> None:
    first = await put(store, b"1")
    index_of(store).unlink()
    second = await put(store, b"2")
    page = await store.versions(KEY, limit=10)
    assert [version.version_id for version in page.versions] == [second, first]


async def test_a_file_that_is_not_whole_is_left_out_of_a_rebuilt_index(store: LocalStore) -> None:
    whole, cut = await put(store, b"1"), await put(store, b"2")
    blob = store.directory / "blobs" / cut[:2] / cut
    os.truncate(blob, blob.stat().st_size - 5)
    assert await store.rebuild_index() == 1
    assert (await store.describe(KEY)).version_id == whole


async def test_damaged_and_lost_versions_are_found(store: LocalStore) -> None:
    damaged, lost = await put(store, b"1"), await put(store, b"2")
    await put(store, b"3")
    (store.directory / "blobs" / damaged[:2] / damaged).write_bytes(b"x")
    (store.directory / "blobs" / lost[:2] / lost).unlink()
    assert await store.verify() == [
        f"Version {damaged} of {KEY} is damaged: its bytes are not those that were archived.",
        f"The bytes of version {lost} of {KEY} are lost.",
    ]
    with pytest.raises(StoreError, match="is damaged"):
        await store.download(KEY, io.BytesIO(), damaged)


async def test_a_locked_index_is_an_error_soon(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(store, b"1")
    monkeypatch.setattr(index_module, "LOCK_TIMEOUT", 0.1)
    store = LocalStore(LocalOptions(directory=store.directory))
    with closing(sqlite3.connect(index_of(store))) as other:
        other.execute("BEGIN EXCLUSIVE")
        answers = await asyncio.gather(
            *(store.versions(KEY, limit=1) for _ in range(3)), return_exceptions=True
        )
        assert [type(answer) for answer in answers] == [StoreUnavailable] * 3
        assert f"locked ({index_of(store)})" in str(answers[0])
        with pytest.raises(StoreUnavailable):
            await put(store, b"2")
    assert len((await store.versions(KEY, limit=10)).versions) == 1


async def test_what_no_room_was_left_for_leaves_nothing(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("bookstore.storage.local.os.fsync", fail)
        with pytest.raises(StoreUnavailable, match="No space left"):
            await put(store, b"1")
    assert [file for file in store.directory.rglob("blobs/*/*") if file.is_file()] == []


async def test_the_order_of_a_rebuilt_index_is_that_of_archiving(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter([NOON, NOON.replace(hour=11), NOON.replace(hour=13)])
    monkeypatch.setattr("bookstore.storage.local.utc_now", lambda: next(times))
    ids = [await put(store, b"%d" % number) for number in range(3)]
    await store.rebuild_index()
    page = await store.versions(KEY, limit=10)
    assert [version.version_id for version in page.versions] == ids[::-1]
