"""The contents manager as code sees it: `archive`, its locks, and the names that are documented."""

import asyncio
import inspect
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from traitlets.config import Config

from bookstore.archive import ArchiveRecord, ArchivingMixin, BookstoreContentsArchiver, archiving
from bookstore.flavours import LargeFileManager
from bookstore.operations.contents import resolved
from bookstore.saves.drain import drained
from bookstore.saves.status import Elsewhere
from bookstore.validation import BadInput
from tests.support.notebooks import make_notebook, text_of

MakeArchiver = Callable[..., Any]

AWAY = {
    "store_url": "",
    "s3_endpoint_url": "http://no-such-host.invalid",
    "s3_access_key_id": "key",
    "s3_secret_access_key": "secret",
    "shutdown_timeout": 0.0,
}


@pytest.fixture
def make_archiver(tmp_path: Path) -> Iterator[MakeArchiver]:
    made = []

    def make(cls: type = BookstoreContentsArchiver, **settings: Any) -> Any:
        local = {"local_dir": str(tmp_path / "local"), "store_url": "local"}
        settings = {**local, "workspace_prefix": "workspace", **settings}
        root = tmp_path / "root"
        root.mkdir(exist_ok=True)
        made.append(cls(root_dir=str(root), config=Config(BookstoreSettings=settings)))
        return made[-1]

    yield make
    for archiver in made:
        archiver.bookstore.close()
        archiver.notary.store.close()  # or Python 3.13 warns of it


async def save(archiver: Any, path: str, notebook: Any) -> Any:
    saved = archiver.save({"type": "notebook", "content": notebook}, path)
    return await saved if inspect.isawaitable(saved) else saved


def record(path: str, notebook: Any) -> ArchiveRecord:
    return ArchiveRecord(filepath=path, content=json.dumps(notebook), queued_time=time.time())


def contents(directory: Path) -> list[Any]:
    blobs = [file for file in directory.glob("local/store/blobs/*/*") if file.is_file()]
    return [json.loads(blob.read_bytes().rsplit(b"\n", 2)[0]) for blob in blobs]


async def test_archive_returns_when_the_record_is_a_version(
    make_archiver: MakeArchiver, tmp_path: Path
) -> None:
    notebook = make_notebook("recorded")
    await make_archiver().archive(record("a.ipynb", notebook))
    assert contents(tmp_path) == [notebook]


async def test_archive_returns_also_when_the_store_cannot_take_it(
    make_archiver: MakeArchiver,
) -> None:
    archiver = make_archiver(**AWAY, s3_bucket="none")
    await archiver.archive(record("a.ipynb", make_notebook()))
    status = archiver.bookstore.status().archive
    assert status.pending == 1
    assert status.last_error.path == "a.ipynb"


async def test_archive_waits_for_the_lock_of_its_path(
    make_archiver: MakeArchiver, tmp_path: Path
) -> None:
    archiver = make_archiver()
    async with archiver.path_lock_ready:
        lock = archiver.path_locks.setdefault("a.ipynb", asyncio.Lock())
    async with lock:
        waiting = asyncio.create_task(archiver.archive(record("a.ipynb", make_notebook())))
        await archiver.archive(record("b.ipynb", make_notebook()))
        assert not waiting.done()
    await waiting
    assert len(contents(tmp_path)) == 2


async def test_without_a_store_archive_says_so(
    make_archiver: MakeArchiver, caplog: pytest.LogCaptureFixture
) -> None:
    archiver = make_archiver(store_url="")
    archiver.bookstore.log.propagate = True
    archiver.log = archiver.bookstore.log
    await archiver.archive(record("a.ipynb", make_notebook()))
    assert "saves are not archived" in caplog.text


async def test_the_users_own_hook_runs(make_archiver: MakeArchiver) -> None:
    archiver = make_archiver()
    archiver.pre_save_hook = lambda model, **_: model.update(hooked=True)
    model = {"type": "notebook", "content": make_notebook()}
    if hasattr(archiver, "run_pre_save_hooks"):
        with pytest.warns(DeprecationWarning, match="run_pre_save_hook is deprecated"):
            archiver.run_pre_save_hook(model, "a.ipynb")
    else:
        archiver.run_pre_save_hook(model, "a.ipynb")
    assert model["hooked"] is True


async def test_any_contents_manager_can_be_made_to_archive(
    make_archiver: MakeArchiver, tmp_path: Path
) -> None:
    class Own(LargeFileManager):  # type: ignore[misc]
        """Somebody's own."""

    cls = archiving(Own)
    assert issubclass(cls, Own)
    assert issubclass(cls, ArchivingMixin)
    archiver = make_archiver(cls)
    saved = await save(archiver, "a.ipynb", make_notebook("own"))
    assert saved["path"] == "a.ipynb"
    archiver.bookstore.close()
    assert len(contents(tmp_path)) == 1


def test_contents_managers_with_the_same_settings_share_one_bookstore(
    make_archiver: MakeArchiver,
) -> None:
    assert make_archiver().bookstore is make_archiver().bookstore
    assert make_archiver().bookstore is not make_archiver(max_threads=2).bookstore


def test_only_keyword_arguments_make_a_contents_manager() -> None:
    with pytest.raises(TypeError):
        BookstoreContentsArchiver(42, True, "hello")


async def test_what_was_saved_for_a_mistaken_store_can_be_archived(
    make_archiver: MakeArchiver, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mistaken = make_archiver(**AWAY, s3_bucket="mistaken")
    await save(mistaken, "a.ipynb", make_notebook("a"))
    mistaken.bookstore.close()
    bookstore = make_archiver().bookstore
    bookstore.log.propagate = True
    bookstore.start()
    url = "http://no-such-host.invalid/mistaken"
    assert f"1 saves wait for {url}" in caplog.text
    assert bookstore.status().archive.elsewhere == [Elsewhere(store=url, pending=1)]
    with pytest.raises(BadInput, match="No saves wait for 'http://other'"):
        bookstore.recorder.take_over("http://other")
    assert bookstore.recorder.take_over(url) == 1
    await drained(bookstore.recorder)
    assert [text_of(json.dumps(body).encode()) for body in contents(tmp_path)] == ["a"]
    assert bookstore.status().archive.elsewhere == []


async def test_a_key_that_no_bucket_takes_is_told(
    make_archiver: MakeArchiver, tmp_path: Path
) -> None:
    archiver = make_archiver()
    path = "/".join(["x" * 200] * 6) + ".ipynb"
    (tmp_path / "root" / path).parent.mkdir(parents=True)
    await save(archiver, path, make_notebook())
    status = archiver.bookstore.status().archive
    assert (status.pending, status.failed) == (0, 1)
    assert "more than the 1024 bytes" in status.last_error.message


async def test_no_error_of_archiving_fails_a_save(
    make_archiver: MakeArchiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    archiver = make_archiver()

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(archiver.bookstore.recorder._identities, "for_save", broken)
    assert (await save(archiver, "a.ipynb", make_notebook()))["path"] == "a.ipynb"
    assert "RuntimeError: broken" in archiver.bookstore.status().archive.last_error.message


async def test_an_upload_does_not_hold_up_saves_of_its_notebook(
    make_archiver: MakeArchiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    archiver = make_archiver()
    monkeypatch.setattr(archiver.bookstore.recorder, "has_settled", lambda *_: False)
    archiving_it = asyncio.create_task(archiver.archive(record("a.ipynb", make_notebook())))
    await asyncio.sleep(0.1)
    await asyncio.wait_for(save(archiver, "a.ipynb", make_notebook()), 10)
    assert not archiving_it.done()
    archiving_it.cancel()


class Delegating(LargeFileManager):  # type: ignore[misc]
    """Has methods that are no coroutine functions, and return what the base class returns."""

    def save(self, model: dict[str, Any], path: str = "") -> Any:
        return super().save(model, path)

    def rename_file(self, old_path: str, new_path: str) -> Any:
        return super().rename_file(old_path, new_path)

    def delete_file(self, path: str) -> Any:
        return super().delete_file(path)


async def test_methods_that_only_return_an_awaitable_are_awaited(
    make_archiver: MakeArchiver, tmp_path: Path
) -> None:
    archiver = make_archiver(archiving(Delegating))
    await save(archiver, "a.ipynb", make_notebook("1"))
    await resolved(archiver.rename_file("a.ipynb", "b.ipynb"))
    await save(archiver, "b.ipynb", make_notebook("2"))
    newest, older = archiver.bookstore.history.known("workspace/b.ipynb", limit=10)
    assert [entry.version.key for entry in (newest, older)] == [
        "workspace/b.ipynb",
        "workspace/a.ipynb",
    ]
    await resolved(archiver.delete_file("b.ipynb"))
    assert not (tmp_path / "root" / "b.ipynb").exists()
    await save(archiver, "b.ipynb", make_notebook("3"))
    assert len(archiver.bookstore.history.known("workspace/b.ipynb", limit=10)) == 1
