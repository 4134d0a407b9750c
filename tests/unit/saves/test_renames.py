"""Renames, remembered until a save has told of them."""

from pathlib import Path

import pytest

from bookstore.saves.renames import Renames


@pytest.fixture
def renames(tmp_path: Path) -> Renames:
    return Renames(tmp_path / "outbox" / "renames")


def former(renames: Renames, key: str) -> str | None:
    naming = renames.untold(key)
    return naming.former if naming else None


def test_a_rename_is_told_until_a_save_has_told_it(renames: Renames) -> None:
    renames.add("w/a.ipynb", "w/b.ipynb")
    assert [former(renames, "w/b.ipynb") for _ in range(2)] == ["w/a.ipynb"] * 2
    assert former(renames, "w/a.ipynb") == ""  # whatever comes there is another one
    renames.settle("w/b.ipynb")
    assert former(renames, "w/b.ipynb") is None
    renames.settle("w/a.ipynb")
    assert former(renames, "w/a.ipynb") is None
    renames.add("w/b.ipynb", "w/c.ipynb")
    assert former(renames, "w/c.ipynb") == "w/b.ipynb"


def test_names_between_which_nothing_was_saved_are_left_out(renames: Renames) -> None:
    for old, new in ("ab", "bc", "cd"):
        renames.add(old, new)
    assert [former(renames, name) for name in "abcd"] == ["", "", "", "a"]


def test_a_notebook_that_is_where_it_was_had_not_its_name_between(renames: Renames) -> None:
    renames.add("a", "b")
    left = renames.untold("b")
    renames.add("b", "a")
    assert left
    assert renames.untold("a") == left
    renames.settle("a")
    renames.add("a", "c")
    assert former(renames, "c") == "a"
    assert renames.untold("c") != left


def test_a_folder_takes_all_that_is_in_it_along(renames: Renames) -> None:
    renames.add("w/x", "w/y")
    assert former(renames, "w/y/deep/a.ipynb") == "w/x/deep/a.ipynb"
    assert former(renames, "w/yes/a.ipynb") is None
    renames.settle("w/y/told.ipynb")
    renames.add("w/y/a.ipynb", "w/y/b.ipynb")
    renames.add("w/y", "w/z")
    assert former(renames, "w/z/b.ipynb") == "w/x/a.ipynb"
    assert former(renames, "w/z/told.ipynb") == "w/y/told.ipynb"
    assert former(renames, "w/z/c.ipynb") == "w/x/c.ipynb"


def test_a_name_that_is_used_again_is_another_notebooks(renames: Renames) -> None:
    renames.add("w/x", "w/y")
    renames.add("w/y/a.ipynb", "w/b.ipynb")
    assert former(renames, "w/y/a.ipynb") == ""
    assert former(renames, "w/b.ipynb") == "w/x/a.ipynb"
    renames.add("w/y", "w/z")
    assert former(renames, "w/y/c.ipynb") == ""


def test_what_was_never_saved_under_a_name_did_not_take_it_along(renames: Renames) -> None:
    renames.add("new", "one")
    renames.add("new", "two")
    assert [former(renames, name) for name in ("one", "two")] == ["new", ""]


def test_a_rename_says_when_the_notebook_left_its_name(renames: Renames) -> None:
    renames.add("a", "b")
    naming = renames.untold("b")
    renames.add("b", "c")
    assert naming
    assert renames.untold("c") == naming


def test_what_was_deleted_has_no_former_name(renames: Renames) -> None:
    renames.add("x", "y")
    renames.settle("y")
    assert former(renames, "y/a") is None


def test_servers_that_share_the_file_hear_of_each_others_renames(renames: Renames) -> None:
    another = Renames(renames._file)
    assert former(another, "b") is None
    renames.add("a", "b")
    assert former(another, "b") == "a"
    another.settle("b")
    assert former(renames, "b") is None


def test_renames_outlast_a_restart_and_half_a_line(renames: Renames, tmp_path: Path) -> None:
    file = tmp_path / "outbox" / "renames"
    renames.add("a", "b")
    renames.add("c", "d")
    renames.settle("d")
    with file.open("a") as lines:
        lines.write('["half a li\n')
    renames = Renames(file)
    assert [former(renames, "b"), former(renames, "d")] == ["a", None]
    renames.add("b", "ü")
    assert former(Renames(file), "ü") == "a"


def test_where_nothing_can_be_written_nothing_fails(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    renames = Renames(tmp_path / "file" / "renames")
    renames.add("a", "b")
    assert former(renames, "b") == "a"


@pytest.mark.parametrize(
    "damage", [b"\xff\xfe", b"5", b"[]", b'["a", 5]', b'["a", "b", "c"]', b"[" * 9999]
)
def test_a_line_that_is_damaged_is_passed_over(renames: Renames, damage: bytes) -> None:
    renames.add("a", "b")
    file = renames._file
    file.write_bytes(damage + b"\n" + file.read_bytes())
    assert former(Renames(file), "b") == "a"
