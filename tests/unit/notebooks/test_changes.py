"""Changes between two notebooks, cell by cell."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookstore.notebooks.changes import (
    Line,
    Piece,
    bring_back,
    compare_cells,
    compare_lines,
    in_words,
    summary,
)


def code(source: str, identifier: str = "", **fields: Any) -> dict[str, Any]:
    cell = {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], **fields}
    return cell | ({"id": identifier} if identifier else {})


def picture(data: str) -> dict[str, Any]:
    return {"output_type": "display_data", "data": {"image/png": data}, "metadata": {}}


def notebook(*cells: Any) -> dict[str, Any]:
    return {"metadata": {}, "cells": list(cells)}


def kinds(old: list[Any], new: list[Any]) -> list[tuple[str, int]]:
    return [
        (change.kind, change.number) for change in compare_cells(notebook(*old), notebook(*new))
    ]


@pytest.mark.parametrize("has_ids", [True, False])
def test_cells_are_edited_added_removed_and_moved(has_ids: bool) -> None:
    def cells(*sources: str) -> list[Any]:
        return [code(source, source[0] if has_ids else "") for source in sources]

    before = cells("a = 1000", "b = 2000", "c = 3000", "d = 4000")
    assert kinds(before, before) == [("same", number) for number in (1, 2, 3, 4)]
    assert kinds(before, cells("a = 1000", "b = 2001", "c = 3000", "d = 4000"))[1] == ("edited", 2)
    assert kinds(before, cells("a = 1000", "c = 3000", "d = 4000", "x: new"))[1:] == [
        ("removed", 2),
        ("same", 2),
        ("same", 3),
        ("added", 4),
    ]
    moved = kinds(before, cells("d = 4000", "a = 1000", "b = 2000", "c = 3000"))
    assert moved == [("moved", 1), ("same", 2), ("same", 3), ("same", 4)]


def test_what_no_one_edits_is_no_change() -> None:
    outputs = [{"output_type": "stream", "name": "stdout", "text": "1"}]
    result = {"output_type": "execute_result", "data": {"text/plain": "1"}, "metadata": {}}
    before = code("x", "a", execution_count=1, outputs=[*outputs, {**result, "execution_count": 1}])
    after = code("x", "b", execution_count=7, outputs=[*outputs, {**result, "execution_count": 7}])
    assert kinds([before], [after]) == [("same", 1)]


def test_a_changed_plot_counts() -> None:
    changes = compare_cells(
        notebook(code("plot()", "a", outputs=[picture("x")])),
        notebook(code("plot()", "a", outputs=[picture("y")])),
    )
    assert summary(changes) == "1 plot changed"
    assert changes[0].source_is_equal and not changes[0].outputs_are_equal


def test_what_changed_is_told_in_words() -> None:
    def printed(source: str, text: str) -> dict[str, Any]:
        outputs = [{"output_type": "stream", "name": "stdout", "text": text}]
        return code(source, source[0], outputs=outputs)

    before = notebook(printed("a = 1", "1"), printed("b", "1"), code("c = 3000", "c"))
    after = notebook(printed("a = 2", "2"), printed("b", "2"), code("d", "d"))
    told = "1 cell edited, 1 added, 1 removed, 2 outputs changed"
    assert in_words(compare_cells(before, after), []) == told
    assert in_words(compare_cells(before, before), []) == "no change"
    assert in_words(compare_cells(before, before), ["kernelspec"]) == "metadata changed"


def test_changed_lines_are_compared_word_by_word() -> None:
    assert compare_lines("same\nx = old\n", "same\nx = new\nmore") == [
        Line([Piece("same", False)], [Piece("same", False)]),
        Line(
            [Piece("x = ", False), Piece("old", True)], [Piece("x = ", False), Piece("new", True)]
        ),
        Line(None, [Piece("more", True)]),
    ]


SOURCES = st.text("ab \n", max_size=12)
CELLS = st.lists(st.tuples(SOURCES, st.sampled_from(["", "1", "2", "3"])), max_size=6)


@given(CELLS, CELLS)
def test_each_cell_of_both_notebooks_is_shown_once(
    old: list[tuple[str, str]], new: list[tuple[str, str]]
) -> None:
    before, after = notebook(*(code(*c) for c in old)), notebook(*(code(*c) for c in new))
    changes = compare_cells(before, after)
    assert [change.new for change in changes if change.new] == after["cells"]
    shown = sorted(id(change.old) for change in changes if change.old)
    assert shown == sorted(map(id, before["cells"]))
    for change in changes:
        for text, side in ((change.old, 0), (change.new, 1)):
            lines = [line[side] for line in change.source]
            joined = ["".join(piece.text for piece in line) for line in lines if line is not None]
            assert joined == (text["source"] if text else "").splitlines()


def with_ids(sources: str, minor: int = 5) -> dict[str, Any]:
    cells = [code(source * 40, source) for source in sources]
    return {"nbformat": 4, "nbformat_minor": minor, "metadata": {}, "cells": cells}


@pytest.mark.parametrize(
    ("old", "new", "number", "outcome"),
    [
        ("abc", "ac", 2, "abc"),
        ("abc", "bc", 1, "abc"),
        ("abc", "abx", 3, "abxc"),
        ("abc", "", 2, "b"),
        ("abc", "cab", 3, "cab"),
        ("a", "xyz", 1, "xyza"),
    ],
)
def test_a_cell_comes_back_where_it_was(old: str, new: str, number: int, outcome: str) -> None:
    notebook = with_ids(new)
    bring_back(with_ids(old), notebook, number)
    assert "".join(cell["id"] for cell in notebook["cells"]) == outcome


def test_a_cell_comes_back_in_the_place_of_what_became_of_it() -> None:
    old, new = with_ids("abc"), with_ids("abc")
    old["cells"][1]["outputs"] = [picture("old")]
    new["cells"][1]["source"] = "edited"
    bring_back(old, new, 2)
    assert new["cells"] == old["cells"]


def test_the_ids_of_cells_stay_unique_and_are_left_out_where_the_format_has_none() -> None:
    old, new = with_ids("ab"), with_ids("a")
    old["cells"][1]["id"] = "a"
    bring_back(old, new, 2)
    first, second = new["cells"]
    assert (first["id"], second["source"]) == ("a", "b" * 40)
    assert second["id"] != "a"
    older = with_ids("x", minor=4)
    bring_back(with_ids("ab"), older, 1)
    assert "id" not in older["cells"][1]
