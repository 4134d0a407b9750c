"""Which notebook has which id on this machine."""

from pathlib import Path

import pytest

from bookstore.saves.identities import Identities, Notebook


@pytest.fixture
def identities(tmp_path: Path) -> Identities:
    return Identities(tmp_path / "outbox")


def former(identities: Identities, key: str) -> str | None:
    found = identities.find(key)
    return found.renamed_from if found else None


def test_a_notebook_keeps_its_id(identities: Identities) -> None:
    first = identities.for_save("w/a")
    assert first == Notebook(first.notebook_id, ask="w/a")
    assert identities.for_save("w/a") == first
    identities.identify(first.notebook_id, "b1")
    assert identities.for_save("w/a") == Notebook("b1")
    assert identities.real_id(first.notebook_id) == "b1"


def test_a_rename_is_recorded_by_the_next_save_only(identities: Identities) -> None:
    first = identities.for_save("w/a")
    identities.renamed("w/a", "w/b")
    assert [identities.for_save("w/b").renamed_from for _ in range(2)] == ["w/a"] * 2
    identities.saved("w/b")
    assert identities.for_save("w/b") == first
    another = identities.for_save("w/a")
    assert another.notebook_id != first.notebook_id
    assert another.ask == ""  # this machine ended the one before


def test_names_under_which_nothing_was_saved_are_left_out(identities: Identities) -> None:
    identities.for_save("a")
    for old, new in ("ab", "bc", "cd"):
        identities.renamed(old, new)
    assert former(identities, "d") == "a"
    identities.renamed("d", "a")
    assert former(identities, "a") == ""


def test_a_folder_takes_what_is_in_it_along(identities: Identities) -> None:
    known = identities.for_save("w/x/a")
    identities.renamed("w/x", "w/y")
    assert identities.for_save("w/y/a") == known._replace(renamed_from="w/x/a")
    # one that was not saved on this machine yet is found where it was
    assert identities.find("w/y/deep/b") == Notebook("", "w/x/deep/b", "w/x/deep/b")
    assert identities.for_save("w/y/deep/b").ask == "w/x/deep/b"
    assert identities.find("w/yes/a") is None
    assert identities.for_save("w/x/a").notebook_id != known.notebook_id
    identities.renamed("w/y/c", "w/d")
    assert former(identities, "w/d") == "w/x/c"
    identities.renamed("w/y", "w/z")
    assert former(identities, "w/z/e") == "w/x/e"
    assert identities.find("w/z/c") is None
    assert identities.for_save("w/z/c").ask == ""


def test_what_is_deleted_with_its_folder_ends(identities: Identities) -> None:
    first = identities.for_save("w/x/a")
    identities.ended("w/x")
    assert identities.find("w/x/a") is None
    assert identities.for_save("w/x/a").notebook_id != first.notebook_id
    assert identities.for_save("w/x/b").ask == ""


def test_a_new_notebook_is_none_that_was_there(identities: Identities) -> None:
    first = identities.for_save("a")
    second = identities.for_save("a", is_new=True)
    assert second.notebook_id != first.notebook_id
    assert second.ask == ""
    assert identities.for_save("b", is_new=True).ask == ""


def test_a_restored_notebook_goes_on(identities: Identities) -> None:
    first = identities.for_save("a")
    identities.ended("a")
    assert identities.for_save("a", restored=first.notebook_id) == Notebook(first.notebook_id)
    identities.renamed("a", "b")
    copy = identities.for_save("a", restored=first.notebook_id)
    assert copy.notebook_id != first.notebook_id


def test_servers_share_what_they_know(identities: Identities) -> None:
    another = Identities(identities._file.parent)
    assert another.find("a") is None
    first = identities.for_save("a")
    assert another.for_save("a") == first
    another.renamed("a", "b")
    assert identities.for_save("b").notebook_id == first.notebook_id


def test_two_servers_that_name_a_notebook_at_once_agree(identities: Identities) -> None:
    first = identities.for_save("a")
    with open(identities._file, "a") as lines:
        lines.write('{"event": "named", "key": "a", "id": "late", "ask": "a"}\n')
    assert identities.for_save("a") == first
    assert identities.real_id("late") == first.notebook_id


@pytest.mark.parametrize("damage", [b"\xff\xfe", b"5", b"[]", b'{"event": 5}', b"[" * 9999])
def test_a_damaged_line_is_passed_over(identities: Identities, damage: bytes) -> None:
    first = identities.for_save("a")
    file = identities._file
    file.write_bytes(damage + b"\n" + file.read_bytes() + b'{"event": "ren')
    reread = Identities(file.parent)
    assert reread.find("a") == first
    reread.renamed("a", "ü")
    assert Identities(file.parent).for_save("ü").notebook_id == first.notebook_id


def test_nothing_fails_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    identities = Identities(tmp_path / "file" / "outbox")
    first = identities.for_save("a")
    identities.renamed("a", "b")
    assert identities.for_save("b") == first._replace(renamed_from="a")


def test_a_removed_file_is_written_again(identities: Identities) -> None:
    first = identities.for_save("a")
    identities._file.unlink()
    identities.for_save("b")
    assert Identities(identities._file.parent).find("a") == first


def test_the_log_does_not_grow_without_bound(identities: Identities) -> None:
    first = identities.for_save("w/a")
    identities.for_save("w/b")
    late = identities.for_save("w/c").notebook_id
    identities.identify(late, "real")
    for _ in range(600):
        identities.renamed("w/a", "w/d")
        identities.renamed("w/d", "w/a")
    identities.ended("w/b")
    keys = ("w/a", "w/b", "w/c", "w/d", "w/e")
    before = [identities.find(key) for key in keys]
    size = identities._file.stat().st_size
    identities.compact()
    assert identities._file.stat().st_size < size / 50
    for reread in (identities, Identities(identities._file.parent)):
        assert [reread.find(key) for key in keys] == before
        assert reread.real_id(late) == "real"
    assert before[0] == first
    assert identities.for_save("w/d").ask == ""
