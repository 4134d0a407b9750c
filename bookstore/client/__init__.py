"""Use Bookstore from within a notebook: publish it, list and restore its versions, clone others.

Importing this package loads `requests` and nothing else that takes time. It sends no request.
"""

from __future__ import annotations

from .errors import BookstoreError
from .store_client import BookstoreClient

__all__ = ["BookstoreClient", "BookstoreError"]
