"""The pages that people look at: their templates, and the files these need."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from ..sizes import size_in_words

STATIC = Path(__file__).parent / "static"


@cache
def templates() -> Any:
    """Load the templates; everything that they are given is escaped for HTML."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("bookstore", "pages/templates")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    environment.filters["size_in_words"] = size_in_words
    return environment


def render(template: str, **parameters: Any) -> str:
    """Fill in a template."""
    return str(templates().get_template(template).render(**parameters))
