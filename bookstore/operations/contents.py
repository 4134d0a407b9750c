"""Save files through a contents manager, as clones and restored versions are."""

from __future__ import annotations

import asyncio
import base64
import inspect
import os
from contextlib import suppress
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, cast

from ..notebooks.json import NotANotebook, open_notebook
from ..saves.recorder import copying
from ..validation import NOTEBOOK, BadInput, shown

_IN_MEMORY = 1 << 20  # bytes


def temporary_file() -> BinaryIO:
    """Open a temporary file; up to 1 MiB stays in memory."""
    return cast(BinaryIO, SpooledTemporaryFile(_IN_MEMORY))


async def resolved(value: Any) -> Any:
    """Await what a contents manager returns, where it is an asynchronous one."""
    return await value if inspect.isawaitable(value) else value


async def new_path(contents_manager: Any, path: str) -> str:
    """Return the next free path: this one, or with a number before its ending."""
    folder, _, name = path.rpartition("/")
    name = await resolved(contents_manager.increment_filename(name, folder, insert="-"))
    return f"{folder}/{name}" if folder else str(name)


async def put_new(contents_manager: Any, path: str, content: BinaryIO, *, source: str) -> Any:
    """Save a file as `put` does, but under the next free name, and inside the root folder."""
    path = await new_path(contents_manager, path)
    await asyncio.to_thread(require_inside, contents_manager, path)
    return await put(contents_manager, path, content, source=source, is_new=True)


async def put(
    contents_manager: Any,
    path: str,
    content: BinaryIO,
    *,
    source: str,
    restored: str = "",
    is_new: bool = False,
) -> Any:
    """Save a file's bytes through the contents manager, with the folders around it.

    A notebook is saved as a file, so that what is on disk are the bytes of the version. It is not
    trusted afterwards.

    Parameters
    ----------
    contents_manager : ContentsManager
    path : str
        Where it goes, checked; what is there is replaced.
    content : BinaryIO
        The file, from its beginning.
    source : str
        What it is a copy of, for its own history.
    restored, is_new
        As for `copying`.

    Returns
    -------
    dict
        Its contents model, without content.

    Raises
    ------
    BadInput
        If nothing can be put there, or it claims to be a notebook that no server can open, and
        there is none in its place.
    HTTPError
        The contents manager's own.
    """
    is_there = await resolved(contents_manager.file_exists(path))
    text, notebook = await asyncio.to_thread(_opened, path, content, is_there)
    await _make_folders(contents_manager, path)
    form, written = await asyncio.to_thread(as_text, text)
    model = {"type": "file", "format": form, "content": written}
    try:
        with copying(source, restored=restored, is_new=is_new):
            saved = await resolved(contents_manager.save(model, path))
    except BaseException:
        os_path = os_path_of(contents_manager, path)
        if os_path and not is_there:  # half a file, where the disk is full
            with suppress(OSError):
                os.unlink(os_path)
        raise
    if notebook is not None:
        # Signed before, the same notebook would be trusted. The signatures belong to this thread;
        # computing one takes long for a large notebook.
        notary = contents_manager.notary
        with suppress(UnicodeEncodeError):  # of half a surrogate pair, which cannot be signed
            signature = await asyncio.to_thread(notary.compute_signature, notebook)
            notary.store.remove_signature(signature, notary.algorithm)
    return saved


def require_inside(contents_manager: Any, path: str) -> None:
    """Refuse a path that leads out of the root folder, to what is hidden, or to no file.

    A contents manager that keeps no files has no such paths.

    Raises
    ------
    BadInput
    """
    os_path = os_path_of(contents_manager, path)
    if os_path is None:
        return
    root = Path(os.path.realpath(contents_manager.root_dir))
    place = Path(os.path.realpath(os_path))
    if not place.is_relative_to(root):
        raise BadInput(f"{shown(path)} leads out of the root folder, through a link.")
    if any(part.startswith(".") for part in place.relative_to(root).parts):
        raise BadInput(f"{shown(path)} leads to what is hidden, through a link.")
    require_no_other(contents_manager, path)


def require_no_other(contents_manager: Any, path: str) -> None:
    """Refuse a path of something that is no file: a link may also lead to nothing, or in a circle.

    Raises
    ------
    BadInput
    """
    os_path = os_path_of(contents_manager, path)
    if os_path and os.path.lexists(os_path) and not os.path.isfile(os_path):
        raise BadInput(f"{shown(path)} is there and is not a file.")


async def _make_folders(contents_manager: Any, path: str) -> None:
    parts = path.split("/")[:-1]
    for depth in range(1, len(parts) + 1):
        folder = "/".join(parts[:depth])
        if await resolved(contents_manager.dir_exists(folder)):
            continue
        is_file = await resolved(contents_manager.file_exists(folder))
        if is_file or _has_anything(contents_manager, folder):
            raise BadInput(f"{shown(folder)} is not a folder, so nothing can be put into it.")
        await resolved(contents_manager.save({"type": "directory"}, folder))


def _has_anything(contents_manager: Any, path: str) -> bool:
    """Return whether there is anything of that path, be it a link that leads to nothing."""
    os_path = os_path_of(contents_manager, path)
    return os_path is not None and os.path.lexists(os_path)


def _opened(path: str, content: BinaryIO, is_there: bool) -> tuple[bytes, Any]:
    """Read a file, and as a notebook if it is one; what no server opens only replaces a file."""
    content.seek(0)
    text = content.read()
    if not path.endswith(NOTEBOOK):
        return text, None
    try:
        return text, open_notebook(text)
    except NotANotebook:
        if not is_there:
            raise
        return text, None


def as_text(content: bytes) -> tuple[str, str]:
    """Write a file's bytes as contents models have them: its format, and its content."""
    try:
        return "text", content.decode()
    except UnicodeDecodeError:
        return "base64", base64.b64encode(content).decode()


def os_path_of(contents_manager: Any, path: str) -> str | None:
    """Return which file a path is; None where the contents manager keeps no files."""
    if not hasattr(contents_manager, "_get_os_path"):
        return None
    return str(contents_manager._get_os_path(path))
