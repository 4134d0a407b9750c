"""How two notebooks differ, as nbdime tells it.

nbdime brings a Jupyter server along, so it is an extra: ``pip install 'bookstore[diff]'``.
"""

from __future__ import annotations

import io
from typing import Any

from .json import not_damaged

_DAMAGED = "The two cannot be compared"
_HEAD = 3  # lines in which nbdime names the two files, which are none here


class NotInstalled(Exception):
    """nbdime, which is an extra, is not there."""

    def __init__(self) -> None:
        super().__init__(
            "Versions cannot be compared here: nbdime is missing."
            " Run pip install 'bookstore[diff]'."
        )


def compare(base: Any, head: Any) -> list[dict[str, Any]]:
    """Give nbdime's diff from one notebook to another.

    Raises
    ------
    NotInstalled
        If there is no nbdime here.
    NotANotebook
        If one of them is damaged.
    """
    nbdime = _nbdime()
    with not_damaged(_DAMAGED):
        diff: list[dict[str, Any]] = nbdime.diff_notebooks(base, head)
    return diff


def in_words(base: Any, head: Any) -> list[str]:
    """Write the lines in which nbdime tells people of a diff, plain; none where there is none.

    Raises
    ------
    NotInstalled
        If there is no nbdime here.
    NotANotebook
        If one of them is damaged.
    """
    nbdime = _nbdime()
    from nbdime.prettyprint import PrettyPrintConfig, pretty_print_notebook_diff

    out = io.StringIO()
    # In Python all of it: no git and no diff is to be started for two texts.
    config = PrettyPrintConfig(out=out, use_color=False, use_git=False, use_diff=False)
    with not_damaged(_DAMAGED):
        pretty_print_notebook_diff("", "", base, nbdime.diff_notebooks(base, head), config)
    return out.getvalue().splitlines()[_HEAD:]


def _nbdime() -> Any:
    try:
        import nbdime
    except ImportError:
        raise NotInstalled() from None
    return nbdime
