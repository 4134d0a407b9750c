"""Render a notebook as HTML, also one that is not as nbformat's schema has it.

What nbconvert cannot render is left out, or shown as text, and the rest is shown. Nothing of it may
run: whoever shows the HTML must see to that.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

from .changes import source_of
from .json import open_to_show

_MISSING = '<p class="hint">A part of this cell cannot be shown.</p>'


def rendered(text: bytes) -> tuple[str, str]:
    """Render a notebook.

    Parameters
    ----------
    text : bytes
        The notebook's file.

    Returns
    -------
    tuple of str
        A piece of HTML, and the style sheet that it needs.

    Raises
    ------
    NotANotebook
        If no server can open it.
    """
    from .html_exporter import NotebookExporter

    exporter = NotebookExporter()
    notebook = _without_extras(open_to_show(text))
    try:
        body, resources = exporter.from_notebook_node(notebook)
    except Exception:  # whatever some damage leads to
        _, resources = exporter.from_notebook_node(_with_cells(notebook))
        body = "\n".join(_cell(exporter, notebook, cell) for cell in notebook["cells"])
    return body, "\n".join(resources.get("inlining", {}).get("css", []))


def outputs_renderer() -> Callable[[Any], str]:
    """Return a function that renders what a code cell shows, without what it says.

    It returns a piece of HTML, empty where the cell shows nothing. One function is to render all
    cells of a page: making it takes longer than what it does.
    """
    from .html_exporter import NotebookExporter

    exporter = NotebookExporter(exclude_input=True)
    notebook = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}}

    def render(cell: Any) -> str:
        if not cell.get("outputs"):
            return ""
        shown = {name: cell[name] for name in cell if name != "id"}
        return _cell(exporter, notebook, {**shown, "source": "", "metadata": {}})

    return render


def _without_extras(notebook: Any) -> Any:
    """Leave out what a page does not need, such as ids and the state of widgets."""
    language = (notebook.get("metadata") or {}).get("language_info")
    lexer = language.get("pygments_lexer") if isinstance(language, dict) else None
    notebook["metadata"] = {}
    if isinstance(lexer, str):
        notebook["metadata"]["language_info"] = {"name": lexer, "pygments_lexer": lexer}
    notebook["nbformat_minor"] = 4  # from 5 on, each cell has an id
    for cell in notebook["cells"]:
        cell.pop("id", None)
    return notebook


def _cell(exporter: Any, notebook: Any, cell: Any) -> str:
    """Render a cell with as much of it as can be: without its outputs, or as text."""
    without_outputs = {**cell, "outputs": []} if cell.get("cell_type") == "code" else cell
    for attempt, note in ((cell, ""), (without_outputs, _MISSING)):
        try:
            body, _ = exporter.from_notebook_node(_with_cells(notebook, attempt))
        except Exception:  # noqa: S112 - the next attempt shows less
            continue
        return f"{body}{note}"
    text = source_of(cell)
    return f"<pre>{escape(text)}</pre>{_MISSING}"


def _with_cells(notebook: Any, *cells: Any) -> Any:
    import nbformat

    return nbformat.from_dict({**notebook, "cells": list(cells)})
