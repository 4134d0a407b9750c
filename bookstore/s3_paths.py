"""Keys of notebooks in a bucket, and how they are written for people."""

from __future__ import annotations

DELIMITER = "/"
LONGEST_KEY = 1024  # bytes


def s3_key(prefix: str, path: str = "") -> str:
    """Build the key of a notebook.

    Parameters
    ----------
    prefix : str
        Where in the bucket it belongs, such as the workspace prefix.
    path : str
        The notebook's API path.

    Returns
    -------
    str
        Both, joined by one slash and without a leading one.
    """
    return _join(prefix, path)


def s3_path(bucket: str, prefix: str, path: str = "") -> str:
    """Build the path of a notebook with its bucket: ``bucket/prefix/path``."""
    return _join(bucket, prefix, path)


def s3_display_path(bucket: str, prefix: str, path: str = "") -> str:
    """Write a notebook's place for people: ``s3://bucket/prefix/path``."""
    return f"s3://{s3_path(bucket, prefix, path)}"


def s3_url(bucket: str, key: str, version_id: str = "") -> str:
    """Name an object as it is: ``s3://bucket/key``, or ``s3://bucket/key?versionId=…``."""
    url = f"s3://{bucket}/{key}"
    return f"{url}?versionId={version_id}" if version_id else url


def _join(*parts: str) -> str:
    stripped = [part.strip(DELIMITER) for part in parts]
    return DELIMITER.join(part for part in stripped if part)
