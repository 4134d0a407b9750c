"""The uploader: every save once, in order per notebook, whatever the store does."""

import asyncio
import io
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from bookstore.saves import circuit_breaker as outage_module
from bookstore.saves import uploader as uploader_module
from bookstore.saves.identities import Identities
from bookstore.saves.outbox import Outbox, Save, UnreadableSave
from bookstore.saves.uploader import Uploader
from bookstore.storage import (
    LocalOptions,
    Provenance,
    StoreError,
    StoreRefused,
    StoreUnavailable,
    Version,
)
from bookstore.storage.local import LocalStore

Fault = Callable[[str], Exception | None]


class FaultyStore(LocalStore):
    """An embedded store that refuses, or forgets to answer, as a test wants."""

    def __init__(self, directory: Path) -> None:
        super().__init__(LocalOptions(directory=directory))
        self.before_put: Fault = lambda key: None
        self.after_put: Fault = lambda key: None
        self.attempts: list[str] = []
        self.running = 0
        self.most_at_once = 0

    async def put(self, key: str, content: BinaryIO, provenance: Provenance) -> Version:
        self.attempts.append(key)
        self.running += 1
        self.most_at_once = max(self.most_at_once, self.running)
        try:
            if error := self.before_put(key):
                raise error
            await asyncio.sleep(0.001)
            version = await super().put(key, content, provenance)
            if error := self.after_put(key):
                raise error
            return version
        finally:
            self.running -= 1


class Heard:
    """What the uploader reports."""

    def __init__(self) -> None:
        self.queued_saves = 0
        self.archived_paths: list[str] = []
        self.unchanged: list[str] = []
        self.errors: list[tuple[str, str]] = []
        self.set_aside: list[str] = []

    def queued(self, save: Save) -> None:
        self.queued_saves += 1

    def archived(self, save: Save, version: Version | None) -> None:
        (self.archived_paths if version else self.unchanged).append(save.path)

    def failed(self, save: Save, error: Exception) -> None:
        self.errors.append((save.path, str(error)))

    def unreadable(self, name: str, error: UnreadableSave) -> None:
        self.set_aside.append(str(error))


class Setting:
    """An outbox, a store and an uploader between them."""

    def __init__(self, directory: Path) -> None:
        self.outbox = Outbox(directory, "the store")
        self.outbox.create()
        self.store = FaultyStore(directory / "store")
        self.heard = Heard()

    def add(self, path: str, content: bytes) -> str:
        return self.outbox.add_content(
            content, path=path, key=f"w/{path}", author="ann", release="1"
        )

    def uploader(self, **options: Any) -> Uploader:
        options = {"max_threads": 4, "skip_unchanged": False, **options}
        identities = Identities(self.outbox.directory)
        return Uploader(self.outbox, self.store, self.heard, identities, **options)

    @asynccontextmanager
    async def running(self, **options: Any) -> AsyncIterator[Uploader]:
        uploader = self.uploader(**options)
        task = asyncio.create_task(uploader.run())
        yield uploader
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled():
            task.result()

    async def until(self, condition: Callable[[], Any]) -> None:
        async def holds() -> None:
            while not condition():  # noqa: ASYNC110 - of files and lists, which wake nobody
                await asyncio.sleep(0.01)

        await asyncio.wait_for(holds(), 20)

    async def contents(self, path: str) -> list[bytes]:
        """Give the bytes of all versions, oldest first."""
        page = await self.store.versions(f"w/{path}", limit=1000)
        bodies = []
        for version in reversed(page.versions):
            target = io.BytesIO()
            await self.store.download(f"w/{path}", target, version.version_id)
            bodies.append(target.getvalue())
        return bodies


@pytest.fixture
def setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Setting:
    monkeypatch.setattr(outage_module, "FIRST_DELAY", 0.02)
    monkeypatch.setattr(outage_module, "LONGEST_DELAY", 0.1)
    monkeypatch.setattr(uploader_module, "_LOOK_INTERVAL", 0.05)
    monkeypatch.setattr(uploader_module, "CALM", 0.01)
    return Setting(tmp_path)


def always(error: Exception) -> Fault:
    return lambda key: error


def first(times: int, error: Exception) -> Fault:
    left = [times]

    def fault(key: str) -> Exception | None:
        left[0] -= 1
        return error if left[0] >= 0 else None

    return fault


async def test_saves_of_one_notebook_keep_their_order(setting: Setting) -> None:
    expected = [f"{number}".encode() for number in range(50)]
    for content in expected:
        setting.add("a.ipynb", content)
    await setting.uploader().drain()
    assert await setting.contents("a.ipynb") == expected
    assert setting.outbox.pending() == 0


async def test_at_most_max_threads_upload_at_once(setting: Setting) -> None:
    for number in range(30):
        setting.add(f"{number}.ipynb", b"{}")
    await setting.uploader(max_threads=3).drain()
    assert setting.store.most_at_once == 3
    assert len(setting.heard.archived_paths) == 30


async def test_saves_that_wait_are_synced_to_the_disk(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a power cut itself there is no test."""
    setting.store.before_put = lambda key: StoreUnavailable("away")
    synced: set[int] = set()
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.add(os.fstat(descriptor).st_ino))
    async with setting.running() as uploader:
        for number in range(3):
            setting.add(f"{number}.ipynb", b"{}")
        uploader.wake()
        await setting.until(lambda: len(synced) >= 4)
    waiting = setting.outbox.directory.glob("*.save")
    assert synced == {file.stat().st_ino for file in [*waiting, setting.outbox.directory]}


async def test_saves_are_taken_up_as_they_come(setting: Setting) -> None:
    async with setting.running() as uploader:
        setting.add("a.ipynb", b"1")
        uploader.wake()
        await setting.until(lambda: setting.heard.archived_paths == ["a.ipynb"])
        setting.add("b.ipynb", b"1")  # by another server: nobody wakes us
        await setting.until(lambda: setting.heard.archived_paths == ["a.ipynb", "b.ipynb"])


@pytest.mark.parametrize("error", [StoreError("no"), StoreRefused("no")])
async def test_a_notebook_that_fails_does_not_hold_up_others(
    setting: Setting, error: Exception
) -> None:
    setting.store.before_put = lambda key: error if key == "w/bad.ipynb" else None
    setting.add("bad.ipynb", b"1")
    for number in range(10):
        setting.add(f"{number}.ipynb", b"1")
    async with setting.running(max_threads=1):
        await setting.until(lambda: len(setting.heard.archived_paths) == 10)
        await setting.until(lambda: setting.heard.errors)  # it may be the last to be tried
        assert setting.outbox.pending() == 1
        setting.store.before_put = lambda key: None
        await setting.until(lambda: setting.outbox.pending() == 0)
    assert setting.heard.errors[0] == ("bad.ipynb", "no")


async def test_in_an_outage_one_notebook_at_a_time_tries(setting: Setting) -> None:
    setting.store.before_put = always(StoreUnavailable("down"))
    for number in range(30):
        setting.add(f"{number}.ipynb", b"1")
    async with setting.running():
        await setting.until(lambda: setting.heard.errors)
        await setting.until(lambda: setting.store.running == 0)
        under_way = len(setting.heard.errors)
        assert under_way <= 4
        setting.store.most_at_once = 0
        await setting.until(lambda: len(setting.heard.errors) >= under_way + 5)
        assert setting.store.most_at_once == 1
        tried = [path for path, _ in setting.heard.errors[under_way:]]
        assert len(set(tried)) == len(tried)  # none has failed twice before all have
        setting.store.before_put = lambda key: None
        await setting.until(lambda: setting.outbox.pending() == 0)
    assert setting.store.most_at_once == 4


@pytest.mark.parametrize(
    "error", [StoreUnavailable("down"), StoreRefused("denied"), StoreError("no"), ValueError("bug")]
)
async def test_what_fails_is_tried_again_until_it_is_archived(
    setting: Setting, error: Exception
) -> None:
    setting.store.before_put = first(4, error)
    expected = [b"1", b"2", b"3"]
    for content in expected:
        setting.add("a.ipynb", content)
    async with setting.running():
        await setting.until(lambda: setting.outbox.pending() == 0)
    assert await setting.contents("a.ipynb") == expected
    assert len(setting.heard.errors) == 4


async def test_a_save_whose_answer_was_lost_is_not_put_twice(setting: Setting) -> None:
    setting.store.after_put = first(1, StoreUnavailable("cut off"))
    setting.add("a.ipynb", b"1")
    setting.add("a.ipynb", b"2")
    async with setting.running():
        await setting.until(lambda: setting.outbox.pending() == 0)
    assert setting.store.attempts == ["w/a.ipynb"] * 2
    assert await setting.contents("a.ipynb") == [b"1", b"2"]


async def test_an_uploader_killed_after_the_put_leaves_no_second_version(setting: Setting) -> None:
    setting.add("a.ipynb", b"1")
    setting.store.after_put = always(StoreUnavailable("cut off"))
    await setting.uploader().drain()
    assert setting.outbox.pending() == 1
    setting.store.after_put = lambda key: None
    await setting.uploader().drain()  # as a new process does
    assert setting.store.attempts == ["w/a.ipynb"]
    assert setting.outbox.pending() == 0


async def test_a_refused_save_is_not_looked_for(setting: Setting) -> None:
    name = setting.add("a.ipynb", b"1")
    setting.store.before_put = always(StoreRefused("denied"))
    await setting.uploader().drain()
    assert not setting.outbox.was_sent(name)


async def test_an_unreadable_save_is_set_aside_and_the_next_goes_on(setting: Setting) -> None:
    bad = setting.add("a.ipynb", b"1")
    setting.add("a.ipynb", b"2")
    (setting.outbox.directory / f"{bad}.save").write_bytes(b"garbage")
    await setting.uploader().drain()
    assert await setting.contents("a.ipynb") == [b"2"]
    assert setting.outbox.unreadable() == 1
    assert setting.heard.set_aside == ["its file is not whole"]


async def test_a_save_that_vanished_is_reported_and_the_next_goes_on(setting: Setting) -> None:
    gone = setting.add("a.ipynb", b"1")
    setting.add("a.ipynb", b"2")
    uploader = setting.uploader()
    uploader._take_up()
    (setting.outbox.directory / f"{gone}.save").unlink()
    await uploader.drain()
    assert await setting.contents("a.ipynb") == [b"2"]
    assert len(setting.heard.set_aside) == 1


async def test_an_unreadable_save_that_cannot_be_moved_is_reported_once(setting: Setting) -> None:
    bad = setting.add("a.ipynb", b"1")
    file = setting.outbox.directory / f"{bad}.save"
    file.write_bytes(b"garbage")
    setting.outbox.set_aside_directory.write_text("in its way")
    async with setting.running():
        await setting.until(lambda: setting.heard.set_aside)
        setting.add("a.ipynb", b"2")
        await setting.until(lambda: setting.heard.archived_paths)
    assert len(setting.heard.set_aside) == 1
    assert file.exists()


async def test_an_older_save_of_another_server_goes_before_those_that_wait(
    setting: Setting,
) -> None:
    names = [setting.add("a.ipynb", content) for content in (b"1", b"2", b"3")]
    late = setting.outbox.directory / f"{names[1]}.save"
    hidden = late.rename(setting.outbox.directory / "hidden")
    setting.store.before_put = always(StoreUnavailable("down"))
    async with setting.running():
        await setting.until(lambda: setting.heard.errors)
        hidden.rename(late)
        await setting.until(lambda: setting.heard.queued_saves == 3)
        setting.store.before_put = lambda key: None
        await setting.until(lambda: setting.outbox.pending() == 0)
    assert await setting.contents("a.ipynb") == [b"1", b"2", b"3"]


def miss_at_first(monkeypatch: pytest.MonkeyPatch, save_id: str) -> None:
    """Have the next listing of the outbox miss a save, as if it was past its place already."""
    listdir, missed = os.listdir, [save_id]

    def listing(directory: Any) -> list[str]:
        late = missed.pop() if missed else ""
        return [name for name in listdir(directory) if name.partition(".")[0] != late]

    monkeypatch.setattr("bookstore.saves.outbox.os.listdir", listing)


async def test_an_older_save_that_a_listing_misses_is_not_overtaken(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    older, _ = setting.add("a.ipynb", b"1"), setting.add("a.ipynb", b"2")
    miss_at_first(monkeypatch, older)
    await setting.uploader().drain()
    assert await setting.contents("a.ipynb") == [b"1", b"2"]


async def test_a_save_that_comes_while_the_outbox_is_listed_waits_for_the_next_time(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, newer = setting.add("a.ipynb", b"1"), setting.add("a.ipynb", b"2")
    miss_at_first(monkeypatch, newer)
    uploader = setting.uploader()
    await uploader.drain()
    assert await setting.contents("a.ipynb") == [b"1"]
    await uploader.drain()
    assert await setting.contents("a.ipynb") == [b"1", b"2"]


async def test_draining_leaves_what_the_store_will_not_take(setting: Setting) -> None:
    setting.store.before_put = always(StoreUnavailable("down"))
    for number in range(5):
        setting.add("a.ipynb", f"{number}".encode())
    setting.add("b.ipynb", b"1")
    async with setting.running() as uploader:
        await setting.until(lambda: len(setting.heard.errors) >= 2)
    await uploader.drain()
    assert setting.outbox.pending() == 6


async def test_skip_unchanged_makes_no_version_of_the_same_bytes(setting: Setting) -> None:
    for content in (b"1", b"1", b"2", b"2", b"1"):
        setting.add("a.ipynb", content)
    await setting.uploader(skip_unchanged=True).drain()
    assert await setting.contents("a.ipynb") == [b"1", b"2", b"1"]
    assert setting.heard.unchanged == ["a.ipynb", "a.ipynb"]
    assert setting.outbox.pending() == 0


@pytest.mark.parametrize(
    ("content", "kernel_name"),
    [
        (b'{"cells": [], "metadata": {"kernelspec": {"name": "ir"}}, "nbformat": 4}', "ir"),
        (b'{"metadata": {"kernelspec": {"display_name": "x"}}}', ""),
        (b'{"metadata": {"kernelspec": 1}}', ""),
        (b'{"metadata": {"kernelspec":', ""),
        (b"print()\n", ""),
        (b"", ""),
        (b"\xff" * 100_000 + b'"kernelspec": {"name": "python3"}', "python3"),
    ],
)
async def test_the_kernel_is_read_from_the_end_of_the_notebook(
    setting: Setting, content: bytes, kernel_name: str
) -> None:
    setting.add("a.ipynb", content)
    await setting.uploader().drain()
    origin = (await setting.store.describe("w/a.ipynb")).provenance
    assert origin
    assert origin.kernel_name == kernel_name
    assert (origin.author, origin.release) == ("ann", "1")
