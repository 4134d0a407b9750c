"""Notebooks as JSON from outside: read strictly, written as Jupyter writes them."""

import io
import json
from typing import Any

import nbformat
import pytest

from bookstore.notebooks.json import (
    NotANotebook,
    kernel_name_of,
    parse_json,
    read_notebook,
    write_notebook,
)
from bookstore.validation import BadInput
from tests.support.notebooks import make_notebook

OLD = {
    "nbformat": 3,
    "nbformat_minor": 0,
    "metadata": {"name": ""},
    "worksheets": [{"cells": [{"cell_type": "markdown", "metadata": {}, "source": "old"}]}],
}


def as_bytes(value: Any) -> bytes:
    return json.dumps(value).encode()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "This is not JSON"),
        (b"{", "This is not JSON: .* at character 1"),
        (b"\xff", "is not UTF-8"),
        (b'{"a": NaN}', "holds NaN"),
        (b"[-Infinity]", "holds -Infinity"),
        (b'["\\ud800"]', "half a surrogate pair"),
        (b'{"\\uDFFF": 1}', "half a surrogate pair"),
        (b"[" * 200_000, "nested too deeply"),
    ],
    ids=range(8),
)
def test_json_is_what_its_standard_says(text: bytes, says: str) -> None:
    with pytest.raises(BadInput, match=says) as raised:
        parse_json(text)
    assert len(str(raised.value)) < 200


def test_good_json_is_read() -> None:
    assert parse_json('{"a": ["\\ud83d\\ude00", "ü", 1.5, null]}'.encode()) == {
        "a": ["😀", "ü", 1.5, None]
    }


def test_a_notebook_that_is_read_is_not_trusted() -> None:
    notebook = make_notebook("text", size=10)
    for cell in notebook["cells"]:
        cell["metadata"]["trusted"] = True
    read = read_notebook(as_bytes(notebook))
    assert all("trusted" not in cell["metadata"] for cell in read["cells"])
    assert read["cells"][0]["source"] == "text"


def test_an_old_notebook_is_read_as_a_new_one() -> None:
    read = read_notebook(as_bytes(OLD))
    assert read["nbformat"] == 4
    assert read["cells"][0]["source"] == "old"


@pytest.mark.parametrize(
    "value",
    [[], {}, {"nbformat": "4"}, {"nbformat": 99}, {"nbformat": 4}, {"nbformat": 4, "cells": [3]}],
    ids=str,
)
def test_what_is_no_notebook_is_told_in_a_sentence(value: Any) -> None:
    with pytest.raises(NotANotebook, match="This is not a notebook: ") as raised:
        read_notebook(as_bytes(value))
    assert len(str(raised.value)) < 250


def test_a_notebook_is_written_as_jupyter_writes_it() -> None:
    notebook = make_notebook("two\nlines")
    on_disk = io.StringIO()
    nbformat.write(nbformat.from_dict(notebook), on_disk)
    assert write_notebook(notebook).decode() == on_disk.getvalue()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "is empty"),
        ({}, "is empty"),
        ([1], "is empty"),
        ({"nbformat": 4}, "is not valid"),
        ({**make_notebook(), "cells": [{"cell_type": "nothing"}]}, "is not valid"),
        ({**make_notebook(), "metadata": "x" * 1_000_000}, "is not valid"),
    ],
    ids=range(6),
)
def test_what_is_not_valid_is_not_written(content: Any, says: str) -> None:
    with pytest.raises(NotANotebook, match=says) as raised:
        write_notebook(content)
    assert len(str(raised.value)) < 250


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (as_bytes(make_notebook(size=200_000)), "python3"),
        (b'{"metadata": {"kernelspec": {"display_name": "R", "name": "ir"}}}', "ir"),
        (b'{"metadata": {"kernelspec": "none"}}', ""),
        (b"no notebook", ""),
        (b"", ""),
    ],
    ids=range(5),
)
def test_the_kernel_is_found_by_its_name(content: bytes, name: str) -> None:
    assert kernel_name_of(io.BytesIO(content)) == name
