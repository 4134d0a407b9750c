"""Notebooks to save: each one unlike all others, and as large as a test wants it."""

import base64
import json
import os
import struct
import uuid
import zlib
from typing import Any

Notebook = dict[str, Any]


def make_notebook(text: str = "", size: int = 0) -> Notebook:
    """Return a notebook (nbformat 4) that says `text` and is about `size` bytes on disk.

    Two notebooks are never equal, whatever their text. The bulk is one random image, as in most
    large notebooks, so that it does not compress away.
    """
    cells: list[Notebook] = [
        {"cell_type": "markdown", "id": "text", "metadata": {}, "source": text},
    ]
    if size:
        image = base64.b64encode(os.urandom(size * 3 // 4)).decode()
        output = {"output_type": "display_data", "data": {"image/png": image}, "metadata": {}}
        cells.append(
            {
                "cell_type": "code",
                "id": "figure",
                "metadata": {},
                "execution_count": 1,
                "source": "figure",
                "outputs": [output],
            }
        )
    metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "unique": uuid.uuid4().hex,
    }
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def text_of(body: bytes | Notebook) -> str:
    """Return the text that `make_notebook` was given, from a notebook or the bytes of its file."""
    notebook = json.loads(body) if isinstance(body, bytes) else body
    source = notebook["cells"][0]["source"]
    return "".join(source)


def picture(red: int, green: int, blue: int) -> str:
    """Draw a PNG of one colour, in base64."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)

    width, height = 120, 80
    row = b"\0" + bytes((red, green, blue)) * width
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(row * height)
    png = b"\x89PNG\r\n\x1a\n"
    for kind, content in ((b"IHDR", header), (b"IDAT", data), (b"IEND", b"")):
        png += chunk(kind, content)
    return base64.b64encode(png).decode()
