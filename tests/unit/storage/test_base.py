"""What is kept with a version: metadata that any store can carry."""

from datetime import datetime, timezone

import pytest

from bookstore.storage import Provenance
from bookstore.storage.base import format_time, parse_time

MOMENT = datetime(2026, 11, 23, 8, 30, 0, 123456, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    "author", ["ann", "José Ñandú", "漢字", "a\r\nX-Evil: 1", "100%", "", "\x00"]
)
def test_provenance_survives_a_header(author: str) -> None:
    origin = Provenance(
        save_id="1f", saved_at=MOMENT, sha256="ab", author=author, kernel_name="ir", release="3"
    )
    metadata = origin.as_metadata()
    for name, value in metadata.items():
        assert f"{name}{value}".isascii()
        assert f"{name}{value}".isprintable()
    assert Provenance.from_metadata(metadata, stored_at=MOMENT) == origin


@pytest.mark.parametrize("metadata", [{}, {"saved-at": "yesterday"}, {"Mtime": "1.5"}])
def test_an_object_of_foreign_origin_was_saved_when_it_was_stored(metadata: dict[str, str]) -> None:
    assert Provenance.from_metadata(metadata, stored_at=MOMENT) == Provenance(saved_at=MOMENT)


def test_times_are_utc() -> None:
    assert format_time(MOMENT) == "2026-11-23T08:30:00.123456Z"
    assert parse_time(format_time(MOMENT)) == MOMENT
