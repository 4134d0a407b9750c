"""The one error that the client raises."""

from __future__ import annotations


class BookstoreError(Exception):
    """What went wrong and what to do, in a sentence.

    Attributes
    ----------
    status : int or None
        The HTTP status, where a server answered.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status
