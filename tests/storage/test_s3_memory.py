"""What this machine remembers of a bucket: a version never changes, and is asked for once."""

import io
from pathlib import Path

from bookstore.storage import open_index
from bookstore.storage.s3 import S3Store
from tests.support.object_store import Bucket

from .test_store_contract import KEY, body, put, s3_options


async def test_where_a_version_comes_from_is_remembered(bucket: Bucket, tmp_path: Path) -> None:
    store = S3Store(s3_options(bucket, tmp_path / "here"))
    own = await put(store, b"own")
    foreign_id = bucket.put(KEY, b"foreign")
    listed = (await store.versions(KEY, limit=10)).versions
    assert [version.provenance for version in listed] == [None, own.provenance]
    described = await store.describe(KEY, foreign_id)
    listed = (await store.versions(KEY, limit=10)).versions
    assert [version.provenance for version in listed] == [described.provenance, own.provenance]
    assert described.provenance
    assert described.provenance.saved_at == described.stored_at
    assert [version.latest for version in listed] == [True, False]
    await store.close()

    index = open_index(s3_options(bucket, tmp_path / "here"))
    assert {v.version_id for v in index.versions(KEY, limit=10).versions} == {
        own.version_id,
        foreign_id,
    }
    assert [listed.key for listed in index.keys("", limit=10).keys] == [KEY]
    elsewhere = S3Store(s3_options(bucket, tmp_path / "elsewhere"))
    listed = (await elsewhere.versions(KEY, limit=10)).versions
    assert [version.provenance for version in listed] == [None, None]
    await elsewhere.download(KEY, io.BytesIO(), own.version_id)
    listed = (await elsewhere.versions(KEY, limit=10)).versions
    assert listed[1].provenance == own.provenance
    await elsewhere.close()


async def test_where_nothing_can_be_remembered_it_is_asked_for_again(
    bucket: Bucket, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    store = S3Store(s3_options(bucket, tmp_path / "file"))
    version = await put(store, b"content")
    assert await body(store, KEY) == b"content"
    (listed,) = (await store.versions(KEY, limit=10)).versions
    assert (listed.version_id, listed.provenance) == (version.version_id, None)
    assert (await store.describe(KEY)).provenance == version.provenance
    await store.close()


async def test_other_buckets_are_reached_through_the_same_client(
    bucket: Bucket, tmp_path: Path
) -> None:
    store = S3Store(s3_options(bucket, tmp_path))
    other = bucket.store.new_bucket()
    other_id = other.put(KEY, b"other")
    await put(store, b"content")
    reached = store.in_bucket(other.name)
    assert (reached.bucket, reached.url) == (
        other.name,
        f"{bucket.store.endpoint_url}/{other.name}",
    )
    assert await body(reached, KEY) == b"other"
    assert await body(store, KEY) == b"content"
    # each has a memory of its own
    assert open_index(s3_options(other, tmp_path)).get(KEY, other_id)
    assert not open_index(s3_options(bucket, tmp_path)).get(KEY, other_id)
    await store.close()
    await store.close()
    other.remove()
