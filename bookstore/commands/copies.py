"""Write versions to files: ``restore`` and ``clone``."""

from __future__ import annotations

import sys
from typing import Any
from urllib.parse import unquote

from traitlets import Unicode

from ..operations.clone import NotAllowed, Source, clone
from ..operations.restore import restore
from ..saves.drain import drained
from ..validation import target_path
from .arguments import UsageError
from .base import BookstoreCommand
from .versions import path_and_version

_SCHEME = "s3://"


class _CopyingCommand(BookstoreCommand):
    async def archived(self) -> None:
        """Wait until what was saved here is in the store, or the store takes no more for now."""
        if self.bookstore.recorder:
            status = await drained(self.bookstore.recorder)
            if status.pending:
                print(
                    "It was saved, and waits to be archived: see jupyter bookstore status.",
                    file=sys.stderr,
                )


class Restore(_CopyingCommand):
    """Bring a version back."""

    name = "jupyter bookstore restore"
    description = """Restore a version of a notebook, in its place or as another file. The file
    that is there now is archived first. Deleted notebooks can be restored, too. It is written by
    a contents manager with the server's configuration, so your own save hooks run."""
    usage = "PATH@VERSION"
    examples = """
    jupyter bookstore restore report.ipynb@3sL4kqtJlcpXroDTDmJ
    jupyter bookstore restore report.ipynb@3sL4kqtJlcpXroDTDmJ --target old-report.ipynb
    """

    target = Unicode(help="The path of the file to write. If empty, that of the notebook.").tag(
        config=True
    )

    async def answer(self, *arguments: str) -> dict[str, Any]:
        """Restore it, as the server does."""
        file, version_id = path_and_version(arguments[0])
        if not version_id:
            raise UsageError(
                "Name the version: PATH@VERSION. jupyter bookstore versions lists them."
            )
        path = self.path_of(file)
        target = self.path_of(self.target) if self.target else path
        saved = await restore(self.bookstore, self.contents_manager(), path, version_id, target)
        await self.archived()
        return {"path": saved["path"], "restored_from": path, "version_id": version_id}

    def show(self, answer: dict[str, Any]) -> None:
        """Print where it is."""
        print(f"{answer['path']} is as it was in version {answer['version_id']}.")


class Clone(_CopyingCommand):
    """Clone a notebook from a bucket."""

    name = "jupyter bookstore clone"
    description = """Copy a file from a bucket into the folder with the notebooks. If the name is
    taken, the copy gets the next free one. Special characters in the key, such as `@`, can be
    percent-encoded (`%40`)."""
    usage = "s3://BUCKET/KEY[@VERSION] [TARGET]"
    examples = """
    jupyter bookstore clone s3://team/published/report.ipynb
    jupyter bookstore clone s3://team/published/report.ipynb@3sL4kqtJlcpXroDTDmJ mine.ipynb
    """

    async def answer(self, *arguments: str) -> dict[str, Any]:
        """Clone it, as the server does."""
        source = self._source(arguments[0])
        target = arguments[1] if len(arguments) > 1 else source.name
        target = target_path(self.path_of(target))
        cloned = await clone(self.bookstore, self.contents_manager(), source, target)
        await self.archived()
        return {name: cloned[name] for name in ("path", "s3_path", "versionID")}

    def _source(self, url: str) -> Source:
        if not url.startswith(_SCHEME):
            raise UsageError("Name what to clone as s3://BUCKET/KEY, or s3://BUCKET/KEY@VERSION.")
        if not self.bookstore.features["s3_clone_valid"]:
            raise NotAllowed("Cloning from buckets is off: enable_s3_cloning is False.")
        bucket, _, key = url.removeprefix(_SCHEME).partition("/")
        key, version_id = path_and_version(key)
        return Source.checked(
            self.bookstore, bucket=bucket, key=unquote(key), version_id=version_id
        )

    def show(self, answer: dict[str, Any]) -> None:
        """Print where it is."""
        print(f"{answer['path']} is a copy of {answer['s3_path']}, version {answer['versionID']}.")
