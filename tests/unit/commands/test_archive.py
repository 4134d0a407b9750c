"""``archive`` where a folder, a file or a pending save is in its way."""

import errno
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from traitlets.config import Config

from bookstore.commands import archive as module
from bookstore.commands.archive import Archive as ArchiveCommand
from bookstore.commands.base import FAILED
from tests.support.archive import SAVE, Archive
from tests.support.object_store import Bucket

NEW = {"archived": 1, "unchanged": 0, "pending": 0, "failed": [], "problem": None}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a notebook, and another in a folder below."""
    root = tmp_path / "root"
    (root / "folder").mkdir(parents=True)
    (root / "a.ipynb").write_text("a")
    (root / "folder/b.ipynb").write_text("b")
    return root


@pytest.fixture
def command(archive: Archive, root: Path) -> Iterator[ArchiveCommand]:
    """The command, on that archive."""
    command = ArchiveCommand(config=archive.config, root_dir=str(root))
    yield command
    command.bookstore.close()


async def test_what_cannot_be_read_is_told_and_the_rest_goes_on(
    archive: Archive,
    command: ArchiveCommand,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def denied(file: object) -> PermissionError:
        return PermissionError(errno.EACCES, "Permission denied", file)

    scandir, require_readable = os.scandir, module._require_readable

    def without_folder(place: str) -> Any:
        if str(place).endswith("/folder"):
            raise denied(place)
        return scandir(place)

    def without_a(file: str) -> None:
        if file.endswith("/a.ipynb"):
            raise denied(file)
        require_readable(file)

    monkeypatch.setattr(os, "scandir", without_folder)
    monkeypatch.setattr(module, "_require_readable", without_a)
    await archive.archive("workspace/a.ipynb", "a")
    (root / "c.ipynb").write_text("c")
    answer = await command.answer(".")
    told = [f"'{name}' could not be archived: Permission denied." for name in ("folder", "a.ipynb")]
    assert answer == {**NEW, "failed": told}
    assert command.code(answer) == FAILED
    assert capsys.readouterr().err.splitlines() == told


async def test_what_vanishes_midway_is_told(
    command: ArchiveCommand, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = list(module._notebooks(str(root), str(root), module._Taken(before=0)))
    monkeypatch.setattr(module, "_notebooks", lambda *_: found)
    (root / found[0]).unlink()
    told = f"'{found[0]}' could not be archived: No such file or directory."
    assert await command.answer(".") == {**NEW, "failed": [told]}


async def test_what_is_pending_already_is_no_second_version(
    archive: Archive, command: ArchiveCommand
) -> None:
    archive.save("workspace/a.ipynb", "a")
    archive.save("workspace/folder/b.ipynb", "an older b")
    assert await command.answer(".") == {**NEW, "unchanged": 1}
    assert await archive.texts("workspace/a.ipynb") == ["a"]
    assert await archive.texts("workspace/folder/b.ipynb") == ["b", "an older b"]


@pytest.mark.thorough
async def test_a_save_that_the_store_never_takes_holds_up_no_other(
    root: Path,
    bucket: Bucket,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bookstore.saves.drain._PATIENCE", 15.0)  # a busy machine is slow to upload
    settings = {"local_dir": str(tmp_path / "local"), "shutdown_timeout": 0, **bucket.settings}
    command = ArchiveCommand(config=Config(BookstoreSettings=settings), root_dir=str(root))
    outbox = command.recorder._outbox
    outbox.create()
    too_long = f"workspace/{'x' * 1100}.ipynb"
    outbox.add_content(b"x", path="x.ipynb", key=too_long, **SAVE)

    with closing(command.bookstore):
        answer = await command.answer("folder")
        assert (answer["archived"], answer["pending"], answer["failed"]) == (1, 1, [])
        assert bucket.bodies("workspace/folder/b.ipynb") == [b"b"]
        assert command.code(answer) == FAILED
        told = capsys.readouterr().err.splitlines()[-1]
        assert told.startswith("Still pending, safe on this machine: 1.")
