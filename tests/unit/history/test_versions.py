"""The history of a notebook, put together from a store, the outbox and what was renamed."""

import base64
import json
import zlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bookstore.history.versions import EntryPage
from bookstore.storage import StoreUnavailable, TooLarge, VersionNotFound, VersionPage
from bookstore.storage.local import LocalStore
from bookstore.validation import BadInput
from tests.support.archive import NOON, Archive


async def test_no_clock_orders_versions(archive: Archive) -> None:
    # Uploaded out of order, by machines whose clocks differ.
    await archive.archive("b", "3", saved_at=NOON, notebook_id="x", renamed_from="a")
    await archive.archive("a", "1", saved_at=NOON + timedelta(hours=2), notebook_id="x")
    await archive.archive("a", "2", saved_at=NOON + timedelta(hours=1), notebook_id="x")
    await archive.archive("a", "another", saved_at=NOON, notebook_id="y")
    assert await archive.texts("b") == ["3", "2", "1"]
    known = archive.history.known("b", limit=10)
    assert [entry.version.key for entry in known] == ["b", "a", "a"]


async def test_pending_saves_are_part_of_the_history_under_former_names(archive: Archive) -> None:
    archive.record("a", "1")
    await archive.upload()
    archive.record("a", "2")
    archive.rename("a", "b")
    archive.record("b", "3")
    archive.record("b", "4")
    archive.record("a", "another")
    archive.rename("b", "c")
    assert await archive.texts("c") == ["4", "3", "2", "1"]
    assert [entry.state for entry in archive.history.known("c", limit=3)] == ["pending"] * 3
    assert await archive.texts("a") == ["another"]


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
    archive.rename("a", "b")
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
    with pytest.raises(BadInput, match="after is not the next of another page"):
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
    archive.rename("a", "b")
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
    # What is called so now is another one, and the others can still be had by this name.
    archive.record("new", "third")
    page = await archive.history.page("new", limit=10)
    assert [entry.version.latest for entry in page.entries] == [True]
    drafts = []
    for other in page.others:
        others = await archive.history.page("new", limit=10, notebook=other.notebook_id)
        assert others.notebook_id == other.notebook_id
        assert other.notebook_id not in [version.notebook_id for version in others.others]
        drafts += [await archive.read("new", e.version.version_id) for e in others.entries]
    assert sorted(drafts) == ["draft of one", "draft of two"]


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
    assert await archive.texts("a") == ["b1"]
    assert await archive.read("a") == "b1"
    assert archive.history.known("a", limit=1)[0].version.key == "b"
    for name in "ab":
        archive.record(name, f"{name}2")
    await archive.upload()
    assert await archive.texts("a") == ["a2", "b1"]
    assert await archive.texts("b") == ["b2", "a1"]


async def test_there_and_back(archive: Archive) -> None:
    archive.record("a", "1")
    archive.rename("a", "b")
    archive.record("b", "2")
    archive.rename("b", "a")
    assert await archive.texts("a") == ["2", "1"]
    assert await archive.read("a") == "2"
    archive.record("a", "3")
    for _ in range(2):
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
    assert texts == ["4", "3", "2", "1"]
    assert [entry.version.latest for entry in page.entries] == [True] + [False] * 3


async def test_what_was_deleted_does_not_go_on_in_what_comes_after_it(archive: Archive) -> None:
    archive.record("a", "1")
    archive.rename("a", "b")
    archive.identities.ended("b")
    archive.record("b", "another")
    await archive.upload()
    assert await archive.texts("b") == ["another"]
    archive.identities.ended("b")
    assert await archive.texts("b") == ["another"]  # what was deleted can be had
    archive.record("b", "a third")
    assert await archive.texts("b") == ["a third"]


async def test_pages_pass_over_other_notebooks(archive: Archive) -> None:
    for name in ("one", "two"):
        for number in range(3):
            archive.record("new", f"draft {number} of {name}")
        archive.rename("new", name)
        archive.record(name, name)
    archive.record("new", "third")
    await archive.upload()
    expected = {
        "one": ["one", *(f"draft {number} of one" for number in (2, 1, 0))],
        "two": ["two", *(f"draft {number} of two" for number in (2, 1, 0))],
        "new": ["third"],
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


async def test_a_name_that_another_took_for_long_costs_few_requests(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed: list[int] = []
    versions = LocalStore.versions

    async def counted(store: LocalStore, key: str, *, limit: int, **page: Any) -> VersionPage:
        listed.append(limit)
        return await versions(store, key, limit=limit, **page)

    monkeypatch.setattr(LocalStore, "versions", counted)
    await archive.archive("a", "own", notebook_id="x")
    for number in range(900):
        await archive.archive("a", f"{number}", notebook_id="y")
    await archive.archive("b", "renamed", notebook_id="x", renamed_from="a")
    page = await archive.history.page("b", limit=2)
    assert [entry.version.key for entry in page.entries] == ["b", "a"]
    assert len(listed) < 8


async def test_hundreds_of_renames_are_followed(archive: Archive) -> None:
    for number in range(300):
        archive.record(f"{number}", f"{number}")
        archive.rename(f"{number}", f"{number + 1}")
    texts = [f"{number}" for number in reversed(range(300))]
    for _ in range(2):
        page = await archive.history.page("300", limit=400)
        assert [entry.version.key for entry in page.entries] == texts
        await archive.upload()
    first = await archive.history.page("300", limit=200)
    assert len(first.next or "") < 4_000
    second = await archive.history.page("300", limit=200, after=first.next)
    assert [e.version.key for e in first.entries + second.entries] == texts


async def test_what_has_no_id_belongs_to_the_notebook_that_follows_it(archive: Archive) -> None:
    """As what Bookstore 2 has archived."""
    await archive.archive("a", "old")
    assert await archive.texts("a") == ["old"]
    archive.record("a", "1")
    archive.rename("a", "b")
    archive.record("a", "another")
    await archive.upload()
    assert await archive.texts("b") == ["1", "old"]
    assert await archive.texts("a") == ["another"]


async def test_a_notebook_of_somebody_else_under_the_same_key(archive: Archive) -> None:
    await archive.archive("a", "theirs", notebook_id="theirs", author="bob")
    archive.record("a", "1")  # by ann
    await archive.upload()
    assert await archive.texts("a") == ["1"]
    assert await archive.read("a") == "1"
    await archive.archive("a", "theirs again", notebook_id="theirs", author="bob")
    assert await archive.read("a") == "1"
    page = await archive.history.page("a", limit=1)
    assert [(v.notebook_id, v.provenance.author) for v in page.others if v.provenance] == [
        ("theirs", "bob")
    ]


async def test_a_history_stays_in_its_folder(archive: Archive) -> None:
    await archive.archive("p/secret", "secret", notebook_id="x")
    await archive.archive("w/a", "1", notebook_id="x", renamed_from="p/secret")
    assert await archive.texts("w/a") == ["1"]
    page = await archive.history.page("w/a", limit=1)
    with pytest.raises(VersionNotFound):
        secret = (await archive.history.page("p/secret", limit=1)).entries[0].version
        await archive.read("w/a", secret.version_id)
    assert page.next is None


@pytest.mark.parametrize("place", ["keys", "places"])
async def test_a_forged_cursor_lists_no_key_of_another_folder(archive: Archive, place: str) -> None:
    await archive.archive("p/secret", "secret", notebook_id="x")
    keys = ["w/a", "p/secret"] if place == "keys" else ["w/a"]
    places = {} if place == "keys" else {"p/secret": [None, "", ""]}
    state = ["w/a", "x", keys, places, []]
    packed = zlib.compress(json.dumps(state).encode())
    forged = base64.urlsafe_b64encode(packed).decode()
    with pytest.raises(BadInput, match="after is not the next of another page"):
        await archive.history.page("w/a", limit=3, after=forged)
