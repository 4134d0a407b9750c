"""The colours of sources that are compared."""

from typing import Any

import pytest

from bookstore.notebooks.changes import CellChange, Piece
from bookstore.notebooks.colours import coloured_source, language_of


def edited(old: str, new: str, kind: str = "code") -> CellChange:
    old_cell, new_cell = ({"cell_type": kind, "source": source} for source in (old, new))
    return CellChange("edited", 1, old_cell, new_cell, 1)


def test_each_side_has_its_colours_and_what_changed_in_it() -> None:
    (line,) = coloured_source(edited("x = 1", "x = 22 # two"), "python")
    assert line.old == [Piece("x = ", False, ""), Piece("1", True, "number")]
    assert line.new == [
        Piece("x = ", False, ""),
        Piece("22", True, "number"),
        Piece(" ", True, ""),
        Piece("# two", True, "comment"),
    ]


@pytest.mark.parametrize("language", ["python", "", "no language", "julia"])
@pytest.mark.parametrize(
    "source", ["", "\n\ndef f():\r\n\tpass\n", "a\x0bb = 'c\u2028d'\n%magic", "'''\nopen"]
)
def test_no_character_is_lost_or_moved(source: str, language: str) -> None:
    for change in (edited(source, source), edited(source, f"{source}\nmore")):
        lines = coloured_source(change, language)
        olds = ["".join(piece.text for piece in line.old) for line in lines if line.old is not None]
        assert olds == source.splitlines()


def test_a_string_of_several_lines_is_one_in_each() -> None:
    lines = coloured_source(edited("", "'''one\ntwo'''"), "python")
    assert [piece.colour for line in lines for piece in line.new or []] == ["string", "string"]


def test_markdown_is_coloured_as_such_and_raw_cells_are_not() -> None:
    (heading,) = coloured_source(edited("# A", "# A", "markdown"), "python")
    assert heading.new == [Piece("# A", False, "keyword")]
    (raw,) = coloured_source(edited("import a", "import a", "raw"), "python")
    assert raw.new == [Piece("import a", False, "")]


@pytest.mark.parametrize(
    ("metadata", "language"),
    [
        ({"language_info": {"name": "julia"}, "kernelspec": {"language": "R"}}, "julia"),
        ({"kernelspec": {"language": "R"}}, "R"),
        ({"language_info": {"name": 1}, "kernelspec": "python"}, ""),
        ({}, ""),
    ],
)
def test_the_metadata_names_the_language(metadata: dict[str, Any], language: str) -> None:
    assert language_of({"metadata": metadata}) == language
