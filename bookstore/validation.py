"""Check names, paths, keys and ids from outside, and write them into messages.

Each check returns what may be used, or raises `BadInput`.
"""

from __future__ import annotations

import posixpath
import re
from typing import Any

from .s3_paths import LONGEST_KEY

_SHORTEST_PATH = "/a.ipynb"
NOTEBOOK = ".ipynb"
_LONGEST_SEGMENT = 255  # bytes; that of a file's name
_LONGEST_TARGET_SEGMENT = 253  # bytes; while the server writes a file, .~ precedes its name
_LONGEST_NAME = 100  # characters
_LONGEST_NOTE = 300
_SHOWN = 80  # characters
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# Lists of keys are XML (https://www.w3.org/TR/xml/#charsets), which has tabs and line breaks only.
_UNLISTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html, and what older
# buckets and other servers allow.
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
_VERSION_ID = re.compile(r"[!-~]{1,1024}")


class BadInput(Exception):
    """Input from outside cannot be used; the message is a sentence that is safe to show.

    It is no `ValueError`: one that Python or a library raises is a fault of ours.
    """


def plain_path(path: str) -> str:
    """Write an API path in one way: Jupyter takes ``./a.ipynb/`` for ``a.ipynb``, too."""
    return posixpath.normpath(path.strip("/"))


def notebook_path(path: str) -> str:
    """Check the API path of a file.

    Returns
    -------
    str
        Without slashes around it.
    """
    path = path.strip("/")
    if not path:
        raise BadInput("A path is needed, such as folder/notebook.ipynb.")
    _require_plain("path", path)
    segments = path.split("/")
    if any(segment in ("", ".", "..") for segment in segments):
        raise BadInput(f"{shown(path)} is not a plain path: it may not have empty, . or .. parts.")
    if any(len(segment.encode()) > _LONGEST_SEGMENT for segment in segments):
        raise BadInput(f"{shown(path)} has a part that is too long for a file's name.")
    return path


def target_path(path: str, *, of: str = "") -> str:
    """Check where a file is to be put: relative to the root folder, and nothing hidden.

    Parameters
    ----------
    path : str
    of : str
        The file's name so far: what is a notebook by its name stays one.
    """
    if path.startswith("/"):
        raise BadInput(f"{shown(path)} begins with /: give the target relative to the root folder.")
    if path.endswith("/"):
        raise BadInput(f"{shown(path)} ends with /: name the file, too.")
    path = notebook_path(path)
    if _CONTROL.search(path):
        raise BadInput(f"{shown(path)} has control characters: give the target another name.")
    segments = path.split("/")
    if any(segment.startswith(".") for segment in segments):
        raise BadInput(f"{shown(path)} is hidden: no part of the target may begin with a dot.")
    if not all(segment.strip() for segment in segments):
        raise BadInput(f"{shown(path)} has a part that is blank: give it a name.")
    if any(len(segment.encode()) > _LONGEST_TARGET_SEGMENT for segment in segments):
        raise BadInput(f"{shown(path)} has a part that is too long for a new file's name.")
    if of.endswith(NOTEBOOK) and not path.endswith(NOTEBOOK):
        raise BadInput(f"{shown(path)} does not end with {NOTEBOOK}, as a notebook's name must.")
    return path


def object_key(key: str) -> str:
    """Check the key of an object."""
    if not key:
        raise BadInput("A key is needed (s3_key).")
    _require_plain("key", key)
    if key.endswith("/"):
        raise BadInput(f"The key {shown(key)} ends with /: it names a folder, not a file.")
    _require_parts("key", key)
    return key


def key_prefix(prefix: str) -> str:
    """Check what keys begin with.

    Returns
    -------
    str
        Without slashes around it.
    """
    prefix = prefix.strip("/")
    if not prefix:
        raise BadInput("A prefix is more than slashes.")
    _require_plain("prefix", prefix, longest=LONGEST_KEY - len(_SHORTEST_PATH))
    if _CONTROL.search(prefix):
        raise BadInput(f"The prefix {shown(prefix)} has control characters.")
    _require_parts("prefix", prefix)
    return prefix


def bucket_name(bucket: str) -> str:
    """Check the name of a bucket."""
    if not bucket:
        raise BadInput("A bucket is needed (s3_bucket).")
    if not _BUCKET.fullmatch(bucket):
        raise BadInput(f"{shown(bucket)} is not the name of a bucket.")
    return bucket


def version_name(version_id: str) -> str:
    """Check the id of a version."""
    if not version_id:
        raise BadInput("The id of a version is needed (version_id).")
    if not _VERSION_ID.fullmatch(version_id):
        raise BadInput(f"{shown(version_id)} is not the id of a version.")
    return version_id


def version_label(name: str) -> str:
    """Check the name that a version is to be given.

    Returns
    -------
    str
        Without blanks around it; empty where a name is to be taken away.
    """
    return _line("name", name, _LONGEST_NAME)


def version_note(note: str) -> str:
    """Check the note that goes with a version's name, and return it without blanks around it."""
    return _line("note", note, _LONGEST_NOTE)


def text_field(model: dict[str, Any], name: str) -> str:
    """Take a text from a JSON object; empty if it is left out, or null."""
    value = model.get(name)
    if not isinstance(value, str | None):
        raise BadInput(f"{name} must be a text, not {_json_type(value)}.")
    return value or ""


def whole_number(text: str) -> int:
    """Read a whole number from 1; 0 where it is none, or one that is too long."""
    is_number = text.isascii() and text.isdigit() and len(text) < 10  # int() takes only so many
    return int(text) if is_number else 0


def shown(text: str) -> str:
    """Write a text from outside into a sentence: quoted, printable and short."""
    short = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return ascii(short) if _CONTROL.search(short) or _is_broken(short) else repr(short)


def _line(what: str, text: str, longest: int) -> str:
    text = text.strip()
    if len(text) > longest:
        raise BadInput(f"The {what} {shown(text)} is longer than {longest} characters.")
    if not text.isprintable():  # nor is half a surrogate pair
        raise BadInput(f"The {what} {shown(text)} has characters that cannot be shown.")
    return text


def _require_plain(what: str, text: str, longest: int = LONGEST_KEY) -> None:
    if _is_broken(text):
        raise BadInput(f"The {what} {shown(text)} is not valid Unicode.")
    if len(text.encode()) > longest:
        raise BadInput(f"The {what} {shown(text)} is longer than {longest} bytes.")
    if _UNLISTABLE.search(text):
        raise BadInput(f"The {what} {shown(text)} has characters that S3 cannot list.")


def _require_parts(what: str, key: str) -> None:
    # An HTTP client may resolve these, and would leave the bucket with them.
    if any(segment in ("", ".", "..") for segment in key.split("/")):
        raise BadInput(f"The {what} {shown(key)} may not have empty, . or .. parts.")


def _is_broken(text: str) -> bool:
    """Return whether half a surrogate pair is in it, which JSON can write and UTF-8 cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _json_type(value: object) -> str:
    names = {bool: "a boolean", int: "a number", float: "a number", list: "a list"}
    return names.get(type(value), "an object")
