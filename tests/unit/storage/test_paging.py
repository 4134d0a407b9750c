"""What a store lists is followed to the end."""

import pytest

from bookstore.storage.paging import all_histories
from tests.support.archive import Archive


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bookstore.storage.paging._PAGE", 2)


async def test_all_versions_of_all_keys_are_listed(archive: Archive) -> None:
    wanted = {}
    for key in ("w/a", "w/ab", "w/b"):
        wanted[key] = [await archive.archive(key, f"{number}") for number in range(5)][::-1]
    await archive.archive("p/0", "elsewhere")
    listed = {
        key: [version.version_id for version in history]
        async for key, history in all_histories(archive.store, "w/")
    }
    assert listed == wanted
    assert [key async for key, _ in all_histories(archive.store, "nothing/")] == []
