"""Append to a file a record of what its bytes are, and read it back.

A file is the bytes, a newline, a line of JSON and a newline. The record's ``size`` is the number of
bytes, so that a file which is not whole, or was changed, is recognised.
"""

from __future__ import annotations

import json
import os
from io import RawIOBase
from pathlib import Path
from typing import Any, BinaryIO

_LONGEST_RECORD = 1 << 16  # bytes


def as_record(fields: dict[str, Any]) -> bytes:
    """Encode a record, to be written after the bytes that it describes."""
    return b"\n%b\n" % json.dumps(fields).encode()


def read_record(file: BinaryIO | RawIOBase) -> dict[str, Any] | None:
    """Return the record at the end of an open file; None where the file is not whole."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _LONGEST_RECORD))
    line = (file.read(_LONGEST_RECORD) or b"").removesuffix(b"\n").rpartition(b"\n")[2]
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        return None
    is_whole = isinstance(fields, dict) and fields.get("size") == size - len(line) - 2
    return fields if is_whole else None


def sync_directory(directory: Path) -> None:
    """Write the names in a directory to the disk, so that its files outlive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
