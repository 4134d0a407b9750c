"""Compare two notebooks for programs: what people read of it, and nbdime's diff.

nbdime brings a Jupyter server along, so it is an extra: ``pip install 'bookstore[diff]'``.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from .changes import EDITS, as_lines, changed_metadata, compare_cells, in_words
from .json import not_damaged


def compare(base: Any, head: Any) -> dict[str, Any]:
    """Compare two notebooks of nbformat 4.

    Returns
    -------
    dict
        ``changes``, what changed in words; ``cells``, how many were edited, added, removed and
        moved; ``lines``, the changes as lines of text; ``diff``, nbdime's, or None where nbdime is
        not installed.

    Raises
    ------
    NotANotebook
        If one of them is damaged.
    """
    with not_damaged("The two cannot be compared"):
        changes = compare_cells(base, head)
        counts = Counter(change.kind for change in changes)
        return {
            "changes": in_words(changes, changed_metadata(base, head)),
            "cells": {kind: counts[kind] for kind in EDITS},
            "lines": as_lines(changes),
            "diff": _nbdime(base, head),
        }


def _nbdime(base: Any, head: Any) -> list[dict[str, Any]] | None:
    try:
        import nbdime
    except ImportError:
        return None
    diff: list[dict[str, Any]] = nbdime.diff_notebooks(base, head)
    return diff
