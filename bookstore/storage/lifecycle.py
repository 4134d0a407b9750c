"""Write the rules by which an object store itself removes old versions."""

from __future__ import annotations

from typing import Any

from .options import LocalOptions, S3Options

MOST_KEPT = 101  # versions of a key; S3 keeps at most 100 besides the newest


def lifecycle_rule(
    options: LocalOptions | S3Options, prefix: str, *, days: int, keep: int
) -> dict[str, Any] | None:
    """Write the rule of a bucket by which old versions go; None where a store has no such rules.

    Parameters
    ----------
    options : LocalOptions or S3Options
    prefix : str
        Of the keys that it is for.
    days : int
        Versions stay for that long after they were replaced by a newer one.
    keep : int
        So many of each key stay in any case, the newest among them.

    Returns
    -------
    dict or None
        As PutBucketLifecycleConfiguration takes it.
    """
    if not isinstance(options, S3Options):
        return None
    expiration = {"NoncurrentDays": days}
    if keep > 1:
        expiration["NewerNoncurrentVersions"] = keep - 1
    rule = {
        "ID": f"bookstore-{prefix.strip('/') or 'all'}",
        "Status": "Enabled",
        "Filter": {"Prefix": prefix},
        "NoncurrentVersionExpiration": expiration,
    }
    return {"Rules": [rule]}
