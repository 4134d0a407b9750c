"""Show progress bars on standard error, if that is a terminal."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any


def progress_bar(total: int, what: str, unit: str) -> AbstractContextManager[Any]:
    """Make a bar of tqdm's, which is silent where standard error is no terminal."""
    from tqdm import tqdm

    bar: AbstractContextManager[Any] = tqdm(total=total, desc=what, unit=f" {unit}", disable=None)
    return bar
