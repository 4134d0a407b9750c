"""Compare two notebooks for programs: the diff is nbdime's.

nbdime brings a Jupyter server along, so it is an extra: ``pip install 'bookstore[diff]'``.
"""

from __future__ import annotations

from typing import Any

from .json import not_damaged


class NotInstalled(Exception):
    """nbdime, which is an extra, is not there."""

    def __init__(self) -> None:
        super().__init__(
            "A diff for programs is made by nbdime, which is not installed here."
            " Run pip install 'bookstore[diff]'."
        )


def compare(base: Any, head: Any) -> list[dict[str, Any]]:
    """Return nbdime's diff from one notebook to another.

    Raises
    ------
    NotInstalled
        If there is no nbdime here.
    NotANotebook
        If one of them is damaged.
    """
    try:
        import nbdime
    except ImportError:
        raise NotInstalled() from None
    with not_damaged("The two cannot be compared"):
        diff: list[dict[str, Any]] = nbdime.diff_notebooks(base, head)
    return diff
