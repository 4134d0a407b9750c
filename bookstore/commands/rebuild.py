"""Make the index of this machine anew."""

from __future__ import annotations

from typing import Any

from .base import BookstoreCommand


class Rebuild(BookstoreCommand):
    """Make the index of this machine anew."""

    name = "jupyter bookstore rebuild"
    description = """Make the index of this machine anew: that of the embedded store from the files
    of its versions. What is known of a bucket's versions is forgotten, and asked for again."""
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
