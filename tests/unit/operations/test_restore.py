"""Restoring while others change the file, and on a disk that is full."""

import errno
import inspect
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from traitlets.config import Config

from bookstore.archive import BookstoreContentsArchiver
from bookstore.history.versions import History
from bookstore.operations.contents import put, put_new, resolved
from bookstore.operations.restore import restore
from tests.support.notebooks import make_notebook, text_of


@pytest.fixture
def archiver(tmp_path: Path) -> Iterator[Any]:
    settings = {"local_dir": str(tmp_path / "local"), "store_url": "local"}
    settings["workspace_prefix"] = "workspace"
    (tmp_path / "root").mkdir()
    made = BookstoreContentsArchiver(
        root_dir=str(tmp_path / "root"), config=Config(BookstoreSettings=settings)
    )
    yield made
    made.bookstore.close()
    made.notary.store.close()


async def save(archiver: Any, text: str) -> str:
    """Save a.ipynb; return the id of the save."""
    model = {"type": "notebook", "content": make_notebook(text)}
    await resolved(archiver.save(model, "a.ipynb"))
    return str(archiver.bookstore.history.known("workspace/a.ipynb", limit=1)[0].version.save_id)


async def test_a_file_that_is_deleted_meanwhile_is_restored(
    archiver: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await save(archiver, "first")
    await save(archiver, "second")
    holds = History.holds

    async def deleted_first(history: History, key: str, file: str) -> bool:
        os.unlink(file)
        return await holds(history, key, file)

    monkeypatch.setattr(History, "holds", deleted_first)
    await restore(archiver.bookstore, archiver, "a.ipynb", first, "a.ipynb")
    assert text_of((tmp_path / "root" / "a.ipynb").read_bytes()) == "first"


async def test_a_full_disk_leaves_no_half_of_a_new_file(
    archiver: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill_up(os_path: str, content: str, *_: Any) -> None:
        Path(os_path).write_text(content[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    async def fill_up_later(*arguments: Any) -> None:
        fill_up(*arguments)

    is_async = inspect.iscoroutinefunction(archiver._save_file)
    monkeypatch.setattr(archiver, "_save_file", fill_up_later if is_async else fill_up)
    with pytest.raises(Exception, match="No space left"):
        await put_new(
            archiver,
            "new.ipynb",
            io.BytesIO(json.dumps(make_notebook()).encode()),
            source="s3://b/k",
        )
    assert list((tmp_path / "root").glob("*.ipynb")) == []

    (tmp_path / "root" / "there.txt").write_text("there")
    with pytest.raises(Exception, match="No space left"):
        await put(archiver, "there.txt", io.BytesIO(b"x" * 100), source="s3://b/k")
    assert (tmp_path / "root" / "there.txt").exists()
