"""The notebooks there are versions of, in a store and on the way there."""

import pytest

from bookstore.history.versions import EntryPage
from bookstore.storage import StoreUnavailable
from tests.support.archive import Archive


def keys(page: EntryPage) -> list[str]:
    return [entry.version.key for entry in page.entries]


async def test_a_search_finds_a_part_of_a_path_in_any_case(archive: Archive) -> None:
    for key in ("w/Zürich.ipynb", "w/zü/b.ipynb", "w/c.ipynb", "p/zürich.ipynb"):
        await archive.archive(key, key)
    page = await archive.catalogue.page("w/", limit=10, search="ZÜ")
    assert keys(page) == ["w/zü/b.ipynb", "w/Zürich.ipynb"]
    page = await archive.catalogue.page("w/", limit=1, search="zü")
    assert keys(page) == ["w/zü/b.ipynb"]
    page = await archive.catalogue.page("w/", limit=1, search="zü", after=page.next)
    assert keys(page) == ["w/Zürich.ipynb"]
    assert page.next is None
    assert keys(await archive.catalogue.page("w/", limit=10, search="w/")) == []


async def test_the_newest_come_first_also_those_that_are_pending(archive: Archive) -> None:
    for key in ("w/b", "w/d", "w/f", "w/b"):
        await archive.archive(key, key)
    save_id = archive.save("w/d", "pending")
    found, after = [], None
    while True:
        page = await archive.catalogue.page("w/", limit=2, after=after)
        found.append(keys(page))
        after = page.next
        if after is None:
            break
        assert page.entries[0].version.version_id == save_id
        assert all(entry.version.latest for entry in page.entries)
    assert found == [["w/d", "w/b"], ["w/f"]]


async def test_of_many_what_is_pending_has_its_place_on_one_page(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bookstore.history.catalogue._MOST_SORTED", 2)
    for key in ("w/b", "w/d", "w/f"):
        await archive.archive(key, key)
    saves = [archive.save(key, "pending") for key in ("w/d", "w/a", "w/c", "w/g", "w/d", "p/a")]
    first = await archive.catalogue.page("w/", limit=2)
    second = await archive.catalogue.page("w/", limit=2, after=first.next)
    assert [keys(first), keys(second)] == [["w/a", "w/b", "w/c", "w/d"], ["w/f", "w/g"]]
    assert second.next is None
    states = [entry.state for entry in (*first.entries, *second.entries)]
    assert states == ["pending", "archived", "pending", "pending", "archived", "pending"]
    assert first.entries[3].version.version_id == saves[4]
    assert all(entry.version.latest for entry in first.entries)
    assert keys(await archive.catalogue.page("w/", limit=9, search="C")) == ["w/c"]


async def test_without_the_store_there_is_what_is_known_here(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    await archive.archive("w/a", "1")
    archive.save("w/b", "2")

    async def away(*_: object, **__: object) -> None:
        raise StoreUnavailable("It is away.")

    monkeypatch.setattr("bookstore.storage.local.LocalStore.keys", away)
    page = await archive.catalogue.page("w/", limit=10)
    assert keys(page) == ["w/b", "w/a"]
    assert page.problem == "It is away."
    with pytest.raises(StoreUnavailable):
        await archive.catalogue.page("p/", limit=10)


async def test_a_renamed_notebook_is_listed_once(archive: Archive) -> None:
    archive.record("w/old", "1")
    await archive.upload()
    archive.rename("w/old", "w/new")
    assert keys(await archive.catalogue.page("w/", limit=10)) == ["w/new"]
    archive.record("w/new", "2")
    assert keys(await archive.catalogue.page("w/", limit=10)) == ["w/new"]
    await archive.upload()
    assert keys(await archive.catalogue.page("w/", limit=10)) == ["w/new"]
    archive.delete("w/new")
    assert keys(await archive.catalogue.page("w/", limit=10)) == ["w/new"]
    archive.record("w/old", "another's")
    await archive.upload()
    assert keys(await archive.catalogue.page("w/", limit=10)) == ["w/old", "w/new"]
