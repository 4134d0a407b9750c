"""Export HTML with nbconvert, with formulas that are shown without a script."""

from __future__ import annotations

import logging
from html import escape
from typing import Any

from jinja2 import pass_context
from nbconvert import HTMLExporter
from nbconvert.preprocessors import Preprocessor

from .changes import joined
from .maths import with_maths

_SILENT = logging.getLogger(__name__)
_SILENT.setLevel(logging.CRITICAL)  # what is not valid is in the notebook, not in the server


class NotebookExporter(HTMLExporter):
    """Export pieces of HTML.

    Parameters
    ----------
    **options
        Further traits of `HTMLExporter`.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(template_name="basic", log=_SILENT, **options)  # type: ignore[no-untyped-call]
        self.register_preprocessor(_LatexAsHtml, enabled=True)  # type: ignore[no-untyped-call]

    @pass_context
    def markdown2html(self, context: Any, source: str) -> str:
        """Render Markdown with its formulas."""
        return with_maths(super().markdown2html(context, source))


class _LatexAsHtml(Preprocessor):
    """Give outputs that are LaTeX only, such as SymPy's, a form in HTML."""

    def preprocess_cell(self, cell: Any, resources: Any, index: int) -> tuple[Any, Any]:
        for output in cell.get("outputs") or []:
            data = output.get("data") or {}
            if "text/latex" in data and "text/html" not in data:
                data["text/html"] = with_maths(escape(joined(data["text/latex"])))
        return cell, resources
