"""Format sizes and names for people, alike on pages, in a shell and in the client's results."""

from __future__ import annotations


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
