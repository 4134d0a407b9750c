"""Renames, remembered until a save has told of them."""

from pathlib import Path

import pytest

from bookstore.renames import Renames


@pytest.fixture
def renames(tmp_path: Path) -> Renames:
    return Renames(tmp_path / "outbox" / "renames")


def test_a_rename_is_told_until_a_save_has_told_it(renames: Renames) -> None:
    renames.add("w/a.ipynb", "w/b.ipynb")
    assert [renames.former("w/b.ipynb") for _ in range(2)] == ["w/a.ipynb"] * 2
    assert renames.former("w/a.ipynb") == ""
    renames.told("w/b.ipynb")
    assert renames.former("w/b.ipynb") == ""
    renames.add("w/b.ipynb", "w/c.ipynb")
    assert renames.former("w/c.ipynb") == "w/b.ipynb"


def test_names_between_which_nothing_was_saved_are_left_out(renames: Renames) -> None:
    for old, new in ("ab", "bc", "cd"):
        renames.add(old, new)
    assert [renames.former(name) for name in "abcd"] == ["", "", "", "a"]
    renames.add("d", "a")
    assert renames.former("a") == ""  # it is where it was


def test_a_folder_takes_all_that_is_in_it_along(renames: Renames) -> None:
    renames.add("w/x", "w/y")
    assert renames.former("w/y/deep/a.ipynb") == "w/x/deep/a.ipynb"
    assert renames.former("w/yes/a.ipynb") == ""
    renames.told("w/y/told.ipynb")
    renames.add("w/y/a.ipynb", "w/y/b.ipynb")
    renames.add("w/y", "w/z")
    assert renames.former("w/z/b.ipynb") == "w/x/a.ipynb"
    assert renames.former("w/z/told.ipynb") == "w/y/told.ipynb"
    assert renames.former("w/z/c.ipynb") == "w/x/c.ipynb"


def test_a_name_that_is_used_again_is_another_notebooks(renames: Renames) -> None:
    renames.add("w/x", "w/y")
    renames.add("w/y/a.ipynb", "w/b.ipynb")
    assert renames.former("w/y/a.ipynb") == ""
    assert renames.former("w/b.ipynb") == "w/x/a.ipynb"
    renames.add("w/y", "w/z")
    assert renames.former("w/y/c.ipynb") == ""


def test_renames_outlast_a_restart_and_half_a_line(renames: Renames, tmp_path: Path) -> None:
    file = tmp_path / "outbox" / "renames"
    renames.add("a", "b")
    renames.add("c", "d")
    renames.told("d")
    with file.open("a") as lines:
        lines.write('["half a li\n')
    renames = Renames(file)
    assert [renames.former("b"), renames.former("d")] == ["a", ""]
    renames.add("b", "ü")
    assert Renames(file).former("ü") == "a"


def test_where_nothing_can_be_written_nothing_fails(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    renames = Renames(tmp_path / "file" / "renames")
    renames.add("a", "b")
    assert renames.former("b") == "a"


@pytest.mark.parametrize(
    "damage", [b"\xff\xfe", b"5", b"[]", b'["a", 5]', b'["a", "b", "c"]', b"[" * 9999]
)
def test_a_line_that_is_damaged_is_passed_over(renames: Renames, damage: bytes) -> None:
    renames.add("a", "b")
    file = renames._file
    file.write_bytes(damage + b"\n" + file.read_bytes())
    assert Renames(file).former("b") == "a"
