"""Compare two notebooks cell by cell, for people: what was edited, added, removed or moved.

Cells are aligned by id, then by what they say, so that only those that differ are compared in
detail. nbdime, which compares programs' way, aligns by similarity of everything: on notebooks with
pictures that takes seconds. What no one edits (execution counts, ids, the language's description)
is left out.
"""

from __future__ import annotations

import copy
import re
import uuid
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import cached_property
from itertools import zip_longest
from typing import Any, Literal, NamedTuple

_SIMILAR = 0.5  # share of common characters from which one cell may be another, edited
_MOST_LINES = 2_000  # of a cell; above that it is compared as a whole
_LONGEST_LINE = 2_000  # characters; above that a line is compared as a whole
_WORD = re.compile(r"\w+|\s+|[^\w\s]")

Kind = Literal["same", "edited", "added", "removed", "moved"]
EDITS: tuple[Kind, ...] = ("edited", "added", "removed", "moved")


class Piece(NamedTuple):
    """Hold a piece of a line.

    Attributes
    ----------
    text : str
    is_changed : bool
        Whether the other line lacks it.
    colour : str
        The name of its colour, by `coloured_source`; empty for that of plain text.
    """

    text: str
    is_changed: bool
    colour: str = ""


class Line(NamedTuple):
    """Hold two lines beside each other; None where one side has none."""

    old: list[Piece] | None
    new: list[Piece] | None


@dataclass(frozen=True)
class CellChange:
    """Hold what became of a cell.

    Attributes
    ----------
    kind : str
    number : int
        Of the cell in its notebook, from 1: in the newer one, if it is there.
    old, new : dict or None
        The cell before and after.
    old_number : int
        Of the cell in the older notebook, from 1; 0 if it is not there.
    """

    kind: Kind
    number: int
    old: Any
    new: Any
    old_number: int = 0

    @property
    def source(self) -> list[Line]:
        """Return the two sources, line by line."""
        return compare_lines(source_of(self.old), source_of(self.new))

    @property
    def source_is_equal(self) -> bool:
        """Return whether both cells say the same."""
        return source_of(self.old) == source_of(self.new)

    @cached_property
    def outputs_are_equal(self) -> bool:
        """Return whether both cells show the same, whenever they ran."""
        return _outputs(self.old) == _outputs(self.new)

    @cached_property
    def pictures_are_equal(self) -> bool:
        """Return whether both cells show the same pictures."""
        return _pictures(self.old) == _pictures(self.new)

    @property
    def is_same(self) -> bool:
        """Return whether nothing of it differs but its place."""
        return self.source_is_equal and self.outputs_are_equal and not self.metadata

    @property
    def is_edited(self) -> bool:
        """Return whether somebody has changed it, and not only run it again."""
        return not self.source_is_equal or bool(self.metadata)

    @property
    def metadata(self) -> list[str]:
        """Return the names in the metadata that differ."""
        return changed_names(_metadata(self.old), _metadata(self.new))


def compare_cells(old: Any, new: Any) -> list[CellChange]:
    """Compare the cells of two notebooks of nbformat 4.

    Returns
    -------
    list of CellChange
        In the newer notebook's order; removed cells are where they were.
    """
    before, after = old["cells"], new["cells"]
    partners = _partners(before, after)
    in_place = _in_place(partners, len(after))
    kept = set(partners.values())
    changes: list[CellChange] = []
    next_removed = 0

    def pass_removed(until: int) -> None:
        nonlocal next_removed
        for number in range(next_removed, until):
            if number not in kept:
                changes.append(CellChange("removed", number + 1, before[number], None, number + 1))
        next_removed = max(next_removed, until)

    for number, cell in enumerate(after):
        partner = partners.get(number)
        if partner is None:
            changes.append(CellChange("added", number + 1, None, cell))
            continue
        if number in in_place:
            pass_removed(partner)
        kind: Kind = "edited" if number in in_place else "moved"
        change = CellChange(kind, number + 1, before[partner], cell, partner + 1)
        if kind == "edited" and change.is_same:
            change = replace(change, kind="same")
        changes.append(change)
    pass_removed(len(before))
    return changes


def bring_back(old: Any, new: Any, number: int) -> None:
    """Put a cell of a notebook into a newer one, which is changed.

    It takes the place of what became of it, or stands where it was before it was removed.

    Parameters
    ----------
    old, new : dict
        Notebooks of nbformat 4.
    number : int
        Of the cell in the older one, from 1.
    """
    place = 0
    for change in compare_cells(old, new):
        if change.old_number == number:
            break
        place += change.new is not None
    cell = copy.deepcopy(old["cells"][number - 1])
    others = new["cells"][:place] + new["cells"][place + (change.new is not None) :]
    if (new.get("nbformat"), new.get("nbformat_minor")) < (4, 5):
        cell.pop("id", None)  # https://nbformat.readthedocs.io/en/latest/format_description.html
    elif _id(cell) in (None, *map(_id, others)):
        cell["id"] = uuid.uuid4().hex[:8]
    new["cells"] = [*others[:place], cell, *others[place:]]


def summary(changes: Sequence[CellChange]) -> str:
    """Sum changes up, as in ``2 cells edited, 1 plot changed``; empty if there are none."""
    counts = Counter(change.kind for change in changes)
    both = [change for change in changes if change.old and change.new and change.kind != "same"]
    counts["edited"] = sum(change.kind == "edited" and change.is_edited for change in both)
    plots = sum(not change.pictures_are_equal for change in both)
    outputs = sum(not change.outputs_are_equal for change in both) - plots
    kinds = [kind for kind in EDITS if counts[kind]]
    parts = [f"{counts[kind]} {kind}" for kind in kinds]
    if kinds:  # the first says what is counted
        parts[0] = f"{_counted(counts[kinds[0]], 'cell')} {kinds[0]}"
    shown = [_counted(outputs, "output"), _counted(plots, "plot")]
    if any(shown):
        parts.append(f"{' and '.join(filter(None, shown))} changed")
    return ", ".join(parts)


def _counted(number: int, what: str) -> str:
    """Return ``1 plot`` or ``2 plots``; empty for none."""
    return f"{number} {what}{'' if number == 1 else 's'}" if number else ""


def in_words(changes: Sequence[CellChange], metadata: Sequence[str]) -> str:
    """Sum up changes of cells and of the notebook's metadata; never empty."""
    return summary(changes) or ("metadata changed" if metadata else "no change")


def changed_metadata(old: Any, new: Any) -> list[str]:
    """Return the names in the notebooks' own metadata that differ, but for what no one edits."""
    names = changed_names(old["metadata"], new["metadata"])
    return [name for name in names if name != "language_info"]


def as_lines(changes: Sequence[CellChange]) -> list[str]:
    """Write changes as lines of text, the changed lines of a source after ``-`` and ``+``."""
    lines = [summary(changes) or "The cells of the two are equal"]
    for change in changes:
        if change.kind == "same":
            continue
        lines += ["", f"Cell {change.number} {change.kind}"]
        for old, new in change.source:
            if old != new:
                sides = (("-", old), ("+", new))
                lines += [f"{mark} {_joined(side)}" for mark, side in sides if side is not None]
        if not change.outputs_are_equal:
            lines.append("  Its outputs differ.")
        if change.old and change.new and change.metadata:
            lines.append(f"  Its metadata differs in {', '.join(change.metadata)}.")
    return lines


def changed_names(old: Any, new: Any) -> list[str]:
    """Return the names of two objects' fields that differ."""
    return sorted(name for name in {*old, *new} if old.get(name) != new.get(name))


def compare_lines(old: str, new: str) -> list[Line]:
    """Compare two texts line by line, and changed lines word by word."""
    before, after = old.splitlines(), new.splitlines()
    if before == after or max(len(before), len(after)) > _MOST_LINES:
        return [_line(left, right) for left, right in zip_longest(before, after)]
    blocks = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    return [
        _line(left, right)
        for _, i, j, k, m in blocks
        for left, right in zip_longest(before[i:j], after[k:m])
    ]


def _line(old: str | None, new: str | None) -> Line:
    if old is None or new is None:
        return Line(_whole(old), _whole(new))
    if old == new or max(len(old), len(new)) > _LONGEST_LINE:
        return Line([Piece(old, old != new)], [Piece(new, old != new)])
    before, after = _WORD.findall(old), _WORD.findall(new)
    left: list[Piece] = []
    right: list[Piece] = []
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for tag, i, j, k, m in matcher.get_opcodes():
        is_changed = tag != "equal"
        if j > i:
            left.append(Piece("".join(before[i:j]), is_changed))
        if m > k:
            right.append(Piece("".join(after[k:m]), is_changed))
    return Line(left, right)


def _joined(pieces: Sequence[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


def _whole(line: str | None) -> list[Piece] | None:
    return None if line is None else [Piece(line, True)]


def _partners(before: Sequence[Any], after: Sequence[Any]) -> dict[int, int]:
    """Return which cell was which before, by their numbers: of the newer, and of the older."""
    partners: dict[int, int] = {}
    for name_of in (_id, _text):
        kept = set(partners.values())
        by_name: dict[Any, list[int]] = {}
        for number in reversed(range(len(before))):
            if number not in kept:
                by_name.setdefault(name_of(before[number]), []).append(number)
        for number, cell in enumerate(after):
            name = name_of(cell)
            if number not in partners and name and by_name.get(name):
                partners[number] = by_name[name].pop()
    for gap_before, gap_after in list(_gaps(partners, len(before), len(after))):
        _pair_similar(partners, before, after, gap_before, gap_after)
    return partners


def _gaps(
    partners: dict[int, int], before: int, after: int
) -> Iterator[tuple[list[int], list[int]]]:
    """Yield the numbers of cells without a partner, between the same two cells that have one."""
    kept = set(partners.values())
    i = k = 0
    for number in [*sorted(_in_place(partners, after)), after]:
        partner = partners[number] if number < after else before
        gap = [j for j in range(i, partner) if j not in kept]
        yield gap, [j for j in range(k, number) if j not in partners]
        i, k = partner + 1, number + 1


def _pair_similar(
    partners: dict[int, int],
    before: Sequence[Any],
    after: Sequence[Any],
    gap_before: list[int],
    gap_after: list[int],
) -> None:
    """Take cells for edited ones where they are similar, in order."""
    start = 0
    for number in gap_after:
        for position in range(start, len(gap_before)):
            if _are_similar(before[gap_before[position]], after[number]):
                partners[number] = gap_before[position]
                start = position + 1
                break


def _are_similar(old: Any, new: Any) -> bool:
    if old.get("cell_type") != new.get("cell_type"):
        return False
    texts = (source_of(old)[:_LONGEST_LINE], source_of(new)[:_LONGEST_LINE])
    return SequenceMatcher(None, *texts, autojunk=False).quick_ratio() >= _SIMILAR


def _in_place(partners: dict[int, int], after: int) -> set[int]:
    """Return the cells whose partners rise, as many as can be: all others have moved."""
    ends: list[int] = []  # the lowest last partner of a rising sequence of each length
    positions: list[int] = []  # whose partner that is
    previous: dict[int, int | None] = {}
    for position in range(after):
        value = partners.get(position)
        if value is None:
            continue
        length = bisect_left(ends, value)
        previous[position] = positions[length - 1] if length else None
        ends[length : length + 1] = [value]
        positions[length : length + 1] = [position]
    rising: set[int] = set()
    last = positions[-1] if positions else None
    while last is not None:
        rising.add(last)
        last = previous[last]
    return rising


def _id(cell: Any) -> Any:
    identifier = cell.get("id")
    return identifier if isinstance(identifier, str) else None


def _text(cell: Any) -> Any:
    return cell.get("cell_type"), source_of(cell)


def source_of(cell: Any) -> str:
    """Return what a cell says; empty where there is none."""
    return joined(cell.get("source", "")) if cell else ""


def joined(text: Any) -> str:
    """Return a text of a notebook, which may be kept as a list of lines."""
    return "".join(map(str, text)) if isinstance(text, list) else str(text)


def _outputs(cell: Any) -> list[dict[str, Any]]:
    outputs = cell.get("outputs") or [] if cell else []
    unread = ("execution_count", "metadata")
    return [{name: output[name] for name in output if name not in unread} for output in outputs]


def _pictures(cell: Any) -> list[Any]:
    bundles = [output.get("data") for output in _outputs(cell)]
    return [
        data
        for bundle in bundles
        if isinstance(bundle, dict)
        for kind, data in bundle.items()
        if kind.startswith("image/")
    ]


def _metadata(cell: Any) -> dict[str, Any]:
    metadata = cell.get("metadata") if cell else None
    return metadata if isinstance(metadata, dict) else {}
