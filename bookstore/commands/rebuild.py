"""Rebuild the index of this machine: ``rebuild``."""

from __future__ import annotations

from typing import Any

from .base import BookstoreCommand


class Rebuild(BookstoreCommand):
    """Rebuild the index of this machine."""

    name = "jupyter bookstore rebuild"
    description = """Rebuild this machine's index of versions. The index of the embedded store is
    rebuilt from the files of its versions, which also happens by itself if the index is missing
    or damaged. The index of a bucket is a cache: it is cleared, and filled again when it is
    needed."""
    examples = """
    jupyter bookstore rebuild
    """

    async def answer(self, *arguments: str) -> dict[str, Any]:
        """Rebuild the index, and count what it has."""
        self.bookstore.require_store()
        return {"versions": await self.bookstore.run(self.bookstore.stores.home().rebuild_index())}

    def show(self, answer: dict[str, Any]) -> None:
        """Print how many versions the index has."""
        print(f"The index is new; it has {answer['versions']} versions.")
