"""Write the archive, or the newest versions only, to plain files: ``export``."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

from traitlets import Bool

from ..core import Section
from ..history.lineage import Entry
from ..history.models import as_model
from ..history.names import Names, is_hidden
from ..storage import OF_THE_WHOLE_STORE, Store, StoreError, Version
from ..storage.base import sha256_of
from ..storage.paging import all_histories
from ..validation import BadInput, object_key, shown
from .base import BookstoreCommand
from .progress import progress_bar

_LISTING = "versions.jsonl"


class Export(BookstoreCommand):
    """Copy the archive to a folder."""

    name = "jupyter bookstore export"
    description = """Write the whole archive to a folder: the newest version of each notebook to
    `notebooks/`, the older ones to `versions/`, both by the notebook's key, and the metadata of
    each version with the name of its file as a line of JSON to `versions.jsonl`. Notebooks that are
    hidden by a delete marker in the bucket are exported, too.

    Files that are there already with the same bytes are not downloaded again, so the command can
    be interrupted at any time and run again. Bytes are compared with the hash that was archived
    with them. Damaged versions are listed on standard error, with `null` as their file; the
    others are exported, and the exit code is 1."""
    usage = "DIR"
    examples = """
    jupyter bookstore export backup
    jupyter bookstore export backup --newest
    """

    newest = Bool(help="Export only the newest version of each notebook.").tag(config=True)

    async def answer(self, *arguments: str) -> dict[str, Any]:
        """Fetch what is not there already."""
        return await self.bookstore.run(self._export(Path(arguments[0])))

    async def _export(self, folder: Path) -> dict[str, Any]:
        store = self.bookstore.stores.home()
        histories: list[tuple[Section, str, list[Version]]] = []
        names = Names()
        for section in self.bookstore.sections:
            async for key, history in all_histories(store, self.bookstore.folder(section)):
                if is_hidden(key):
                    names.add(key)
                    continue
                versions = [version for version in history if not version.deleted]
                histories.append((section, key, versions[:1] if self.newest else versions))
        export = _Export(store, folder)
        with progress_bar(len(histories), "Exporting", "notebooks") as bar:
            slots = asyncio.Semaphore(self.bookstore.settings.max_threads)

            async def fetch(section: Section, key: str, versions: list[Version]) -> None:
                async with slots:
                    for version, file in await export.notebook(key, versions):
                        entry = names.completed(Entry(version=version, state="archived"))
                        model = as_model(self.bookstore, section, entry)
                        export.lines.append({"file": file, "section": section, **model})
                bar.update()

            await asyncio.gather(*(fetch(*history) for history in histories))
        export.write_listing()
        return {
            "notebooks": len(histories),
            "fetched": export.fetched,
            "unchanged": export.unchanged,
            "failed": sorted(export.failed),
        }

    def show(self, answer: dict[str, Any]) -> None:
        """Print how many there were."""
        print(
            f"{answer['notebooks']} notebooks: {answer['fetched']} versions fetched,"
            f" {answer['unchanged']} there already."
        )

    def problems(self, answer: dict[str, Any]) -> list[str]:
        """Return which could not be written."""
        return list(answer["failed"])


class _Export:
    """Export to a folder, and count what was done."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store = store
        self._folder = folder
        self._before = _listed_in(folder)
        self.lines: list[dict[str, Any]] = []
        self.fetched = 0
        self.unchanged = 0
        self.failed: list[str] = []

    async def notebook(self, key: str, versions: list[Version]) -> list[tuple[Version, str | None]]:
        """Fetch versions of a notebook; return each, and its file if there is one now."""
        exported: list[tuple[Version, str | None]] = []
        with self._failures(shown(key)):
            object_key(key)  # no part of it may lead out of the folder, as .. does
            for version in versions:
                exported.append(await self._exported(version, is_newest=not exported))
        return exported

    async def _exported(self, version: Version, *, is_newest: bool) -> tuple[Version, str | None]:
        file = None
        with self._failures(f"Version {version.version_id} of {shown(version.key)}"):
            place = _file_of(version, is_newest=is_newest)
            version = await self._fetch(version, place)
            file = place
        return version, file

    @contextmanager
    def _failures(self, what: str) -> Iterator[None]:
        """Record an error, unless it is one of the whole store."""
        try:
            yield
        except OF_THE_WHOLE_STORE:
            raise
        except OSError as error:
            reason = error.strerror or str(error)
            self.failed.append(f"{what} could not be written: {reason}.")
        except (BadInput, StoreError) as error:
            self.failed.append(f"{what} could not be exported: {error}")

    async def _fetch(self, version: Version, place: str) -> Version:
        file = self._folder / place
        version_id = version.version_id
        if sha256 := await asyncio.to_thread(_hash, file, version.size):
            if not version.provenance:
                version = await self._store.describe(version.key, version_id)
            archived = version.origin.sha256
            # One that came from elsewhere has no hash.
            if archived == sha256 or (not archived and (place, version_id) in self._before):
                self.unchanged += 1
                return version
        with _beside(file) as part:
            version = await self._store.download(version.key, part, version_id)
            part.flush()
            await asyncio.to_thread(Path(part.name).replace, file)
        self.fetched += 1
        return version

    def write_listing(self) -> None:
        """Write down what each version is."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self.lines.sort(key=lambda line: (line["section"], line["path"], line["saved_at"]))
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in self.lines)
        (self._folder / _LISTING).write_text(text, encoding="utf-8")


def _listed_in(folder: Path) -> set[tuple[str, str]]:
    """Return which version each file was at the last export, as its listing has it."""
    listed = set()
    with suppress(OSError, ValueError, KeyError):
        for line in (folder / _LISTING).read_text(encoding="utf-8").splitlines():
            model = json.loads(line)
            listed.add((model["file"], model["version_id"]))
    return listed


def _file_of(version: Version, *, is_newest: bool) -> str:
    """Return where a version goes, relative to the folder."""
    if is_newest:
        return f"notebooks/{version.key}"
    stored = version.stored_at.strftime("%Y%m%dT%H%M%S")
    ending = os.path.splitext(version.key)[1]
    return f"versions/{version.key}/{stored}-{quote(version.version_id, safe='')}{ending}"


def _hash(file: Path, size: int) -> str:
    """Hash a file; empty if there is none of this size."""
    if not file.is_file() or file.stat().st_size != size:
        return ""
    with open(file, "rb") as content:
        return sha256_of(content)


@contextmanager
def _beside(file: Path) -> Iterator[BinaryIO]:
    """Open a file that is to replace another.

    Its name is the same at each export: what one that was killed has left, the next one replaces.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{sha256_of(BytesIO(file.name.encode()))[:16]}.part")
    try:
        with open(part, "wb") as opened:
            yield opened
    finally:
        part.unlink(missing_ok=True)
