"""Archive the notebooks of a folder, and upload pending saves: ``archive`` and ``drain``.

Both use the outbox, as saves do. So neither is lost, nor becomes two versions, when this process
or the machine is stopped midway.
"""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from traitlets import Unicode

from ..saves.drain import drained
from ..saves.recorder import Recorder
from ..saves.status import ArchiveStatus
from ..storage import Version, VersionNotFound
from ..storage.base import sha256_of
from ..validation import BadInput, notebook_path, shown
from .arguments import UsageError
from .base import BookstoreCommand, Failed
from .progress import progress_bar

_AT_ONCE = 100  # notebooks; the store is asked for all of them at the same time
_MOST_PENDING = 500  # saves; each of them is a second copy on the disk until it is uploaded


class Drain(BookstoreCommand):
    """Upload what is pending."""

    name = "jupyter bookstore drain"
    description = """Upload the pending saves, for instance before a machine is shut down for good.
    If a running server uploads them already, wait for it. If the store takes no more for now, the
    exit code is 1, and the rest stays in `local_dir`.

    A save goes to the store that was configured when it was saved. If that was a mistake, such
    as a misspelt bucket, `--from` uploads the saves of that store to the one that is configured
    now."""
    examples = """
    jupyter bookstore drain
    jupyter bookstore drain --json
    jupyter bookstore drain --from https://s3.amazonaws.com/notebook
    """

    from_store = Unicode(
        help="Also upload what is pending for this store, named as `status` prints it."
    ).tag(config=True, option="from")

    async def answer(self, *arguments: str) -> dict[str, Any]:
        """Wait until nothing is pending, or until the store takes no more for now."""
        if self.from_store:
            await asyncio.to_thread(self.recorder.take_over, self.from_store)
        before = (await asyncio.to_thread(self.recorder.archive_status)).pending
        if before and await asyncio.to_thread(self.recorder.another_uploads):
            print("A server uploads them already; waiting for it.", file=sys.stderr)
        with progress_bar(before, "Uploading", "saves") as bar:

            def show_left(pending: int) -> None:
                bar.update(max(0, before - pending - bar.n))

            status = await drained(self.recorder, on_pending=show_left)
        pending = status.pending
        return {
            "uploaded": max(0, before - pending),
            "pending": pending,
            "failed": status.failed,
            "problem": _problem(status) if pending else None,
        }

    def show(self, answer: dict[str, Any]) -> None:
        """Print how many there were."""
        print(f"{answer['uploaded']} uploaded, {answer['pending']} pending.")

    def problems(self, answer: dict[str, Any]) -> list[str]:
        """Return why some are left."""
        return [answer["problem"]] if answer["problem"] else []


class Archive(BookstoreCommand):
    """Take in notebooks that are there."""

    name = "jupyter bookstore archive"
    description = """Archive the notebooks in a folder and its subfolders as they are on disk: those
    from before Bookstore was installed, and those that changed without Jupyter. Hidden files and
    folders are skipped, and so are folders that are symbolic links, unless one is DIR itself.

    A notebook whose newest version has the same bytes is skipped. The command can therefore be
    interrupted at any time and run again, without a version too many, also beside a running server.
    A version's time is the time when it was archived.

    Files that cannot be read and saves that the store refuses are listed on standard error. The
    other notebooks are archived, and the exit code is 1."""
    usage = "DIR"
    examples = """
    jupyter bookstore archive .
    jupyter bookstore archive ~/notebooks --root-dir ~/notebooks
    """

    async def answer(self, *arguments: str) -> dict[str, Any]:
        """Archive what is not there already."""
        folder = self._folder(arguments[0])
        recorder = self.recorder
        taken = _Taken(before=await asyncio.to_thread(recorder.pending))
        found = await asyncio.to_thread(lambda: list(_notebooks(folder, self.root, taken)))
        paths = [path for path in found if _can_be_archived(path, taken)]
        with progress_bar(len(paths), "Archiving", "notebooks") as bar:
            for start in range(0, len(paths), _AT_ONCE):
                await self._take(paths[start : start + _AT_ONCE], taken)
                most = taken.before + _MOST_PENDING
                status = await _uploaded(recorder, bar, taken, down_to=most)
                if status.pending > most:
                    raise Failed(_problem(status))
            status = await _uploaded(recorder, bar, taken)
        pending = status.pending
        own = sum(map(recorder.is_pending, taken.save_ids)) if pending else 0
        return {
            "archived": len(taken.save_ids) - own,
            "unchanged": taken.unchanged,
            "pending": pending,
            "failed": taken.failed,
            "problem": _problem(status) if pending else None,
        }

    def _folder(self, name: str) -> str:
        folder = os.path.join(self.root, self.path_within(name))
        if not os.path.isdir(folder):
            raise UsageError(f"There is no folder {shown(name)} in {self.root}.")
        return folder

    async def _take(self, paths: list[str], taken: _Taken) -> None:
        files = {path: os.path.join(self.root, path) for path in paths}

        async def look_at_all() -> list[bool | OSError]:
            looking = (self._is_there(path, file, taken) for path, file in files.items())
            return await asyncio.gather(*looking)

        results = await self.bookstore.run(look_at_all())
        for (path, file), is_there in zip(files.items(), results, strict=True):
            if isinstance(is_there, OSError):
                taken.fail(path, is_there.strerror or str(is_there))
            elif is_there:
                taken.unchanged += 1
            elif save_id := await asyncio.to_thread(self.recorder.record_file, path, file):
                taken.save_ids.append(save_id)
            else:
                taken.fail(path, "it cannot be recorded")

    async def _is_there(self, path: str, file: str, taken: _Taken) -> bool | OSError:
        """Return whether the newest version has the bytes of a file, or why that is not known."""
        key = self.bookstore.key("workspace", path)
        try:
            await asyncio.to_thread(_require_readable, file)
            if taken.before:
                # A save that is pending is newer than what is in the store.
                entries = await asyncio.to_thread(self.bookstore.history.known, key, limit=1)
                if entries and entries[0].state == "pending" and entries[0].version.key == key:
                    return await self.bookstore.history.holds(key, file)
            newest = await self.bookstore.stores.home().describe(key)
            return await asyncio.to_thread(_has_bytes_of, newest, file)
        except VersionNotFound:
            return False
        except OSError as error:
            return error

    def show(self, answer: dict[str, Any]) -> None:
        """Print how many there were."""
        print(f"{answer['archived']} archived, {answer['unchanged']} unchanged.")

    def problems(self, answer: dict[str, Any]) -> list[str]:
        """Return why some could not be archived, or are still pending."""
        return [*answer["failed"], *filter(None, [answer["problem"]])]


@dataclass
class _Taken:
    """Record what has been done so far.

    Attributes
    ----------
    before : int
        How many saves were pending at the beginning, and may be so for good.
    save_ids : list of str
        Of what was recorded.
    unchanged : int
    failed : list of str
        A sentence for each file and folder.
    """

    before: int
    save_ids: list[str] = field(default_factory=list)
    unchanged: int = 0
    failed: list[str] = field(default_factory=list)

    def fail(self, path: str, reason: str) -> None:
        self.failed.append(f"{shown(path)} could not be archived: {reason}.")


def _notebooks(folder: str, root: str, taken: _Taken) -> Iterator[str]:
    """List the notebooks in a folder and those below it, by their paths; nothing hidden."""

    def path_of(file: str) -> str:
        return os.path.relpath(file, root).replace(os.sep, "/")

    def fail(error: OSError) -> None:
        taken.fail(path_of(error.filename), error.strerror or str(error))

    for place, folders, files in os.walk(folder, onerror=fail):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            file = os.path.join(place, name)
            if name.endswith(".ipynb") and not name.startswith(".") and _is_file(file):
                yield path_of(file)


def _is_file(file: str) -> bool:
    """Return whether it is a file, or may be one."""
    try:
        return stat.S_ISREG(os.stat(file).st_mode)
    except PermissionError:  # of its folder, nothing but the names can be read
        return True
    except OSError:
        return False


def _can_be_archived(path: str, taken: _Taken) -> bool:
    try:
        notebook_path(path)
    except BadInput as error:  # the path is too long, or not in Unicode
        taken.failed.append(f"{shown(path)} could not be archived: {error}")
        return False
    return True


def _require_readable(file: str) -> None:
    with open(file, "rb"):
        pass


def _has_bytes_of(version: Version, file: str) -> bool:
    if version.size != os.path.getsize(file):
        return False
    with open(file, "rb") as content:
        return version.origin.sha256 == sha256_of(content)


async def _uploaded(
    recorder: Recorder, bar: Any, taken: _Taken, *, down_to: int = 0
) -> ArchiveStatus:
    """Wait until few saves are pending, or the store takes no more for now; give the status."""

    def show_done(pending: int) -> None:
        own = max(0, pending - taken.before)
        bar.update(max(0, taken.unchanged + len(taken.save_ids) - own - bar.n))

    return await drained(recorder, down_to=down_to, on_pending=show_done)


def _problem(status: ArchiveStatus) -> str:
    error = status.last_error
    reason = error.message if error else "The uploader makes no progress; the log may say why."
    return f"Still pending, safe on this machine: {status.pending}. {reason}"
