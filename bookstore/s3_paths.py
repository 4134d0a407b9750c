"""Build the keys of notebooks in a bucket, and format them for people."""

from __future__ import annotations

DELIMITER = "/"
LONGEST_KEY = 1024  # bytes


def s3_key(prefix: str, path: str = "") -> str:
    """Build the key of a notebook.

    Parameters
    ----------
    prefix : str
        The first part of the key, such as the workspace prefix.
    path : str
        The notebook's API path.

    Returns
    -------
    str
        Both, joined by one slash, without a leading slash.
    """
    return _join(prefix, path)


def s3_path(bucket: str, prefix: str, path: str = "") -> str:
    """Build the path of a notebook with its bucket: ``bucket/prefix/path``."""
    return _join(bucket, prefix, path)


def s3_display_path(bucket: str, prefix: str, path: str = "") -> str:
    """Format the path of a notebook for people: ``s3://bucket/prefix/path``."""
    return f"s3://{s3_path(bucket, prefix, path)}"


def s3_url(bucket: str, key: str, version_id: str = "") -> str:
    """Format the address of an object: ``s3://bucket/key``, or ``s3://bucket/key?versionId=…``."""
    url = f"s3://{bucket}/{key}"
    return f"{url}?versionId={version_id}" if version_id else url


def _join(*parts: str) -> str:
    stripped = [part.strip(DELIMITER) for part in parts]
    return DELIMITER.join(part for part in stripped if part)
