"""List old versions, and remove them: ``prune``."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from typing import Any

from traitlets import Bool, Int

from ..formatting import print_table, printable, size_in_words
from ..history.names import Names, is_hidden
from ..storage import Store, StoreError, StoreUnavailable, Version
from ..storage.base import format_time, utc_now
from ..storage.lifecycle import MOST_KEPT, lifecycle_rule
from ..storage.paging import all_histories, completed
from ..validation import shown
from .arguments import UsageError
from .progress import progress_bar
from .versions import HistoryCommand

_AT_ONCE = 100  # versions that the store is asked about at the same time
_DELETED_AT_ONCE = 1_000  # versions, as many as S3 takes


class Prune(HistoryCommand):
    """Remove old versions."""

    name = "jupyter bookstore prune"
    description = """List old versions, and remove them for good with `--delete`. Kept are: versions
    that were replaced by a newer one less than `--older-than` days ago; the newest `--keep`
    versions of each notebook; versions that have a name; and a notebook's first version after a
    rename, which links to the history under its former name. With `--in published`, versions of
    published notebooks are pruned; links to them stop working.

    The oldest versions are removed first. If the store fails midway, what was removed and what
    failed is printed, and the exit code is 1. Where the prefix is empty, nothing is pruned.

    Removing needs the permission `s3:DeleteObjectVersion`, which no other command needs. The
    bucket itself can remove old versions instead, for all users: `--lifecycle` prints the rule
    for that. Applying a rule replaces the rules that the bucket has, so add it to them. A
    lifecycle rule knows nothing of names and renames: it also removes versions that have a name,
    and those that link to a former name. What was archived under the former name and has not
    been removed yet is then listed under that name only."""
    examples = """
    jupyter bookstore prune
    jupyter bookstore prune --older-than 365 --keep 20
    jupyter bookstore prune --older-than 365 --keep 20 --delete
    jupyter bookstore prune --older-than 365 --keep 20 --lifecycle > rule.json
    aws s3api put-bucket-lifecycle-configuration --bucket notebooks \\
        --lifecycle-configuration file://rule.json
    """

    days = Int(
        90,
        min=0,
        max=36_500,  # a hundred years; there is no date before the year 1
        help="How many days a version is kept after a newer one has replaced it.",
    ).tag(config=True, option="older-than")
    keep = Int(
        10, min=1, help="How many versions of each notebook are kept whatever their age."
    ).tag(config=True)
    delete = Bool(help="Remove the versions, instead of listing them.").tag(config=True)
    lifecycle = Bool(
        help="Print the lifecycle rule for a bucket instead; the store is not contacted."
    ).tag(config=True)

    async def answer(self, *arguments: str) -> dict[str, Any]:
        """Look for old versions, or write the rule."""
        self.bookstore.require_store()
        if self.lifecycle:
            return self._rule()
        found, failed = await self.bookstore.run(self._prune(self.bookstore.folder(self.which)))
        versions = [
            {
                "key": version.key,
                "version_id": version.version_id,
                "stored_at": format_time(version.stored_at),
                "size": version.size,
            }
            for version in found
        ]
        return {"deleted": self.delete, "versions": versions, "failed": failed}

    def _rule(self) -> dict[str, Any]:
        if self.keep > MOST_KEPT:
            raise UsageError(f"A bucket's rule keeps at most {MOST_KEPT}: give a lower --keep.")
        if self.days == 0:
            raise UsageError(
                "A bucket's rule keeps versions for at least a day: give --older-than 1."
            )
        # One for all users: a bucket has room for a thousand.
        prefix = self.bookstore.shared_folder(self.which)
        options = self.bookstore.require_store()
        rule = lifecycle_rule(options, prefix, days=self.days, keep=self.keep)
        if rule is None:
            raise UsageError("The embedded store has no rules: run prune --delete now and then.")
        return rule

    async def _prune(self, prefix: str) -> tuple[list[Version], list[str]]:
        store = self.bookstore.stores.home()
        before = utc_now() - timedelta(days=self.days)
        names = Names()
        old = {}
        async for key, history in all_histories(store, prefix):
            if is_hidden(key):
                names.add(key)
            else:
                old[key] = _old_versions(history, keep=self.keep, before=before)
        slots = asyncio.Semaphore(self.bookstore.settings.max_threads)
        pruning = _Pruning(store, names)
        with progress_bar(len(old), "Pruning", "notebooks") as bar:

            async def prune(key: str) -> None:
                async with slots:
                    await pruning.look_through(key, old[key])
                bar.update()

            await asyncio.gather(*map(prune, old))
        if self.delete:
            await pruning.delete()
        return pruning.outcome()

    def show(self, answer: dict[str, Any]) -> None:
        """Print a table of the notebooks, or the rule."""
        if self.lifecycle:
            print(json.dumps(answer, indent=2))
            return
        sizes: dict[str, list[int]] = {}
        for version in answer["versions"]:
            sizes.setdefault(version["key"], []).append(version["size"])
        rows = [
            (str(len(of_key)), size_in_words(sum(of_key)), printable(key))
            for key, of_key in sizes.items()
        ]
        if rows:
            print_table([("VERSIONS", "SIZE", "KEY"), *rows])
        total = sum(sum(of_key) for of_key in sizes.values())
        summary = f"{len(answer['versions'])} ({size_in_words(total)})"
        if self.delete:
            print(f"Removed: {summary}.")
        else:
            print(f"Old enough to be removed: {summary}; --delete removes them.")

    def problems(self, answer: dict[str, Any]) -> list[str]:
        """Return which could not be removed; a rule removes nothing yet."""
        return list(answer.get("failed", []))


class _Pruning:
    """Find the old versions, and remove them."""

    def __init__(self, store: Store, names: Names) -> None:
        self._store = store
        self._names = names
        self._versions: list[Version] = []  # found, or removed
        self._errors: dict[str, StoreError] = {}

    async def look_through(self, key: str, old: list[Version]) -> None:
        """Find the old versions of a notebook that may go."""
        if any(isinstance(error, StoreUnavailable) for error in self._errors.values()):
            return  # waiting for it again, for each notebook, would take long
        try:
            # The oldest first: what a killed command has left is newer than what it has removed.
            old = old[::-1]
            for start in range(0, len(old), _AT_ONCE):
                some = old[start : start + _AT_ONCE]
                stays = await asyncio.gather(*map(self._stays, some))
                self._versions += [
                    version for version, is_kept in zip(some, stays, strict=True) if not is_kept
                ]
        except StoreError as error:
            self._errors[key] = error

    async def _stays(self, listed: Version) -> bool:
        """Return whether a version has a name, or a notebook's history goes on by it.

        The latter names the key that the notebook had before.
        """
        version = await completed(self._store, listed)
        return version is not None and (
            version.origin.renamed_from != "" or self._names.has(version)
        )

    async def delete(self) -> None:
        """Remove what was found, many versions by one request; stop where the store fails."""
        found, self._versions = self._versions, []
        for start in range(0, len(found), _DELETED_AT_ONCE):
            some = found[start : start + _DELETED_AT_ONCE]
            try:
                refused = dict(await self._store.delete(some))
            except StoreError as error:
                self._errors[some[0].key] = error
                return
            self._versions += [version for version in some if version not in refused]
            for version, reason in refused.items():
                self._errors.setdefault(version.key, reason)

    def outcome(self) -> tuple[list[Version], list[str]]:
        """Return the versions that were found, or removed, and what went wrong.

        Raises
        ------
        StoreError
            If something went wrong, and there are none.
        """
        if self._errors and not self._versions:
            raise next(iter(self._errors.values()))
        self._versions.sort(key=lambda version: (version.key, version.stored_at))
        return self._versions, [f"{shown(key)}: {error}" for key, error in self._errors.items()]


def _old_versions(history: list[Version], *, keep: int, before: datetime) -> list[Version]:
    """Return the versions of a key that were replaced before a time, but for the newest ones."""
    old: list[Version] = []
    seen, replaced_at = 0, None
    for version in history:
        if not version.deleted:
            if seen >= keep and replaced_at and replaced_at < before:
                old.append(version)
            seen += 1
        replaced_at = version.stored_at
    return old
