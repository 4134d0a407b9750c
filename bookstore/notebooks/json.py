"""Read notebooks as untrusted JSON, and write them."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, NoReturn

from ..validation import BadInput

_SURROGATE = re.compile(r"[\ud800-\udfff]")
# Only texts in which these are found are looked through value by value, which takes long.
_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_LARGE_EXPONENT = re.compile(rb"[eE]\+?[0-9]{3}")
_METADATA_TAIL = 1 << 16  # bytes


class NotANotebook(BadInput):
    """It is no notebook; the message says why, in a sentence that is safe to show."""


@contextmanager
def not_damaged(otherwise: str) -> Iterator[None]:
    """Take whatever goes wrong with a notebook for what is wrong in it.

    nbformat, nbconvert and nbdime raise whatever the damage leads to.

    Parameters
    ----------
    otherwise : str
        How the message begins.

    Raises
    ------
    NotANotebook
    """
    try:
        yield
    except NotANotebook:
        raise
    except Exception as error:
        raise NotANotebook(f"{otherwise}: {_what_is_wrong(error)}.") from None


def parse_json(text: bytes) -> Any:
    """Parse JSON as its standard has it: no NaN, no text that cannot be written as UTF-8.

    Raises
    ------
    BadInput
    """
    try:
        value = json.loads(
            text.decode(),
            parse_constant=_refuse_constant,
            parse_float=_finite if _LARGE_EXPONENT.search(text) else None,
        )
        # Only an escape can bring in half a surrogate pair.
        escaped = _ESCAPED_SURROGATE.search(text)
        if escaped and _SURROGATE.search(json.dumps(value, ensure_ascii=False)):
            raise BadInput("The JSON has half a surrogate pair (\\ud800 to \\udfff) in a text.")
        return value
    except RecursionError:
        raise BadInput("The JSON is nested too deeply.") from None
    except UnicodeDecodeError:
        raise BadInput("The JSON is not UTF-8.") from None
    except json.JSONDecodeError as error:
        raise BadInput(f"This is not JSON: {error.msg} at character {error.pos}.") from None
    except ValueError:  # Python reads so many digits only
        raise BadInput("The JSON has a number that is too long.") from None


def read_notebook(text: bytes) -> Any:
    """Read a notebook of any format strictly, as nbformat's version 4, untrusted.

    Raises
    ------
    NotANotebook
        Also where the JSON holds what others could not read, such as NaN.
    """
    try:
        value = parse_json(text)
    except BadInput as error:
        raise NotANotebook(str(error)) from None
    return _as_version_4(value)


def open_notebook(text: bytes) -> Any:
    """Read a notebook as the servers open it.

    Raises
    ------
    NotANotebook
        If no server can open it.
    """
    with not_damaged("This is not a notebook"):
        return _as_version_4(json.loads(text.decode()))


def open_to_show(text: bytes) -> Any:
    """Read a notebook as `open_notebook` does, to show or compare it.

    What JSON has no way to write, such as NaN or half a surrogate pair, is there as text.

    Raises
    ------
    NotANotebook
    """
    with not_damaged("This is not a notebook"):
        value = json.loads(text.decode(), parse_constant=str, parse_float=_number_or_text)
        if _ESCAPED_SURROGATE.search(text):
            readable = json.dumps(value, ensure_ascii=False).encode(errors="replace")
            value = json.loads(readable)
    return _as_version_4(value)


def _as_version_4(value: Any) -> Any:
    import nbformat

    if not isinstance(value, dict) or not isinstance(value.get("nbformat"), int):
        raise NotANotebook("This is not a notebook: it does not say its nbformat.")
    if value["nbformat"] not in nbformat.versions:
        raise NotANotebook("This is not a notebook: its nbformat is unknown.")
    if not isinstance(value.get("nbformat_minor", 0), int):
        raise NotANotebook("This is not a notebook: its nbformat_minor is not a number.")
    with not_damaged("This is not a notebook"):
        notebook = nbformat.versions[value["nbformat"]].to_notebook_json(
            value, minor=value.get("nbformat_minor", 0)
        )
        notebook = nbformat.convert(notebook, 4)
        for cell in notebook["cells"]:
            cell.get("metadata", {}).pop("trusted", None)
            # Without that, no server can save or open it.
            if not all("output_type" in output for output in cell.get("outputs", [])):
                raise NotANotebook("This is not a notebook: one of its outputs has no type.")
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
    with not_damaged("The notebook is not valid"):
        notebook = nbformat.from_dict(content)
        nbformat.validate(notebook)
        text: str = nbformat.writes(notebook, version=nbformat.NO_CONVERT)
    return text.encode() + (b"" if text.endswith("\n") else b"\n")


def kernel_name_of(content: BinaryIO) -> str:
    """Find the kernel's name in the end of an open notebook; empty if there is none.

    Jupyter writes a notebook's keys sorted, so its metadata stands after its cells: the end of the
    file is enough, and a notebook of 50 MB need not be parsed for a name.
    """
    size = content.seek(0, os.SEEK_END)
    content.seek(max(0, size - _METADATA_TAIL))
    _, found, rest = content.read().decode(errors="replace").rpartition('"kernelspec":')
    try:
        spec, _ = json.JSONDecoder().raw_decode(rest.lstrip()) if found else ({}, 0)
        return str(spec["name"])
    except (ValueError, TypeError, KeyError):
        return ""


def _refuse_constant(name: str) -> NoReturn:
    raise BadInput(f"The JSON holds {name}, which JSON has no way to write.")


def _number_or_text(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):  # as which it would be written
        raise BadInput("The JSON has a number that is too large.")
    return number


def _what_is_wrong(error: Exception) -> str:
    """Take the first words of an error: nbformat's go on with the whole notebook."""
    if isinstance(error, KeyError):
        return f"{str(error)[:200]} is missing"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    if isinstance(error, (AssertionError, AttributeError, TypeError)):
        return "a part of it has the wrong type"
    return str(error).strip().partition("\n")[0][:200].rstrip(".") or type(error).__name__
