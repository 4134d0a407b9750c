"""Names of versions: where versions are shown, and kept beside the notebooks."""

import pytest

from bookstore.history.names import give_name
from bookstore.storage import VersionNotFound
from bookstore.validation import BadInput
from tests.support.archive import Archive


async def name(
    archive: Archive, key: str, version_id: str | None, given: str, note: str = ""
) -> None:
    entry = await archive.history.find(key, version_id)
    await give_name(archive.store, entry.version, given, note, author="ann")


async def names(archive: Archive, key: str) -> list[str]:
    return [entry.name for entry in (await archive.history.page(key, limit=10)).entries]


@pytest.mark.parametrize("note", ["", "50 % of it / the rest is Ann's", "a/b/c"])
@pytest.mark.parametrize("given", ["sent to Ann", "50 % / v1", "Prüfung 漢字 😀", "a/../b", "%2F"])
async def test_a_version_has_the_name_and_the_note_that_it_was_given(
    archive: Archive, given: str, note: str
) -> None:
    versions = [await archive.archive("w/a b/ü.ipynb", text) for text in ("1", "2")]
    await name(archive, "w/a b/ü.ipynb", versions[0], given, note)
    newer, older = (await archive.history.page("w/a b/ü.ipynb", limit=10)).entries
    assert (newer.name, newer.note) == ("", "")
    assert (older.name, older.note) == (given, note)


async def test_the_last_name_counts_and_an_empty_one_takes_it_away(archive: Archive) -> None:
    await archive.archive("w/a", "1")
    for given, note in (("z", "noted"), ("a", ""), ("", "")):
        await name(archive, "w/a", None, given, note)
        (entry,) = (await archive.history.page("w/a", limit=10)).entries
        assert (entry.name, entry.note) == (given, note)


async def test_a_save_keeps_the_name_that_it_was_given_while_it_was_pending(
    archive: Archive,
) -> None:
    archive.record("w/a", "1")
    await name(archive, "w/a", None, "first")
    assert await names(archive, "w/a") == ["first"]
    await archive.upload()
    assert await names(archive, "w/a") == ["first"]


async def test_names_belong_to_the_key_that_a_version_has(archive: Archive) -> None:
    archive.record("w/a", "1")
    await archive.upload()
    await name(archive, "w/a", None, "before the rename")
    archive.rename("w/a", "w/b")
    archive.record("w/b", "2")
    await archive.upload()
    archive.record("w/a", "other")
    await archive.upload()
    assert await names(archive, "w/b") == ["", "before the rename"]
    assert await names(archive, "w/a") == [""]


@pytest.mark.parametrize("most_sorted", [2, 100])
async def test_names_are_no_notebooks(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, most_sorted: int
) -> None:
    monkeypatch.setattr("bookstore.history.catalogue._MOST_SORTED", most_sorted)
    for key in ("w/(1).ipynb", "w/a.ipynb", "w/b.ipynb"):
        await archive.archive(key, key)
        for number in range(10):
            await name(archive, key, None, f"{number}.ipynb")
    listed = []
    after = None
    while True:
        page = await archive.catalogue.page("w/", limit=2, after=after)
        listed += [entry.version.key for entry in page.entries]
        if (after := page.next) is None:
            break
    assert sorted(listed) == ["w/(1).ipynb", "w/a.ipynb", "w/b.ipynb"]
    assert not (await archive.catalogue.page("w/", limit=9, search="names")).entries


async def test_a_key_that_would_be_too_long_is_refused(archive: Archive) -> None:
    key = f"w/{'/'.join(['x' * 200] * 5)}"
    await archive.archive(key, "1")
    with pytest.raises(BadInput, match="shorten the name"):
        await name(archive, key, None, "n" * 100)
    with pytest.raises(BadInput, match="shorten the note"):
        await name(archive, key, None, "n", "n" * 300)


async def test_the_beginning_of_an_id_stands_for_it_where_no_other_begins_so(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = [await archive.archive("w/a", text) for text in ("1", "2")]
    assert (await archive.history.find("w/a", first[:8])).version.version_id == first
    assert await archive.read("w/a", second[:12]) == "2"
    with pytest.raises(VersionNotFound):
        await archive.history.find("w/a", first[:7])
    monkeypatch.setattr("bookstore.history.versions._ids", lambda version: {"same-beginning"})
    with pytest.raises(BadInput, match="2 versions have an id that begins with same-begin"):
        await archive.history.find("w/a", "same-begin")
