"""Bring one cell of a version back into the notebook as it is now."""

from __future__ import annotations

import asyncio
from typing import Any

from ..core import Bookstore
from ..history.lineage import Entry
from ..notebooks.changes import bring_back
from ..notebooks.json import open_to_show
from ..validation import BadInput
from .contents import require_no_other, resolved, temporary_file
from .restore import archive_what_is_there
from .rooms import replacing


async def bring_cell_back(
    bookstore: Bookstore, contents_manager: Any, path: str, version_id: str, number: int
) -> dict[str, Any]:
    """Put a cell of a version into the notebook, in the place of what became of it.

    Where it was removed it comes back behind the cell that it followed. What is on disk is archived
    first, and the outcome is a save like others.

    Parameters
    ----------
    bookstore : Bookstore
    contents_manager : ContentsManager
    path : str
        The notebook's API path.
    version_id : str
    number : int
        Of the cell in that version, from 1.

    Returns
    -------
    dict
        The contents model of what was saved, without content.

    Raises
    ------
    StoreError
    NotANotebook
    BadInput
        If the version has no such cell.
    """
    await asyncio.to_thread(require_no_other, contents_manager, path)
    _, old, _ = await cell_of(bookstore, path, version_id, number)
    await archive_what_is_there(bookstore, contents_manager, path)

    async def write() -> Any:
        model = await resolved(contents_manager.get(path, content=True, type="notebook"))
        await asyncio.to_thread(bring_back, old, model["content"], number)
        changed = {"type": "notebook", "format": "json", "content": model["content"]}
        return await resolved(contents_manager.save(changed, path))

    return dict(await replacing(contents_manager, path, write))


async def cell_of(
    bookstore: Bookstore, path: str, version_id: str, number: int
) -> tuple[Entry, Any, Any]:
    """Read a version; return what it is, the notebook, and one of its cells.

    Raises
    ------
    StoreError
    NotANotebook
    BadInput
        If it has no such cell.
    """
    with temporary_file() as content:
        key = bookstore.key("workspace", path)
        entry = await bookstore.run(bookstore.read(key, version_id, content))
        notebook = await asyncio.to_thread(lambda: open_to_show(content.read()))
    cells = notebook["cells"]
    if not 1 <= number <= len(cells):
        raise BadInput(f"That version has {len(cells)} cells, so there is no cell {number}.")
    return entry, notebook, cells[number - 1]
