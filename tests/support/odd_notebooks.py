"""Notebooks that are not as nbformat's schema has them: those that Jupyter opens, and others."""

import json
from typing import Any

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
TEXT = "what can be shown"  # in a cell of each notebook that Jupyter opens


def _markdown(source: str = TEXT, **fields: Any) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": "text", "metadata": {}, "source": source, **fields}


def _code(*outputs: Any, **fields: Any) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "id": "code",
        "metadata": {},
        "source": "1",
        "execution_count": 1,
        "outputs": list(outputs),
        **fields,
    }


def _result(**data: Any) -> dict[str, Any]:
    return {"output_type": "execute_result", "execution_count": 1, "metadata": {}, "data": data}


def _notebook(*cells: Any, metadata: Any = None, **fields: Any) -> bytes:
    notebook = {
        "cells": [_markdown(), *cells],
        "metadata": {} if metadata is None else metadata,
        "nbformat": 4,
        "nbformat_minor": 5,
        **fields,
    }
    return json.dumps(notebook).encode()


# Jupyter opens these; the bytes are not those that it would write.
OPENED: dict[str, bytes] = {
    "nan": _notebook(_code(_result(**{"application/json": [float("nan"), float("inf")]}))),
    "nan in metadata": _notebook(metadata={"papermill": {"parameters": {"x": float("-inf")}}}),
    "half a surrogate": _notebook(_markdown("half \ud83d of it", id="b")),
    "large number": _notebook(metadata={"number": 10**4000, "float": 1}).replace(
        b'"float": 1', b'"float": 1e999'
    ),
    "nbformat 3": json.dumps(
        {
            "nbformat": 3,
            "nbformat_minor": 0,
            "metadata": {"name": ""},
            "worksheets": [{"cells": [_markdown()], "metadata": {}}],
        }
    ).encode(),
    "nbformat 2": json.dumps(
        {
            "nbformat": 2,
            "nbformat_minor": 0,
            "metadata": {"name": ""},
            "worksheets": [{"cells": [{"cell_type": "markdown", "source": TEXT}]}],
        }
    ).encode(),
    "nbformat 4.99": _notebook(nbformat_minor=99),
    "crlf": _notebook().replace(b", ", b",\r\n"),
    "widgets without state": _notebook(
        _code(_result(**{"application/vnd.jupyter.widget-view+json": {"model_id": "a"}})),
        metadata={
            "widgets": {"application/vnd.jupyter.widget-state+json": {"a": {"model_name": "X"}}}
        },
    ),
    "widgets as a list": _notebook(metadata={"widgets": []}),
    "attachment with a space": _notebook(
        _markdown(
            "![a](attachment:my%20plot.png) ![b](attachment:my plot.png)",
            id="b",
            attachments={"my plot.png": {"image/png": PIXEL}},
        )
    ),
    "attachment beyond ascii": _notebook(
        _markdown(
            "![a](attachment:übersicht.png)",
            id="b",
            attachments={"übersicht.png": {"image/png": PIXEL}},
        )
    ),
    "missing attachment": _notebook(_markdown("![a](attachment:gone.png)", id="b")),
    "empty attachment": _notebook(
        _markdown("![a](attachment:a.png)", id="b", attachments={"a.png": {}})
    ),
    "kernelspec without name": _notebook(metadata={"kernelspec": {"display_name": "Python"}}),
    "empty kernelspec": _notebook(metadata={"kernelspec": {}}),
    "kernelspec null": _notebook(metadata={"kernelspec": None}),
    "empty language_info": _notebook(metadata={"language_info": {}}),
    "language_info null": _notebook(metadata={"language_info": None}),
    "unknown lexer": _notebook(
        _code(), metadata={"language_info": {"name": "x", "pygments_lexer": "no such lexer"}}
    ),
    "lexer as a number": _notebook(
        _code(), metadata={"language_info": {"name": "x", "pygments_lexer": 3}}
    ),
    "id with a dot": _notebook(_code(id="A.b")),
    "same ids": _notebook(_code(), _code()),
    "no ids": _notebook({k: v for k, v in _code().items() if k != "id"}),
    "unknown fields": _notebook(_code(extra=1), extra=[1]),
    "unknown cell type": _notebook({"cell_type": "sql", "id": "c", "metadata": {}, "source": "x"}),
    "unknown output type": _notebook(_code({"output_type": "pyout", "text": "x"})),
    "output with a null": _notebook(_code(_result(**{"text/plain": None}))),
    "output with a number": _notebook(_code(_result(**{"text/plain": 3, "image/png": 4}))),
    "image that is none": _notebook(_code(_result(**{"image/png": "no base64 ü"}))),
    "latex that is none": _notebook(_code(_result(**{"text/latex": {"a": 1}}))),
    "stream without a name": _notebook(_code({"output_type": "stream", "text": "x"})),
    "error without a traceback": _notebook(_code({"output_type": "error", "ename": "E"})),
    "tags as a text": _notebook(_code(metadata={"tags": "hide"})),
    "cell without source": _notebook({"cell_type": "markdown", "id": "c", "metadata": {}}),
    "source as a number": _notebook(_markdown(3, id="c")),  # type: ignore[arg-type]
    "no outputs": _notebook({k: v for k, v in _code().items() if k != "outputs"}),
    "title that is no text": _notebook(metadata={"title": {"a": 1}}),
}
# No server opens these.
UNREADABLE: dict[str, bytes] = {
    "empty": b"",
    "byte order mark": b"\xef\xbb\xbf" + _notebook(),
    "merge conflict": b"<<<<<<< HEAD\n" + _notebook() + b"=======\n{}\n>>>>>>> theirs\n",
    "cut off": _notebook()[:-40],
    "latin 1": _notebook().replace(TEXT.encode(), b"caf\xe9"),
    "a list": b"[]",
    "no nbformat": b'{"cells": []}',
    "nbformat 99": _notebook(nbformat=99),
    "nested": b'{"nbformat": 4, "cells": ' + b"[" * 200_000,
    "binary": bytes(range(256)),
    "markdown without metadata": _notebook({"cell_type": "markdown", "id": "c", "source": "x"}),
    "no metadata": json.dumps(
        {"cells": [_markdown()], "nbformat": 4, "nbformat_minor": 5}
    ).encode(),
    "output without a type": _notebook(_code({"data": {"text/plain": "1"}})),
}
