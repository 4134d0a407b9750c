"""List, name, show and compare versions: ``versions``, ``name``, ``show`` and ``diff``."""

from __future__ import annotations

import asyncio
import sys
from io import BytesIO
from typing import Any, cast

from traitlets import Enum, Int, Unicode

from ..core import Section
from ..formatting import label_in_words, print_table, printable, size_in_words
from ..history.lineage import Entry
from ..history.models import as_model, other_as_model
from ..notebooks.changes import as_lines, compare_cells
from ..notebooks.diff import compare
from ..notebooks.json import open_to_show, parse_json
from ..operations.naming import name_version
from ..storage import StoreError, Version, VersionNotFound
from ..validation import BadInput, version_label, version_name, version_note
from .arguments import UsageError
from .base import BookstoreCommand, Failed, code_of

_PAGE = 200


class HistoryCommand(BookstoreCommand):
    """Run a command on the history of saved notebooks, or of published ones."""

    section = Enum(
        ["workspace", "published"],
        "workspace",
        help="Saved notebooks (workspace) or published ones.",
    ).tag(config=True, option="in")

    @property
    def which(self) -> Section:
        """Return the section, by its type."""
        return cast(Section, self.section)

    def key_of(self, file: str) -> str:
        """Return the key of a notebook, by its name in a shell."""
        return self.bookstore.key(self.which, self.path_of(file))

    def model_of(self, entry: Entry) -> dict[str, Any]:
        """Return the JSON model of a version."""
        return as_model(self.bookstore, self.which, entry)

    async def read(self, key: str, version_id: str | None) -> tuple[Entry, bytes]:
        """Read a version, the newest if none is named."""
        content = BytesIO()
        entry = await self.bookstore.run(self.bookstore.read(key, version_id, content))
        return entry, content.getvalue()


def path_and_version(argument: str) -> tuple[str, str]:
    """Split PATH@VERSION; the version is empty if none is named."""
    path, at, version_id = argument.rpartition("@")
    if not at or version_id.endswith(".ipynb"):  # the @ is part of the path
        return argument, ""
    return path, version_id and version_name(version_id)


class Versions(HistoryCommand):
    """List a notebook's versions."""

    name = "jupyter bookstore versions"
    description = """List the versions of a notebook, newest first, including pending ones and those
    under former names. If another notebook had the same path before, that is printed on standard
    error, with its id for `--notebook`.

    If the store cannot be contacted, the versions that this machine knows are listed, the reason
    is printed, and the exit code is 4 or 5."""
    usage = "PATH"
    examples = """
    jupyter bookstore versions team/report.ipynb
    jupyter bookstore versions report.ipynb --limit 500 --json
    jupyter bookstore versions report.ipynb --in published
    """

    limit = Int(50, min=1, help="The maximum number of versions to list.").tag(config=True)
    notebook = Unicode(
        help="The id of another notebook that had this path, to list its versions instead."
    ).tag(config=True)

    _error: StoreError | None = None  # why the store could not be asked

    async def answer(self, *arguments: str) -> dict[str, Any]:
        """List the versions, as the server's API does."""
        path, key = self.path_of(arguments[0]), self.key_of(arguments[0])
        entries, others, self._error = await self.bookstore.run(self._entries(key))
        if not entries:
            raise VersionNotFound(key)
        return {
            "path": path,
            "versions": [self.model_of(entry) for entry in entries[: self.limit]],
            "others": [other_as_model(version) for version in others],
            "more": len(entries) > self.limit,
            "problem": str(self._error) if self._error else None,
        }

    async def _entries(self, key: str) -> tuple[list[Entry], list[Version], StoreError | None]:
        """List one version beyond the limit, the other notebooks of the key, and the error."""
        entries: list[Entry] = []
        after = None
        while True:
            wanted = min(self.limit + 1 - len(entries), _PAGE)
            page = await self.bookstore.history.page(
                key, limit=wanted, after=after, notebook=self.notebook
            )
            entries += page.entries
            after = page.next
            if after is None or len(entries) > self.limit:
                return entries, page.others, page.error

    def show(self, answer: dict[str, Any]) -> None:
        """Print a table."""
        rows = [("VERSION", "SAVED", "SIZE", "AUTHOR", "STATE", "NAME")]
        for version in answer["versions"]:
            notes = [version["state"]]
            if version["path"] != answer["path"]:
                notes.append(f"as {printable(version['path'])}")
            rows.append(
                (
                    version["version_id"],
                    version["saved_at"][:19] + "Z",
                    size_in_words(version["size"]),
                    printable(version["author"]),
                    ", ".join(notes),
                    printable(label_in_words(version["name"], version["note"])),
                )
            )
        print_table(rows)
        if answer["more"]:
            print("There are more: give a higher --limit.", file=sys.stderr)
        for other in answer["others"]:
            print(
                f"Another notebook had this path until {other['saved_at'][:19]}Z; list its versions"
                f" with --notebook {other['notebook_id']}.",
                file=sys.stderr,
            )

    def problems(self, answer: dict[str, Any]) -> list[str]:
        """Return why the store could not be asked."""
        if self._error is None:
            return []
        return [f"{self._error} The list has only the versions that this machine knows."]

    def code(self, answer: dict[str, Any]) -> int:
        """Print the problems; the exit code is that of the error."""
        super().code(answer)
        return code_of(self._error) if self._error else 0


class Name(HistoryCommand):
    """Give a version a name and a note."""

    name = "jupyter bookstore name"
    description = """Name a version of a notebook, and add a note to it. They replace the version's
    former name and note; an empty name removes both. They are shown wherever versions are listed,
    to everybody who reads the bucket, and `prune` keeps versions that have a name."""
    usage = "PATH[@VERSION] NAME"
    examples = """
    jupyter bookstore name report.ipynb "sent to Ann" --note "without the last plot"
    jupyter bookstore name report.ipynb@3sL4kqtJlcpXroDTDmJ "before the review"
    jupyter bookstore name report.ipynb@3sL4kqtJlcpXroDTDmJ ""
    """

    note = Unicode(help="A note that is shown beside the name.").tag(config=True)

    async def answer(self, *arguments: str) -> dict[str, Any]:
        """Give both."""
        file, version_id = path_and_version(arguments[0])
        path, name = self.path_of(file), version_label(arguments[1])
        note = version_note(self.note)
        naming = name_version(self.bookstore, self.which, path, version_id, name, note)
        return self.model_of(await self.bookstore.run(naming))

    def show(self, answer: dict[str, Any]) -> None:
        """Print which version has which name."""
        saved = f"The version of {printable(answer['path'])} saved {answer['saved_at'][:19]}Z"
        name = printable(label_in_words(answer["name"], answer["note"]))
        print(f"{saved} is named {name}." if name else f"{saved} has no name.")


class Show(HistoryCommand):
    """Write out a version."""

    name = "jupyter bookstore show"
    description = """Write a version of a notebook to standard output, byte for byte. With
    `--json`: its metadata and the notebook."""
    usage = "PATH[@VERSION]"
    examples = """
    jupyter bookstore show report.ipynb@3sL4kqtJlcpXroDTDmJ > old.ipynb
    jupyter bookstore show report.ipynb
    jupyter bookstore show report.ipynb --in published --json
    """

    async def answer(self, *arguments: str) -> Any:
        """Read the version: in JSON for machines, else its bytes."""
        file, version_id = path_and_version(arguments[0])
        entry, content = await self.read(self.key_of(file), version_id or None)
        if not self.as_json:
            return content
        try:
            parsed = await asyncio.to_thread(parse_json, content)
        except BadInput as error:
            raise Failed(str(error)) from error
        return {**self.model_of(entry), "content": parsed}

    def show(self, answer: bytes) -> None:
        """Write the bytes."""
        sys.stdout.buffer.write(answer)


class Diff(HistoryCommand):
    """Compare two versions."""

    name = "jupyter bookstore diff"
    description = """Compare a version of a notebook, BASE, with another, HEAD, or with the newest
    one: print the cells that were edited, added, removed or moved, with the lines that changed.
    With `--json`, also print the numbers of cells, and nbdime's diff if nbdime is installed."""
    usage = "PATH[@BASE] [BASE] [HEAD]"
    examples = """
    jupyter bookstore diff report.ipynb@3sL4kqtJlcpXroDTDmJ
    jupyter bookstore diff report.ipynb 3sL4kqtJlcpXroDTDmJ Lh8RpFzIuHtqFyWBUxW
    jupyter bookstore diff report.ipynb -- --version-that-begins-with-two-dashes
    """

    async def answer(self, *arguments: str) -> dict[str, Any]:
        """Compare them."""
        file, version_id = path_and_version(arguments[0])
        named = [version_id, *arguments[1:]] if version_id else arguments[1:]
        if not 1 <= len(named) <= 2:
            raise UsageError("Name the version to compare with: PATH@BASE, or PATH BASE [HEAD].")
        key = self.key_of(file)
        entries, notebooks = [], []
        for name in (*map(version_name, named), None)[:2]:
            entry, content = await self.read(key, name)
            entries.append(self.model_of(entry))
            notebooks.append(await asyncio.to_thread(open_to_show, content))
        compared = await asyncio.to_thread(compare if self.as_json else _lines, *notebooks)
        return {"base": entries[0], "head": entries[1], **compared}

    def show(self, answer: dict[str, Any]) -> None:
        """Print the lines."""
        for line in answer["lines"]:
            print(printable(line))


def _lines(base: Any, head: Any) -> dict[str, Any]:
    return {"lines": as_lines(compare_cells(base, head))}
