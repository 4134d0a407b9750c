"""List all pages of a listing, and complete what a listing leaves out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Protocol, TypeVar

from .base import Store, Version
from .errors import VersionNotFound

_PAGE = 1_000  # as many as S3 lists at once


class _Page(Protocol):
    @property
    def next(self) -> str | None: ...


P = TypeVar("P", bound=_Page)


async def all_histories(store: Store, prefix: str) -> AsyncIterator[tuple[str, list[Version]]]:
    """List all keys that begin with a prefix, each with its versions and delete markers.

    Versions come newest first. All of it takes one listing, however many keys there are.
    """
    history: list[Version] = []
    async for page in all_pages(partial(store.all_versions, prefix)):
        for version in page.versions:
            if history and history[0].key != version.key:
                yield history[0].key, history
                history = []
            history.append(version)
    if history:
        yield history[0].key, history


async def completed(store: Store, version: Version) -> Version | None:
    """Ask where a version that was listed comes from, if need be; None if it was removed since."""
    if version.provenance or version.deleted:
        return version
    with suppress(VersionNotFound):
        described = await store.describe(version.key, version.version_id)
        return replace(version, provenance=described.provenance)
    return None


async def all_pages(ask: Callable[..., Awaitable[P]]) -> AsyncIterator[P]:
    """Ask for page after page, as ``ask(limit=…, after=…)``."""
    after = None
    while True:
        page = await ask(limit=_PAGE, after=after)
        yield page
        after = page.next
        if after is None:
            return
