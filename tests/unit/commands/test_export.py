"""An export of an archive in which something is damaged."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from traitlets.config import Config

from bookstore.commands.base import FAILED
from bookstore.commands.export import Export
from tests.support.archive import Archive
from tests.support.object_store import ObjectStore


@pytest.fixture
def export(archive: Archive) -> Iterator[Export]:
    """The command, on that archive."""
    command = Export(config=archive.config)
    yield command
    command.bookstore.close()


async def test_damaged_versions_are_named_and_all_others_exported(
    archive: Archive, export: Export, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = [await archive.archive("workspace/a", text) for text in ("0", "1", "2", "3")]
    other = await archive.archive("workspace/b", "b")
    blobs = archive.directory / "store/blobs"
    (blobs / ids[2][:2] / ids[2]).write_text("x")
    (blobs / ids[1][:2] / ids[1]).unlink()

    answer = await export.answer(str(tmp_path / "out"))
    assert (answer["notebooks"], answer["fetched"]) == (2, 3)
    assert set(answer["failed"]) == {
        f"Version {ids[1]} of 'workspace/a' could not be exported:"
        f" The bytes of version {ids[1]} of workspace/a are lost.",
        f"Version {ids[2]} of 'workspace/a' could not be exported:"
        f" Version {ids[2]} of workspace/a is damaged: its bytes are not those that were archived.",
    }
    listing = (tmp_path / "out/versions.jsonl").read_text().splitlines()
    lines = [json.loads(line) for line in listing]
    files = {line["version_id"]: line["file"] for line in lines}
    assert [version_id for version_id, file in files.items() if not file] == ids[1:3]
    read = {vid: (tmp_path / "out" / file).read_text() for vid, file in files.items() if file}
    assert read == {ids[0]: "0", ids[3]: "3", other: "b"}

    assert export.code(answer) == FAILED
    assert capsys.readouterr().err.splitlines() == answer["failed"]


async def test_deleted_notebooks_are_exported_too(moto_server: ObjectStore, tmp_path: Path) -> None:
    bucket = moto_server.new_bucket()
    bucket.put("workspace/a", b"old")
    bucket.put("workspace/a", b"new")
    bucket.store.client.delete_object(Bucket=bucket.name, Key="workspace/a")
    settings = {**bucket.settings, "local_dir": str(tmp_path / "local")}
    for newest, count in ((True, 1), (False, 2)):
        folder = tmp_path / f"{newest}"
        export = Export(config=Config(BookstoreSettings=settings), newest=newest)
        answer = await export.answer(str(folder))
        assert (answer["notebooks"], answer["fetched"], answer["failed"]) == (1, count, [])
        assert (folder / "notebooks/workspace/a").read_text() == "new"
        assert len([*folder.glob("versions/workspace/a/*")]) == count - 1
        # They have no hash; the listing tells which versions the files are.
        again = await export.answer(str(folder))
        assert (again["fetched"], again["unchanged"]) == (0, count)
    export.bookstore.close()
    bucket.remove()
