"""What the pages tell of copies."""

from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

import pytest

from bookstore.history.lineage import Entry
from bookstore.storage import Provenance, Version
from bookstore.web.origins import Origin, Origins

NOON = datetime(2026, 11, 24, 12, tzinfo=timezone.utc)
FOLDERS = {"workspace": "workspace/", "published": "published/"}


def version(version_id: str, save_id: str = "", copied_from: str = "") -> Entry:
    origin = Provenance(save_id=save_id, saved_at=NOON, copied_from=copied_from)
    return Entry(
        version=Version(
            key="workspace/a.ipynb",
            version_id=version_id,
            stored_at=NOON,
            size=1,
            provenance=origin,
        ),
        state="archived",
    )


def bookstore_with(folders: dict[str, str], bucket: str = "b") -> Any:
    return SimpleNamespace(
        bucket=bucket,
        shown_folder=folders.__getitem__,
        path_of=lambda section, key: key.removeprefix(folders[section]),
        sections=[*folders],
    )


def origin_of(copied_from: str, bucket: str = "b") -> Origin | None:
    bookstore = bookstore_with(FOLDERS, bucket)
    copy = version("v9", copied_from=copied_from)
    entries = [copy, version("v1", save_id="s1")]
    origins = Origins(bookstore, "a.ipynb", entries, lambda *place: " ".join(place))
    return origins.of(copy)


@pytest.mark.parametrize(
    ("copied_from", "told"),
    [
        ("", None),
        ("file:x/y.ipynb", ("cloned from", "the file x/y.ipynb")),
        (
            "s3://b/workspace/a.ipynb?versionId=v1",
            (
                "restored from",
                "the version of",
                "2026-11-24T12:00:00.000000Z",
                "workspace a.ipynb v1",
            ),
        ),
        # restored while it was pending
        (
            "s3://b/workspace/a.ipynb?versionId=s1",
            (
                "restored from",
                "the version of",
                "2026-11-24T12:00:00.000000Z",
                "workspace a.ipynb s1",
            ),
        ),
        (
            "s3://b/workspace/a.ipynb?versionId=v0",
            ("restored from", "an older version", "", "workspace a.ipynb v0"),
        ),
        (
            "s3://b/workspace/b c.ipynb?versionId=v0",
            ("copied from", "a version of b c.ipynb", "", "workspace b c.ipynb v0"),
        ),
        (
            "s3://b/published/a.ipynb?versionId=v0",
            ("cloned from", "the published a.ipynb", "", "published a.ipynb v0"),
        ),
        (
            "s3://other/workspace/a.ipynb?versionId=0123456789",
            ("cloned from", "s3://other/workspace/a.ipynb, version 01234567…"),
        ),
        ("s3://other/a?b.ipynb?versionId=null", ("cloned from", "s3://other/a?b.ipynb")),
        (
            "s3://local/workspace/a.ipynb?versionId=v0",
            ("cloned from", "workspace/a.ipynb in the embedded store, version v0"),
        ),
    ],
)
def test_a_copy_is_told_of_in_words(copied_from: str, told: tuple[str, ...] | None) -> None:
    assert origin_of(copied_from) == (told and Origin(*told))


def test_the_embedded_store_is_no_address() -> None:
    origin = origin_of("s3://local/elsewhere/a.ipynb?versionId=v0", bucket="local")
    assert origin == Origin("cloned from", "elsewhere/a.ipynb in the embedded store, version v0")


def test_a_section_that_is_off_is_no_origin() -> None:
    bookstore = bookstore_with({"workspace": "workspace/"})
    copy = version("v9", copied_from="s3://b/published/b.ipynb?versionId=v1")
    origin = Origins(bookstore, "a.ipynb", [copy], lambda *place: " ".join(place)).of(copy)
    assert origin == Origin("cloned from", "s3://b/published/b.ipynb, version v1")
