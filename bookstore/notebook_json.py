"""Notebooks as JSON from outside: read strictly, and never taken for trusted."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

_SURROGATE = re.compile(r"[\ud800-\udfff]")
_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


class NotANotebook(ValueError):
    """It is no notebook; the message says why, in a sentence that is safe to show."""


def parse_json(text: bytes) -> Any:
    """Parse JSON as its standard has it: no NaN, no text that cannot be written as UTF-8.

    Raises
    ------
    ValueError
        With a sentence that is safe to show.
    """
    try:
        value = json.loads(text.decode(), parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("The JSON is nested too deeply.") from None
    except UnicodeDecodeError:
        raise ValueError("The JSON is not UTF-8.") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"This is not JSON: {error.msg} at character {error.pos}.") from None
    # Only an escape can bring in half a surrogate pair: most texts need not be looked through.
    if _ESCAPED_SURROGATE.search(text) and _SURROGATE.search(json.dumps(value, ensure_ascii=False)):
        raise ValueError("The JSON has half a surrogate pair (\\ud800 to \\udfff) in a text.")
    return value


def read_notebook(text: bytes) -> Any:
    """Read a notebook of any format, as nbformat's version 4, untrusted.

    Raises
    ------
    NotANotebook
    """
    import nbformat

    try:
        value = parse_json(text)
    except ValueError as error:
        raise NotANotebook(str(error)) from None
    if not isinstance(value, dict) or not isinstance(value.get("nbformat"), int):
        raise NotANotebook("This is not a notebook: it does not say its nbformat.")
    try:
        notebook = nbformat.versions[value["nbformat"]].to_notebook_json(
            value, minor=value.get("nbformat_minor", 0)
        )
        notebook = nbformat.convert(notebook, 4)
        for cell in notebook["cells"]:
            cell["metadata"].pop("trusted", None)
    except Exception as error:  # nbformat raises whatever the damage leads to
        raise NotANotebook(f"This is not a notebook: {_told(error)}.") from None
    return notebook


def write_notebook(content: Any) -> bytes:
    """Write a notebook as Jupyter writes it to disk: in nbformat's form, nothing transient.

    Raises
    ------
    NotANotebook
        If it is not valid.
    """
    import nbformat

    if not isinstance(content, dict) or not content:
        raise NotANotebook("The notebook is empty.")
    try:
        notebook = nbformat.from_dict(content)
        nbformat.validate(notebook)
        text: str = nbformat.writes(notebook, version=nbformat.NO_CONVERT)
        return text.encode() + (b"" if text.endswith("\n") else b"\n")
    except Exception as error:  # nbformat raises whatever the damage leads to
        raise NotANotebook(f"The notebook is not valid: {_told(error)}.") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"The JSON holds {name}, which JSON has no way to write.")


def _told(error: Exception) -> str:
    """Take the first words of an error: nbformat's go on with the whole notebook."""
    return str(error).strip().partition("\n")[0][:200].rstrip(".") or type(error).__name__
