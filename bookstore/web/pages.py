"""Render the pages from their templates, and find the files that they need."""

from __future__ import annotations

import base64
import hashlib
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from ..formatting import size_in_words

STATIC = Path(__file__).parent / "static"
_HEADINGS = {
    400: "This link is not right",
    403: "This is not allowed",
    404: "This is not there",
    413: "This is too large",
    422: "This cannot be read as a notebook",
    502: "The store refuses this server",
    503: "The store is out of reach",
}


@cache
def templates() -> Any:
    """Load the templates; everything that they are given is escaped for HTML."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("bookstore", "web/templates")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    environment.filters["size_in_words"] = size_in_words
    return environment


@cache
def logo(static_folders: tuple[str, ...]) -> str:
    """Return the server's logo as a ``data:`` URL, since some pages may fetch nothing.

    Parameters
    ----------
    static_folders : tuple of str
        The server's own: what an administrator has put before Jupyter's comes first.

    Returns
    -------
    str
        Empty where there is none.
    """
    for folder in static_folders:
        for name in ("base/images/logo.png", "logo/logo.png"):  # classic's, jupyter_server's
            with suppress(OSError):
                image = base64.b64encode(Path(folder, name).read_bytes()).decode()
                return f"data:image/png;base64,{image}"
    return ""


@cache
def untrusted_script() -> str:
    """Return the one script that may run on a page that shows what is in a notebook."""
    return (STATIC / "content.js").read_text(encoding="utf-8")


@cache
def untrusted_style() -> str:
    """Return the style sheet that stands on such a page itself."""
    sheets = (STATIC / name for name in ("bookstore.css", "content.css"))
    return "\n".join(sheet.read_text(encoding="utf-8") for sheet in sheets)


@cache
def untrusted_policy() -> str:
    """Return the Content-Security-Policy of a page that shows what is in a notebook.

    Nothing of the notebook runs, and the page has an origin of its own, which is nobody's. Its
    links to pages that ask something open beside it, where they have the server's.
    """
    digest = base64.b64encode(hashlib.sha256(untrusted_script().encode()).digest()).decode()
    return (
        "sandbox allow-scripts allow-downloads allow-popups allow-popups-to-escape-sandbox;"
        f" default-src 'none'; script-src 'sha256-{digest}'; img-src data:; font-src data:;"
        " style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
    )


def heading(status_code: int) -> str:
    """Return the heading of the page for an error."""
    return _HEADINGS.get(status_code, "Something went wrong")


def render(template: str, **parameters: Any) -> str:
    """Fill in a template."""
    return str(templates().get_template(template).render(**parameters))
