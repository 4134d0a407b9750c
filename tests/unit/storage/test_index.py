"""The index of versions: what this machine knows of them."""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest

from bookstore.storage import Provenance, Version, VersionIndex

MONDAY = datetime(2026, 11, 23, tzinfo=timezone.utc)
VERSION = Version(
    key="w/a.ipynb",
    version_id="1",
    stored_at=MONDAY,
    size=2,
    provenance=Provenance(saved_at=MONDAY, save_id="save-1"),
)


@pytest.fixture
def index(tmp_path: Path) -> VersionIndex:
    return VersionIndex(tmp_path / "folder" / "index.sqlite", durable=False)


def test_a_version_that_was_told_of_later_takes_its_place_in_time(index: VersionIndex) -> None:
    newer = replace(VERSION, version_id="2", stored_at=MONDAY.replace(day=24))
    for version in (newer, VERSION, newer):
        index.add(version)
    listed = index.versions("w/a.ipynb", limit=10).versions
    assert [(v.version_id, v.latest) for v in listed] == [("2", True), ("1", False)]


def test_the_next_time_is_after_the_newest_also_when_the_clock_runs_back(
    index: VersionIndex,
) -> None:
    earlier = MONDAY.replace(day=1)
    assert index.next_time("w/a.ipynb", earlier) == earlier
    index.add(VERSION)
    assert index.next_time("w/a.ipynb", earlier) > MONDAY
    assert index.next_time("w/b.ipynb", earlier) == earlier


@pytest.mark.parametrize("durable", [False, True])
def test_an_index_of_another_schema_is_damaged(tmp_path: Path, durable: bool) -> None:
    file = tmp_path / "index.sqlite"
    with closing(sqlite3.connect(file)) as old:
        old.execute("CREATE TABLE versions (key TEXT)")
    index = VersionIndex(file, durable=durable)
    with pytest.raises(sqlite3.DatabaseError, match="has another schema"):
        index.get("w/a.ipynb")
    assert file.exists() == durable


def test_a_version_is_found_by_either_name(index: VersionIndex) -> None:
    index.add(VERSION)
    for name in ("1", "save-1"):
        found = index.named(name)
        assert found
        assert found.version_id == "1"
    assert index.named("2") is None


def test_a_damaged_memory_begins_anew(index: VersionIndex, tmp_path: Path) -> None:
    index.add(VERSION)
    (tmp_path / "folder" / "index.sqlite").write_bytes(b"damaged" * 1000)
    with pytest.raises(sqlite3.DatabaseError):
        index.get("w/a.ipynb")
    assert index.get("w/a.ipynb") is None
    index.add(VERSION)
    assert index.get("w/a.ipynb") is not None


def test_a_memory_that_was_damaged_before_it_was_opened_begins_anew(
    index: VersionIndex, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "index.sqlite").write_bytes(b"damaged" * 1000)
    with pytest.raises(sqlite3.DatabaseError):
        index.add(VERSION)
    index.add(VERSION)
    assert index.get("w/a.ipynb") is not None


def test_an_index_that_was_removed_is_made_anew(index: VersionIndex, tmp_path: Path) -> None:
    index.add(VERSION)
    shutil.rmtree(tmp_path / "folder")
    assert index.get("w/a.ipynb") is None
    index.add(VERSION)
    assert VersionIndex(tmp_path / "folder" / "index.sqlite", durable=False).get("w/a.ipynb")


def test_a_damaged_store_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "index.sqlite"
    file.write_bytes(b"damaged" * 1000)
    with pytest.raises(sqlite3.DatabaseError):
        VersionIndex(file, durable=True).get("w/a.ipynb")
    assert file.read_bytes() == b"damaged" * 1000
