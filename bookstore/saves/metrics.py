"""Define the metrics on the server's own ``/metrics``.

Each save is counted by the server whose uploader archives it, so that over several servers which
share one `local_dir` the sums are right.
"""

from __future__ import annotations

from typing import Any

from prometheus_client import Counter, Gauge, Histogram

ARCHIVED = Counter("bookstore_saves_archived", "Saves that became versions.")
PENDING = Gauge("bookstore_saves_pending", "Saves waiting to become versions.")
FAILED = Gauge("bookstore_saves_failed", "Saves that cannot become versions without help.")
SECONDS = Histogram(
    "bookstore_archive_seconds",
    "Seconds from a save to its version.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600),
)


def observe(event: dict[str, Any], *, lost: int) -> None:
    """Take an event of the uploader into account, and how many saves could not be recorded."""
    if event["event"] == "archived":
        ARCHIVED.inc()
        SECONDS.observe(event["seconds"])
    elif event["event"] == "counts":
        PENDING.set(event["pending"])
        FAILED.set(event["failed"] + lost)
