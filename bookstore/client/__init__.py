"""Bookstore from within a notebook: publish it, look at its versions, bring one back, clone others.

Importing this loads `requests` and nothing else that takes time, and asks no server.
"""

from __future__ import annotations

from .errors import BookstoreError
from .store_client import BookstoreClient

__all__ = ["BookstoreClient", "BookstoreError"]
