"""Show the state of archiving: ``status``."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

from ..formatting import printable
from .base import BookstoreCommand


class Status(BookstoreCommand):
    """Show where saves are archived, and how many are pending."""

    name = "jupyter bookstore status"
    description = """Show where saves are archived, how many are pending, and the last archived
    save and the last error. The store is not contacted. Saves pending for stores that were
    configured before are listed by store."""
    examples = """
    jupyter bookstore status
    jupyter bookstore status --json
    """

    async def answer(self, *arguments: str) -> dict[str, Any]:
        """Return the status, as the server's API does."""
        return asdict(await asyncio.to_thread(self.bookstore.status))

    def show(self, answer: dict[str, Any]) -> None:
        """Print it in a few lines."""
        print(f"Bookstore {answer['release']}: {answer['description']}")
        if store := answer["store"]:
            print(f"Store: {store['url']}")
            if store["problem"]:
                print(f"       {store['problem']}")
        archive = answer["archive"]
        print(f"Pending: {archive['pending']}")
        print(f"Failed: {archive['failed']}")
        for other in archive["elsewhere"]:
            print(f"Pending for {other['store']}: {other['pending']}")
        if last := archive["last_archived"]:
            print(f"Last archived: {printable(last['path'])}, at {last['archived_at']}")
        if error := archive["last_error"]:
            print(f"Last error: {error['message']} ({error['at']})")
