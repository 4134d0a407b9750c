"""Pruning in a store that does not remove everything."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from bookstore.commands.base import FAILED
from bookstore.commands.prune import Prune
from bookstore.history.names import give_name
from bookstore.storage import StoreError, StoreRefused, StoreUnavailable, Version, VersionPage
from bookstore.storage.local import LocalStore
from tests.support.archive import Archive

Fail = Callable[[StoreError, list[str]], None]
Refused = list[tuple[Version, StoreError]]


@pytest.fixture
def prune(archive: Archive) -> Iterator[Prune]:
    """The command on that archive, one notebook after the other."""
    config = archive.config
    config.BookstoreSettings.max_threads = 1
    command = Prune(config=config, days=0, keep=1, delete=True)
    yield command
    command.bookstore.close()


@pytest.fixture
def fail(monkeypatch: pytest.MonkeyPatch) -> Fail:
    """Have the store not remove some versions."""

    def fail(error: StoreError, version_ids: list[str]) -> None:
        delete = LocalStore.delete

        async def failing(store: LocalStore, versions: list[Version]) -> Refused:
            refused = [version for version in versions if version.version_id in version_ids]
            if refused and isinstance(error, StoreUnavailable):
                raise error
            await delete(store, [version for version in versions if version not in refused])
            return [(version, error) for version in refused]

        monkeypatch.setattr(LocalStore, "delete", failing)

    return fail


async def test_versions_with_names_stay(archive: Archive, prune: Prune) -> None:
    ids = [await archive.archive("workspace/a", f"a{number}") for number in range(4)]
    for version_id, name in ((ids[0], "first"), (ids[1], "second"), (ids[1], "")):
        entry = await archive.history.find("workspace/a", version_id)
        await give_name(archive.store, entry.version, name, author="ann")
    answer = await prune.answer()
    assert [version["version_id"] for version in answer["versions"]] == ids[1:3]
    assert await archive.texts("workspace/a") == ["a3", "a0"]


async def test_what_was_removed_is_told_and_what_was_not(
    archive: Archive, prune: Prune, fail: Fail, capsys: pytest.CaptureFixture[str]
) -> None:
    a = [await archive.archive("workspace/a", f"a{number}") for number in range(4)]
    b = [await archive.archive("workspace/b", f"b{number}") for number in range(4)]
    fail(StoreRefused("It is locked."), [a[1]])
    answer = await prune.answer()
    assert [version["version_id"] for version in answer["versions"]] == [a[0], a[2], *b[:3]]
    assert answer["failed"] == ["'workspace/a': It is locked."]
    assert await archive.texts("workspace/a") == ["a3", "a1"]
    assert await archive.texts("workspace/b") == ["b3"]

    prune.show(answer)
    assert prune.code(answer) == FAILED
    told = capsys.readouterr()
    assert told.out.splitlines()[-1].startswith("Removed: 5 ")
    assert told.err.splitlines() == answer["failed"]


@pytest.mark.parametrize("is_listed", [True, False])
async def test_history_goes_on_under_former_names(
    archive: Archive, prune: Prune, monkeypatch: pytest.MonkeyPatch, is_listed: bool
) -> None:
    if not is_listed:  # as in a bucket of which this machine knows nothing
        versions = LocalStore.versions

        async def bare(store: LocalStore, key: str, **page: Any) -> VersionPage:
            listed = await versions(store, key, **page)
            return VersionPage(versions=[replace(v, provenance=None) for v in listed.versions])

        monkeypatch.setattr(LocalStore, "versions", bare)
    await archive.archive("workspace/a", "a0")
    await archive.archive("workspace/a", "a1")
    await archive.archive("workspace/b", "b0", renamed_from="workspace/a")
    removed = await archive.archive("workspace/b", "b1")
    await archive.archive("workspace/b", "b2")
    answer = await prune.answer()
    assert removed in [version["version_id"] for version in answer["versions"]]
    assert await archive.texts("workspace/b") == ["b2", "b0", "a1"]


async def test_it_ends_when_the_store_is_away(
    archive: Archive, prune: Prune, fail: Fail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bookstore.commands.prune._DELETED_AT_ONCE", 1)
    keys = [f"workspace/{name}" for name in "abcd"]
    old = [await archive.archive(key, "old") for key in keys]
    for key in keys:
        await archive.archive(key, "new")
    fail(StoreUnavailable("It is away."), old[1:3])
    answer = await prune.answer()
    assert [version["version_id"] for version in answer["versions"]] == [old[0]]
    assert answer["failed"] == ["'workspace/b': It is away."]
    assert await archive.texts("workspace/d") == ["new", "old"]
    with pytest.raises(StoreUnavailable, match=r"It is away\."):  # nothing is removed before that
        await prune.answer()
