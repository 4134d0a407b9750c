"""What a store lists is followed to the end."""

import pytest

from bookstore.storage.paging import all_keys, all_versions
from tests.support.archive import Archive


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bookstore.storage.paging._PAGE", 2)


async def test_all_keys_are_listed(archive: Archive) -> None:
    keys = [f"w/{number}" for number in range(5)]
    for key in (*keys, "p/0"):
        await archive.archive(key, key)
    assert [key async for key in all_keys(archive.store, "w/")] == keys
    assert [key async for key in all_keys(archive.store, "nothing/")] == []


async def test_all_versions_are_listed(archive: Archive) -> None:
    ids = [await archive.archive("w/a", f"{number}") for number in range(5)]
    await archive.archive("w/ab", "longer")
    versions = [version async for version in all_versions(archive.store, "w/a")]
    assert [version.version_id for version in versions] == ids[::-1]
