"""Clone files from a bucket, or from a folder of this machine, as files of the user's own.

A link leads to a page that says what would be copied, and from where; only a POST copies it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlencode

from tornado.web import HTTPError

from .core import Bookstore
from .history.models import clone_link
from .operations.clone import NotOffered, Source, clone
from .operations.contents import put_new, resolved, temporary_file
from .storage import StoreError, TooLarge, Version
from .storage.base import NO_VERSION, format_time
from .storage.options import LocalOptions
from .validation import notebook_path, shown, target_path, text_field
from .web import pages
from .web.base import ApiHandler, PageHandler, endpoint


class BookstoreCloneHandler(PageHandler):
    """``GET /bookstore/clone``: the page that asks whether to clone a version from a bucket."""

    @endpoint
    async def get(self) -> None:
        """Show what would be cloned."""
        source = source_in_query(self)
        version = await self.bookstore.run(source.describe(self.bookstore))
        parameters = self.construct_template_params(source.bucket, source.key)
        parameters["model"]["s3_version_id"] = version.version_id
        parameters["details"] += _details(version)
        parameters["newer"] = await self._newer(source) if source.version_id else None
        query = urlencode(parameters["model"])
        parameters["preview_url"] = self.server_url(f"bookstore/clone/preview?{query}")
        if target := self.get_query_argument("target_path", ""):
            parameters["target_path"] = target
        await self.page("clone.html", **parameters)

    async def _newer(self, source: Source) -> dict[str, str] | None:
        """Return when the newest version was saved and how to clone it, if it is another one."""
        newest = replace(source, version_id="")
        try:
            version = await self.bookstore.run(newest.describe(self.bookstore))
        except (NotOffered, StoreError):  # the key was deleted; the version named is still there
            return None
        if version.version_id == source.version_id:
            return None
        return {
            "saved_at": format_time(version.origin.saved_at),
            "href": self.server_url(clone_link(source.bucket, source.key)),
        }

    def construct_template_params(self, s3_bucket: str, s3_object_key: str) -> dict[str, Any]:
        """Return what the page's template shows for an object.

        Parameters
        ----------
        s3_bucket, s3_object_key : str

        Returns
        -------
        dict
            ``api_url`` and ``model``: where to POST what; ``details``: pairs of a name and a value;
            ``warning``: a sentence, or empty; ``target_path``: where it would land.
        """
        foreign = s3_bucket != self.bookstore.bucket
        embedded = not foreign and s3_bucket == LocalOptions.bucket
        return {
            "api_url": self.server_url("api/bookstore/clone"),
            "model": {"s3_bucket": s3_bucket, "s3_key": s3_object_key},
            "details": [
                ("Store", "this server's own") if embedded else ("Bucket", s3_bucket),
                ("Key", s3_object_key),
            ],
            "warning": (
                "This bucket is not the one that this server keeps its own notebooks in."
                " Clone only what comes from people you trust."
                if foreign
                else ""
            ),
            "target_path": s3_object_key.rpartition("/")[2],
        }

    def get_template(self, name: str) -> Any:
        """Load one of Bookstore's templates."""
        return pages.templates().get_template(name)


class BookstoreCloneAPIHandler(ApiHandler):
    """``POST /api/bookstore/clone``: clone a version from a bucket."""

    @endpoint
    async def post(self) -> None:
        """Clone what the body names."""
        model = await self.model()
        source = Source.checked(
            self.bookstore,
            bucket=text_field(model, "s3_bucket"),
            key=text_field(model, "s3_key"),
            version_id=text_field(model, "s3_version_id"),
        )
        target = await target_of(self, text_field(model, "target_path"), source.name)
        saved = await clone(self.bookstore, self.contents_manager, source, target)
        await self.answer(self.build_post_model_response(saved, saved["path"]))

    def build_post_model_response(self, model: dict[str, Any], target_path: str) -> dict[str, Any]:
        """Build the answer: the contents model of the clone, and where it is shown.

        Parameters
        ----------
        model : dict
            The clone's contents model, with ``s3_path`` and ``versionID``.
        target_path : str
            Where it was put.
        """
        return {**model, "path": target_path, "url": self.location_of(target_path)}


class BookstoreFSCloneHandler(PageHandler):
    """``GET /bookstore/fs-clone``: the page that asks whether to clone a file of this machine."""

    @endpoint
    async def get(self) -> None:
        """Show what would be cloned."""
        relpath = self.get_query_argument("relpath", "")
        file = await asyncio.to_thread(find_in_basedir, self.bookstore, relpath)
        status = await asyncio.to_thread(os.stat, file)
        await self.page(
            "clone.html",
            api_url=self.server_url("api/bookstore/fs-clone"),
            model={"relpath": relpath},
            details=[("File", relpath), ("Size", f"{status.st_size:,} bytes")],
            warning="",
            newer=None,
            preview_url="",
            target_path=self.get_query_argument("target_path", "") or Path(relpath).name,
        )


class BookstoreFSCloneAPIHandler(ApiHandler):
    """``POST /api/bookstore/fs-clone``: clone a file of this machine."""

    @endpoint
    async def post(self) -> None:
        """Clone what the body names."""
        model = await self.model()
        relpath = text_field(model, "relpath")
        file = await asyncio.to_thread(find_in_basedir, self.bookstore, relpath)
        # by its name here: a link, such as latest.ipynb, may lead to a file of another name
        target = await target_of(self, text_field(model, "target_path"), Path(relpath).name)
        with temporary_file() as content:
            limit = self.bookstore.settings.max_clone_size
            await asyncio.to_thread(_copy, file, content, limit)
            async with self.bookstore.naming:
                origin = f"file:{relpath}"
                saved = await put_new(self.contents_manager, target, content, source=origin)
        await self.answer({**saved, "url": self.location_of(saved["path"])})


def source_in_query(page: PageHandler) -> Source:
    """Check which version the query of a page names.

    Raises
    ------
    BadInput
    NotOffered
    NotAllowed
    """
    return Source.checked(
        page.bookstore,
        bucket=page.get_query_argument("s3_bucket", ""),
        key=page.get_query_argument("s3_key", ""),
        version_id=page.get_query_argument("s3_version_id", ""),
    )


def find_in_basedir(bookstore: Bookstore, relpath: str) -> Path:
    """Find a file inside `fs_cloning_basedir`, with all links followed.

    Raises
    ------
    HTTPError
        404, also where there is a file, but not inside.
    """
    if not bookstore.features["fs_clone_valid"]:
        raise HTTPError(
            404,
            "Cloning from the file system is off on this server: fs_cloning_basedir is not set.",
        )
    relpath = notebook_path(relpath)
    base = Path(bookstore.settings.fs_cloning_basedir).resolve()
    # Nothing there, links in a circle, and what may not be looked at, all look the same.
    with suppress(OSError, RuntimeError):
        file = (base / relpath).resolve(strict=True)
        if file.is_relative_to(base) and file.is_file():
            return file
    raise HTTPError(404, f"There is no file {shown(relpath)} that can be cloned.")


async def target_of(handler: ApiHandler, wanted: str, name: str) -> str:
    """Choose where a clone goes: to the path that is wanted, or into it if it is a folder.

    Raises
    ------
    BadInput
        If nothing can be put there.
    """
    folder = wanted.removesuffix("/")
    if folder and await resolved(handler.contents_manager.dir_exists(target_path(folder))):
        return target_path(f"{folder}/{name}")
    return target_path(wanted or name, of=name)


def _copy(file: Path, target: BinaryIO, limit: int) -> None:
    # It may have been replaced since it was looked at; what is no file could keep us waiting.
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        raise HTTPError(404, f"{shown(file.name)} cannot be read.") from None
    with os.fdopen(descriptor, "rb") as opened:
        status = os.fstat(opened.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise HTTPError(404, f"{shown(file.name)} is not a file.")
        if status.st_size > limit:
            raise TooLarge(file.name, size=status.st_size, limit=limit)
        shutil.copyfileobj(opened, target)


def _details(version: Version) -> list[tuple[str, str]]:
    details = [("Size", f"{version.size:,} bytes"), ("Saved", format_time(version.origin.saved_at))]
    if version.version_id != NO_VERSION:
        details.insert(0, ("Version", version.version_id))
    if version.origin.author:
        details.append(("By", version.origin.author))
    return details
