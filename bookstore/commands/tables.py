"""Tables, for people at a terminal."""

from __future__ import annotations

from collections.abc import Sequence

_KIB = 1024


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows, the first of which are the headings, each column as wide as it needs."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


def size_in_words(size: int) -> str:
    """Write a number of bytes for people."""
    amount, unit = float(size), "B"
    for larger in ("kB", "MB", "GB"):
        if amount < _KIB:
            break
        amount, unit = amount / _KIB, larger
    return f"{size} B" if unit == "B" else f"{amount:.1f} {unit}"


def printable(text: str) -> str:
    """Write what others have named so that it cannot drive the terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
