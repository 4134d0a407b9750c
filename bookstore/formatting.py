"""Format text for people, alike on pages, in a shell and in the client's results."""

from __future__ import annotations

from collections.abc import Sequence


def label_in_words(name: str, note: str) -> str:
    """Join the name of a version and the note with it."""
    return f"{name} ({note})" if note else name


def size_in_words(size: int) -> str:
    """Format a number of bytes in decimal units, as in ``1.2 MB``."""
    if size < 1_000:
        return "1 byte" if size == 1 else f"{size} bytes"
    amount = float(size)
    for unit in ("kB", "MB", "GB"):
        amount /= 1_000
        if round(amount, 1) < 1_000:
            return f"{amount:.1f} {unit}"
    return f"{amount / 1_000:.1f} TB"


def printable(text: str) -> str:
    """Replace what cannot be printed, since control characters would drive a terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def table_lines(rows: Sequence[Sequence[str]]) -> list[str]:
    """Align the columns of a table; return a line for each row."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Print a table, the first row of which may be its headings."""
    print(*table_lines(rows), sep="\n")
