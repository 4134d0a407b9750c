"""Replace notebooks that are open in jupyter-collaboration, where several people edit them.

It keeps an open notebook in a shared document (a room), writes that to disk a moment after each
change, and reloads it when the file is replaced. Without it, files are just written here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

from .contents import resolved

_EXTENSION = "jupyter_server_ydoc"
_MOST_ATTEMPTS = 3  # while people go on typing

T = TypeVar("T")


async def windows_of(contents_manager: Any, path: str) -> int:
    """Count the windows in which a notebook is edited together."""
    awareness = getattr(await _document(contents_manager, path), "awareness", None)
    return sum(map(bool, getattr(awareness, "states", {}).values()))


async def replacing(contents_manager: Any, path: str, write: Callable[[], Awaitable[T]]) -> T:
    """Have a file written that may be open in a room.

    What people have typed and their room has not yet written is saved before, so that it is a
    version; where they typed meanwhile, once more.

    Parameters
    ----------
    contents_manager : ContentsManager
    path : str
        The file's API path.
    write : Callable
        Replaces the file. It may be called more than once.

    Returns
    -------
    object
        What `write` returned.
    """
    document = await _document(contents_manager, path)
    if document is None:
        return await write()
    for _ in range(_MOST_ATTEMPTS):
        typed = document.get()
        await _save(contents_manager, path, typed)
        written = await write()
        if document.get() == typed:
            break
    # Other people's code, of any release: without this, the room looks a second later.
    with suppress(AttributeError, KeyError, TypeError):
        extension = _extension(contents_manager)
        ids = extension.serverapp.web_app.settings["file_id_manager"]
        await extension.file_loaders[ids.get_id(path)].maybe_notify()
    return written


async def _save(contents_manager: Any, path: str, content: Any) -> None:
    """Save what is in a room, unless it is on disk."""
    on_disk = await resolved(contents_manager.get(path, content=True, type="notebook"))
    if content != on_disk["content"]:
        model = {"type": "notebook", "format": "json", "content": content}
        await resolved(contents_manager.save(model, path))


def _extension(contents_manager: Any) -> Any:
    manager = getattr(contents_manager.parent, "extension_manager", None)
    apps = manager.extension_apps.get(_EXTENSION, ()) if manager else ()
    return next(iter(apps), None)


async def _document(contents_manager: Any, path: str) -> Any:
    """Return the shared document of a notebook that is open; None where there is none."""
    find = getattr(_extension(contents_manager), "get_document", None)
    if find is None or not await resolved(contents_manager.file_exists(path)):
        return None
    return await find(path=path, content_type="notebook", file_format="json", copy=False)
