"""Define the error that the client raises."""

from __future__ import annotations


class BookstoreError(Exception):
    """Say in a sentence what went wrong and what to do.

    Attributes
    ----------
    status : int or None
        The HTTP status, or None where no server answered.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows in a cell: the sentence, without our own calls above it."""
        return [f"{type(self).__name__}: {self}"]
