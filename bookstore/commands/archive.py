"""Notebooks on their way into the store: those that were there before Bookstore, and pending saves.

Both go the way of a save, through the outbox. So neither is lost, nor becomes two versions, when
this process or the machine is stopped midway.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from traitlets import Unicode

from ..draining import drained
from ..inputs import notebook_path, shown
from ..recorder import Recorder
from ..storage import Store, Version, VersionNotFound
from ..storage.base import sha256_of
from .arguments import UsageError
from .base import FAILED, BookstoreCommand, Failed
from .progress import progress_bar

_AT_ONCE = 100  # notebooks; the store is asked for all of them at the same time
_MOST_PENDING = 500  # saves; each of them is a second copy on the disk until it is uploaded


class Drain(BookstoreCommand):
    """Upload what is pending."""

    name = "jupyter bookstore drain"
    description = """Upload the saves that are pending. Where a server runs that does so already,
    wait for it. With --from, also those that wait for another store, which was configured when they
    were saved."""
    examples = """
    jupyter bookstore drain
    jupyter bookstore drain --json
    jupyter bookstore drain --from https://s3.amazonaws.com/notebook
    """

    from_store = Unicode(help="The other store, as `status` names it.").tag(config=True)

    aliases = {
        **BookstoreCommand.aliases,
        "from": "Drain.from_store",
    }

    async def answer(self, *arguments: str) -> dict[str, Any]:
        """Wait until nothing is pending, or until the store takes no more for now."""
        if self.from_store:
            await asyncio.to_thread(self.recorder.take_over, self.from_store)
        before = (await asyncio.to_thread(self.recorder.archive_status))["pending"]
        if before and await asyncio.to_thread(self.recorder.another_uploads):
            print("A server uploads them already; waiting for it.", file=sys.stderr)
        with progress_bar(before, "Uploading", "saves") as bar:

            def show_left(pending: int) -> None:
                bar.update(max(0, before - pending - bar.n))

            status = await drained(self.recorder, on_pending=show_left)
        pending = status["pending"]
        return {
            "uploaded": max(0, before - pending),
            "pending": pending,
            "failed": status["failed"],
            "problem": _problem(status) if pending else None,
        }

    def show(self, answer: dict[str, Any]) -> None:
        """Say how many there were."""
        print(f"{answer['uploaded']} uploaded, {answer['pending']} pending.")

    def code(self, answer: dict[str, Any]) -> int:
        """Fail if some are left."""
        if not answer["pending"]:
            return 0
        print(answer["problem"], file=sys.stderr)
        return FAILED


class Archive(BookstoreCommand):
    """Take in notebooks that are there."""

    name = "jupyter bookstore archive"
    description = """Archive all notebooks in a folder as they are on disk, skipping those whose
    newest version has the same bytes. It can be stopped at any time, and started again to go on."""
    usage = "DIR"
    examples = """
    jupyter bookstore archive .
    jupyter bookstore archive ~/notebooks --root-dir ~/notebooks
    """

    async def answer(self, *arguments: str) -> dict[str, Any]:
        """Archive what is not there already."""
        folder = self._folder(arguments[0])
        recorder = self.recorder
        # Saves that an earlier run has left pending come first: they may be what is on disk now.
        await _require_drained(recorder)
        found = await asyncio.to_thread(lambda: list(_notebooks(folder, self.root)))
        paths = [path for path in found if _can_be_archived(path)]
        taken = _Taken(failed=[path for path in found if not _can_be_archived(path)])
        with progress_bar(len(paths), "Archiving", "notebooks") as bar:
            for start in range(0, len(paths), _AT_ONCE):
                await self._take(paths[start : start + _AT_ONCE], taken)
                await _require_drained(recorder, bar, taken, down_to=_MOST_PENDING)
            await _require_drained(recorder, bar, taken)
        archived = taken.recorded
        return {"archived": archived, "unchanged": taken.unchanged, "failed": taken.failed}

    def _folder(self, name: str) -> str:
        folder = os.path.join(self.root, self.path_within(name))
        if not os.path.isdir(folder):
            raise UsageError(f"There is no folder {shown(name)} in {self.root}.")
        return folder

    async def _take(self, paths: list[str], taken: _Taken) -> None:
        files = {path: os.path.join(self.root, path) for path in paths}
        keys = {self.bookstore.key("workspace", path): file for path, file in files.items()}
        present = await self.bookstore.run(_present(self.bookstore.stores.home(), keys))
        for (path, file), is_there in zip(files.items(), present, strict=True):
            if is_there:
                taken.unchanged += 1
            elif await asyncio.to_thread(self.recorder.record_file, path, file):
                taken.recorded += 1
            else:
                taken.failed.append(path)

    def show(self, answer: dict[str, Any]) -> None:
        """Say how many there were."""
        print(f"{answer['archived']} archived, {answer['unchanged']} unchanged.")

    def code(self, answer: dict[str, Any]) -> int:
        """Fail if some could not be archived."""
        for path in answer["failed"]:
            print(f"{shown(path)} could not be archived.", file=sys.stderr)
        return FAILED if answer["failed"] else 0


@dataclass
class _Taken:
    """What has been done so far."""

    recorded: int = 0
    unchanged: int = 0
    failed: list[str] = field(default_factory=list)


def _notebooks(folder: str, root: str) -> Iterator[str]:
    """List the notebooks in a folder and those below it, by their paths; nothing hidden."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            file = os.path.join(place, name)
            if name.endswith(".ipynb") and not name.startswith(".") and os.path.isfile(file):
                yield os.path.relpath(file, root).replace(os.sep, "/")


def _can_be_archived(path: str) -> bool:
    try:
        return notebook_path(path) == path
    except ValueError:  # the path is too long, or not in Unicode
        return False


async def _present(store: Store, files: dict[str, str]) -> list[bool]:
    """Tell for each key whether its newest version has the bytes of a file."""

    async def is_present(key: str, file: str) -> bool:
        try:
            newest = await store.describe(key)
        except VersionNotFound:
            return False
        return await asyncio.to_thread(_has_bytes_of, newest, file)

    return await asyncio.gather(*(is_present(key, file) for key, file in files.items()))


def _has_bytes_of(version: Version, file: str) -> bool:
    if version.provenance is None or version.size != os.path.getsize(file):
        return False
    with open(file, "rb") as content:
        return version.provenance.sha256 == sha256_of(content)


async def _require_drained(
    recorder: Recorder, bar: Any = None, taken: _Taken | None = None, *, down_to: int = 0
) -> None:
    """Wait until few saves are pending; refuse to go on where the store takes no more."""

    def show_done(pending: int) -> None:
        if bar is not None and taken is not None:
            done = taken.unchanged + max(0, taken.recorded - pending)
            bar.update(max(0, done - bar.n))

    status = await drained(recorder, down_to=down_to, on_pending=show_done)
    if status["pending"] > down_to:
        raise Failed(_problem(status))


def _problem(status: dict[str, Any]) -> str:
    error = status["last_error"]
    reason = error["message"] if error else "The uploader does not get on; the log may say why."
    return f"Still pending, safe on this machine: {status['pending']}. {reason}"
