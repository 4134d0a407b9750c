"""The history of a notebook, put together from a store, the outbox and what was renamed."""

from datetime import timedelta
from pathlib import Path

import pytest

from bookstore.history.versions import EntryPage
from bookstore.storage import StoreUnavailable, TooLarge, VersionNotFound
from bookstore.validation import BadInput
from tests.support.archive import NOON, Archive


async def test_versions_that_others_have_overtaken_are_not_lost(archive: Archive) -> None:
    # Notebooks with other names are uploaded at the same time: the former's may come later.
    renamed = NOON + timedelta(hours=1)
    await archive.archive("b", "2", saved_at=renamed, renamed_from="a")
    await archive.archive("a", "1", saved_at=NOON)
    await archive.archive("a", "another", saved_at=renamed + timedelta(seconds=1))
    assert await archive.texts("b") == ["2", "1"]
    known = archive.history.known("b", limit=10)
    assert [entry.version.key for entry in known] == ["b", "a"]


async def test_pending_saves_are_part_of_the_history_under_former_names(archive: Archive) -> None:
    await archive.archive("a", "1")
    archive.save("a", "2")
    archive.save("b", "3", renamed_from="a")
    archive.save("b", "4")
    archive.save("a", "another")
    archive.renames.add("b", "c")
    assert await archive.texts("c") == ["4", "3", "2", "1"]
    assert [entry.state for entry in archive.history.known("c", limit=3)] == ["pending"] * 3
    assert await archive.texts("a") == ["another", "2", "1"]


async def test_a_save_that_becomes_a_version_is_there_once(archive: Archive) -> None:
    save_id = archive.save("a", "1")
    await archive.archive("a", "1", save_id=save_id)  # and the outbox has it still
    assert await archive.texts("a") == ["1"]
    assert len(archive.history.known("a", limit=10)) == 1


async def test_the_newest_is_read_whatever_it_is(archive: Archive) -> None:
    with pytest.raises(VersionNotFound):
        await archive.read("a")
    await archive.archive("a", "1")
    assert await archive.read("a") == "1"
    archive.renames.add("a", "b")
    assert await archive.read("b") == "1"
    archive.record("b", "2")
    assert await archive.read("b") == "2"


async def test_a_version_of_another_notebook_is_not_read(archive: Archive) -> None:
    await archive.archive("a", "1")
    other = await archive.archive("b", "2")
    pending = archive.save("b", "3")
    for version_id in (other, pending):
        with pytest.raises(VersionNotFound):
            await archive.read("a", version_id)


async def test_no_more_is_read_than_wanted(archive: Archive) -> None:
    version_id = await archive.archive("a", "12345")
    pending = archive.save("a", "12345")
    for name in (version_id, pending):
        assert await archive.read("a", name, limit=5) == "12345"
        with pytest.raises(TooLarge, match="a has 5 bytes, and at most 4 may be read"):
            await archive.read("a", name, limit=4)


async def test_pages_go_through_all_names_once(archive: Archive) -> None:
    for number in range(5):
        await archive.archive("a", f"{number}")
    await archive.archive("b", "5", renamed_from="a")
    await archive.archive("c", "6", renamed_from="b")
    await archive.archive("c", "7")
    archive.save("c", "8")
    texts: list[str] = []
    pages: list[EntryPage] = []
    while not pages or pages[-1].next:
        pages.append(
            await archive.history.page("c", limit=3, after=pages[-1].next if pages else None)
        )
        texts += [await archive.read("c", e.version.version_id) for e in pages[-1].entries]
    assert texts == list("876543210")
    assert [len(page.entries) for page in pages if page.entries] == [4, 3, 2]
    latest = [entry.version.latest for page in pages for entry in page.entries]
    assert latest == [True] + [False] * 8


async def test_two_notebooks_that_name_each_other_end(archive: Archive) -> None:
    await archive.archive("a", "1", renamed_from="b")
    await archive.archive("b", "2", renamed_from="a")
    await archive.archive("a", "3", renamed_from="b")
    assert await archive.texts("a") == ["3", "2", "1"]


async def test_without_the_store_there_is_what_is_known_here(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    await archive.archive("a", "1")
    archive.save("a", "2")

    async def away(*_: object, **__: object) -> None:
        raise StoreUnavailable("It is away.")

    monkeypatch.setattr("bookstore.storage.local.LocalStore.versions", away)
    page = await archive.history.page("a", limit=10)
    assert [entry.state for entry in page.entries] == ["pending", "archived"]
    assert (page.problem, page.next) == ("It is away.", None)
    with pytest.raises(StoreUnavailable):
        await archive.history.page("b", limit=10)


@pytest.mark.parametrize(
    "after", ["bogus", "W10x", "MQ", "W1sxLDIsM11d", "W1siYSIsICIxIiwgIjIiXV0", "Ww" * 9000]
)
async def test_a_page_that_nobody_has_named_is_refused(archive: Archive, after: str) -> None:
    with pytest.raises(BadInput, match="after is not what another page has named"):
        await archive.history.page("a", limit=3, after=after)


async def test_what_is_on_disk_is_recognised(archive: Archive, tmp_path: Path) -> None:
    file = tmp_path / "a.ipynb"
    file.write_text("1")
    assert not await archive.history.holds("a", str(file))
    await archive.archive("a", "1")
    assert await archive.history.holds("a", str(file))
    archive.save("a", "2")
    assert not await archive.history.holds("a", str(file))
    file.write_text("2")
    assert await archive.history.holds("a", str(file))
    archive.renames.add("a", "b")
    assert await archive.history.holds("b", str(file))


async def test_a_name_that_many_notebooks_began_with(archive: Archive) -> None:
    """As Untitled.ipynb: each is named when it is worth it, and the next one is another."""
    for name in ("one", "two"):
        archive.record("new", f"draft of {name}")
        archive.rename("new", name)
        assert await archive.texts(name) == [f"draft of {name}"]
        archive.record(name, name)
        assert await archive.texts(name) == [name, f"draft of {name}"]
    await archive.upload()
    assert await archive.texts("one") == ["one", "draft of one"]
    assert await archive.texts("two") == ["two", "draft of two"]
    assert await archive.read("two") == "two"
    # what is called so now is another one, and theirs can still be had by this name
    archive.record("new", "third")
    assert await archive.texts("new") == ["third", "draft of two", "draft of one"]
    page = await archive.history.page("new", limit=10)
    assert [entry.of_another for entry in page.entries] == [False, True, True]
    assert [entry.version.latest for entry in page.entries] == [True, False, False]
    assert [e.of_another for e in archive.history.known("new", limit=9)] == [False, True, True]


async def test_a_name_that_is_taken_before_its_notebook_is_saved_again(archive: Archive) -> None:
    archive.record("old", "1")
    archive.rename("old", "new")
    archive.record("old", "stranger")
    archive.record("old", "stranger again")
    for _ in range(2):
        assert await archive.texts("new") == ["1"]
        assert await archive.read("new") == "1"
        await archive.upload()
    archive.record("new", "2")
    assert await archive.texts("new") == ["2", "1"]
    await archive.upload()
    assert await archive.texts("new") == ["2", "1"]


async def test_two_notebooks_that_swap_their_names(archive: Archive) -> None:
    for name in "ab":
        archive.record(name, f"{name}1")
    await archive.upload()
    archive.rename("a", "between")
    archive.rename("b", "a")
    archive.rename("between", "b")
    # each has been under its new name by another's versions only
    assert await archive.texts("a") == ["b1", "a1"]
    assert await archive.read("a") == "b1"
    assert archive.history.known("a", limit=1)[0].version.key == "b"
    for name in "ab":
        archive.record(name, f"{name}2")
    await archive.upload()
    assert await archive.texts("a") == ["a2", "b1", "a1"]
    assert await archive.texts("b") == ["b2", "a1", "b1"]


async def test_there_and_back(archive: Archive) -> None:
    archive.record("a", "1")
    archive.rename("a", "b")
    archive.record("b", "2")
    archive.rename("b", "a")
    assert await archive.texts("a") == ["2", "1"]
    assert await archive.read("a") == "2"
    archive.record("a", "3")
    for _ in range(2):
        page = await archive.history.page("a", limit=10)
        assert not any(entry.of_another for entry in page.entries)
        assert await archive.texts("a") == ["3", "2", "1"]
        await archive.upload()


async def test_there_and_back_while_saves_become_versions(archive: Archive) -> None:
    archive.record("a", "another")
    await archive.upload()
    archive.rename("a", "elsewhere")
    archive.record("a", "1")
    archive.rename("a", "b")
    archive.record("b", "2")
    archive.rename("b", "a")
    archive.record("a", "3")
    archive.record("a", "4")
    with archive.uploading_when_listed():
        page = await archive.history.page("a", limit=10)
    texts = [await archive.read("a", entry.version.version_id) for entry in page.entries]
    assert texts == ["4", "3", "2", "1", "another"]
    assert [entry.of_another for entry in page.entries] == [False] * 4 + [True]
    assert [entry.version.latest for entry in page.entries] == [True] + [False] * 4


async def test_what_was_deleted_does_not_go_on_in_what_comes_after_it(archive: Archive) -> None:
    archive.record("a", "1")
    archive.rename("a", "b")
    archive.renames.settle("b")  # deleted
    archive.record("b", "another")
    await archive.upload()
    assert await archive.texts("b") == ["another"]
    archive.renames.settle("b")
    archive.record("b", "a third")
    assert await archive.texts("b") == ["a third", "another"]  # what was deleted can be had


async def test_pages_go_through_names_that_were_used_twice(archive: Archive) -> None:
    for name in ("one", "two"):
        for number in range(3):
            archive.record("new", f"draft {number} of {name}")
        archive.rename("new", name)
        archive.record(name, name)
    archive.record("new", "third")
    await archive.upload()
    expected = {
        "two": ["two", *(f"draft {number} of two" for number in (2, 1, 0))],
        "new": [
            "third",
            *(f"draft {number} of {name}" for name in ("two", "one") for number in (2, 1, 0)),
        ],
    }
    for name, texts in expected.items():
        for limit in (1, 2, 3, 50):
            found: list[str] = []
            after = None
            while after or not found:
                page = await archive.history.page(name, limit=limit, after=after)
                found += [await archive.read(name, e.version.version_id) for e in page.entries]
                after = page.next
            assert found == texts
